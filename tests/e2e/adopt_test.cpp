// `adopt`: the file of what somebody typed gives the same network again, and that of a lab is the lab's.
#include <algorithm>
#include <csignal>
#include <sstream>

#include "typed.hpp"

namespace warren::e2e {
namespace {

class Adopt : public E2e {
protected:
    static constexpr const char* kFile = "/mnt/adopted.yaml";

    static std::string adopt(std::vector<std::string> more = {}) {
        std::vector<std::string> arguments{"adopt", "-o", kFile};
        arguments.insert(arguments.end(), more.begin(), more.end());
        const Ran run = warren(arguments);
        EXPECT_TRUE(run.ok()) << testing::PrintToString(run);
        return read_text(kFile);
    }
    static std::string remarks() { return must_sh("grep '^# - ' " + std::string(kFile) + " || true"); }

    // What the file has to bring again, told by the plain tools: namespaces, their links with MACs (a DHCP server's
    // excepted), addresses (a leased one is any of its range), routes, ports of switches with tags and types, ranges.
    static std::vector<std::string> facts(const std::set<std::string>& servers = {}) {
        std::string text = must_sh(R"sh(
for ns in $(ls /run/netns); do
    echo "$ns"
    ip -n $ns -o link | grep -v ' lo:' | sed -nE "s|^[0-9]+: ([^:@]+)[@:].* mtu ([0-9]+).*link/ether ([0-9a-f:]+).*|$ns link \1 \2 \3|p"
    ip -n $ns -4 -o address show scope global dynamic | awk -v ns=$ns '{ split($4, a, "."); print ns, "leased", $2, a[1] "." a[2] "." a[3] }'
    ip -n $ns -4 -o address show scope global permanent | awk -v ns=$ns '{ print ns, "address", $2, $4 }'
    ip -n $ns -4 route show | grep -v 'proto kernel' | sed -E "s/ (proto|metric) [^ ]+//g; s/ +$//; s/^/$ns route /"
    echo "$ns forwards $(ip netns exec $ns cat /proc/sys/net/ipv4/ip_forward)"
    for pid in $(ip netns pids $ns); do
        tr '\0' '\n' < /proc/$pid/cmdline | sed -nE "s|^--dhcp-range=([^,]+,[^,]+).*|$ns range \1|p"
    done
done
ip -o link show type bridge | awk -F': ' '{ print "bridge", $2 }'
ip -o link show type veth | sed -nE 's|^[0-9]+: ([^:@]+)[@:].* master ([^ ]+) .*|port \1 of \2|p'
if [ -e /run/openvswitch/db.sock ]; then
    ovs-vsctl -f csv --no-headings -- --columns=name,datapath_type list Bridge
    ovs-vsctl -f csv --no-headings -- --columns=name,tag,trunks list Port
    ovs-vsctl -f csv --no-headings -- --columns=name,type list Interface
fi)sh");
        std::vector<std::string> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            const std::string ns = line.substr(0, line.find(' '));
            if (servers.contains(ns) && line.find(" link ") != std::string::npos) { line.erase(line.rfind(' ')); }
            lines.push_back(line);
        }
        std::sort(lines.begin(), lines.end());
        return lines;
    }

    // Takes away by hand what was typed.
    static void clear() {
        must_sh(R"sh(
for ns in $(ls /run/netns); do
    for pid in $(ip netns pids $ns); do kill -9 $pid; tail --pid=$pid -f /dev/null; done
    ip netns del $ns
done
for bridge in $(ip -o link show type bridge | awk -F': ' '{ print $2 }'); do ip link del $bridge; done
if [ -e /run/openvswitch/db.sock ]; then
    for bridge in $(ovs-vsctl list-br); do ovs-vsctl del-br $bridge; done
fi)sh");
        // A namespace's links go a moment after its name.
        EXPECT_TRUE(comes_true([] { return must_sh("ip -o link show type veth | wc -l") == "0"; }));
    }

