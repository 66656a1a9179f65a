// What DHCP clients hold and what their servers know: waiting for leases, and finding those that are in doubt.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "plan/changes.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

// A client has the address, and its server's lease file has no lease of it (it was damaged, or belongs to another
// time): the server may give the address to another host.
struct UnknownLease {
    std::string host;
    std::string device;
    std::string network;
    Prefix address;
    [[nodiscard]] Change change() const;  // as `up` repairs it
};
// Of clients that run, in networks whose server is the lab's own.
[[nodiscard]] std::vector<UnknownLease> unknown_leases(const State& observed, const State& wanted, const Site& site,
                                                       const std::string& lab);

// Waits until every interface that has a DHCP client, and whose network's server is the lab's own, has an
// address of it that this server knows, or the time is over. A client whose lease its server does not know is started
// again, which takes no address away, and so asks again. Returns those that have none, as "HOST:INTERFACE". Listens
// to the kernel in each namespace. Waits no longer where a signal comes and INTERRUPTED says so.
[[nodiscard]] std::vector<std::string> wait_for_leases(const State& wanted, const Site& site,
                                                       const std::string& lab, std::chrono::milliseconds time,
                                                       const std::function<bool()>& interrupted = {});

}  // namespace warren
