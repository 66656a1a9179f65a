// What the lessons' checks say of a machine that is as it should be, and of one that is not.
#include "lesson/checks.hpp"

#include <gtest/gtest.h>

#include "lesson/lesson.hpp"

namespace warren::lesson {
namespace {

Link link_named(const std::string& name, LinkKind kind = LinkKind::veth) {
    Link link;
    link.name = name;
    link.kind = kind;
    return link;
}

// red and the machine with a veth pair between them, and a bridge ovs1 with a port of it.
Survey machine() {
    Survey survey;
    Link inside = link_named("eth0-r");
    inside.peer = "veth-r";
    inside.addresses.insert(*Prefix::parse("10.0.0.9/24"));
    inside.up = false;
    Link outside = link_named("veth-r");
    outside.peer_namespace = "red";
    outside.peer = "eth0-r";
    survey.namespaces["red"].state.links["eth0-r"] = inside;
    survey.namespaces[""].state.links["veth-r"] = outside;
    OvsBridge bridge;
    bridge.name = "ovs1";
    bridge.ports["veth-r"].name = "veth-r";
    bridge.ports["veth-r"].tag = Vlan{200};
    SurveyedOvs ovs;
    ovs.bridges["ovs1"] = bridge;
    survey.switches.push_back(ovs);
    return survey;
}

void expect_seen(const Check& check, bool so, const std::string& text) {
    const Seen seen = check(machine());
    EXPECT_EQ(seen.so, so) << seen.text;
    EXPECT_EQ(seen.text, text);
}

TEST(LessonChecks, SayWhatIsThere) {
    expect_seen(is_namespace("red"), true, "namespace red");
    expect_seen(is_cable("red", "eth0-r", "", "veth-r"), true,
                "a cable from eth0-r in red to veth-r in the machine's own namespace");
    expect_seen(is_port("ovs1", "veth-r", Vlan{200}), true, "port veth-r of ovs1, tag 200");
    expect_seen(has_address("red", "eth0-r", "10.0.0.9/24"), true, "eth0-r in red has 10.0.0.9/24");
}

TEST(LessonChecks, SayWhatIsMissingAndWhatIsThereInItsPlace) {
    expect_seen(is_namespace("green"), false, "there is no namespace green");
    expect_seen(has_link("red", "veth-r"), false, "veth-r is in the machine's own namespace, not in red");
    expect_seen(has_link("green", "eth0-g"), false, "there is no namespace green");
    expect_seen(has_link("red", "eth0-g"), false, "there is no interface eth0-g in red");
    expect_seen(is_up("red", "eth0-r"), false, "eth0-r in red is down");
    expect_seen(has_address("red", "eth0-r", "10.0.0.1/24"), false,
                "eth0-r in red has 10.0.0.9/24, not 10.0.0.1/24");
    expect_seen(has_lease("red", "eth0-r", "10.0.0.0/24"), false, "eth0-r in red has no lease, but 10.0.0.9/24");
    expect_seen(is_cable("red", "eth0-r", "", "veth-x"), false,
                "the other end of eth0-r is veth-r in the machine's own namespace, not veth-x in the machine's own "
                "namespace");
    expect_seen(is_port("ovs1", "veth-r", Vlan{100}), false, "port veth-r of ovs1 has tag 200, not tag 100");
    expect_seen(is_port("ovs1", "veth-r", {}, "internal"), false, "port veth-r has the type '', not 'internal'");
    expect_seen(is_port("ovs2", "veth-r"), false, "there is no Open vSwitch bridge ovs2");
    expect_seen(is_switch("ovs1"), false, "bridge ovs1 is in the database and does not work: it has no interface");
    expect_seen(runs("red", "dnsmasq"), false, "no dnsmasq runs in red");
    expect_seen(switch_runs("/run/x"), false, "no Open vSwitch answers in /run/x");
}

// Whatever a lesson makes it must be able to find again, and to take away.
TEST(Lessons, EveryNamespaceIsTakenAway) {
    for (int number = 1; number <= kLessons; ++number) {
        const Lesson lesson = warren::lesson::lesson(number, {});
        for (const auto& step : lesson.steps) {
            EXPECT_FALSE(step.title.empty());
            EXPECT_FALSE(step.why.empty());
            for (const auto& action : step.actions) {
                const std::string add = "ip netns add ";
                if (action.command.rfind(add, 0) != 0) { continue; }
                const std::string name = action.command.substr(add.size());
                EXPECT_TRUE(lesson.names.contains(name)) << name;
                bool removed = false;
                for (const auto& removal : lesson.removals) {
                    removed = removed || removal.command == "ip netns del " + name;
                }
                EXPECT_TRUE(removed) << name;
            }
        }
    }
}

}  // namespace
}  // namespace warren::lesson
