// Real ovsdb-server and ovs-vswitchd, started, used and ended in a sandbox.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <thread>

#include <gtest/gtest.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "sandbox.hpp"

namespace warren::ovs {
namespace {

using namespace std::chrono_literals;
using test::in_sandbox;

constexpr auto kTimeout = 20s;

#define ASSERT_DONE(expression)                                    \
    do {                                                           \
        const auto& done_ = (expression);                          \
        ASSERT_TRUE(done_.has_value()) << done_.error().message(); \
    } while (false)

bool installed() { return !find_program("ovs-vswitchd").empty() && !find_program("ovsdb-server").empty(); }

#define NEEDS_OPEN_VSWITCH() \
    if (!installed()) { GTEST_SKIP() << "Open vSwitch is not installed (package openvswitch-switch)"; }

OvsInstance instance_in(const std::string& directory) {
    OvsInstance instance;
    instance.directory = directory;
    return instance;
}

std::string shell(const std::string& command) {
    SpawnOptions options;
    options.command = {"sh", "-c", command};
    const auto output = run(options, 30s);
    return output ? output->out + output->err : output.error().message();
}

std::string vsctl(const OvsInstance& instance, const std::string& words) {
    return shell("ovs-vsctl --db=" + instance.database() + " " + words);
}

Connection connected(const OvsInstance& instance) {
    auto connection = Connection::connect(instance.directory + "/db.sock", kTimeout);
    if (!connection) { throw std::runtime_error(connection.error().message()); }
    return std::move(*connection);
}

OvsBridge bridge_named(const std::string& name) {
    OvsBridge bridge;
    bridge.name = name;
    bridge.lab = "demo";
    bridge.datapath_type = "netdev";
    bridge.fail_mode = "standalone";
    bridge.mac = MacAddress::derived(name);
    return bridge;
}

OvsPort port_named(const std::string& name, const std::string& type = "") {
    OvsPort port;
    port.name = name;
    port.type = type;
    port.lab = "demo";
    return port;
}

// What somebody can want: without what is only observed.
std::map<std::string, OvsBridge> wantable(std::map<std::string, OvsBridge> bridges) {
    for (auto& [name, bridge] : bridges) {
        for (auto& [port_name, port] : bridge.ports) {
            port.ofport.reset();
            port.error.clear();
        }
    }
    return bridges;
}

pid_t pid_in(const OvsInstance& instance, const std::string& daemon) {
    const auto text = read_file(instance.directory + "/" + daemon + ".pid");
    return text ? std::atoi(text->c_str()) : 0;
}

void kill_daemon(const OvsInstance& instance, const std::string& daemon) {
    const auto id = process_id(pid_in(instance, daemon));
    ASSERT_TRUE(id.has_value());
    auto pidfd = open_process(*id);
    ASSERT_TRUE(pidfd.has_value());
    ASSERT_DONE(send_signal(pidfd->get(), SIGKILL, daemon));
    ASSERT_DONE(end_process(pidfd->get(), 5s, daemon));
}

std::string links() { return shell("ip -o link | cut -d: -f2 | cut -d@ -f1 | tr -d '\\n'"); }
std::string daemons() {
    return shell("ps -eo stat,comm | grep -v '^Z' | grep -o 'ovs[^ ]*' | sort | tr '\\n' ' '");
}

TEST(OpenVswitch, WholeLife) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/warren/ovs");
        EXPECT_FALSE(running(instance));
        ASSERT_DONE(start(instance));
        EXPECT_TRUE(running(instance));
        EXPECT_EQ(shell("stat -c %a /run/warren/ovs"), "700\n");
        const pid_t server = pid_in(instance, "ovsdb-server");
        const pid_t vswitchd = pid_in(instance, "ovs-vswitchd");
        ASSERT_DONE(start(instance));
        EXPECT_EQ(pid_in(instance, "ovsdb-server"), server);
        EXPECT_EQ(pid_in(instance, "ovs-vswitchd"), vswitchd);

