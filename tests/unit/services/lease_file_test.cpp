// dnsmasq's lease file, whole and torn.
#include "services/lease_file.hpp"

#include <gtest/gtest.h>

namespace warren {
namespace {

TEST(ParseLeases, ReadsNamedAndNameless) {
    const auto leases = parse_leases(
        "1763870000 02:00:00:00:00:01 10.50.50.10 red 01:02:00:00:00:00:01\n"
        "0 02:00:00:00:00:02 10.50.50.11 * *\n");
    ASSERT_EQ(leases.size(), 2U);
    EXPECT_EQ(leases[0], (Lease{1763870000, *MacAddress::parse("02:00:00:00:00:01"),
                                *IpAddress::parse("10.50.50.10"), "red"}));
    EXPECT_EQ(leases[1].host, "");
    EXPECT_EQ(leases[1].expiry, 0);
}

TEST(ParseLeases, LeavesOutWhatIsNoLease) {
    EXPECT_TRUE(parse_leases("").empty());
    EXPECT_TRUE(parse_leases("duid 00:01:00:01:2b\n").empty());
    EXPECT_TRUE(parse_leases("1763870000 1234 fd00::10 red 00:01:00:01\n").empty());
    EXPECT_TRUE(parse_leases("soon 02:00:00:00:00:01 10.50.50.10 red *\n").empty());
    EXPECT_TRUE(parse_leases("-5 02:00:00:00:00:01 10.50.50.10 red *\n").empty());
    EXPECT_TRUE(parse_leases("1763870000 02:00:00:00:00:01 10.50.50.10\n").empty());
}

// The end of an address may be still to be written: 10.50.50.1 is not 10.50.50.10.
TEST(ParseLeases, LeavesOutTheTornLastLine) {
    const auto leases = parse_leases(
        "1 02:00:00:00:00:01 10.50.50.10 red *\n"
        "1 02:00:00:00:00:02 10.50.50.11 green 01:0");
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases[0].host, "red");
}

}  // namespace
}  // namespace warren