    // From the file, on a machine that has nothing of it, comes what was there.
    static void expect_the_same_again(const std::set<std::string>& servers = {}) {
        const auto before = facts(servers);
        clear();
        const Ran up = warren({"up", kFile});
        ASSERT_TRUE(up.ok()) << testing::PrintToString(up) << read_text(kFile);
        // A lease of a server that is a host like any other is not waited for by `up`.
        (void)comes_true([&] { return facts(servers) == before; });
        EXPECT_THAT(difference(before, facts(servers)), IsEmpty()) << read_text(kFile);
        EXPECT_THAT(planned(kFile), IsEmpty());
        must_warren({"down"});
    }
};

TEST_F(Adopt, FirstScenarioTypedByHand) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    remember_machine();
    const std::string text = adopt();
    expect_same_machine();
    EXPECT_EQ(remarks(), "");
    EXPECT_THAT(text, HasSubstr("lab: adopted\n"));
    EXPECT_THAT(text, HasSubstr(R"(eth0-r: {to: "ovs1:veth-r", address: 10.0.0.1/24, mac: ")"));
    expect_the_same_again();
}

TEST_F(Adopt, SecondScenarioTypedByHand) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    type_tenants();
    remember_machine();
    const std::string text = adopt({"--name", "tenants"});
    expect_same_machine();
    EXPECT_EQ(remarks(), "");
    EXPECT_THAT(text, HasSubstr("lab: tenants\n"));
    EXPECT_THAT(text, HasSubstr("eth0-r: {network: r, peer: veth-r, address: dhcp, mac: \""));
    EXPECT_THAT(text, HasSubstr("range: 10.50.50.10-10.50.50.100"));
    const auto mac = must_sh("ip netns exec red cat /sys/class/net/eth0-r/address");
    expect_the_same_again({"dhcp-r", "dhcp-g"});
    EXPECT_THAT(text, HasSubstr(mac));
}

// On a Linux bridge, whose DHCP server is a host like any other, with a router and routes.
void type_routed_bridge() {
    must_sh(R"(set -e
ip link add br0 type bridge
ip link set br0 up
host() {  # NAME [ADDRESS]
    ip netns add $1
    ip link add eth0 netns $1 type veth peer name to-$1
    ip link set to-$1 master br0 up
    ip -n $1 link set lo up
    ip -n $1 link set eth0 up
    if [ -n "$2" ]; then ip -n $1 address add $2 dev eth0; fi
}
host server 10.3.0.2/24
host client ''
host plain 10.3.0.3/24
host router 10.3.0.1/24
ip -n plain link set eth0 mtu 1400
ip -n plain route add default via 10.3.0.1
ip -n plain route add 10.9.0.0/16 via 10.3.0.2
ip netns add beyond
ip link add out netns router type veth peer name in netns beyond
ip -n router link set out up
ip -n router address add 192.0.2.1/30 dev out
ip -n beyond link set in up
ip -n beyond address add 192.0.2.2/30 dev in
ip -n beyond route add 10.3.0.0/24 via 192.0.2.1
ip netns exec router sysctl -qw net.ipv4.ip_forward=1
ip netns exec server dnsmasq -i eth0 --dhcp-range=10.3.0.10,10.3.0.20,1h --dhcp-option=3,10.3.0.1 --no-ping \
    --pid-file=/run/dnsmasq.pid --dhcp-leasefile=/run/dnsmasq.leases
ip netns exec client dhclient -lf /run/client.leases -pf /run/client.pid eth0)");
}

class Take : public Adopt {
protected:
    // What was taken is a lab like any other: as its file says, and gone when it goes.
    static void expect_a_lab_that_goes(const std::string& lab) {
        EXPECT_THAT(drift(lab), IsEmpty());
        EXPECT_THAT(planned(kFile), IsEmpty());
        EXPECT_THAT(must_warren({"up", kFile}), HasSubstr("nothing to do"));
        must_warren({"down", lab});
        EXPECT_EQ(must_sh("ls /run/netns 2>/dev/null || true"), "");
        EXPECT_EQ(must_sh("ovs-vsctl list-br"), "");
        EXPECT_EQ(must_sh("ls /run/warren 2>/dev/null || true"), "");
        EXPECT_TRUE(comes_true([] { return must_sh("ip -o link show type veth | wc -l") == "0"; }));
    }
};

