// `draw --watch`: drawn again as the machine changes, by events.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Watching : public E2e {
protected:
    static std::vector<std::string> command(std::vector<std::string> more = {}) {
        std::vector<std::string> out{"env", "LC_ALL=C.UTF-8", WARREN_PROGRAM, "draw", "--watch"};
        out.insert(out.end(), more.begin(), more.end());
        return out;
    }
};

TEST_F(Watching, LinksAddressesAndPortsAreDrawnAsTheyChange) {
    const Ran up = warren({"up", "--topo", "single,2", "--switch", "ovs"});
    if (up.status == 3) { GTEST_SKIP() << up.err; }
    ASSERT_TRUE(up.ok()) << testing::PrintToString(up);
    {
        Background watch(command());
        ASSERT_TRUE(watch.wait_for("─ this machine ─")) << watch.printed();
        EXPECT_THAT(watch.printed(), Not(HasSubstr("┄")));
        must_sh("ip -n h1 link set h1-eth0 down");
        EXPECT_TRUE(watch.wait_for("h1-eth0 10.0.0.1/8 down ├┄")) << watch.printed();
        must_sh("ip -n h2 address add 10.9.9.9/24 dev h2-eth0");
        EXPECT_TRUE(watch.wait_for("10.9.9.9/24")) << watch.printed();
        must_sh("ip -n h2 route add default via 10.9.9.1 proto 87");
        EXPECT_TRUE(watch.wait_for("default via 10.9.9.1")) << watch.printed();
        must_sh("ovs-vsctl " + ovs_db_option() + " set port s1-eth1 tag=77");
        EXPECT_TRUE(watch.wait_for("vlan 77")) << watch.printed();
        EXPECT_THAT(watch.printed(), HasSubstr("\n\n"));

        // What is watched is not kept: the lab goes as it does otherwise, and the watch with it.
        must_warren({"down"});
        EXPECT_TRUE(watch.wait_for("lab single-2 is down")) << watch.printed();
        EXPECT_EQ(watch.wait(), 0);
    }
    expect_same_machine();
}

TEST_F(Watching, AProcessThatIsStartedAnewIsDrawn) {
    const Ran up = warren({"up", example("tenants.yaml")});
    if (up.status == 3) { GTEST_SKIP() << up.err; }
    ASSERT_TRUE(up.ok()) << testing::PrintToString(up);
    {
        Background watch(command());
        const std::string before = must_sh("ip netns pids dhcp-r");
        ASSERT_TRUE(watch.wait_for("dnsmasq " + before + " ")) << watch.printed();
        must_sh("kill -9 " + before);
        std::string now;
        ASSERT_TRUE(comes_true([&] {
            now = must_sh("ip netns pids dhcp-r");
            return !now.empty() && now != before && now.find('\n') == std::string::npos;
        }));
        EXPECT_TRUE(watch.wait_for("dnsmasq " + now + " ")) << watch.printed();
        // Ctrl-C is how a person ends it.
        EXPECT_EQ(watch.signal(SIGINT), 0);
        EXPECT_EQ(watch.wait(), 0);
    }
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Watching, TheWholeMachine) {
    must_sh("ip netns add first; ip netns del first");  // ip makes its directory and leaves it
    remember_machine();
    {
        Background watch(command({"--live"}));
        ASSERT_TRUE(watch.wait_for("\n")) << watch.printed();
        must_sh("ip netns add first");
        ASSERT_TRUE(watch.wait_for("┌─ first ─")) << watch.printed();
        must_sh("ip link add br9 type bridge");
        EXPECT_TRUE(watch.wait_for("br9 · Linux bridge")) << watch.printed();
        must_sh("ip -n first link add x type veth peer name y");
        EXPECT_TRUE(watch.wait_for("│ y")) << watch.printed();
        EXPECT_EQ(watch.signal(SIGTERM), 0);
        EXPECT_EQ(watch.wait(), 128 + SIGTERM);
    }
    must_sh("ip link del br9; ip netns del first");
    expect_same_machine();
}

TEST_F(Watching, OnATerminalAKeyEndsItAndTheScreenIsAsBefore) {
    must_warren({"up", "--topo", "single,2"});
    const std::string script = write_file("terminal.py", R"(
import os, pty, sys, termios
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
seen = b''
while b'h2-eth0' not in seen: seen += os.read(fd, 4096)
assert seen.startswith(b'\x1b[?1049h\x1b[?25l'), seen
assert not termios.tcgetattr(fd)[3] & termios.ECHO
os.write(fd, b'xq')
try:
    while True: seen += os.read(fd, 4096)
except OSError: pass
assert seen.endswith(b'\x1b[?25h\x1b[?1049l'), seen
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
)");
    const Ran ran = sh("timeout 60 python3 " + script + " " WARREN_PROGRAM " draw --watch");
    EXPECT_TRUE(ran.ok()) << testing::PrintToString(ran);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Watching, WrongUse) {
    EXPECT_EQ(warren({"draw", "--watch", "-o", "/mnt/a.svg"}).status, 2);
    EXPECT_EQ(warren({"draw", "--watch", "--topo", "single,2"}).status, 2);
    EXPECT_EQ(warren({"draw", "--watch", "nowhere"}).status, 1);
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
