// Several labs at a time, names that are taken, and labs whose root is their own.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

std::string two_hosts(const std::string& lab, const std::string& a, const std::string& b, const std::string& bridge,
                      const std::string& kind = "bridge") {
    return "lab: " + lab + "\nswitches: {" + bridge + ": {kind: " + kind + "}}\nhosts:\n" +  //
           "  " + a + ": {interfaces: {eth0: {to: \"" + bridge + ":p-" + a + "\", address: 10.2.0.1/24}}}\n" +
           "  " + b + ": {interfaces: {eth0: {to: \"" + bridge + ":p-" + b + "\", address: 10.2.0.2/24}}}\n" +
           "expect: [{reach: {from: " + a + ", to: " + b + "}}]\n";
}

class Labs : public E2e {
protected:
    static std::string lab(const std::string& name, const std::string& a, const std::string& b,
                           const std::string& bridge, const std::string& kind = "bridge") {
        return write_file(name + ".yaml", two_hosts(name, a, b, bridge, kind));
    }
    // `up` of FILE is refused with all of WORDS on stderr, and nothing has changed.
    static void expect_refused(const std::string& file, const std::vector<std::string>& words) {
        const auto before = snapshot();
        const Ran up = warren({"up", file});
        EXPECT_EQ(up.status, 1) << testing::PrintToString(up);
        for (const auto& word : words) { EXPECT_THAT(up.err, HasSubstr(word)); }
        EXPECT_THAT(difference(before, snapshot()), IsEmpty());
    }
};

TEST_F(Labs, TwoAtATimeAndDownOfOneLeavesTheOthersTraffic) {
    must_warren({"up", lab("one", "a", "b", "br1", "ovs")});
    must_warren({"up", lab("two", "c", "d", "br2", "ovs")});
    const Ran list = warren({"list"});
    EXPECT_THAT(list.out, HasSubstr("one"));
    EXPECT_THAT(list.out, HasSubstr("two"));
    EXPECT_TRUE(warren({"check", "one"}).ok());
    EXPECT_TRUE(warren({"check", "two"}).ok());

    Background ping({"ip", "netns", "exec", "a", "ping", "-i", "0.02", "-W", "1", "10.2.0.2"});
    ASSERT_TRUE(ping.wait_for("icmp_seq=5 ")) << ping.printed();
    must_warren({"down", "two"});
    ASSERT_EQ(ping.signal(SIGINT), 0);
    EXPECT_EQ(ping.wait(), 0);
    EXPECT_THAT(lost_pings(ping.printed()), IsEmpty()) << ping.printed();
    EXPECT_EQ(must_sh("ip netns list | awk '{print $1}' | sort | xargs"), "a b");
    EXPECT_EQ(must_sh("ovs-vsctl " + ovs_db_option() + " list-br"), "br1");

    must_warren({"down", "one"});
    expect_same_machine();
}

TEST_F(Labs, BothComeUpAtOnce) {
    Background one({WARREN_PROGRAM, "up", lab("one", "a", "b", "br1", "ovs")});
    Background two({WARREN_PROGRAM, "up", lab("two", "c", "d", "br2", "ovs")});
    EXPECT_EQ(one.wait(), 0) << one.printed();
    EXPECT_EQ(two.wait(), 0) << two.printed();
    EXPECT_TRUE(warren({"check", "one"}).ok());
    EXPECT_TRUE(warren({"check", "two"}).ok());
    must_warren({"down", "--all"});
    expect_same_machine();
}

