// kill -9 of each daemon that a lab lives on, at rest and during `up`: what should live lives, `show` says what is
// wrong, `up` repairs, `down` leaves nothing.
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.hpp"
#include "daemons.hpp"

namespace warren::e2e {
namespace {

using testing::Contains;

std::string tenants() { return example("tenants.yaml"); }

void down_leaves_nothing(const std::string& lab = "tenants") {
    const Ran down = warren({"down", lab});
    EXPECT_TRUE(down.ok()) << testing::PrintToString(down);
}

// Two tenants; the first with several servers and services, so that fifty deaths take a few rounds.
constexpr const char* kDeaths = R"(lab: deaths
switches: {s1: {kind: ovs}}
networks:
  red-net: {switch: s1, vlan: 100, subnet: 10.50.50.0/24, dhcp: {host: dhcp-r, address: 10.50.50.2/24}}
  pink-net: {switch: s1, vlan: 101, subnet: 10.50.50.0/24, dhcp: {host: dhcp-p}}
  rose-net: {switch: s1, vlan: 102, subnet: 10.50.50.0/24, dhcp: {host: dhcp-o}}
  green-net: {switch: s1, vlan: 200, subnet: 10.50.50.0/24, dhcp: {host: dhcp-g, address: 10.50.50.2/24}}
hosts:
  red:
    interfaces: {eth0-r: {network: red-net, peer: veth-r, address: dhcp}}
    run:
      - {name: one, command: sleep infinity}
      - {name: two, command: sleep infinity}
      - {name: three, command: sleep infinity}
      - {name: four, command: sleep infinity}
  green: {interfaces: {eth0-g: {network: green-net, peer: veth-g, address: dhcp}}}
expect:
  - lease: {host: red, network: red-net}
  - lease: {host: green, network: green-net}
  - reach: {from: red, to: dhcp-r}
  - isolate: {from: red, to: green}
)";

using Clock = std::chrono::steady_clock;

class Deaths : public E2e {
protected:
    // Kills the process HOST:NAME once it has lived over a second (one that dies sooner is not started again at
    // once), and returns the milliseconds until it runs again: the keeper's record has the new one, which has
    // become its program and, of a server, has written its pid file.
    static double kill_one(const std::string& key, const std::string& pid_file = {}) {
        const std::string record = "/run/warren/deaths/processes/" + key + ".json";
        const auto pid = [&] {
            static const std::regex kPid("\"phase\":.*\"pid\":([0-9]+)");
            std::smatch found;
            const std::string text = read_text(record);
            return std::regex_search(text, found, kPid) ? std::stoi(found[1]) : 0;
        };
        const int old = pid();
        if (old == 0) { throw std::runtime_error(key + " does not run"); }
        const std::string program = command_line(old);
        const auto started = std::filesystem::last_write_time(record);  // it is written at the start
        EXPECT_TRUE(comes_true(
            [&] { return decltype(started)::clock::now() - started > std::chrono::milliseconds(1100); }));
        const auto killed = Clock::now();
        if (::kill(old, SIGKILL) != 0) { throw std::runtime_error("cannot kill " + key); }
        EXPECT_TRUE(comes_true([&] {
            const int now = pid();
            return now != 0 && now != old && command_line(now) == program &&
                   (pid_file.empty() || pid_in(pid_file) == now);
        })) << key
            << " does not run again";
        return std::chrono::duration<double, std::milli>(Clock::now() - killed).count();
    }

    static double median(std::vector<double> values) {
        std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                         values.end());
        return values[values.size() / 2];
    }
};

