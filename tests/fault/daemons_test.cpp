// Daemons that are killed: what should live lives, `show` says what is wrong, `up` repairs it, `down` leaves nothing.
#include <algorithm>
#include <csignal>
#include <map>

#include <unistd.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

using Clock = std::chrono::steady_clock;

int pid_in(const std::string& path) { return std::stoi(read_text(path)); }
constexpr const char* kSwitchPid = "/run/warren/.ovs/ovs-vswitchd.pid";
constexpr const char* kServerPid = "/run/warren/.ovs/ovsdb-server.pid";

class Daemons : public BesideOthers {
protected:
    static std::string all_drift(const std::string& lab) {
        std::string text;
        for (const auto& line : drift(lab)) { text += line + "\n"; }
        return text;
    }
    void expect_repaired(const std::string& file, const std::string& lab) {
        const Ran up = warren({"up", file});
        EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
        EXPECT_THAT(drift(lab), IsEmpty());
        const Ran check = warren({"check", lab});
        EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    }
    static std::string lease_of(const std::string& host, const std::string& device) {
        return must_sh("ip -n " + host + " -4 -o addr show " + device + " | awk '{print $4}'");
    }
};

// The processes of LAB that are running, by name, as its keeper's records tell.
std::map<std::string, int> running(const std::string& lab) {
    std::map<std::string, int> pids;
    for (const auto& host : elements(at(warren_json({"show", lab}), "hosts"))) {
        for (const auto& process : elements(at(host, "processes"))) {
            if (at(process, "state") != json::value("running")) { continue; }
            const std::string name = json::value_to<std::string>(at(host, "name")) + ":" +
                                     json::value_to<std::string>(at(process, "name"));
            pids[name] = at(process, "pid").to_number<int>();
        }
    }
    return pids;
}

