// ICMP echo between namespaces: all pairs at once, from one thread of one process.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"

namespace warren {

struct PingPair {
    std::string from;  // network namespace name
    IpAddress to;
    // The namespace that is meant to have TO: an answer counts only if the request was seen to arrive there, since
    // in another broadcast domain another host may rightly have the same address, FROM itself even. "": any answer.
    std::string owner = {};
};

// An answer as it came.
struct PingAnswer {
    std::size_t pair = 0;   // index in the list of pairs
    int sequence = 0;       // from 1 on
    std::size_t bytes = 0;  // of ICMP: the payload and 8
    int ttl = -1;           // -1: not known
    std::chrono::nanoseconds time{0};
    bool duplicate = false;
};

struct PingOptions {
    int count = 1;  // echo requests per pair; 0: until `stop` is readable
    std::chrono::milliseconds interval{100};
    std::chrono::milliseconds timeout{1000};  // for an answer after the last request
    // Ask again every interval until there are `count` answers, up to `timeout` in all from a pair's first request.
    bool until_reached = false;
    std::size_t payload = 56;  // bytes, as of ping(8) -s; less than kLeastPayload is that
    int stop = -1;             // a descriptor; once it is readable nothing more is sent or waited for
    std::function<void(const PingAnswer&)> answered = {};  // told of each answer; may be empty

    static constexpr std::size_t kLeastPayload = 24;
    static constexpr std::size_t kMostPayload = 65507;
};

struct PingResult {
    int sent = 0;
    int received = 0;
    std::chrono::nanoseconds min{0};
    std::chrono::nanoseconds average{0};
    std::chrono::nanoseconds max{0};
    std::chrono::nanoseconds deviation{0};  // the standard deviation, which ping(8) calls mdev
    std::chrono::nanoseconds took{0};       // from the call until this pair was done
    // Why a request could not be sent: "Network is unreachable"; or whose the answers were, if not the owner's.
    std::string error;
};

// In the order of PAIRS. Fails only where sockets cannot be opened at all. Pairs go out in waves, so that the
// machine-wide neighbour table (net.ipv4.neigh.default.gc_thresh3) is not overrun.
[[nodiscard]] Result<std::vector<PingResult>> ping(const std::vector<PingPair>& pairs, const PingOptions& options);

}  // namespace warren
