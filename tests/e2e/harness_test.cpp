// The harness itself: a sandbox is a machine of its own, and a snapshot misses nothing that a lab could leave.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Harness : public E2e {};

TEST_F(Harness, SandboxHoldsNothingOfTheMachine) {
    EXPECT_EQ(must_sh("ip -o link | wc -l"), "1");
    EXPECT_EQ(must_sh("ls -A /run /mnt | xargs"), "/mnt: /run:");
    EXPECT_EQ(must_sh("ip -o link show lo up | wc -l"), "1");
    EXPECT_TRUE(sh("ping -c1 -W1 127.0.0.1").ok());
    EXPECT_LE(processes_with("").size(), 2U);
}

TEST_F(Harness, SnapshotIsStable) { expect_same_machine(); }

struct Leak {
    const char* name;
    const char* make;
    const char* line;
};
void PrintTo(const Leak& leak, std::ostream* os) { *os << leak.name; }

class HarnessLeak : public E2e, public testing::WithParamInterface<Leak> {};

TEST_P(HarnessLeak, IsSeen) {
    const auto before = snapshot();
    must_sh(GetParam().make);
    EXPECT_THAT(difference(before, snapshot()), testing::Contains(HasSubstr(GetParam().line)));
}

INSTANTIATE_TEST_SUITE_P(
    Of, HarnessLeak,
    testing::Values(Leak{"Link", "ip link add x0 type veth peer name x1", "machine link x1"},
                    Leak{"Namespace", "ip netns add left", "netns left link lo"},
                    Leak{"Address", "ip addr add 10.0.0.9/32 dev lo", "machine address 10.0.0.9/32 on lo"},
                    Leak{"Route", "ip route add blackhole 10.99.0.0/16", "10.99.0.0/16"},
                    Leak{"Sysctl", "echo 1 > /proc/sys/net/ipv4/conf/lo/forwarding",
                         "net/ipv4/conf/lo/forwarding = 1"},
                    Leak{"Mount", "mkdir /run/m && mount -t tmpfs none /run/m", "mount /run/m"},
                    Leak{"FileUnderRun", "touch /run/left", "file /run/left"},
                    Leak{"EtcContent", "echo changed >> /etc/resolv.conf", "file /etc/resolv.conf"},
                    Leak{"Process", "sleep 1000 >/dev/null 2>&1 </dev/null & disown", "process sleep 1000"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Harness, DecoysAreOfTheMachineFromThenOn) {
    make_decoys();
    const auto with = snapshot();
    for (const char* line : {"machine link foreign-br", "machine link veth-x", "netns foreign link lo",
                             "netns foreign-dns link veth-y", "process dnsmasq"}) {
        EXPECT_THAT(with, testing::Contains(HasSubstr(line)));
    }
    remember_machine();
    expect_same_machine();
}

TEST_F(Harness, OpenVSwitchDecoysAreSeen) {
    must_warren({"up", example("red-green.yaml")});
    make_ovs_decoys(ovs_db_option());
    const auto with = snapshot();
    EXPECT_THAT(with, testing::Contains(HasSubstr("ovs foreign-ovs,netdev")));
    EXPECT_THAT(with, testing::Contains(HasSubstr("ovs foreign-port,7")));
    EXPECT_THAT(drift("red-green"), IsEmpty());
    EXPECT_THAT(planned(example("red-green.yaml")), IsEmpty());
    EXPECT_THAT(difference(with, snapshot()), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Harness, BackgroundIsEndedAndItsStatusKnown) {
    Background echo("echo one; sleep 0.1; echo two; exit 3");
    EXPECT_TRUE(echo.wait_for("one"));
    EXPECT_TRUE(echo.wait_for("two"));
    EXPECT_EQ(echo.wait(), 3);
    {
        Background sleeper(std::vector<std::string>{"sleep", "500"});
        EXPECT_EQ(processes_with("sleep 500").size(), 1U);
    }
    EXPECT_THAT(processes_with("sleep 500"), IsEmpty());
}

}  // namespace
}  // namespace warren::e2e
