// A lab that changes: nothing to do the second time, one file after the other, drift by hand and its repair.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

constexpr const char* kPlain = R"(lab: plain
switches: {br0: {kind: bridge}}
hosts:
  a: {interfaces: {eth0: {to: "br0:pa", address: 10.1.0.1/24}}}
  b: {interfaces: {eth0: {to: "br0:pb", address: 10.1.0.2/24}}, forwarding: true}
  c: {interfaces: {eth0: {to: "br0:pc", address: [10.1.0.3/24, "fd00:1::3/64"]}}}
)";

void expect_agrees(const std::string& lab, const std::string& file) {
    EXPECT_THAT(drift(lab), IsEmpty());
    EXPECT_THAT(planned(file, lab), IsEmpty());
}

class Change : public E2e {};

TEST_F(Change, SecondUpDoesNothing) {
    for (const char* file : {"hello.yaml", "red-green.yaml", "tenants.yaml"}) {
        const std::string path = example(file);
        must_warren({"up", path, "--name", "twice"});
        const auto once = snapshot();
        EXPECT_EQ(warren({"plan", path, "--name", "twice", "--exit-code"}).status, 0) << file;
        const json::value plan = warren_json({"plan", path, "--name", "twice"});
        EXPECT_EQ(at(plan, "steps"), json::value(0)) << file;
        EXPECT_EQ(at(warren_json({"up", path, "--name", "twice"}), "steps"), json::value(0)) << file;
        EXPECT_THAT(difference(once, snapshot()), IsEmpty()) << file;
        must_warren({"down", "twice"});
    }
    expect_same_machine();
}

TEST_F(Change, PlanOfAFreshLabTellsAllAndChangesNothing) {
    const Ran plan = warren({"plan", example("tenants.yaml"), "--exit-code"});
    EXPECT_EQ(plan.status, 1) << testing::PrintToString(plan);
    for (const char* name : {"red", "green", "dhcp-r", "dhcp-g", "ovs1"}) {
        EXPECT_THAT(plan.out, HasSubstr(name));
    }
    expect_same_machine();
}

TEST_F(Change, OneScenarioToTheOtherAndBack) {
    const std::string plain = example("red-green.yaml");
    const std::string tenants = example("tenants.yaml");
    must_warren({"up", plain});
    const auto first = snapshot_without_memory();
    const std::string red_inode = must_sh("stat -L -c %i /run/netns/red");

    must_warren({"up", tenants, "--name", "red-green"});
    expect_agrees("red-green", tenants);
    EXPECT_THAT(must_sh("ip -n red -4 addr show eth0-r"), Not(HasSubstr("10.0.0.1/24")));
    EXPECT_THAT(must_sh("ip -n red -4 addr show eth0-r"), HasSubstr("10.50.50."));
    EXPECT_TRUE(warren({"check"}).ok());

    must_warren({"up", plain});
    expect_agrees("red-green", plain);
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_THAT(must_sh("ip -n red -4 addr show eth0-r"), Not(HasSubstr("10.50.50.")));
    EXPECT_EQ(processes_with("dnsmasq").size(), 0U);
    EXPECT_EQ(processes_with("dhclient").size(), 0U);
    EXPECT_THAT(difference(first, snapshot_without_memory()), IsEmpty());
    EXPECT_EQ(must_sh("stat -L -c %i /run/netns/red"), red_inode) << "red was made anew";

    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Change, UntouchedHostsLoseNoPacket) {
    const std::string before = write_file("before.yaml", kPlain);
    std::string text = kPlain;
    text.replace(text.find("10.1.0.3/24"), 11, "10.1.0.4/24");
    text += "  d: {interfaces: {eth0: {to: \"br0:pd\", address: 10.1.0.5/24}}}\n";
    const std::string after = write_file("after.yaml", text);
    must_warren({"up", before});
    Background ping({"ip", "netns", "exec", "a", "ping", "-D", "-i", "0.02", "-W", "1", "10.1.0.2"});
    ASSERT_TRUE(ping.wait_for("icmp_seq=5 ")) << ping.printed();
    must_warren({"up", after});
    must_warren({"up", before});
    ASSERT_EQ(ping.signal(SIGINT), 0);
    EXPECT_EQ(ping.wait(), 0) << ping.printed();
    EXPECT_THAT(lost_pings(ping.printed()), IsEmpty()) << ping.printed();
    must_warren({"down"});
    expect_same_machine();
}

