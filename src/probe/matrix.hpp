// Pings between hosts of a lab that is up: all pairs of them at once, or some.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "probe/check.hpp"
#include "probe/ping.hpp"
#include "state/state.hpp"

namespace warren {

// FROM is a host's name; TO is one too, or an address.
using HostPair = std::pair<std::string, std::string>;

// One ordered pair and what came of it.
struct PairResult {
    std::string from;
    std::string to;
    std::string address;  // of TO; "" where it has none of the family, or is not there (`result.error` says so)
    PingResult result;
};

// Every ordered pair of HOSTS: the first to each other one in their order, the second to each other one, ...
[[nodiscard]] std::vector<HostPair> all_pairs(const std::vector<std::string>& hosts);

// Pings all PAIRS at once, in the order of which the results are. OBSERVED (Engine::status(), view_of()) is the lab as
// it is now: from it come the namespaces, and the addresses by the rule of reachable_address(). Of FAMILY alone, unless
// any. An answer counts only if TO itself was seen to be asked, and not another host with the same address.
// Fails only where sockets cannot be opened at all. OPTIONS.answered is told of pairs by their index in PAIRS.
[[nodiscard]] Result<std::vector<PairResult>> ping_hosts(const State& observed, const std::vector<HostPair>& pairs,
                                                         const PingOptions& options, Family family = Family::any);

}  // namespace warren
