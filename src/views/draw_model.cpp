// From a lab's two states to what a diagram of it shows: the observed one where it has the thing, else the wanted
// one, marked as missing. Called by draw.cpp.
#include "views/draw_model.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "lab/names.hpp"
#include "state/expand.hpp"
#include "views/draw_palette.hpp"

namespace warren::drawing {
namespace {

template <class Map, class Key>
const typename Map::mapped_type* find(const Map& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
}

// Not yet observed, as in a diagram of a file alone, a link has no index and its carrier says nothing.
bool without_carrier(const Link& link) { return link.index != 0 && link.up && !link.carrier; }

class Modeller {
public:
    explicit Modeller(const LabView& view) : view_(view), root_(root_namespace(view.lab)) {}

    Model run() {
        model_.title = "lab " + view_.lab.name;
        model_.place = root_.empty() ? "this machine" : "namespace " + root_;
        find_root(view_.wanted, wanted_root_);
        find_root(view_.observed, observed_root_);
        for (const auto& name : switch_names()) { add_switch(name); }
        for (const auto& name : host_namespaces()) { add_host(name); }
        for (const auto& name : namespaces_) { add_wires(name); }
        for (std::size_t i = 0; i < model_.switches.size(); ++i) { add_switch_wires(i); }
        colour();
        return std::move(model_);
    }

private:
    void find_root(const State& state, const Namespace*& root) const {
        root = find(state.namespaces, root_);
        if (root == nullptr) { root = &none_; }
    }
    [[nodiscard]] const Link* link_in(const State& state, const std::string& ns, const std::string& name) const {
        const Namespace* in = find(state.namespaces, ns);
        return in == nullptr ? nullptr : find(in->links, name);
    }

    // The file's order, then what else there is.
    [[nodiscard]] std::vector<std::string> switch_names() const {
        std::vector<std::string> names;
        auto add = [&](const std::string& name) {
            if (std::find(names.begin(), names.end(), name) == names.end()) { names.push_back(name); }
        };
        std::set<std::string> there;
        for (const State* state : {&view_.wanted, &view_.observed}) {
            for (const auto& [name, bridge] : state->bridges) { there.insert(name); }
        }
        for (const Namespace* root : {wanted_root_, observed_root_}) {
            for (const auto& [name, link] : root->links) {
                if (link.kind == LinkKind::bridge) { there.insert(name); }
            }
        }
        for (const auto& sw : view_.lab.switches) {
            if (there.contains(sw.name)) { add(sw.name); }
        }
        for (const auto& name : there) { add(name); }
        return names;
    }

    void add_switch(const std::string& name) {
        SwitchNode sw;
        sw.name = name;
        const OvsBridge* wanted = find(view_.wanted.bridges, name);
        const OvsBridge* now = find(view_.observed.bridges, name);
        const std::size_t index = model_.switches.size();
        if (wanted != nullptr || now != nullptr) {
            sw.missing = now == nullptr;
            sw.title = name + " · Open vSwitch";
            add_ovs_ports(sw, wanted, now);
        } else {
            const Link* link = find(observed_root_->links, name);
            sw.missing = link == nullptr;
            sw.title = name + " · Linux bridge";
            if (link != nullptr && !link->up) { sw.title += " (down)"; }
            add_bridge_ports(sw);
        }
        if (sw.missing) { sw.title += " (missing)"; }
        for (std::size_t i = 0; i < sw.ports.size(); ++i) {
            // A port that is there wins over one that is only wanted, on another switch.
            const bool missing = sw.ports[i].note == "missing";
            const auto found = ports_.find(sw.ports[i].name);
            if (found == ports_.end() || !missing) { ports_[sw.ports[i].name] = {true, index, i}; }
        }
        if (sw.missing) {  // its title says it
            for (auto& port : sw.ports) { port.note.clear(); }
        }
        model_.switches.push_back(std::move(sw));
    }
    [[nodiscard]] bool port_whole(const End& port) const {
        const SwitchNode& sw = model_.switches[port.node];
        return !sw.missing && sw.ports[port.index].note.empty();
    }

