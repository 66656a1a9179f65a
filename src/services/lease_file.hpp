// dnsmasq's lease file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/net_types.hpp"

namespace warren {

struct Lease {
    std::int64_t expiry = 0;  // seconds since 1970; 0 never
    MacAddress mac;
    IpAddress address;
    std::string host;  // as the client called itself; "" where it did not
    bool operator==(const Lease&) const = default;
};

// Lines "EXPIRY MAC ADDRESS NAME CLIENT-ID"; lines that are not so (a torn one, DHCPv6's) are left out.
[[nodiscard]] std::vector<Lease> parse_leases(std::string_view text);

}  // namespace warren
