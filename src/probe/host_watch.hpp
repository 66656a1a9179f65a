// The addresses of one host as the kernel has them, and news of them. Internal to probe/.
#pragma once

#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"
#include "linux/netlink.hpp"

namespace warren::probe {

struct WatchedAddress {
    std::string interface;
    MacAddress mac;
    Prefix value;
    bool permanent = true;  // no lifetime: not a lease
};

class HostWatch {
public:
    // In the calling thread's namespace; reads the addresses for the first time.
    [[nodiscard]] static Result<HostWatch> open();

    [[nodiscard]] const std::vector<WatchedAddress>& addresses() const { return addresses_; }
    // Readable when something has changed; then refresh().
    [[nodiscard]] int fd() const { return news_.fd(); }
    [[nodiscard]] Result<void> refresh();

private:
    HostWatch(nl::Socket news, nl::Socket asking) : news_(std::move(news)), asking_(std::move(asking)) {}
    nl::Socket news_;
    nl::Socket asking_;
    std::vector<WatchedAddress> addresses_;
};

}  // namespace warren::probe
