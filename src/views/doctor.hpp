// What the doctor found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "probe/doctor.hpp"

namespace warren {

// A block for each group, its columns aligned, no line over 80 columns where its words allow that.
[[nodiscard]] std::string doctor_text(const std::vector<Finding>& findings, bool colour);
// TEXT behind FIRST, which is INDENT columns wide, broken at blanks; further lines are indented so far.
[[nodiscard]] std::string paragraph(const std::string& first, std::size_t indent, const std::string& text);
[[nodiscard]] std::string doctor_json(const std::vector<Finding>& findings);

}  // namespace warren
