// doctor --path and iperf: what is measured between two hosts is plausible, and what lies between them is what there is.
#include <algorithm>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class DoctorPath : public E2e {
protected:
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "--all"}).ok());
        expect_same_machine();
    }
    static json::value measure(const std::string& from, const std::string& to) {
        return warren_json({"doctor", "--path", from, to, "--time", "0.05"});
    }
    static std::vector<std::string> names(const json::value& report) {
        std::vector<std::string> found;
        for (const auto& part : elements(at(report, "path"))) { found.emplace_back(at(part, "name").as_string()); }
        return found;
    }
    static bool has_limit(const json::value& report, std::string_view kind) {
        for (const auto& limit : elements(at(report, "limits"))) {
            if (at(limit, "kind") == json::value(kind)) { return true; }
        }
        return false;
    }
    // No bounds of speed: the machine may be loaded.
    static void expect_plausible(const json::value& rates) {
        ASSERT_TRUE(rates.is_object()) << json::serialize(rates);
        constexpr double kMostGigabits = 10'000;
        const double gigabits = at(rates, "tcp_gbit_per_second").to_number<double>();
        EXPECT_GT(gigabits, 0);
        EXPECT_LT(gigabits, kMostGigabits);
        EXPECT_GT(at(rates, "udp_packets_per_second").to_number<double>(), 0);
        EXPECT_GT(at(rates, "udp_packets_sent_per_second").to_number<double>(), 0);
        EXPECT_GT(at(rates, "round_trips_per_second").to_number<double>(), 0);
    }
    static void expect_plausible_report(const json::value& report) {
        for (const char* which : {"path", "direct", "bridge"}) {
            expect_plausible(at(at(report, "measured"), which));
        }
        EXPECT_FALSE(elements(at(report, "limits")).empty());
    }
    static void expect_mtu(const json::value& report, int mtu) {
        for (const auto& part : elements(at(report, "path"))) {
            if (part.as_object().contains("mtu")) {
                EXPECT_EQ(at(part, "mtu"), json::value(mtu)) << json::serialize(part);
            }
        }
    }
};

TEST_F(DoctorPath, OverALinuxBridge) {
    must_warren({"up", example("hello.yaml")});
    const json::value report = measure("h1", "h2");
    expect_plausible_report(report);
    EXPECT_THAT(names(report), testing::ElementsAre("eth0", "h1-eth0", "br0", "h2-eth0", "eth0"));
    expect_mtu(report, 1500);
    EXPECT_GT(at(at(report, "measured"), "direct_mtu_9000_tcp_gbit_per_second").to_number<double>(), 0);
    const bool filtered =
        sh("test \"$(cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || echo 0)\" = 1").ok();
    EXPECT_EQ(has_limit(report, "bridge-netfilter"), filtered);
    const std::string text = must_warren({"doctor", "--path", "h1", "h2", "--time", "0.01"});
    for (const char* words : {"h1 → h2 (10.0.0.2)", "br0", "direct veth pair", "TCP Gbit/s", "\n- "}) {
        EXPECT_THAT(text, HasSubstr(words));
    }
}

TEST_F(DoctorPath, ASecludedRootHasNoFirewallForItsBridges) {
    must_warren({"up", write_file("lab.yaml", R"(lab: quick
root: private
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {to: br0, address: 10.0.0.2/24}}}
)")});
    const json::value report = measure("a", "b");
    expect_plausible_report(report);
    EXPECT_FALSE(has_limit(report, "bridge-netfilter"));
}

// With offloads as a lab has them TCP passes; so do packets of 9000 bytes.
void expect_large_packets(const std::string& from, const std::string& address) {
    const Ran ping = sh("ip netns exec " + from + " ping -M do -s 8972 -c1 -W5 " + address);
    EXPECT_TRUE(ping.ok()) << testing::PrintToString(ping);
}

