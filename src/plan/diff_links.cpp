// diff, the links: veth pairs and Linux bridges; what happens to links that are there and are not wanted.
#include "plan/differ.hpp"

namespace warren::plan_detail {

const Link* Differ::seen(const std::string& ns, const std::string& name) const {
    return observed_links_.find(ns, name);
}

Differ::Place Differ::other_end(const std::string& name, const Link& link, const std::string& ns) const {
    if (link.kind != LinkKind::veth || link.peer.empty()) { return {}; }
    const Link* other = seen(link.peer_namespace, link.peer);
    if (other == nullptr || other->kind != LinkKind::veth || other->peer != name || other->peer_namespace != ns) {
        return {};
    }
    return {&link.peer_namespace, other};
}

// Marked, or so bound up with what is that the mark was only lost: the other end of a marked veth, the
// device of a port of ours.
bool Differ::ours(const Link& link) const {
    if (marked(link.alias)) { return true; }
    if (link.kind == LinkKind::ovs_internal) {
        const auto bridge = observed_.bridges.find(link.name);  // its local port
        return our_internal_ports_.contains(link.name) ||
               (bridge != observed_.bridges.end() && bridge->second.lab == lab_);
    }
    if (link.kind == LinkKind::veth && !link.peer.empty()) {
        const Link* other = seen(link.peer_namespace, link.peer);
        return other != nullptr && other->kind == LinkKind::veth && other->peer == link.name &&
               marked(other->alias);
    }
    return false;
}

bool Differ::ours_in(const std::string& ns, const std::string& device) const {
    const Link* link = seen(ns, device);
    return link != nullptr && ours(*link);
}

OnLink Differ::on_link(const std::string& ns, const std::string& device) {
    auto [entry, made] = on_links_.try_emplace(ns);
    if (made) {
        const Namespace& observed = observed_.namespaces.at(ns);
        for (const Route& route : observed.routes) { entry->second[route.device].routes.insert(route); }
        for (const auto& [key, mac] : observed.neighbours) {
            entry->second[key.first].neighbours.emplace(key.second, mac);
        }
        for (const auto& [key, value] : observed.sysctls) {
            const std::string_view owner = sysctl_device(key);
            if (!owner.empty()) { entry->second[std::string(owner)].sysctls.emplace(key, value); }
        }
    }
    const auto found = entry->second.find(device);
    return found == entry->second.end() ? OnLink{} : found->second;
}

void Differ::wanted_links() {
    kept_.reserve(wanted_.namespaces.size() * 3);
    static const Namespace kNothing;
    side_by_side(observed_.namespaces, wanted_.namespaces,
                 [&](const std::string& name, const Namespace* before, const Namespace* after) {
                     if (after == nullptr || blocked_namespaces_.contains(name)) { return; }
                     const bool anew = before == nullptr || replaced_namespaces_.contains(name);
                     side_by_side((anew ? kNothing : *before).links, after->links,
                                  [&](const std::string&, const Link* there, const Link* link) {
                                      if (link != nullptr) { wanted_link(after->name, there, *link); }
                                  });
                 });
}

void Differ::wanted_link(const std::string& ns, const Link* there, const Link& link) {
    if (link.kind == LinkKind::veth) {
        wanted_veth(ns, there, link);
        return;
    }
    if (link.kind == LinkKind::loopback) {
        if (there == nullptr) { return; }
        kept_.insert(there);
        // The machine's own loopback is not a lab's.
        if (ns != kMachineNamespace) { pairs_.push_back({&ns, there, &link}); }
        return;
    }
    if (there != nullptr && !ours(*there)) {
        conflict("link " + link.name + " in " + namespace_text(ns), there->alias);
        return;
    }
    if (link.kind == LinkKind::ovs_internal) { internal_wanted_[link.name] = {&ns, &link}; }
    if (link.kind != LinkKind::bridge) { return; }
    if (there != nullptr && there->kind == LinkKind::bridge) {
        kept_.insert(there);
        pairs_.push_back({&ns, there, &link});
    } else {
        fresh_[ns].insert(link.name);
        emit(AddBridge{ns, bare(link)});
    }
}

namespace {

// Which end of a veth is `a`: the switch's.
bool is_first(const Namespace& ns_x, const Link& x, const Namespace& ns_y, const Link& y) {
    const bool root_x = ns_x.host.empty();
    const bool root_y = ns_y.host.empty();
    if (root_x != root_y) { return root_x; }
    if (x.master.empty() != y.master.empty()) { return !x.master.empty(); }
    return std::tie(ns_x.name, x.name) < std::tie(ns_y.name, y.name);
}

}  // namespace

// Called for both ends; works at the first of them. THERE is what was found under this one's name.
void Differ::wanted_veth(const std::string& ns, const Link* there, const Link& link) {
    if (std::tie(link.peer_namespace, link.peer) < std::tie(ns, link.name)) { return; }
    const Namespace* peer_ns = wanted_links_.find(link.peer_namespace);
    const Link* other = wanted_links_.find(link.peer_namespace, link.peer);
    if (other == nullptr || blocked_namespaces_.contains(link.peer_namespace)) { return; }
    const bool anew = replaced_namespaces_.contains(link.peer_namespace);
    const Link* other_there = anew ? nullptr : seen(link.peer_namespace, link.peer);
    bool clash = false;
    if (there != nullptr && !ours(*there)) {
        conflict("link " + link.name + " in " + namespace_text(ns), there->alias);
        clash = true;
    }
    if (other_there != nullptr && !ours(*other_there)) {
        conflict("link " + link.peer + " in " + namespace_text(link.peer_namespace), other_there->alias);
        clash = true;
    }
    if (clash) { return; }
    if (there != nullptr && other_there != nullptr && there->peer == link.peer &&
        there->peer_namespace == link.peer_namespace && other_end(link.name, *there, ns).link == other_there) {
        kept_.insert(there);
        kept_.insert(other_there);
        pairs_.push_back({&ns, there, &link});
        pairs_.push_back({&peer_ns->name, other_there, other});
        return;
    }
    fresh_[ns].insert(link.name);
    fresh_[link.peer_namespace].insert(link.peer);
    if (is_first(wanted_.namespaces.at(ns), link, *peer_ns, *other)) {
        emit(AddVeth{ns, bare(link), link.peer_namespace, bare(*other)});
    } else {
        emit(AddVeth{link.peer_namespace, bare(*other), ns, bare(link)});
    }
}

// All that is ours and for which nothing else was found. Open vSwitch has had its turn: an internal port's
// device that is still here belongs to no port.
void Differ::remove_links() {
    for (const auto& [name, ns] : observed_.namespaces) {
        if (blocked_namespaces_.contains(name)) { continue; }
        const bool ns_goes = removed_namespaces_.contains(name);
        for (const auto& [link_name, link] : ns.links) {
            if (link.kind == LinkKind::loopback || kept_.contains(&link) || doomed_.contains(&link)) { continue; }
            if (link.kind == LinkKind::veth) {
                if (ours(link)) { remove_veth(name, link); }
                continue;
            }
            if (!marked(link.alias)) { continue; }
            if (link.kind == LinkKind::bridge) {
                removed_bridges_.emplace(name, link_name);
                emit(DelBridge{name, settled(link), on_link(name, link_name)});
            } else if (ns_goes) {
                continue;
            } else {
                emit(DelStray{name, settled(link), on_link(name, link_name)});
            }
            doomed_.insert(&link);
            lost_[name].insert(link_name);
        }
    }
}

void Differ::remove_veth(const std::string& ns, const Link& link) {
    Place a{&ns, &link};
    Place b = other_end(link.name, link, ns);
    if (b && !is_first(observed_.namespaces.at(*a.ns), *a.link, observed_.namespaces.at(*b.ns), *b.link)) {
        std::swap(a, b);
    }
    DelVeth step;
    step.with_namespace = true;
    const auto take = [&](const Place& end, std::string& end_ns, Link& value, OnLink& on) {
        if (!end) { return; }
        end_ns = *end.ns;
        value = settled(*end.link);
        on = on_link(*end.ns, end.link->name);
        step.with_namespace = step.with_namespace && removed_namespaces_.contains(*end.ns);
        doomed_.insert(end.link);
        lost_[*end.ns].insert(end.link->name);
    };
    take(a, step.ns_a, step.a, step.on_a);
    take(b, step.ns_b, step.b, step.on_b);
    if (!b) {
        // The other end is out of sight.
        step.ns_b = step.ns_a;
        step.a.peer.clear();
        step.a.peer_namespace.clear();
    }
    emit(std::move(step));
}

void Differ::set_links() {
    for (const Kept& kept : pairs_) { set_link(kept); }
}

void Differ::set_link(const Kept& kept) {
    const Link& seen_link = *kept.observed;
    const Link& wanted = *kept.wanted;
    const LinkKind kind = wanted.kind;
    const bool same_mac = wanted.mac.is_zero() || kind == LinkKind::loopback || seen_link.mac == wanted.mac;
    // A bridge's own is the kernel's: the smallest of its ports'.
    const bool same_mtu =
        kind == LinkKind::loopback || kind == LinkKind::bridge || wanted.leased_mtu || seen_link.mtu == wanted.mtu;
    const bool is_port = kind == LinkKind::veth;
    const bool has_offload = is_port || kind == LinkKind::ovs_internal;
    const bool bridge_goes =
        is_port && !seen_link.master.empty() && removed_bridges_.contains({*kept.ns, seen_link.master});
    const bool same = seen_link.alias == wanted.alias && seen_link.up == wanted.up && same_mac && same_mtu &&
                      (!is_port || (seen_link.master == wanted.master && seen_link.vlans == wanted.vlans)) &&
                      (!has_offload || seen_link.tx_checksum == wanted.tx_checksum) &&
                      (kind != LinkKind::bridge ||
                       (seen_link.stp == wanted.stp && seen_link.vlan_filtering == wanted.vlan_filtering));
    if (same && !bridge_goes) { return; }

    Link before = bare(seen_link);
    Link after = bare(wanted);
    if (same_mac) { after.mac = before.mac; }
    if (same_mtu) { after.mtu = before.mtu; }
    if (bridge_goes && !after.master.empty()) {
        Link released = before;
        released.master.clear();
        released.vlans.reset();
        emit(SetLink{*kept.ns, before, released});
        before = std::move(released);
    }
    emit(SetLink{*kept.ns, std::move(before), std::move(after)});
}

}  // namespace warren::plan_detail
