// Pings as text and JSON.
#include "views/ping.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;

PairResult pair(std::string from, std::string to, std::string address, int sent, int received,
                std::chrono::nanoseconds rtt = 0ns) {
    PairResult result{std::move(from), std::move(to), std::move(address), {}};
    result.result.sent = sent;
    result.result.received = received;
    result.result.min = result.result.average = result.result.max = rtt;
    return result;
}

PairResult without_address(const std::string& from, const std::string& to) {
    auto result = pair(from, to, "", 0, 0);
    result.result.error = to + " has no address";
    return result;
}

constexpr int kWide = 100;

TEST(PingMatrix, HasARowAndAColumnForEachHost) {
    EXPECT_EQ(
        ping_matrix({"a", "b", "c"},
                    {pair("a", "b", "10.0.0.2", 1, 1, 250us), pair("b", "a", "10.0.0.1", 2, 0),
                     pair("a", "c", "10.0.0.3", 3, 1, 12350us), without_address("c", "a")},
                    kWide),
        "from \\ to  a  b      c\n"
        "a             0.250  12.350 (67%)\n"
        "b          -\n"
        "c          -\n"
        "no answer: b → a\n"
        "no answer: c → a: a has no address\n"
        "2 of 4 pairs answered; 6 packets sent, 67% lost; round trips of 0.250 to 12.350 ms, 6.300 on average\n");
}

TEST(PingMatrix, HasALineForEachHostWhereColumnsDoNotFit) {
    const std::vector<std::string> hosts{"a", "b", "c"};
    const std::vector<PairResult> pairs{
        pair("a", "b", "10.0.0.2", 1, 1, 200us), pair("a", "c", "10.0.0.3", 1, 1, 400us),
        pair("b", "a", "10.0.0.1", 1, 0),        pair("b", "c", "10.0.0.3", 1, 1, 500us),
        pair("c", "a", "10.0.0.1", 1, 0),        pair("c", "b", "10.0.0.2", 1, 0)};
    EXPECT_EQ(
        ping_matrix(hosts, pairs, 10),
        "from  answered  lost  min    avg    max\n"
        "a     2/2       0%    0.200  0.300  0.400\n"
        "b     1/2       50%   0.500  0.500  0.500\n"
        "c     0/2       100%  -      -      -\n"
        "no answer: b → a\n"
        "no answer: c → a, b\n"
        "3 of 6 pairs answered; 6 packets sent, 50% lost; round trips of 0.200 to 0.500 ms, 0.367 on average\n");
    EXPECT_THAT(ping_matrix(hosts, pairs, kWide), HasSubstr("from \\ to"));
}

TEST(PingMatrix, NothingAnswersNothing) {
    EXPECT_EQ(ping_matrix({"a"}, {}, kWide), "from \\ to  a\na\n0 of 0 pairs answered; 0 packets sent, 0% lost\n");
}

TEST(Unanswered, OneLineForTwoGroupsApart) {
    const std::vector<std::string> hosts{"h1", "h2", "h3", "h4", "red", "h6", "h7"};
    std::vector<PairResult> pairs;
    for (const auto& [from, to] : all_pairs(hosts)) {
        const bool answered = (from < "h4") == (to < "h4");
        pairs.push_back(pair(from, to, "10.0.0.1", 1, answered ? 1 : 0));
    }
    EXPECT_EQ(unanswered_text(hosts, pairs),
              "no answer: h1..h3 → h4, red, h6, h7\n"
              "no answer: h4, red, h6, h7 → h1..h3\n");
}

TEST(Unanswered, OneHostThatIsDown) {
    const std::vector<std::string> hosts{"h1", "h2", "h3", "h4", "h5"};
    std::vector<PairResult> pairs;
    for (const auto& [from, to] : all_pairs(hosts)) {
        pairs.push_back(pair(from, to, "10.0.0.1", 1, from == "h2" || to == "h2" ? 0 : 1));
    }
    EXPECT_EQ(unanswered_text(hosts, pairs),
              "no answer: h1, h3..h5 → h2\n"
              "no answer: h2 → h1, h3..h5\n");
}

