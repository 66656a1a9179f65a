// show and list. Called by the verbs of those names.
#include "views/show.hpp"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "lab/names.hpp"
#include "state/expand.hpp"

namespace warren {
namespace {

namespace json = boost::json;

// Columns that a UTF-8 text takes: bytes that do not continue a character.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

// Where a host's interface is plugged in.
struct Socket {
    std::string switch_name;
    std::string port;
    std::optional<Vlan> vlan;
    std::vector<Vlan> trunk;
};

// One host's or one port's row, from both states.
class Shower {
public:
    explicit Shower(const LabView& view) : view_(view), root_(root_namespace(view.lab)) {
        for (const auto& [name, ns] : view.wanted.namespaces) { namespaces_[ns.host] = name; }
        for (const auto& [name, bridge] : view.wanted.bridges) {
            for (const auto& [port_name, port] : bridge.ports) { ovs_ports_[port_name] = {name, &port}; }
        }
        // VLANs as they are now, where the port is there.
        for (const auto& [name, bridge] : view.observed.bridges) {
            for (const auto& [port_name, port] : bridge.ports) {
                const auto known = ovs_ports_.find(port_name);
                if (known != ovs_ports_.end() && known->second.first == name) { known->second.second = &port; }
            }
        }
        for (const auto& [key, process] : view.wanted.processes) {
            if (process.role == ProcessRole::dhcp_server) { servers_[process.network] = key; }
        }
        for (const auto& [key, process] : view.observed.processes) { processes_[process.host].push_back(&process); }
    }

    [[nodiscard]] const std::string& namespace_of(const std::string& host) const { return namespaces_.at(host); }
    [[nodiscard]] const Namespace* observed_ns(const std::string& name) const {
        const auto found = view_.observed.namespaces.find(name);
        return found == view_.observed.namespaces.end() ? nullptr : &found->second;
    }
    [[nodiscard]] const Link* observed_link(const std::string& ns, const std::string& name) const {
        const Namespace* in = observed_ns(ns);
        if (in == nullptr) { return nullptr; }
        const auto found = in->links.find(name);
        return found == in->links.end() ? nullptr : &found->second;
    }

    [[nodiscard]] Socket socket_of(const Link& link) const {
        const std::string port = link.kind == LinkKind::ovs_internal ? link.name : link.peer;
        if (const auto ovs = ovs_ports_.find(port);
            ovs != ovs_ports_.end() && (link.kind == LinkKind::ovs_internal || link.peer_namespace == root_)) {
            return {ovs->second.first, port, ovs->second.second->tag, ovs->second.second->trunks};
        }
        const auto root = view_.wanted.namespaces.find(root_);
        if (link.kind != LinkKind::veth || link.peer_namespace != root_ || root == view_.wanted.namespaces.end()) {
            return {};
        }
        const auto end = root->second.links.find(port);
        if (end == root->second.links.end()) { return {}; }
        Socket socket{end->second.master, port, std::nullopt, {}};
        const Link* now = observed_link(root_, port);
        if (const auto& vlans = now == nullptr ? end->second.vlans : now->vlans) {
            socket.vlan = vlans->pvid;
            socket.trunk = vlans->tagged;
        }
        return socket;
    }

    static std::string state_of(const Link* link) {
        if (link == nullptr) { return "missing"; }
        if (!link->up) { return "down"; }
        return link->carrier ? "up" : "no carrier";
    }
    static std::vector<std::string> addresses_of(const Link* link) {
        std::vector<std::string> out;
        if (link == nullptr) { return out; }
        for (const auto& address : link->addresses) { out.push_back(address.to_string()); }
        for (const auto& address : link->leased) { out.push_back(address.to_string()); }
        return out;
    }

    [[nodiscard]] const std::vector<const Process*>& processes_of(const std::string& host) const {
        static const std::vector<const Process*> kNone;
        const auto found = processes_.find(host);
        return found == processes_.end() ? kNone : found->second;
    }

