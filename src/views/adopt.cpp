// Finds hosts, switches, networks with DHCP and links among what a survey has found. Called by `warren adopt`.
#include "views/adopt.hpp"

#include <algorithm>
#include <cstring>
#include <map>

#include <linux/rtnetlink.h>

#include <fmt/format.h>

#include "lab/lab_file.hpp"
#include "lab/names.hpp"
#include "views/adopt_dhcp.hpp"
#include "views/adopt_ports.hpp"

namespace warren {
namespace {

constexpr std::uint32_t kUsualMtu = 1500;

bool natural_less(const std::string& a, const std::string& b) { return ::strverscmp(a.c_str(), b.c_str()) < 0; }

std::string command_text(const SurveyedProcess& process) {
    std::string text = fmt::format("{}", fmt::join(process.command, " "));
    constexpr std::size_t kLongest = 80;
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < ' ') { c = '?'; }
    }
    return text.size() <= kLongest ? text : text.substr(0, kLongest) + "…";
}

class Adopter {
public:
    Adopter(const Survey& survey, const AdoptOptions& options)
        : survey_(survey), options_(options), ports_(survey), machine_(ports_.machine()) {}

    Result<Adopted> run() {
        out_.lab.name = options_.name;
        for (const auto& name : options_.namespaces) {
            if (!survey_.namespaces.contains(name)) {
                return usage_failure("adopt network namespace " + name, "there is none of that name here",
                                     "'ip netns list' and 'warren draw --live' tell them");
            }
        }
        choose_hosts();
        choose_switches();
        add_servers();
        for (const auto* ns : hosts_) {
            if (!servers_.contains(ns->state.name)) { add_host(*ns); }
        }
        give_reservations();
        add_switch_links();
        remark_on_switches();
        finish();
        return std::move(out_);
    }

private:
    void remark(std::string text) { out_.remarks.push_back(std::move(text)); }
    [[nodiscard]] bool all() const { return options_.namespaces.empty(); }
    void leave_to(const std::string& lab) { out_.other_labs.insert(lab); }

    void choose_hosts() {
        for (const auto& [name, ns] : survey_.namespaces) {
            if (name.empty()) { continue; }
            if (!all()) {
                if (options_.namespaces.contains(name)) { hosts_.push_back(&ns); }
                continue;
            }
            const bool has_links = std::any_of(ns.state.links.begin(), ns.state.links.end(), [](const auto& link) {
                return link.second.kind == LinkKind::veth || link.second.kind == LinkKind::ovs_internal;
            });
            if (!ns.lab.empty()) {
                leave_to(ns.lab);
            } else if (ns.named || has_links) {
                hosts_.push_back(&ns);
            }
        }
        std::stable_sort(hosts_.begin(), hosts_.end(),
                         [](const auto* a, const auto* b) { return natural_less(a->state.name, b->state.name); });
        for (const auto* ns : hosts_) { host_names_[ns->state.name] = host_name(*ns); }
    }

    // A name for what has none: that of its first process.
    std::string host_name(const SurveyedNamespace& ns) {
        if (ns.named || ns.processes.empty()) { return ns.state.name; }
        std::string name = ns.processes.front().program;
        for (char& c : name) {
            const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
            if (!plain) { c = '-'; }
        }
        name += fmt::format("-{}", ns.processes.front().pid);
        remark(fmt::format("host {} is the namespace of {}, which has no name", name, ns.state.name));
        return name;
    }

    void choose_switches() {
        std::set<std::string> needed;
        for (const auto* ns : hosts_) {
            for (const auto& [name, link] : ns->state.links) {
                if (const auto* port = ports_.behind(ns->state.name, link)) { needed.insert(port->sw); }
            }
        }
        ports_.add_joined(needed);
        for (const auto& [name, bridge] : ports_.bridges()) {
            if (needed.contains(name) || (all() && free(bridge->lab))) { add_ovs(*bridge); }
        }
        if (machine_ == nullptr) { return; }
        for (const auto& [name, link] : machine_->state.links) {
            if (link.kind != LinkKind::bridge || ports_.bridges().contains(name)) { continue; }
            if (needed.contains(name) || (all() && free(lab_of_mark(link.alias)))) { add_bridge(link); }
        }
        std::stable_sort(out_.lab.switches.begin(), out_.lab.switches.end(),
                         [](const Switch& a, const Switch& b) { return natural_less(a.name, b.name); });
    }
    bool free(const std::string& lab) {
        if (!lab.empty()) { leave_to(lab); }
        return lab.empty();
    }

