// The diagram of a survey, of machines that no test can make here: hardware, the kernel's own devices, tunnels.
#include "views/draw_live.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "surveyed_machine.hpp"
#include "views/draw.hpp"

namespace warren {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Machine : SurveyedMachine {
    void pair(const std::string& in, const std::string& name, const std::string& other, const std::string& far) {
        for (const auto& [here, own, there, peer] :
             {std::tuple(in, name, other, far), std::tuple(other, far, in, name)}) {
            Link& end = link(here, own, LinkKind::veth, "veth");
            end.peer_namespace = there;
            end.peer = peer;
        }
    }
    [[nodiscard]] std::string draw() const { return draw_text(live_model(survey), {true, false, 200}); }
};

TEST(DrawLive, UplinksAndWhatComesByItself) {
    Machine machine;
    machine.link("", "lo", LinkKind::loopback, "");
    machine.link("", "eth0", LinkKind::other, "").addresses = {*Prefix::parse("192.0.2.5/24")};
    machine.link("", "eth1", LinkKind::other, "").up = false;
    machine.link("", "sit0", LinkKind::other, "sit").up = false;
    machine.link("", "ovs-netdev", LinkKind::other, "tun");
    machine.ns("").routes.push_back({{*Prefix::parse("0.0.0.0/0"), *IpAddress::parse("192.0.2.1"), "eth0"}, 3, 0});
    Link& vlan = machine.link("", "eth0.7", LinkKind::other, "vlan");
    vlan.addresses = {*Prefix::parse("10.7.0.1/24")};
    machine.ns("").links["eth0.7"].number = 7;
    machine.ns("").links["eth0.7"].parent = "eth0";
    const std::string text = machine.draw();
    EXPECT_THAT(text, HasSubstr("the machine's own interfaces · eth0.7: vlan 7 on eth0 · default via 192.0.2.1"));
    EXPECT_THAT(text, HasSubstr("192.0.2.5/24"));
    for (const char* hidden : {"eth1", "sit0", "ovs-netdev", "lo "}) { EXPECT_THAT(text, Not(HasSubstr(hidden))); }
}

TEST(DrawLive, ANamespaceWithoutANameIsShownForItsLinks) {
    Machine machine;
    machine.link("pid 7 (systemd)", "lo", LinkKind::loopback, "");
    machine.ns("pid 7 (systemd)").named = false;
    machine.pair("pid 9 (nginx)", "eth0", "", "veth9");
    machine.ns("pid 9 (nginx)").named = false;
    machine.link("", "docker0", LinkKind::bridge, "bridge").addresses = {*Prefix::parse("172.17.0.1/16")};
    machine.ns("").state.links["veth9"].master = "docker0";
    const std::string text = machine.draw();
    EXPECT_THAT(text, Not(HasSubstr("systemd")));
    EXPECT_THAT(text, HasSubstr("docker0 · Linux bridge · 172.17.0.1/16"));
    EXPECT_THAT(text, HasSubstr("├───┼───┤ veth9"));
    EXPECT_THAT(text, Not(HasSubstr("own interfaces")));
}

TEST(DrawLive, TunnelsPatchesAndErrorsOfOpenVswitch) {
    Machine machine;
    machine.ns("");
    SurveyedOvs ovs;
    for (const char* name : {"br-a", "br-b"}) { ovs.bridges[name].name = name; }
    const auto add = [&](const char* bridge, const char* name, const char* type, const char* peer) {
        OvsPort port;
        port.name = name;
        port.type = type;
        port.peer = peer;
        ovs.bridges[bridge].ports[name] = port;
    };
    add("br-a", "to-b", "patch", "to-a");
    add("br-b", "to-a", "patch", "to-b");
    add("br-b", "vx", "vxlan", "");
    add("br-b", "gone", "", "");
    ovs.bridges["br-b"].ports["gone"].error = "could not open network device gone";
    machine.survey.switches.push_back(ovs);
    const auto model = live_model(machine.survey);
    ASSERT_EQ(model.wires.size(), 1U);
    EXPECT_EQ(model.wires[0].kind, drawing::CableKind::patch);
    const std::string text = machine.draw();
    EXPECT_THAT(text, HasSubstr("vxlan"));
    EXPECT_THAT(text, HasSubstr("gone (error)"));
}

TEST(DrawLive, VlansOfAFilteringBridgeAndTheirColours) {
    Machine machine;
    machine.link("", "br0", LinkKind::bridge, "bridge").vlan_filtering = true;
    for (const char* name : {"red", "blue"}) {
        machine.pair(name, "eth0", "", std::string("v-") + name);
        machine.ns("").state.links[std::string("v-") + name].master = "br0";
    }
    machine.ns("").state.links["v-red"].vlans = BridgePortVlans{Vlan{10}, {}};
    machine.ns("").state.links["v-blue"].vlans = BridgePortVlans{Vlan{1}, {}};
    const auto model = live_model(machine.survey);
    ASSERT_EQ(model.tenants.size(), 1U);
    EXPECT_EQ(model.tenants[0].name, "VLAN 10");
    EXPECT_EQ(model.tenants[0].colour, 31);
    const std::string text = machine.draw();
    EXPECT_THAT(text, HasSubstr("vlan 10"));
    EXPECT_THAT(text, Not(HasSubstr("vlan 1 ")));
}

TEST(DrawLive, WhatCannotBeSeenIsSaid) {
    Machine machine;
    machine.ns("");
    machine.link("web", "eth0", LinkKind::veth, "veth");
    machine.ns("web").links["eth0"].far = true;
    EXPECT_THAT(machine.draw(), HasSubstr("eth0 other end not seen"));
}

// "h2" before "h10".
TEST(DrawLive, HostsInTheOrderThatPeopleCountIn) {
    Machine machine;
    machine.ns("");
    for (const char* name : {"h10", "h2", "h1"}) { machine.ns(name); }
    const auto model = live_model(machine.survey);
    ASSERT_EQ(model.hosts.size(), 3U);
    EXPECT_EQ(model.hosts[1].name, "h2");
}

}  // namespace
}  // namespace warren
