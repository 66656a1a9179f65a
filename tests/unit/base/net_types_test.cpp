#include "base/net_types.hpp"

#include <gtest/gtest.h>

namespace warren {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
Prefix prefix(std::string_view text) { return Prefix::parse(text).value(); }

TEST(IpAddress, ReadsExactlyTheTextForm) {
    for (const char* good :
         {"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "::1", "fd00::1", "2001:db8::1:0:0:1"}) {
        ASSERT_TRUE(IpAddress::parse(good)) << good;
        EXPECT_EQ(ip(good).to_string(), good);
    }
    for (const char* bad : {"", "10", "10.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1/24",
                            "fd00::1%eth0", "fd00:::1", "0x0a000001", "1.2.3.4.5", "::1::", "12345::"}) {
        EXPECT_FALSE(IpAddress::parse(bad)) << bad;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view("10.0.0.1\0", 9)));
    EXPECT_EQ(ip("FD00:0:0:0:0:0:0:1").to_string(), "fd00::1");
}

TEST(IpAddress, PlusCarriesAndWraps) {
    EXPECT_EQ(ip("10.0.0.255").plus(1), ip("10.0.1.0"));
    EXPECT_EQ(ip("10.0.0.1").plus(0x10000), ip("10.1.0.1"));
    EXPECT_EQ(ip("255.255.255.255").plus(2), ip("0.0.0.1"));
    EXPECT_EQ(ip("fd00::ffff:ffff:ffff:ffff").plus(1), ip("fd00:0:0:1::"));
    EXPECT_EQ(ip("::").plus(UINT64_MAX), ip("::ffff:ffff:ffff:ffff"));
    EXPECT_EQ(ip("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").plus(UINT64_MAX), ip("::ffff:ffff:ffff:fffe"));
}

TEST(IpAddress, KnowsItsKindsAndOrder) {
    EXPECT_TRUE(ip("224.0.0.1").is_multicast() && ip("239.255.255.255").is_multicast() &&
                ip("ff02::1").is_multicast());
    EXPECT_FALSE(ip("240.0.0.1").is_multicast() || ip("fe80::1").is_multicast());
    EXPECT_TRUE(ip("fe80::1").is_link_local() && ip("febf::1").is_link_local() &&
                ip("169.254.1.1").is_link_local());
    EXPECT_FALSE(ip("fec0::1").is_link_local() || ip("169.253.1.1").is_link_local());
    EXPECT_TRUE(ip("127.9.9.9").is_loopback() && ip("::1").is_loopback());
    EXPECT_FALSE(ip("::2").is_loopback() || ip("::").is_loopback());
    EXPECT_TRUE(ip("::").is_unspecified() && ip("0.0.0.0").is_unspecified());
    EXPECT_LT(ip("255.255.255.255"), ip("::"));
    EXPECT_LT(ip("9.255.255.255"), ip("10.0.0.0"));
    EXPECT_NE(ip("0.0.0.0"), ip("::"));
    EXPECT_EQ(IpAddress::from_bytes("\x0a\x00\x00\x01", 4), ip("10.0.0.1"));
}

TEST(Prefix, ReadsExactlyTheTextForm) {
    for (const char* good : {"10.0.0.1/24", "0.0.0.0/0", "10.0.0.1/32", "fd00::1/64", "::/0", "::1/128"}) {
        ASSERT_TRUE(Prefix::parse(good)) << good;
        EXPECT_EQ(prefix(good).to_string(), good);
    }
    for (const char* bad : {"10.0.0.1", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/024", "10.0.0.1/-1", "10.0.0.1/+1",
                            "fd00::/129", "10.0.0.1/24/24", "/24", "10.0.0.1/2 4"}) {
        EXPECT_FALSE(Prefix::parse(bad)) << bad;
    }
}

TEST(Prefix, FirstLastAndUsable) {
    const Prefix p = prefix("10.1.2.3/22");
    EXPECT_EQ(p.network(), prefix("10.1.0.0/22"));
    EXPECT_TRUE(p.has_host_bits());
    EXPECT_FALSE(p.network().has_host_bits());
    EXPECT_EQ(p.last(), ip("10.1.3.255"));
    EXPECT_FALSE(p.usable(ip("10.1.0.0")) || p.usable(ip("10.1.3.255")) || p.usable(ip("10.1.4.1")));
    EXPECT_TRUE(p.usable(ip("10.1.2.255")));
    EXPECT_TRUE(prefix("10.0.0.0/31").usable(ip("10.0.0.0")) && prefix("10.0.0.0/31").usable(ip("10.0.0.1")));
    EXPECT_TRUE(prefix("fd00::/64").usable(ip("fd00::ffff:ffff:ffff:ffff")));
    EXPECT_EQ(prefix("fd00::1/60").last(), ip("fd00:0:0:f:ffff:ffff:ffff:ffff"));
    EXPECT_EQ(prefix("0.0.0.0/0").last(), ip("255.255.255.255"));
}

TEST(Prefix, ContainsAndOverlaps) {
    EXPECT_TRUE(prefix("10.0.0.1/24").contains(ip("10.0.0.200")));
    EXPECT_FALSE(prefix("10.0.0.1/25").contains(ip("10.0.0.200")));
    EXPECT_FALSE(prefix("0.0.0.0/0").contains(ip("::1")));
    EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.9.0.0/16")) &&
                prefix("10.9.0.0/16").overlaps(prefix("10.0.0.0/8")));
    EXPECT_FALSE(prefix("10.8.0.0/16").overlaps(prefix("10.9.0.0/16")));
    EXPECT_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST(MacAddress, ReadsWritesAndDerives) {
    EXPECT_EQ(MacAddress::parse("02:AB:00:00:00:0f")->to_string(), "02:ab:00:00:00:0f");
    for (const char* bad : {"", "02:00:00:00:00", "02-00-00-00-00-01", "02:00:00:00:00:0g", "2:00:00:00:00:001",
                            "02:00:00:00:00:01:"}) {
        EXPECT_FALSE(MacAddress::parse(bad)) << bad;
    }
    EXPECT_TRUE(MacAddress::parse("01:00:00:00:00:00")->is_multicast());
    EXPECT_TRUE(MacAddress{}.is_zero());
    const MacAddress mac = MacAddress::derived("lab/red:eth0");
    EXPECT_EQ(mac, MacAddress::derived("lab/red:eth0"));
    EXPECT_NE(mac, MacAddress::derived("lab/red:eth1"));
    EXPECT_EQ(mac.bytes[0] & 3U, 2U);
    // RFC 4291, appendix A.
    EXPECT_EQ(MacAddress::parse("34:56:78:9a:bc:de")->link_local(), prefix("fe80::3656:78ff:fe9a:bcde/64"));
}

TEST(Names, InterfaceNames) {
    for (const char* good : {"eth0", "a", "veth-r", "eth0.100", "fifteen-bytes-x", "br_1"}) {
        EXPECT_FALSE(interface_name_fault(good)) << good;
    }
    for (const char* bad : {"", ".", "..", "sixteen-bytes-xx", "a/b", "a b", "a:b", "h%d", "a\tb", "-x", "all",
                            "default", "h\xc3\xa9", "$x"}) {
        EXPECT_TRUE(interface_name_fault(bad)) << bad;
    }
}

TEST(Names, NodeAndLabNames) {
    for (const char* good : {"red", "dhcp-r", "h1.lan", "A_b", "1"}) {
        EXPECT_FALSE(node_name_fault(good)) << good;
    }
    for (const char* bad : {"", "-a", ".a", "a..b", "a/b", "a b", "a:b"}) {
        EXPECT_TRUE(node_name_fault(bad)) << bad;
    }
    EXPECT_FALSE(node_name_fault(std::string(63, 'a')));
    EXPECT_TRUE(node_name_fault(std::string(64, 'a')));
    for (const char* good : {"red-green", "0", "a-"}) { EXPECT_FALSE(lab_name_fault(good)) << good; }
    for (const char* bad : {"", "-a", "Red", "a_b", "a.b"}) { EXPECT_TRUE(lab_name_fault(bad)) << bad; }
    EXPECT_FALSE(lab_name_fault(std::string(31, 'a')));
    EXPECT_TRUE(lab_name_fault(std::string(32, 'a')));
}

TEST(Names, HashIsFnv1a) {
    EXPECT_EQ(stable_hash(""), 0xcbf29ce484222325U);
    EXPECT_EQ(stable_hash("a"), 0xaf63dc4c8601ec8cU);
    EXPECT_EQ(stable_hash("foobar"), 0x85944171f73967e8U);
}

}  // namespace
}  // namespace warren
