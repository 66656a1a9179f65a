// Limits of the machine: open files, network namespaces, room under /run, a read-only /run, netlink's receive buffer,
// tables that change while they are read. What cannot be done is refused or undone, and the limit is named.
#include <sys/mount.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

std::string star(const std::string& kind, int hosts) {
    std::string text = "lab: star\nswitches: {sw1: {kind: " + kind + "}}\nhosts:\n";
    for (int i = 1; i <= hosts; ++i) {
        const std::string n = std::to_string(i);
        text += "  h" + n + ": {interfaces: {eth0: {to: sw1, address: 10.0.1." + n + "/24}}}\n";
    }
    return write_file("star-" + kind + "-" + std::to_string(hosts) + ".yaml", text);
}

class Limits : public E2e {
protected:
    static bool is_up(const std::string& lab) { return !named(warren_json({"list"}), lab).is_null(); }
};

// --- open files --------------------------------------------------------------------------------------

Ran with_files(int most, const std::string& arguments) {
    const std::string n = std::to_string(most);
    return sh("prlimit --nofile=" + n + ":" + n + " " WARREN_PROGRAM " " + arguments);
}

TEST_F(Limits, SixtyFourOpenFilesAreEnoughForAHundredHosts) {
    const std::string file = star("bridge", 100);
    for (const std::string& step : {"up " + file, std::string("show"), std::string("ping h1 h100")}) {
        const Ran run = with_files(64, step);
        EXPECT_TRUE(run.ok()) << testing::PrintToString(run);
    }
    EXPECT_THAT(drift("star"), IsEmpty());
    EXPECT_THAT(with_files(64, "up " + file).out, HasSubstr("nothing to do"));
    EXPECT_TRUE(with_files(64, "up " + star("bridge", 90)).ok());
    EXPECT_THAT(drift("star"), IsEmpty());
    EXPECT_TRUE(with_files(64, "down").ok());
    expect_same_machine();
}

TEST_F(Limits, TheSoftLimitOnOpenFilesIsRaised) {
    const std::string file = star("ovs", 100);
    const Ran up = sh("prlimit --nofile=64:4096 " WARREN_PROGRAM " up " + file);
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    EXPECT_THAT(drift("star"), IsEmpty());
    EXPECT_TRUE(sh("prlimit --nofile=64:4096 " WARREN_PROGRAM " down").ok());
    expect_same_machine();
}

// Open vSwitch's own daemons inherit the limit, and need a file for each port of the userspace datapath.
TEST_F(Limits, TooFewOpenFilesForOpenVSwitchAreNamed) {
    const Ran up = with_files(64, "up " + star("ovs", 100));
    if (up.ok()) {
        EXPECT_THAT(drift("star"), IsEmpty());
        EXPECT_TRUE(with_files(64, "down").ok());
    } else {
        EXPECT_EQ(up.status, 1);
        EXPECT_THAT(up.err, HasSubstr("Too many open files"));
    }
    expect_same_machine();
}

TEST_F(Limits, FewerAndFewerOpenFilesAreRefusedByName) {
    const std::string file = star("bridge", 12);
    int refused = 0;
    for (int most = 32; most >= 6; most -= 2) {
        SCOPED_TRACE(most);
        const Ran up = with_files(most, "up " + file);
        if (up.ok()) {
            EXPECT_THAT(drift("star"), IsEmpty());
            // Where there were enough to make it there are enough to look at it and to take it away.
            EXPECT_TRUE(with_files(most, "show").ok());
            const Ran down = with_files(most, "down");
            EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
        } else {
            ++refused;
            EXPECT_EQ(up.status, 1);
            EXPECT_THAT(up.err, HasSubstr("Too many open files")) << testing::PrintToString(up);
        }
        expect_same_machine();
        if (HasFailure()) { return; }
    }
    std::printf("a lab of 12 hosts with 32 to 6 open files: %d refused\n", refused);
}

// --- network namespaces ------------------------------------------------------------------------------

