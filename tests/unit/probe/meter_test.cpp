// Links of a lab, and rates from counters.
#include "probe/meter.hpp"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lab/lab_file.hpp"
#include "state/expand.hpp"

namespace warren::probe {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

State wanted(const std::string& text) {
    Diagnostics diagnostics("test.yaml");
    const Lab lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    return expand(lab, site);
}

// As if all of it were there.
State observed(State state) {
    int index = 0;
    for (auto& [name, ns] : state.namespaces) {
        ns.inode = 7;
        for (auto& [link_name, link] : ns.links) { link.index = ++index; }
    }
    return state;
}

std::vector<std::string> names(const std::vector<Wire>& wires) {
    std::vector<std::string> texts;
    const auto text = [](const WireEnd& end) {
        return (end.is_switch ? "switch " : "host ") + end.owner + ":" + end.interface +
               (end.index == 0 ? "?" : "");
    };
    for (const auto& wire : wires) { texts.push_back(text(wire.a) + " " + text(wire.b)); }
    return texts;
}

TEST(Wires, JoinHostsAndSwitchesOfEachKind) {
    const State state = wanted(R"(lab: t
switches: {br0: {}, br1: {}, s1: {kind: ovs}, s2: {kind: ovs}}
hosts:
  a: {interfaces: {eth0: {to: "br0:pa"}, eth1: {to: "s1:qa"}}}
  b: {interfaces: {eth0: {to: s1, wire: internal}, eth1: {to: "c:eth0"}}}
  c: {interfaces: {eth0: {}}}
links: [{ends: ["br0:x", "br1:y"]}, {ends: ["s1:u", "s2:v"]}]
)");
    EXPECT_THAT(names(wires_of(state, observed(state))),
                ElementsAre("host a:eth0 switch br0:pa", "host a:eth1 switch s1:qa", "host b:eth0 switch s1:eth0?",
                            "host b:eth1 host c:eth0", "switch br0:x switch br1:y"));
}

TEST(Wires, ThatAreGoneAreLeftOut) {
    const State state = wanted("lab: t\nswitches: {br0: {}}\nhosts: {a: {interfaces: {eth0: {to: \"br0:pa\"}}}}\n");
    State there = observed(state);
    there.namespaces.at("a").links.erase("eth0");
    EXPECT_THAT(names(wires_of(state, there)), ElementsAre("host a:eth0? switch br0:pa"));
    there.namespaces.at("").links.erase("pa");
    EXPECT_THAT(wires_of(state, there), IsEmpty());
}

const Wire kWire{{"a", false, "eth0", "a", 2}, {"br0", true, "pa", "", 9}};

Reading reading(seconds at, const Counters& a, const Counters& b) {
    const std::chrono::steady_clock::time_point time(at);
    return {{"a", {time, 7, {{2, a}}}}, {"", {time, 1, {{9, b}}}}};
}

TEST(Rates, ArePerSecondAndAsTheFirstEndSeesThem) {
    const auto before = reading(seconds(10), {1000, 500, 10, 5, 1, 0, 0}, {500, 1000, 5, 10, 0, 2, 0});
    const auto after = reading(seconds(12), {3000, 600, 30, 7, 4, 0, 1}, {600, 3000, 7, 30, 0, 7, 2});
    const auto all = rates({kWire}, before, after);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].wire, kWire);
    EXPECT_DOUBLE_EQ(all[0].rx_bits, 8000);
    EXPECT_DOUBLE_EQ(all[0].tx_bits, 400);
    EXPECT_DOUBLE_EQ(all[0].rx_packets, 10);
    EXPECT_DOUBLE_EQ(all[0].tx_packets, 1);
    EXPECT_EQ(all[0].drops, 8U);
    EXPECT_EQ(all[0].errors, 3U);
    ASSERT_TRUE(all[0].b);
    EXPECT_EQ(all[0].b->tx_packets, 30U);
}

TEST(Rates, OfALinkWhoseFirstEndCannotBeReadAreThoseOfTheOther) {
    auto before = reading(seconds(1), {}, {100, 200, 1, 2, 0, 0, 0});
    auto after = reading(seconds(2), {}, {300, 600, 3, 7, 0, 0, 0});
    after.at("a").inode = 8;  // another namespace of that name
    const auto all = rates({kWire}, before, after);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_DOUBLE_EQ(all[0].tx_bits, 1600);
    EXPECT_DOUBLE_EQ(all[0].rx_bits, 3200);
    EXPECT_DOUBLE_EQ(all[0].tx_packets, 2);
    EXPECT_DOUBLE_EQ(all[0].rx_packets, 5);
    EXPECT_FALSE(all[0].a);
    after.erase("");
    EXPECT_THAT(rates({kWire}, before, after), IsEmpty());
    before.clear();
    EXPECT_THAT(rates({kWire}, before, after), IsEmpty());
}

TEST(Rates, OfANewInterfaceAreToldFromItsSecondReadingOn) {
    auto before = reading(seconds(1), {}, {});
    before.at("a").counters.clear();
    before.at("").counters.clear();
    const auto after = reading(seconds(2), {100, 100, 1, 1, 0, 0, 0}, {100, 100, 1, 1, 0, 0, 0});
    EXPECT_THAT(rates({kWire}, before, after), IsEmpty());
}

TEST(Counting, GoesOnOverAnOverflowAndBeginsAnewAtAReset) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(counted(5, 5), 0U);
    EXPECT_EQ(counted(5, 12), 7U);
    EXPECT_EQ(counted(kMost - 4, 5), 10U);
    EXPECT_EQ(counted(1'000'000, 300), 300U);
    EXPECT_EQ(counted(1'000'000, 0), 0U);
}

}  // namespace
}  // namespace warren::probe
