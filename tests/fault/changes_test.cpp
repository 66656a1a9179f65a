// Each attribute of the lab file, changed on a running lab and changed back: what `plan` says of it, that nothing is
// left to do afterwards, and that the machine is as it was at first.
#include <chrono>
#include <sstream>
#include <thread>

#include "harness.hpp"

namespace warren::e2e {
namespace {

using testing::ElementsAreArray;

// A lab in which each attribute has a place.
constexpr const char* kLab = R"(lab: all
switches:
  ovs1: {kind: ovs}
  ovs2: {kind: ovs}
  br0: {}
networks:
  pool:
    switch: ovs1
    vlan: 100
    subnet: 10.50.0.0/24
    dhcp: {address: 10.50.0.2/24, range: 10.50.0.10-10.50.0.99, lease-time: 1h}
  other:
    switch: ovs1
    vlan: 101
    subnet: 10.51.0.0/24
    dhcp: {address: 10.51.0.2/24, range: 10.51.0.10-10.51.0.99}
hosts:
  a: {interfaces: {ea: {to: "ovs1:pa", address: 10.1.0.1/24}}}
  b: {interfaces: {eb: {to: "br0:pb", address: 10.1.0.2/24}}}
  c: {interfaces: {ec: {network: pool, peer: pc, address: dhcp}}}
links:
  - {ends: [ovs1:up, ovs2:dn]}
  - {ends: [ovs1:over, br0:under]}
)";

// Texts that take the place of others in the file.
using Edits = std::vector<std::pair<std::string, std::string>>;

struct Row {
    const char* name;
    Edits edits;
    std::vector<std::string> there;  // the lines of the plan from A to B
    std::vector<std::string> back;   // and from B to A
    const char* probe;               // a script that succeeds in B and not in A
};

std::string edited(const Edits& edits) {
    std::string text = kLab;
    for (const auto& [from, to] : edits) {
        const std::size_t place = text.find(from);
        if (place == std::string::npos) { throw std::runtime_error("the lab has no " + from); }
        text.replace(place, from.size(), to);
    }
    return text;
}

constexpr std::size_t kShards = 10;

// Every tenth row, one after the other on one lab.
class EachAttribute : public E2e, public testing::WithParamInterface<std::size_t> {
protected:
    // `up` makes the machine agree, and the second one has nothing to do.
    static void up(const std::string& file) {
        const Ran run = warren({"up", file});
        ASSERT_TRUE(run.ok()) << testing::PrintToString(run);
        EXPECT_THAT(drift("all"), IsEmpty());
        EXPECT_EQ(at(warren_json({"up", file}), "steps"), json::value(0));
        EXPECT_EQ(warren({"plan", file, "--exit-code"}).status, 0);
    }
    // The lines of `plan`, without the last one, which counts them.
    static std::vector<std::string> plan_lines(const std::string& file) {
        const Ran run = warren({"plan", file, "--exit-code"});
        if (run.status != 1) { throw std::runtime_error(testing::PrintToString(run)); }
        std::vector<std::string> lines;
        std::istringstream text(run.out);
        for (std::string line; std::getline(text, line);) { lines.push_back(line); }
        EXPECT_THAT(lines.back(), testing::MatchesRegex("[0-9]+ changes? in [0-9]+ steps?.*"));
        lines.pop_back();
        return lines;
    }
};

const Row kRows[] = {
    {"Address",
     {{"10.1.0.1/24", "10.1.0.9/24"}},
     {"a:ea address 10.1.0.1/24 → 10.1.0.9/24"},
     {"a:ea address 10.1.0.9/24 → 10.1.0.1/24"},
     "ip -n a addr | grep 10.1.0.9/24"},
    {"SecondAddress",
     {{"10.1.0.1/24", "[10.1.0.1/24, \"fd00::1/64\"]"}},
     {"a:ea address + fd00::1/64"},
     {"a:ea address - fd00::1/64"},
     "ip -n a addr | grep fd00::1/64"},
    {"AddressToDhcp",
     {{"to: \"ovs1:pa\", address: 10.1.0.1/24", "network: pool, peer: pa, address: dhcp"}},
     {"a:ea address 10.1.0.1/24 → dhcp", "ovs1:pa vlan + 100"},
     {"a:ea address dhcp → 10.1.0.1/24", "ovs1:pa vlan - 100"},
     "ip -n a addr | grep 10.50.0."},
    {"Mac",
     {{"address: 10.1.0.1/24", "address: 10.1.0.1/24, mac: \"02:00:00:00:00:77\""}},
     {"a:ea mac 42:0a:c8:b3:49:e5 → 02:00:00:00:00:77"},
     {"a:ea mac 02:00:00:00:00:77 → 42:0a:c8:b3:49:e5"},
     "ip -n a link show ea | grep 02:00:00:00:00:77"},
    {"Mtu",
     {{"address: 10.1.0.2/24", "address: 10.1.0.2/24, mtu: 1400"}},
     {"b:eb mtu 1500 → 1400"},
     {"b:eb mtu 1400 → 1500"},
     "ip link show pb | grep 'mtu 1400'"},
    {"Vlan",
     {{"address: 10.1.0.1/24", "address: 10.1.0.1/24, vlan: 200"}},
     {"ovs1:pa vlan + 200"},
     {"ovs1:pa vlan - 200"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Port pa tag | grep 200"},
    {"Trunk",
     {{"address: 10.1.0.1/24", "address: 10.1.0.1/24, trunk: [100, 300]"}},
     {"ovs1:pa vlan + trunk 100,300"},
     {"ovs1:pa vlan - trunk 100,300"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Port pa trunks | grep 300"},
    {"Wire",
     {{"{to: \"ovs1:pa\", address", "{to: ovs1, wire: internal, address"}},
     {"a:ea wire veth → internal (replaced: a veth pair and an internal port are different devices)"},
     {"a:ea wire internal → veth (replaced: a veth pair and an internal port are different devices)"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Interface ea type | grep internal"},
    {"OtherSwitch",
     {{"ovs1:pa", "ovs2:pa"}},
     {"a:ea switch ovs1 → ovs2"},
     {"a:ea switch ovs2 → ovs1"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock port-to-br pa | grep ovs2"},
    {"OtherKindOfSwitch",
     {{"ovs1:pa", "br0:pa"}},
     {"a:ea switch ovs1 → br0"},
     {"a:ea switch br0 → ovs1"},
     "ip link show pa | grep 'master br0'"},
    {"PortName",
     {{"br0:pb", "br0:other"}},
     {"b:eb port pb → other (replaced: a veth pair keeps its two ends)"},
     {"b:eb port other → pb (replaced: a veth pair keeps its two ends)"},
     "ip link show other"},
    {"Gateway",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, gateway: 10.1.0.254"}},
     {"a gateway + 10.1.0.254 dev ea"},
     {"a gateway - 10.1.0.254 dev ea"},
     "ip -n a route | grep 'default via 10.1.0.254'"},
    {"Routes",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, routes: {10.9.0.0/16: 10.1.0.254}"}},
     {"a route 10.9.0.0/16 + via 10.1.0.254 dev ea"},
     {"a route 10.9.0.0/16 - via 10.1.0.254 dev ea"},
     "ip -n a route | grep '10.9.0.0/16 via 10.1.0.254'"},
    {"RoutesOfAnInterface",
     {{"10.1.0.1/24}", "10.1.0.1/24, routes: {10.9.0.0/16: 10.1.0.254}}"}},
     {"a route 10.9.0.0/16 + via 10.1.0.254 dev ea"},
     {"a route 10.9.0.0/16 - via 10.1.0.254 dev ea"},
     "ip -n a route | grep '10.9.0.0/16 via 10.1.0.254'"},
    {"Neighbours",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, neighbours: {10.1.0.2: \"02:00:00:00:00:99\"}"}},
     {"a:ea neighbour 10.1.0.2 + 02:00:00:00:00:99"},
     {"a:ea neighbour 10.1.0.2 - 02:00:00:00:00:99"},
     "ip -n a neigh | grep 02:00:00:00:00:99"},
    {"Sysctls",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, sysctls: {net.ipv4.tcp_syn_retries: 3}"}},
     {"a sysctl net.ipv4.tcp_syn_retries 6 → 3"},
     {"a sysctl net.ipv4.tcp_syn_retries 3 → 6"},
     "ip netns exec a sysctl net.ipv4.tcp_syn_retries | grep '= 3'"},
    {"Forwarding",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, forwarding: true"}},
     {"a forwarding off → on"},
     {"a forwarding on → off"},
     "ip netns exec a sysctl net.ipv4.ip_forward | grep '= 1'"},
    {"Dns",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, dns: [10.1.0.53]"}},
     {"a dns + 10.1.0.53"},
     {"a dns - 10.1.0.53"},
     "ip netns exec a grep 10.1.0.53 /etc/resolv.conf"},
    {"Service",
     {{"10.1.0.1/24}}", "10.1.0.1/24}}, run: [{name: wait, command: [sleep, \"100001\"]}]"}},
     {"+ service a:wait (sleep 100001)"},
     {"- service a:wait (sleep 100001)"},
     "ps ax | grep '[s]leep 100001'"},
    {"DhcpRange",
     {{"10.50.0.10-10.50.0.99", "10.50.0.10-10.50.0.150"}},
     {"network pool dhcp range 10.50.0.10-10.50.0.99 → 10.50.0.10-10.50.0.150 (dnsmasq is restarted, its leases "
      "are "
      "kept)"},
     {"network pool dhcp range 10.50.0.10-10.50.0.150 → 10.50.0.10-10.50.0.99 (dnsmasq is restarted, its leases "
      "are "
      "kept)"},
     "ps axww | grep '[d]hcp-range=10.50.0.10,10.50.0.150'"},
    {"DhcpLeaseTime",
     {{"lease-time: 1h", "lease-time: 10m"}},
     {"network pool dhcp lease-time 1h → 10m (dnsmasq is restarted, its leases are kept)"},
     {"network pool dhcp lease-time 10m → 1h (dnsmasq is restarted, its leases are kept)"},
     "ps axww | grep '[d]hcp-range=.*,600'"},
    {"DhcpGateway",
     {{"lease-time: 1h", "lease-time: 1h, gateway: 10.50.0.1"}},
     {"network pool dhcp gateway + 10.50.0.1 (dnsmasq reads it again)"},
     {"network pool dhcp gateway - 10.50.0.1 (dnsmasq reads it again)"},
     "grep 3,10.50.0.1 /run/warren/all/dhcp/pool.options"},
    {"DhcpDns",
     {{"lease-time: 1h", "lease-time: 1h, dns: [10.50.0.53]"}},
     {"network pool dhcp dns + 10.50.0.53 (dnsmasq reads it again)"},
     {"network pool dhcp dns - 10.50.0.53 (dnsmasq reads it again)"},
     "grep 10.50.0.53 /run/warren/all/dhcp/pool.options"},
    {"DhcpMtu",
     {{"lease-time: 1h", "lease-time: 1h, options: {26: \"1400\"}"}},
     {"c:ec mtu 1500 → 1400", "network pool dhcp option 26 + 1400 (dnsmasq reads it again)"},
     {"c:ec mtu 1400 → 1500", "network pool dhcp option 26 - 1400 (dnsmasq reads it again)"},
     "ip -n c link show ec | grep 'mtu 1400'"},
    {"DhcpAddress",
     {{"10.50.0.2/24", "10.50.0.3/24"}},
     {"dhcp-pool:tap-pool address 10.50.0.2/24 → 10.50.0.3/24"},
     {"dhcp-pool:tap-pool address 10.50.0.3/24 → 10.50.0.2/24"},
     "ip -n dhcp-pool addr | grep 10.50.0.3/24"},
    {"AnotherNetwork",
     {{"network: pool, peer: pc", "network: other, peer: pc"}},
     {"c:ec network pool → other", "ovs1:pc vlan 100 → 101"},
     {"c:ec network other → pool", "ovs1:pc vlan 101 → 100"},
     "ip -n c addr | grep 10.51.0."},
    {"VlanOfANetwork",
     {{"vlan: 101", "vlan: 102"}},
     {"ovs1:tap-other vlan 101 → 102"},
     {"ovs1:tap-other vlan 102 → 101"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Port tap-other tag | grep 102"},
    {"Host",
     {{"links:\n", "  d: {interfaces: {ed: {to: \"br0:pd\", address: 10.1.0.4/24}}}\nlinks:\n"}},
     {"+ host d (ed 10.1.0.4/24 on br0)"},
     {"- host d (ed 10.1.0.4/24 on br0)"},
     "ip -n d addr | grep 10.1.0.4"},
    {"Interface",
     {{"10.1.0.2/24}", "10.1.0.2/24}, e2: {to: \"ovs1:p2\", address: 10.2.0.2/24}"}},
     {"+ b:e2 (10.2.0.2/24 on ovs1)"},
     {"- b:e2 (10.2.0.2/24 on ovs1)"},
     "ip -n b addr | grep 10.2.0.2"},
    {"DirectLink",
     {{"10.1.0.2/24}", "10.1.0.2/24}, e2: {to: \"a:e2\", address: 10.2.0.2/24}"}},
     {"+ link a:e2 - b:e2"},
     {"- link a:e2 - b:e2"},
     "ip -n a link show e2"},
    {"Network",
     {{"  other:\n",
       "  third:\n    switch: ovs2\n    subnet: 10.52.0.0/24\n    dhcp: {address: 10.52.0.2/24, range: "
       "10.52.0.10-10.52.0.99}\n  other:\n"}},
     {"+ host dhcp-third (tap-third 10.52.0.2/24 on ovs2; dhcp server of third)"},
     {"- host dhcp-third (tap-third 10.52.0.2/24 on ovs2; dhcp server of third)"},
     "ip -n dhcp-third addr | grep 10.52.0.2"},
    {"Switch",
     {{"networks:\n", "  br1: {}\nnetworks:\n"},
      {"  - {ends: [ovs1:up, ovs2:dn]}", "  - {ends: [ovs1:up, ovs2:dn]}\n  - {ends: [br0:to1, br1:to0]}"}},
     {"+ switch br1 (bridge)", "+ link br0:to1 - br1:to0"},
     {"- link br0:to1 - br1:to0", "- switch br1 (bridge)"},
     "ip link show to0 | grep 'master br1'"},
    {"OvsSwitch",
     {{"networks:\n", "  ovs3: {kind: ovs, fail-mode: secure}\nnetworks:\n"}},
     {"+ switch ovs3 (ovs)"},
     {"- switch ovs3 (ovs)"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock br-exists ovs3"},
    {"LinkBetweenSwitches",
     {{"  - {ends: [ovs1:up, ovs2:dn]}\n", ""}},
     {"- link ovs1:up - ovs2:dn"},
     {"+ link ovs1:up - ovs2:dn"},
     "! ovs-vsctl --db=unix:/run/warren/.ovs/db.sock port-to-br up"},
    {"TrunkOfALink",
     {{"ovs2:dn]", "ovs2:dn], trunk: [100, 101]"}},
     {"ovs1:up vlan + trunk 100,101", "ovs2:dn vlan + trunk 100,101"},
     {"ovs1:up vlan - trunk 100,101", "ovs2:dn vlan - trunk 100,101"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Port up trunks | grep 101"},
    {"SwitchesLinkMoves",
     {{"[ovs1:over, br0:under]", "[ovs2:over, br0:under]"}},
     {"port over switch ovs1 → ovs2"},
     {"port over switch ovs2 → ovs1"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock port-to-br over | grep ovs2"},
    {"KindOfASwitch",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: bridge}"}},
     {"switch ovs2 kind ovs → bridge (replaced: one kind cannot become the other; its ports move)"},
     {"switch ovs2 kind bridge → ovs (replaced: one kind cannot become the other; its ports move)"},
     "ip -d link show ovs2 | grep bridge"},
    {"KindOfABridge",
     {{"br0: {}", "br0: {kind: ovs}"}},
     {"switch br0 kind bridge → ovs (replaced: one kind cannot become the other; its ports move)"},
     {"switch br0 kind ovs → bridge (replaced: one kind cannot become the other; its ports move)"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock br-exists br0"},
    {"Stp",
     {{"br0: {}", "br0: {stp: true}"}},
     {"switch br0 stp off → on"},
     {"switch br0 stp on → off"},
     "ip -d link show br0 | grep 'stp_state 1'"},
    {"StpOfOvs",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: ovs, stp: true}"}},
     {"switch ovs2 stp off → on"},
     {"switch ovs2 stp on → off"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Bridge ovs2 stp_enable | grep true"},
    {"FailMode",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: ovs, fail-mode: secure}"}},
     {"switch ovs2 fail-mode standalone → secure"},
     {"switch ovs2 fail-mode secure → standalone"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get-fail-mode ovs2 | grep secure"},
    {"Controller",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: ovs, controller: \"tcp:127.0.0.1:6653\"}"}},
     {"switch ovs2 controller + tcp:127.0.0.1:6653"},
     {"switch ovs2 controller - tcp:127.0.0.1:6653"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get-controller ovs2 | grep 6653"},
    {"Protocols",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: ovs, protocols: [OpenFlow10, OpenFlow13]}"}},
     {"switch ovs2 protocols + OpenFlow10, OpenFlow13"},
     {"switch ovs2 protocols - OpenFlow10, OpenFlow13"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Bridge ovs2 protocols | grep OpenFlow13"},
    {"Dpid",
     {{"ovs2: {kind: ovs}", "ovs2: {kind: ovs, dpid: 00000000000000aa}"}},
     {"switch ovs2 dpid + 00000000000000aa"},
     {"switch ovs2 dpid - 00000000000000aa"},
     "ovs-vsctl --db=unix:/run/warren/.ovs/db.sock get Bridge ovs2 other_config:datapath-id | grep aa"},
};

TEST_P(EachAttribute, ThereAndBack) {
    const std::string first = write_file("first.yaml", kLab);
    up(first);
    const auto before = snapshot_without_memory();
    for (std::size_t i = GetParam(); i < std::size(kRows); i += kShards) {
        const Row& row = kRows[i];
        SCOPED_TRACE(row.name);
        const std::string second = write_file("second.yaml", edited(row.edits));
        EXPECT_THAT(plan_lines(second), ElementsAreArray(row.there));
        EXPECT_FALSE(sh(row.probe).ok()) << "so before the change, too";
        up(second);
        const Ran probe = sh(row.probe);
        EXPECT_TRUE(probe.ok()) << testing::PrintToString(probe);
        EXPECT_THAT(plan_lines(first), ElementsAreArray(row.back));
        up(first);
        ASSERT_THAT(difference(before, snapshot_without_memory()), IsEmpty());
    }
    must_warren({"down"});
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Shard, EachAttribute, testing::Range(std::size_t{0}, kShards));

// Which of a lab's processes a change starts anew.
class ProcessesInAChange : public E2e {
protected:
    // Of the one process with TEXT in its command line; a client that forks is two for a moment.
    static int pid_of(const std::string& text) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (std::chrono::steady_clock::now() < until) {
            const auto pids = processes_with(text);
            if (pids.size() == 1) { return pids.front(); }
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        throw std::runtime_error("not one process: " + text);
    }
    static void up(const Edits& edits) {
        must_warren({"up", write_file("lab.yaml", edited(edits))});
        EXPECT_THAT(drift("all"), IsEmpty());
    }
    static std::string address_of_c() {
        return must_sh("ip -n c -j -4 addr show ec | sed 's/.*\"local\":\"\\([0-9.]*\\)\".*/\\1/'");
    }
    static constexpr const char* kPool = "dhcp-leasefile=/run/warren/all/dhcp/pool.leases";
    static constexpr const char* kOther = "dhcp-leasefile=/run/warren/all/dhcp/other.leases";
    static constexpr const char* kClient = "dhclient -4";
};

TEST_F(ProcessesInAChange, AServiceIsStartedAnewOnlyForItsCommand) {
    const std::string one =
        "run: [{name: one, command: [sleep, \"100001\"]}, {name: two, command: [sleep, \"100002\"]}]";
    const std::string both = "10.1.0.1/24}}, " + one;
    up({{"10.1.0.1/24}}", both}});
    const int first = pid_of("sleep 100001");
    const int second = pid_of("sleep 100002");
    up({{"10.1.0.1/24}}", "10.1.0.9/24, mtu: 1400}}, dns: [10.1.0.53], forwarding: true, " + one}});
    EXPECT_EQ(pid_of("sleep 100001"), first);
    EXPECT_EQ(pid_of("sleep 100002"), second);
    std::string other = both;
    other.replace(other.find("100001"), 6, "100003");
    up({{"10.1.0.1/24}}", other}});
    EXPECT_EQ(pid_of("sleep 100002"), second);
    EXPECT_NE(pid_of("sleep 100003"), first);
    EXPECT_THAT(processes_with("sleep 100001"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(ProcessesInAChange, ASighupIsEnoughForOptionsAndReservations) {
    up({});
    const int server = pid_of(kPool);
    const int other = pid_of(kOther);
    const std::string address = address_of_c();
    ASSERT_THAT(address, testing::StartsWith("10.50.0."));
    up({{"lease-time: 1h",
         "lease-time: 1h, gateway: 10.50.0.1, options: {42: 10.50.0.9}, reservations: {c: 10.50.0.177}"}});
    EXPECT_EQ(pid_of(kPool), server);
    EXPECT_EQ(pid_of(kOther), other);
    EXPECT_EQ(address_of_c(), "10.50.0.177") << "its client was to ask again";
    must_sh(
        "timeout 60 bash -c 'until ip -n c route | grep \"default via 10.50.0.1 dev ec\"; do sleep 0.02; done'");
    up({});
    EXPECT_EQ(pid_of(kPool), server);
    EXPECT_NE(address_of_c(), "10.50.0.177");
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(ProcessesInAChange, AServerThatIsStartedAnewKeepsItsLeases) {
    up({});
    const int server = pid_of(kPool);
    const int other = pid_of(kOther);
    const int client = pid_of(kClient);
    const std::string address = address_of_c();
    const std::string lease = must_sh("cat /run/warren/all/dhcp/pool.leases");
    up({{"10.50.0.10-10.50.0.99, lease-time: 1h", "10.50.0.5-10.50.0.150, lease-time: 30m"}});
    EXPECT_NE(pid_of(kPool), server);
    EXPECT_EQ(pid_of(kOther), other);
    EXPECT_EQ(pid_of(kClient), client) << "a client that has what it needs is left alone";
    EXPECT_EQ(address_of_c(), address);
    EXPECT_EQ(must_sh("cat /run/warren/all/dhcp/pool.leases"), lease);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(ProcessesInAChange, AnotherSubnetMakesItsClientsAskAgain) {
    up({});
    const int other = pid_of(kOther);
    up({{"10.50.0.0/24", "10.55.0.0/24"},
        {"10.50.0.2/24, range: 10.50.0.10-10.50.0.99", "10.55.0.2/24, range: 10.55.0.10-10.55.0.99"}});
    EXPECT_THAT(address_of_c(), testing::StartsWith("10.55.0."));
    EXPECT_EQ(pid_of(kOther), other);
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
