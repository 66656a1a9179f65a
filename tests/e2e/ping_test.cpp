// ping: who answers whom, told by name, and that nothing of it stays.
#include <algorithm>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Pinging : public E2e {
protected:
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "--all"}).ok());
        expect_same_machine();
    }
    static json::value pair(const json::value& report, std::string_view from, std::string_view to) {
        for (const auto& one : elements(at(report, "pairs"))) {
            if (at(one, "from") == json::value(from) && at(one, "to") == json::value(to)) { return one; }
        }
        return {};
    }
    static bool answered(const json::value& report, std::string_view from, std::string_view to) {
        return at(pair(report, from, to), "received").to_number<int>() > 0;
    }
};

TEST_F(Pinging, AllPairsOfThirtyHosts) {
    must_warren({"up", "--topo", "single,30"});
    // A loaded machine may lose one: asked until each has answered.
    const Ran all = warren({"ping", "-w", "30"});
    EXPECT_TRUE(all.ok()) << testing::PrintToString(all);
    EXPECT_THAT(all.out, HasSubstr("\nh30 "));
    EXPECT_THAT(all.out, HasSubstr("29/29"));
    EXPECT_THAT(all.out, HasSubstr("\n870 of 870 pairs answered; "));
    EXPECT_THAT(all.out, Not(HasSubstr("no answer")));
    // What the hosts learnt of each other is forgotten.
    EXPECT_EQ(must_sh("for i in $(seq 30); do ip -n h$i -4 neigh; done"), "");
    const json::value report = warren_json({"ping", "single-30", "--within", "30"});
    EXPECT_EQ(at(report, "pass"), json::value(true));
    EXPECT_EQ(elements(at(report, "pairs")).size(), 870U);
    EXPECT_EQ(at(report, "answered").to_number<int>(), 870);
    EXPECT_GT(at(at(report, "rtt_ms"), "max").to_number<double>(), 0);
}

TEST_F(Pinging, WhatIsBrokenIsToldByName) {
    must_warren({"up", "--topo", "single,5"});
    EXPECT_TRUE(warren({"ping", "-w", "30"}).ok());
    must_sh(
        "ip netns exec h2 nft -f - <<< 'table ip t { chain c { type filter hook input priority 0; "
        "ip saddr 10.0.0.4 icmp type echo-request drop; }; }'");
    const Ran broken = warren({"ping", "-w", "3"});
    EXPECT_EQ(broken.status, 1) << testing::PrintToString(broken);
    EXPECT_THAT(broken.out, HasSubstr("\nno answer: h4 → h2\n19 of 20 pairs answered; "));
    const json::value report = warren_json({"ping", "-w", "3"}, 1);
    EXPECT_EQ(at(report, "pass"), json::value(false));
    EXPECT_EQ(at(report, "answered").to_number<int>(), 19);
    EXPECT_FALSE(answered(report, "h4", "h2"));
    EXPECT_TRUE(answered(report, "h2", "h4"));
    EXPECT_GT(at(pair(report, "h4", "h2"), "sent").to_number<int>(), 1) << "it was not asked again";
}

TEST_F(Pinging, AHostThatIsDownIsToldOfOnce) {
    must_warren({"up", "--topo", "single,4"});
    must_sh("ip -n h3 link set h3-eth0 down");
    const Ran broken = warren({"ping", "-w", "2"});
    EXPECT_EQ(broken.status, 1);
    EXPECT_THAT(broken.out, HasSubstr("no answer: h1, h2, h4 → h3\n"
                                      "no answer: h3 → h1, h2, h4: Network is unreachable\n"
                                      "6 of 12 pairs answered; "));
}

TEST_F(Pinging, OnePairInTheWordsOfPing8) {
    must_warren({"up", "--topo", "single,2"});
    const std::string text = must_warren({"ping", "h1", "h2", "-c", "4", "-i", "0.01", "-W", "20", "-s", "3000"});
    EXPECT_THAT(text, HasSubstr("PING h2 (10.0.0.2) from h1: 3000 data bytes\n"));
    for (const char* sequence : {"1", "2", "3", "4"}) {
        EXPECT_THAT(text, HasSubstr(std::string("\n3008 bytes from h2 (10.0.0.2): icmp_seq=") + sequence +
                                    " ttl=64 time="));
    }
    EXPECT_THAT(
        text, HasSubstr("\n--- h2 ping statistics ---\n4 packets transmitted, 4 received, 0% packet loss, time "));
    EXPECT_THAT(text, HasSubstr("\nrtt min/avg/max/mdev = "));
    // By address; HOST as LAB/HOST.
    EXPECT_THAT(must_warren({"ping", "single-2/h1", "10.0.0.2", "-c1", "-W20"}),
                HasSubstr(" from 10.0.0.2: icmp_seq=1 "));
    EXPECT_TRUE(warren({"ping", "single-2/h1", "single-2/h2", "-w", "20"}).ok());

    must_sh("ip -n h2 link set h2-eth0 down");
    const Ran silent = warren({"ping", "h1", "h2", "-c", "2", "-W", "0.1"});
    EXPECT_EQ(silent.status, 1);
    EXPECT_THAT(silent.out, HasSubstr("2 packets transmitted, 0 received, 100% packet loss"));
    const Ran refused = warren({"ping", "h2", "h1"});
    EXPECT_EQ(refused.status, 1);
    EXPECT_THAT(refused.out, HasSubstr("h2 → h1 (10.0.0.1): Network is unreachable\n"));
    EXPECT_EQ(warren({"ping", "h1", "10.0.0.2", "-6"}).status, 2);
    EXPECT_EQ(warren({"ping", "h1", "h2", "-w", "1", "-W", "1"}).status, 2);
}