    void add_ovs_ports(SwitchNode& sw, const OvsBridge* wanted, const OvsBridge* now) {
        std::map<std::string, std::pair<const OvsPort*, bool>> ports;
        if (wanted != nullptr) {
            for (const auto& [name, port] : wanted->ports) { ports[name] = {&port, false}; }
        }
        if (now != nullptr) {
            for (const auto& [name, port] : now->ports) { ports[name] = {&port, true}; }
        }
        for (const auto& [name, entry] : ports) {
            const auto& [port, there] = entry;
            Port tab;
            tab.name = name;
            tab.badge = badge_text(port->tag, port->trunks);
            tab.detail = port->type.empty() ? "system port" : port->type + " port";
            if (!port->error.empty()) { tab.detail += ": " + port->error; }
            if (!there) {
                tab.note = "missing";
            } else if (!port->error.empty() || port->ofport == -1) {
                tab.note = "error";
            }
            if (port->tag && port->trunks.empty()) { tenants_[{sw.name, name}] = tenant_of(*port->tag); }
            if (port->type == "patch") {
                tab.badge = tab.badge.empty() ? "patch" : "patch, " + tab.badge;
                patches_[name] = port->peer;
            }
            sw.ports.push_back(std::move(tab));
        }
    }

    void add_bridge_ports(SwitchNode& sw) {
        std::map<std::string, std::pair<const Link*, bool>> ports;
        std::set<Vlan> all{1};
        for (const Namespace* root : {wanted_root_, observed_root_}) {
            for (const auto& [name, link] : root->links) {
                if (link.master != sw.name) { continue; }
                ports[name] = {&link, root == observed_root_};
                if (link.vlans) { all.insert(link.vlans->tagged.begin(), link.vlans->tagged.end()); }
                if (link.vlans && link.vlans->pvid) { all.insert(*link.vlans->pvid); }
            }
        }
        for (const auto& [name, entry] : ports) {
            const auto& [link, there] = entry;
            Port tab;
            tab.name = name;
            if (!there) { tab.note = "missing"; }
            if (link->vlans && !carries_all(*link->vlans, all)) {
                tab.badge = badge_text(link->vlans->pvid, link->vlans->tagged);
                if (link->vlans->pvid && link->vlans->tagged.empty()) {
                    tenants_[{sw.name, name}] = tenant_of(*link->vlans->pvid);
                }
            }
            sw.ports.push_back(std::move(tab));
        }
    }
    // A port without VLANs of its own (see expand()): all of the bridge's, VLAN 1 untagged.
    static bool carries_all(const BridgePortVlans& vlans, const std::set<Vlan>& all) {
        return vlans.pvid == Vlan{1} && vlans.tagged.size() + 1 == all.size();
    }

    [[nodiscard]] std::vector<std::string> host_namespaces() const {
        std::vector<std::string> names;
        std::set<std::string> seen;
        auto add = [&](const std::string& name) {
            const Namespace* wanted = find(view_.wanted.namespaces, name);
            const Namespace* now = find(view_.observed.namespaces, name);
            const bool host =
                (wanted != nullptr && !wanted->host.empty()) || (now != nullptr && !now->host.empty());
            if (host && name != root_ && seen.insert(name).second) { names.push_back(name); }
        };
        for (const auto& host : view_.lab.hosts) { add(namespace_of(view_.lab, host)); }
        for (const auto& network : view_.lab.networks) {
            if (network.dhcp) { add(namespace_of(view_.lab, dhcp_host_name(network))); }
        }
        for (const State* state : {&view_.wanted, &view_.observed}) {
            for (const auto& [name, ns] : state->namespaces) { add(name); }
        }
        return names;
    }

