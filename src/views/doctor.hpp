// What the doctor found, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "probe/doctor.hpp"

namespace warren {

// A block for each group, its columns aligned, no line over 80 columns where its words allow that.
[[nodiscard]] std::string doctor_text(const std::vector<Finding>& findings, bool colour);
[[nodiscard]] std::string doctor_json(const std::vector<Finding>& findings);

}  // namespace warren
