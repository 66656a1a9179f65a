// Reads every network namespace in one thread that goes from one to the next, then each Open vSwitch. Called by
// `draw --live`, `show --live` and `adopt`.
#include "engine/survey.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <set>
#include <sstream>
#include <thread>
#include <unordered_map>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <sched.h>

#include <fmt/format.h>

#include "base/fd.hpp"
#include "engine/kernel_state.hpp"
#include "engine/record.hpp"
#include "engine/remains.hpp"
#include "engine/survey_processes.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/namespace_ids.hpp"
#include "linux/netns.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"

namespace warren {
namespace {

constexpr const char* kMachineOvs = "/run/openvswitch";
constexpr std::array<const char*, 2> kForwarding{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"};

// Files of network namespaces (ip-netns(8), container engines) by inode, as this mount namespace has them.
std::multimap<std::uint64_t, std::string> bound_namespaces() {
    std::multimap<std::uint64_t, std::string> found;
    std::istringstream lines(read_file("/proc/self/mountinfo").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream fields(line);
        std::string skip;
        std::string root;
        std::string point;
        fields >> skip >> skip >> skip >> root >> point;
        if (!root.starts_with("net:[")) { continue; }
        found.emplace(std::strtoull(root.c_str() + 5, nullptr, 10), point);
    }
    return found;
}

bool made_by_kernel(const KernelRoute& route) {
    return route.protocol == RTPROT_KERNEL || route.protocol == RTPROT_RA;
}

class Surveyor {
public:
    explicit Surveyor(const Site& site) : site_(site) {}

    Result<Survey> run() {
        find_namespaces();
        WARREN_TRY(read_namespaces());
        find_other_ends();
        read_switches();
        give_processes();
        for (auto& place : places_) {
            auto name = place.found.state.name;
            survey_.namespaces.emplace(std::move(name), std::move(place.found));
        }
        return std::move(survey_);
    }

private:
    struct Other {  // a link whose other end is told by index and namespace
        std::string name;
        int index;
        int namespace_id;
    };
    struct Place {
        SurveyedNamespace found;
        std::map<int, std::string> names;  // of links by index
        std::vector<Other> others;
        std::map<int, int> ids;  // this namespace's numbers → indexes of places_
        bool read = false;
    };

    void add_place(std::uint64_t inode, std::string name, std::string path, bool named) {
        if (inode == 0 || !inodes_.insert(inode).second) { return; }
        Place& place = places_.emplace_back();
        place.found.state.name = std::move(name);
        place.found.state.inode = inode;
        place.found.path = std::move(path);
        place.found.named = named;
    }

    void find_namespaces() {
        processes_ = survey_processes();
        add_place(namespace_inode(kMachineNamespace), kMachineNamespace, namespace_path(kMachineNamespace), false);
        for (const auto& [name, inode] : named_namespaces()) { add_place(inode, name, namespace_path(name), true); }
        for (const auto& [inode, path] : bound_namespaces()) {
            add_place(inode, name_by_process(inode, "file " + path), path, false);
        }
        for (const auto& [inode, processes] : processes_) {
            add_place(inode, name_by_process(inode, ""), fmt::format("/proc/{}/ns/net", processes.front().pid),
                      false);
        }
    }
    [[nodiscard]] std::string name_by_process(std::uint64_t inode, const std::string& otherwise) const {
        const auto found = processes_.find(inode);
        if (found == processes_.end()) { return otherwise; }
        const SurveyedProcess& first = found->second.front();
        return fmt::format("pid {} ({})", first.pid, first.program);
    }

    Result<void> read_namespaces() {
        Result<void> result;
        std::thread([&] { result = read_in_this_thread(); }).join();
        std::erase_if(places_, [](const Place& place) { return !place.read; });
        return result;
    }

    // The thread is in another namespace afterwards.
    Result<void> read_in_this_thread() {
        WARREN_ASSIGN(auto ids, NamespaceIds::make());
        for (std::size_t i = 0; i < places_.size(); ++i) {
            Place& place = places_[i];
            auto done = read_place(place, ids, static_cast<int>(i));
            if (done) { continue; }
            // A process may have ended, a namespace may have been deleted since.
            if (place.found.state.name.empty()) { return done; }
            if (path_exists(place.found.path)) { survey_.faults.push_back(done.error().message()); }
        }
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].others.empty()) { continue; }
            WARREN_ASSIGN(places_[i].ids, ids.seen_from(static_cast<int>(i)));
        }
        keep_read_places();
        return {};
    }

