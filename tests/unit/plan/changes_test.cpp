// What a plan looks like to a person.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/changes.hpp"
#include "states.hpp"

namespace warren::testing {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> texts(const State& a, const State& b) {
    std::vector<std::string> result;
    for (const Change& change : changes(a, b, kLab)) { result.push_back(text(change)); }
    return result;
}

State lab(bool with_blue) {
    State state;
    add_host(state, "red");
    add_bridge(state, "br0");
    add_veth(state, "red", "eth0", "veth-r", "br0").addresses = {prefix("10.0.0.1/24")};
    if (with_blue) {
        add_host(state, "blue");
        add_veth(state, "blue", "eth0", "veth-b", "br0").addresses = {prefix("10.0.0.3/24")};
        state.namespaces.at("blue").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0"}};
        state.files["/etc/netns/blue/hosts"].content = "x";
        state.files["/etc/netns/blue"].directory = true;
    }
    return state;
}

TEST(Changes, AHostIsOneLine) {
    EXPECT_THAT(texts(lab(false), lab(true)), ElementsAre("+ host blue (eth0 10.0.0.3/24 on br0)"));
    EXPECT_THAT(texts(lab(true), lab(false)), ElementsAre("- host blue (eth0 10.0.0.3/24 on br0)"));
}

TEST(Changes, AFirstUpNamesSwitchesAndHosts) {
    EXPECT_THAT(texts({}, lab(true)), ElementsAre("+ host blue (eth0 10.0.0.3/24 on br0)",
                                                  "+ host red (eth0 10.0.0.1/24 on br0)", "+ switch br0"));
}

TEST(Changes, AnInterfaceOfAHostThatStaysIsToldByItself) {
    State more = lab(false);
    add_veth(more, "red", "eth1", "veth-r1", "br0").addresses = {prefix("10.1.0.1/24")};
    EXPECT_THAT(texts(lab(false), more), ElementsAre("+ red:eth1 (10.1.0.1/24 on br0)"));
    EXPECT_THAT(texts(more, lab(false)), ElementsAre("- red:eth1 (10.1.0.1/24 on br0)"));
}

TEST(Changes, AttributesAreToldOneByOne) {
    State other = lab(false);
    Link& link = other.namespaces.at("red").links.at("eth0");
    link.mtu = 1400;
    link.up = false;
    other.namespaces.at("").links.at("br0").stp = true;
    other.namespaces.at("red").routes = {{prefix("0.0.0.0/0"), address("10.0.0.254"), "eth0"}};
    EXPECT_THAT(texts(lab(false), other),
                ElementsAre("switch br0 stp off → on", "red:eth0 mtu 1500 → 1400", "red:eth0 state up → down",
                            "red default route + via 10.0.0.254 dev eth0"));
}

TEST(Changes, TheKindOfALinkIsReplaced) {
    State before;
    add_host(before, "red");
    add_ovs(before, "ovs1");
    State after = before;
    add_veth(before, "red", "eth0", "veth-r");
    add_port(before, "ovs1", "veth-r");
    add_internal(after, "red", "ovs1", "eth0");
    EXPECT_THAT(texts(before, after), ElementsAre("~ red:eth0 replaced: kind veth → internal"));
}

TEST(Changes, ABrokenPortSaysWhy) {
    State good;
    add_host(good, "red");
    add_ovs(good, "ovs1");
    add_veth(good, "red", "eth0", "veth-r");
    add_port(good, "ovs1", "veth-r");
    State bad = good;
    bad.bridges.at("ovs1").ports.at("veth-r").error = "no such device";
    EXPECT_THAT(texts(bad, good), ElementsAre("~ ovs1:veth-r replaced: state no such device → open"));
    bad.bridges.at("ovs1").ports.erase("veth-r");
    EXPECT_THAT(texts(bad, good), ElementsAre("+ ovs1:veth-r"));
}

TEST(Changes, AKeeperAloneIsTold) {
    State with;
    with.keeper = true;
    EXPECT_THAT(texts({}, with), ElementsAre("~ start the keeper of the lab's processes"));
}

}  // namespace
}  // namespace warren::testing