TEST_F(Deaths, FiftyAreRepairedWithinATenthOfASecond) {
    const std::string file = write_file("deaths.yaml", kDeaths);
    must_warren({"up", file});
    const auto leases = leases_of("deaths", "red-net");
    const auto addresses = addresses_of("red", "eth0-r");
    EXPECT_EQ(leases.size(), 1U);
    const auto before = pids_of("deaths");
    Pings other("green", "10.50.50.2");
    std::vector<double> servers;
    std::vector<double> services;
    while (servers.size() + services.size() < 50) {
        for (const char* name : {"one", "two", "three", "four"}) {
            services.push_back(kill_one(std::string("red:") + name));
        }
        for (const auto& [host, network] :
             {std::pair{"dhcp-r", "red-net"}, {"dhcp-p", "pink-net"}, {"dhcp-o", "rose-net"}}) {
            servers.push_back(kill_one(std::string(host) + ":dnsmasq",
                                       std::string("/run/warren/deaths/dhcp/") + network + ".pid"));
        }
    }
    EXPECT_THAT(other.lost(), IsEmpty());
    const std::size_t pings = other.answered();
    std::cout << services.size() << " deaths of services: median " << median(services) << " ms; " << servers.size()
              << " of dnsmasq: median " << median(servers) << " ms until it listens; the other tenant's " << pings
              << " pings lost none\n";
    EXPECT_LT(median(services), 100);
    EXPECT_LT(median(servers), 100);

    EXPECT_EQ(leases_of("deaths", "red-net"), leases);
    EXPECT_EQ(addresses_of("red", "eth0-r"), addresses);
    for (const auto& [key, pid] : pids_of("deaths")) {
        const bool killed = key.starts_with("red:") ? key.find("dhcp") == std::string::npos
                                                    : key.starts_with("dhcp") && key != "dhcp-g:dnsmasq";
        EXPECT_EQ(pid != before.at(key), killed) << key;
        EXPECT_THAT(inherited_by(pid), IsEmpty());
    }
    EXPECT_EQ(zombies_of(keeper_of("deaths")), 0);
    expect_whole("deaths", file);
    down_leaves_nothing("deaths");
    expect_same_machine();
}

TEST_F(Deaths, ADhcpClientIsStartedAgainWithItsLease) {
    const std::string file = write_file("deaths.yaml", kDeaths);
    must_warren({"up", file});
    const auto leases = leases_of("deaths", "red-net");
    const auto addresses = addresses_of("red", "eth0-r");
    std::string client;
    for (const auto& [key, pid] : pids_of("deaths")) {
        if (key.starts_with("red:dhcp")) { client = key; }
    }
    Pings own("red", "10.50.50.2");
    Pings other("green", "10.50.50.2");
    std::vector<double> took;
    for (int death = 0; death < 5; ++death) { took.push_back(kill_one(client)); }
    EXPECT_EQ(addresses_of("red", "eth0-r"), addresses);
    EXPECT_THAT(own.lost(), IsEmpty());
    EXPECT_THAT(other.lost(), IsEmpty());
    std::cout << took.size() << " deaths of a DHCP client: median " << median(took)
              << " ms; the host's own pings and the other tenant's lost none\n";
    EXPECT_LT(median(took), 100);
    EXPECT_EQ(leases_of("deaths", "red-net"), leases);
    EXPECT_EQ(zombies_of(keeper_of("deaths")), 0);
    expect_whole("deaths", file);
    down_leaves_nothing("deaths");
    expect_same_machine();
}

class KeeperKilled : public Deaths {};

TEST_F(KeeperKilled, AtRestEverythingGoesOnAndIsTakenBack) {
    const std::string file = write_file("deaths.yaml", kDeaths);
    must_warren({"up", file});
    const auto before = pids_of("deaths");
    const auto leases = leases_of("deaths", "red-net");
    Pings own("red", "10.50.50.2");
    Pings other("green", "10.50.50.2");
    const int keeper = keeper_of("deaths");
    kill_and_wait(keeper, SIGKILL);
    EXPECT_THAT(drift("deaths"), testing::ElementsAre(HasSubstr("keeper")));
    EXPECT_EQ(pids_of("deaths"), before) << "its processes go on";
    for (const auto& [key, pid] : before) { EXPECT_TRUE(alive(pid)) << key; }
    EXPECT_TRUE(warren({"check", "deaths"}).ok());

    must_warren({"up", file});
    EXPECT_NE(keeper_of("deaths"), keeper);
    EXPECT_TRUE(alive(keeper_of("deaths")));
    EXPECT_EQ(pids_of("deaths"), before) << "taken back, not started again";
    EXPECT_THAT(own.lost(), IsEmpty());
    EXPECT_THAT(other.lost(), IsEmpty());
    EXPECT_EQ(leases_of("deaths", "red-net"), leases);
    expect_whole("deaths", file);
    // It follows them although they are not its children.
    const double service = kill_one("red:one");
    const double server = kill_one("dhcp-r:dnsmasq", "/run/warren/deaths/dhcp/red-net.pid");
    std::cout << "of those taken back, a service ran again after " << service << " ms, dnsmasq after " << server
              << " ms\n";
    expect_whole("deaths", file);
    // Nobody is left as a zombie: its own children it reaps, and whoever reaps the machine's orphans the others.
    EXPECT_TRUE(comes_true([&] { return zombies_of(keeper_of("deaths")) == 0 && zombies_of(1) == 0; }));
    down_leaves_nothing("deaths");
    expect_same_machine();
}

