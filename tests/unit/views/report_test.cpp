// Reports of checks and pings.
#include "views/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::vector<Verdict> kVerdicts{
    {"reach red → dhcp-r", true, "10.50.50.2 answered in 0.40 ms", 12ms},
    {"isolate red → green", false, "frame of red:eth0-r arrived at green:eth0-g", 1500ms},
};

TEST(Verdicts, TextHasALineForEachAndTheCount) {
    EXPECT_EQ(verdicts_text(kVerdicts, false),
              "PASS  reach red → dhcp-r  10.50.50.2 answered in 0.40 ms\n"
              "FAIL  isolate red → green  frame of red:eth0-r arrived at green:eth0-g\n"
              "1 passed, 1 failed\n");
    EXPECT_EQ(verdicts_text({}, false), "0 passed, 0 failed\n");
}

TEST(Verdicts, ColourIsOnlyInTheWord) {
    const std::string text = verdicts_text(kVerdicts, true);
    EXPECT_THAT(text, HasSubstr("\033[32mPASS\033[0m  reach"));
    EXPECT_THAT(text, HasSubstr("\033[31mFAIL\033[0m  isolate"));
    EXPECT_THAT(verdicts_text(kVerdicts, false), Not(HasSubstr("\033")));
}

TEST(Verdicts, JsonFailsWhereOneFails) {
    const auto root = json::parse(verdicts_json("tenants", kVerdicts)).as_object();
    EXPECT_EQ(root.at("lab").as_string(), "tenants");
    EXPECT_FALSE(root.at("pass").as_bool());
    const auto& list = root.at("expectations").as_array();
    ASSERT_EQ(list.size(), 2U);
    EXPECT_EQ(list.at(0).at("expectation").as_string(), "reach red → dhcp-r");
    EXPECT_TRUE(list.at(0).at("pass").as_bool());
    EXPECT_FALSE(list.at(1).at("pass").as_bool());
    EXPECT_DOUBLE_EQ(list.at(1).at("seconds").as_double(), 1.5);
    EXPECT_TRUE(json::parse(verdicts_json("tenants", {kVerdicts[0]})).at("pass").as_bool());
}

TEST(Verdicts, JunitHasACaseForEachAndTheFailuresDetail) {
    EXPECT_EQ(verdicts_junit("tenants", kVerdicts),
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<testsuites>\n"
              "  <testsuite name=\"tenants\" tests=\"2\" failures=\"1\" time=\"1.500\">\n"
              "    <testcase classname=\"tenants\" name=\"reach red → dhcp-r\" time=\"0.012\"/>\n"
              "    <testcase classname=\"tenants\" name=\"isolate red → green\" time=\"1.500\">\n"
              "      <failure message=\"frame of red:eth0-r arrived at green:eth0-g\"/>\n"
              "    </testcase>\n"
              "  </testsuite>\n"
              "</testsuites>\n");
}

TEST(Verdicts, JunitEscapesWhatXmlCannotHold) {
    const std::string xml = verdicts_junit("l", {{"reach \"a\" <b>", false, "1 & 2\x1b[0m", 0ms}});
    EXPECT_THAT(xml, HasSubstr("name=\"reach &quot;a&quot; &lt;b&gt;\""));
    EXPECT_THAT(xml, HasSubstr("message=\"1 &amp; 2?[0m\""));
}

PairResult pair(std::string from, std::string to, std::string address, int sent, int received,
                std::chrono::nanoseconds rtt = 0ns) {
    PairResult result{std::move(from), std::move(to), std::move(address), {}};
    result.result.sent = sent;
    result.result.received = received;
    result.result.min = result.result.average = result.result.max = rtt;
    return result;
}

TEST(PingMatrix, HasARowAndAColumnForEachHost) {
    auto without = pair("c", "a", "", 0, 0);
    without.result.error = "a has no address";
    EXPECT_EQ(
        ping_matrix({"a", "b", "c"}, {pair("a", "b", "10.0.0.2", 1, 1, 250us), pair("b", "a", "10.0.0.1", 1, 0),
                                      pair("a", "c", "10.0.0.3", 1, 1, 12345us), without}),
        "from \\ to  a  b     c\n"
        "a             0.25  12.35\n"
        "b          -\n"
        "c          -\n"
        "round-trip times in ms; 2 of 4 answered, 50% lost\n");
}

TEST(PingText, SaysWhyThereIsNoAnswer) {
    EXPECT_EQ(ping_text(pair("a", "b", "10.0.0.2", 3, 2, 1500us)),
              "a → b (10.0.0.2): 2 of 3 answered, min/avg/max 1.500/1.500/1.500 ms\n");
    EXPECT_EQ(ping_text(pair("a", "b", "10.0.0.2", 3, 0)), "a → b (10.0.0.2): no answer to 3\n");
    auto refused = pair("a", "b", "10.0.0.2", 0, 0);
    refused.result.error = "Network is unreachable";
    EXPECT_EQ(ping_text(refused), "a → b (10.0.0.2): Network is unreachable\n");
    auto without = pair("a", "b", "", 0, 0);
    without.result.error = "b has no address";
    EXPECT_EQ(ping_text(without), "a → b: b has no address\n");
}

TEST(PingJson, HasTimesOnlyWhereThereWasAnAnswer) {
    auto refused = pair("b", "a", "10.0.0.1", 0, 0);
    refused.result.error = "Network is unreachable";
    const auto root = json::parse(ping_json("lab", {pair("a", "b", "10.0.0.2", 1, 1, 250us), refused}));
    const auto& pairs = root.at("pairs").as_array();
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs.at(0).at("received").to_number<int>(), 1);
    EXPECT_DOUBLE_EQ(pairs.at(0).at("rtt_ms").at("avg").as_double(), 0.25);
    EXPECT_FALSE(pairs.at(0).as_object().contains("error"));
    EXPECT_FALSE(pairs.at(1).as_object().contains("rtt_ms"));
    EXPECT_EQ(pairs.at(1).at("error").as_string(), "Network is unreachable");
}

}  // namespace
}  // namespace warren
