// Reads ports of Open vSwitch and of Linux bridges. Called by adopt.cpp.
#include "views/adopt_ports.hpp"

namespace warren {

PortOf read_port(const std::string& sw, const OvsPort& row) {
    PortOf port;
    port.sw = sw;
    port.name = row.name;
    port.ovs = true;
    port.internal = row.type == "internal";
    port.trunk = row.trunks;
    (row.trunks.empty() ? port.vlan : port.native) = row.tag;
    return port;
}

SwitchPorts::SwitchPorts(const Survey& survey) {
    for (const auto& ovs : survey.switches) {
        if (!ovs.instance.net_namespace.empty()) { continue; }
        for (const auto& [name, bridge] : ovs.bridges) { find_ovs_ports(ovs, bridge); }
    }
    const auto machine = survey.namespaces.find(kMachineNamespace);
    if (machine == survey.namespaces.end()) { return; }
    machine_ = &machine->second;
    for (const auto& [name, link] : machine_->state.links) {
        const auto bridge = machine_->state.links.find(link.master);
        if (bridge == machine_->state.links.end() || bridge->second.kind != LinkKind::bridge) { continue; }
        ports_[{kMachineNamespace, name}] = bridge_port(bridge->second, link);
    }
}

void SwitchPorts::find_ovs_ports(const SurveyedOvs& ovs, const OvsBridge& bridge) {
    bridges_[bridge.name] = &bridge;
    for (const auto& [name, port] : bridge.ports) {
        const auto place = ovs.places.find(name);
        if (place == ovs.places.end()) { continue; }
        ports_[{place->second, name}] = read_port(bridge.name, port);
    }
}

PortOf SwitchPorts::bridge_port(const Link& bridge, const Link& link) {
    PortOf found;
    found.sw = bridge.name;
    found.name = link.name;
    if (!bridge.vlan_filtering || !link.vlans) { return found; }
    const BridgePortVlans& vlans = *link.vlans;
    std::set<Vlan> own(vlans.tagged.begin(), vlans.tagged.end());
    if (vlans.pvid) { own.insert(*vlans.pvid); }
    // VLAN 1 untagged, and all others there are: a port that nobody has restricted.
    if (vlans.pvid == Vlan{1} && own == vlans_of(bridge.name)) { return found; }
    found.trunk = vlans.tagged;
    (vlans.tagged.empty() ? found.vlan : found.native) = vlans.pvid;
    return found;
}

const std::set<Vlan>& SwitchPorts::vlans_of(const std::string& bridge) {
    auto [found, added] = vlans_.try_emplace(bridge);
    if (!added) { return found->second; }
    for (const auto& [name, link] : machine_->state.links) {
        if (link.master != bridge || !link.vlans) { continue; }
        if (link.vlans->pvid) { found->second.insert(*link.vlans->pvid); }
        found->second.insert(link.vlans->tagged.begin(), link.vlans->tagged.end());
    }
    return found->second;
}

const PortOf* SwitchPorts::of_machine(const std::string& link) const {
    const auto found = ports_.find({kMachineNamespace, link});
    return found == ports_.end() ? nullptr : &found->second;
}

const PortOf* SwitchPorts::behind(const std::string& ns, const Link& link) const {
    const bool veth = link.kind == LinkKind::veth;
    const auto found = ports_.find(veth ? std::pair(link.peer_namespace, link.peer) : std::pair(ns, link.name));
    if (found == ports_.end() || (veth && found->second.internal)) { return nullptr; }
    return &found->second;
}

void SwitchPorts::add_joined(std::set<std::string>& needed) const {
    std::map<std::string, std::set<std::string>> joined;
    std::map<std::string, std::pair<std::string, std::string>> patches;  // port → (switch, peer)
    for (const auto& [name, bridge] : bridges_) {
        for (const auto& [port_name, port] : bridge->ports) {
            if (port.type == "patch") { patches[port_name] = {name, port.peer}; }
        }
    }
    for (const auto& [port, end] : patches) {
        if (const auto far = patches.find(end.second); far != patches.end()) {
            joined[end.first].insert(far->second.first);
        }
    }
    for (const auto& [place, port] : ports_) {
        if (!place.first.empty() || machine_ == nullptr) { continue; }
        const auto link = machine_->state.links.find(place.second);
        if (link == machine_->state.links.end() || link->second.kind != LinkKind::veth ||
            !link->second.peer_namespace.empty()) {
            continue;
        }
        if (const auto* far = of_machine(link->second.peer)) { joined[port.sw].insert(far->sw); }
    }
    std::vector<std::string> todo(needed.begin(), needed.end());
    while (!todo.empty()) {
        const std::string next = std::move(todo.back());
        todo.pop_back();
        for (const auto& other : joined[next]) {
            if (needed.insert(other).second) { todo.push_back(other); }
        }
    }
}

}  // namespace warren