// In a user namespace of its own, whose limit is not the machine's.
TEST_F(Limits, TenNetworkNamespaces) {
    must_sh("mkdir -p /run/mount");  // mount(8) makes it
    remember_machine();
    const std::string script = write_file("ten.sh", R"x(set -e
warren=$1 many=$2 few=$3
mount -t tmpfs t /run
mount -t sysfs s /sys
ip link set lo up
echo 10 > /proc/sys/user/max_net_namespaces
look() { ls -AR /run; ip -o link | cut -d: -f2-; }
same() { [ "$(look)" = "$1" ] || { echo "not as it was:"; diff <(look) <(echo "$1"); exit 1; }; }
before=$(look)
if $warren up $many; then echo unexpected; exit 1; fi
same "$before"
# The kernel counts a namespace until it has taken it apart, some time after the last who used it let go.
for try in $(seq 50); do
    if $warren up $few; then break; fi
    sleep 0.2
done
$warren up $few | grep "nothing to do"
up=$(look)
if $warren up $many; then echo unexpected; exit 1; fi
same "$up"
$warren show | grep "no drift"
$warren up $few | grep "nothing to do"
$warren down
same "$before"
echo done
)x");
    const Ran run = sh("unshare -U -r -n -m bash " + script + " " WARREN_PROGRAM " " + star("bridge", 20) + " " +
                       star("bridge", 4) + " 2>&1");
    if (run.out.find("unshare: ") != std::string::npos) { GTEST_SKIP() << "no user namespaces here: " << run.out; }
    EXPECT_TRUE(run.ok()) << testing::PrintToString(run);
    const std::string refusal =
        "No space left on device; the limit user.max_net_namespaces is reached (sysctl user.max_net_namespaces)";
    const std::size_t first = run.out.find(refusal);
    ASSERT_NE(first, std::string::npos) << run.out;
    EXPECT_NE(run.out.find(refusal, first + 1), std::string::npos) << run.out;
    EXPECT_THAT(run.out, HasSubstr("\ndone\n"));
    expect_same_machine();
}

// --- room under /run ---------------------------------------------------------------------------------

