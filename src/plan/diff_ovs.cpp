// diff, Open vSwitch: the instance, bridges, ports, and the devices of internal ports, which live and die
// with their ports and are moved between namespaces.
#include <algorithm>

#include "plan/differ.hpp"

namespace warren::plan_detail {

void Differ::index_ports() {
    for (const auto& [name, bridge] : observed_.bridges) {
        if (bridge.lab != lab_) {
            for (const auto& [port_name, port] : bridge.ports) {
                foreign_ports_.emplace(port_name, port.lab.empty() ? bridge.lab : port.lab);
            }
            continue;
        }
        for (const auto& [port_name, port] : bridge.ports) {
            if (port.lab != lab_) {
                foreign_ports_.emplace(port_name, port.lab);
            } else if (port.type == "internal") {
                our_internal_ports_.insert(port_name);
            }
        }
    }
}

void Differ::find_internal_links() {
    if (our_internal_ports_.empty()) { return; }
    for (const auto& [ns_name, ns] : observed_.namespaces) {
        if (blocked_namespaces_.contains(ns_name)) { continue; }
        for (const auto& [name, link] : ns.links) {
            if (link.kind != LinkKind::ovs_internal || !our_internal_ports_.contains(name)) { continue; }
            // Two of one name: one is the remains of a port that an ovs-vswitchd which died had opened. The new
            // one's is in the switch's namespace, where nothing has marked it yet.
            const bool just_made = ns_name == old_ovs_.net_namespace && !marked(link.alias);
            if (just_made) {
                internal_seen_[name] = {&ns_name, &link};
                continue;
            }
            const auto wanted = internal_wanted_.find(name);
            const bool right = wanted != internal_wanted_.end() && *wanted->second.ns == ns_name;
            const auto seen = internal_seen_.find(name);
            if (seen != internal_seen_.end() && *seen->second.ns == old_ovs_.net_namespace &&
                !marked(seen->second.link->alias)) {
                continue;
            }
            if (right || seen == internal_seen_.end()) { internal_seen_[name] = {&ns_name, &link}; }
        }
    }
}

void Differ::ovs() {
    const bool was = observed_.ovs.has_value();
    const bool will = wanted_.ovs.has_value();
    old_ovs_ = observed_.ovs.value_or(wanted_.ovs.value_or(OvsInstance{}));
    new_ovs_ = wanted_.ovs.value_or(old_ovs_);
    find_internal_links();
    // Daemons in a namespace that somebody deleted serve nobody in the one that takes its place.
    ovs_moved_ = was && will && (!(old_ovs_ == new_ovs_) || added_namespaces_.contains(new_ovs_.net_namespace));
    if (was && old_ovs_.kind != OvsInstance::Kind::machine && (!will || ovs_moved_)) { emit(StopOvs{old_ovs_}); }
    if (will && new_ovs_.kind != OvsInstance::Kind::machine && (!was || ovs_moved_)) { emit(StartOvs{new_ovs_}); }

    std::vector<const OvsBridge*> removed;
    for (const auto& [name, bridge] : observed_.bridges) {
        if (bridge.lab != lab_) { continue; }
        if (ovs_moved_ || !wanted_.bridges.contains(name)) { removed.push_back(&bridge); }
    }
    for (const auto& [name, bridge] : wanted_.bridges) {
        const auto found = observed_.bridges.find(name);
        ovs_bridge(bridge, ovs_moved_ || found == observed_.bridges.end() ? nullptr : &found->second);
    }
    for (const OvsBridge* bridge : removed) { remove_ovs_bridge(*bridge); }
}

void Differ::ovs_bridge(const OvsBridge& wanted, const OvsBridge* observed) {
    if (observed == nullptr) {
        const Link* link =
            observed_.bridges.contains(wanted.name) ? nullptr : seen(new_ovs_.net_namespace, wanted.name);
        if (link != nullptr && !ours(*link)) {
            conflict("link " + wanted.name + " in " + namespace_text(new_ovs_.net_namespace), link->alias);
            return;
        }
        add_ovs_bridge(wanted);
        return;
    }
    if (observed->lab != lab_) {
        conflict("Open vSwitch bridge " + wanted.name, observed->lab);
        return;
    }
    if (observed->datapath_type != wanted.datapath_type) {
        remove_ovs_bridge(*observed);
        // Ports that others put on it go along.
        OvsBridge value = wanted;
        for (const auto& [name, port] : observed->ports) {
            if (port.lab != lab_) { value.ports.try_emplace(name, port); }
        }
        add_ovs_bridge(std::move(value));
        return;
    }
    const bool same = observed->fail_mode == wanted.fail_mode && observed->controller == wanted.controller &&
                      observed->protocols == wanted.protocols && observed->dpid == wanted.dpid &&
                      observed->mac == wanted.mac && observed->stp == wanted.stp;
    if (!same) {
        SetOvsBridge step{*observed, wanted, new_ovs_};
        step.before.ports.clear();
        step.after.ports.clear();
        emit(std::move(step));
    }
    ovs_ports(wanted, *observed);
}

void Differ::ovs_ports(const OvsBridge& wanted, const OvsBridge& observed) {
    const auto remove = [&](const OvsPort& port) {
        if (port.type == "internal") { unplace(port.name); }
        emit(DelOvsPort{wanted.name, port, new_ovs_});
    };
    for (const auto& [name, port] : observed.ports) {
        if (port.lab == lab_ && !wanted.ports.contains(name)) { remove(port); }
    }
    for (const auto& [name, port] : wanted.ports) {
        const auto found = observed.ports.find(name);
        if (port_conflicts(wanted.name, port)) { continue; }
        const bool there = found != observed.ports.end();
        if (there && !must_replace(found->second, port)) {
            const OvsPort& before = found->second;
            if (before.tag != port.tag || before.trunks != port.trunks || before.host != port.host) {
                emit(SetOvsPort{wanted.name, before, port, new_ovs_});
            }
            if (port.type == "internal") { keep_internal(name); }
            continue;
        }
        if (there) { remove(found->second); }
        emit(AddOvsPort{wanted.name, port, new_ovs_});
        if (port.type == "internal") { place(name); }
    }
}

bool Differ::port_conflicts(const std::string& bridge, const OvsPort& port) {
    if (const auto foreign = foreign_ports_.find(port.name); foreign != foreign_ports_.end() && !ovs_moved_) {
        conflict("port " + port.name + " of Open vSwitch bridge " + bridge, foreign->second);
        return true;
    }
    // The device of an internal port is made in the switch's namespace first.
    if (port.type == "internal" && !our_internal_ports_.contains(port.name)) {
        const Link* link = seen(new_ovs_.net_namespace, port.name);
        if (link != nullptr && !ours(*link)) {
            conflict("link " + port.name + " in " + namespace_text(new_ovs_.net_namespace), link->alias);
            return true;
        }
    }
    return false;
}

bool Differ::must_replace(const OvsPort& observed, const OvsPort& wanted) {
    if (observed.type != wanted.type || observed.peer != wanted.peer) { return true; }
    if (!observed.error.empty() || (observed.ofport && *observed.ofport <= 0)) { return true; }
    if (wanted.type.empty()) {
        const auto fresh = fresh_.find(new_ovs_.net_namespace);
        return fresh != fresh_.end() && fresh->second.contains(wanted.name);  // its device is another
    }
    if (wanted.type != "internal") { return false; }
    const auto want = internal_wanted_.find(wanted.name);
    const auto is = internal_seen_.find(wanted.name);
    const bool placed =
        is != internal_seen_.end() && (*is->second.ns != new_ovs_.net_namespace || marked(is->second.link->alias));
    if (want == internal_wanted_.end()) { return placed; }
    if (is == internal_seen_.end()) { return true; }  // its device was deleted, or went with its namespace
    return placed && (*is->second.ns != *want->second.ns || replaced_namespaces_.contains(*is->second.ns));
}

// The port stays; its device is in its place, or still has to be brought there.
void Differ::keep_internal(const std::string& port) {
    const auto is = internal_seen_.find(port);
    if (is == internal_seen_.end()) { return; }
    const Place& at = is->second;
    const auto want = internal_wanted_.find(port);
    kept_.insert(at.link);
    if (want == internal_wanted_.end()) { return; }
    if (*at.ns == *want->second.ns && (*at.ns != new_ovs_.net_namespace || marked(at.link->alias))) {
        pairs_.push_back({want->second.ns, at.link, want->second.link});
    } else {
        place(port);
    }
}

void Differ::place(const std::string& port) {
    const auto want = internal_wanted_.find(port);
    if (want == internal_wanted_.end()) { return; }
    fresh_[*want->second.ns].insert(port);
    emit(PlaceInternal{new_ovs_.net_namespace, *want->second.ns, bare(*want->second.link)});
}

// The port goes, and its device with it.
void Differ::unplace(const std::string& port) {
    const auto is = internal_seen_.find(port);
    if (is == internal_seen_.end()) { return; }
    const Place& at = is->second;
    doomed_.insert(at.link);
    if (*at.ns == old_ovs_.net_namespace && !marked(at.link->alias)) { return; }
    lost_[*at.ns].insert(port);
    emit(UnplaceInternal{old_ovs_.net_namespace, *at.ns, settled(*at.link), on_link(*at.ns, port), true});
}

void Differ::add_ovs_bridge(OvsBridge bridge) {
    for (auto port = bridge.ports.begin(); port != bridge.ports.end();) {
        if (port->second.lab == lab_ && port_conflicts(bridge.name, port->second)) {
            port = bridge.ports.erase(port);
            continue;
        }
        if (port->second.lab == lab_ && port->second.type == "internal") { place(port->first); }
        ++port;
    }
    emit(AddOvsBridge{std::move(bridge), new_ovs_});
}

void Differ::remove_ovs_bridge(const OvsBridge& bridge) {
    for (const auto& [name, port] : bridge.ports) {
        if (port.lab == lab_ && port.type == "internal") { unplace(name); }
    }
    emit(DelOvsBridge{bridge, old_ovs_});
}

}  // namespace warren::plan_detail
