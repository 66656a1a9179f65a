// Reports of checks.
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

}  // namespace
}  // namespace warren