TEST_F(KeeperKilled, WhatDiesMeanwhileIsNamedAndStartedAgain) {
    const std::string file = write_file("deaths.yaml", kDeaths);
    must_warren({"up", file});
    const auto before = pids_of("deaths");
    const auto leases = leases_of("deaths", "red-net");
    kill_and_wait(keeper_of("deaths"), SIGKILL);
    for (const char* key : {"red:one", "dhcp-r:dnsmasq"}) { kill_and_wait(before.at(key), SIGKILL); }
    const auto told = drift("deaths");
    EXPECT_THAT(told, Contains(HasSubstr("red:one")));
    EXPECT_THAT(told, Contains(HasSubstr("dhcp server of red-net")));
    expect_repaired("deaths", file);
    for (const auto& [key, pid] : pids_of("deaths")) {
        EXPECT_EQ(pid != before.at(key), key == "red:one" || key == "dhcp-r:dnsmasq") << key;
    }
    EXPECT_EQ(leases_of("deaths", "red-net"), leases);
    down_leaves_nothing("deaths");
    expect_same_machine();
}

TEST_F(KeeperKilled, DownWithoutOneLeavesNothing) {
    must_warren({"up", write_file("deaths.yaml", kDeaths)});
    kill_and_wait(keeper_of("deaths"), SIGKILL);
    down_leaves_nothing("deaths");
    expect_same_machine();
}

// Clients of the keeper's socket that are cut off: at once, within a request, before the answer, after nonsense.
void cut_off_clients(const std::string& path) {
    for (const std::string_view request : {"", R"({"verb":"li)",
                                           R"({"verb":"list","processes":[]})"
                                           "\n",
                                           "nonsense\n"}) {
        const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        ASSERT_LT(path.size(), sizeof address.sun_path);
        path.copy(address.sun_path, path.size());
        ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        ASSERT_EQ(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(request.size()));
    }
}

// A keeper has as many files open after twenty times more of everything as before; see add_keepers() of the snapshot.
class KeeperFiles : public E2e {};

TEST_F(KeeperFiles, AreClosedWhenTheyHaveServed) {
    const std::string less =
        "lab: files\nswitches: {br0: {}}\nhosts:\n"
        "  h1: {interfaces: {eth0: {to: br0}}, run: [{name: s, command: \"sleep 1001\"}]}\n";
    const std::string more =
        less +
        "  h2: {interfaces: {eth0: {to: br0}}, run: [{name: s, command: \"sleep 1002\"},\n"
        "    {name: t, command: \"sleep 1003\"}, {name: once, command: \"true\", restart: never}]}\n"
        "  h3: {interfaces: {eth0: {network: n1, address: dhcp}}}\n"
        "networks:\n"
        "  n1: {switch: br0, subnet: 10.5.0.0/24, dhcp: {range: 10.5.0.10-10.5.0.20}}\n";
    const std::string less_file = write_file("less.yaml", less);
    const std::string more_file = write_file("more.yaml", more);
    must_warren({"up", less_file});
    const auto keepers = processes_with("warren keeper");
    ASSERT_EQ(keepers.size(), 1U);
    const int keeper = keepers.front();
    const auto before = snapshot_without_memory();
    auto files = open_files(keeper);
    EXPECT_EQ(files["anon_inode:[pidfd]"], 1) << testing::PrintToString(files);
    for (int round = 0; round < 20; ++round) {
        SCOPED_TRACE(round);
        must_warren({"up", more_file});
        EXPECT_GE(open_files(keeper)["anon_inode:[pidfd]"], 5);
        const int old = processes_with("sleep 1002").at(0);
        kill_and_wait(old, SIGKILL);
        ASSERT_TRUE(comes_true([&] {
            const auto now = processes_with("sleep 1002");
            return !now.empty() && now.front() != old;
        }));
        cut_off_clients("/run/warren/files/keeper.sock");
        must_warren({"up", less_file});
        ASSERT_THAT(lasting_difference(before), IsEmpty());
    }
    EXPECT_EQ(processes_with("warren keeper"), keepers);
    must_warren({"down"});
    expect_same_machine();
}

