// What a DHCP client told its script, as a value. Pure: from environment to event.
//
// The values come from the network: each is parsed to its type, and one that does not parse is left out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/net_types.hpp"

namespace warren {

struct LeaseRoute {
    Prefix destination;
    std::optional<IpAddress> via;  // empty: on-link
    auto operator<=>(const LeaseRoute&) const = default;
};

struct LeaseEvent {
    enum class Kind {
        nothing,  // of no concern
        prepare,  // the client is about to ask: the link must be up
        bound,    // a lease is there, new or renewed
        lost,     // it is there no more
        refused,  // the client asks whether an old lease that no server confirms will do: no
    };
    Kind kind = Kind::nothing;
    std::string interface;
    bool needs_link = false;  // with `lost`: the client goes on asking (udhcpc's "deconfig", said at its start too)
    // Of a lease that is there:
    Prefix address;
    std::uint32_t lifetime = 0;  // seconds, never 0, never for ever
    std::vector<LeaseRoute> routes;
    std::optional<std::uint32_t> mtu;
    std::vector<IpAddress> dns;
    std::vector<std::string> search;  // domains, the first is the host's own
    std::string fault;                // why a lease cannot be used; empty where it can
    bool operator==(const LeaseEvent&) const = default;
};

// The value of an environment variable; "" where there is none.
using Environment = std::function<std::string(const std::string& name)>;

// dhclient-script(8): everything is in the environment, `reason` first.
[[nodiscard]] LeaseEvent dhclient_event(const Environment& environment);
// udhcpc: WHAT is its script's argument, "bound", "renew", "deconfig", ...
[[nodiscard]] LeaseEvent udhcpc_event(const std::string& what, const Environment& environment);

// The text of the resolv.conf of a host with this event's lease, or without one. WHERE: "LAB/HOST".
[[nodiscard]] std::string resolv_conf(const LeaseEvent& event, const std::string& where);

}  // namespace warren
