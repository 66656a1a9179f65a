// Reading, the tree under it, the defaults, and check_lab() on labs that no file made.
#include "lab/lab.hpp"

#include <ctime>

#include <gtest/gtest.h>

#include "lab/fields.hpp"
#include "lab/keys.hpp"
#include "lab/lab_file.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

Lab read_right(std::string_view text) {
    Diagnostics diagnostics("text");
    Lab lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "");
    return lab;
}

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }

TEST(Yaml, KnowsWhereThingsStand) {
    Diagnostics diagnostics("t");
    const auto root = compose_yaml("a:\r\n  b: [x, 'y z']\r\nc:\n", diagnostics);
    ASSERT_TRUE(root && diagnostics.empty());
    ASSERT_EQ(root->entries.size(), 2U);
    const YamlEntry& b = root->entries[0].value.entries.at(0);
    EXPECT_EQ(b.key_at, (Position{2, 3}));
    ASSERT_EQ(b.value.items.size(), 2U);
    EXPECT_EQ(b.value.items[1].at, (Position{2, 10}));
    EXPECT_TRUE(b.value.items[1].quoted && !b.value.items[0].quoted);
    EXPECT_EQ(b.value.items[1].text, "y z");
    EXPECT_TRUE(root->entries[1].value.is_null());
}

TEST(Yaml, DepthIsBounded) {
    const std::string within = "a: " + std::string(kMaxYamlDepth - 1, '[') + std::string(kMaxYamlDepth - 1, ']');
    Diagnostics none("t");
    EXPECT_TRUE(compose_yaml(within, none) && none.empty());
    Diagnostics one("t");
    EXPECT_FALSE(compose_yaml("a: " + std::string(1000000, '['), one));
    EXPECT_EQ(one.items().size(), 1U);
}

TEST(Yaml, MessagesAreOneLine) {
    EXPECT_EQ(quoted_for_message("a\nb"), "'a\\x0ab'");
    EXPECT_EQ(quoted_for_message("\xff"), "'\\xff'");
    EXPECT_LT(quoted_for_message(std::string(10000, 'x')).size(), 80U);
}

TEST(Words, EditDistance) {
    EXPECT_EQ(edit_distance("vlan", "vlan", 3), 0U);
    EXPECT_EQ(edit_distance("vlna", "vlan", 3), 1U);
    EXPECT_EQ(edit_distance("vlans", "vlan", 3), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting", 5), 3U);
    EXPECT_GT(edit_distance("kitten", "sitting", 2), 2U);
    EXPECT_GT(edit_distance("a", "abcdefgh", 2), 2U);
}

TEST(Words, Durations) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_duration("5s"), 5000ms);
    EXPECT_EQ(parse_duration("200ms"), 200ms);
    EXPECT_EQ(parse_duration("2m"), 120000ms);
    EXPECT_EQ(parse_duration("1h"), 3600000ms);
    for (const char* bad : {"", "5", "s", "5 s", "-5s", "05s", "5d", "1.5s", "1234567890s"}) {
        EXPECT_FALSE(parse_duration(bad)) << bad;
    }
    for (const char* text : {"5s", "200ms", "2m", "1h", "1001ms", "61s"}) {
        EXPECT_EQ(duration_text(*parse_duration(text)), text);
    }
}

TEST(Reader, ShortAndLongFormsAreTheSame) {
    const Lab brief = read_right(
        "lab: x\nswitches: {br0: {}}\nhosts:\n  h1: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24, trunk: "
        "5}}, gateway: 10.0.0.2, dns: 1.1.1.1}\n");
    const Lab lists = read_right(
        "lab: x\nswitches: {br0: }\nhosts:\n  h1: {interfaces: {eth0: {to: br0, address: [10.0.0.1/24], trunk: "
        "[5]}}, gateway: [10.0.0.2], dns: [1.1.1.1]}\n");
    EXPECT_EQ(brief, lists);
    EXPECT_NE(brief, read_right("lab: x\nswitches: {br0: {}}\n"));
}

