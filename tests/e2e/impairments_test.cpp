// Rates, losses and delays of links are those that the file says, and change while the lab runs.
#include "harness.hpp"

namespace warren::e2e {
namespace {

const char* const kLab =
    "lab: imp\nswitches: {s1: {}}\nhosts:\n"
    "  a: {interfaces: {eth0: {to: s1, address: 10.0.0.1/24}}}\n"
    "  b: {interfaces: {eth0: {to: s1, address: 10.0.0.2/24}}}\n"
    "expect: [{reach: {from: a, to: b}}]\n";

class Impairments : public E2e {
protected:
    void up(const std::string& of_a) {
        std::string text = kLab;
        text.insert(text.find("10.0.0.1/24") + 11, of_a);
        file_ = write_file("imp.yaml", text);
        must_warren({"up", file_});
    }
    static double mbit(const std::vector<std::string>& more = {}) {
        std::vector<std::string> words{"iperf", "a", "b", "-t", "3"};
        words.insert(words.end(), more.begin(), more.end());
        return at(warren_json(words), "gbit_per_second").to_number<double>() * 1e3;
    }
    // The share of so many echo requests that was not answered.
    static double lost(int requests) {
        const std::string received =
            must_sh("ip netns exec a ping -q -i 0.002 -W 1 -c " + std::to_string(requests) +
                    " 10.0.0.2 | sed -n 's/.* \\([0-9]*\\) received.*/\\1/p'");
        return 1.0 - std::stod(received) / requests;
    }
    static bool has_netem() { return sh("unshare -n tc qdisc add dev lo root netem").ok(); }
    std::string file_;
};

TEST_F(Impairments, RateIsMeasuredWithinATenthInEachDirection) {
    up(", rate: {out: 10mbit, in: 20mbit}");
    // Of a frame's 1514 bytes TCP carries 1448.
    EXPECT_NEAR(mbit(), 10 * 1448.0 / 1514, 1);
    EXPECT_NEAR(mbit({"--reverse"}), 20 * 1448.0 / 1514, 2);
    EXPECT_THAT(must_warren({"plan", file_}), HasSubstr("nothing to do"));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Impairments, LossIsThatOfEachDirection) {
    up(", loss: {out: 10%}");
    // Five standard deviations of 3000 draws are 2.7 %.
    EXPECT_NEAR(lost(3000), 0.1, 0.028);
    must_warren({"set", "a:eth0", "loss.in=10%"});
    EXPECT_NEAR(lost(3000), 0.19, 0.036);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Impairments, ChangeLosesNothingAndIsWhatTheLabWants) {
    up("");
    must_sh("ip netns exec a ping -q -i 0.01 -c 300 10.0.0.2 >ping.out 2>&1 & echo $! >ping.pid");
    must_warren({"set", "a:eth0", "rate=100mbit"});
    must_warren({"set", "a:eth0", "rate.out=50mbit", "queue=200"});
    EXPECT_EQ(must_warren({"set", "a:eth0"}), "rate.out=50mbit\nrate.in=100mbit\nqueue=200");
    EXPECT_THAT(must_warren({"show"}), HasSubstr("no drift"));
    EXPECT_THAT(must_warren({"plan", file_}), HasSubstr("a:eth0 rate out"));
    must_sh("tail --pid=$(cat ping.pid) -f /dev/null");
    EXPECT_THAT(must_sh("cat ping.out"), HasSubstr("300 received"));
    must_warren({"up", file_});
    EXPECT_EQ(must_warren({"set", "a:eth0"}), "");
    EXPECT_THAT(must_sh("tc -n a qdisc show dev eth0"), Not(HasSubstr("5741:")));
    must_warren({"down"});
    must_sh("rm ping.out ping.pid");
    expect_same_machine();
}

TEST_F(Impairments, LinkGoesDownAndUp) {
    up("");
    must_warren({"link", "a", "s1", "down"});
    EXPECT_THAT(must_sh("ip -n a -br link show eth0"), HasSubstr("DOWN"));
    EXPECT_THAT(must_warren({"show"}), HasSubstr("no drift"));
    EXPECT_EQ(warren({"set", "a:eth0", "rate=10"}).status, 2);
    must_warren({"link", "a:eth0", "up"});
    EXPECT_THAT(must_warren({"plan", file_}), HasSubstr("nothing to do"));
    EXPECT_TRUE(warren({"check"}).ok());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Impairments, DisciplineOfSomebodyElseIsLeftAlone) {
    up("");
    must_sh("tc -n a qdisc add dev eth0 root handle 9: pfifo limit 7");
    EXPECT_THAT(must_warren({"plan", file_}), HasSubstr("nothing to do"));
    const Ran set = warren({"set", "a:eth0", "rate=10mbit"});
    EXPECT_EQ(set.status, 1);
    EXPECT_THAT(set.err, HasSubstr("Warren did not make"));
    EXPECT_THAT(must_sh("tc -n a qdisc show dev eth0"), HasSubstr("limit 7p"));
    EXPECT_THAT(must_warren({"show"}), HasSubstr("no drift"));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Impairments, WithoutNetemDelayIsRefusedBeforeAnythingIsMade) {
    if (has_netem()) { GTEST_SKIP() << "this kernel has netem"; }
    const Ran up = warren({"up", write_file("delay.yaml",
                                            "lab: d\nswitches: {s1: {}}\nhosts: {a: {interfaces: "
                                            "{eth0: {to: s1, delay: 10ms}}}}\n")});
    EXPECT_EQ(up.status, 3);
    EXPECT_THAT(up.err, HasSubstr("CONFIG_NET_SCH_NETEM"));
    expect_same_machine();
}

using Delay = Impairments;

TEST_F(Delay, IsAddedInEachDirection) {
    if (!has_netem()) { GTEST_SKIP() << "this kernel has no netem"; }
    up(", delay: 20ms, rate: 10mbit");
    const auto round_trip = [] {
        return std::stod(must_sh(
            "ip netns exec a ping -q -i 0.01 -c 100 10.0.0.2 | sed -n 's,^rtt [^=]*= [^/]*/\\([^/]*\\)/.*,\\1,p'"));
    };
    EXPECT_NEAR(round_trip(), 40, 4);
    EXPECT_NEAR(mbit(), 10 * 1448.0 / 1514, 1);
    must_warren({"set", "a:eth0", "delay=50ms"});
    EXPECT_NEAR(round_trip(), 100, 10);
    EXPECT_THAT(must_warren({"show"}), HasSubstr("no drift"));
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
