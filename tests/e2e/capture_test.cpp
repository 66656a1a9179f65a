// capture, and up --capture: what is in the file, read by tcpdump; and that a capture keeps nothing alive.
#include <algorithm>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Capturing : public E2e {
protected:
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "--all"}).ok());
        expect_same_machine();
    }
    static std::vector<std::string> command(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {WARREN_PROGRAM, "capture"});
        return arguments;
    }
    // What tcpdump(8) reads of FILE, a line each.
    static std::string read(const std::string& file, const std::string& options = "") {
        return must_sh("tcpdump -n -r " + file + " " + options + " 2>/dev/null");
    }
    static long count(const std::string& text, const std::string& part) {
        long found = 0;
        for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) { ++found; }
        return found;
    }
};

TEST_F(Capturing, SeveralInterfacesInOneFileInTimeOrder) {
    must_warren({"up", example("hello.yaml")});
    Background capture(command({"h1", "h2:eth0", "br0", "-w", "/mnt/f.pcapng", "icmp"}));
    ASSERT_TRUE(capture.wait_for("capturing on h1:eth0, h2:eth0, br0:h1-eth0, br0:h2-eth0, br0:h3-eth0"))
        << capture.printed();
    must_sh("ip netns exec h1 ping -q -c 3 -i 0.02 -W 20 10.0.0.2");
    ASSERT_EQ(capture.signal(SIGINT), 0);
    EXPECT_EQ(capture.wait(), 0);
    EXPECT_TRUE(capture.wait_for("24 packets captured")) << capture.printed();
    EXPECT_TRUE(capture.wait_for("0 packets dropped by kernel")) << capture.printed();
    // Each request and each answer passes four interfaces; in time order the first of four is the sender's.
    const std::string text = read("/mnt/f.pcapng");
    EXPECT_EQ(count(text, "10.0.0.1 > 10.0.0.2: ICMP echo request"), 12);
    EXPECT_EQ(count(text, "10.0.0.2 > 10.0.0.1: ICMP echo reply"), 12);
    EXPECT_EQ(must_sh("tcpdump -n -tt -r /mnt/f.pcapng 2>/dev/null | cut -d' ' -f1 | sort -c && echo sorted"),
              "sorted");
    const std::string bytes = read_text("/mnt/f.pcapng");
    for (const char* name : {"h1:eth0", "h2:eth0", "br0:h1-eth0", "br0:h3-eth0"}) {
        EXPECT_THAT(bytes, HasSubstr(name));
    }
}

TEST_F(Capturing, IntoAPipeAsItComes) {
    must_warren({"up", example("hello.yaml")});
    Background both("exec " WARREN_PROGRAM " capture h2 -w - arp or icmp | tcpdump -n -l -r - 2>&1");
    ASSERT_TRUE(both.wait_for("capturing on h2:eth0")) << both.printed();
    must_sh("ip netns exec h1 ping -q -c 1 -W 20 10.0.0.2");
    EXPECT_TRUE(both.wait_for("10.0.0.2 > 10.0.0.1: ICMP echo reply")) << both.printed();
    must_warren({"down"});
    EXPECT_EQ(both.wait(), 0) << both.printed();
}

TEST_F(Capturing, LinesCountsAndTimes) {
    must_warren({"up", example("hello.yaml")});
    Background capture(command({"h1", "h2", "-c", "4", "icmp"}));
    ASSERT_TRUE(capture.wait_for("capturing on ")) << capture.printed();
    must_sh("ip netns exec h1 ping -q -c 2 -i 0.02 -W 20 10.0.0.2");
    EXPECT_EQ(capture.wait(), 0);
    EXPECT_TRUE(capture.wait_for("4 packets captured")) << capture.printed();
    const std::string& text = capture.printed();
    EXPECT_THAT(text, HasSubstr(" h1:eth0 out 10.0.0.1 > 10.0.0.2: ICMP echo request, id "));
    EXPECT_THAT(text, HasSubstr(" h2:eth0 in  10.0.0.1 > 10.0.0.2: ICMP echo request, id "));
    EXPECT_THAT(text, HasSubstr(" h2:eth0 out 10.0.0.2 > 10.0.0.1: ICMP echo reply, id "));
    EXPECT_THAT(text, HasSubstr(" h1:eth0 in  10.0.0.2 > 10.0.0.1: ICMP echo reply, id "));
    const Ran silent = warren({"capture", "h1", "--time", "0.1", "tcp"});
    EXPECT_TRUE(silent.ok()) << testing::PrintToString(silent);
    EXPECT_THAT(silent.err, HasSubstr("0 packets captured\n0 packets received by filter\n"));
}

