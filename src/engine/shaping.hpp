// Shaping as queueing disciplines of the kernel: the requests that make one out of another, and what is there.
// Called by apply and observe.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "linux/qdisc.hpp"
#include "plan/plan.hpp"

namespace warren {

// The requests of STEP for the link of INDEX, to be sent in this order, each with the errno values that mean: was so
// already. One that makes the first discipline is refused (EEXIST) where somebody else's is there.
[[nodiscard]] std::vector<std::pair<nl::Message, std::vector<int>>> shaping_requests(const SetShaping& step,
                                                                                     int index);

// What Warren's disciplines do to each link of the socket's namespace, by ifindex.
[[nodiscard]] Result<std::map<int, Shaping>> read_shaping(nl::Socket& socket);
// Whether a link may have some: KIND is its root discipline's, as the link itself tells.
[[nodiscard]] bool may_be_shaped(const std::string& kind);

// What the kernel has, found by trying in a throw-away namespace.
[[nodiscard]] Result<QdiscSupport> qdisc_support();

}  // namespace warren