    void add_ovs(const OvsBridge& bridge) {
        Switch sw;
        sw.name = bridge.name;
        sw.kind = SwitchKind::ovs;
        // The kernel's datapath is what a lab takes where there is one.
        if (bridge.datapath_type == "netdev") { sw.datapath = DatapathKind::netdev; }
        if (bridge.stp) { sw.stp = true; }
        if (bridge.fail_mode == "secure") { sw.fail_mode = FailMode::secure; }
        if (bridge.controller.find(' ') != std::string::npos) {
            remark(fmt::format("switch {}: several controllers ({}); the file has none", bridge.name,
                               bridge.controller));
        } else if (!bridge.controller.empty()) {
            sw.controller = bridge.controller;
        }
        sw.protocols = bridge.protocols;
        if (!bridge.dpid.empty()) { sw.dpid = bridge.dpid; }
        switches_.insert(sw.name);
        out_.lab.switches.push_back(std::move(sw));
    }

    void add_bridge(const Link& link) {
        Switch sw;
        sw.name = link.name;
        if (link.stp) { sw.stp = true; }
        if (link.mtu != kUsualMtu) {
            remark(fmt::format("switch {}: MTU {} is left to the kernel", link.name, link.mtu));
        }
        switches_.insert(sw.name);
        out_.lab.switches.push_back(std::move(sw));
    }

    // ---- DHCP servers

    // Namespaces that are a network's DHCP server and nothing else become that network's `dhcp:`.
    void add_servers() {
        for (const auto* ns : hosts_) {
            const SurveyedProcess* server = nullptr;
            int others = 0;
            for (const auto& process : ns->processes) {
                if (serves_dhcp(process) && server == nullptr) {
                    server = &process;
                } else if (server == nullptr || process.command != server->command) {  // its helper is alike
                    ++others;
                }
            }
            if (server != nullptr && others == 0) { add_server(*ns, *server); }
        }
    }

    void add_server(const SurveyedNamespace& ns, const SurveyedProcess& server) {
        const Link* device = nullptr;
        for (const auto& [name, link] : ns.state.links) {
            if (link.kind == LinkKind::loopback) { continue; }
            if (device != nullptr) { return; }
            device = &link;
        }
        if (device == nullptr) { return; }
        const PortOf* port = ports_.behind(ns.state.name, *device);
        const auto addresses = own_addresses(ns, *device);
        const bool plain = port != nullptr && switches_.contains(port->sw) && addresses.size() == 1 &&
                           addresses.front().address.is_v4() && addresses.front().length <= 30 &&
                           ns.routes.empty() && ns.state.neighbours.empty() && port->trunk.empty() &&
                           !forwards(ns) && ns.dns.empty() && device->mtu == kUsualMtu && device->leased.empty();
        if (!plain) { return; }
        // What a lab gives a server's interface by itself.
        const bool wired =
            port->ovs ? port->internal : port->name == default_peer_name(ns.state.name, device->name);
        auto read = read_server(server, device->name, addresses.front());
        if (!wired || !read) { return; }
        Network network;
        network.name = ns.state.name.starts_with("dhcp-") ? ns.state.name.substr(5) : ns.state.name + "-net";
        if (node_name_fault(network.name) || out_.lab.find_network(network.name) != nullptr) { return; }
        if (!networks_.emplace(std::pair(port->sw, port->vlan.value_or(0)), out_.lab.networks.size()).second) {
            return;
        }
        network.switch_name = port->sw;
        network.vlan = port->vlan;
        network.subnet = addresses.front().network();
        network.dhcp = std::move(read->dhcp);
        if (dhcp_host_name(network) != ns.state.name) { network.dhcp->host = ns.state.name; }
        if (dhcp_interface_name(network) != device->name) { network.dhcp->interface = device->name; }
        for (const auto& text : read->remarks) { remark(fmt::format("network {}: {}", network.name, text)); }
        for (const auto& [mac, address] : read->reservations) {
            reservations_.push_back({network.name, mac, address});
        }
        servers_.insert(ns.state.name);
        out_.lab.networks.push_back(std::move(network));
    }

