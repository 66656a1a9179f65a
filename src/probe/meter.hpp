// What passes over a lab's links: their interfaces' counters, read again and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/sockets.hpp"
#include "linux/counters.hpp"
#include "state/state.hpp"

namespace warren::probe {

struct WireEnd {
    std::string owner;  // the host or the switch
    bool is_switch = false;
    std::string interface;
    std::string net_namespace;
    int index = 0;  // ifindex; 0: not there, or not one of the kernel's (the switch's end of an internal port)
    bool operator==(const WireEnd&) const = default;
};

// A link between two ends. Of a host and a switch the host is the first.
struct Wire {
    WireEnd a;
    WireEnd b;
    bool operator==(const Wire&) const = default;
};

// Those that WANTED asks for and that are there, in the order of their first ends' names: veth pairs and internal
// ports. (Patch ports are counted by Open vSwitch alone.)
[[nodiscard]] std::vector<Wire> wires_of(const State& wanted, const State& observed);

// One namespace's counters at one time.
struct NamespaceReading {
    std::chrono::steady_clock::time_point at;
    std::uint64_t inode = 0;  // of the namespace
    std::map<int, Counters> counters;
};
using Reading = std::map<std::string, NamespaceReading>;  // by namespace

// As the first end sees it: rx is what comes to it. Per second, but for drops and errors, which are those of the time
// between the two readings, of both ends.
struct WireRates {
    Wire wire;
    double rx_bits = 0;
    double tx_bits = 0;
    double rx_packets = 0;
    double tx_packets = 0;
    std::uint64_t drops = 0;
    std::uint64_t errors = 0;
    std::optional<Counters> a;  // now; none where the end has none
    std::optional<Counters> b;
};

// Of the wires that both readings know. A counter that went back has begun anew at 0, unless it was about to overflow.
[[nodiscard]] std::vector<WireRates> rates(const std::vector<Wire>& wires, const Reading& before,
                                           const Reading& after);
// What a counter went on by.
[[nodiscard]] std::uint64_t counted(std::uint64_t before, std::uint64_t after);

// Keeps a socket in each namespace, which keeps the namespace too: forgotten by the next follow() that is not told of
// it. Not for several threads.
class Meter {
public:
    // The namespaces of WIRES are those to read from now on.
    [[nodiscard]] Result<void> follow(const std::vector<Wire>& wires, const State& observed);
    [[nodiscard]] Result<Reading> read();

private:
    Sockets sockets_;
    std::map<std::string, std::uint64_t> followed_;  // namespace, its inode
};

}  // namespace warren::probe