TEST(Unanswered, NumbersThatAreWrittenOtherwiseAreNoRun) {
    const std::vector<std::string> hosts{"h08", "h09", "h10", "h11", "7", "8", "9"};
    std::vector<PairResult> pairs;
    for (const auto& to : {"h09", "h10", "h11", "7", "8", "9"}) {
        pairs.push_back(pair("h08", to, "10.0.0.1", 1, 0));
    }
    EXPECT_EQ(unanswered_text(hosts, pairs), "no answer: h08 → h09, h10, h11, 7..9\n");
    EXPECT_EQ(unanswered_text(hosts, {pair("h10", "7", "10.0.0.1", 1, 1)}), "");
}

TEST(PingText, IsLikePing8) {
    auto one = pair("a", "b", "10.0.0.2", 3, 2, 1500us);
    one.result.took = 204ms;
    one.result.deviation = 100us;
    EXPECT_EQ(ping_head(one, 56), "PING b (10.0.0.2) from a: 56 data bytes\n");
    EXPECT_EQ(ping_line(one, {0, 2, 64, 63, 1234567ns, false}),
              "64 bytes from b (10.0.0.2): icmp_seq=2 ttl=63 time=1.235 ms\n");
    EXPECT_EQ(ping_line(pair("a", "fd00::2", "fd00::2", 1, 1), {0, 1, 64, -1, 1ms, true}),
              "64 bytes from fd00::2: icmp_seq=1 time=1.000 ms (DUP!)\n");
    EXPECT_EQ(ping_statistics(one),
              "\n--- b ping statistics ---\n"
              "3 packets transmitted, 2 received, 33.33% packet loss, time 204ms\n"
              "rtt min/avg/max/mdev = 1.500/1.500/1.500/0.100 ms\n");
}

TEST(PingText, SaysWhyThereIsNoAnswer) {
    EXPECT_EQ(ping_statistics(pair("a", "b", "10.0.0.2", 3, 0)),
              "\n--- b ping statistics ---\n3 packets transmitted, 0 received, 100% packet loss, time 0ms\n");
    auto refused = pair("a", "b", "10.0.0.2", 0, 0);
    refused.result.error = "Network is unreachable";
    EXPECT_EQ(ping_statistics(refused), "a → b (10.0.0.2): Network is unreachable\n");
    EXPECT_EQ(ping_statistics(without_address("a", "b")), "a → b: b has no address\n");
}

TEST(PingJson, HasTimesOnlyWhereThereWasAnAnswer) {
    auto refused = pair("b", "a", "10.0.0.1", 0, 0);
    refused.result.error = "Network is unreachable";
    const auto root = json::parse(pings_json("lab", {pair("a", "b", "10.0.0.2", 1, 1, 250us), refused}));
    const auto& pairs = root.at("pairs").as_array();
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs.at(0).at("received").to_number<int>(), 1);
    EXPECT_DOUBLE_EQ(pairs.at(0).at("rtt_ms").at("avg").as_double(), 0.25);
    EXPECT_FALSE(pairs.at(0).as_object().contains("error"));
    EXPECT_FALSE(pairs.at(1).as_object().contains("rtt_ms"));
    EXPECT_EQ(pairs.at(1).at("error").as_string(), "Network is unreachable");
    EXPECT_FALSE(root.at("pass").as_bool());
    EXPECT_EQ(root.at("answered").to_number<int>(), 1);
    EXPECT_DOUBLE_EQ(root.at("lost_percent").to_number<double>(), 0);
    EXPECT_DOUBLE_EQ(root.at("rtt_ms").at("max").as_double(), 0.25);
}

}  // namespace
}  // namespace warren