TEST(Reader, RoutesKnowDefaultByTheFamily) {
    const Lab lab = read_right(
        "lab: x\nswitches: {br0: {}}\nhosts:\n"
        "  h1: {interfaces: {eth0: {to: br0, address: [10.0.0.1/24, \"fd00::1/64\", dhcp]}}, routes: {default: "
        "\"fd00::2\", 0.0.0.0/0: 10.0.0.2}}\n");
    const Host& host = lab.hosts.at(0);
    EXPECT_EQ(host.routes.at(prefix("::/0")), ip("fd00::2"));
    EXPECT_EQ(host.routes.at(prefix("0.0.0.0/0")), ip("10.0.0.2"));
    EXPECT_TRUE(host.interfaces.at(0).dhcp);
    EXPECT_EQ(host.interfaces.at(0).addresses.size(), 2U);
}

TEST(Reader, ALineIsForTheShellAndAListIsNot) {
    const Lab lab = read_right(
        "lab: x\nhosts: {h1: {run: [{name: a, command: echo hi}, {name: b, command: [echo, 5, \"\"], restart: "
        "never}]}}\n");
    EXPECT_EQ(lab.hosts[0].run[0].command, (std::vector<std::string>{"sh", "-c", "echo hi"}));
    EXPECT_EQ(lab.hosts[0].run[1].command, (std::vector<std::string>{"echo", "5", ""}));
    EXPECT_EQ(lab.hosts[0].run[1].restart, Restart::never);
}

TEST(Reader, TooLargeIsRefused) {
    std::string text = "lab: x\n# ";
    text.resize(kLargestLabFile + 1, 'x');
    Diagnostics diagnostics("t");
    (void)read_lab(text, diagnostics);
    ASSERT_EQ(diagnostics.items().size(), 1U);
}

TEST(Defaults, HoldWhereNothingElseIsSaid) {
    const Lab lab = read_right(
        "lab: x\n"
        "defaults:\n"
        "  switch: {kind: ovs, stp: true, datapath: netdev, fail-mode: secure}\n"
        "  interface: {mtu: 1400, wire: internal}\n"
        "  host: {gateway: [10.0.0.254, \"fd00::fe\"], dns: 10.0.0.53, forwarding: true, sysctls: {net.a: 1, "
        "net.b: 1}}\n"
        "switches: {s1: {}, s2: {kind: bridge, stp: false}}\n"
        "networks: {n: {switch: s2, subnet: 10.0.0.0/24}}\n"
        "hosts:\n"
        "  h1: {interfaces: {e1: {to: s1, address: 10.0.0.1/24}, e2: {to: s2}, e3: {to: \"s1:p3\", mtu: 1500}}}\n"
        "  h2: {interfaces: {e4: {network: n}}, gateway: 10.0.0.9, dns: 1.1.1.1, forwarding: false, sysctls: "
        "{net.b: 2}}\n"
        "  h3: {interfaces: {e5: {to: s1, address: [10.0.0.254/24, \"fd00::3/64\"]}}}\n"
        "  h4: {interfaces: {e6: {to: s1, address: 10.9.0.4/24}}}\n");
    const Switch& s1 = lab.switches[0];
    const Switch& s2 = lab.switches[1];
    EXPECT_EQ(kind_of(lab, s1), SwitchKind::ovs);
    EXPECT_EQ(kind_of(lab, s2), SwitchKind::bridge);
    EXPECT_TRUE(stp_of(lab, s1) && !stp_of(lab, s2));
    EXPECT_EQ(datapath_of(lab, s1), DatapathKind::netdev);
    EXPECT_EQ(fail_mode_of(lab, s1), FailMode::secure);
    const auto& h1 = lab.hosts[0];
    EXPECT_EQ(mtu_of(lab, h1.interfaces[0]), 1400U);
    EXPECT_EQ(mtu_of(lab, h1.interfaces[2]), 1500U);
    EXPECT_EQ(wire_of(lab, h1.interfaces[0]), Wire::internal);
    EXPECT_EQ(wire_of(lab, h1.interfaces[1]), Wire::veth);  // a Linux bridge
    EXPECT_EQ(wire_of(lab, h1.interfaces[2]), Wire::veth);  // its port has a name of its own
    EXPECT_EQ(gateways_of(lab, h1), std::vector{ip("10.0.0.254")});
    EXPECT_EQ(gateways_of(lab, lab.hosts[1]), std::vector{ip("10.0.0.9")});
    EXPECT_EQ(gateways_of(lab, lab.hosts[2]), std::vector{ip("fd00::fe")});  // it is the other one itself
    EXPECT_TRUE(gateways_of(lab, lab.hosts[3]).empty());                     // on no subnet with it
    EXPECT_EQ(dns_of(lab, h1), std::vector{ip("10.0.0.53")});
    EXPECT_EQ(dns_of(lab, lab.hosts[1]), std::vector{ip("1.1.1.1")});
    EXPECT_TRUE(forwarding_of(lab, h1) && !forwarding_of(lab, lab.hosts[1]));
    EXPECT_EQ(sysctls_of(lab, lab.hosts[1]), (std::map<std::string, std::string>{{"net.a", "1"}, {"net.b", "2"}}));
    const Lab bare = read_right("lab: x\nswitches: {br0: {}}\nhosts: {h1: {interfaces: {eth0: {to: br0}}}}\n");
    EXPECT_EQ(kind_of(bare, bare.switches[0]), SwitchKind::bridge);
    EXPECT_EQ(mtu_of(bare, bare.hosts[0].interfaces[0]), 1500U);
    EXPECT_FALSE(stp_of(bare, bare.switches[0]) || forwarding_of(bare, bare.hosts[0]));
}

