// Results of checks, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "probe/check.hpp"

namespace warren {

// "PASS  reach red → green  10.0.0.2 answered in 0.3 ms", one line each, then the count.
[[nodiscard]] std::string verdicts_text(const std::vector<Verdict>& verdicts, bool colour);
[[nodiscard]] std::string verdicts_json(const std::string& lab, const std::vector<Verdict>& verdicts);
// JUnit XML, one test case for each expectation.
[[nodiscard]] std::string verdicts_junit(const std::string& lab, const std::vector<Verdict>& verdicts);

}  // namespace warren
