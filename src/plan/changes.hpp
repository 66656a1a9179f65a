// Changes: what a plan means to a person, attribute by attribute, in the names of hosts and switches.
//
// The one list behind `plan`, behind `show`'s drift and behind the summary of `up`.
#pragma once

#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "state/state.hpp"

namespace warren {

struct Change {
    enum class Kind { added, removed, changed, replaced };
    Kind kind = Kind::changed;
    std::string object;     // "host blue", "switch ovs1", "red:eth0-r", "ovs1:veth-g", "network red-net"
    std::string attribute;  // "address", "vlan"; empty: the object itself
    std::string before;     // empty where there was none
    std::string after;      // empty where there will be none
    std::string note = {};  // why it is replaced; what the change does beside
    auto operator<=>(const Change&) const = default;
};

// What lies between OBSERVED and WANTED. Empty exactly when the plan of diff() is. What goes first, then what
// comes, then what changes, object by object; a host that comes or goes is one change, its interfaces in
// `after` or `before`.
[[nodiscard]] std::vector<Change> changes(const State& observed, const State& wanted, const std::string& lab);
// The same where the plan is at hand already.
[[nodiscard]] std::vector<Change> changes(const Plan& plan, const State& observed, const State& wanted);

// "+ host blue (eth0 10.0.0.3/24 on br0)", "red:eth0-r address 10.0.0.1/24 → 10.0.0.9/24",
// "s1 kind bridge → ovs (replaced: ...)".
[[nodiscard]] std::string text(const Change& change);

}  // namespace warren