class FullRun : public Limits {
protected:
    // A /run of its own with that much room.
    void small_run(int kib) {
        const std::string options = "mode=755,size=" + std::to_string(kib) + "k";
        ASSERT_EQ(::mount("small", "/run", "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()), 0);
        remember_machine();
    }
    // Leaves KIB free.
    static void fill(int kib) {
        must_sh(
            "rm -f /run/filler; free=$(($(stat -f -c %a /run) * $(stat -f -c %s /run) / 1024)); "
            "[ $free -le " +
            std::to_string(kib) +
            " ] || dd if=/dev/zero of=/run/filler bs=1k "
            "count=$((free - " +
            std::to_string(kib) + ")) status=none");
    }
    static void make_room() { must_sh("rm -f /run/filler"); }

    // More and more room until it is enough: each time all or nothing, and the reason is told.
    void up_with_more_and_more_room(const std::string& file, const std::string& lab, int step) {
        int refused = 0;
        for (int free = 0;; free += step) {
            SCOPED_TRACE(std::to_string(free) + " KiB free");
            fill(free);
            const Ran up = warren({"up", file});
            if (up.ok()) {
                EXPECT_THAT(drift(lab), IsEmpty());
                fill(0);
                EXPECT_TRUE(warren({"show"}).ok());
                const Ran down = warren({"down"});
                EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
                make_room();
                expect_same_machine();
                std::printf("%s: %d times refused, up with %d KiB\n", lab.c_str(), refused, free);
                EXPECT_GT(refused, 0);
                return;
            }
            ++refused;
            EXPECT_EQ(up.status, 1);
            EXPECT_THAT(up.err, HasSubstr("No space left on device")) << testing::PrintToString(up);
            make_room();
            expect_same_machine();
            if (HasFailure() || free > 4096) { return; }
        }
    }
};

TEST_F(FullRun, UpOnABridge) {
    small_run(64);
    up_with_more_and_more_room(star("bridge", 3), "star", 4);
}

TEST_F(FullRun, UpOnOpenVSwitch) {
    small_run(1024);
    up_with_more_and_more_room(star("ovs", 2), "star", 8);
}

TEST_F(FullRun, UpWithServersAndClients) {
    small_run(1024);
    up_with_more_and_more_room(example("tenants.yaml"), "tenants", 32);
}

TEST_F(FullRun, AChange) {
    small_run(1024);
    const std::string plain = star("bridge", 3);
    const std::string more = star("bridge", 9);
    must_warren({"up", plain});
    const auto before = snapshot();
    int refused = 0;
    for (int free = 0;; free += 4) {
        SCOPED_TRACE(std::to_string(free) + " KiB free");
        fill(free);
        const Ran up = warren({"up", more});
        const bool enough = up.ok();
        make_room();
        if (enough) { break; }
        ++refused;
        EXPECT_THAT(up.err, HasSubstr("No space left on device")) << testing::PrintToString(up);
        EXPECT_THAT(difference(before, snapshot()), IsEmpty());
        EXPECT_THAT(planned(plain), IsEmpty());
        ASSERT_FALSE(HasFailure() || free > 1024);
    }
    EXPECT_GT(refused, 0);
    EXPECT_THAT(drift("star"), IsEmpty());
    fill(0);
    must_warren({"up", more});  // has nothing to write
    must_warren({"down"});
    make_room();
    expect_same_machine();
}

// What is taken away needs no room: neither a lab's record, nor the database of the Open vSwitch that others use too.
TEST_F(FullRun, Down) {
    small_run(2048);
    const std::string other = write_file("other.yaml", R"(lab: other
switches: {o1: {kind: ovs}}
hosts:
  x: {interfaces: {eth0: {to: o1, address: 10.9.0.1/24}}}
  y: {interfaces: {eth0: {to: o1, address: 10.9.0.2/24}}}
)");
    must_warren({"up", other});
    const auto with_other = snapshot_without_memory();
    must_warren({"up", example("tenants.yaml")});
    fill(0);
    const Ran down = warren({"down", "tenants"});
    EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
    EXPECT_FALSE(is_up("tenants"));
    EXPECT_THAT(drift("other"), IsEmpty());
    EXPECT_TRUE(warren({"ping", "x", "y"}).ok());
    fill(0);
    EXPECT_TRUE(warren({"show", "other"}).ok());
    make_room();
    EXPECT_THAT(lasting_difference(with_other), IsEmpty());
    fill(0);
    EXPECT_TRUE(warren({"down", "other"}).ok());
    make_room();
    expect_same_machine();
}

TEST_F(FullRun, ReadOnly) {
    small_run(1024);
    const std::string file = star("bridge", 3);
    const auto remount = [](unsigned long flags) {
        ASSERT_EQ(::mount(nullptr, "/run", nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | flags, nullptr), 0);
    };
    remount(MS_RDONLY);
    for (const auto& wanted : {file, star("ovs", 2), example("tenants.yaml")}) {
        const Ran up = warren({"up", wanted});
        EXPECT_EQ(up.status, 1);
        EXPECT_THAT(up.err, HasSubstr("/run/warren: Read-only file system")) << testing::PrintToString(up);
    }
    remount(0);
    expect_same_machine();

    must_warren({"up", file});
    const auto before = snapshot();
    remount(MS_RDONLY);
    EXPECT_THAT(drift("star"), IsEmpty());
    EXPECT_TRUE(warren({"ping", "h1", "h3"}).ok());
    for (const auto& command : std::vector<std::vector<std::string>>{{"up", star("bridge", 5)}, {"down"}}) {
        const Ran run = warren(command);
        EXPECT_EQ(run.status, 1);
        EXPECT_THAT(run.err, HasSubstr("/run/warren/star/lock: Read-only file system"))
            << testing::PrintToString(run);
    }
    remount(0);
    EXPECT_THAT(difference(before, snapshot()), IsEmpty());
    EXPECT_THAT(planned(file), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

// --- netlink -----------------------------------------------------------------------------------------

// Four KiB: an eighth of what a dump sends at once.
TEST_F(Limits, ASmallReceiveBufferOfNetlink) {
    for (const auto& [file, lab] : std::vector<std::pair<std::string, std::string>>{
             {star("bridge", 30), "star"}, {example("tenants.yaml"), "tenants"}}) {
        must_warren({"up", file});
        const auto usual = snapshot_without_memory();
        must_warren({"down"});
        const std::vector<std::string> small{"WARREN_NETLINK_BUFFER=4096"};
        const Ran up = warren({"up", file}, small);
        EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
        EXPECT_THAT(up.err, Not(HasSubstr("no lease")));
        EXPECT_THAT(lasting_difference(usual), IsEmpty());
        EXPECT_THAT(warren({"show", lab}, small).out, HasSubstr("no drift"));
        EXPECT_THAT(warren({"up", file}, small).out, HasSubstr("nothing to do"));
        const Ran check = warren({"check", lab}, small);
        EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
        EXPECT_TRUE(warren({"down"}, small).ok());
        expect_same_machine();
    }
}

// Links of others come and go in the machine's namespace all the time, some thousand a second.
TEST_F(Limits, TablesThatChangeWhileTheyAreRead) {
    const std::string batch = write_file("churn", "");
    must_sh(
        "for i in $(seq 5000); do echo 'link add churn type veth peer name churn2'; echo 'link del churn'; done "
        "> " +
        batch);
    const std::string file = star("bridge", 10);
    must_warren({"up", file});
    const auto usual = snapshot_without_memory();
    must_warren({"down"});
    {
        Background churn("echo ready; while true; do ip -batch " + batch + " >/dev/null 2>&1; done");
        ASSERT_TRUE(churn.wait_for("ready"));
        for (int round = 0; round < 5; ++round) {
            const Ran up = warren({"up", file});
            EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
            EXPECT_THAT(drift("star"), IsEmpty());
            EXPECT_THAT(warren({"up", file}).out, HasSubstr("nothing to do"));
            if (round < 4) { EXPECT_TRUE(warren({"down"}).ok()); }
        }
    }
    for (const int pid : processes_with("ip -batch")) { kill_and_wait(pid, SIGKILL); }
    must_sh("ip link del churn 2>/dev/null || true");
    EXPECT_THAT(lasting_difference(usual), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
