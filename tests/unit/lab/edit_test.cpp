// Changes of the links of a lab that is up.
#include <gtest/gtest.h>

#include "lab/edit.hpp"
#include "lab/lab_file.hpp"

namespace warren {
namespace {

using Texts = std::vector<std::string>;

Lab lab_of(const char* text) {
    Diagnostics diagnostics("f");
    Lab lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    return lab;
}

Lab example() {
    return lab_of(
        "lab: x\nswitches: {s1: {}, s2: {}}\nlinks: [{ends: [s1, s2]}]\n"
        "hosts:\n  red: {interfaces: {eth0: {to: s1, rate: 10mbit}, eth1: {to: \"green:eth1\", delay: {out: "
        "5ms}}}}\n"
        "  green: {interfaces: {eth0: {to: s1}}}\n");
}

Texts settings(const Lab& lab, const std::string& end) {
    const auto found = link_settings(lab, end);
    EXPECT_TRUE(found.has_value());
    return found.value_or(Texts{});
}

TEST(Edit, ALinkIsTheSameFromBothEndsWithItsDirectionsSwapped) {
    Lab lab = example();
    EXPECT_EQ(settings(lab, "red:eth0"), Texts{"rate=10mbit"});
    EXPECT_EQ(settings(lab, "red:eth1"), Texts{"delay.out=5ms"});
    EXPECT_EQ(settings(lab, "green:eth1"), Texts{"delay.in=5ms"});
    ASSERT_TRUE(set_link(lab, "s1:red-eth0", {"loss.out=1%", "rate=none", "state=down"}));
    EXPECT_EQ(settings(lab, "red:eth0"), (Texts{"loss.in=1%", "state=down"}));
    ASSERT_TRUE(set_link(lab, "s1:s1-s2", {"delay=20ms"}));
    EXPECT_EQ(settings(lab, "s2:s2-s1"), Texts{"delay=20ms"});
}

TEST(Edit, TakingAllAwayLeavesTheLabAsItWas) {
    const Lab before = example();
    Lab lab = before;
    ASSERT_TRUE(set_link(lab, "green:eth0", {"loss=1%", "state=down"}));
    EXPECT_NE(lab, before);
    ASSERT_TRUE(set_link(lab, "green:eth0", {"loss=none", "state=up"}));
    EXPECT_EQ(lab, before);
    ASSERT_TRUE(set_links_up(lab, "s1", "red", false));
    EXPECT_EQ(settings(lab, "red:eth0"), (Texts{"rate=10mbit", "state=down"}));
    ASSERT_TRUE(set_links_up(lab, "red:eth0", "", true));
    EXPECT_EQ(lab, before);
}

TEST(Edit, WhatIsWrongIsSaid) {
    Lab lab = example();
    for (const char* wrong : {"rate=10", "rate", "speed=1mbit", "state=off", "delay.up=1ms", "loss=200%"}) {
        EXPECT_FALSE(set_link(lab, "red:eth0", {wrong})) << wrong;
    }
    EXPECT_FALSE(set_link(lab, "red:eth7", {"rate=1mbit"}));
    EXPECT_FALSE(set_link(lab, "red", {"rate=1mbit"}));
    EXPECT_FALSE(set_links_up(lab, "green", "s2", true));
}

TEST(ImpairmentTexts, AreReadAsTheyAreWritten) {
    Impairments of;
    const std::pair<const char*, const char*> texts[] = {{"rate", "10mbit"}, {"delay", "1500us"}, {"loss", "0.05%"},
                                                         {"queue", "64kb"},  {"queue", "100"},    {"rate", "none"}};
    for (const auto& [key, text] : texts) {
        ASSERT_TRUE(set_impairment(of, key, text)) << text;
        EXPECT_EQ(impairment_text(of, key), text);
    }
    ASSERT_TRUE(set_impairment(of, "rate", "1.5mbit"));
    EXPECT_EQ(impairment_text(of, "rate"), "1500kbit");
    ASSERT_TRUE(set_impairment(of, "delay", "0.25ms"));
    EXPECT_EQ(impairment_text(of, "delay"), "250us");
}

}  // namespace
}  // namespace warren
