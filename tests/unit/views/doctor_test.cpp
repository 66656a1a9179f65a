// The doctor's report.
#include "views/doctor.hpp"

#include <algorithm>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

const std::vector<Finding> kFindings{
    {"network namespaces", true, "can be made", "", "", "System", true},
    {"neighbour table", std::nullopt, "cannot be read", "", "", "Limits"},
    {"backlog", true, "1000 packets", "", "sysctl net.core.netdev_max_backlog=16000", "Limits"},
    {"Open vSwitch", false, "ovs-vswitchd is not installed", "switches of kind ovs",
     "apt-get install openvswitch-switch", "Limits"},
};

TEST(DoctorText, IsGroupedAndAligned) {
    EXPECT_EQ(doctor_text(kFindings, false),
              "System\n"
              "  ok  network namespaces  can be made\n"
              "\n"
              "Limits\n"
              "  ?   neighbour table     cannot be read\n"
              "  ok  backlog             1000 packets\n"
              "      more:   sysctl net.core.netdev_max_backlog=16000\n"
              "  no  Open vSwitch        ovs-vswitchd is not installed\n"
              "      blocks: switches of kind ovs\n"
              "      cure:   apt-get install openvswitch-switch\n"
              "\n"
              "2 of 4 work, 1 do not, 1 could not be told\n");
}

TEST(DoctorText, ColourIsOnlyWhereItIsAskedFor) {
    EXPECT_THAT(doctor_text(kFindings, true), HasSubstr("\033[31mno\033[0m  Open vSwitch"));
    EXPECT_THAT(doctor_text(kFindings, false), Not(HasSubstr("\033")));
}

TEST(DoctorText, LongTextIsBrokenAtBlanks) {
    std::string detail = "begins";
    for (int i = 0; i < 60; ++i) { detail += " word" + std::to_string(i); }
    std::istringstream lines(doctor_text({{"name", false, detail, detail, detail, "Group"}}, false));
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) { EXPECT_LE(line.size(), 80U) << line; }
    EXPECT_GT(count, 12);
}

TEST(DoctorJson, TellsWorksWorksNotAndUnknownApart) {
    const auto root = json::parse(doctor_json(kFindings));
    const auto& list = root.at("findings").as_array();
    ASSERT_EQ(list.size(), 4U);
    EXPECT_TRUE(list.at(0).at("works").as_bool());
    EXPECT_TRUE(list.at(0).at("essential").as_bool());
    EXPECT_TRUE(list.at(1).at("works").is_null());
    EXPECT_EQ(list.at(1).at("group").as_string(), "Limits");
    EXPECT_FALSE(list.at(3).at("works").as_bool());
    EXPECT_EQ(list.at(3).at("cure").as_string(), "apt-get install openvswitch-switch");
    EXPECT_EQ(list.at(3).at("blocks").as_string(), "switches of kind ovs");
    EXPECT_TRUE(root.at("fit").as_bool());
}

TEST(Doctor, IsFitWhereNothingEssentialIsKnownToBeMissing) {
    auto findings = kFindings;
    EXPECT_TRUE(fit(findings));
    findings[0].works = std::nullopt;
    EXPECT_TRUE(fit(findings));
    findings[0].works = false;
    EXPECT_FALSE(fit(findings));
}

}  // namespace
}  // namespace warren