    [[nodiscard]] int pid_of_server(const std::string& network) const {
        const auto server = servers_.find(network);
        if (server == servers_.end()) { return 0; }
        const auto found = view_.observed.processes.find(server->second);
        return found == view_.observed.processes.end() ? 0 : found->second.pid;
    }

private:
    const LabView& view_;
    const std::string root_;
    std::map<std::string, std::string> namespaces_;  // by host
    std::map<std::string, std::pair<std::string, const OvsPort*>> ovs_ports_;
    std::map<std::string, std::pair<std::string, std::string>> servers_;
    std::map<std::string, std::vector<const Process*>> processes_;
};

json::value or_null(const std::optional<Vlan>& vlan) { return vlan ? json::value(*vlan) : json::value(nullptr); }
json::array numbers(const std::vector<Vlan>& vlans) { return json::array(vlans.begin(), vlans.end()); }
json::array strings(const std::vector<std::string>& values) { return json::array(values.begin(), values.end()); }

std::string joined(const std::vector<std::string>& words, const char* by) {
    return fmt::format("{}", fmt::join(words, by));
}

std::string route_text(const Route& route) {
    const std::string to = route.destination.length == 0 ? "default" : route.destination.to_string();
    return to + (route.via ? " via " + route.via->to_string() : "") + " dev " + route.device;
}

json::value attached_json(const Namespace& ns) {
    if (!ns.attached) { return nullptr; }
    const Attached& is = *ns.attached;
    return json::object{{"pid", is.path.empty() ? json::value(is.pid) : json::value(nullptr)},
                        {"netns", is.path.empty() ? json::value(nullptr) : json::value(is.path)}};
}

std::string command_text(const Process& process) { return joined(process.command, " "); }

// Ports of one switch: (name, VLANs, host, interface), observed where they are there.
struct PortRow {
    std::string name;
    std::optional<Vlan> vlan;
    std::vector<Vlan> trunk;
    std::string host;
    std::string interface;
    std::string note;
};

std::vector<PortRow> ports_of(const LabView& view, const Switch& sw) {
    std::vector<PortRow> rows;
    const std::string root = root_namespace(view.lab);
    auto behind = [&](const std::string& ns_name, const std::string& link, PortRow& row) {
        const auto ns = view.wanted.namespaces.find(ns_name);
        if (ns == view.wanted.namespaces.end() || ns->second.host.empty()) { return; }
        row.host = ns->second.host;
        row.interface = link;
    };
    if (const auto wanted = view.wanted.bridges.find(sw.name); wanted != view.wanted.bridges.end()) {
        const auto seen = view.observed.bridges.find(sw.name);
        const auto in_root = view.wanted.namespaces.find(root);
        for (const auto& [name, port] : wanted->second.ports) {
            const bool there = seen != view.observed.bridges.end() && seen->second.ports.contains(name);
            const OvsPort& now = there ? seen->second.ports.at(name) : port;
            PortRow row{name, now.tag, now.trunks, "", "", there ? now.error : "missing"};
            if (port.type == "internal") {
                row.host = port.host;
                row.interface = name;
                if (row.note.empty()) { row.note = "internal"; }
            } else if (port.type == "patch") {
                if (row.note.empty()) { row.note = "patch to " + port.peer; }
            } else if (in_root != view.wanted.namespaces.end() && in_root->second.links.contains(name)) {
                const Link& end = in_root->second.links.at(name);
                behind(end.peer_namespace, end.peer, row);
            }
            rows.push_back(std::move(row));
        }
        return rows;
    }
    const auto wanted = view.wanted.namespaces.find(root);
    if (wanted == view.wanted.namespaces.end()) { return rows; }
    const auto seen = view.observed.namespaces.find(root);
    for (const auto& [name, link] : wanted->second.links) {
        if (link.master != sw.name) { continue; }
        const bool there = seen != view.observed.namespaces.end() && seen->second.links.contains(name);
        const Link& now = there ? seen->second.links.at(name) : link;
        PortRow row{name,
                    now.vlans ? now.vlans->pvid : std::nullopt,
                    now.vlans ? now.vlans->tagged : std::vector<Vlan>{},
                    "",
                    "",
                    there ? "" : "missing"};
        behind(link.peer_namespace, link.peer, row);
        rows.push_back(std::move(row));
    }
    return rows;
}

// Hosts of the file, and those of DHCP servers.
std::vector<std::string> host_names(const LabView& view) {
    std::vector<std::string> names;
    for (const auto& host : view.lab.hosts) { names.push_back(host.name); }
    for (const auto& network : view.lab.networks) {
        if (network.dhcp) { names.push_back(dhcp_host_name(network)); }
    }
    return names;
}

std::string vlan_text(const std::optional<Vlan>& vlan, const std::vector<Vlan>& trunk) {
    std::string out = vlan ? fmt::format("vlan {}", *vlan) : "";
    if (!trunk.empty()) { out += fmt::format("{}trunk {}", out.empty() ? "" : ", ", fmt::join(trunk, ",")); }
    return out;
}

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) { widths[i] = std::max(widths[i], width(row[i])); }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) { line.append(widths[i] - width(row[i]) + 2, ' '); }
        }
        while (line.ends_with(' ')) { line.pop_back(); }
        out += line + "\n";
    }
    return out;
}