TEST_F(Take, FirstScenarioTypedByHand) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    must_sh(
        "ovs-vsctl set bridge ovs1 external_ids:mine=yes && ip -n green route add 10.8.0.0/16 via 10.0.0.1 && "
        "ip netns add bystander && ip -n bystander link add b0 type veth peer name b1");
    remember_machine();
    // Where it fails, all is as it was.
    const Ran failed =
        warren({"adopt", "--take", "-o", kFile, "red", "green"}, {"WARREN_FAULT=after-put-file:error=5"});
    EXPECT_EQ(failed.status, 1) << testing::PrintToString(failed);
    expect_same_machine();

    adopt({"--take", "red", "green"});
    EXPECT_EQ(must_sh("ovs-vsctl get bridge ovs1 external_ids:mine"), "yes");
    must_warren({"ping", "red", "green"});
    const Ran again = warren({"adopt", "--take", "--name", "again", "red", "green"});
    EXPECT_EQ(again.status, 1);
    EXPECT_THAT(again.err, HasSubstr("namespace green is lab adopted's"));
    EXPECT_THAT(drift("adopted"), IsEmpty());
    must_sh("ip netns del bystander");
    expect_a_lab_that_goes("adopted");
}

TEST_F(Take, SecondScenarioTypedByHand) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    type_tenants();
    const auto leased = [] {
        return must_sh("for h in red green; do ip -n $h -4 -o addr show scope global | awk '{print $4}'; done");
    };
    const std::string before = leased();
    const std::string file = kFile;
    const Ran run = warren({"adopt", "--take", "--name", "tenants", "-o", file});
    ASSERT_TRUE(run.ok()) << testing::PrintToString(run);
    EXPECT_THAT(
        run.err,
        HasSubstr("(dnsmasq) in dhcp-r ends; the lab starts its own of network r, with the leases of this one"));
    EXPECT_THAT(run.err, HasSubstr("(dhclient) in red ends; the lab starts its own"));
    EXPECT_EQ(leased(), before);
    EXPECT_TRUE(comes_true([] { return drift("tenants").empty(); })) << testing::PrintToString(drift("tenants"));
    EXPECT_EQ(processes_with("/run/dnsmasq-r.pid").size(), 0U);
    EXPECT_EQ(processes_with("/run/red.pid").size(), 0U);
    must_warren({"ping", "red", "dhcp-r"});
    expect_a_lab_that_goes("tenants");
}

// What was ended runs again where it fails, and all is as it was; killed in the middle, `down` removes what is the lab's.
TEST_F(Take, IsAllOrNothing) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    type_tenants();
    const auto before = facts();
    const Ran failed = warren({"adopt", "--take", "-o", kFile}, {"WARREN_FAULT=after-start-process:error=5"});
    EXPECT_EQ(failed.status, 1) << testing::PrintToString(failed);
    EXPECT_THAT(failed.err, Not(HasSubstr("not all is as it was")));
    EXPECT_TRUE(comes_true(
        [] { return processes_with("/run/red.pid").size() + processes_with("/run/green.pid").size() == 2; }));
    EXPECT_GE(processes_with("/run/dnsmasq-r.pid").size(), 1U);
    EXPECT_GE(processes_with("/run/dnsmasq-g.pid").size(), 1U);
    EXPECT_TRUE(comes_true([&] { return facts() == before; }));
    EXPECT_THAT(difference(before, facts()), IsEmpty());
    EXPECT_EQ(must_sh("ls /run/warren 2>/dev/null || true"), "");
    EXPECT_EQ(must_sh("ip -o link | grep warren: || true"), "");

    const Ran killed = warren({"adopt", "--take", "-o", kFile}, {"WARREN_FAULT=before-set-link:kill"});
    EXPECT_EQ(killed.status, 128 + SIGKILL);
    must_warren({"down", "adopted"});
    EXPECT_EQ(must_sh("ls /run/netns"), "");
    EXPECT_EQ(must_sh("ovs-vsctl list-br"), "");
}

