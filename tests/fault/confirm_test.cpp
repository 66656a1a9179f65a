// `up --confirm`: the lab goes back by itself unless `warren confirm` comes.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Confirm : public E2e {
protected:
    static std::string changed() {
        std::string text = read_text(example("hello.yaml"));
        text.replace(text.find("10.0.0.3/24"), 11, "10.0.0.9/24");
        return write_file("changed.yaml", text);
    }
    static std::string addresses() { return must_sh("ip -n h3 -4 -br addr show eth0"); }
    static bool succeeds_in_time(const std::string& script) {
        return comes_true([&] { return sh(script).ok(); });
    }
    static bool guard_ends() {
        return comes_true([] { return processes_with("guard /run/warren").empty(); });
    }
};

TEST_F(Confirm, GoesBackToTheFileBefore) {
    must_warren({"up", example("hello.yaml")});
    const auto before = snapshot();
    must_warren({"up", changed(), "--confirm", "2s"});
    EXPECT_THAT(addresses(), HasSubstr("10.0.0.9/24"));
    EXPECT_TRUE(succeeds_in_time("ip -n h3 -4 -br addr show eth0 | grep -q 10.0.0.3/24"));
    EXPECT_TRUE(succeeds_in_time("[ ! -e /run/warren/hello/guard.log ]"));
    EXPECT_THAT(drift("hello"), IsEmpty());
    EXPECT_THAT(planned(example("hello.yaml")), IsEmpty());
    EXPECT_TRUE(guard_ends());
    EXPECT_THAT(difference(before, snapshot()), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Confirm, GoesBackToNothing) {
    must_warren({"up", example("hello.yaml"), "--confirm", "1s"});
    EXPECT_TRUE(succeeds_in_time("[ ! -e /run/warren ]"));
    EXPECT_TRUE(guard_ends());
    expect_same_machine();
}

TEST_F(Confirm, ConfirmedItStays) {
    must_warren({"up", example("hello.yaml")});
    must_warren({"up", changed(), "--confirm", "600s"});
    ASSERT_EQ(processes_with("guard /run/warren").size(), 1U);
    EXPECT_THAT(must_warren({"confirm"}), HasSubstr("hello: confirmed"));
    EXPECT_EQ(processes_with("guard /run/warren").size(), 0U);
    EXPECT_THAT(warren({"confirm", "hello"}).err, HasSubstr("waits for no confirmation"));
    EXPECT_THAT(addresses(), HasSubstr("10.0.0.9/24"));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Confirm, APlainUpAndADownConfirmToo) {
    must_warren({"up", example("hello.yaml")});
    must_warren({"up", changed(), "--confirm", "600s"});
    must_warren({"up", changed()});
    EXPECT_EQ(processes_with("guard /run/warren").size(), 0U);
    must_warren({"up", example("hello.yaml"), "--confirm", "600s"});
    must_warren({"down"});
    expect_same_machine();
}

// Twice unconfirmed: back to what was last confirmed.
TEST_F(Confirm, TwiceGoesBackToTheLastThatWasConfirmed) {
    must_warren({"up", example("hello.yaml")});
    must_warren({"up", changed(), "--confirm", "600s"});
    std::string text = read_text(example("hello.yaml"));
    text.replace(text.find("10.0.0.3/24"), 11, "10.0.0.8/24");
    must_warren({"up", write_file("third.yaml", text), "--confirm", "1s"});
    EXPECT_LE(processes_with("guard /run/warren").size(), 1U);
    EXPECT_TRUE(succeeds_in_time("ip -n h3 -4 -br addr show eth0 | grep -q 10.0.0.3/24"));
    EXPECT_TRUE(guard_ends());
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Confirm, AnUpThatDiesInBetweenIsTakenBackToo) {
    must_warren({"up", example("hello.yaml")});
    const Ran up = warren({"up", changed(), "--confirm", "1s"}, {"WARREN_FAULT=after-del-address#1:kill"});
    EXPECT_EQ(up.status, 128 + SIGKILL) << testing::PrintToString(up);
    EXPECT_TRUE(succeeds_in_time("ip -n h3 -4 -br addr show eth0 | grep -q 10.0.0.3/24"));
    EXPECT_TRUE(guard_ends());
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Confirm, AnUpThatFailsLeavesNoGuard) {
    must_warren({"up", example("hello.yaml")});
    const Ran up = warren({"up", changed(), "--confirm", "600s"}, {"WARREN_FAULT=before-add-address#1:error=5"});
    EXPECT_EQ(up.status, 1) << testing::PrintToString(up);
    EXPECT_EQ(processes_with("guard /run/warren").size(), 0U);
    EXPECT_THAT(addresses(), HasSubstr("10.0.0.3/24"));
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