std::string show_text(const LabView& view) {
    const Shower shower(view);
    std::string out = fmt::format("lab {}  ({})\n", view.lab.name, view.file.empty() ? "no file" : view.file);
    if (view.wanted.ovs) {
        out += fmt::format(
            "Open vSwitch: {}ovs-vsctl --db={}\n",
            view.wanted.ovs->net_namespace.empty() ? "" : "ip netns exec " + view.wanted.ovs->net_namespace + " ",
            view.wanted.ovs->database());
    }
    for (const auto& sw : view.lab.switches) {
        const auto bridge = view.wanted.bridges.find(sw.name);
        out += fmt::format("\nswitch {}  {}\n", sw.name,
                           bridge == view.wanted.bridges.end()
                               ? "Linux bridge"
                               : "Open vSwitch, datapath " + bridge->second.datapath_type);
        std::vector<std::vector<std::string>> rows;
        for (const auto& port : ports_of(view, sw)) {
            rows.push_back({"  " + port.name, vlan_text(port.vlan, port.trunk),
                            port.host.empty() ? "" : port.host + ":" + port.interface, port.note});
        }
        out += table(rows);
    }
    for (const auto& name : host_names(view)) {
        const std::string& ns_name = shower.namespace_of(name);
        const auto& wanted = view.wanted.namespaces.at(ns_name);
        const Namespace* seen = shower.observed_ns(ns_name);
        out += fmt::format("\nhost {}{}{}{}\n", name, ns_name == name ? "" : "  namespace " + ns_name,
                           wanted.attached ? "  attached: " + attached_text(*wanted.attached) : "",
                           seen == nullptr ? "  MISSING" : "");
        std::vector<std::vector<std::string>> rows;
        for (const auto& [link_name, link] : wanted.links) {
            if (link.kind == LinkKind::loopback) { continue; }
            const Link* now = shower.observed_link(ns_name, link_name);
            const Socket socket = shower.socket_of(link);
            std::vector<std::string> addresses = Shower::addresses_of(now);
            if (link.dhcp && now != nullptr && now->leased.empty()) { addresses.emplace_back("(no lease yet)"); }
            rows.push_back({"  " + link_name, Shower::state_of(now), joined(addresses, " "),
                            socket.switch_name.empty()
                                ? (link.peer.empty() ? "" : "to " + link.peer_namespace + ":" + link.peer)
                                : "on " + socket.switch_name + ":" + socket.port,
                            vlan_text(socket.vlan, socket.trunk)});
        }
        out += table(rows);
        if (seen != nullptr) {
            for (const auto& route : seen->routes) { out += "  route " + route_text(route) + "\n"; }
        }
        for (const Process* process : shower.processes_of(name)) {
            out += fmt::format("  {} {}  {}\n", process->name, process->pid, process->status);
        }
    }
    for (const auto& network : view.lab.networks) {
        out += fmt::format("\nnetwork {}{}{}\n", network.name,
                           network.vlan ? fmt::format("  vlan {}", *network.vlan) : "",
                           network.subnet ? "  " + network.subnet->to_string() : "");
        const auto leases = view.leases.find(network.name);
        if (leases == view.leases.end()) { continue; }
        for (const auto& lease : leases->second) {
            out +=
                fmt::format("  lease {}  {}  {}\n", lease.address.to_string(), lease.mac.to_string(), lease.host);
        }
    }
    out += "\n";
    for (const auto& remark : view.remarks) { out += remark + "\n"; }
    if (view.drift.empty() && view.conflicts.empty()) {
        return out + "no drift: the machine is as the file says\n";
    }
    out += fmt::format("drift: {} ('warren up' brings it back)\n", view.drift.size() + view.conflicts.size());
    for (const auto& change : view.drift) { out += "  " + text(change) + "\n"; }
    for (const auto& [object, owner] : view.conflicts) {
        out += fmt::format("  {} is taken ({})\n", object, owner);
    }
    return out;
}

