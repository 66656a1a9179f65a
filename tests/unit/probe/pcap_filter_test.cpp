// Filters compiled by the machine's libpcap.
#include "probe/pcap_filter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace warren::probe {
namespace {

TEST(PcapFilter, NothingIsEverything) {
    const auto filter = PcapFilter::compile("", 96);
    ASSERT_TRUE(filter) << filter.error().message();
    ASSERT_EQ(filter->code().size(), 1U);
    EXPECT_EQ(filter->code().front().k, 96U);
    EXPECT_TRUE(filter->in_kernel());
    EXPECT_TRUE(filter->matches(nullptr, 0, 0));
}

TEST(PcapFilter, IsTheKernelsWhereTagsDoNotMatter) {
    const auto filter = PcapFilter::compile("icmp or arp", 65535);
    ASSERT_TRUE(filter) << filter.error().message();
    EXPECT_TRUE(filter->in_kernel());
    EXPECT_GT(filter->code().size(), 3U);
}

TEST(PcapFilter, VlansAreLookedForInTheWholeFrame) {
    const auto filter = PcapFilter::compile("vlan 100 and arp", 65535);
    ASSERT_TRUE(filter) << filter.error().message();
    EXPECT_FALSE(filter->in_kernel());
    EXPECT_EQ(filter->code().size(), 1U);
    std::vector<std::uint8_t> frame(60);
    frame[12] = 0x81;
    frame[15] = 100;
    frame[16] = 0x08;
    frame[17] = 0x06;
    EXPECT_TRUE(filter->matches(frame.data(), frame.size(), frame.size()));
    frame[15] = 101;
    EXPECT_FALSE(filter->matches(frame.data(), frame.size(), frame.size()));
}

TEST(PcapFilter, AMistakeIsToldInLibpcapsWords) {
    const auto filter = PcapFilter::compile("tcp prt 80", 65535);
    ASSERT_FALSE(filter);
    EXPECT_EQ(filter.error().kind, Error::Kind::usage);
    EXPECT_THAT(filter.error().message(), testing::HasSubstr("compile the filter 'tcp prt 80'"));
    EXPECT_THAT(filter.error().message(), testing::HasSubstr("syntax error"));
}

}  // namespace
}  // namespace warren::probe
