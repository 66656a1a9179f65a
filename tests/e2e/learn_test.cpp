// warren learn: both lessons driven by standard input, hands that type something else, and ends half-way.
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Learn : public E2e {};
class WholeLesson : public E2e, public testing::WithParamInterface<std::string> {};

const std::string kEnters(40, '\n');

TEST_P(WholeLesson, TypedForTheLearnerLeavesNothing) {
    const Ran run = warren({"learn", GetParam()}, {"LC_ALL=C.UTF-8"}, kEnters);
    EXPECT_TRUE(run.ok()) << testing::PrintToString(run);
    EXPECT_THAT(run.out, HasSubstr("# ip netns add red\n"));
    EXPECT_THAT(run.out, HasSubstr("ovs1 · Open vSwitch")) << "no diagram";
    EXPECT_THAT(run.out, Not(HasSubstr("  missing  ")));
    EXPECT_THAT(run.out, HasSubstr("Nothing of the lesson is left."));
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Number, WholeLesson, testing::Values("1", "2"));

// A lesson with the learner's keyboard: lines that the test writes.
class Pupil {
public:
    explicit Pupil(const std::string& number)
        : learn_(started(number)), keyboard_(::open(kFifo, O_WRONLY | O_CLOEXEC)) {}
    void type(const std::string& line) {
        if (!write_all(keyboard_.get(), line + "\n", kFifo)) { throw std::runtime_error("nobody reads"); }
    }
    Background& learn() { return learn_; }

private:
    static constexpr const char* kFifo = "/mnt/keyboard";
    static std::string started(const std::string& number) {
        ::unlink(kFifo);
        if (::mkfifo(kFifo, 0600) != 0) { throw std::runtime_error("mkfifo"); }
        return std::string("exec " WARREN_PROGRAM " learn ") + number + " <" + kFifo;
    }
    Background learn_;
    Fd keyboard_;
};

TEST_F(Learn, AWrongCommandOfTheLearnersIsNoticed) {
    Pupil pupil("2");
    pupil.type("");
    pupil.type("");
    ASSERT_TRUE(pupil.learn().wait_for("3/7  Two VLANs")) << pupil.learn().printed();
    const std::string elsewhere = "OVS_RUNDIR=/run/warren-learn ovs-vsctl ";
    must_sh(elsewhere + "add-port ovs1 veth-r tag=200");
    pupil.type("c");
    EXPECT_TRUE(pupil.learn().wait_for("missing  port veth-r of ovs1 has tag 200, not tag 100\n"))
        << pupil.learn().printed();
    EXPECT_THAT(pupil.learn().printed(), HasSubstr("missing  ovs1 has no port veth-g"));
    pupil.type("");  // types what is missing, which does not set right what is wrong
    EXPECT_TRUE(pupil.learn().wait_for("That is not it yet.")) << pupil.learn().printed();
    EXPECT_THAT(pupil.learn().printed(), Not(HasSubstr("4/7")));
    must_sh(elsewhere + "set port veth-r tag=100");
    pupil.type("c");
    EXPECT_TRUE(pupil.learn().wait_for("All of this step is there.")) << pupil.learn().printed();
    pupil.type("");
    EXPECT_TRUE(pupil.learn().wait_for("4/7")) << pupil.learn().printed();

    pupil.type("q");
    EXPECT_EQ(pupil.learn().wait(), 1);
    EXPECT_THAT(pupil.learn().printed(), HasSubstr("lesson 2 is left as it is. There is:"));
    EXPECT_THAT(pupil.learn().printed(), HasSubstr("  namespace red\n"));
    const Ran other = warren({"learn", "1"});
    EXPECT_EQ(other.status, 1);
    EXPECT_THAT(other.err, HasSubstr("'warren learn --remove' takes it away"));
    const Ran removed = warren({"learn", "--remove"});
    EXPECT_TRUE(removed.ok()) << testing::PrintToString(removed);
    EXPECT_TRUE(warren({"learn", "--remove"}).ok());
    expect_same_machine();
}

TEST_F(Learn, WhatIsTypedByHandIsSeen) {
    Pupil pupil("1");
    pupil.type("");
    ASSERT_TRUE(pupil.learn().wait_for("  Two hosts\n")) << pupil.learn().printed();
    must_sh("ip netns add red && ip netns add green");
    pupil.type("c");
    EXPECT_TRUE(pupil.learn().wait_for("All of this step is there.")) << pupil.learn().printed();
    pupil.type("");
    EXPECT_TRUE(pupil.learn().wait_for("  A switch\n")) << pupil.learn().printed();
    EXPECT_THAT(pupil.learn().printed(), Not(HasSubstr("# ip netns add")));

    // Ctrl-C: says what is there; the lesson can be gone on with.
    EXPECT_EQ(pupil.learn().signal(SIGINT), 0);
    EXPECT_EQ(pupil.learn().wait(), 128 + SIGINT);
    EXPECT_THAT(pupil.learn().printed(), HasSubstr("  namespace green\n"));
    const Ran rest = warren({"learn"}, {}, kEnters);
    EXPECT_TRUE(rest.ok()) << testing::PrintToString(rest);
    EXPECT_THAT(rest.out, Not(HasSubstr("# ip netns add")));
    expect_same_machine();
}

TEST_F(Learn, NothingOfOthersIsTaken) {
    must_sh("ip netns add red && ip netns exec red ip link set lo up");
    const Ran run = warren({"learn", "1"}, {}, kEnters);
    EXPECT_EQ(run.status, 1);
    EXPECT_THAT(run.err, HasSubstr("names that are taken here: red;"));
    EXPECT_TRUE(sh("ip -n red link show up | grep -q lo").ok());
    EXPECT_NE(sh("test -e /run/warren-learn").status, 0);
}

}  // namespace
}  // namespace warren::e2e
