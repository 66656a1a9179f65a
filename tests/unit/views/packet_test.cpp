// Frames in words.
#include "views/packet.hpp"

#include <cstdlib>
#include <vector>

#include <gtest/gtest.h>

namespace warren {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& hex) {
    std::vector<std::uint8_t> bytes;
    std::string digits;
    for (const char c : hex) {
        if (c != ' ') { digits += c; }
    }
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        bytes.push_back(static_cast<std::uint8_t>(std::strtoul(digits.substr(i, 2).c_str(), nullptr, 16)));
    }
    return bytes;
}

std::string text_of(const std::string& hex) {
    const auto bytes = bytes_of(hex);
    return frame_text(bytes.data(), bytes.size(), bytes.size());
}

const std::string kMacs = "ffffffffffff 020000000001 ";
const std::string kV4 = "0a000001 0a000002 ";
const std::string kV6 = "fd000000000000000000000000000001 fd000000000000000000000000000002 ";

TEST(FrameText, Arp) {
    const std::string rest = "020000000001 0a000001 000000000000 0a000002";
    EXPECT_EQ(text_of(kMacs + "0806 0001 0800 06 04 0001 " + rest), "ARP who has 10.0.0.2? tell 10.0.0.1");
    EXPECT_EQ(text_of(kMacs + "0806 0001 0800 06 04 0002 " + rest), "ARP 10.0.0.1 is at 02:00:00:00:00:01");
    EXPECT_EQ(text_of(kMacs + "8100 0064 0806 0001 0800 06 04 0001 " + rest),
              "vlan 100, ARP who has 10.0.0.2? tell 10.0.0.1");
}

TEST(FrameText, Icmp) {
    EXPECT_EQ(text_of(kMacs + "0800 45000020 0000 0000 40 01 0000 " + kV4 + "0800 0000 0007 0003 00000000"),
              "10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 3, length 12");
    EXPECT_EQ(text_of(kMacs + "0800 4500001c 0000 0000 40 01 0000 " + kV4 + "0301 0000 00000000"),
              "10.0.0.1 > 10.0.0.2: ICMP host unreachable");
    EXPECT_EQ(text_of(kMacs + "86dd 60000000 0008 3a 40 " + kV6 + "8100 0000 0007 0003"),
              "fd00::1 > fd00::2: ICMPv6 echo reply, id 7, seq 3, length 8");
    EXPECT_EQ(
        text_of(kMacs + "86dd 60000000 0018 3a ff " + kV6 + "8700 0000 00000000 fd000000000000000000000000000009"),
        "fd00::1 > fd00::2: ICMPv6 neighbour solicitation, who has fd00::9");
}

TEST(FrameText, TcpAndUdp) {
    EXPECT_EQ(text_of(kMacs + "0800 45000028 0000 0000 40 06 0000 " + kV4 +
                      "1f90 0050 00000001 00000000 5002 faf0 0000 0000"),
              "10.0.0.1:8080 > 10.0.0.2:80: TCP [S], seq 1, win 64240, length 0");
    EXPECT_EQ(text_of(kMacs + "86dd 60000000 0017 06 40 " + kV6 +
                      "1f90 0050 00000001 00000002 5018 0100 0000 0000 414243"),
              "[fd00::1]:8080 > [fd00::2]:80: TCP [P.], seq 1, ack 2, win 256, length 3");
    EXPECT_EQ(text_of(kMacs + "0800 4500001e 0000 0000 40 11 0000 " + kV4 + "1f90 0035 000a 0000 4142"),
              "10.0.0.1:8080 > 10.0.0.2:53: UDP, length 2");
    EXPECT_EQ(text_of(kMacs + "0800 45000024 0009 00b9 40 11 0000 " + kV4 + "00"),
              "10.0.0.1 > 10.0.0.2: fragment 9 at 1480, length 16");
}

TEST(FrameText, Dhcp) {
    const std::string names(std::size_t{2} * 192, '0');  // sname and file
    EXPECT_EQ(text_of(kMacs +
                      "0800 4500011c 0000 0000 40 11 0000 00000000 ffffffff 0044 0043 0108 0000 "
                      "01010600 00000001 00000000 00000000 00000000 00000000 00000000 "
                      "02000000000100000000000000000000 " +
                      names + "63825363 350101 ff"),
              "0.0.0.0:68 > 255.255.255.255:67: DHCP discover of 02:00:00:00:00:01");
    EXPECT_EQ(text_of(kMacs + "0800 4500011c 0000 0000 40 11 0000 " + kV4 +
                      "0043 0044 0108 0000 "
                      "02010600 00000001 00000000 00000000 0a000002 00000000 00000000 "
                      "02000000000100000000000000000000 " +
                      names + "63825363 350105 ff"),
              "10.0.0.1:67 > 10.0.0.2:68: DHCP ack of 02:00:00:00:00:01: 10.0.0.2");
}

TEST(FrameText, Others) {
    EXPECT_EQ(text_of("0180c2000000 020000000001 0026 4242 03 0000"),
              "02:00:00:00:00:01 > 01:80:c2:00:00:00: STP, length 19");
    EXPECT_EQ(text_of(kMacs + "88cc 0207"), "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff: type 0x88cc, length 16");
}

// Whatever is cut short, nothing behind its end is read (AddressSanitizer would tell).
TEST(FrameText, OfEveryLength) {
    for (const auto& hex :
         {kMacs + "8100 0064 0806 0001 0800 06 04 0001 020000000001 0a000001 000000000000 0a000002",
          kMacs + "0800 45000028 0000 0000 40 06 0000 " + kV4 + "1f90 0050 00000001 00000000 5002 faf0 0000 0000",
          kMacs + "0800 4f000020 0000 0000 40 01 0000 " + kV4 + "0800 0000 0007 0003 00000000",
          kMacs + "86dd 60000000 0018 00 ff " + kV6 +
              "3aff 0000 8700 0000 00000000 fd000000000000000000000000000009",
          kMacs + "0800 4500011c 0000 0000 40 11 0000 " + kV4 + "0043 0044 0108 0000" + std::string(480, '0') +
              "35ff"}) {
        const auto whole = bytes_of(hex);
        for (std::size_t size = 0; size <= whole.size(); ++size) {
            const std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(frame_text(part.data(), part.size(), whole.size()).empty());
        }
    }
}

TEST(FrameText, TimeHasMicroseconds) {
    EXPECT_EQ(time_text(std::chrono::nanoseconds(1'700'000'000'123'456'789)).substr(8), ".123456");
}

}  // namespace
}  // namespace warren