std::string show_json(const LabView& view) {
    const Shower shower(view);
    json::object root;
    root["lab"] = view.lab.name;
    root["file"] = view.file;
    if (view.wanted.ovs) { root["ovs"] = view.wanted.ovs->database(); }
    json::array drift;
    for (const auto& change : view.drift) { drift.emplace_back(text(change)); }
    for (const auto& [object, owner] : view.conflicts) { drift.emplace_back(object + " is taken (" + owner + ")"); }
    root["drift"] = std::move(drift);
    root["remarks"] = strings(view.remarks);
    json::array switches;
    for (const auto& sw : view.lab.switches) {
        json::object one;
        one["name"] = sw.name;
        const auto bridge = view.wanted.bridges.find(sw.name);
        const bool ovs = bridge != view.wanted.bridges.end();
        one["kind"] = ovs ? "ovs" : "bridge";
        one["datapath"] = ovs ? json::value(bridge->second.datapath_type) : json::value(nullptr);
        json::array ports;
        for (const auto& port : ports_of(view, sw)) {
            ports.push_back(json::object{
                {"name", port.name},
                {"vlan", or_null(port.vlan)},
                {"trunk", numbers(port.trunk)},
                {"host", port.host.empty() ? json::value(nullptr) : json::value(port.host)},
                {"interface", port.interface.empty() ? json::value(nullptr) : json::value(port.interface)}});
        }
        one["ports"] = std::move(ports);
        switches.push_back(std::move(one));
    }
    root["switches"] = std::move(switches);
    json::array hosts;
    for (const auto& name : host_names(view)) {
        const std::string& ns_name = shower.namespace_of(name);
        json::array interfaces;
        for (const auto& [link_name, link] : view.wanted.namespaces.at(ns_name).links) {
            if (link.kind == LinkKind::loopback) { continue; }
            const Link* now = shower.observed_link(ns_name, link_name);
            const Socket socket = shower.socket_of(link);
            interfaces.push_back(json::object{
                {"name", link_name},
                {"mac", (now != nullptr ? *now : link).mac.to_string()},
                {"mtu", (now != nullptr ? *now : link).mtu},
                {"state", Shower::state_of(now)},
                {"addresses", strings(Shower::addresses_of(now))},
                {"switch", socket.switch_name.empty() ? json::value(nullptr) : json::value(socket.switch_name)},
                {"port", socket.port.empty() ? json::value(nullptr) : json::value(socket.port)},
                {"vlan", or_null(socket.vlan)}});
        }
        json::array routes;
        if (const Namespace* seen = shower.observed_ns(ns_name)) {
            for (const auto& route : seen->routes) { routes.emplace_back(route_text(route)); }
        }
        json::array processes;
        for (const Process* process : shower.processes_of(name)) {
            processes.push_back(json::object{{"pid", process->pid},
                                             {"name", process->name},
                                             {"command", command_text(*process)},
                                             {"state", process->status}});
        }
        hosts.push_back(json::object{{"name", name},
                                     {"namespace", ns_name},
                                     {"attached", attached_json(view.wanted.namespaces.at(ns_name))},
                                     {"interfaces", std::move(interfaces)},
                                     {"routes", std::move(routes)},
                                     {"processes", std::move(processes)}});
    }
    root["hosts"] = std::move(hosts);
    json::array networks;
    for (const auto& network : view.lab.networks) {
        json::object one;
        one["name"] = network.name;
        one["vlan"] = or_null(network.vlan);
        one["subnet"] = network.subnet ? json::value(network.subnet->to_string()) : json::value(nullptr);
        one["dhcp"] = nullptr;
        if (network.dhcp) {
            json::array leases;
            if (const auto found = view.leases.find(network.name); found != view.leases.end()) {
                for (const auto& lease : found->second) {
                    leases.push_back(json::object{{"mac", lease.mac.to_string()},
                                                  {"address", lease.address.to_string()},
                                                  {"host", lease.host}});
                }
            }
            one["dhcp"] = json::object{{"host", dhcp_host_name(network)},
                                       {"pid", shower.pid_of_server(network.name)},
                                       {"leases", std::move(leases)}};
        }
        networks.push_back(std::move(one));
    }
    root["networks"] = std::move(networks);
    return json::serialize(root);
}

std::string list_text(const std::vector<ListedLab>& labs) {
    if (labs.empty()) { return "no lab is up\n"; }
    std::vector<std::vector<std::string>> rows{{"LAB", "STATE", "HOSTS", "SWITCHES", "SINCE", "FILE"}};
    for (const auto& lab : labs) {
        char since[32] = "-";
        const std::time_t time = lab.since;
        std::tm parts{};
        if (lab.since > 0 && ::localtime_r(&time, &parts) != nullptr) {
            (void)std::strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S", &parts);
        }
        rows.push_back(
            {lab.name, lab.state, std::to_string(lab.hosts), std::to_string(lab.switches), since, lab.file});
    }
    return table(rows);
}

std::string list_json(const std::vector<ListedLab>& labs) {
    json::array list;
    for (const auto& lab : labs) {
        list.push_back(json::object{{"name", lab.name},
                                    {"state", lab.state},
                                    {"hosts", lab.hosts},
                                    {"switches", lab.switches},
                                    {"since", lab.since},
                                    {"file", lab.file}});
    }
    return json::serialize(list);
}

}  // namespace warren
