// pcapng's blocks, byte by byte as the draft has them.
#include "probe/pcapng.hpp"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

namespace warren {
namespace {

std::uint32_t word(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}
std::uint16_t half(const std::string& bytes, std::size_t at) {
    std::uint16_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// Its type, and its length at both ends.
void expect_block(const std::string& block, std::uint32_t type) {
    ASSERT_GE(block.size(), 12U);
    EXPECT_EQ(block.size() % 4, 0U);
    EXPECT_EQ(word(block, 0), type);
    EXPECT_EQ(word(block, 4), block.size());
    EXPECT_EQ(word(block, block.size() - 4), block.size());
}

TEST(Pcapng, SectionTellsTheByteOrder) {
    const std::string block = pcapng::section("warren");
    expect_block(block, 0x0A0D0D0A);
    EXPECT_EQ(word(block, 8), 0x1A2B3C4DU);
    EXPECT_EQ(half(block, 12), 1U);
    EXPECT_NE(block.find("warren"), std::string::npos);
}

TEST(Pcapng, InterfaceHasItsNameAndNanoseconds) {
    const std::string block = pcapng::interface("red:eth0", 96);
    expect_block(block, 1);
    EXPECT_EQ(half(block, 8), 1U);
    EXPECT_EQ(word(block, 12), 96U);
    EXPECT_EQ(half(block, 16), 2U);
    EXPECT_EQ(half(block, 18), 8U);
    EXPECT_EQ(block.substr(20, 8), "red:eth0");
    EXPECT_EQ(half(block, 28), 9U);
    EXPECT_EQ(half(block, 30), 1U);
    EXPECT_EQ(block[32], 9);
}

TEST(Pcapng, PacketIsPaddedAndTellsItsDirection) {
    const std::vector<std::uint8_t> bytes{1, 2, 3, 4, 5};
    const std::chrono::nanoseconds time{0x123456789abcdef0};
    const std::string block = pcapng::packet(7, time, true, bytes.data(), bytes.size(), 1500);
    expect_block(block, 6);
    EXPECT_EQ(word(block, 8), 7U);
    EXPECT_EQ(word(block, 12), 0x12345678U);
    EXPECT_EQ(word(block, 16), 0x9abcdef0U);
    EXPECT_EQ(word(block, 20), 5U);
    EXPECT_EQ(word(block, 24), 1500U);
    EXPECT_EQ(std::memcmp(block.data() + 28, bytes.data(), bytes.size()), 0);
    EXPECT_EQ(half(block, 36), 2U);  // epb_flags
    EXPECT_EQ(half(block, 38), 4U);
    EXPECT_EQ(word(block, 40), 2U);
    EXPECT_EQ(word(pcapng::packet(7, time, false, bytes.data(), 4, 4), 36), 1U);
}

}  // namespace
}  // namespace warren
