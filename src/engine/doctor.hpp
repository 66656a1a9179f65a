// What this machine can and cannot do for a lab, found by trying.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace warren {

struct Finding {
    std::string name;           // "Open vSwitch kernel datapath"
    std::optional<bool> works;  // empty: could not be told
    std::string detail;         // what was seen
    std::string blocks;         // what does not work without it; empty where it works
    std::string cure;           // the package or kernel option that helps
};

// Makes what it tries in throw-away network namespaces that nothing else can see. Well under two seconds.
[[nodiscard]] std::vector<Finding> examine_machine();

}  // namespace warren
