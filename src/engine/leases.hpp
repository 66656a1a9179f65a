// Waiting for the addresses that DHCP clients bring.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "state/state.hpp"

namespace warren {

// Waits until every interface that has a DHCP client, and whose network's server is the lab's own, has an
// address of it, or the time is over. Returns those that have none, as "HOST:INTERFACE". Listens to the
// kernel in each namespace. Waits no longer where a signal comes and INTERRUPTED says so.
[[nodiscard]] std::vector<std::string> wait_for_leases(const State& wanted, std::chrono::milliseconds time,
                                                       const std::function<bool()>& interrupted = {});

}  // namespace warren