// --- Open vSwitch at rest --------------------------------------------------------------------------

struct Killed {
    const char* name;
    std::vector<std::string> daemons;
    int signal;
};
void PrintTo(const Killed& killed, std::ostream* os) { *os << killed.name; }

class OvsKilled : public BesideOthers, public testing::WithParamInterface<Killed> {
protected:
    static void kill_daemons(const std::string& directory = kOvs) {
        for (const auto& daemon : GetParam().daemons) {
            kill_and_wait(pid_in(directory + daemon + ".pid"), GetParam().signal);
        }
    }
    static bool kills(const std::string& daemon) {
        const auto& all = GetParam().daemons;
        return std::find(all.begin(), all.end(), daemon) != all.end();
    }
};

TEST_P(OvsKilled, IsNamedAndRepaired) {
    must_warren({"up", tenants()});
    const auto pids = pids_of("tenants");
    const auto leases = leases_of("tenants", "red-net");
    const std::string veth = must_sh("cat /sys/class/net/veth-r/ifindex");
    const int vswitchd = ovs_daemon("ovs-vswitchd");
    kill_daemons();

    EXPECT_THAT(drift("tenants"), Contains(AllOf(HasSubstr("Open vSwitch"), HasSubstr("dead"))));
    for (const auto& [key, pid] : pids) { EXPECT_TRUE(alive(pid)) << key; }

    const Ran up = warren({"up", tenants()});
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    EXPECT_EQ(ovs_daemon("ovs-vswitchd") == vswitchd, !kills("ovs-vswitchd"));
    EXPECT_EQ(must_sh("cat /sys/class/net/veth-r/ifindex"), veth) << "a veth pair outlives the switch";
    expect_whole("tenants", tenants());
    // The servers can be reached: a client that starts from nothing gets its lease.
    for (const auto& [key, pid] : pids_of("tenants")) {
        if (!key.starts_with("red:dhcp")) { continue; }
        must_sh("rm -f /run/warren/tenants/dhcp/red:*.leases; ip -n red addr flush dev eth0-r");
        kill_and_wait(pid, SIGKILL);
    }
    EXPECT_TRUE(comes_true([&] { return addresses_of("red", "eth0-r").size() == 1; }));
    EXPECT_EQ(leases_of("tenants", "red-net"), leases);
    for (const char* daemon : {"ovs-vswitchd", "ovsdb-server"}) {
        EXPECT_THAT(inherited_by(ovs_daemon(daemon)), IsEmpty());
    }
    down_leaves_nothing();
    expect_same_machine();
}

TEST_P(OvsKilled, DownLeavesNothing) {
    must_warren({"up", tenants()});
    kill_daemons();
    down_leaves_nothing();
    expect_same_machine();
}

TEST_P(OvsKilled, DownLeavesNothingWhereItCannotBeStartedAgain) {
    must_warren({"up", tenants()});
    std::vector<std::string> hidden;
    for (const char* program : {"ovs-vswitchd", "ovsdb-server"}) {
        hidden.push_back(std::filesystem::canonical(find_program(program)));
        hide_program(hidden.back());
    }
    kill_daemons();
    const Ran up = warren({"up", tenants()});
    EXPECT_EQ(up.status, 3) << testing::PrintToString(up);
    EXPECT_THAT(up.err, HasSubstr("openvswitch-switch"));
    EXPECT_THAT(drift("tenants"), Contains(HasSubstr("Open vSwitch")));
    down_leaves_nothing();
    for (const auto& path : hidden) { EXPECT_EQ(::umount(path.c_str()), 0) << path; }
    expect_same_machine();
}