    void add_host(const std::string& ns) {
        const Namespace* wanted = find(view_.wanted.namespaces, ns);
        const Namespace* now = find(view_.observed.namespaces, ns);
        if (wanted == nullptr && now == nullptr) { return; }
        HostNode host;
        host.name = now != nullptr && !now->host.empty() ? now->host : wanted != nullptr ? wanted->host : ns;
        host.missing = now == nullptr;
        for (const auto& name : interface_names(host.name, wanted, now)) {
            const Link* wanted_link = wanted == nullptr ? nullptr : find(wanted->links, name);
            const Link* now_link = now == nullptr ? nullptr : find(now->links, name);
            host.nics.push_back(nic(wanted_link, now_link));
            if (host.missing) { host.nics.back().note.clear(); }  // the host's title says it
        }
        const Namespace& here = now == nullptr ? *wanted : *now;
        if (here.attached) { host.facts.push_back("attached: " + attached_text(*here.attached)); }
        for (const auto& route : here.routes) {
            if (route.destination.length != 0) { continue; }
            host.facts.push_back("default via " + (route.via ? route.via->to_string() : route.device));
        }
        const std::string* forwards = find(here.sysctls, "net.ipv4.ip_forward");
        if (forwards != nullptr && *forwards == "1") { host.facts.emplace_back("forwards packets"); }
        add_processes(host);
        add_leases(host);
        namespaces_.push_back(ns);
        host_of_[ns] = model_.hosts.size();
        model_.hosts.push_back(std::move(host));
    }

    [[nodiscard]] std::vector<std::string> interface_names(const std::string& host, const Namespace* wanted,
                                                           const Namespace* now) const {
        std::set<std::string> there;
        for (const Namespace* ns : {wanted, now}) {
            if (ns == nullptr) { continue; }
            for (const auto& [name, link] : ns->links) {
                if (link.kind != LinkKind::loopback && name != "lo") { there.insert(name); }
            }
        }
        std::vector<std::string> names;
        if (const Host* written = view_.lab.find_host(host)) {
            for (const auto& interface : written->interfaces) {
                if (there.erase(interface.name) != 0) { names.push_back(interface.name); }
            }
        }
        names.insert(names.end(), there.begin(), there.end());
        return names;
    }

    static std::string detail(const Link& link) {
        const char* kind = link.kind == LinkKind::veth           ? "veth"
                           : link.kind == LinkKind::ovs_internal ? "internal port"
                           : link.kind == LinkKind::bridge       ? "bridge"
                                                                 : "interface";
        return fmt::format("{}, MTU {}, {}", kind, link.mtu, link.mac.to_string());
    }

    static Nic nic(const Link* wanted, const Link* now) {
        Nic out;
        if (wanted == nullptr && now == nullptr) { return out; }
        const Link& link = now != nullptr ? *now : *wanted;
        out.name = link.name;
        out.detail = detail(link);
        for (const auto& address : link.addresses) {
            if (!address.address.is_link_local()) { out.addresses.push_back(address.to_string()); }
        }
        for (const auto& address : link.leased) {
            if (!address.address.is_link_local()) { out.addresses.push_back(address.to_string() + " (dhcp)"); }
        }
        if (wanted != nullptr && wanted->dhcp && link.leased.empty()) { out.addresses.emplace_back("(dhcp …)"); }
        if (now == nullptr) {
            out.note = "missing";
        } else if (!now->up) {
            out.note = "down";
        } else if (without_carrier(*now)) {
            out.note = "no carrier";
        }
        return out;
    }

    void add_processes(HostNode& host) {
        std::set<std::pair<std::string, std::string>> keys;
        for (const State* state : {&view_.wanted, &view_.observed}) {
            for (const auto& [key, process] : state->processes) {
                if (process.host == host.name) { keys.insert(key); }
            }
        }
        for (const auto& key : keys) {
            const Process* now = find(view_.observed.processes, key);
            const Process& process = now != nullptr ? *now : view_.wanted.processes.at(key);
            if (process.role == ProcessRole::dhcp_server) { host.server = true; }
            std::string name = process.name;
            if (process.role == ProcessRole::dhcp_client && !process.command.empty()) {
                const std::string& program = process.command.front();
                name = program.substr(program.rfind('/') + 1);
            }
            if (now == nullptr) {
                if (!host.missing) { host.faults.push_back(name + " missing"); }
            } else if (!now->status.empty() && now->status != "running") {
                host.faults.push_back(name + " " + now->status);
            } else if (now->pid != 0) {
                host.processes.push_back(fmt::format("{} {}", name, now->pid));
            } else if (process.role != ProcessRole::dhcp_client) {
                host.processes.push_back(name);
            }
        }
    }