    [[nodiscard]] Network* network_at(const PortOf& port) {
        if (!port.trunk.empty()) { return nullptr; }
        const auto found = networks_.find({port.sw, port.vlan.value_or(0)});
        return found == networks_.end() ? nullptr : &out_.lab.networks[found->second];
    }

    struct Reservation {
        std::string network;
        MacAddress mac;
        IpAddress address;
    };

    void give_reservations() {
        for (const auto& reservation : reservations_) {
            const Host* owner = nullptr;
            for (const auto& host : out_.lab.hosts) {
                for (const auto& interface : host.interfaces) {
                    const bool asks = interface.dhcp && interface.network == reservation.network;
                    if (asks && interface.mac == reservation.mac) { owner = &host; }
                }
            }
            auto network = std::find_if(out_.lab.networks.begin(), out_.lab.networks.end(),
                                        [&](const Network& each) { return each.name == reservation.network; });
            if (owner != nullptr) {
                network->dhcp->reservations[owner->name] = reservation.address;
            } else {
                remark(fmt::format("network {}: {} is reserved for {}, which no host here has", network->name,
                                   reservation.address.to_string(), reservation.mac.to_string()));
            }
        }
    }

    // ---- hosts

    // Those that are nobody's but the machine's maker's: without what DHCP, IPv6 and the kernel bring by themselves.
    static std::vector<Prefix> own_addresses(const SurveyedNamespace& ns, const Link& link) {
        std::vector<Prefix> own;
        const auto brought = addresses_by_dhcp(ns, link.name);
        for (const auto& address : link.addresses) {
            const bool by_kernel = !address.address.is_v4() && address.address.is_link_local();
            if (!by_kernel && !brought.contains(address)) { own.push_back(address); }
        }
        return own;
    }
    static bool forwards(const SurveyedNamespace& ns) {
        return std::any_of(ns.state.sysctls.begin(), ns.state.sysctls.end(),
                           [](const auto& each) { return each.second != "0"; });
    }

    void add_host(const SurveyedNamespace& ns) {
        Host host;
        host.name = host_names_.at(ns.state.name);
        for (const auto& [name, link] : ns.state.links) {
            if (link.kind != LinkKind::loopback) {
                add_interface(ns, link, host);
                continue;
            }
            for (const auto& address : link.addresses) {
                if (!address.address.is_loopback()) {
                    remark(
                        fmt::format("host {}: address {} on {} is left out", host.name, address.to_string(), name));
                }
            }
        }
        add_forwarding(ns, host);
        add_routes(ns, host);
        add_neighbours(ns, host);
        // A lease brings name servers of its own.
        const bool leases = std::any_of(host.interfaces.begin(), host.interfaces.end(),
                                        [](const Interface& interface) { return interface.dhcp; });
        if (!leases) { host.dns = ns.dns; }
        add_processes(ns, host);
        out_.lab.hosts.push_back(std::move(host));
    }

    void add_interface(const SurveyedNamespace& ns, const Link& link, Host& host) {
        Interface interface;
        interface.name = link.name;
        if (!tie(ns, link, host, interface)) { return; }
        interface.addresses = own_addresses(ns, link);
        interface.dhcp = has_dhcp_client(ns, link.name);
        interface.mac = link.mac;
        if (link.mtu != kUsualMtu) { interface.mtu = link.mtu; }
        if (!link.up) { remark(fmt::format("{}:{} is down here; 'up' sets it up", host.name, link.name)); }
        for (const auto& address : link.leased) {
            if (address.address.is_v4() && !interface.dhcp) {
                remark(fmt::format("{}:{}: address {} has a lifetime and no DHCP client runs; it is left out",
                                   host.name, link.name, address.to_string()));
            }
        }
        if (interface.dhcp && addresses_by_dhcp(ns, link.name).empty() && !interface.addresses.empty()) {
            remark(fmt::format("{}:{}: a DHCP client runs; which of the addresses it brought cannot be told",
                               host.name, link.name));
        }
        host.interfaces.push_back(std::move(interface));
    }

