// Echo between real namespaces.
#include "probe/ping.hpp"

#include <algorithm>
#include <chrono>

#include "machine.hpp"

namespace warren {
namespace {

using namespace probe::test;
using std::chrono::milliseconds;

IpAddress ip(const std::string& text) { return *IpAddress::parse(text); }

TEST(Ping, CountsAnswersOfBothFamilies) {
    in_sandbox([] {
        make_bridge();
        add_host("a", "10.0.0.1/24");
        add_host("b", "10.0.0.2/24");
        sh("ip -n a addr add fd00::1/64 dev eth0 nodad; ip -n b addr add fd00::2/64 dev eth0 nodad");
        PingOptions options;
        options.count = 3;
        options.interval = milliseconds(10);
        options.timeout = std::chrono::seconds(20);
        const auto results = ping({{"a", ip("10.0.0.2")}, {"b", ip("fd00::1")}}, options);
        ASSERT_TRUE(results) << results.error().message();
        for (const auto& result : *results) {
            EXPECT_EQ(result.sent, 3);
            EXPECT_EQ(result.received, 3);
            EXPECT_EQ(result.error, "");
            EXPECT_GT(result.min.count(), 0);
            EXPECT_LE(result.min, result.average);
            EXPECT_LE(result.average, result.max);
            EXPECT_LT(result.max, options.timeout);
        }
    });
}

TEST(Ping, TellsSilenceFromNoRouteFromNoNamespace) {
    in_sandbox([] {
        make_bridge();
        add_host("a", "10.0.0.1/24");
        PingOptions options;
        options.timeout = milliseconds(150);
        const auto began = std::chrono::steady_clock::now();
        const auto results =
            ping({{"a", ip("10.0.0.9")}, {"a", ip("192.0.2.1")}, {"gone", ip("10.0.0.1")}}, options);
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
        ASSERT_TRUE(results) << results.error().message();
        EXPECT_EQ((*results)[0].sent, 1);
        EXPECT_EQ((*results)[0].received, 0);
        EXPECT_EQ((*results)[0].error, "");
        EXPECT_EQ((*results)[1].sent, 0);
        EXPECT_EQ((*results)[1].error, "Network is unreachable");
        EXPECT_NE((*results)[2].error.find("gone"), std::string::npos) << (*results)[2].error;
    });
}

// An answer of another host with the same address, in another namespace, is none of this pair's.
TEST(Ping, MatchesAnswersToTheirNamespace) {
    in_sandbox([] {
        make_bridge("br0");
        make_bridge("br1");
        add_host("a", "10.0.0.1/24", "br0");
        add_host("b", "10.0.0.2/24", "br0");
        add_host("c", "10.0.0.1/24", "br1");
        PingOptions options;
        options.timeout = milliseconds(2000);
        const auto results = ping({{"a", ip("10.0.0.2")}, {"c", ip("10.0.0.2")}}, options);
        ASSERT_TRUE(results) << results.error().message();
        EXPECT_EQ((*results)[0].received, 1);
        EXPECT_EQ((*results)[1].received, 0);
    });
}

// b has a's own address too, and c another's on a's bridge: who answers a is not who is meant.
TEST(Ping, CountsOnlyWhatTheOwnerWasAsked) {
    in_sandbox([] {
        make_bridge("br0");
        make_bridge("br1");
        add_host("a", "10.0.0.1/24", "br0");
        add_host("a2", "10.0.0.2/24", "br0");
        add_host("b", "10.0.0.1/24", "br1");
        add_host("c", "10.0.0.2/24", "br1");
        PingOptions options;
        options.timeout = milliseconds(300);
        options.until_reached = true;
        std::vector<PingAnswer> answers;
        options.answered = [&answers](const PingAnswer& answer) { answers.push_back(answer); };
        const auto results = ping({{"a", ip("10.0.0.1"), "b"},
                                   {"a", ip("10.0.0.2"), "c"},
                                   {"a", ip("10.0.0.2"), "gone"},
                                   {"a", ip("10.0.0.2")}},
                                  options);
        ASSERT_TRUE(results) << results.error().message();
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ((*results)[i].received, 0);
            EXPECT_EQ((*results)[i].error, "answered by another, which has that address too");
        }
        EXPECT_EQ((*results)[3].received, 1);
        ASSERT_EQ(answers.size(), 1U);
        EXPECT_EQ(answers.front().pair, 3U);
        EXPECT_EQ(answers.front().ttl, 64);
        EXPECT_EQ(answers.front().bytes, 64U);
    });
}

TEST(Ping, AsksTheOwnerInTime) {
    in_sandbox([] {
        make_bridge();
        add_host("a", "10.0.0.1/24");
        add_host("b", "10.0.0.2/24");
        PingOptions options;
        options.count = 4;
        options.interval = milliseconds(5);
        options.timeout = std::chrono::seconds(20);
        options.until_reached = true;
        const auto results = ping({{"a", ip("10.0.0.2"), "b"}, {"b", ip("10.0.0.1"), "a"}}, options);
        ASSERT_TRUE(results) << results.error().message();
        for (const auto& result : *results) {
            EXPECT_EQ(result.received, 4);
            EXPECT_EQ(result.error, "");
        }
    });
}

// 40 hosts would fill the machine's neighbour table (1024 entries) if they kept what they learn.
TEST(Ping, AllPairsOfFortyHosts) {
    in_sandbox([] {
        constexpr int kHosts = 40;
        make_bridge();
        const auto name = [](int i) { return "h" + std::to_string(i); };
        const auto address = [](int i) { return "10.0.0." + std::to_string(i + 1); };
        for (int i = 0; i < kHosts; ++i) { add_host(name(i), address(i) + "/24"); }
        std::vector<PingPair> pairs;
        for (int i = 0; i < kHosts; ++i) {
            for (int j = 0; j < kHosts; ++j) {
                if (i != j) { pairs.push_back({name(i), ip(address(j))}); }
            }
        }
        PingOptions options;
        options.timeout = std::chrono::seconds(20);
        const auto results = ping(pairs, options);
        ASSERT_TRUE(results) << results.error().message();
        ASSERT_EQ(results->size(), pairs.size());
        EXPECT_TRUE(
            std::all_of(results->begin(), results->end(), [](const auto& result) { return result.received == 1; }));
        // Nothing of it is left in the hosts.
        sh("test -z \"$(ip -n h3 -4 neigh)\"");
    });
}

TEST(Ping, KeepsTheEntriesThatWereThere) {
    in_sandbox([] {
        make_bridge();
        add_host("a", "10.0.0.1/24");
        add_host("b", "10.0.0.2/24");
        add_host("c", "10.0.0.3/24");
        sh("ip netns exec a ping -c1 -W2 -q 10.0.0.2 >/dev/null");
        sh("ip -n a neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent");
        ASSERT_TRUE(ping({{"a", ip("10.0.0.2")}, {"a", ip("10.0.0.3")}}, {}));
        sh("ip -n a neigh | grep -q '^10.0.0.2 '");
        sh("ip -n a neigh | grep -q '^10.0.0.77 '");
        sh("! ip -n a neigh | grep -q '^10.0.0.3 '");
    });
}

}  // namespace
}  // namespace warren
