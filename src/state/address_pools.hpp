// Which addresses of a lab's networks are spoken for, and which are given out next. Called by expand().
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/net_types.hpp"
#include "lab/lab.hpp"

namespace warren {

// Deterministic: the same lab asked in the same order gives the same addresses.
class AddressPools {
public:
    // What the lab's file writes is spoken for: interfaces' addresses, DHCP servers' and gateways'.
    explicit AddressPools(const Lab& lab);

    void take(const Network& network, const IpAddress& address);
    // The lowest usable address of the subnet that nothing has and no DHCP range holds; it is taken. None: there is
    // no subnet, or it is full.
    [[nodiscard]] std::optional<Prefix> free_address(const Network& network);
    // The longest run of an IPv4 subnet's usable addresses that nothing has; it is not taken.
    [[nodiscard]] AddressRange free_range(const Network& network) const;

private:
    std::map<std::string, std::set<IpAddress>> used_;  // by network
    std::map<std::string, IpAddress> next_;            // by network: all below were tried
};

}  // namespace warren
