// expand, the links: what plugs hosts into switches, joins switches, and joins hosts directly; who reaches whom by
// them, and on which VLANs.
#include <algorithm>

#include "lab/names.hpp"
#include "state/expander.hpp"

namespace warren::state_detail {

void Expander::join_switches(const CableLink& link) {
    if (is_switch(link.a.node) && is_switch(link.b.node)) { carried_.join(link.a.node, link.b.node); }
}

// With an interface that is down its routes, neighbours and IPv6 addresses are gone.
void Expander::take_from_links_that_are_down() {
    for (auto& [ns_name, ns] : state_.namespaces) {
        std::set<std::string> down;
        for (auto& [name, link] : ns.links) {
            if (link.up) { continue; }
            down.insert(name);
            std::erase_if(link.addresses, [](const Prefix& address) { return !address.address.is_v4(); });
        }
        if (down.empty()) { continue; }
        std::erase_if(ns.routes, [&](const Route& route) { return down.contains(route.device); });
        std::erase_if(ns.neighbours, [&](const auto& entry) { return down.contains(entry.first.first); });
    }
}

// What a switch's port looks like for an interface of HOST.
void Expander::plug(const std::string& host, const std::string& sw, const Port& port, Link link, Wire wire) {
    const std::string ns = ns_of(host);
    if (is_ovs(sw)) {
        OvsPort row;
        row.name = wire == Wire::internal ? link.name : port.name;
        row.type = wire == Wire::internal ? "internal" : "";
        row.tag = port.vlan;
        row.trunks = port.trunk;
        row.lab = lab_.name;
        row.host = host;
        state_.bridges[sw].ports.emplace(row.name, std::move(row));
    }
    join_vlans(host, sw, port);
    if (wire == Wire::internal) {
        link.kind = LinkKind::ovs_internal;
        state_.namespaces[ns].links.emplace(link.name, std::move(link));
        return;
    }
    if (userspace_carries(sw)) { link.tx_checksum = false; }
    Link end;
    end.up = link.up;
    end.shaping = port.shaping;
    end.name = port.name;
    end.kind = LinkKind::veth;
    end.alias = link.alias;
    end.mac = mac_for(host + ":" + link.name + "/port");
    end.mtu = link.mtu;
    end.peer_namespace = ns;
    end.peer = link.name;
    if (!is_ovs(sw)) {
        end.master = sw;
        set_bridge_vlans(sw, end, port);
    }
    link.kind = LinkKind::veth;
    link.peer_namespace = root_;
    link.peer = port.name;
    root().links.emplace(end.name, std::move(end));
    state_.namespaces[ns].links.emplace(link.name, std::move(link));
}

void Expander::set_bridge_vlans(const std::string& sw, Link& end, const Port& port) {
    if (!port.vlan && port.trunk.empty()) { return; }
    BridgePortVlans vlans;
    vlans.pvid = port.vlan;
    vlans.tagged = port.trunk;
    end.vlans = vlans;
    root().links[sw].vlan_filtering = true;
    auto& seen = bridge_vlans_[sw];
    seen.insert(port.trunk.begin(), port.trunk.end());
    if (port.vlan) { seen.insert(*port.vlan); }
}

// On a VLAN-filtering bridge a port without VLANs of its own carries all of them, untagged frames
// being VLAN 1's: what an Open vSwitch port without a tag does.
void Expander::give_native_vlans() {
    for (const auto& [sw, vlans] : bridge_vlans_) {
        for (auto& [name, link] : root().links) {
            if (link.master != sw || link.vlans) { continue; }
            BridgePortVlans all;
            all.pvid = 1;
            for (const Vlan vlan : vlans) {
                if (vlan != 1) { all.tagged.push_back(vlan); }
            }
            link.vlans = std::move(all);
        }
    }
}

void Expander::join_vlans(const std::string& host, const std::string& sw, const Port& port) {
    const std::string node = "host " + host;
    if (port.trunk.empty()) { reach_.join(node, vlan_key(sw, port.vlan.value_or(0))); }
    for (const Vlan vlan : port.trunk) { reach_.join(node, vlan_key(sw, vlan)); }
    if (port.vlan) { all_vlans_.insert(*port.vlan); }
    all_vlans_.insert(port.trunk.begin(), port.trunk.end());
}

// A direct link: the interface that wrote it, and the other end, which may be declared without a
// `to` of its own, before or after, or not at all.
void Expander::add_direct(const std::string& host, Link link, const std::string& other,
                          const std::string& other_name, const Shaping& back) {
    const auto key = std::pair(other, other_name);
    direct_.emplace(key, std::pair(host, link.name));
    direct_shaping_.emplace(key, back);
    reach_.join("host " + host, "host " + other);
    const bool declared = [&] {
        const auto found = hosts_.find(other);
        return found != hosts_.end() &&
               std::any_of(found->second->interfaces.begin(), found->second->interfaces.end(),
                           [&](const Interface& interface) { return interface.name == other_name; });
    }();
    if (!declared) {
        Link end = host_link(other, other_name, link.mtu, std::nullopt);
        loose_.emplace(key, std::move(end));
    }
    loose_.emplace(std::pair(host, link.name), std::move(link));
    settle(other, other_name);
}

// Puts a direct link in place as soon as both of its ends are known.
void Expander::settle(const std::string& host, const std::string& name) {
    const auto wire = direct_.find({host, name});
    if (wire == direct_.end()) { return; }
    const auto here = loose_.find({host, name});
    const auto there = loose_.find(wire->second);
    if (here == loose_.end() || there == loose_.end()) { return; }
    here->second.up = there->second.up;
    here->second.shaping = direct_shaping_.at({host, name});
    join_ends(host, std::move(here->second), wire->second.first, std::move(there->second));
    loose_.erase(here);
    loose_.erase(wire->second);
}

void Expander::join_ends(const std::string& host_a, Link a, const std::string& host_b, Link b) {
    a.peer_namespace = ns_of(host_b);
    a.peer = b.name;
    b.peer_namespace = ns_of(host_a);
    b.peer = a.name;
    b.alias = a.alias;
    state_.namespaces[ns_of(host_a)].links.emplace(a.name, std::move(a));
    state_.namespaces[ns_of(host_b)].links.emplace(b.name, std::move(b));
}

void Expander::add_switch_link(const CableLink& link) {
    const bool a_switch = is_switch(link.a.node);
    const bool b_switch = is_switch(link.b.node);
    Port a{link.a.port.value_or(""), link.vlan, link.trunk};
    std::sort(a.trunk.begin(), a.trunk.end());
    Port b = a;
    b.name = link.b.port.value_or("");
    const std::uint32_t mtu = link.mtu.value_or(mtu_of(lab_, Interface{}));
    const LinkImpairments impairments = impairments_of(lab_, link.impairments);
    const bool up = link.up.value_or(true);
    const auto sent_by = [&](bool first, std::uint32_t own_mtu) {
        return first ? shaped(impairments.out, impairments.in, own_mtu)
                     : shaped(impairments.in, impairments.out, own_mtu);
    };
    if (a_switch && b_switch) {
        a.shaping = sent_by(true, mtu);
        b.shaping = sent_by(false, mtu);
        const int number = ++links_between_[std::minmax(link.a.node, link.b.node)];
        if (a.name.empty()) { a.name = default_port_name(link.a.node, link.b.node, number); }
        if (b.name.empty()) { b.name = default_port_name(link.b.node, link.a.node, number); }
        join_switch_vlans(link, a);
        // A patch port is no device that could hold packets up, or be down.
        const bool patch = is_ovs(link.a.node) && is_ovs(link.b.node);
        if (patch && up && a.shaping.empty() && b.shaping.empty()) {
            add_patch(link.a.node, a, b.name);
            add_patch(link.b.node, b, a.name);
        } else {
            add_cable(link.a.node, a, link.b.node, b, mtu, up);
        }
        return;
    }
    // A host's interface that is declared under the host without an other end.
    if (a_switch || b_switch) {
        const LinkEnd& host_end = a_switch ? link.b : link.a;
        Port port = a_switch ? a : b;
        if (port.name.empty()) { port.name = default_peer_name(host_end.node, *host_end.port); }
        const auto found = loose_.find({host_end.node, *host_end.port});
        if (found == loose_.end()) { return; }
        Link end = std::move(found->second);
        loose_.erase(found);
        if (link.mtu) { end.mtu = *link.mtu; }
        port.shaping = sent_by(a_switch, end.mtu);
        end.shaping = sent_by(!a_switch, end.mtu);
        end.up = up;
        plug(host_end.node, a_switch ? link.a.node : link.b.node, port, std::move(end), Wire::veth);
        return;
    }
    const auto end_a = loose_.find({link.a.node, link.a.port.value_or("")});
    const auto end_b = loose_.find({link.b.node, link.b.port.value_or("")});
    if (end_a == loose_.end() || end_b == loose_.end()) { return; }
    if (link.mtu) {
        end_a->second.mtu = *link.mtu;
        end_b->second.mtu = *link.mtu;
    }
    end_a->second.shaping = sent_by(true, end_a->second.mtu);
    end_b->second.shaping = sent_by(false, end_b->second.mtu);
    end_a->second.up = end_b->second.up = up;
    reach_.join("host " + link.a.node, "host " + link.b.node);
    join_ends(link.a.node, std::move(end_a->second), link.b.node, std::move(end_b->second));
    loose_.erase(end_a);
    loose_.erase(loose_.find({link.b.node, link.b.port.value_or("")}));
}

void Expander::join_switch_vlans(const CableLink& link, const Port& port) {
    auto join = [&](Vlan vlan) { reach_.join(vlan_key(link.a.node, vlan), vlan_key(link.b.node, vlan)); };
    for (const Vlan vlan : port.trunk) { join(vlan); }
    if (port.vlan) { join(*port.vlan); }
    if (port.trunk.empty() && !port.vlan) {
        join(0);
        for (const Vlan vlan : all_vlans_) { join(vlan); }
    }
}

void Expander::add_patch(const std::string& sw, const Port& port, const std::string& peer) {
    OvsPort row;
    row.name = port.name;
    row.type = "patch";
    row.peer = peer;
    row.tag = port.vlan;
    row.trunks = port.trunk;
    row.lab = lab_.name;
    state_.bridges[sw].ports.emplace(row.name, std::move(row));
}

// A veth pair between two switches: of which at least one is a Linux bridge, or whose link is impaired.
void Expander::add_cable(const std::string& sw_a, const Port& a, const std::string& sw_b, const Port& b,
                         std::uint32_t mtu, bool up) {
    auto end = [&](const std::string& sw, const Port& port, const Port& other) {
        Link link;
        link.name = port.name;
        link.kind = LinkKind::veth;
        link.alias = mark(sw_a + ":" + a.name);
        link.mac = mac_for(sw + ":" + port.name);
        link.mtu = mtu;
        link.peer_namespace = root_;
        link.peer = other.name;
        link.up = up;
        link.shaping = port.shaping;
        if (userspace_carries(sw)) { link.tx_checksum = false; }
        if (is_ovs(sw)) {
            OvsPort row;
            row.name = port.name;
            row.tag = port.vlan;
            row.trunks = port.trunk;
            row.lab = lab_.name;
            state_.bridges[sw].ports.emplace(row.name, std::move(row));
        } else {
            link.master = sw;
            set_bridge_vlans(sw, link, port);
        }
        root().links.emplace(link.name, std::move(link));
    };
    end(sw_a, a, b);
    end(sw_b, b, a);
}

}  // namespace warren::state_detail
