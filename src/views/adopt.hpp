// From a machine as it was found back to a lab: the way of `expand` and `up`, backwards. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/survey.hpp"
#include "lab/lab.hpp"

namespace warren {

struct AdoptOptions {
    std::string name = "adopted";      // the lab's
    std::set<std::string> namespaces;  // only these, and the switches that they are joined by; empty: all
};

struct Adopted {
    Lab lab;
    std::vector<std::string> remarks;   // what a lab cannot say, and what was left out
    std::vector<std::string> mistakes;  // of the lab, by check_lab(); none where it can be put up as it is
    std::set<std::string> other_labs;   // whose things were left out
};

// The lab that describes what was found in the namespaces and on the switches of the machine's own. Things that bear a
// lab's mark are left out unless their namespace is named. A namespace that is named and is not there is wrong use.
[[nodiscard]] Result<Adopted> adopt(const Survey& survey, const AdoptOptions& options);

// The lab file: the remarks as comments before it.
[[nodiscard]] std::string adopted_text(const Adopted& adopted);

}  // namespace warren