    // Takes out those that could not be read; the numbers of the others are made to fit.
    void keep_read_places() {
        std::map<int, int> now;
        int next = 0;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (places_[i].read) { now[static_cast<int>(i)] = next++; }
        }
        for (auto& place : places_) {
            for (auto& [theirs, ours] : place.ids) { ours = now.contains(ours) ? now[ours] : -1; }
        }
    }

    Result<void> read_place(Place& place, NamespaceIds& ids, int id) {
        SurveyedNamespace& found = place.found;
        const std::string attempt = fmt::format("look at network namespace {}", found.state.name);
        const Fd fd(::open(found.path.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd.valid() || ::setns(fd.get(), CLONE_NEWNET) != 0) { return errno_failure(attempt); }
        WARREN_TRY(ids.add(fd.get(), id));
        WARREN_ASSIGN(auto socket, nl::Socket::open());
        WARREN_ASSIGN(const auto links, dump_links(socket));
        for (const auto& link : links) { add_link(place, link); }
        WARREN_TRY(add_masters(place, links, socket));
        WARREN_TRY(read_layer_three(place, socket));
        for (const char* key : kForwarding) {
            if (auto value = read_sysctl(key)) { found.state.sysctls[key] = std::move(*value); }
        }
        read_dns(found);
        place.read = true;
        return {};
    }

    static void add_link(Place& place, const KernelLink& from) {
        SurveyedNamespace& found = place.found;
        place.names[from.index] = from.name;
        Link link = state_of(from);
        if (link.kind == LinkKind::ovs_internal) { link.kind = LinkKind::other; }  // until its switch says so
        if (link.kind == LinkKind::loopback) {
            NamespaceMark mark = namespace_mark(link.alias);
            found.lab = std::move(mark.lab);
            found.state.host = std::move(mark.host);
        }
        const bool on_another = from.peer != 0 && (from.peer != from.index || from.peer_namespace_id >= 0);
        if (on_another) { place.others.push_back({from.name, from.peer, from.peer_namespace_id}); }
        found.links[from.name] = {from.kind, from.number, "", "", false};
        found.state.links[from.name] = std::move(link);
    }

    static Result<void> add_masters(Place& place, const std::vector<KernelLink>& links, nl::Socket& socket) {
        auto& state = place.found.state;
        bool filtering = false;
        for (const auto& from : links) {
            filtering = filtering || from.vlan_filtering;
            const auto master = place.names.find(from.master);
            if (master != place.names.end() && master->second != kOvsDatapathDevice) {
                state.links[from.name].master = master->second;
            }
        }
        if (!filtering) { return {}; }
        WARREN_ASSIGN(auto ports, read_port_vlans(socket));
        for (auto& [index, vlans] : ports) {
            const auto link = state.links.find(place.names[index]);
            if (link == state.links.end()) { continue; }
            const auto master = state.links.find(link->second.master);
            if (master == state.links.end() || !master->second.vlan_filtering) { continue; }
            link->second.vlans = std::move(vlans);
        }
        return {};
    }

    static Result<void> read_layer_three(Place& place, nl::Socket& socket) {
        auto& state = place.found.state;
        WARREN_ASSIGN(const auto addresses, dump_addresses(socket));
        for (const auto& address : addresses) {
            const auto link = state.links.find(place.names[address.index]);
            if (link == state.links.end()) { continue; }
            (address.permanent ? link->second.addresses : link->second.leased).insert(address.value);
        }
        WARREN_ASSIGN(const auto routes, dump_routes(socket));
        for (const auto& route : routes) {
            if (made_by_kernel(route)) { continue; }
            place.found.routes.push_back(
                {{route.destination, route.via, place.names[route.device]}, route.protocol, route.metric});
        }
        std::sort(place.found.routes.begin(), place.found.routes.end());
        WARREN_ASSIGN(const auto neighbours, dump_neighbours(socket));
        for (const auto& neighbour : neighbours) {
            state.neighbours[{place.names[neighbour.device], neighbour.address}] = neighbour.mac;
        }
        return {};
    }

    void read_dns(SurveyedNamespace& found) const {
        if (!found.named) { return; }
        const auto text = read_file(site_.etc_netns + "/" + found.state.name + "/resolv.conf", 1U << 16U);
        std::istringstream lines(text.value_or(""));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string key;
            std::string value;
            words >> key >> value;
            const auto address = IpAddress::parse(value);
            if (key == "nameserver" && address) { found.dns.push_back(*address); }
        }
    }

    // Peers of veth ends, and what VLANs and macvlans lie on.
    void find_other_ends() {
        for (auto& place : places_) {
            auto& found = place.found;
            for (const auto& other : place.others) {
                const Place* there = &place;
                if (other.namespace_id >= 0) {
                    const auto id = place.ids.find(other.namespace_id);
                    const bool known = id != place.ids.end() && id->second >= 0;
                    there = known ? &places_[static_cast<std::size_t>(id->second)] : nullptr;
                }
                const bool seen = there != nullptr && there->names.contains(other.index);
                Link& link = found.state.links.at(other.name);
                SurveyedLink& more = found.links.at(other.name);
                if (!seen) {
                    more.far = true;
                } else if (link.kind == LinkKind::veth) {
                    link.peer_namespace = there->found.state.name;
                    link.peer = there->names.at(other.index);
                } else {
                    more.parent_namespace = there->found.state.name;
                    more.parent = there->names.at(other.index);
                }
            }
        }
    }

    void read_switches() {
        if (path_exists(std::string(kMachineOvs) + "/db.sock")) {
            read_instance({OvsInstance::Kind::machine, kMachineOvs, kMachineNamespace});
        }
        const OvsInstance shared = shared_ovs(site_);
        if (path_exists(shared.socket())) { read_instance(shared); }
        // Where ovs-vsctl would look, too: one that somebody started beside the machine's.
        if (const char* directory = std::getenv("OVS_RUNDIR")) {
            const OvsInstance other{OvsInstance::Kind::machine, directory, kMachineNamespace};
            const bool known = other.directory == kMachineOvs || other.directory == shared.directory;
            if (!known && path_exists(other.socket())) { read_instance(other); }
        }
        for (const auto& lab : recorded_labs(site_.runtime)) {
            const auto record = read_record(site_.runtime + "/" + lab);
            if (!record || !*record || !(*record)->ovs || (*record)->ovs->kind != OvsInstance::Kind::lab) {
                continue;
            }
            if (path_exists((*record)->ovs->socket())) { read_instance(*(*record)->ovs); }
        }
        place_devices();
    }

    void read_instance(const OvsInstance& instance) {
        auto connection = ovs::Connection::connect(instance.socket(), std::chrono::seconds(2));
        if (!connection) {
            survey_.faults.push_back(connection.error().message());
            return;
        }
        auto bridges = connection->bridges();
        if (!bridges) {
            survey_.faults.push_back(bridges.error().message());
            return;
        }
        survey_.switches.push_back({instance, std::move(*bridges), {}});
    }

    // Internal ports may have been moved to any namespace; all that tells them there is their name.
    void place_devices() {
        std::unordered_map<std::string, std::vector<Place*>> devices;
        std::map<std::string, Place*> by_name;
        for (auto& place : places_) {
            by_name[place.found.state.name] = &place;
            for (const auto& [name, more] : place.found.links) {
                if (more.kind == "tun" || more.kind == "openvswitch") { devices[name].push_back(&place); }
            }
        }
        for (auto& ovs : survey_.switches) {
            const auto own = by_name.find(ovs.instance.net_namespace);
            Place* home = own == by_name.end() ? nullptr : own->second;
            for (const auto& [bridge_name, bridge] : ovs.bridges) {
                place_internal(ovs, bridge_name, bridge.lab, home, devices);
                for (const auto& [name, port] : bridge.ports) {
                    if (port.type == "internal") {
                        place_internal(ovs, name, port.lab, home, devices);
                    } else if (port.type.empty() && home != nullptr && home->found.links.contains(name)) {
                        ovs.places[name] = ovs.instance.net_namespace;
                    }
                }
            }
        }
    }
    static void place_internal(SurveyedOvs& ovs, const std::string& name, const std::string& lab, const Place* home,
                               std::unordered_map<std::string, std::vector<Place*>>& devices) {
        const auto found = devices.find(name);
        if (found == devices.end() || found->second.empty()) { return; }
        auto& there = found->second;
        // Of several of the same name: the one of the same lab's, else that which was not moved.
        auto best = std::find_if(there.begin(), there.end(), [&](const Place* place) {
            return !lab.empty() && lab_of_mark(place->found.state.links.at(name).alias) == lab;
        });
        if (best == there.end()) { best = std::find(there.begin(), there.end(), home); }
        if (best == there.end()) { best = there.begin(); }
        (*best)->found.state.links.at(name).kind = LinkKind::ovs_internal;
        ovs.places[name] = (*best)->found.state.name;
        there.erase(best);
    }

    void give_processes() {
        for (auto& place : places_) {
            const auto found = processes_.find(place.found.state.inode);
            if (found == processes_.end()) { continue; }
            for (auto& process : found->second) {
                if (process.kind == ProcessKind::dhcp_client) {
                    process.devices = client_devices(process.command, place.found.state.links);
                }
                const bool matters = !place.found.state.name.empty() || process.kind != ProcessKind::other;
                if (matters) { place.found.processes.push_back(std::move(process)); }
            }
        }
    }

    const Site& site_;
    Survey survey_;
    std::vector<Place> places_;
    std::set<std::uint64_t> inodes_;
    std::map<std::uint64_t, std::vector<SurveyedProcess>> processes_;
};

}  // namespace