TEST_P(OvsKilled, InALabsOwnRoot) {
    std::string text = read_text(tenants());
    text += "root: private\n";
    const std::string file = write_file("private.yaml", text);
    must_warren({"up", file});
    kill_daemons("/run/warren/tenants/ovs/");
    EXPECT_THAT(drift("tenants"), Contains(AllOf(HasSubstr("Open vSwitch"), HasSubstr("dead"))));
    expect_repaired("tenants", file);
    kill_daemons("/run/warren/tenants/ovs/");
    down_leaves_nothing();
    expect_same_machine();
}

constexpr const char* kOther = R"(lab: other
switches: {s9: {kind: ovs}}
hosts:
  a: {interfaces: {eth0: {to: "s9:pa", address: 10.9.0.1/24}}}
  b: {interfaces: {tap-b: {to: s9, address: 10.9.0.2/24, wire: internal}}}
expect: [{reach: {from: a, to: b}}]
)";

// Two labs share the instance: neither's command breaks the other.
TEST_P(OvsKilled, DownOfOneLabLeavesTheOtherRepairable) {
    must_warren({"up", tenants()});
    const std::string other = write_file("other.yaml", kOther);
    must_warren({"up", other});
    kill_daemons();
    down_leaves_nothing();
    EXPECT_THAT(must_sh("ovs-vsctl " + ovs_db_option() + " list-br"), "s9");
    expect_repaired("other", other);
    down_leaves_nothing("other");
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Daemons, OvsKilled,
                         testing::Values(Killed{"Vswitchd", {"ovs-vswitchd"}, SIGKILL},
                                         Killed{"VswitchdByTerm", {"ovs-vswitchd"}, SIGTERM},
                                         Killed{"OvsdbServer", {"ovsdb-server"}, SIGKILL},
                                         Killed{"Both", {"ovsdb-server", "ovs-vswitchd"}, SIGKILL}),
                         [](const auto& each) { return std::string(each.param.name); });

class Vswitchd : public E2e {};

// The database looks fine then: only the devices tell.
TEST_F(Vswitchd, ThatSomebodyElseStartedAgainHasItsCutOffPortsReplaced) {
    must_warren({"up", tenants()});
    const std::string command = command_line(ovs_daemon("ovs-vswitchd"));
    kill_and_wait(ovs_daemon("ovs-vswitchd"), SIGKILL);
    must_sh("rm " + std::string(kOvs) + "ovs-vswitchd.ctl; " + command + " 2> /dev/null");
    const auto told = drift("tenants");
    EXPECT_THAT(told, Contains(HasSubstr("tap-r")));
    EXPECT_THAT(told, Contains(HasSubstr("tap-g")));
    EXPECT_THAT(told, Not(Contains(HasSubstr("veth"))));
    expect_repaired("tenants", tenants());
    down_leaves_nothing();
    expect_same_machine();
}

// --- during `up` -----------------------------------------------------------------------------------

// A path that `up` of the tenants makes, which says how far it has come.
struct Moment {
    const char* name;
    std::string path;
};
void PrintTo(const Moment& moment, std::ostream* os) { *os << moment.name; }

const Moment kStarts[] = {
    {"Place", "/run/warren/.ovs"},
    {"Database", "/run/warren/.ovs/conf.db"},
    {"ServersPid", "/run/warren/.ovs/ovsdb-server.pid"},
    {"Socket", "/run/warren/.ovs/db.sock"},
    {"ServersControl", "/run/warren/.ovs/ovsdb-server.ctl"},
    {"SwitchsLog", "/run/warren/.ovs/ovs-vswitchd.log"},
    {"SwitchsPid", "/run/warren/.ovs/ovs-vswitchd.pid"},
    {"SwitchsControl", "/run/warren/.ovs/ovs-vswitchd.ctl"},
    {"Namespace", "/run/netns/red"},
    {"Bridge", "/sys/class/net/ovs1"},
};
std::string name_of_moment(const testing::TestParamInfo<Moment>& each) { return each.param.name; }

