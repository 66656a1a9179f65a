// The laws of plans, held against many random pairs of states.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "plan/changes.hpp"
#include "plan/plan.hpp"
#include "states.hpp"

namespace warren::testing {
namespace {

using TapeBytes = std::vector<std::uint8_t>;

TapeBytes any_tape() { return *rc::gen::container<TapeBytes>(kTape, rc::gen::arbitrary<std::uint8_t>()); }

// The same tape with some bytes changed: an edit of the lab.
TapeBytes edited(TapeBytes tape) {
    const auto edits = *rc::gen::container<std::vector<std::pair<std::uint16_t, std::uint8_t>>>(
        *rc::gen::inRange<std::size_t>(0, 12),
        rc::gen::pair(rc::gen::inRange<std::uint16_t>(0, kTape), rc::gen::arbitrary<std::uint8_t>()));
    for (const auto& [at, value] : edits) { tape[at] = value; }
    return tape;
}

struct Pair {
    State a;
    State b;
};

// States of one lab before and after an edit, or two that have nothing in common but names.
Pair any_pair() {
    const TapeBytes tape = any_tape();
    const bool unrelated = *rc::gen::inRange(0, 4) == 0;
    return {state_from(tape), state_from(unrelated ? any_tape() : edited(tape))};
}

void show(const Plan& plan) {
    RC_LOG() << "the plan:\n";
    for (const Step& step : plan.steps) { RC_LOG() << "  " << describe(step) << "\n"; }
}

bool has_stray(const Plan& plan) {
    return std::any_of(plan.steps.begin(), plan.steps.end(),
                       [](const Step& step) { return std::holds_alternative<DelStray>(step); });
}

void require_same(const State& a, const State& b) {
    const std::string why = difference(settled(a), settled(b));
    if (!why.empty()) { RC_FAIL(why); }
}

Plan plan_of(const State& a, const State& b) {
    const Difference difference = diff(a, b, kLab);
    for (const Conflict& conflict : difference.conflicts) { RC_FAIL("conflict: " + conflict.object); }
    return difference.plan;
}

void apply(State& state, const Plan& plan) {
    for (const Step& step : plan.steps) {
        const std::string why = refusal(state, step);
        if (!why.empty()) { RC_FAIL("refused: " + describe(step) + ": " + why); }
        simulate(state, step);
    }
}

TEST(PlanLaws, ApplyingADifferenceGivesTheWantedState) {
    EXPECT_TRUE(rc::check([] {
        const auto [a, b] = any_pair();
        const Plan plan = plan_of(a, b);
        show(plan);
        State state = a;
        apply(state, plan);
        require_same(state, b);
        RC_ASSERT(plan_of(state, b).empty());
    }));
}

TEST(PlanLaws, ADisturbedStateIsRepaired) {
    EXPECT_TRUE(rc::check([] {
        auto [a, b] = any_pair();
        disturb(a, any_tape());
        const Plan plan = plan_of(a, b);
        show(plan);
        State state = a;
        apply(state, plan);
        require_same(state, b);
        RC_ASSERT(plan_of(state, b).empty());
        // Nothing of other makers was touched, where it did not lie inside what is gone.
        RC_ASSERT(state.namespaces.contains("zz") == a.namespaces.contains("zz"));
        for (const auto& [name, ns] : a.namespaces) {
            if (!ns.links.contains("zz0") || (!name.empty() && !b.namespaces.contains(name))) { continue; }
            if (!name.empty() && ns.attached != b.namespaces.at(name).attached) {
                continue;
            }  // another namespace has its name
            RC_ASSERT(state.namespaces.at(name).links.contains("zz0"));
        }
        for (const auto& [name, bridge] : a.bridges) {
            if (!bridge.ports.contains("zz-" + name) || !b.bridges.contains(name) || a.ovs != b.ovs) { continue; }
            RC_ASSERT(state.bridges.at(name).ports.contains("zz-" + name));
        }
    }));
}

TEST(PlanLaws, NothingIsToBeDoneWhereNothingDiffers) {
    EXPECT_TRUE(rc::check([] {
        const State b = state_from(any_tape());
        const Plan plan = plan_of(b, b);
        show(plan);
        RC_ASSERT(plan.empty());
    }));
}

TEST(PlanLaws, AStepAndItsReverseAreNothing) {
    EXPECT_TRUE(rc::check([] {
        auto [a, b] = any_pair();
        if (*rc::gen::arbitrary<bool>()) { disturb(a, any_tape()); }
        const Plan plan = plan_of(a, b);
        State state = a;
        for (const Step& step : plan.steps) {
            State next = state;
            simulate(next, step);
            if (!std::holds_alternative<DelStray>(step)) {
                State back = next;
                for (const Step& undo : reverse(step)) { simulate(back, undo); }
                RC_LOG() << describe(step) << "\n";
                require_same(back, state);
            }
            state = std::move(next);
        }
    }));
}

TEST(PlanLaws, UndoingFromAnyPointGivesTheStateBefore) {
    EXPECT_TRUE(rc::check([] {
        auto [a, b] = any_pair();
        const bool disturbed = *rc::gen::arbitrary<bool>();
        if (disturbed) { disturb(a, any_tape()); }
        const Plan plan = plan_of(a, b);
        if (has_stray(plan)) { return; }
        show(plan);
        const auto done = *rc::gen::inRange<std::size_t>(0, plan.steps.size() + 1);
        State state = a;
        for (std::size_t i = 0; i < done; ++i) { simulate(state, plan.steps[i]); }
        for (std::size_t i = done; i > 0; --i) {
            for (const Step& undo : reverse(plan.steps[i - 1])) {
                const std::string why = refusal(state, undo);
                // What was broken may not be makeable again.
                if (!disturbed && !why.empty()) { RC_FAIL("refused: " + describe(undo) + ": " + why); }
                simulate(state, undo);
            }
        }
        require_same(state, a);
    }));
}

TEST(PlanLaws, AfterACrashAtAnyPointUpCompletesAndDownRemoves) {
    EXPECT_TRUE(rc::check([] {
        auto [a, b] = any_pair();
        if (*rc::gen::arbitrary<bool>()) { disturb(a, any_tape()); }
        const Plan plan = plan_of(a, b);
        const auto done = *rc::gen::inRange<std::size_t>(0, plan.steps.size() + 1);
        State crashed = a;
        for (std::size_t i = 0; i < done; ++i) { simulate(crashed, plan.steps[i]); }
        State state = crashed;
        const Plan completion = plan_of(state, b);
        show(completion);
        apply(state, completion);
        require_same(state, b);
        state = crashed;
        const Plan removal = plan_of(state, {});
        show(removal);
        apply(state, removal);
        require_same(state, {});
    }));
}

TEST(PlanLaws, ThereAreChangesExactlyWhereThereIsAPlan) {
    EXPECT_TRUE(rc::check([] {
        auto [a, b] = any_pair();
        if (*rc::gen::arbitrary<bool>()) { disturb(a, any_tape()); }
        const Plan plan = plan_of(a, b);
        show(plan);
        const auto list = changes(a, b, kLab);
        RC_ASSERT(list.empty() == plan.empty());
        for (const Change& change : list) { RC_ASSERT(!text(change).empty()); }
    }));
}

TEST(PlanLaws, StepsAreInTheOrderOfTheirPhases) {
    EXPECT_TRUE(rc::check([] {
        const auto [a, b] = any_pair();
        const Plan plan = plan_of(a, b);
        RC_ASSERT(std::is_sorted(plan.steps.begin(), plan.steps.end(),
                                 [](const Step& x, const Step& y) { return phase_of(x) < phase_of(y); }));
    }));
}

}  // namespace
}  // namespace warren::testing
