// `warren top`: what passes over links, by their counters.
#include <cmath>
#include <csignal>
#include <cstdint>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Top : public E2e {
protected:
    static std::vector<std::string> command(const std::vector<std::string>& more) {
        std::vector<std::string> out{WARREN_PROGRAM, "top", "-d", "0.1"};
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }
};

// The whole lines of JSON that were printed.
std::vector<json::value> lines_of(const std::string& printed) {
    std::vector<json::value> lines;
    for (std::size_t at = 0, end = printed.find('\n'); end != std::string::npos;
         at = end + 1, end = printed.find('\n', at)) {
        lines.push_back(json::parse(printed.substr(at, end - at)));
    }
    return lines;
}

// Of the line's link from HOST; null where it is not there.
json::value link_of(const json::value& line, const std::string& host) {
    for (const auto& link : elements(at(line, "links"))) {
        if (at(at(link, "ends").at(0), "host") == json::value(json::string(host))) { return link; }
    }
    return nullptr;
}

double number(const json::value& object, std::string_view key) { return at(object, key).to_number<double>(); }

double counter(const json::value& line, const std::string& host, std::size_t end, std::string_view key) {
    return number(at(at(link_of(line, host), "ends").at(end), "counters"), key);
}

TEST_F(Top, CountsWhatPassesAtBothEnds) {
    must_warren({"up", "--topo", "single,2"});
    {
        Background top(command({"-o", "json"}));
        ASSERT_TRUE(top.wait_for("}\n")) << top.printed();
        const json::value before = lines_of(top.printed()).at(0);
        must_sh("ip netns exec h1 ping -n -c 40 -i 0.002 -s 1000 10.0.0.2");
        // Lines that began after the last of them.
        const auto two_more = lines_of(top.printed()).size() + 2;
        ASSERT_TRUE(comes_true([&] { return top.read_some() && lines_of(top.printed()).size() >= two_more; }))
            << top.printed();
        EXPECT_EQ(top.signal(SIGINT), 0);
        EXPECT_EQ(top.wait(), 0);
        const auto lines = lines_of(top.printed());
        const json::value& after = lines.back();

        // 40 requests and answers, and a few of ARP.
        const double sent = counter(after, "h1", 0, "tx_packets") - counter(before, "h1", 0, "tx_packets");
        EXPECT_GE(sent, 40);
        EXPECT_LE(sent, 46);
        const double bytes = counter(after, "h1", 0, "tx_bytes") - counter(before, "h1", 0, "tx_bytes");
        EXPECT_GE(bytes, 40 * 1042);
        EXPECT_EQ(counter(after, "h1", 1, "rx_packets") - counter(before, "h1", 1, "rx_packets"), sent);
        EXPECT_EQ(counter(after, "h1", 1, "rx_bytes") - counter(before, "h1", 1, "rx_bytes"), bytes);
        // What the other one got came through the switch.
        EXPECT_GE(counter(after, "h2", 0, "rx_packets") - counter(before, "h2", 0, "rx_packets"), 40);

        double packets = 0;
        double bits = 0;
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const auto link = link_of(lines[i], "h1");
            packets += number(link, "tx_packets_per_second") * number(lines[i], "seconds");
            bits += number(link, "tx_bit_per_second") * number(lines[i], "seconds");
        }
        // A namespace is read a little before or after the time that the line tells.
        EXPECT_NEAR(packets, sent, sent / 4);
        EXPECT_NEAR(bits, 8 * bytes, 2 * bytes);
    }
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Top, FollowsTheLabAndEndsWithIt) {
    const std::string one = write_file("one.yaml",
                                       "lab: t\nswitches: {br0: {}}\n"
                                       "hosts: {a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}}\n");
    const std::string two = write_file("two.yaml",
                                       "lab: t\nswitches: {br0: {}}\nhosts:\n"
                                       "  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}\n"
                                       "  b: {interfaces: {eth9: {to: br0, address: 10.0.0.2/24}}}\n");
    must_warren({"up", one});
    {
        Background top(command({}));
        ASSERT_TRUE(top.wait_for("lab t: 1 link in ")) << top.printed();
        EXPECT_THAT(top.printed(), Not(HasSubstr("b:eth9")));
        must_warren({"up", two});
        ASSERT_TRUE(top.wait_for("b:eth9")) << top.printed();
        must_warren({"up", one});
        ASSERT_TRUE(top.wait_for("lab t: 2 links in ")) << top.printed();
        ASSERT_TRUE(comes_true([&] {
            return top.read_some() &&
                   top.printed().rfind("lab t: 1 link in ") > top.printed().rfind("lab t: 2 links in ");
        })) << top.printed();
        // No namespace is held by it: the lab goes as it does otherwise.
        must_warren({"down"});
        EXPECT_TRUE(top.wait_for("lab t is down")) << top.printed();
        EXPECT_EQ(top.wait(), 0);
    }
    expect_same_machine();
}