        Connection connection = connected(instance);
        OvsBridge s1 = bridge_named("s1");
        s1.fail_mode = "secure";
        s1.controller = "tcp:127.0.0.1:6653";
        s1.protocols = {"OpenFlow10", "OpenFlow13"};
        s1.dpid = "00000000000000a1";
        s1.stp = true;
        OvsPort internal = port_named("i0", "internal");
        internal.tag = Vlan{100};
        internal.host = "red";
        s1.ports.emplace("i0", internal);
        OvsPort p1 = port_named("p1", "patch");
        p1.peer = "p2";
        p1.trunks = {100, 200};
        s1.ports.emplace("p1", p1);
        OvsBridge s2 = bridge_named("s2");
        OvsPort p2 = port_named("p2", "patch");
        p2.peer = "p1";
        p2.tag = Vlan{7};
        p2.trunks = {100, 200};
        Changes add;
        add.lab = "demo";
        add.add_bridges = {s1, s2};
        add.add_ports.emplace_back("s2", p2);
        ASSERT_DONE(connection.apply(add, kTimeout));
        s2.ports.emplace("p2", p2);
        auto found = connection.bridges();
        ASSERT_DONE(found);
        EXPECT_EQ(wantable(*found), (std::map<std::string, OvsBridge>{{"s1", s1}, {"s2", s2}}));
        EXPECT_GT((*found)["s1"].ports["i0"].ofport.value_or(0), 0);
        EXPECT_EQ(vsctl(instance, "get port i0 tag external_ids"), "100\n{warren-host=red, warren-lab=demo}\n");
        EXPECT_EQ(vsctl(instance, "get port p2 vlan_mode"), "native-untagged\n");
        EXPECT_EQ(vsctl(instance, "get interface p1 type options"), "patch\n{peer=p2}\n");
        EXPECT_EQ(vsctl(instance, "get bridge s1 datapath_id fail_mode"), "\"00000000000000a1\"\nsecure\n");
        EXPECT_EQ(vsctl(instance, "get-controller s1"), "tcp:127.0.0.1:6653\n");
        EXPECT_EQ(shell("cat /sys/class/net/s1/address 2>&1; ip -o link show s1 | grep -o 'ether [^ ]*'")
                          .find(s1.mac.to_string()) != std::string::npos,
                  true);

        // A port that cannot be opened: an error that names it, and nothing of the rest stays.
        Changes bad;
        bad.lab = "demo";
        bad.add_bridges = {bridge_named("s3")};
        bad.add_ports.emplace_back("s1", port_named("nope"));
        bad.add_ports.emplace_back("s1", port_named("fine", "internal"));
        OvsPort retagged = internal;
        retagged.tag = Vlan{300};
        bad.set_ports.emplace_back("s1", internal, retagged);
        bad.delete_ports.emplace_back("s2", "p2");
        const auto refused = connection.apply(bad, kTimeout);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(
            refused.error().message(),
            "cannot add port nope to Open vSwitch bridge s1: could not open network device nope (No such device); "
            "link nope must exist in the network namespace of ovs-vswitchd");
        found = connection.bridges();
        ASSERT_DONE(found);
        EXPECT_EQ(wantable(*found), (std::map<std::string, OvsBridge>{{"s1", s1}, {"s2", s2}}));
        EXPECT_EQ(links().find("fine"), std::string::npos) << links();

        // Changes, beside a port of somebody else.
        EXPECT_EQ(vsctl(instance,
                        "add-port s1 theirs -- set interface theirs type=internal -- set bridge s1 "
                        "other_config:mac-table-size=99 external_ids:theirs=1"),
                  "");
        OvsBridge changed = s1;
        changed.controller = "tcp:127.0.0.1:1 tcp:127.0.0.1:2";
        changed.dpid.clear();
        changed.stp = false;
        changed.fail_mode = "standalone";
        Changes set;
        set.lab = "demo";
        set.set_bridges.emplace_back(s1, changed);
        retagged.host = "green";
        set.set_ports.emplace_back("s1", internal, retagged);
        set.delete_ports.emplace_back("s1", "p1");
        ASSERT_DONE(connection.apply(set, kTimeout));
        found = connection.bridges();
        ASSERT_DONE(found);
        changed.ports = {{"i0", retagged}, {"theirs", (*found)["s1"].ports["theirs"]}};
        changed.ports["theirs"].ofport.reset();
        EXPECT_EQ(wantable(*found)["s1"], changed);
        EXPECT_EQ((*found)["s1"].ports["theirs"].lab, "");
        EXPECT_EQ(vsctl(instance, "get bridge s1 other_config:mac-table-size external_ids:theirs"),
                  "\"99\"\n\"1\"\n");

