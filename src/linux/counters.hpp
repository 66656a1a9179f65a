// What interfaces have counted: one dump for all of a network namespace.
#pragma once

#include <cstdint>
#include <map>

#include "base/error.hpp"
#include "linux/netlink.hpp"

namespace warren {

// Since the interface was made; 64 bits each.
struct Counters {
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t rx_packets = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t dropped = 0;        // by the device, either way
    std::uint64_t queue_dropped = 0;  // by its queueing disciplines, since these were made
    std::uint64_t errors = 0;         // either way
    bool operator==(const Counters&) const = default;
};

// Of all interfaces in the socket's namespace, by ifindex: RTM_GETSTATS (Linux 4.7), and RTM_GETQDISC where the kernel
// has queueing disciplines.
[[nodiscard]] Result<std::map<int, Counters>> dump_counters(nl::Socket& socket);

}  // namespace warren
