// apply: carries out a Plan on this machine, or puts back what was there before.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/record.hpp"
#include "engine/sockets.hpp"
#include "plan/plan.hpp"
#include "state/expand.hpp"

namespace warren {

struct ApplyOptions {
    std::string lab;
    Site site;
    bool roll_back = true;  // undo what was done when a step fails; `down` goes on as far as it can instead
    // Called after each group of steps with how many of all are done. May be empty.
    std::function<void(std::size_t done, std::size_t all)> progress;
    // Asked before each group of steps; true ends it there, with the error code EINTR, and what was done is undone.
    // May be empty. Not asked while undoing, nor without roll_back.
    std::function<bool()> interrupted = {};
    // Called before each group, STEPS[BEGIN..END); false ends it there as `interrupted` does. May be empty. Not called
    // while undoing, nor without roll_back.
    std::function<bool(const std::vector<Step>& steps, std::size_t begin, std::size_t end)> before = {};
};

struct Applied {
    std::size_t steps = 0;
    // What the sysctls that were set held before, by namespace.
    std::map<std::string, std::map<std::string, std::string>> sysctls_before;
};

// Steps of one phase go out together: netlink requests in batches, one Open vSwitch transaction, processes
// started in parallel. Fails with the first step that failed; then (with roll_back) the steps done before are
// undone in reverse order, and an error of that is added to the text. Without roll_back all other steps
// are still tried.
struct ApplyFailure {
    Error error;
    bool undone = false;  // the machine is as it was before
};
[[nodiscard]] tl::expected<Applied, ApplyFailure> apply(const Plan& plan, const ApplyOptions& options,
                                                        Sockets& sockets);

// The names of all crash points (base/fault.hpp), sorted.
[[nodiscard]] std::vector<std::string> fault_points();

}  // namespace warren