        if (std::getenv("WARREN_TEST_SHOW") != nullptr) { std::cerr << vsctl(instance, "show"); }

        // An internal port moved into a namespace goes with the instance, too.
        EXPECT_EQ(shell("ip netns add red && ip link set i0 netns red && ip -n red -o link show i0 | wc -l"),
                  "1\n");
        Changes remove;
        remove.lab = "demo";
        remove.delete_bridges = {"s2", "s2", "absent"};
        remove.delete_ports = {{"s1", "absent"}, {"absent", "i0"}};
        ASSERT_DONE(connection.apply(remove, kTimeout));
        found = connection.bridges();
        ASSERT_DONE(found);
        EXPECT_FALSE(found->contains("s2"));
        EXPECT_EQ(links().find("s2"), std::string::npos) << links();
        EXPECT_EQ(vsctl(instance, "list-ports s1"), "i0\ntheirs\n");

        ASSERT_DONE(stop(instance));
        EXPECT_FALSE(running(instance));
        EXPECT_EQ(links(), " lo");
        EXPECT_EQ(shell("ip -n red -o link | cut -d: -f2"), " lo\n");
        EXPECT_EQ(daemons(), "");
        EXPECT_FALSE(path_exists("/run/warren/ovs"));
        ASSERT_DONE(stop(instance));
    });
}

TEST(OpenVswitch, OthersAreLeftAlone) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Connection connection = connected(instance);
        OvsBridge theirs = bridge_named("s1");
        theirs.lab = "other";
        OvsPort port = port_named("i0", "internal");
        port.lab = "other";
        theirs.ports.emplace("i0", port);
        Changes made;
        made.lab = "other";
        made.add_bridges = {theirs};
        ASSERT_DONE(connection.apply(made, kTimeout));
        EXPECT_EQ(vsctl(instance, "add-br plain -- set bridge plain datapath_type=netdev"), "");
        const auto before = connection.bridges();
        ASSERT_DONE(before);

        const auto says = [&](const Changes& changes) {
            const auto result = connection.apply(changes, kTimeout);
            return result ? "done" : result.error().message();
        };
        Changes mine;
        mine.lab = "demo";
        mine.add_bridges = {bridge_named("s1")};
        EXPECT_EQ(says(mine),
                  "cannot create Open vSwitch bridge s1: there is a bridge of that name already, with the "
                  "mark of lab other");
        mine.add_bridges = {bridge_named("plain")};
        EXPECT_EQ(says(mine),
                  "cannot create Open vSwitch bridge plain: there is a bridge of that name already, with "
                  "nobody's mark");
        mine = {};
        mine.lab = "demo";
        mine.add_ports.emplace_back("plain", port_named("i0", "internal"));
        EXPECT_EQ(says(mine),
                  "cannot add port i0 to Open vSwitch bridge plain: there is a port of that name on s1 "
                  "already, with the mark of lab other");
        mine.add_ports[0] = {"absent", port_named("i1", "internal")};
        EXPECT_EQ(says(mine), "cannot add port i1 to Open vSwitch bridge absent: there is no such bridge");
        mine = {};
        mine.lab = "demo";
        mine.delete_bridges = {"s1"};
        EXPECT_EQ(says(mine), "cannot delete Open vSwitch bridge s1: it bears the mark of lab other");
        mine.delete_bridges = {"plain"};
        EXPECT_EQ(says(mine), "cannot delete Open vSwitch bridge plain: it bears nobody's mark");
        mine.delete_bridges.clear();
        mine.delete_ports = {{"s1", "i0"}};
        EXPECT_EQ(says(mine), "cannot delete port i0 of Open vSwitch bridge s1: it bears the mark of lab other");
        mine.delete_ports.clear();
        OvsPort tagged = port_named("i0", "internal");
        tagged.tag = Vlan{5};
        mine.set_ports.emplace_back("s1", port_named("i0", "internal"), tagged);
        EXPECT_EQ(says(mine), "cannot configure port i0 of Open vSwitch bridge s1: it bears the mark of lab other");
        mine.set_ports.clear();
        OvsBridge secure = bridge_named("gone");
        secure.fail_mode = "secure";
        mine.set_bridges.emplace_back(bridge_named("gone"), secure);
        EXPECT_EQ(says(mine), "cannot configure Open vSwitch bridge gone: it is gone");

        const auto after = connection.bridges();
        ASSERT_DONE(after);
        EXPECT_EQ(*after, *before);
        ASSERT_DONE(stop(instance));
    });
}