// Something done by hand to a lab: what drift must name, and that `up` repairs exactly that.
struct Damage {
    const char* name;
    const char* script;
    std::vector<const char*> words;  // of which the drift must speak
};
void PrintTo(const Damage& damage, std::ostream* os) { *os << damage.name; }

class Drift : public E2e, public testing::WithParamInterface<Damage> {
protected:
    void repairs(const std::string& file, const std::string& lab, const std::string& script) {
        must_warren({"up", file});
        const auto healthy = snapshot();
        must_sh(script);
        const auto found = drift(lab);
        EXPECT_FALSE(found.empty());
        std::string all;
        for (const auto& line : found) { all += line + "\n"; }
        for (const char* word : GetParam().words) { EXPECT_THAT(all, HasSubstr(word)); }
        EXPECT_EQ(planned(file).size(), found.size());
        must_warren({"up", file});
        EXPECT_THAT(drift(lab), IsEmpty());
        EXPECT_THAT(difference(healthy, snapshot()), IsEmpty());
        must_warren({"down", lab});
        expect_same_machine();
    }
};

class BridgeDrift : public Drift {};

TEST_P(BridgeDrift, IsNamedAndRepaired) { repairs(write_file("lab.yaml", kPlain), "plain", GetParam().script); }

INSTANTIATE_TEST_SUITE_P(
    ByHand, BridgeDrift,
    testing::Values(Damage{"AddressDeleted", "ip -n a addr del 10.1.0.1/24 dev eth0", {"10.1.0.1/24"}},
                    Damage{"AddressAdded", "ip -n a addr add 10.1.0.77/24 dev eth0", {"10.1.0.77/24"}},
                    Damage{"Ipv6AddressDeleted", "ip -n c addr del fd00:1::3/64 dev eth0", {"fd00:1::3/64"}},
                    Damage{"LinkDeleted", "ip -n b link del eth0", {"b"}},
                    Damage{"LinkDown", "ip -n b link set eth0 down", {"b", "eth0"}},
                    Damage{"PortDown", "ip link set pb down", {"pb"}},
                    Damage{"PortReleased", "ip link set pa nomaster", {"pa"}},
                    Damage{"BridgeDeleted", "ip link del br0", {"br0"}},
                    Damage{"MtuChanged", "ip -n a link set eth0 mtu 1400", {"mtu", "1400"}},
                    Damage{"SysctlChanged", "ip netns exec b sysctl -qw net.ipv4.ip_forward=0", {"ip_forward"}},
                    Damage{"NamespaceDeleted", "ip netns del c", {"c"}}),
    [](const auto& test) { return test.param.name; });

class SwitchDrift : public Drift {};

TEST_P(SwitchDrift, IsNamedAndRepaired) {
    // The script finds its database in $DB: it is there only after `up`.
    const std::string find = "DB=--db=unix:$(find /run/warren -name db.sock); ";
    repairs(example("tenants.yaml"), "tenants", find + GetParam().script);
}

INSTANTIATE_TEST_SUITE_P(
    ByHand, SwitchDrift,
    testing::Values(
        Damage{"TagChanged", "ovs-vsctl $DB set Port veth-r tag=200", {"veth-r", "200"}},
        Damage{"TagRemoved", "ovs-vsctl $DB clear Port veth-g tag", {"veth-g", "200"}},
        Damage{"PortDeleted", "ovs-vsctl $DB del-port veth-r", {"veth-r"}},
        Damage{"InternalPortDeleted", "ovs-vsctl $DB del-port tap-g", {"tap-g"}},
        Damage{"LinkDeleted", "ip link del veth-g", {"green"}},
        Damage{"BridgeDeleted", "ovs-vsctl $DB del-br ovs1", {"ovs1"}},
        Damage{"ServersAddressDeleted", "ip -n dhcp-r addr del 10.50.50.2/24 dev tap-r", {"10.50.50.2/24"}}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace warren::e2e