bool comes(const Moment& moment) {
    return comes_true([&] { return std::filesystem::exists(std::filesystem::symlink_status(moment.path)); });
}

// `up` itself is killed while it starts Open vSwitch: what it had under way must not outlive `down`.
class UpKilled : public E2e, public testing::WithParamInterface<Moment> {};

TEST_P(UpKilled, DownLeavesNothing) {
    for (int delay = 0; delay < 3; ++delay) {
        Background up({WARREN_PROGRAM, "up", tenants()});
        ASSERT_TRUE(comes(GetParam()));
        std::this_thread::sleep_for(std::chrono::milliseconds(delay * 2));  // another moment, not a wait
        static_cast<void>(up.signal(SIGKILL));
        static_cast<void>(up.wait());
        down_leaves_nothing();
        expect_same_machine();
    }
}

TEST_P(UpKilled, UpCompletesIt) {
    Background up({WARREN_PROGRAM, "up", tenants()});
    ASSERT_TRUE(comes(GetParam()));
    static_cast<void>(up.signal(SIGKILL));
    static_cast<void>(up.wait());
    expect_repaired("tenants", tenants());
    down_leaves_nothing();
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Moments, UpKilled, testing::ValuesIn(kStarts), name_of_moment);

// A daemon is killed while `up` works: that one may fail, and says why; the next completes it.
struct DaemonMoment {
    std::string daemon;
    Moment moment;
};
void PrintTo(const DaemonMoment& each, std::ostream* os) { *os << each.daemon << " at " << each.moment.name; }

class DaemonKilledDuringUp : public E2e, public testing::WithParamInterface<DaemonMoment> {};

TEST_P(DaemonKilledDuringUp, TheNextUpCompletesIt) {
    Background up({WARREN_PROGRAM, "up", tenants()});
    ASSERT_TRUE(comes(GetParam().moment));
    const bool keeper = GetParam().daemon == "keeper";
    int pid = 0;
    ASSERT_TRUE(comes_true([&] {
        pid = keeper ? keeper_of("tenants") : ovs_daemon(GetParam().daemon);
        return pid > 0;
    }));
    ::kill(pid, SIGKILL);
    const int status = up.wait();
    EXPECT_THAT(status, testing::AnyOf(0, 1)) << up.printed();
    if (status == 1) { EXPECT_THAT(up.printed(), HasSubstr("warren: cannot ")); }
    expect_repaired("tenants", tenants());
    down_leaves_nothing();
    expect_same_machine();
}

std::vector<DaemonMoment> daemon_moments() {
    const Moment server{"Pid", "/run/warren/.ovs/ovsdb-server.pid"};
    const Moment vswitchd{"Pid", "/run/warren/.ovs/ovs-vswitchd.pid"};
    const Moment control{"Control", "/run/warren/.ovs/ovs-vswitchd.ctl"};
    const Moment red{"Namespace", "/run/netns/red"};
    const Moment bridge{"Bridge", "/sys/class/net/ovs1"};
    const Moment listens{"Socket", "/run/warren/tenants/keeper.sock"};
    const Moment first{"FirstRecord", "/run/warren/tenants/processes"};
    const Moment lease{"ServersPid", "/run/warren/tenants/dhcp/red-net.pid"};
    return {{"ovs-vswitchd", vswitchd}, {"ovs-vswitchd", control}, {"ovs-vswitchd", red}, {"ovs-vswitchd", bridge},
            {"ovs-vswitchd", lease},    {"ovsdb-server", server},  {"ovsdb-server", red}, {"ovsdb-server", bridge},
            {"ovsdb-server", lease},    {"keeper", listens},       {"keeper", first},     {"keeper", lease}};
}

INSTANTIATE_TEST_SUITE_P(Moments, DaemonKilledDuringUp, testing::ValuesIn(daemon_moments()), [](const auto& each) {
    std::string name = each.param.daemon + each.param.moment.name;
    std::erase(name, '-');
    return name;
});

}  // namespace
}  // namespace warren::e2e