TEST_F(Take, ALinuxBridgeTypedByHand) {
    type_routed_bridge();
    must_sh("ip -n plain neigh add 10.3.0.77 lladdr 02:00:00:00:00:77 dev eth0 nud permanent");
    const auto before = facts();
    const Ran failed = warren({"adopt", "--take", "-o", kFile}, {"WARREN_FAULT=after-start-process:error=5"});
    EXPECT_EQ(failed.status, 1) << testing::PrintToString(failed);
    EXPECT_THAT(must_sh("ip -n plain route"), HasSubstr("default via 10.3.0.1"));
    EXPECT_THAT(must_sh("ip -n plain route"), Not(HasSubstr("proto 87")));
    EXPECT_THAT(must_sh("ip -n plain neigh"), HasSubstr("02:00:00:00:00:77 PERMANENT"));
    EXPECT_TRUE(comes_true([&] { return facts() == before; }));
    EXPECT_THAT(difference(before, facts()), IsEmpty());
    EXPECT_EQ(processes_with("/run/client.pid").size(), 1U);

    const Ran run = warren({"adopt", "--take", "-o", kFile});
    ASSERT_TRUE(run.ok()) << testing::PrintToString(run);
    EXPECT_TRUE(comes_true([&] { return facts() == before; }));
    EXPECT_THAT(difference(before, facts()), IsEmpty());
    EXPECT_THAT(drift("adopted"), IsEmpty());
    EXPECT_THAT(planned(kFile), IsEmpty());
    must_warren({"ping", "plain", "beyond"});
    must_warren({"down", "adopted"});
    EXPECT_EQ(must_sh("ls /run/netns; ip -o link show type bridge"), "");
}

TEST_F(Take, RefusesByNameWhatItCannot) {
    must_sh(R"(set -e
ip link add br0 type bridge
ip link set br0 up
for n in a b; do
    ip netns add $n
    ip link add eth0 netns $n type veth peer name to-$n
    ip link set to-$n master br0 up
    ip -n $n link set eth0 up
done
ip -n a link set eth0 alias mine
mkdir -p /etc/netns/b)");
    Background nameless(std::vector<std::string>{
        "unshare", "-n", "sh", "-c",
        "ip link add eth0 type veth peer name p0 netns $PPID && echo made; exec sleep 1000"});
    ASSERT_TRUE(nameless.wait_for("made"));
    must_sh("ip link set p0 master br0 up");
    remember_machine();
    const Ran run = warren({"adopt", "--take"});
    EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
    EXPECT_THAT(run.err, HasSubstr("link eth0 in namespace a bears an alias, 'mine'"));
    EXPECT_THAT(run.err, HasSubstr("/etc/netns/b is somebody's"));
    EXPECT_THAT(run.err, HasSubstr("has no name in /run/netns"));
    expect_same_machine();
    must_sh("rmdir /etc/netns/b");
}

TEST_F(Adopt, ALinuxBridgeTypedByHand) {
    type_routed_bridge();
    const std::string text = adopt();
    EXPECT_EQ(remarks(), "");
    EXPECT_THAT(text, HasSubstr("--keep-in-foreground"));
    EXPECT_THAT(text, HasSubstr("net.ipv4.ip_forward: 1"));
    expect_the_same_again();
}

TEST_F(Adopt, OnlyTheNamespacesThatAreNamed) {
    must_sh(R"(set -e
for i in 1 2; do
    ip link add br$i type bridge
    ip link set br$i up
    for n in a b; do
        ip netns add $n$i
        ip link add eth0 netns $n$i type veth peer name $n$i-eth0
        ip link set $n$i-eth0 master br$i up
        ip -n $n$i link set eth0 up
    done
done)");
    const std::string text = adopt({"a1", "b1"});
    EXPECT_THAT(text, HasSubstr("br1: {}"));
    EXPECT_THAT(text, Not(HasSubstr("br2")));
    EXPECT_THAT(text, HasSubstr("\n  a1:"));
    EXPECT_THAT(text, Not(HasSubstr("\n  a2:")));

    const Ran none = warren({"adopt", "nobody"});
    EXPECT_EQ(none.status, 2);
    EXPECT_THAT(none.err, HasSubstr("cannot adopt network namespace nobody"));
}