TEST_F(DoctorPath, LargeMtuFromEndToEndOverALinuxBridge) {
    must_warren({"up", write_file("lab.yaml", R"(lab: large
switches: {br0: {}}
defaults: {interface: {mtu: 9000}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {to: br0, address: 10.0.0.2/24}}}
)")});
    const json::value report = measure("a", "b");
    expect_plausible_report(report);
    expect_mtu(report, 9000);
    EXPECT_FALSE(at(report, "measured").as_object().contains("direct_mtu_9000_tcp_gbit_per_second"));
    expect_large_packets("a", "10.0.0.2");
}

TEST_F(DoctorPath, LargeMtuFromEndToEndOverOpenVswitch) {
    must_warren({"up", write_file("lab.yaml", R"(lab: large
switches: {s1: {kind: ovs}, s2: {kind: ovs}}
links: [{ends: ["s1:p1", "s2:p2"]}]
defaults: {interface: {mtu: 9000}}
networks: {n: {switch: s1, vlan: 100, subnet: 10.9.0.0/24}}
hosts:
  a: {interfaces: {eth0: {network: n, peer: va, address: 10.9.0.1/24}}}
  b: {interfaces: {eth0: {network: n, to: s2, peer: vb, address: 10.9.0.2/24}}}
  c: {interfaces: {eth-c: {network: n, to: s2, wire: internal, address: 10.9.0.3/24}}}
)")});
    const json::value report = measure("a", "b");
    expect_plausible_report(report);
    expect_mtu(report, 9000);
    EXPECT_THAT(names(report), testing::ElementsAre("eth0", "va", "s1", "p1", "p2", "s2", "vb", "eth0"));
    EXPECT_EQ(at(at(report, "path").as_array().at(1), "vlan"), json::value(100));
    EXPECT_EQ(at(at(report, "path").as_array().at(2), "datapath"),
              json::value(has_kernel_datapath() ? "system" : "netdev"));
    expect_large_packets("a", "10.9.0.2");
    const json::value internal = measure("a", "c");
    expect_plausible_report(internal);
    EXPECT_THAT(names(internal), testing::ElementsAre("eth0", "va", "s1", "p1", "p2", "s2", "eth-c"));
    expect_large_packets("a", "10.9.0.3");
}

TEST_F(DoctorPath, OverARouterAndByIPv6) {
    must_warren({"up", example("routed.yaml")});
    const json::value report = measure("a1", "b1");
    expect_plausible_report(report);
    EXPECT_THAT(names(report), testing::Contains("router"));
    must_warren({"down"});
    must_warren({"up", write_file("lab.yaml", R"(lab: six
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: "fd00::1/64"}}}
  b: {interfaces: {eth0: {address: "fd00::2/64"}}}
)")});
    const json::value six = measure("a", "b");
    EXPECT_EQ(at(six, "address"), json::value("fd00::2"));
    expect_plausible(at(at(six, "measured"), "path"));
    EXPECT_FALSE(at(six, "measured").as_object().contains("bridge"));  // no switch to compare with
}

TEST_F(DoctorPath, SaysWhyItCannotMeasure) {
    must_warren({"up", example("hello.yaml")});
    EXPECT_EQ(warren({"doctor", "--path", "h1"}).status, 2);
    EXPECT_EQ(warren({"doctor", "--time", "1"}).status, 2);
    EXPECT_EQ(warren({"doctor", "--path", "h1", "h1"}).status, 2);
    EXPECT_EQ(warren({"doctor", "--path", "h1", "nobody"}).status, 1);
    must_sh("ip -n h2 link set eth0 down");
    const Ran down = warren({"doctor", "--path", "h1", "h2", "--time", "0.05"});
    EXPECT_EQ(down.status, 1) << testing::PrintToString(down);
    EXPECT_THAT(down.err, HasSubstr("10.0.0.2"));
}

// What a token bucket lets through is known, however fast the machine is: 5 Mbit/s with headers, and its burst.
class Iperf : public DoctorPath {
protected:
    static double gigabits(const std::vector<std::string>& more) {
        std::vector<std::string> arguments{"iperf", "a", "b", "--time", "2"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return at(warren_json(arguments), "gbit_per_second").to_number<double>();
    }
    static void up(const std::string& kind = "bridge") {
        must_warren({"up", write_file("lab.yaml", "lab: pair\nswitches: {br0: {kind: " + kind + R"(}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: [10.0.0.1/24, "fd00::1/64"]}}}
  b: {interfaces: {eth0: {to: br0, address: [10.0.0.2/24, "fd00::2/64"]}}}
)")});
    }
    static constexpr double kShaped = 0.005;
};

TEST_F(Iperf, MeasuresWhatIsLetThroughAndSoDoesIperf3) {
    up();
    must_sh("tc -n a qdisc add dev eth0 root tbf rate 5mbit burst 5kb latency 50ms");
    for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{{}, {"--udp"}}) {
        const double own = gigabits(more);
        EXPECT_GT(own, 0.5 * kShaped);
        EXPECT_LT(own, 1.1 * kShaped);
    }
    EXPECT_GT(gigabits({"--reverse"}), 0);
    Background server("exec ip netns exec b iperf3 -s -1 --forceflush");
    ASSERT_TRUE(server.wait_for("listening"));
    const json::value theirs = json::parse(must_sh("ip netns exec a iperf3 -c 10.0.0.2 -t 2 -J"));
    const double bits = at(at(at(theirs, "end"), "sum_received"), "bits_per_second").to_number<double>();
    EXPECT_GT(bits, 0.5e9 * kShaped);
    EXPECT_LT(bits, 1.1e9 * kShaped);
    server.wait();
    EXPECT_TRUE(has_limit(measure("a", "b"), "queue"));
}

TEST_F(Iperf, BothProtocolsBothWaysAndSeveralAtOnce) {
    up("ovs");
    for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{
             {}, {"-R"}, {"-P", "3"}, {"-R", "-P", "2"}, {"-u", "-l", "18"}, {"-u", "-R"}, {"-u", "-P", "2"}}) {
        std::vector<std::string> arguments{"iperf", "a", "b", "-t", "0.1"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const json::value result = warren_json(arguments);
        const bool udp = !more.empty() && more[0] == "-u";
        const bool reverse = std::find(more.begin(), more.end(), "-R") != more.end();
        EXPECT_EQ(at(result, "protocol"), json::value(udp ? "udp" : "tcp"));
        EXPECT_EQ(at(result, "from"), json::value(reverse ? "b" : "a"));
        EXPECT_EQ(at(result, "to"), json::value(reverse ? "a" : "b"));
        EXPECT_GT(at(result, "bytes").to_number<double>(), 0);
        EXPECT_GT(at(result, "gbit_per_second").to_number<double>(), 0);
        EXPECT_EQ(result.as_object().contains("loss"), udp);
        if (udp) {
            EXPECT_LE(at(result, "packets_received").to_number<double>(),
                      at(result, "packets_sent").to_number<double>());
        }
    }
    const std::string text = must_warren({"iperf", "a", "b", "-t", "0.1", "--udp"});
    for (const char* words : {"protocol", "UDP", "bit/s", "lost"}) { EXPECT_THAT(text, HasSubstr(words)); }
    EXPECT_EQ(warren({"iperf", "a", "b", "--length", "100"}).status, 2);
    EXPECT_EQ(warren({"iperf", "a"}).status, 2);
    EXPECT_EQ(warren({"iperf", "a", "nobody"}).status, 1);
}

}  // namespace
}  // namespace warren::e2e