bool has_dhcp_client(const SurveyedNamespace& ns, const std::string& device) {
    return std::any_of(ns.processes.begin(), ns.processes.end(), [&](const SurveyedProcess& process) {
        return process.kind == ProcessKind::dhcp_client &&
               std::find(process.devices.begin(), process.devices.end(), device) != process.devices.end();
    });
}

std::set<Prefix> addresses_by_dhcp(const SurveyedNamespace& ns, const std::string& device) {
    const auto found = ns.state.links.find(device);
    if (found == ns.state.links.end() || !has_dhcp_client(ns, device)) { return {}; }
    const auto v4_of = [](const std::set<Prefix>& all) {
        std::set<Prefix> some;
        for (const auto& address : all) {
            if (address.address.is_v4()) { some.insert(address); }
        }
        return some;
    };
    auto brought = v4_of(found->second.leased);
    if (brought.empty()) { brought = v4_of(found->second.addresses); }
    if (found->second.leased.empty() && brought.size() > 1) { brought.clear(); }
    return brought;
}

bool serves_dhcp(const SurveyedProcess& process) {
    return process.kind == ProcessKind::dhcp_server &&
           std::any_of(process.settings.begin(), process.settings.end(),
                       [](const auto& setting) { return setting.first == "dhcp-range"; });
}

Result<Survey> survey(const Site& site) { return Surveyor(site).run(); }

}  // namespace warren