std::string faults(const Lab& lab) {
    Diagnostics diagnostics("F");
    check_lab(lab, diagnostics);
    return diagnostics.text();
}

TEST(CheckLab, SeesWhatOnlyAProgramCanWrite) {
    Lab lab;
    lab.name = "x";
    lab.switches.resize(2);
    lab.switches[0].name = lab.switches[1].name = "br0";
    lab.hosts.resize(2);
    lab.hosts[0].name = lab.hosts[1].name = "h1";
    Interface interface;
    interface.name = "eth0";
    interface.to = Target{"br0", std::nullopt};
    interface.vlan = 4095;
    interface.mtu = 5;
    lab.hosts[0].interfaces = {interface};
    lab.hosts[0].run.emplace_back().name = "a";
    const std::string text = faults(lab);
    EXPECT_NE(text.find("F:0:0: a second switch 'br0'"), std::string::npos) << text;
    EXPECT_NE(text.find("a second host 'h1'"), std::string::npos) << text;
    EXPECT_NE(text.find("VLAN 4095 is outside"), std::string::npos) << text;
    EXPECT_NE(text.find("mtu 5 is outside"), std::string::npos) << text;
    EXPECT_NE(text.find("the command names no program"), std::string::npos) << text;
    EXPECT_NE(faults(Lab{}).find("cannot name a lab"), std::string::npos);
}

// What compared each host with each other would have ten thousand million pairs to look at: minutes of CPU time.
TEST(CheckLab, ALabOfAHundredThousandHostsIsCheckedInLinearTime) {
    Lab lab;
    lab.name = "big";
    lab.switches.resize(1);
    lab.switches[0].name = "ovs1";
    lab.switches[0].kind = SwitchKind::ovs;
    for (std::uint64_t i = 0; i < 100000; ++i) {
        Host& host = lab.hosts.emplace_back();
        host.name = "h" + std::to_string(i);
        Interface& interface = host.interfaces.emplace_back();
        interface.name = "eth0";
        interface.to = Target{"ovs1", std::nullopt};
        interface.addresses = {Prefix{ip("10.0.0.1").plus(i), 8}};
        host.gateways = {ip("10.255.0.1")};
    }
    const std::clock_t before = std::clock();
    EXPECT_EQ(faults(lab), "");
    EXPECT_LT((std::clock() - before) / CLOCKS_PER_SEC, 30) << "seconds of CPU time";
}

}  // namespace
}  // namespace warren