// One end deleted and made again: ovs-vswitchd's complaint about the missing peer outlives its cause.
TEST(OpenVswitch, PatchPairs) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Connection connection = connected(instance);
        Changes add;
        add.lab = "demo";
        OvsBridge s1 = bridge_named("s1");
        OvsBridge s2 = bridge_named("s2");
        for (int i = 0; i < 50; ++i) {
            OvsPort a = port_named("a" + std::to_string(i), "patch");
            OvsPort b = port_named("b" + std::to_string(i), "patch");
            a.peer = b.name;
            b.peer = a.name;
            s1.ports.emplace(a.name, a);
            s2.ports.emplace(b.name, b);
        }
        add.add_bridges = {s1, s2};
        ASSERT_DONE(connection.apply(add, kTimeout));
        for (int round = 0; round < 5; ++round) {
            Changes remove;
            remove.lab = "demo";
            remove.delete_ports = {{"s1", "a7"}};
            ASSERT_DONE(connection.apply(remove, kTimeout));
            Changes again;
            again.lab = "demo";
            again.add_ports = {{"s1", s1.ports.at("a7")}};
            OvsPort tagged = s2.ports.at("b7");
            tagged.tag = static_cast<Vlan>(round + 1);
            again.set_ports = {{"s2", s2.ports.at("b7"), tagged}};
            s2.ports["b7"] = tagged;
            ASSERT_DONE(connection.apply(again, kTimeout));
            const auto found = connection.bridges();
            ASSERT_DONE(found);
            EXPECT_EQ(found->at("s2").ports.at("b7").error, "");
        }
        ASSERT_DONE(stop(instance));
    });
}

// Two makers change one bridge at the same time: what one reads is old when it writes, and both succeed.
TEST(OpenVswitch, OpenFlowNumbersByName) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Connection connection = connected(instance);
        Changes changes;
        changes.lab = "demo";
        OvsBridge bridge = bridge_named("s1");
        for (const char* name :
             {"a", "s1-eth3", "s1-eth1", "s1-eth300", "s1-eth0", "s1-ethx", "s1-eth65280", "z"}) {
            bridge.ports.emplace(name, port_named(name, "internal"));
        }
        changes.add_bridges = {bridge};
        ASSERT_DONE(connection.apply(changes, kTimeout));
        const auto found = connection.bridges();
        ASSERT_DONE(found);
        const auto& ports = found->at("s1").ports;
        EXPECT_EQ(ports.at("s1-eth1").ofport, 1);
        EXPECT_EQ(ports.at("s1-eth3").ofport, 3);
        EXPECT_EQ(ports.at("s1-eth300").ofport, 300);
        for (const char* name : {"a", "z", "s1-eth0", "s1-ethx", "s1-eth65280"}) {
            EXPECT_GT(ports.at(name).ofport, 0) << name;  // what is free
        }
        ASSERT_DONE(stop(instance));
    });
}

