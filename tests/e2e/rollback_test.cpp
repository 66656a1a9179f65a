// All or nothing: a failure forced at each step of `up` leaves what was there before.
#include <csignal>
#include <cstdlib>

#include "harness.hpp"

namespace warren::e2e {
namespace {

// WARREN_FAULT lets step N (from 1) of `up` fail; a test takes every SHARDS-th N, beginning with SHARD, until
// `up` succeeds because it has no step N.
constexpr int kShards = 8;
constexpr int kShardsOfAChange = 16;

std::string failing_at(int step) { return "WARREN_FAULT=before-step#" + std::to_string(step) + ":error=5"; }

class Rollback : public E2e, public testing::WithParamInterface<int> {
protected:
    // Returns how many steps failed. `check` looks at the machine after each failure.
    template <class Check>
    int fail_each_step(const std::vector<std::string>& up, const Check& check, int shards = kShards) {
        int failures = 0;
        // WARREN_STRIDE: only every so many of them, where a run would take too long.
        const char* stride = std::getenv("WARREN_STRIDE");
        for (int step = GetParam();; step += shards * (stride != nullptr ? std::atoi(stride) : 1)) {
            SCOPED_TRACE(failing_at(step));
            const Ran run = warren(up, {failing_at(step)});
            if (run.ok()) { return failures; }
            ++failures;
            EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
            EXPECT_THAT(run.err, HasSubstr("warren: cannot "));
            EXPECT_THAT(run.err, HasSubstr("WARREN_FAULT asked for it"));
            check();
            if (HasFailure() || step > 2000) { return failures; }
        }
    }
};

TEST_P(Rollback, OfAFreshBridgeLab) {
    const int failures = fail_each_step({"up", example("hello.yaml")}, [&] { expect_same_machine(); });
    EXPECT_GT(failures, 0);
    must_warren({"down"});
    expect_same_machine();
}

TEST_P(Rollback, OfAFreshTenantsLab) {
    const int failures = fail_each_step({"up", example("tenants.yaml")}, [&] { expect_same_machine(); });
    EXPECT_GT(failures, 0);
    must_warren({"down"});
    expect_same_machine();
}

class RollbackOfAChange : public Rollback {};

TEST_P(RollbackOfAChange, FromOneScenarioToTheOther) {
    const std::string plain = example("red-green.yaml");
    must_warren({"up", plain});
    const auto before = snapshot_without_memory();
    const int failures = fail_each_step(
        {"up", example("tenants.yaml"), "--name", "red-green"},
        [&] {
            EXPECT_THAT(lasting_difference(before), IsEmpty());
            EXPECT_THAT(drift("red-green"), IsEmpty());
            EXPECT_THAT(planned(plain), IsEmpty());
            EXPECT_TRUE(warren({"check", "red-green"}).ok());
        },
        kShardsOfAChange);
    EXPECT_GT(failures, 0);
    EXPECT_THAT(drift("red-green"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_P(RollbackOfAChange, Back) {
    const std::string tenants = example("tenants.yaml");
    must_warren({"up", tenants, "--name", "red-green"});
    const auto before = snapshot_without_memory();
    const int failures = fail_each_step(
        {"up", example("red-green.yaml")},
        [&] {
            // A client that was started again asks for its address again: until then its lease is not there.
            EXPECT_TRUE(warren({"check", "red-green"}).ok());
            EXPECT_THAT(lasting_difference(before), IsEmpty());
            EXPECT_THAT(drift("red-green"), IsEmpty());
        },
        kShardsOfAChange);
    EXPECT_GT(failures, 0);
    must_warren({"down"});
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Steps, Rollback, testing::Range(1, kShards + 1));
INSTANTIATE_TEST_SUITE_P(Steps, RollbackOfAChange, testing::Range(1, kShardsOfAChange + 1));

class Interrupted : public E2e {};

TEST_F(Interrupted, DownGoesOnAfterAFailureAndTheNextCompletesIt) {
    must_warren({"up", example("tenants.yaml")});
    const Ran down = warren({"down", "tenants"}, {failing_at(5)});
    EXPECT_EQ(down.status, 1) << testing::PrintToString(down);
    EXPECT_TRUE(warren({"down", "tenants"}).ok());
    expect_same_machine();
}

TEST_F(Interrupted, UpKilledIsCompletedOrRemoved) {
    const std::string file = example("tenants.yaml");
    Background up({WARREN_PROGRAM, "up", file});
    // The record is the first thing that `up` leaves; what else is there by then is chance.
    must_sh("timeout 60 bash -c 'until [ -e /run/warren/tenants/record ]; do :; done'");
    kill_and_wait(up.pid(), SIGKILL);
    must_warren({"up", file});
    EXPECT_THAT(drift("tenants"), IsEmpty());
    EXPECT_TRUE(warren({"check", "tenants"}).ok());
    must_warren({"down", "tenants"});
    expect_same_machine();
}

TEST_F(Interrupted, DownAfterAKilledUpLeavesNothing) {
    Background up({WARREN_PROGRAM, "up", example("tenants.yaml")});
    must_sh("timeout 60 bash -c 'until [ -e /run/netns/red ]; do :; done'");
    kill_and_wait(up.pid(), SIGKILL);
    must_warren({"down", "tenants"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
