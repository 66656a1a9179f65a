// Taking what somebody typed. Called by Engine::take().
#include "engine/take.hpp"

#include <algorithm>
#include <csignal>
#include <set>

#include <linux/rtnetlink.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "engine/apply.hpp"
#include "lab/names.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "services/lease_file.hpp"

namespace warren {
namespace {

std::string in_text(const std::string& ns, const std::string& link) {
    return ns == kMachineNamespace ? "link " + link : fmt::format("link {} in namespace {}", link, ns);
}

std::string lease_file_of(const SurveyedProcess& server) {
    std::string path = "/var/lib/misc/dnsmasq.leases";  // dnsmasq's own default in Debian
    for (const auto& [key, value] : server.settings) {
        if (key == "dhcp-leasefile") { path = value; }
    }
    return path;
}

}  // namespace

Result<void> Taking::check() {
    std::size_t things = 0;
    for (const auto& network : lab_.networks) {
        if (network.dhcp) { network_served_[namespace_of(lab_, dhcp_host_name(network))] = network.name; }
    }
    for (const auto& [name, ns] : look_.wanted.namespaces) {
        things += ns.links.size();
        check_namespace(ns);
    }
    check_switches();
    const std::string attempt = "take lab " + lab_.name;
    if (things == 0 && look_.wanted.bridges.empty()) {
        return failure(attempt, "nothing is here that is not a lab's", "'warren draw --live' shows what there is");
    }
    if (!refused_.empty()) {
        return failure(attempt, fmt::format("{}", fmt::join(refused_, "; ")),
                       "nothing was changed; 'warren adopt NAMESPACE…' takes only those that are named");
    }
    return {};
}

void Taking::check_namespace(const Namespace& wanted) {
    const auto found = found_.namespaces.find(wanted.name);
    if (found == found_.namespaces.end()) {
        return refuse(
            fmt::format("namespace {} has no name in /run/netns: 'ip netns attach' gives it one", wanted.name));
    }
    const SurveyedNamespace& ns = found->second;
    if (!ns.lab.empty()) { return refuse(fmt::format("namespace {} is lab {}'s", wanted.name, ns.lab)); }
    if (wanted.name != kMachineNamespace) {
        if (!ns.named) { return refuse(fmt::format("{} has no name in /run/netns", wanted.name)); }
        const std::string etc = look_.site.etc_netns + "/" + wanted.name;
        if (path_exists(etc)) { refuse(etc + " is somebody's: move it away, the lab has files of its own there"); }
        check_processes(ns);
    }
    check_links(wanted, ns);
}

void Taking::check_links(const Namespace& wanted, const SurveyedNamespace& ns) {
    for (const auto& [name, link] : wanted.links) {
        const auto there = ns.state.links.find(name);
        if (there == ns.state.links.end()) {
            refuse(in_text(wanted.name, name) + " is not there");
        } else if (!there->second.alias.empty()) {
            refuse(fmt::format("{} bears an alias, '{}', where the lab's mark would be", in_text(wanted.name, name),
                               there->second.alias));
        }
    }
}

void Taking::check_processes(const SurveyedNamespace& ns) {
    const auto network = network_served_.find(ns.state.name);
    for (const auto& process : ns.processes) {
        if (process.kind == ProcessKind::other) { continue; }
        const bool serves = process.kind == ProcessKind::dhcp_server && network != network_served_.end();
        endings_.push_back({&ns, &process, serves ? network->second : std::string()});
    }
}

void Taking::check_switches() {
    for (const auto& [name, wanted] : look_.wanted.bridges) {
        const OvsBridge* bridge = nullptr;
        for (const auto& instance : found_.switches) {
            const auto there = instance.bridges.find(name);
            if (instance.instance == *look_.wanted.ovs && there != instance.bridges.end()) {
                bridge = &there->second;
            }
        }
        if (bridge == nullptr) {
            refuse(
                fmt::format("switch {} is not one of the Open vSwitch in {}", name, look_.wanted.ovs->directory));
            continue;
        }
        if (!bridge->lab.empty()) { refuse(fmt::format("switch {} is lab {}'s", name, bridge->lab)); }
        OvsBridge before = *bridge;
        before.ports.clear();
        OvsBridge after = before;
        after.lab = lab_.name;
        rows_.steps.emplace_back(SetOvsBridge{before, after, *look_.wanted.ovs});
        for (const auto& [port_name, port] : wanted.ports) {
            const auto there = bridge->ports.find(port_name);
            if (there == bridge->ports.end()) {
                refuse(fmt::format("port {} of switch {} is not there", port_name, name));
                continue;
            }
            if (!there->second.lab.empty()) {
                refuse(fmt::format("port {} of switch {} is lab {}'s", port_name, name, there->second.lab));
            }
            OvsPort marked = there->second;
            marked.lab = lab_.name;
            marked.host = port.host;
            rows_.steps.emplace_back(SetOvsPort{name, there->second, marked, *look_.wanted.ovs});
        }
    }
}

std::vector<std::string> Taking::said() const {
    std::vector<std::string> lines;
    for (const auto& ending : endings_) {
        const std::string rest =
            ending.network.empty() ? "" : " of network " + ending.network + ", with the leases of this one";
        lines.push_back(fmt::format("process {} ({}) in {} ends; the lab starts its own{}", ending.process->pid,
                                    ending.process->program, ending.ns->state.name, rest));
    }
    return lines;
}

Result<void> Taking::set_alias(const std::string& ns, const std::string& link, const std::string& alias) {
    WARREN_ASSIGN(nl::Socket * socket, sockets_.in(ns));
    LinkChange change;
    change.alias = alias;
    return socket->send({change_link(link, change), "mark " + in_text(ns, link)});
}

Result<void> Taking::mark_links() {
    for (const auto& [name, ns] : look_.wanted.namespaces) {
        for (const auto& [link_name, link] : ns.links) {
            marked_.emplace_back(name, link_name);
            WARREN_TRY(set_alias(name, link_name, link.alias));
        }
    }
    return {};
}

Result<void> Taking::take() {
    WARREN_TRY(mark_links());
    if (!rows_.empty()) {
        const ApplyOptions options{lab_.name, look_.site, true, {}};
        if (auto done = apply(rows_, options, sockets_); !done) {
            return tl::unexpected(std::move(done.error().error));
        }
        rows_marked_ = true;
    }
    // Clients first: a server that ends must not meet one that asks.
    for (const bool servers : {false, true}) {
        for (const auto& ending : endings_) {
            if ((ending.process->kind == ProcessKind::dhcp_server) != servers) { continue; }
            ended_.push_back(&ending);
            WARREN_TRY(end(ending));
        }
    }
    return {};
}

Result<void> Taking::end(const Ending& ending) {
    const SurveyedProcess& process = *ending.process;
    const auto id = process_id(process.pid);
    // A dnsmasq's helper ends with it, and the number of one that has ended may be another's.
    if (id && namespace_inode_of(process.pid) == ending.ns->state.inode &&
        command_of(process.pid) == process.command) {
        const std::string what = fmt::format("process {} ({})", process.pid, process.program);
        WARREN_ASSIGN(const Fd fd, open_process(*id));
        // Asked to end, a client would give its lease back.
        if (process.kind == ProcessKind::dhcp_client) { WARREN_TRY(send_signal(fd.get(), SIGKILL, what)); }
        WARREN_TRY(end_process(fd.get(), std::chrono::seconds(5), what));
    }
    if (process.kind == ProcessKind::dhcp_client) { WARREN_TRY(remove_routes_of(ending)); }
    return ending.network.empty() ? Result<void>() : hand_on_leases(ending);
}

// The routes that came with its lease: the lab's own client brings them again, with another maker's number.
Result<void> Taking::remove_routes_of(const Ending& client) {
    for (const auto& each : client.ns->routes) {
        const Route& route = each.route;
        const auto& devices = client.process->devices;
        const bool its = std::find(devices.begin(), devices.end(), route.device) != devices.end() &&
                         (route.destination.length == 0 || each.protocol == RTPROT_DHCP);
        if (!its || !removed_.insert({client.ns->state.name, each}).second) { continue; }
        WARREN_ASSIGN(nl::Socket * socket, sockets_.in(client.ns->state.name));
        WARREN_ASSIGN(const KernelLink link, find_link(*socket, route.device));
        WARREN_TRY(socket->send({delete_route(route.destination, route.via, link.index, each.protocol),
                                 "remove a route of the DHCP client on " + route.device}));
    }
    return {};
}

Result<void> Taking::hand_on_leases(const Ending& ending) const {
    const auto text = read_file(lease_file_of(*ending.process));
    if (!text) { return {}; }  // it has given none
    const std::string path = lease_file(look_.site, lab_.name, ending.network);
    WARREN_TRY(make_directories(path.substr(0, path.rfind('/')), 0700));
    return write_file_atomic(path, *text);
}

void Taking::settle() {
    for (const auto& [name, link] : marked_) {
        const auto ns = look_.wanted.namespaces.find(name);
        if (link == "lo" || ns == look_.wanted.namespaces.end()) { continue; }
        auto socket = sockets_.in(name);
        if (!socket) { continue; }
        LinkChange change;
        change.no_ipv6_addresses = true;
        (void)(*socket)->send({change_link(link, change), "set up " + in_text(name, link)});
    }
}

// `up` writes its own maker's number on routes and neighbours that were there, and takes them away when it goes back.
Result<void> Taking::put_back_layer_three(const std::string& name) {
    const auto found = found_.namespaces.find(name);
    if (found == found_.namespaces.end()) { return {}; }
    WARREN_ASSIGN(nl::Socket * socket, sockets_.in(name));
    const Namespace& wanted = look_.wanted.namespaces.at(name);
    for (const auto& [route, protocol, metric] : found->second.routes) {
        const bool removed = removed_.contains({name, {route, protocol, metric}});
        if (!wanted.routes.contains(route) && !removed) { continue; }
        WARREN_ASSIGN(const KernelLink link, find_link(*socket, route.device));
        WARREN_TRY(socket->send(
            {new_route(route.destination, route.via, link.index, protocol, metric), "put back a route"}));
    }
    for (const auto& [key, mac] : found->second.state.neighbours) {
        if (!wanted.neighbours.contains(key)) { continue; }
        WARREN_ASSIGN(const KernelLink link, find_link(*socket, key.first));
        WARREN_TRY(socket->send({new_neighbour(link.index, key.second, mac, 0), "put back a neighbour"}));
    }
    return {};
}

Result<void> Taking::start_again(const Ending& ending) const {
    WARREN_ASSIGN(const Fd ns, open_namespace(ending.ns->state.name));
    SpawnOptions options;
    options.command = ending.process->command;
    options.net_namespace = ns.get();
    options.directory = "/";
    options.new_session = true;
    WARREN_ASSIGN(Child child, spawn(options));
    // Until it has gone into the background; one that stays in the foreground goes on as it is.
    WARREN_TRY(wait_for(child, std::chrono::seconds(10)));
    return {};
}

std::string Taking::undo() {
    std::string faults;
    const auto note = [&](const Result<void>& done) {
        if (!done) { faults += "; " + done.error().message(); }
    };
    if (rows_marked_) {
        Plan back;
        for (std::size_t i = rows_.steps.size(); i-- > 0;) {
            for (auto& step : reverse(rows_.steps[i])) { back.steps.push_back(std::move(step)); }
        }
        const ApplyOptions options{lab_.name, look_.site, false, {}};
        if (auto done = apply(back, options, sockets_); !done) { faults += "; " + done.error().error.message(); }
    }
    for (const auto& [name, ns] : look_.wanted.namespaces) {
        if (name != kMachineNamespace) { note(put_back_layer_three(name)); }
    }
    for (const auto& [ns, link] : marked_) { note(set_alias(ns, link, "")); }
    std::set<std::pair<std::string, std::vector<std::string>>> started;  // a dnsmasq's helper is its own to start
    for (auto ending = ended_.rbegin(); ending != ended_.rend(); ++ending) {
        if (started.insert({(*ending)->ns->state.name, (*ending)->process->command}).second) {
            note(start_again(**ending));
        }
    }
    return faults;
}

}  // namespace warren
