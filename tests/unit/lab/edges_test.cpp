// What is right although it looks odd: the last values that are allowed, and what only seems to clash.
#include <gtest/gtest.h>

#include "lab/lab_file.hpp"

namespace warren {
namespace {

// The mistakes of TEXT; where there are none, what is written must be the same lab.
std::string mistakes(const std::string& text) {
    Diagnostics diagnostics("F");
    const Lab lab = read_lab(text, diagnostics);
    if (!diagnostics.empty()) { return diagnostics.text(); }
    Diagnostics again("written");
    EXPECT_EQ(read_lab(write_lab(lab), again), lab) << write_lab(lab);
    return again.text();
}

TEST(Edges, NumbersThatAreJustAllowed) {
    EXPECT_EQ(mistakes("lab: x\n"
                       "switches: {s: {}}\n"
                       "hosts:\n"
                       "  h:\n"
                       "    interfaces:\n"
                       "      low: {to: s, vlan: 1, mtu: 68}\n"
                       "      high: {to: s, vlan: 4094, mtu: 65535}\n"
                       "      trunk: {to: s, trunk: [1, 4094]}\n"
                       "      v6: {to: s, mtu: 1280, address: 'fd00::1/64'}\n"
                       "      local: {to: s, mac: '02:00:00:00:00:00'}\n"
                       "expect: [{reach: {from: h, to: 10.0.0.1, tcp: 65535, within: 999999999h}}]\n"),
              "");
}

TEST(Edges, SubnetsOfOneAndTwoAddresses) {
    EXPECT_EQ(mistakes("lab: x\n"
                       "switches: {s: {}}\n"
                       "networks:\n"
                       "  pair: {switch: s, vlan: 1, subnet: 10.0.0.0/31}\n"
                       "  pair6: {switch: s, vlan: 2, subnet: 'fd00::/127'}\n"
                       "  one: {switch: s, vlan: 3, subnet: 10.1.0.9/32}\n"
                       "  smallest: {switch: s, vlan: 4, subnet: 10.2.0.0/30, dhcp: {}}\n"
                       "hosts:\n"
                       "  a: {interfaces: {e: {network: pair, address: 10.0.0.0/31}, f: {network: pair6}}}\n"
                       "  b: {interfaces: {e: {network: pair, address: 10.0.0.1/31}, f: {network: pair6}}}\n"
                       "  c: {interfaces: {e: {network: one, address: 10.1.0.9/32}, g: {network: smallest}}}\n"),
              "");
}

TEST(Edges, AddressesInTwoBroadcastDomainsDoNotClash) {
    const std::string head =
        "lab: x\n"
        "switches: {s: {}, t: {}}\n"
        "networks:\n"
        "  red: {switch: s, vlan: 1, subnet: 10.0.0.0/24}\n"
        "  green: {switch: s, vlan: 2, subnet: 10.0.0.0/24}\n"
        "hosts:\n"
        "  a: {interfaces: {e: {network: red, address: 10.0.0.1/24, mac: '02:00:00:00:00:01'}}}\n";
    EXPECT_EQ(
        mistakes(head + "  b: {interfaces: {e: {network: green, address: 10.0.0.1/24, mac: '02:00:00:00:00:01'}}}\n"
                        "  c: {interfaces: {e: {to: t, address: 10.0.0.1/24}}}\n"),
        "");
    EXPECT_EQ(mistakes(head + "  b: {interfaces: {e: {network: red, address: 10.0.0.1/24}}}\n"),
              "F:8:47: address 10.0.0.1 is twice in one broadcast domain; the first has 'a:e', line 7\n");
}

// The kernel tells names of namespaces and links apart by case; names of hosts are looked up without.
TEST(Edges, NamesThatDifferInCaseAlone) {
    EXPECT_EQ(mistakes("lab: x\n"
                       "switches: {s: {}, S: {}}\n"
                       "networks: {n: {switch: s}, N: {switch: S}}\n"
                       "hosts: {h: {interfaces: {e: {network: n, peer: p}, E: {network: N, peer: P}}}}\n"),
              "");
    EXPECT_EQ(
        mistakes("lab: x\nhosts: {h: {}, H: {}}\n"),
        "F:2:16: host 'H' differs from 'h' in case alone; names of hosts are looked up without regard to case\n");
}

TEST(Edges, LongestNames) {
    const std::string lab(31, 'l');
    const std::string host(63, 'h');
    const std::string port = "._-+=@~^#,12345";
    EXPECT_EQ(mistakes("lab: " + lab + "\nswitches: {s: {}}\nhosts: {" + host + ": {interfaces: {'" + port +
                       "': {to: 's:p'}}}}\n"),
              "");
}

TEST(Edges, LoopsThatAreNone) {
    EXPECT_EQ(mistakes("lab: x\n"
                       "switches: {a: {}, b: {}, c: {}}\n"
                       "links: [{ends: [a, b], vlan: 1}, {ends: [b, c], vlan: 1}, {ends: [c, a], vlan: 2}]\n"),
              "");
    EXPECT_EQ(
        mistakes("lab: x\n"
                 "switches: {a: {}, b: {}, c: {}}\n"
                 "links: [{ends: [a, b]}, {ends: [b, c], trunk: [1, 2]}, {ends: [c, a], vlan: 2}]\n"),
        "F:3:56: this link closes a loop of switches 'a', 'b' and 'c', in which frames would circle for ever; "
        "give 'stp: true' to 'a', 'b' and 'c'\n");
}

TEST(Diagnostics, AreBoundedAndPrintable) {
    Diagnostics diagnostics("F");
    diagnostics.add({1, 2}, "a\x1b[2J\n\x7f \xc2\x9b \xc3\xa9", std::string(10'000, 'x'));
    EXPECT_EQ(diagnostics.items()[0].message, "a\\x1b[2J\\x0a\\x7f \\x9b \xc3\xa9");
    EXPECT_EQ(diagnostics.items()[0].hint, std::string(Diagnostics::kLongest, 'x') + "...");
    for (std::size_t i = 0; i < Diagnostics::kMost + 5; ++i) { diagnostics.add({2, 1}, "m"); }
    EXPECT_EQ(diagnostics.items().size(), Diagnostics::kMost);
    EXPECT_TRUE(diagnostics.text().ends_with("F:2:1: m\nF: more mistakes than these 1000\n"));
}

}  // namespace
}  // namespace warren