    void add_leases(HostNode& host) const {
        for (const auto& network : view_.lab.networks) {
            if (!network.dhcp || dhcp_host_name(network) != host.name) { continue; }
            const auto* leases = find(view_.leases, network.name);
            if (leases == nullptr) { continue; }
            for (const auto& lease : *leases) {
                host.leases.push_back(fmt::format("{} {}", lease.address.to_string(),
                                                  lease.host.empty() ? lease.mac.to_string() : lease.host));
            }
        }
    }

    // Where the other end of a host's interface is.
    void add_wires(const std::string& ns) {
        const std::size_t host = host_of_.at(ns);
        for (std::size_t i = 0; i < model_.hosts[host].nics.size(); ++i) {
            const std::string name = model_.hosts[host].nics[i].name;
            const Link* wanted = link_in(view_.wanted, ns, name);
            const Link* now = link_in(view_.observed, ns, name);
            const Link& link = now != nullptr ? *now : *wanted;
            bool whole = now != nullptr && now->up && !without_carrier(*now);
            if (link.kind == LinkKind::ovs_internal || (link.kind != LinkKind::veth && ports_.contains(name))) {
                connect({false, host, i}, name, whole, CableKind::internal);
                continue;
            }
            if (link.kind != LinkKind::veth) { continue; }
            const bool known = !link.peer.empty();
            if (!known && (wanted == nullptr || wanted->peer.empty())) { continue; }
            const Link& from = known ? link : *wanted;
            whole = whole && known;
            const Link* far = link_in(view_.observed, from.peer_namespace, from.peer);
            whole = whole && far != nullptr && far->up;
            if (from.peer_namespace == root_) {
                connect({false, host, i}, from.peer, whole, CableKind::veth);
            } else {
                connect_direct({false, host, i}, from, whole);
            }
        }
    }

    void add_wire(End a, End b, bool whole, CableKind kind) {
        const Stroke stroke = kind == CableKind::internal ? Stroke::doubled : Stroke::solid;
        Cable wire{a, b, whole ? stroke : Stroke::dashed, 0, kind, false};
        for (const End& end : {a, b}) {
            wire.trunk = wire.trunk || (end.on_switch && model_.switches[end.node].ports[end.index].badge.find(
                                                             "trunk") != std::string::npos);
        }
        model_.wires.push_back(wire);
    }

    void connect(End at, const std::string& port, bool whole, CableKind kind) {
        const auto found = ports_.find(port);
        if (found == ports_.end()) { return; }
        whole = whole && port_whole(found->second);
        add_wire(at, found->second, whole, kind);
        wired_.insert(port);
    }

    void connect_direct(End at, const Link& link, bool whole) {
        const auto other = host_of_.find(link.peer_namespace);
        if (other == host_of_.end()) { return; }
        const auto& nics = model_.hosts[other->second].nics;
        const auto there =
            std::find_if(nics.begin(), nics.end(), [&](const Nic& nic) { return nic.name == link.peer; });
        if (there == nics.end()) { return; }
        const End far{false, other->second, static_cast<std::size_t>(there - nics.begin())};
        if (!directs_.insert(std::minmax(at, far)).second) { return; }
        add_wire(at, far, whole, CableKind::veth);
    }

    void add_switch_wires(std::size_t sw) {
        for (std::size_t i = 0; i < model_.switches[sw].ports.size(); ++i) {
            const Port& port = model_.switches[sw].ports[i];
            std::string other;
            bool whole = port_whole({true, sw, i});
            CableKind kind = CableKind::veth;
            if (const auto patch = patches_.find(port.name); patch != patches_.end()) {
                other = patch->second;
                kind = CableKind::patch;
            } else {
                const Link* now = find(observed_root_->links, port.name);
                const Link* link =
                    now != nullptr && !now->peer.empty() ? now : find(wanted_root_->links, port.name);
                if (link == nullptr || link->kind != LinkKind::veth || link->peer_namespace != root_) { continue; }
                other = link->peer;
                whole = whole && now != nullptr && now->up && !without_carrier(*now);
            }
            const auto far = ports_.find(other);
            if (far == ports_.end() || wired_.contains(port.name) || wired_.contains(other)) { continue; }
            whole = whole && port_whole(far->second);
            if (const Link* end = find(observed_root_->links, other)) { whole = whole && end->up; }
            wired_.insert(port.name);
            wired_.insert(other);
            add_wire({true, sw, i}, far->second, whole, kind);
        }
    }