TEST(OpenVswitch, TwoAtATime) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Changes base;
        base.lab = "demo";
        base.add_bridges = {bridge_named("s1")};
        ASSERT_DONE(connected(instance).apply(base, kTimeout));
        const auto work = [&instance](const std::string& prefix) {
            Connection connection = connected(instance);
            for (int i = 0; i < 10; ++i) {
                Changes changes;
                changes.lab = "demo";
                changes.add_ports = {{"s1", port_named(prefix + std::to_string(i), "internal")}};
                if (i > 0) { changes.delete_ports = {{"s1", prefix + std::to_string(i - 1)}}; }
                ASSERT_DONE(connection.apply(changes, kTimeout));
            }
        };
        std::thread other(work, "x");
        work("y");
        other.join();
        EXPECT_EQ(vsctl(instance, "list-ports s1"), "x9\ny9\n");
        ASSERT_DONE(stop(instance));
    });
}

TEST(OpenVswitch, DatapathThatTheKernelLacks) {
    NEEDS_OPEN_VSWITCH();
    if (kernel_datapath()) { GTEST_SKIP() << "this kernel has the openvswitch datapath"; }
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Connection connection = connected(instance);
        OvsBridge system = bridge_named("s1");
        system.datapath_type = "system";
        Changes changes;
        changes.lab = "demo";
        changes.add_bridges = {system};
        const auto result = connection.apply(changes, kTimeout);
        ASSERT_FALSE(result.has_value());
        EXPECT_EQ(
            result.error().message(),
            "cannot create Open vSwitch bridge s1: ovs-vswitchd did not create its datapath of type system; the "
            "kernel has no openvswitch datapath for it (module openvswitch)? the userspace datapath, netdev, needs "
            "none");
        const auto found = connection.bridges();
        ASSERT_DONE(found);
        EXPECT_TRUE(found->empty());
        ASSERT_DONE(stop(instance));
    });
}

TEST(OpenVswitch, StartRepairsWhatDied) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Changes changes;
        changes.lab = "demo";
        changes.add_bridges = {bridge_named("s1")};
        ASSERT_DONE(connected(instance).apply(changes, kTimeout));

        const pid_t vswitchd = pid_in(instance, "ovs-vswitchd");
        kill_daemon(instance, "ovsdb-server");
        EXPECT_FALSE(running(instance));
        ASSERT_DONE(start(instance));
        EXPECT_TRUE(running(instance));
        EXPECT_EQ(pid_in(instance, "ovs-vswitchd"), vswitchd)
            << "traffic must go on while the database is restarted";

        kill_daemon(instance, "ovs-vswitchd");
        EXPECT_FALSE(running(instance));
        ASSERT_DONE(start(instance));
        EXPECT_TRUE(running(instance));
        EXPECT_NE(pid_in(instance, "ovs-vswitchd"), vswitchd);
        auto found = connected(instance).bridges();
        ASSERT_DONE(found);
        EXPECT_TRUE(found->contains("s1"));

        kill_daemon(instance, "ovs-vswitchd");
        kill_daemon(instance, "ovsdb-server");
        EXPECT_NE(links().find("s1"), std::string::npos);
        ASSERT_DONE(stop(instance));
        EXPECT_EQ(links(), " lo");
        EXPECT_EQ(daemons(), "");
        EXPECT_FALSE(path_exists(instance.directory));
    });
}

TEST(OpenVswitch, ApplyWithoutVswitchdFailsAndPutsBack) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        Connection connection = connected(instance);
        kill_daemon(instance, "ovs-vswitchd");
        Changes changes;
        changes.lab = "demo";
        changes.add_bridges = {bridge_named("s1")};
        const auto before = std::chrono::steady_clock::now();
        const auto result = connection.apply(changes, 60s);
        ASSERT_FALSE(result.has_value());
        EXPECT_NE(result.error().message().find("ovs-vswitchd does not run"), std::string::npos)
            << result.error().message();
        EXPECT_LT(std::chrono::steady_clock::now() - before, 30s) << "it must not wait for what has gone";
        const auto found = connection.bridges();
        ASSERT_DONE(found);
        EXPECT_TRUE(found->empty());
        ASSERT_DONE(stop(instance));
    });
}

