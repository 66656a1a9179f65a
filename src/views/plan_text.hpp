// What a plan would change, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "plan/changes.hpp"

namespace warren {

// "2 added, 1 changed"; "no changes" where there are none.
[[nodiscard]] std::string changes_summary(const std::vector<Change>& changes);
// One line each, then the summary. With COLOUR: additions green, removals red, changes yellow.
[[nodiscard]] std::string changes_text(const std::vector<Change>& changes, bool colour);
// {"lab", "steps", "changes": [{"kind", "object", "attribute", "before", "after"}]}
[[nodiscard]] std::string changes_json(const std::string& lab, const std::vector<Change>& changes,
                                       std::size_t steps);

}  // namespace warren