    static std::string tenant_of(Vlan vlan) { return fmt::format("vlan {}", vlan); }

    // What WIRE belongs to: its access VLAN, or the network that its host's interface is on.
    [[nodiscard]] std::string tenant_of(const Cable& wire) const {
        for (const End& end : {wire.b, wire.a}) {
            if (!end.on_switch) { continue; }
            const SwitchNode& sw = model_.switches[end.node];
            const Port& port = sw.ports[end.index];
            if (const std::string* tenant = find(tenants_, std::pair(sw.name, port.name))) { return *tenant; }
            if (!port.badge.empty()) { return {}; }
        }
        if (wire.a.on_switch || !wire.b.on_switch) { return {}; }
        const HostNode& host = model_.hosts[wire.a.node];
        for (const auto& network : view_.lab.networks) {
            if (network.dhcp && dhcp_host_name(network) == host.name) { return "network " + network.name; }
        }
        const Host* written = view_.lab.find_host(host.name);
        if (written == nullptr) { return {}; }
        for (const auto& interface : written->interfaces) {
            if (interface.name == host.nics[wire.a.index].name && interface.network) {
                return "network " + *interface.network;
            }
        }
        return {};
    }

    void colour() {
        Palette palette;
        for (const auto& network : view_.lab.networks) {
            palette.want(network.vlan ? tenant_of(*network.vlan) : "network " + network.name, network.name);
        }
        for (const auto& wire : model_.wires) {
            const std::string tenant = tenant_of(wire);
            if (!tenant.empty() && !wire.a.on_switch) { palette.want(tenant, model_.hosts[wire.a.node].name); }
        }
        palette.settle();
        name_tenants(palette);
        give_colours(model_, [&](const Cable& wire) { return palette.of(tenant_of(wire)); });
    }

    // The networks of the file, then VLANs that are on wires alone.
    void name_tenants(const Palette& palette) {
        std::set<std::string> seen;
        for (const auto& network : view_.lab.networks) {
            const std::string tenant = network.vlan ? tenant_of(*network.vlan) : "network " + network.name;
            seen.insert(tenant);
            model_.tenants.push_back(
                {network.vlan ? fmt::format("{}, VLAN {}", network.name, *network.vlan) : network.name,
                 palette.of(tenant)});
        }
        std::map<Vlan, std::string> others;
        for (const auto& [port, tenant] : tenants_) {
            if (!seen.contains(tenant)) { others[static_cast<Vlan>(std::stoi(tenant.substr(5)))] = tenant; }
        }
        for (const auto& [vlan, tenant] : others) {
            if (palette.of(tenant) != 0) {
                model_.tenants.push_back({fmt::format("VLAN {}", vlan), palette.of(tenant)});
            }
        }
    }

    const LabView& view_;
    const std::string root_;
    const Namespace none_{};
    const Namespace* wanted_root_ = nullptr;
    const Namespace* observed_root_ = nullptr;
    Model model_;
    std::vector<std::string> namespaces_;
    std::map<std::string, std::size_t> host_of_;                          // by namespace
    std::map<std::string, End> ports_;                                    // by name
    std::map<std::string, std::string> patches_;                          // port → peer
    std::map<std::pair<std::string, std::string>, std::string> tenants_;  // (switch, access port) → tenant
    std::set<std::string> wired_;                                         // ports
    std::set<std::pair<End, End>> directs_;
};

}  // namespace

Model make_model(const LabView& view) { return Modeller(view).run(); }

}  // namespace warren::drawing
