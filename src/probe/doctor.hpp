// What this machine can and cannot do for a lab, found by trying.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "state/expand.hpp"

namespace warren {

struct Finding {
    std::string name;           // "Open vSwitch kernel datapath"
    std::optional<bool> works;  // empty: could not be told
    std::string detail;         // what was seen
    std::string blocks;         // what does not work without it; empty where it works
    std::string cure;           // the package or kernel option that helps; where it works: how to have more of it
    std::string group = {};     // "Links"; findings of a group follow each other
    bool essential = false;     // without it there is no lab at all
};

// Tries everything side by side, in network, mount and process namespaces that nothing else can see and that go with
// this call, or with the calling process where that is killed. Well under two seconds where nothing hangs. SITE tells
// where the programs are. To be called while the process has one thread.
[[nodiscard]] std::vector<Finding> examine_machine(const Site& site);

// Nothing essential is known not to work.
[[nodiscard]] bool fit(const std::vector<Finding>& findings);

}  // namespace warren