TEST_F(Pinging, CtrlCEndsItWithTheStatistics) {
    must_warren({"up", "--topo", "single,2"});
    Background ping({WARREN_PROGRAM, "ping", "h1", "h2", "-c", "0", "-i", "0.05"});
    ASSERT_TRUE(ping.wait_for("icmp_seq=3 ")) << ping.printed();
    ASSERT_EQ(ping.signal(SIGINT), 0);
    EXPECT_EQ(ping.wait(), 0) << ping.printed();
    EXPECT_TRUE(ping.wait_for("rtt min/avg/max/mdev")) << ping.printed();
}

TEST_F(Pinging, OfBothFamilies) {
    must_warren({"up", write_file("lab.yaml", R"(lab: six
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: [10.0.0.1/24, "fd00::1/64"]}}}
  b: {interfaces: {eth0: {to: br0, address: [10.0.0.2/24, "fd00::2/64"]}}}
  c: {interfaces: {eth0: {to: br0, address: "fd00::3/64"}}}
)")});
    const json::value six = warren_json({"ping", "-6", "-w", "30"});
    for (const auto& one : elements(at(six, "pairs"))) {
        EXPECT_THAT(std::string(at(one, "address").as_string()), testing::StartsWith("fd00::"));
    }
    const json::value any = warren_json({"ping", "-w", "30"});
    EXPECT_EQ(at(pair(any, "a", "b"), "address"), json::value("10.0.0.2"));
    EXPECT_EQ(at(pair(any, "a", "c"), "address"), json::value("fd00::3"));
    EXPECT_EQ(at(pair(any, "c", "a"), "address"), json::value("fd00::1"));
    const json::value four = warren_json({"ping", "-4", "-w", "5"}, 1);
    EXPECT_TRUE(answered(four, "a", "b"));
    EXPECT_EQ(at(pair(four, "a", "c"), "error"), json::value("c has no IPv4 address"));
    EXPECT_THAT(must_warren({"ping", "-6", "a", "b", "-w", "30"}),
                HasSubstr(" from b (fd00::2): icmp_seq=1 ttl=64 time="));
}

// What has the same address in another tenant does not answer for a host, and nor does the host that asks.
TEST_F(Pinging, TenantsWithTheSameAddresses) {
    must_warren({"up", write_file("lab.yaml", R"(lab: tenants
switches: {red-br: {}, green-br: {}}
hosts:
  red1:   {interfaces: {eth0: {to: red-br, address: 10.0.0.1/24}}}
  red2:   {interfaces: {eth0: {to: red-br, address: 10.0.0.2/24}}}
  green1: {interfaces: {eth0: {to: green-br, address: 10.0.0.1/24}}}
  green2: {interfaces: {eth0: {to: green-br, address: 10.0.0.2/24}}}
expect:
  - reach: {from: red1, to: red2}
  - reach: {from: red1, to: green2, within: 1s}
)")});
    const Ran text = warren({"ping", "-w", "2"});
    EXPECT_EQ(text.status, 1);
    EXPECT_THAT(
        text.out,
        HasSubstr("no answer: red1, red2 → green1, green2: answered by another, which has that address too\n"
                  "no answer: green1, green2 → red1, red2: answered by another"));
    EXPECT_THAT(text.out, HasSubstr("4 of 12 pairs answered; "));
    const json::value report = warren_json({"ping", "-w", "2"}, 1);
    for (const auto& one : elements(at(report, "pairs"))) {
        const auto from = std::string(at(one, "from").as_string());
        const auto to = std::string(at(one, "to").as_string());
        EXPECT_EQ(answered(report, from, to), from.substr(0, 3) == to.substr(0, 3)) << from << " " << to;
    }
    const Ran check = warren({"check"});
    EXPECT_EQ(check.status, 1);
    EXPECT_THAT(check.out, HasSubstr("PASS  reach red1 → red2  "));
    EXPECT_THAT(check.out,
                HasSubstr("FAIL  reach red1 → green2  no answer from 10.0.0.2 within 1 s: answered by another"));
}

TEST_F(Pinging, ByDhcpAddressesOfTenants) {
    must_warren({"up", example("tenants.yaml")});
    EXPECT_TRUE(warren({"check"}).ok());
    const Ran all = warren({"ping", "-w", "1"});
    EXPECT_EQ(all.status, 1);
    EXPECT_THAT(all.out, HasSubstr("no answer: red → green"));
    EXPECT_THAT(all.out, HasSubstr("no answer: green → red"));
    EXPECT_TRUE(warren({"ping", "red", "dhcp-r", "-w", "30"}).ok());
    EXPECT_EQ(warren({"ping", "red", "dhcp-g", "-w", "1"}).status, 1) << "dhcp-r has the same address";
}

}  // namespace
}  // namespace warren::e2e
