// Proof that nothing of one host arrives at another. Internal to probe/.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace warren::probe {

struct IsolatePair {
    std::string from_host;
    std::string from;  // network namespace
    std::string to_host;
    std::string to;  // network namespace
};

struct IsolateResult {
    bool isolated = false;
    std::string detail;  // "a broadcast of red:eth0-r arrived at green:eth0-g"; why it could not be tried
};

// For WINDOW, every 100 ms: from each interface of FROM that is up an Ethernet broadcast, and ICMP echo to each
// address of TO; all that arrives at TO is looked through for it. Whether somebody else answers does not count:
// another host may rightly have TO's address. In the order of PAIRS, all at once (in lots, where they are many).
[[nodiscard]] std::vector<IsolateResult> isolate(const std::vector<IsolatePair>& pairs,
                                                 std::chrono::milliseconds window);

}  // namespace warren::probe