TEST(OpenVswitch, InANamespaceOfItsOwnWithALongPath) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        EXPECT_EQ(shell("ip netns add lab"), "");
        OvsInstance instance = instance_in("/run/" + std::string(60, 'd') + "/" + std::string(60, 'e') + "/ovs");
        instance.kind = OvsInstance::Kind::lab;
        instance.net_namespace = "lab";
        OvsInstance other = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        ASSERT_DONE(start(other));
        Changes changes;
        changes.lab = "demo";
        changes.add_bridges = {bridge_named("s1")};
        ASSERT_DONE(connected(instance).apply(changes, kTimeout));
        EXPECT_NE(shell("ip -n lab -o link").find(" s1:"), std::string::npos);
        EXPECT_EQ(links(), " lo");
        ASSERT_DONE(stop(instance));
        EXPECT_EQ(shell("ip -n lab -o link | wc -l"), "1\n");
        EXPECT_TRUE(running(other));
        ASSERT_DONE(stop(other));
    });
}

TEST(OpenVswitch, MachineSocket) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const auto none = machine_socket();
        ASSERT_FALSE(none.has_value());
        EXPECT_EQ(none.error().code, ENOENT);
        ASSERT_DONE(start(instance_in("/run/openvswitch")));
        const auto found = machine_socket();
        ASSERT_DONE(found);
        EXPECT_EQ(*found, "/run/openvswitch/db.sock");
        kill_daemon(instance_in("/run/openvswitch"), "ovs-vswitchd");
        EXPECT_FALSE(machine_socket().has_value());
        OvsInstance machine = instance_in("/run/openvswitch");
        machine.kind = OvsInstance::Kind::machine;
        EXPECT_FALSE(stop(machine).has_value());
        EXPECT_TRUE(path_exists("/run/openvswitch/db.sock"));
        ASSERT_DONE(stop(instance_in("/run/openvswitch")));
    });
}

TEST(OpenVswitch, FiveHundredPortsInOneTransaction) {
    NEEDS_OPEN_VSWITCH();
    in_sandbox([] {
        const OvsInstance instance = instance_in("/run/ovs");
        ASSERT_DONE(start(instance));
        constexpr int kPorts = 500;
        EXPECT_EQ(shell("for i in $(seq 500); do echo link add v$i type veth peer name w$i; done | ip -batch -"),
                  "");
        Connection connection = connected(instance);
        Changes changes;
        changes.lab = "demo";
        OvsBridge bridge = bridge_named("s1");
        for (int i = 1; i <= kPorts; ++i) {
            OvsPort port = port_named("v" + std::to_string(i));
            port.tag = static_cast<Vlan>(i);
            bridge.ports.emplace(port.name, port);
        }
        changes.add_bridges = {bridge};
        using Clock = std::chrono::steady_clock;
        const auto ms = [](auto time) { return std::chrono::duration<double, std::milli>(time).count(); };
        const auto cpu = [] { return static_cast<double>(std::clock()) * 1000 / CLOCKS_PER_SEC; };
        auto begin = Clock::now();
        auto own = cpu();
        ASSERT_DONE(connection.apply(changes, 60s));
        const double added = ms(Clock::now() - begin);
        const double own_added = cpu() - own;
        begin = Clock::now();
        const auto found = connection.bridges();
        const double read = ms(Clock::now() - begin);
        ASSERT_DONE(found);
        EXPECT_EQ(found->at("s1").ports.size(), std::size_t{kPorts});
        Changes remove;
        remove.lab = "demo";
        for (const auto& [name, port] : bridge.ports) { remove.delete_ports.emplace_back("s1", name); }
        begin = Clock::now();
        own = cpu();
        ASSERT_DONE(connection.apply(remove, 60s));
        std::cerr << "500 ports: add " << added << " ms (own CPU " << own_added << "), read " << read
                  << " ms, delete " << ms(Clock::now() - begin) << " ms (own CPU " << cpu() - own << ")\n";
        EXPECT_LT(own_added, 1000);
        ASSERT_DONE(stop(instance));
    });
}

}  // namespace
}  // namespace warren::ovs