// Median over fifty deaths, of dnsmasq and services, each in its own hosts; a process that has lived for a second is
// started again at once.
TEST_F(Daemons, AreRunningAgainSoonAfterTheirDeath) {
    std::string file =
        "lab: dying\nswitches: {br0: {}}\nnetworks:\n"
        "  n1: {switch: br0, subnet: 10.5.0.0/24, dhcp: {range: 10.5.0.10-10.5.0.20}}\nhosts:\n";
    for (int i = 1; i <= 9; ++i) {
        file += "  h" + std::to_string(i) +
                ": {interfaces: {eth0: {to: br0}}, run: [{name: s, command: \"sleep 10" + std::to_string(i) +
                "\"}]}\n";
    }
    const std::string path = write_file("dying.yaml", file);
    must_warren({"up", path});
    std::vector<double> milliseconds;
    for (int round = 0; round < 5; ++round) {
        const auto before = running("dying");
        ASSERT_EQ(before.size(), 10U);
        // Each must have lived for longer than a second: the time is part of what is tested.
        must_sh("sleep 1.2");
        for (const auto& [name, pid] : before) {
            const std::string command = command_line(pid);
            ASSERT_FALSE(command.empty());
            const auto start = Clock::now();
            kill_and_wait(pid, SIGKILL);
            ASSERT_TRUE(comes_true([&] {
                const auto now = processes_with(command);
                return std::any_of(now.begin(), now.end(), [&, old = pid](int found) {
                    return found != old && command_line(found) == command;
                });
            })) << name;
            milliseconds.push_back(std::chrono::duration<double, std::milli>(Clock::now() - start).count());
        }
    }
    std::sort(milliseconds.begin(), milliseconds.end());
    const double median = milliseconds[milliseconds.size() / 2];
    std::printf("running again after %.1f ms (median of %zu deaths; longest %.1f ms)\n", median,
                milliseconds.size(), milliseconds.back());
    EXPECT_LT(median, 100);
    EXPECT_THAT(drift("dying"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Daemons, ADhcpServerKilledKeepsItsLeasesAndTheOtherTenantLosesNothing) {
    must_warren({"up", example("tenants.yaml")});
    const std::string lease = lease_of("red", "eth0-r");
    const std::string leases = read_text("/run/warren/tenants/dhcp/red-net.leases");
    EXPECT_THAT(leases, HasSubstr(lease.substr(0, lease.find('/'))));
    Background ping({"ip", "netns", "exec", "green", "ping", "-i", "0.01", "-W", "1", "10.50.50.2"});
    ASSERT_TRUE(ping.wait_for("icmp_seq=5 ")) << ping.printed();
    for (int i = 0; i < 3; ++i) {
        const int pid = pid_in("/run/warren/tenants/dhcp/red-net.pid");
        kill_and_wait(pid, SIGKILL);
        ASSERT_TRUE(comes_true([&] {
            const std::string text = read_text("/run/warren/tenants/dhcp/red-net.pid");
            return !text.empty() && std::stoi(text) != pid && !command_line(std::stoi(text)).empty();
        }));
    }
    ASSERT_EQ(ping.signal(SIGINT), 0);
    EXPECT_EQ(ping.wait(), 0) << ping.printed();
    EXPECT_THAT(lost_pings(ping.printed()), IsEmpty());
    EXPECT_EQ(read_text("/run/warren/tenants/dhcp/red-net.leases"), leases);
    EXPECT_EQ(lease_of("red", "eth0-r"), lease);
    expect_repaired(example("tenants.yaml"), "tenants");
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Daemons, ADhcpClientKilledIsBackWithItsLease) {
    must_warren({"up", example("tenants.yaml")});
    const std::string lease = lease_of("red", "eth0-r");
    const int pid = running("tenants").at("red:dhcp-eth0-r");
    kill_and_wait(pid, SIGKILL);
    ASSERT_TRUE(comes_true([&] {
        const auto now = running("tenants");
        return now.contains("red:dhcp-eth0-r") && now.at("red:dhcp-eth0-r") != pid;
    }));
    EXPECT_TRUE(comes_true([&] { return lease_of("red", "eth0-r") == lease; }));
    expect_repaired(example("tenants.yaml"), "tenants");
    EXPECT_EQ(lease_of("red", "eth0-r"), lease);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Daemons, AKeeperKilledIsStartedAgainAndTakesItsChildrenBack) {
    must_warren({"up", example("tenants.yaml")});
    const auto before = running("tenants");
    ASSERT_EQ(before.size(), 4U);
    const auto keepers = processes_with("warren keeper");
    ASSERT_EQ(keepers.size(), 1U);
    Background ping({"ip", "netns", "exec", "red", "ping", "-i", "0.01", "-W", "1", "10.50.50.2"});
    ASSERT_TRUE(ping.wait_for("icmp_seq=5 ")) << ping.printed();
    kill_and_wait(keepers.front(), SIGKILL);
    EXPECT_THAT(all_drift("tenants"), HasSubstr("keeper"));
    EXPECT_TRUE(warren({"check"}).ok());
    must_warren({"up", example("tenants.yaml")});
    EXPECT_THAT(drift("tenants"), IsEmpty());
    EXPECT_EQ(running("tenants"), before) << "not the same processes";
    // One that is not its own child is followed all the same.
    const int pid = before.at("dhcp-r:dnsmasq");
    kill_and_wait(pid, SIGKILL);
    EXPECT_TRUE(comes_true([&] {
        const auto now = running("tenants");
        return now.contains("dhcp-r:dnsmasq") && now.at("dhcp-r:dnsmasq") != pid;
    }));
    ASSERT_EQ(ping.signal(SIGINT), 0);
    EXPECT_EQ(ping.wait(), 0);
    EXPECT_THAT(lost_pings(ping.printed()), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Daemons, AKeeperKilledAndADown) {
    must_warren({"up", example("tenants.yaml")});
    kill_and_wait(processes_with("warren keeper").front(), SIGKILL);
    must_warren({"down"});
    expect_same_machine();
}

// Which of Open vSwitch's two daemons dies.
struct Killed {
    const char* name;
    std::vector<const char*> pid_files;
};
void PrintTo(const Killed& killed, std::ostream* os) { *os << killed.name; }

class OpenVSwitchKilled : public Daemons, public testing::WithParamInterface<Killed> {
protected:
    static void kill_them() {
        for (const char* path : GetParam().pid_files) { kill_and_wait(pid_in(path), SIGKILL); }
    }
};

TEST_P(OpenVSwitchKilled, AtRest) {
    const std::string file = example("tenants.yaml");
    must_warren({"up", file});
    const std::string lease = lease_of("red", "eth0-r");
    for (int i = 0; i < 2; ++i) {
        kill_them();
        EXPECT_THAT(all_drift("tenants"), HasSubstr("Open vSwitch"));
        expect_repaired(file, "tenants");
        EXPECT_EQ(lease_of("red", "eth0-r"), lease);
    }
    kill_them();
    must_warren({"down"});
    expect_same_machine();
}

TEST_P(OpenVSwitchKilled, DuringUp) {
    const std::string file = example("tenants.yaml");
    for (const char* point :
         {"after-start-ovs", "after-add-ovs-bridge", "after-place-internal", "after-start-keeper"}) {
        SCOPED_TRACE(point);
        Background up({"env", std::string("WARREN_FAULT=") + point + ":stop", WARREN_PROGRAM, "up", file});
        const std::string stat = "/proc/" + std::to_string(up.pid()) + "/stat";
        ASSERT_TRUE(comes_true([&] { return read_text(stat).find(") T ") != std::string::npos; }));
        kill_them();
        ASSERT_EQ(up.signal(SIGCONT), 0);
        // It may find out, and undo what it did, or not: the next one repairs.
        static_cast<void>(up.wait());
        expect_repaired(file, "tenants");
        must_warren({"down"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

INSTANTIATE_TEST_SUITE_P(Killed, OpenVSwitchKilled,
                         testing::Values(Killed{"vswitchd", {kSwitchPid}}, Killed{"ovsdb", {kServerPid}},
                                         Killed{"both", {kSwitchPid, kServerPid}}),
                         [](const auto& test) { return std::string(test.param.name); });

class Dhcp : public Daemons {};

// The file check counts the lab's own clients; somebody else's takes the address that is left.
TEST_F(Dhcp, APoolThatIsExhaustedIsSaid) {
    if (!has_program("udhcpc")) { GTEST_SKIP() << "udhcpc is not installed"; }
    const auto text = [](const char* range, const char* address) {
        return std::string(
                   "lab: pool\nswitches: {s1: {kind: ovs}}\nnetworks:\n  n: {switch: s1, subnet: 10.5.0.0/24, "
                   "dhcp: {range: ") +
               range +
               "}}\nhosts:\n  a: {interfaces: {eth0: {network: n, address: dhcp}}}\n"
               "  b: {interfaces: {eth0: {network: n" +
               address +
               "}}}\n  c: {interfaces: {eth0: {network: n, address: 10.5.0.30/24}}}\n"
               "expect: [{lease: {host: a, network: n}}]\n";
    };
    must_warren({"up", write_file("one.yaml", text("10.5.0.10-10.5.0.11", ", address: 10.5.0.31/24"))});
    must_sh("ip netns exec c udhcpc -i eth0 -n -q -f -s /bin/true");
    const Ran up = warren({"up", write_file("two.yaml", text("10.5.0.10-10.5.0.11", ", address: dhcp"))});
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    EXPECT_THAT(up.err, HasSubstr("b:eth0 has no lease yet"));
    EXPECT_EQ(must_sh("ip -n b -4 -o addr show eth0"), "");
    EXPECT_TRUE(warren({"check"}).ok()) << "the other's lease";
    must_warren({"up", write_file("three.yaml", text("10.5.0.10-10.5.0.12", ", address: dhcp"))});
    EXPECT_TRUE(comes_true([] { return sh("ip -n b -4 -o addr show eth0 | grep -q 10.5.0.12/").ok(); }));
    EXPECT_THAT(drift("pool"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Dhcp, ADamagedLeaseFileIsNoEnd) {
    must_warren({"up", example("tenants.yaml")});
    for (const char* file : {"red-net.leases", "red:eth0-r.leases"}) {
        SCOPED_TRACE(file);
        must_sh("head -c 300 /dev/urandom > '/run/warren/tenants/dhcp/" + std::string(file) + "'");
        const auto pids = running("tenants");
        kill_and_wait(pids.at("dhcp-r:dnsmasq"), SIGKILL);
        kill_and_wait(pids.at("red:dhcp-eth0-r"), SIGKILL);
        EXPECT_TRUE(comes_true([&] {
            const auto now = running("tenants");
            return now.contains("dhcp-r:dnsmasq") && now.contains("red:dhcp-eth0-r") &&
                   now.at("dhcp-r:dnsmasq") != pids.at("dhcp-r:dnsmasq");
        }));
        expect_repaired(example("tenants.yaml"), "tenants");
    }
    must_warren({"down"});
    expect_same_machine();
}

// A second server in the other tenant's VLAN, with another range, which would answer at once.
TEST_F(Dhcp, ARogueServerOfTheOtherTenantGivesNothing) {
    must_warren({"up", example("tenants.yaml")});
    Background rogue({"ip", "netns", "exec", "green", "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                      "--no-resolv", "--port=0", "--user=root", "--interface=eth0-g", "--bind-dynamic", "--no-ping",
                      "--dhcp-authoritative", "--pid-file=/mnt/rogue.pid", "--dhcp-leasefile=/mnt/rogue.leases",
                      "--dhcp-range=10.50.50.200,10.50.50.250"});
    ASSERT_TRUE(comes_true([] { return !read_text("/mnt/rogue.pid").empty(); }));
    for (int i = 0; i < 3; ++i) {
        const int pid = running("tenants").at("red:dhcp-eth0-r");
        must_sh("rm '/run/warren/tenants/dhcp/red:eth0-r.leases'");
        kill_and_wait(pid, SIGKILL);
        EXPECT_TRUE(comes_true([&] {
            const auto now = running("tenants");
            return now.contains("red:dhcp-eth0-r") && now.at("red:dhcp-eth0-r") != pid;
        }));
        const Ran check = warren({"check", "tenants"});
        EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    }
    EXPECT_EQ(read_text("/mnt/rogue.leases"), "") << "it gave out an address";
    EXPECT_TRUE(sh("ip -n red -4 -o addr show eth0-r | grep -qE ' 10[.]50[.]50[.]([1-9][0-9]|100)/'").ok());
    ASSERT_EQ(rogue.signal(SIGKILL), 0);
    static_cast<void>(rogue.wait());
    must_sh("rm -f /mnt/rogue.*");
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
