// What lies between two hosts of a lab, how fast it is, and what limits it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"
#include "state/state.hpp"

namespace warren {

// A part of the way, in its order: interface, interface, switch, interface, ...
struct PathPart {
    enum class Kind { interface, bridge, ovs, router };
    Kind kind = Kind::interface;
    std::string net_namespace;  // "" the machine's
    std::string name;
    // Of an interface, as it is now.
    std::uint32_t mtu = 0;
    std::string queue;         // its queueing discipline: "noqueue", "tbf"
    bool tx_checksum = true;   // transmit checksum offload
    bool segmentation = true;  // TCP segmentation offload
    bool gro = true;           // generic receive offload
    std::optional<Vlan> vlan;  // of a switch's port
    std::vector<Vlan> trunk;
    // Of a switch.
    std::string datapath;           // ovs: "system", "netdev"
    bool bridge_netfilter = false;  // bridge: its frames pass iptables
};

// The shortest way over links and switches; over other hosts only where there is no other. VLANs are not looked at. FROM
// and TO are namespaces. Empty: none. Pure: only names, kinds, VLANs and datapaths are filled in.
[[nodiscard]] std::vector<PathPart> find_path(const State& state, const std::string& from, const std::string& to);

// Medians.
struct Rates {
    double gigabits = 0;        // a second, one TCP stream
    double datagrams = 0;       // a second that arrived, of 64 bytes
    double datagrams_sent = 0;  // a second
    double round_trips = 0;     // a second, TCP, one byte
};

struct PathLimit {
    std::string kind;  // "userspace-datapath", "bridge-netfilter", "mtu", "offload", "queue", "processors", "none"
    std::string where;
    std::string text;
};

struct PathReport {
    std::string address;  // of TO
    std::vector<PathPart> parts;
    Rates path;
    Rates direct;  // a veth pair with the path's MTU, made for this
    std::optional<Rates>
        bridge;               // two veth pairs and a Linux bridge without br_netfilter; where the path has a switch
    double direct_large = 0;  // Gbit/s of the veth pair with MTU 9000; 0: the path has that
    int processors = 1;
    double busy = 0;  // the part of their time that all of them spent while the path was measured
    std::vector<PathLimit> limits;
};

struct PathOptions {
    std::chrono::milliseconds time{200};  // of each measurement
    int rounds = 3;                       // of all measurements, in turn
};

// Measures from FROM to ADDRESS, which is in TO (namespaces). Sends traffic between these two, and in throw-away
// namespaces for comparison. Takes rounds × 9 × time and a little more.
[[nodiscard]] Result<PathReport> examine_path(const State& observed, const std::string& from, const std::string& to,
                                              const IpAddress& address, const PathOptions& options);

// What limits it, the most important first; never empty. Pure.
[[nodiscard]] std::vector<PathLimit> limits_of(const PathReport& report);

}  // namespace warren
