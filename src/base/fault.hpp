// Crash points: named places where a test makes the program fail, wait, stop or die, to prove that nothing is left
// half-built. They are compiled in always; without the environment variables each costs a comparison.
//
//   WARREN_FAULT=POINT[#N]:ACTION[,…]   at the N-th time (1) that this process comes to POINT:
//                                       error=ERRNO  the step or write fails with that
//                                       delay=MS · kill (SIGKILL) · stop (SIGSTOP)
//   WARREN_FAULT_LOG=FILE               each point that is reached is appended to FILE: "POINT DETAIL"
//
// `warren --fault-points` prints all names. A keeper's own points have "keeper-" before their name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace warren::fault {

// Whether either variable is set.
[[nodiscard]] bool armed();

// Counts that NAME has been reached and does what is armed there: comes back with the error, later, or never.
[[nodiscard]] Result<void> point(std::string_view name, std::string_view detail = {});
// The two halves of point(), for what must first finish what it has under way: counts and logs; then acts.
[[nodiscard]] bool due(std::string_view name, std::string_view detail = {});
[[nodiscard]] Result<void> act(std::string_view name);

// From now on every point of this process has PREFIX before its name. Before any other thread starts.
void set_prefix(std::string prefix);

// The points outside the engine's steps, sorted.
[[nodiscard]] std::vector<std::string> points();

}  // namespace warren::fault
