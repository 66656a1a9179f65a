// Our own sender and receiver: traffic from one network namespace to another, and how much of it arrived.
//
// Works on descriptors of namespaces, named or not. Blocks for as long as is asked; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/error.hpp"
#include "base/net_types.hpp"

namespace warren::probe {

enum class Traffic {
    stream,       // TCP, as fast as it goes
    datagrams,    // UDP of one size, in batches
    round_trips,  // TCP, one byte there and back, one at a time
};

struct Flow {
    Traffic traffic = Traffic::stream;
    int from = -1;         // the network namespace of who connects, an nsfs descriptor
    int to = -1;           // that of who listens
    IpAddress address;     // of TO
    int scope = 0;         // FROM's interface index, where ADDRESS is link-local
    bool reverse = false;  // TO sends, FROM receives; FROM connects all the same. Not for datagrams
    int parallel = 1;      // so many connections at once
    std::chrono::milliseconds time{1000};
    std::uint64_t bytes = 0;    // of a stream, each connection: ends when they have come; 0: TIME alone ends it
    std::size_t datagram = 64;  // bytes, with the UDP and IP headers
    std::chrono::milliseconds connect{5000};  // how long the first packet may take there and back
};

struct Throughput {
    double seconds = 0;          // from the first that arrived
    double sending_seconds = 0;  // of datagrams
    std::uint64_t bytes = 0;     // payload that arrived
    std::uint64_t sent = 0;      // datagrams
    std::uint64_t received = 0;  // datagrams, or round trips
    std::uint64_t arrived = 0;   // datagrams, with those that were under way when the time was over

    [[nodiscard]] double gigabits() const { return seconds > 0 ? static_cast<double>(bytes) * 8e-9 / seconds : 0; }
    [[nodiscard]] double rate() const { return seconds > 0 ? static_cast<double>(received) / seconds : 0; }
    // Of datagrams, 0 to 1.
    [[nodiscard]] double loss() const {
        return sent > arrived ? static_cast<double>(sent - arrived) / static_cast<double>(sent) : 0;
    }
    [[nodiscard]] double sent_rate() const {
        return sending_seconds > 0 ? static_cast<double>(sent) / sending_seconds : 0;
    }
};

// The ports are free ones of the kernel's choice, so that no service is in the way. Nothing of it lingers: connections
// are reset in the end. Fails where nothing gets through, saying what.
[[nodiscard]] Result<Throughput> measure(const Flow& flow);

}  // namespace warren::probe
