// Topologies as labs that run: `up --topo`, `new`, spanning trees.
#include "harness.hpp"

namespace warren::e2e {
namespace {

class Topologies : public E2e {
protected:
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down", "--all"}).ok());
        expect_same_machine();
    }
    static void expect_checked() {
        const Ran check = warren({"check"});
        EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
        EXPECT_THAT(check.out, HasSubstr("PASS"));
    }
};

TEST_F(Topologies, TreeIsUpAsItsFileSays) {
    must_warren({"up", "--topo", "tree,2,2", "--mac"});
    expect_checked();
    const Ran ping = warren({"ping"});
    EXPECT_TRUE(ping.ok()) << testing::PrintToString(ping);
    EXPECT_EQ(must_sh("ls /sys/class/net/s2/brif | xargs"), "s2-eth1 s2-eth2 s2-eth3");
    EXPECT_EQ(must_sh("ls /sys/class/net/s1/brif | xargs"), "s1-eth1 s1-eth2");
    EXPECT_THAT(must_sh("ip -n h4 -br -4 addr show dev h4-eth0"), HasSubstr("10.0.0.4/8"));
    EXPECT_EQ(must_sh("ip netns exec h4 cat /sys/class/net/h4-eth0/address"), "00:00:00:00:00:04");
    EXPECT_EQ(at(warren_json({"show"}), "file"), json::value("topology tree,2,2"));
    const std::string file = write_file("tree.yaml", must_warren({"new", "tree,2,2", "--mac"}));
    EXPECT_THAT(planned(file), IsEmpty());
    EXPECT_THAT(warren({"up", "--topo", "tree,2,2", "--mac"}).out, HasSubstr("nothing to do"));
    EXPECT_EQ(warren({"plan", "--topo", "tree,2,2", "--exit-code"}).status, 1);  // other MACs
}

TEST_F(Topologies, TenantsHaveLeasesAndDoNotSeeEachOther) {
    must_warren({"up", "--topo", "tenants,2,2", "--switch", "ovs"});
    expect_checked();
    for (const char* host : {"t1h1", "t1h2", "t2h1", "t2h2"}) {
        EXPECT_THAT(must_sh(std::string("ip -n ") + host + " -br -4 addr"), HasSubstr(" 10.0.0.")) << host;
    }
    EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " get Port s1-eth1 tag"), "101");
    EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " get Port s1-eth4 tag"), "102");
}

// Three switches in a ring: the tree leaves out exactly one end of a link, and all hosts see each other. The check
// proves one pair; the others follow when the last port has learnt.
TEST_F(Topologies, RingOfLinuxBridges) {
    must_warren({"up", "--topo", "ring,3"});
    expect_checked();
    EXPECT_TRUE(comes_true([] { return warren({"ping"}).ok(); }));
    // BR_STATE_FORWARDING is 3, BR_STATE_BLOCKING 4.
    EXPECT_TRUE(comes_true(
        [] { return must_sh("cat /sys/class/net/s?-eth?/brport/state | sort | xargs") == "3 3 3 3 3 3 3 3 4"; }));
}

TEST_F(Topologies, RingOfOpenVSwitches) {
    must_warren({"up", "--topo", "ring,3", "--switch", "ovs"});
    for (const char* number : {"1", "2", "3"}) {
        EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " get Interface s2-eth" + number + " ofport"), number);
    }
    expect_checked();
    EXPECT_TRUE(comes_true([] { return warren({"ping"}).ok(); }));
    const std::string states = "ovs-vsctl " + ovs_db_option() +
                               " --columns=status list Port | grep -o 'stp_state=[a-z]*' | sort | uniq -c | xargs";
    EXPECT_TRUE(comes_true([&] { return must_sh(states) == "1 stp_state=blocking 8 stp_state=forwarding"; }));
}

TEST_F(Topologies, WrongUseIsTwoAndSaysWhatIsRight) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> wrong{
        {{"new"}, "TOPOLOGY"},
        {{"new", "ring,2"}, "k is '2', it must be 3 to"},
        {{"new", "trie,2"}, "did you mean 'tree'?"},
        {{"new", "single,3", "--name", "Not A Name"}, "capital letters"},
        {{"new", "single,3", "--switch", "hub"}, "--switch"},
        {{"up"}, "neither FILE nor '--topo'"},
        {{"up", "--topo", "single,2000"}, "a Linux bridge holds 1023"},
        {{"up", example("hello.yaml"), "--topo", "single,3"}, "excludes"},
        {{"up", example("hello.yaml"), "--switch", "ovs"}, "--topo"},
        {{"plan", "--topo", "torus,3"}, "y is not given"},
        {{"draw", "--topo", "mesh,1"}, "k is '1'"}};
    for (const auto& [arguments, message] : wrong) {
        const Ran run = warren(arguments);
        EXPECT_EQ(run.status, 2) << testing::PrintToString(run);
        EXPECT_EQ(run.out, "");
        EXPECT_THAT(run.err, HasSubstr(message));
    }
}

TEST_F(Topologies, IsDrawnWithoutBeingMade) {
    const std::string drawn = must_warren({"draw", "--topo", "leaf-spine,2,2", "--ascii"});
    for (const char* name : {"leaf1", "leaf2", "spine1", "spine2", "h2-eth0 10.0.0.2/8"}) {
        EXPECT_THAT(drawn, HasSubstr(name));
    }
    EXPECT_THAT(must_warren({"new", "--help"}), HasSubstr("leaf-spine,leaves,spines[,n]"));
}

}  // namespace
}  // namespace warren::e2e
