// What a plan would change, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "plan/changes.hpp"

namespace warren {

// "3 changes in 5 steps: 2 added, 1 changed"; "1 change in 1 step"; "nothing to do" where there are none.
[[nodiscard]] std::string changes_summary(const std::vector<Change>& changes, std::size_t steps);
// One line each, then the summary. With COLOUR: additions green, removals red, changes yellow, replacements purple.
[[nodiscard]] std::string changes_text(const std::vector<Change>& changes, std::size_t steps, bool colour);
// {"lab", "steps", "changes": [{"kind", "object", "attribute", "before", "after", "note" where there is one}]}
[[nodiscard]] std::string changes_json(const std::string& lab, const std::vector<Change>& changes,
                                       std::size_t steps);

}  // namespace warren
