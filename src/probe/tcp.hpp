// TCP from one namespace to an address of another, with data sent through.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/net_types.hpp"
#include "probe/namespaces.hpp"

namespace warren::probe {

struct TcpTarget {
    std::string from;               // network namespace
    std::optional<std::string> to;  // the one that has the address, where the probe may listen itself
    IpAddress address;
    std::uint16_t port = 0;
};

struct TcpResult {
    bool reached = false;
    bool own_listener = false;         // nothing listened there: ours did, and data went through
    std::chrono::nanoseconds time{0};  // that the connection took
    std::string error;                 // why not: "Connection refused"
};

// Connects, again and again until it works or DEADLINE. Where nothing listens on the port in `to`, listens there
// itself meanwhile, and then sends 64 KiB through: a wrong checksum shows in data, not in ping. Blocks; any thread.
[[nodiscard]] TcpResult tcp_reach(const TcpTarget& target, Clock::time_point deadline);

}  // namespace warren::probe
