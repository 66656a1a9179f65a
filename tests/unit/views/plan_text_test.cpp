// What a plan would change, in words and in JSON.
#include "views/plan_text.hpp"

#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using Kind = Change::Kind;

const std::vector<Change> kChanges{
    {Kind::removed, "host grey", "", "eth0 10.0.0.9/24 on br0", ""},
    {Kind::added, "host blue", "", "", "eth0 10.0.0.3/24 on br0"},
    {Kind::added, "host black", "", "", ""},
    {Kind::changed, "red:eth0-r", "address", "10.0.0.1/24", "10.0.0.9/24"},
};

TEST(PlanText, SummaryCountsOnlyWhatThereIs) {
    EXPECT_EQ(changes_summary(kChanges, 9), "4 changes in 9 steps: 2 added, 1 removed, 1 changed");
    EXPECT_EQ(changes_summary({kChanges[3]}, 1), "1 change in 1 step");
    EXPECT_EQ(changes_summary({{Kind::replaced, "red:eth0", "wire", "veth", "internal"}}, 3),
              "1 change in 3 steps");
    EXPECT_EQ(changes_summary({}, 0), "nothing to do");
}

TEST(PlanText, HasALineForEachChangeThenTheSummary) {
    std::string expected;
    for (const auto& change : kChanges) { expected += text(change) + "\n"; }
    EXPECT_EQ(changes_text(kChanges, 9, false), expected + "4 changes in 9 steps: 2 added, 1 removed, 1 changed\n");
    EXPECT_NE(expected.find("red:eth0-r address 10.0.0.1/24 → 10.0.0.9/24\n"), std::string::npos);
    EXPECT_EQ(changes_text({}, 0, false), "nothing to do\n");
}

TEST(PlanText, ColourTellsTheKindAndEndsWithTheLine) {
    const auto coloured = [](const Change& change, const char* colour) {
        return colour + text(change) + "\033[0m\n1 change in 2 steps\n";
    };
    EXPECT_EQ(changes_text({kChanges[1]}, 2, true), coloured(kChanges[1], "\033[32m"));
    EXPECT_EQ(changes_text({kChanges[0]}, 2, true), coloured(kChanges[0], "\033[31m"));
    EXPECT_EQ(changes_text({kChanges[3]}, 2, true), coloured(kChanges[3], "\033[33m"));
    const Change replaced{Kind::replaced, "red:eth0", "wire", "veth", "internal", "why"};
    EXPECT_EQ(changes_text({replaced}, 2, true), coloured(replaced, "\033[35m"));
}

TEST(PlanText, JsonKeepsAttributesApart) {
    const auto root = json::parse(changes_json("lab", kChanges, 17)).as_object();
    EXPECT_EQ(root.at("lab").as_string(), "lab");
    EXPECT_EQ(root.at("steps").to_number<int>(), 17);
    const auto& list = root.at("changes").as_array();
    ASSERT_EQ(list.size(), 4U);
    EXPECT_EQ(list.at(0).at("kind").as_string(), "removed");
    EXPECT_EQ(list.at(3), (json::object{{"kind", "changed"},
                                        {"object", "red:eth0-r"},
                                        {"attribute", "address"},
                                        {"before", "10.0.0.1/24"},
                                        {"after", "10.0.0.9/24"}}));
    const auto replaced =
        json::parse(changes_json("lab", {{Kind::replaced, "a", "wire", "veth", "internal", "why"}}, 3));
    EXPECT_EQ(replaced.at("changes").at(0).at("note").as_string(), "why");
    EXPECT_EQ(json::parse(changes_json("lab", {}, 0)).at("changes").as_array().size(), 0U);
}

}  // namespace
}  // namespace warren
