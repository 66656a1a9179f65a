// The choice of an address by broadcast domains; no machine is needed.
#include "probe/reachable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "probe/check.hpp"

namespace warren {
namespace {

Prefix prefix(const std::string& text) { return *Prefix::parse(text); }

Link& add_link(State& state, const std::string& host, const std::string& name, LinkKind kind) {
    auto& ns = state.namespaces[host];
    ns.name = ns.host = host;
    Link& link = ns.links[name];
    link.name = name;
    link.kind = kind;
    return link;
}

// A host's interface on a port of an Open vSwitch bridge.
Link& plug(State& state, const std::string& host, const std::string& name, const std::string& bridge,
           std::optional<Vlan> tag, const std::string& address) {
    const std::string port = host + "-" + name;
    Link& link = add_link(state, host, name, LinkKind::veth);
    link.peer = port;
    link.addresses.insert(prefix(address));
    Link& end = state.namespaces[kMachineNamespace].links[port];
    end.name = port;
    end.kind = LinkKind::veth;
    end.peer_namespace = host;
    end.peer = name;
    OvsBridge& sw = state.bridges[bridge];
    sw.name = bridge;
    sw.ports[port].name = port;
    sw.ports[port].tag = tag;
    return link;
}

void patch(State& state, const std::string& a, const std::string& b, const std::vector<Vlan>& trunks) {
    for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
        OvsBridge& sw = state.bridges[from];
        sw.name = from;
        OvsPort& port = sw.ports["p-" + from];
        port.name = "p-" + from;
        port.type = "patch";
        port.peer = "p-" + to;
        port.trunks = trunks;
    }
}

TEST(BroadcastDomains, AreCounted) {
    State state;
    for (int i = 0; i < 5; ++i) {
        plug(state, "h" + std::to_string(i), "eth0", "s1", i < 3 ? 100 : 200, "10.0.0.1/24");
    }
    add_link(state, "h0", "lo", LinkKind::loopback);
    const probe::BroadcastDomains domains(state);
    EXPECT_EQ(domains.largest_of(state.namespaces.at("h0")), 3U);
    EXPECT_EQ(domains.largest_of(state.namespaces.at("h4")), 2U);
    plug(state, "h4", "eth1", "s1", 100, "10.0.0.9/24");
    EXPECT_EQ(probe::BroadcastDomains(state).largest_of(state.namespaces.at("h4")), 4U);
}

TEST(BroadcastDomains, TooLargeForAFloodAreSaid) {
    EXPECT_EQ(probe::flood_remark(1000, 1000), "");
    EXPECT_THAT(probe::flood_remark(1001, 1000), testing::HasSubstr("1001 interfaces"));
}

TEST(ReachableAddress, PrefersTheCommonVlan) {
    State state;
    plug(state, "red", "eth0", "s1", 100, "10.0.0.1/24");
    plug(state, "srv", "eth0", "s1", 200, "10.0.0.2/24");  // the same subnet in another VLAN
    plug(state, "srv", "eth1", "s1", 100, "10.7.0.2/24");
    EXPECT_EQ(reachable_address({}, state, "red", "srv"), IpAddress::parse("10.7.0.2"));
    state.bridges["s1"].ports["srv-eth0"].tag = 100;
    state.bridges["s1"].ports["srv-eth1"].tag = 200;
    EXPECT_EQ(reachable_address({}, state, "red", "srv"), IpAddress::parse("10.0.0.2"));
}

TEST(ReachableAddress, FollowsPatchesForTheVlansTheyCarry) {
    State state;
    plug(state, "red", "eth0", "s1", 100, "10.0.0.1/24");
    plug(state, "srv", "eth0", "s2", 200, "10.1.0.2/24");
    plug(state, "srv", "eth1", "s2", 100, "10.2.0.2/24");
    patch(state, "s1", "s2", {100, 200});
    EXPECT_EQ(reachable_address({}, state, "red", "srv"), IpAddress::parse("10.2.0.2"));
    // Not carried any more: neither is near, and the first one is taken.
    patch(state, "s1", "s2", {200});
    EXPECT_EQ(reachable_address({}, state, "red", "srv"), IpAddress::parse("10.1.0.2"));
}

TEST(ReachableAddress, IPv4FirstUnlessTheAskerHasNone) {
    State state;
    Link& red = plug(state, "red", "eth0", "s1", {}, "10.0.0.1/24");
    red.addresses.insert(prefix("fd00::1/64"));
    Link& green = plug(state, "green", "eth0", "s1", {}, "fd00::2/64");
    green.addresses.insert(prefix("10.0.0.2/24"));
    green.addresses.insert(prefix("fe80::2/64"));
    EXPECT_EQ(reachable_address({}, state, "red", "green"), IpAddress::parse("10.0.0.2"));
    red.addresses.erase(prefix("10.0.0.1/24"));
    EXPECT_EQ(reachable_address({}, state, "red", "green"), IpAddress::parse("fd00::2"));
}

TEST(ReachableAddress, LeasesCountAndLoopbackDoesNot) {
    State state;
    plug(state, "red", "eth0", "s1", {}, "10.0.0.1/24");
    Link& green = plug(state, "green", "eth0", "s1", {}, "10.0.0.2/24");
    add_link(state, "green", "lo", LinkKind::loopback).addresses.insert(prefix("127.0.0.1/8"));
    green.addresses.clear();
    EXPECT_EQ(reachable_address({}, state, "red", "green"), std::nullopt);
    green.leased.insert(prefix("10.0.0.50/24"));
    EXPECT_EQ(reachable_address({}, state, "red", "green"), IpAddress::parse("10.0.0.50"));
    EXPECT_EQ(reachable_address({}, state, "red", "nobody"), std::nullopt);
}

TEST(ReachableAddress, InternalPortsAndDirectLinks) {
    State state;
    plug(state, "red", "eth0", "s1", 100, "10.0.0.1/24");
    // dhcp: an internal port of VLAN 100, and a nearer-looking direct link to nobody.
    add_link(state, "dhcp", "a0", LinkKind::veth).addresses.insert(prefix("10.0.0.3/24"));
    add_link(state, "dhcp", "tap", LinkKind::ovs_internal).addresses.insert(prefix("10.50.0.2/24"));
    state.bridges["s1"].ports["tap"].name = "tap";
    state.bridges["s1"].ports["tap"].type = "internal";
    state.bridges["s1"].ports["tap"].tag = 100;
    EXPECT_EQ(reachable_address({}, state, "red", "dhcp"), IpAddress::parse("10.50.0.2"));
    // A direct link joins its two ends.
    Link& end = add_link(state, "dhcp", "a0", LinkKind::veth);
    end.peer_namespace = "green";
    end.peer = "b0";
    Link& other = add_link(state, "green", "b0", LinkKind::veth);
    other.peer_namespace = "dhcp";
    other.peer = "a0";
    other.addresses.insert(prefix("10.9.0.1/24"));
    EXPECT_EQ(reachable_address({}, state, "green", "dhcp"), IpAddress::parse("10.0.0.3"));
}

}  // namespace
}  // namespace warren