TEST_F(Adopt, SaysWhatAFileCannot) {
    must_sh(R"(set -e
ip link add br0 type bridge
ip address add 10.9.0.254/24 dev br0
ip link set br0 up
ip netns add a
ip link add eth0 netns a type veth peer name port-a
ip link set port-a master br0 up
ip -n a link set eth0 up
ip link add x0 netns a type veth peer name up0
ip -n a link add mac0 link eth0 type macvlan
ip -n a link set mac0 up
ip link add stray type veth peer name astray
ip link set stray master br0)");
    Background process({"ip", "netns", "exec", "a", "sleep", "1000"});
    EXPECT_TRUE(comes_true([&] { return command_line(process.pid()).starts_with("sleep"); }));
    adopt();
    const std::string said = remarks();
    EXPECT_THAT(said, HasSubstr("a:mac0 is left out: a lab has no interface of kind macvlan"));
    EXPECT_THAT(said, HasSubstr("a:x0 is left out: its other end, up0, is the machine's own and on no switch"));
    EXPECT_THAT(said, HasSubstr("the machine's own address 10.9.0.254/24 on it is left out"));
    EXPECT_THAT(said, HasSubstr("port stray (veth) is left out"));
    EXPECT_THAT(said, HasSubstr("is not the lab's ('run:' would keep one): sleep 1000"));
    EXPECT_TRUE(warren({"draw", "--file", kFile}).ok());
}

// A process' namespace gets a name; what cannot be put up as it is, is said and not hidden.
TEST_F(Adopt, ANamespaceWithoutAName) {
    must_sh("ip link add br0 type bridge && ip link set br0 up");
    const std::string script =
        "ip link add eth0 type veth peer name p0 netns $PPID && ip link set eth0 up && echo made; exec sleep 1000";
    Background nameless(std::vector<std::string>{"unshare", "-n", "sh", "-c", script});
    ASSERT_TRUE(nameless.wait_for("made"));
    must_sh("ip link set p0 master br0 up");
    EXPECT_TRUE(comes_true([&] { return command_line(nameless.pid()).starts_with("sleep"); }));
    const std::string text = adopt();
    EXPECT_THAT(text, HasSubstr("sleep-" + std::to_string(nameless.pid()) + ":"));
    EXPECT_THAT(remarks(), HasSubstr("which has no name"));
    EXPECT_TRUE(warren({"draw", "--file", kFile}).ok());
}

// What a lab has made is its own; named, it gives a file that changes nothing on the lab.
class AdoptLab : public Adopt, public testing::WithParamInterface<std::vector<std::string>> {};

TEST_P(AdoptLab, FileOfALabIsTheLab) {
    std::vector<std::string> up{"up"};
    for (const auto& word : GetParam()) { up.push_back(word.ends_with(".yaml") ? example(word) : word); }
    must_warren(up);
    EXPECT_THAT(adopt(), Not(HasSubstr("hosts:")));
    const std::string lab = must_sh("ls /run/warren");
    EXPECT_THAT(remarks(), HasSubstr("what lab " + lab + " has made is left out"));

    std::vector<std::string> names;
    std::istringstream in(must_sh("ls /run/netns"));
    for (std::string name; std::getline(in, name);) { names.push_back(name); }
    const std::string text = adopt(names);
    std::vector<std::string> changes = planned(kFile, lab);
    // Names of networks and the order of hosts are a file's alone: files and processes are named after them.
    std::erase_if(changes, [](const std::string& change) {
        return change.find("\"object\":\"file ") != std::string::npos ||
               change.find("dhcp ") != std::string::npos ||
               change.find("\"attribute\":\"network\"") != std::string::npos;
    });
    EXPECT_THAT(changes, IsEmpty()) << text;
    must_warren({"down"});
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Each, AdoptLab,
                         testing::Values(std::vector<std::string>{"hello.yaml"},
                                         std::vector<std::string>{"red-green.yaml"},
                                         std::vector<std::string>{"tenants.yaml"},
                                         std::vector<std::string>{"routed.yaml"},
                                         std::vector<std::string>{"--topo", "tree,2,2", "--switch", "ovs"},
                                         std::vector<std::string>{"--topo", "tree,2,2"},
                                         std::vector<std::string>{"--topo", "tenants,2,2", "--switch", "ovs"}));

}  // namespace
}  // namespace warren::e2e
