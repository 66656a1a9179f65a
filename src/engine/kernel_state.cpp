// Called by observe.cpp for one lab and by survey.cpp for the machine.
#include "engine/kernel_state.hpp"

#include <algorithm>

#include <net/if.h>

namespace warren {
namespace {

LinkKind kind_of(const KernelLink& link) {
    if ((link.flags & IFF_LOOPBACK) != 0) { return LinkKind::loopback; }
    if (link.kind == "veth") { return LinkKind::veth; }
    if (link.kind == "bridge") { return LinkKind::bridge; }
    if (link.kind == "tun" || link.kind == "openvswitch") { return LinkKind::ovs_internal; }
    return LinkKind::other;
}

}  // namespace

Link state_of(const KernelLink& from) {
    Link link;
    link.name = from.name;
    link.kind = kind_of(from);
    link.alias = from.alias;
    link.mac = from.mac;
    link.mtu = from.mtu;
    link.up = (from.flags & IFF_UP) != 0;
    link.stp = from.stp;
    link.vlan_filtering = from.vlan_filtering;
    link.carrier = from.carrier;
    link.index = from.index;
    return link;
}

Result<std::map<int, BridgePortVlans>> read_port_vlans(nl::Socket& socket) {
    WARREN_ASSIGN(const auto entries, dump_port_vlans(socket));
    std::map<int, BridgePortVlans> ports;
    for (const auto& entry : entries) {
        BridgePortVlans& vlans = ports[entry.index];
        if (entry.pvid) {
            vlans.pvid = entry.vlan;
        } else {
            vlans.tagged.push_back(entry.vlan);
        }
    }
    for (auto& [index, vlans] : ports) { std::sort(vlans.tagged.begin(), vlans.tagged.end()); }
    return ports;
}

}  // namespace warren