    // Where the interface's other end is; false: nowhere that a lab could say.
    bool tie(const SurveyedNamespace& ns, const Link& link, const Host& host, Interface& interface) {
        const auto leave_out = [&](const std::string& why) {
            remark(fmt::format("{}:{} is left out: {}", host.name, link.name, why));
            return false;
        };
        const SurveyedLink& more = ns.links.at(link.name);
        if (more.kind != "veth" && !link.up && link.addresses.empty() && link.kind == LinkKind::other) {
            return false;  // made by the kernel itself
        }
        if (const auto* port = ports_.behind(ns.state.name, link)) {
            tie_to_switch(ns, link, *port, interface);
            return true;
        }
        if (link.kind != LinkKind::veth) {
            return leave_out(
                fmt::format("a lab has no interface of kind {}", more.kind.empty() ? "hardware" : more.kind));
        }
        if (link.peer.empty()) { return leave_out("its other end cannot be seen"); }
        if (link.peer_namespace == ns.state.name) { return leave_out("its other end is in the same namespace"); }
        const auto other = host_names_.find(link.peer_namespace);
        if (other == host_names_.end() || servers_.contains(link.peer_namespace)) {
            return leave_out(
                link.peer_namespace.empty()
                    ? fmt::format("its other end, {}, is the machine's own and on no switch", link.peer)
                    : fmt::format("its other end is in {}", link.peer_namespace));
        }
        // Written at one of its ends: that which comes first.
        if (std::pair(ns.state.name, link.name) < std::pair(link.peer_namespace, link.peer)) {
            interface.to = Target{other->second, link.peer};
        }
        return true;
    }

    void tie_to_switch(const SurveyedNamespace& ns, const Link& link, const PortOf& port, Interface& interface) {
        if (port.internal) { interface.wire = Wire::internal; }
        const Network* network = network_at(port);
        if (network != nullptr && fits(ns, link, *network)) {
            interface.network = network->name;
            if (!port.internal) { interface.peer = port.name; }
            return;
        }
        interface.to = Target{port.sw, port.internal ? std::nullopt : std::optional(port.name)};
        interface.vlan = port.vlan;
        interface.trunk = port.trunk;
        remark_on_native(port);
    }

    void remark_on_native(const PortOf& port) {
        if (!port.native) { return; }
        remark(
            fmt::format("port {} of {}: a trunk whose untagged frames are VLAN {}'s; the file has the trunk alone",
                        port.name, port.sw, *port.native));
    }

    // Whether an interface can say that it is on the network: it takes a lease, or its addresses are the subnet's.
    static bool fits(const SurveyedNamespace& ns, const Link& link, const Network& network) {
        const auto own = own_addresses(ns, link);
        if (own.empty()) { return has_dhcp_client(ns, link.name); }
        return std::all_of(own.begin(), own.end(), [&](const Prefix& address) {
            const auto& range = *network.dhcp->range;
            const bool leasable = !(address.address < range.first) && !(range.last < address.address);
            return address.network() == *network.subnet && !leasable;
        });
    }

    static void add_forwarding(const SurveyedNamespace& ns, Host& host) {
        if (!forwards(ns)) { return; }
        const bool both = std::all_of(ns.state.sysctls.begin(), ns.state.sysctls.end(),
                                      [](const auto& each) { return each.second == "1"; });
        if (both) {
            host.forwarding = true;
            return;
        }
        for (const auto& [key, value] : ns.state.sysctls) {
            if (value != "0") { host.sysctls[key] = value; }
        }
    }

