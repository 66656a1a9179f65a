// ICMP echo between namespaces: all pairs at once, from one thread of one process.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"

namespace warren {

struct PingPair {
    std::string from;  // network namespace name
    IpAddress to;
};

struct PingOptions {
    int count = 1;  // echo requests per pair
    std::chrono::milliseconds interval{100};
    std::chrono::milliseconds timeout{1000};  // for an answer after the last request
    bool until_reached = false;  // ask again every interval until there is an answer, up to `timeout` in all
};

struct PingResult {
    int sent = 0;
    int received = 0;
    std::chrono::nanoseconds min{0};
    std::chrono::nanoseconds average{0};
    std::chrono::nanoseconds max{0};
    std::chrono::nanoseconds took{0};  // from the call until this pair was done
    std::string error;                 // why a request could not be sent: "Network is unreachable"
};

// In the order of PAIRS. Fails only where sockets cannot be opened at all. Pairs go out in waves, so that the
// machine-wide neighbour table (net.ipv4.neigh.default.gc_thresh3) is not overrun.
[[nodiscard]] Result<std::vector<PingResult>> ping(const std::vector<PingPair>& pairs, const PingOptions& options);

}  // namespace warren
