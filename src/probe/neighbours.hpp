// The neighbour entries that a probe makes in one namespace, and their removal. Internal to probe/.
//
// The kernel counts the entries of all namespaces together and drops packets in silence when
// net.ipv4.neigh.default.gc_thresh3 of them are there; those of the last five seconds are never reclaimed.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"
#include "linux/netlink.hpp"

namespace warren::probe {

class Neighbours {
public:
    // Of the calling thread's namespace, as they are now.
    [[nodiscard]] static Result<Neighbours> open();
    // The namespace's own addresses.
    [[nodiscard]] const std::vector<IpAddress>& own() const { return own_; }
    // Removes the entries for addresses in MADE, but not in KEEP, that were not there at open(). Permanent ones stay.
    [[nodiscard]] Result<void> clean(const std::set<IpAddress>& made, const std::set<IpAddress>& keep = {});

private:
    using Key = std::pair<int, IpAddress>;  // ifindex, address
    explicit Neighbours(nl::Socket socket) : socket_(std::move(socket)) {}
    [[nodiscard]] Result<std::vector<Key>> list();

    nl::Socket socket_;
    std::set<Key> before_;
    std::vector<IpAddress> own_;
};

// How many entries probes may have in the kernel's table at a time.
[[nodiscard]] std::size_t neighbour_budget();

}  // namespace warren::probe