    void add_routes(const SurveyedNamespace& ns, Host& host) {
        std::set<Prefix> routed;
        for (const auto& [route, protocol, metric] : ns.routes) {
            const auto interface = std::find_if(host.interfaces.begin(), host.interfaces.end(),
                                                [&](const Interface& each) { return each.name == route.device; });
            if (interface != host.interfaces.end() && interface->dhcp &&
                (route.destination.length == 0 || protocol == RTPROT_DHCP)) {
                continue;  // the lease's
            }
            const std::string text = fmt::format("{} via {} dev {}", route.destination.to_string(),
                                                 route.via ? route.via->to_string() : "nothing", route.device);
            if (interface == host.interfaces.end() || !route.via || !reaches(*interface, *route.via)) {
                remark(fmt::format("host {}: the route to {} is left out", host.name, text));
                continue;
            }
            if (!routed.insert(route.destination).second) {
                remark(fmt::format("host {}: the second route to {} is left out", host.name, text));
                continue;
            }
            if (route.destination.length == 0 && leads_there(host, *interface, *route.via)) {
                host.gateways.push_back(*route.via);
            } else {
                interface->routes[route.destination] = *route.via;
            }
        }
    }
    static bool on_subnet(const Interface& interface, const IpAddress& address) {
        return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                           [&](const Prefix& own) { return own.contains(address); });
    }
    static bool reaches(const Interface& interface, const IpAddress& via) {
        const bool own = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                     [&](const Prefix& each) { return each.address == via; });
        return !own && (on_subnet(interface, via) || (!via.is_v4() && via.is_link_local()) ||
                        (via.is_v4() && interface.dhcp));
    }
    // Whether `gateway:` would choose this interface: the first whose subnet holds the address.
    static bool leads_there(const Host& host, const Interface& interface, const IpAddress& via) {
        const auto first = std::find_if(host.interfaces.begin(), host.interfaces.end(),
                                        [&](const Interface& each) { return on_subnet(each, via); });
        return first != host.interfaces.end() && first->name == interface.name;
    }

    void add_neighbours(const SurveyedNamespace& ns, Host& host) {
        for (const auto& [key, mac] : ns.state.neighbours) {
            const auto& [device, address] = key;
            const auto interface = std::find_if(host.interfaces.begin(), host.interfaces.end(),
                                                [&](const Interface& each) { return each.name == device; });
            const bool can = interface != host.interfaces.end() && leads_there(host, *interface, address) &&
                             !mac.is_zero() && !mac.is_multicast();
            if (can) {
                host.neighbours[address] = mac;
            } else {
                remark(fmt::format("host {}: the neighbour {} on {} is left out", host.name, address.to_string(),
                                   device));
            }
        }
    }

    void add_processes(const SurveyedNamespace& ns, Host& host) {
        std::set<std::vector<std::string>> served;
        for (const auto& process : ns.processes) {
            if (process.kind == ProcessKind::other) {
                remark(fmt::format("host {}: process {} is not the lab's ('run:' would keep one): {}", host.name,
                                   process.pid, command_text(process)));
            } else if (process.kind == ProcessKind::dhcp_server && served.insert(process.command).second) {
                add_service(process, served.size(), host);
            }
        }
    }

    // A dnsmasq that is no network's DHCP server alone runs on as a service.
    static void add_service(const SurveyedProcess& process, std::size_t number, Host& host) {
        Service service;
        service.name = number == 1 ? process.program : fmt::format("{}-{}", process.program, number);
        service.command = process.command;
        const bool stays = std::any_of(process.settings.begin(), process.settings.end(), [](const auto& each) {
            return each.first == "keep-in-foreground" || each.first == "no-daemon";
        });
        if (!stays) { service.command.emplace_back("--keep-in-foreground"); }
        host.run.push_back(std::move(service));
    }

    // ---- between switches

    void add_switch_links() {
        for (const auto& [name, bridge] : ports_.bridges()) {
            if (switches_.contains(name)) { add_patches(*bridge); }
        }
        if (machine_ == nullptr) { return; }
        for (const auto& [name, link] : machine_->state.links) {
            if (link.kind != LinkKind::veth || !link.peer_namespace.empty() || !(name < link.peer)) { continue; }
            const auto* a = ports_.of_machine(name);
            const auto* b = ports_.of_machine(link.peer);
            if (a == nullptr || b == nullptr || !switches_.contains(a->sw) || !switches_.contains(b->sw)) {
                continue;
            }
            CableLink cable = cable_between(*a, *b);
            if (link.mtu != kUsualMtu) { cable.mtu = link.mtu; }
            if (a->ovs && b->ovs) {
                remark(
                    fmt::format("link {} - {}: a veth pair here; between two Open vSwitch switches 'up' makes a "
                                "pair of patch ports",
                                name, link.peer));
            }
            out_.lab.links.push_back(std::move(cable));
        }
    }

    CableLink cable_between(const PortOf& a, const PortOf& b) {
        CableLink cable;
        cable.a = {a.sw, a.name};
        cable.b = {b.sw, b.name};
        cable.vlan = a.vlan;
        cable.trunk = a.trunk;
        remark_on_native(a);
        remark_on_native(b);
        if (a.vlan != b.vlan || a.trunk != b.trunk) {
            remark(fmt::format("link {} - {}: its ends have different VLANs; the file has those of {}", a.name,
                               b.name, a.name));
        }
        wired_.insert({a.name, b.name});
        return cable;
    }

    void add_patches(const OvsBridge& bridge) {
        for (const auto& [name, port] : bridge.ports) {
            if (port.type != "patch" || !(name < port.peer)) { continue; }
            for (const auto& [other_name, other] : ports_.bridges()) {
                const auto far = other->ports.find(port.peer);
                if (far == other->ports.end() || far->second.peer != name || !switches_.contains(other_name) ||
                    other_name == bridge.name) {
                    continue;
                }
                out_.lab.links.push_back(
                    cable_between(read_port(bridge.name, port), read_port(other_name, far->second)));
            }
        }
    }

    // ---- what is not said

    void remark_on_switches() {
        std::set<std::string> used;
        for (const auto& [a, b] : wired_) {
            used.insert(a);
            used.insert(b);
        }
        for (const auto* ns : hosts_) {
            for (const auto& [name, link] : ns->state.links) {
                if (const auto* port = ports_.behind(ns->state.name, link)) { used.insert(port->name); }
            }
        }
        for (const auto& sw : out_.lab.switches) {
            const auto bridge = ports_.bridges().find(sw.name);
            if (bridge != ports_.bridges().end()) {
                for (const auto& [name, port] : bridge->second->ports) {
                    if (!used.contains(name)) { remark_on_port(sw.name, name, port.type); }
                }
            }
            if (machine_ == nullptr) { continue; }
            for (const auto& [name, link] : machine_->state.links) {
                if (link.master == sw.name && !used.contains(name)) {
                    remark_on_port(sw.name, name, machine_->links.at(name).kind);
                }
            }
            const auto own = machine_->state.links.find(sw.name);
            if (own == machine_->state.links.end()) { continue; }
            for (const auto& address : own_addresses(*machine_, own->second)) {
                remark(fmt::format("switch {}: the machine's own address {} on it is left out", sw.name,
                                   address.to_string()));
            }
        }
    }
    void remark_on_port(const std::string& sw, const std::string& name, const std::string& kind) {
        if (!all()) { return; }  // of a switch only what the named namespaces need was asked for
        remark(fmt::format("switch {}: port {}{} is left out: no host of the lab is behind it", sw, name,
                           kind.empty() ? "" : fmt::format(" ({})", kind)));
    }

    void finish() {
        for (const auto& fault : survey_.faults) { remark("not looked at: " + fault); }
        for (const auto& lab : out_.other_labs) { remark(fmt::format("what lab {} has made is left out", lab)); }
        Diagnostics diagnostics("");
        check_lab(out_.lab, diagnostics);
        for (const auto& item : diagnostics.items()) {
            out_.mistakes.push_back(item.message + (item.hint.empty() ? "" : "; " + item.hint));
        }
    }

    const Survey& survey_;
    const AdoptOptions& options_;
    Adopted out_;
    const SwitchPorts ports_;
    const SurveyedNamespace* machine_;
    std::vector<const SurveyedNamespace*> hosts_;
    std::map<std::string, std::string> host_names_;  // by namespace
    std::set<std::string> switches_;
    std::set<std::string> servers_;                                 // namespaces
    std::map<std::pair<std::string, Vlan>, std::size_t> networks_;  // (switch, VLAN) → index
    std::vector<Reservation> reservations_;
    std::set<std::pair<std::string, std::string>> wired_;  // ports of links between switches
};

}  // namespace

Result<Adopted> adopt(const Survey& survey, const AdoptOptions& options) { return Adopter(survey, options).run(); }

std::string adopted_text(const Adopted& adopted) {
    std::string text =
        "# What 'warren adopt' found. MACs of switches, of their ends of links and of DHCP servers, OpenFlow "
        "flows,\n"
        "# firewalls, tc and tunnels are not part of it.\n";
    const auto comment = [&text](const std::string& what) {
        std::string line = what;
        for (char& c : line) {
            if (static_cast<unsigned char>(c) < ' ') { c = ' '; }
        }
        text += "# - " + line + "\n";
    };
    for (const auto& mistake : adopted.mistakes) { comment("MISTAKE, which 'up' refuses: " + mistake); }
    for (const auto& remark : adopted.remarks) { comment(remark); }
    return text + "\n" + write_lab(adopted.lab);
}

}  // namespace warren
