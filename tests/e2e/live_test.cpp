// `draw --live`: the diagram of what somebody else has made.
#include <algorithm>
#include <sstream>

#include "typed.hpp"

namespace warren::e2e {
namespace {

class Live : public E2e {
protected:
    static std::string draw() {
        const Ran run = warren({"draw", "--live"}, {"LC_ALL=C.UTF-8"});
        EXPECT_TRUE(run.ok()) << testing::PrintToString(run);
        EXPECT_EQ(run.err, "");
        return run.out;
    }
    static std::string line_with(const std::string& text, const std::string& word) {
        std::istringstream lines(text);
        for (std::string line; std::getline(lines, line);) {
            if (line.find(word) != std::string::npos) { return line; }
        }
        return {};
    }
};

TEST_F(Live, AMachineWithNothing) {
    EXPECT_THAT(draw(), Not(HasSubstr("┌")));
    expect_same_machine();
}

TEST_F(Live, BothScenariosTypedByHand) {
    if (const std::string cannot = start_machines_ovs(); !cannot.empty()) { GTEST_SKIP() << cannot; }
    type_red_green();
    const std::string plain = draw();
    EXPECT_THAT(plain, HasSubstr("┌─ ovs1 · Open vSwitch ─"));
    EXPECT_THAT(line_with(plain, "eth0-r"), HasSubstr("eth0-r 10.0.0.1/24 ├───┼───┤ veth-r"));
    EXPECT_THAT(line_with(plain, "eth0-g"), HasSubstr("eth0-g 10.0.0.2/24 ├───┼───┤ veth-g"));

    type_tenants();
    remember_machine();
    const std::string tenants = draw();
    EXPECT_THAT(line_with(tenants, "veth-r"), HasSubstr("─ vlan 100 ─┤ veth-r"));
    EXPECT_THAT(line_with(tenants, "veth-g"), HasSubstr("─ vlan 200 ─┤ veth-g"));
    EXPECT_THAT(line_with(tenants, "tap-r"), HasSubstr("tap-r ╞═ vlan 100 ═╪═╡ tap-r"));
    EXPECT_THAT(line_with(tenants, "tap-g"), HasSubstr("tap-g ╞═ vlan 200 ═╪═╡ tap-g"));
    EXPECT_THAT(tenants, HasSubstr("┌─ dhcp-r ─"));
    for (const char* ns : {"red", "green"}) {
        const std::string address = must_sh("ip -n " + std::string(ns) +
                                            " -4 -o address show scope global | "
                                            "grep -o '10[0-9./]*/24'");
        EXPECT_THAT(tenants, HasSubstr(address + " (dhcp)"));
        const std::string server = std::string("dhcp-") + ns[0];
        EXPECT_THAT(tenants, HasSubstr("dnsmasq " + must_sh("ip netns pids " + server)));
    }
    expect_same_machine();
}

TEST_F(Live, OneOfEachKind) {
    must_sh(R"(set -e
ip link add br0 type bridge
ip address add 10.9.0.254/24 dev br0
ip netns add a
ip netns add b
ip link add eth0 netns a type veth peer name port-a
ip link set port-a master br0 up
ip link set br0 up
ip -n a link set eth0 up
ip -n a address add 10.9.0.1/24 dev eth0
ip -n a route add default via 10.9.0.254
ip link add x0 netns a type veth peer name x0 netns b
ip -n a link set x0 up
ip -n b link set x0 up
ip link add up0 type veth peer name far0 netns b
ip link set up0 up
ip address add 192.0.2.1/24 dev up0
ip -n b link add mac0 link x0 type macvlan
ip -n b link set mac0 up)");
    Background nameless(std::vector<std::string>{
        "unshare", "-n", "sh", "-c",
        "ip link add n0 type veth peer name n1 netns b && ip link set n0 up && echo made; exec sleep 1000"});
    ASSERT_TRUE(nameless.wait_for("made"));
    must_sh("ip -n b link set n1 up");
    const std::string picture = draw();
    EXPECT_THAT(picture, HasSubstr("br0 · Linux bridge · 10.9.0.254/24"));
    EXPECT_THAT(line_with(picture, "port-a"), HasSubstr("┤ port-a"));
    EXPECT_THAT(line_with(picture, "default via 10.9.0.254"), Not(IsEmpty()));
    EXPECT_THAT(picture, HasSubstr("the machine's own interfaces"));
    EXPECT_THAT(line_with(picture, "up0"), HasSubstr(" 192.0.2.1/24 "));
    EXPECT_THAT(picture, HasSubstr("mac0: macvlan on x0"));
    EXPECT_THAT(picture, HasSubstr("pid " + std::to_string(nameless.pid()) + " ("));
    EXPECT_THAT(picture, Not(HasSubstr("not seen")));
}

// Peers are told by the numbers that namespaces have for each other, not by the interfaces' indexes, which are alike.
TEST_F(Live, PairsWhoseIndexesAreAlike) {
    std::string script;
    constexpr int kPairs = 30;
    for (int i = 0; i < kPairs; ++i) {
        const std::string n = std::to_string(i);
        script += "ip netns add a" + n + "; ip netns add b" + n + "; ip link add e netns a" + n +
                  " index 7 type veth peer name e index 7 netns b" + n + "; ip -n a" + n +
                  " link set e up; ip -n b" + n + " link set e up; ip -n a" + n + " address add 10.0.0." + n +
                  "/24 dev e; ip -n b" + n + " address add 10.0.1." + n + "/24 dev e\n";
    }
    must_sh("set -e\n" + script);
    const std::string picture = draw();
    for (int i = 0; i < kPairs; ++i) {
        const std::string line = line_with(picture, "10.0.0." + std::to_string(i) + "/24");
        EXPECT_THAT(line, HasSubstr("├──────┤ e 10.0.1." + std::to_string(i) + "/24"));
    }
}

// Labs' own switches, of several Open vSwitch instances with the same names.
TEST_F(Live, LabsBesideEachOther) {
    for (const char* name : {"one", "two"}) {
        must_warren({"up", "--topo", "single,2", "--switch", "ovs", "--root", "private", "--name", name});
    }
    const std::string picture = draw();
    for (const std::string name : {"one", "two"}) {
        EXPECT_THAT(picture, HasSubstr("s1 · Open vSwitch in namespace " + name));
        EXPECT_THAT(picture, HasSubstr("┌─ " + name + ".h1 ─"));
    }
    std::size_t wired = 0;
    for (std::size_t at = 0; (at = picture.find("┤ s1-eth", at)) != std::string::npos; ++at) { ++wired; }
    EXPECT_EQ(wired, 4U) << picture;
    must_warren({"down", "--all"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