TEST_F(Top, TablesThatAreCounted) {
    must_warren({"up", "--topo", "single,2"});
    const Ran two = warren({"top", "-n", "2", "-d", "0.05", "--sort", "name"}, {"LC_ALL=C"});
    EXPECT_TRUE(two.ok()) << testing::PrintToString(two);
    EXPECT_THAT(two.out,
                testing::MatchesRegex("lab single-2: 2 links in [^\n]*\nlink [^\n]*\n"
                                      "h1:h1-eth0 - s1:s1-eth1 [^\n]*\nh2:h2-eth0 - s1:s1-eth2 [^\n]*\n\n"
                                      "lab single-2: 2 links in [^\n]*\nlink [^\n]*\nh1:[^\n]*\nh2:[^\n]*\n"));
    const Ran one = warren({"top", "single-2", "-n", "1", "-d", "0.05", "-o", "json"});
    EXPECT_TRUE(one.ok()) << testing::PrintToString(one);
    const auto lines = lines_of(one.out);
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(at(lines[0], "lab"), json::value("single-2"));
    EXPECT_EQ(elements(at(lines[0], "links")).size(), 2U);
    EXPECT_GT(number(lines[0], "seconds"), 0.04);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Top, CountsWhatAQueueDrops) {
    must_warren({"up", "--topo", "single,2"});
    {
        Background top(command({"-o", "json"}));
        ASSERT_TRUE(top.wait_for("}\n")) << top.printed();
        must_sh("tc -n h1 qdisc add dev h1-eth0 root tbf rate 8kbit burst 1600 limit 3000");
        must_sh("ip netns exec h1 ping -n -i 0.002 -w 1 -s 1000 10.0.0.2 >/dev/null || true");
        const auto dropped = [&] {
            double all = 0;
            for (const auto& line : lines_of(top.printed())) { all += number(link_of(line, "h1"), "drops"); }
            return all;
        };
        const auto counted = [] {
            return number(json::parse(must_sh("tc -s -j -n h1 qdisc show dev h1-eth0")).at(0), "drops");
        };
        EXPECT_GT(counted(), 10);
        EXPECT_TRUE(comes_true([&] { return top.read_some() && dropped() == counted(); }))
            << counted() << " in " << top.printed();
        EXPECT_EQ(top.signal(SIGTERM), 0);
        EXPECT_EQ(top.wait(), 128 + SIGTERM);
    }
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Top, OnATerminalAKeyOrASignalEndsItAndTheScreenIsAsBefore) {
    must_warren({"up", "--topo", "single,2"});
    const std::string script = write_file("terminal.py", R"(
import os, pty, signal, sys, termios
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
while seen.count(b'h2-eth0') < 2: seen += os.read(fd, 4096)
assert seen.startswith(b'\x1b[?1049h\x1b[?25l'), seen
assert not termios.tcgetattr(fd)[3] & termios.ECHO
if sys.argv[1] == 'key': os.write(fd, b'xq')
else: os.kill(pid, signal.SIGTERM)
try:
    while True: seen += os.read(fd, 4096)
except OSError: pass
assert seen.endswith(b'\x1b[?25h\x1b[?1049l'), seen
status = os.waitpid(pid, 0)[1]
sys.exit(os.waitstatus_to_exitcode(status) != (0 if sys.argv[1] == 'key' else -signal.SIGTERM))
)");
    for (const std::string way : {"key", "signal"}) {
        const Ran ran = sh("timeout 60 python3 " + script + " " + way + " " WARREN_PROGRAM " top -d 0.1");
        EXPECT_TRUE(ran.ok()) << testing::PrintToString(ran);
    }
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Top, WrongUse) {
    EXPECT_EQ(warren({"top", "-n", "1"}).status, 1);
    EXPECT_EQ(warren({"top", "nowhere"}).status, 1);
    EXPECT_EQ(warren({"top", "-d", "0"}).status, 2);
    EXPECT_EQ(warren({"top", "--sort", "speed"}).status, 2);
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