TEST_F(Labs, NamesTakenByAnotherLabNameTheOwner) {
    must_warren({"up", lab("owner", "a", "b", "br1")});
    expect_refused(lab("host", "a", "z", "br2"), {"a", "owner"});
    expect_refused(lab("bridge", "y", "z", "br1"), {"br1", "owner"});
    expect_refused(write_file("port.yaml",
                              "lab: port\nswitches: {br9: {}}\n"
                              "hosts: {z: {interfaces: {eth0: {to: \"br9:p-a\"}}}}\n"),
                   {"p-a", "owner"});
    EXPECT_TRUE(warren({"check", "owner"}).ok());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Labs, SwitchTakenByAnotherLabsOpenVswitch) {
    must_warren({"up", lab("owner", "a", "b", "ovs1", "ovs")});
    expect_refused(lab("other", "y", "z", "ovs1", "ovs"), {"ovs1", "owner"});
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Labs, NamesTakenBySomethingForeign) {
    must_sh("ip netns add a && ip link add br1 type bridge && ip link add p-z type veth peer name other");
    expect_refused(lab("one", "a", "b", "br8"), {"a"});
    expect_refused(lab("two", "x", "y", "br1"), {"br1"});
    expect_refused(lab("three", "z", "y", "br9"), {"p-z"});
    EXPECT_TRUE(sh("ip netns exec a true && ip link show br1 && ip link show p-z").ok());
    EXPECT_THAT(must_warren({"list"}), Not(HasSubstr("one")));
    must_sh("ip netns del a && ip link del br1 && ip link del p-z");
}

TEST_F(Labs, TakenByAnOpenVswitchBridgeOfSomebodyElse) {
    must_warren({"up", lab("first", "a", "b", "ovs1", "ovs")});
    must_sh("ovs-vsctl " + ovs_db_option() + " add-br mine -- set Bridge mine datapath_type=netdev");
    expect_refused(lab("second", "y", "z", "mine", "ovs"), {"mine"});
    must_sh("ovs-vsctl " + ovs_db_option() + " del-br mine");
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Labs, ForeignThingsBesideALabStay) {
    must_sh(
        "ip netns add theirs && ip link add their-br type bridge && "
        "ip link add their-v type veth peer name their-w && ip link set their-v master their-br");
    const auto before = snapshot();
    must_warren({"up", lab("mine", "a", "b", "br1")});
    must_warren({"down"});
    EXPECT_THAT(difference(before, snapshot()), IsEmpty());
}

TEST_F(Labs, PrivateRootsRunOneFileSideBySide) {
    const std::string file = write_file("side.yaml", "root: private\n" + two_hosts("side", "a", "b", "sw", "ovs"));
    must_warren({"up", file});
    must_warren({"up", file, "--name", "side2"});
    const auto names = must_sh("ip netns list | awk '{print $1}' | sort | xargs");
    EXPECT_EQ(names, "side side.a side.b side2 side2.a side2.b");
    EXPECT_EQ(must_sh("ip -o link | wc -l"), "1") << "the machine sees the lab's links";
    EXPECT_TRUE(warren({"check", "side"}).ok());
    EXPECT_TRUE(warren({"check", "side2"}).ok());
    EXPECT_EQ(warren({"exec", "a", "--", "true"}).status, 2) << "a is in two labs";
    EXPECT_TRUE(warren({"exec", "side2/a", "--", "ping", "-c1", "-W2", "10.2.0.2"}).ok());
    must_warren({"down", "side"});
    EXPECT_TRUE(warren({"check", "side2"}).ok());
    must_warren({"down", "side2"});
    expect_same_machine();
}

TEST_F(Labs, DownOfNothingSucceeds) {
    EXPECT_TRUE(warren({"down"}).ok());
    EXPECT_TRUE(warren({"down", "--all"}).ok());
    EXPECT_TRUE(warren({"down", "nothing"}).ok());
    expect_same_machine();
}

TEST_F(Labs, WhichLabMustBeSaidWhereThereAreTwo) {
    must_warren({"up", lab("one", "a", "b", "br1")});
    must_warren({"up", lab("two", "c", "d", "br2")});
    for (const char* verb : {"show", "check", "draw", "down", "ping"}) {
        const Ran run = warren({verb});
        EXPECT_EQ(run.status, 2) << testing::PrintToString(run);
        EXPECT_THAT(run.err, HasSubstr("one"));
        EXPECT_THAT(run.err, HasSubstr("two"));
    }
    must_warren({"down", "--all"});
    expect_same_machine();
}

TEST_F(Labs, RecordsAreForTheirOwnerAlone) {
    must_warren({"up", example("tenants.yaml")});
    EXPECT_EQ(must_sh("find /run/warren -mindepth 1 -maxdepth 1 -perm /077 | xargs"), "");
    EXPECT_EQ(
        must_sh(
            "setpriv --reuid=65534 --regid=65534 --clear-groups find /run/warren -mindepth 2 2>/dev/null || true"),
        "");
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