TEST_F(Capturing, CutsPacketsAndRemembersTheirLength) {
    must_warren({"up", example("hello.yaml")});
    Background capture(command({"h1", "-w", "/mnt/f.pcapng", "-s", "60", "-c", "1", "-f", "icmp"}));
    ASSERT_TRUE(capture.wait_for("capturing on ")) << capture.printed();
    must_sh("ip netns exec h1 ping -q -c 1 -s 500 -W 20 10.0.0.2");
    EXPECT_EQ(capture.wait(), 0);
    EXPECT_THAT(read("/mnt/f.pcapng", "-e"), HasSubstr("length 542: 10.0.0.1 > 10.0.0.2: ICMP echo request"));
    EXPECT_EQ(must_sh("tcpdump -r /mnt/f.pcapng -n -xx 2>/dev/null | grep -c 0x0030 || true"), "1");
    EXPECT_EQ(must_sh("tcpdump -r /mnt/f.pcapng -n -xx 2>/dev/null | grep -c 0x0040 || true"), "0");
}

// What the kernel takes out of a frame is put back, and looked for by the filter.
TEST_F(Capturing, VlanTagsAreInTheFrames) {
    must_warren({"up", write_file("lab.yaml", R"(lab: tagged
hosts:
  a: {interfaces: {eth0: {to: "b:eth0", address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {address: 10.0.0.2/24}}}
)")});
    Background capture(command({"b", "-w", "/mnt/f.pcapng", "-c", "1", "vlan 100 and arp"}));
    ASSERT_TRUE(capture.wait_for("capturing on b:eth0")) << capture.printed();
    // An ARP request with the tag 100, and one with 200 before it.
    must_sh(
        "ip netns exec a python3 -c \"\n"
        "import socket\n"
        "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
        "s.bind(('eth0', 0))\n"
        "arp = '08060001080006040001020000000001' + '0a000001' + '00' * 6 + '0a000009' + '00' * 18\n"
        "for tag in ('00c8', '0064'):\n"
        "    s.send(bytes.fromhex('f' * 12 + '020000000001' + '8100' + tag + arp))\n"
        "\"");
    EXPECT_EQ(capture.wait(), 0) << capture.printed();
    const std::string text = read("/mnt/f.pcapng", "-e");
    EXPECT_THAT(text, HasSubstr("ethertype 802.1Q (0x8100)"));
    EXPECT_THAT(text, HasSubstr("vlan 100"));
    EXPECT_THAT(text, HasSubstr("who-has 10.0.0.9 tell 10.0.0.1"));
    EXPECT_THAT(text, Not(HasSubstr("vlan 200")));
}

TEST_F(Capturing, DownEndsItAndIsNotHeldUp) {
    must_warren({"up", example("tenants.yaml")});
    Background capture(command({"any", "-w", "/mnt/f.pcapng"}));
    ASSERT_TRUE(capture.wait_for("capturing on ")) << capture.printed();
    must_warren({"down"});
    EXPECT_EQ(capture.wait(), 0) << capture.printed();
    EXPECT_TRUE(capture.wait_for("nothing is left to capture on")) << capture.printed();
    must_sh("tcpdump -r /mnt/f.pcapng -n 2>&1");  // whole
}

TEST_F(Capturing, ThePortsOfASwitchGoToo) {
    must_warren({"up", example("hello.yaml")});
    Background capture(command({"br0", "h3", "-w", "/mnt/f.pcapng"}));
    ASSERT_TRUE(capture.wait_for("capturing on br0:h1-eth0, br0:h2-eth0, br0:h3-eth0, h3:eth0"))
        << capture.printed();
    // One that is switched off and on is not gone.
    must_sh("ip link set h1-eth0 down && ip link set h1-eth0 up");
    must_sh("ip netns exec h1 ping -q -c 1 -w 20 10.0.0.2");
    must_warren({"down"});
    EXPECT_EQ(capture.wait(), 0) << capture.printed();
    EXPECT_TRUE(capture.wait_for("nothing is left to capture on")) << capture.printed();
    EXPECT_GE(count(read("/mnt/f.pcapng", "icmp"), "10.0.0.1 > 10.0.0.2: ICMP echo request"), 2);
}

TEST_F(Capturing, UpCapturesFromTheFirstPacketOn) {
    Background up({WARREN_PROGRAM, "up", example("tenants.yaml"), "--capture", "/mnt/f.pcapng"});
    ASSERT_TRUE(up.wait_for("Ctrl-C ends the capture")) << up.printed();
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_THAT(warren({"up", example("tenants.yaml")}).out, HasSubstr("nothing to do"));
    ASSERT_EQ(up.signal(SIGINT), 0);
    EXPECT_EQ(up.wait(), 0) << up.printed();
    EXPECT_THAT(must_warren({"list"}), HasSubstr("tenants  up"));
    // The first DHCP packet of a client is there, and its way to the server.
    const std::string text = read("/mnt/f.pcapng", "-v");
    EXPECT_THAT(text, HasSubstr("Discover"));
    EXPECT_THAT(text, HasSubstr("ACK"));
    EXPECT_THAT(text, HasSubstr("10.50.50.2 > "));
    const std::string bytes = read_text("/mnt/f.pcapng");
    for (const char* name : {"red:eth0-r", "green:eth0-g", "dhcp-r:tap-r", "dhcp-g:tap-g"}) {
        EXPECT_THAT(bytes, HasSubstr(name));
    }
}

TEST_F(Capturing, UpCapturesOfTheHostsThatAreNamed) {
    Background up({WARREN_PROGRAM, "up", example("hello.yaml"), "h1", "--capture", "/mnt/f.pcapng"});
    ASSERT_TRUE(up.wait_for("Ctrl-C ends the capture")) << up.printed();
    must_sh("ip netns exec h1 ping -q -c 1 -W 20 10.0.0.2");
    must_warren({"down"});
    EXPECT_EQ(up.wait(), 0) << up.printed();
    const std::string text = read("/mnt/f.pcapng", "icmp");
    EXPECT_EQ(count(text, "ICMP echo request"), 1);
    EXPECT_THAT(read_text("/mnt/f.pcapng"), Not(HasSubstr("h2:")));
}

TEST_F(Capturing, WhatIsWrongIsToldBeforeAnythingIsMade) {
    EXPECT_EQ(warren({"up", example("hello.yaml"), "h9", "--capture", "/mnt/f.pcapng"}).status, 2);
    EXPECT_EQ(warren({"up", example("hello.yaml"), "h1"}).status, 2);
    EXPECT_EQ(warren({"up", example("hello.yaml"), "--capture", "/nowhere/f.pcapng"}).status, 1);
    EXPECT_EQ(must_warren({"list"}).find("hello"), std::string::npos);
    must_warren({"up", example("hello.yaml")});
    const Ran filter = warren({"capture", "h1", "tcp", "prt", "80"});
    EXPECT_EQ(filter.status, 2);
    EXPECT_THAT(filter.err, HasSubstr("cannot compile the filter 'tcp prt 80'"));
    const Ran host = warren({"capture", "h9"});
    EXPECT_EQ(host.status, 1);
    EXPECT_THAT(host.err, HasSubstr("hosts: h1, h2, h3"));
    const Ran interface = warren({"capture", "h1:eth9"});
    EXPECT_EQ(interface.status, 1);
    EXPECT_THAT(interface.err, HasSubstr("there are lo, eth0"));
    EXPECT_EQ(warren({"capture"}).status, 2);
}

}  // namespace
}  // namespace warren::e2e
