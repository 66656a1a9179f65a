// Checks of networks: subnets, DHCP servers, and whether their addresses suffice. Called by check_lab().
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "lab/check_context.hpp"
#include "lab/names.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

bool in_range(const AddressRange& range, const IpAddress& address) {
    return range.first.is_v4() == address.is_v4() && range.first <= address && address <= range.last;
}

std::string range_text(const AddressRange& range) {
    return fmt::format("{}-{}", range.first.to_string(), range.last.to_string());
}

std::uint64_t v4_value(const IpAddress& address) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) { value = value << 8U | address.bytes()[i]; }
    return value;
}

// What the hosts make of a network.
struct Use {
    std::set<IpAddress> written;    // addresses
    std::set<std::string> leasing;  // hosts that ask for a lease
    std::uint64_t leases = 0;       // interfaces that ask for one
    std::uint64_t filled = 0;       // interfaces that get an address by rule
};

class NetworkCheck {
public:
    explicit NetworkCheck(CheckContext& context) : context_(context) {
        for (const auto& host : context.lab.hosts) {
            for (const auto& interface : host.interfaces) {
                const Network* network = interface.network ? context.find_network(*interface.network) : nullptr;
                if (network == nullptr) { continue; }
                Use& use = uses_[network];
                for (const auto& address : interface.addresses) { use.written.insert(address.address); }
                if (takes_lease(interface, network)) {
                    ++use.leases;
                    use.leasing.insert(host.name);
                } else if (interface.addresses.empty()) {
                    ++use.filled;
                }
            }
        }
    }

    void check() {
        std::unordered_map<std::string, const Network*> server_hosts;
        for (const auto& network : context_.lab.networks) {
            check_network(network);
            if (!network.dhcp) { continue; }
            check_server_names(network, server_hosts);
            check_dhcp(network, *network.dhcp);
        }
    }

private:
    void mistake(Position at, const std::string& message, const std::string& hint = {}) {
        context_.mistake(at, message, hint);
    }

    void check_network(const Network& network) {
        context_.check_node_name(network.name, "network", network.at);
        const Position switch_at = network.places.value("switch", network.at);
        if (context_.find_switch(network.switch_name) == nullptr &&
            !(network.switch_name.empty() && network.at.line != 0)) {
            const bool host = context_.find_host(network.switch_name) != nullptr;
            mistake(switch_at,
                    host ? fmt::format("{} is a host, not a switch", quoted_for_message(network.switch_name))
                         : fmt::format("unknown switch {}", quoted_for_message(network.switch_name)),
                    host ? "" : context_.near_switch(network.switch_name));
        }
        context_.check_vlan(network.vlan, network.places.value("vlan", network.at));
        if (!network.subnet) { return; }
        const Prefix& subnet = *network.subnet;
        const Position at = network.places.value("subnet", network.at);
        if (subnet.has_host_bits()) {
            mistake(at, fmt::format("subnet {} has host bits set", subnet.to_string()),
                    fmt::format("the subnet is {}", subnet.network().to_string()));
        } else if (subnet.address.is_multicast() || subnet.address.is_loopback() || subnet.length == 0) {
            mistake(at, fmt::format("{} cannot be a subnet", subnet.to_string()), "as in 10.0.0.0/24 or fd00::/64");
        } else if (!network.dhcp) {
            check_room(network, at);
        }
    }

    // Whether the addresses that expand() gives out by rule suffice.
    void check_room(const Network& network, Position at) {
        const Prefix& subnet = *network.subnet;
        const auto use = uses_.find(&network);
        const unsigned bits = static_cast<unsigned>(subnet.address.bits()) - subnet.length;
        if (use == uses_.end() || use->second.filled == 0 || bits > 32) { return; }
        const std::uint64_t all = std::uint64_t{1} << bits;
        const std::uint64_t usable = bits < 2 ? all : all - (subnet.address.is_v4() ? 2 : 1);
        const std::uint64_t wanted = use->second.written.size() + use->second.filled;
        if (wanted > usable) {
            mistake(at,
                    fmt::format("subnet {} has {} addresses for {} interfaces", subnet.to_string(), usable, wanted),
                    "a shorter prefix holds more");
        }
    }

    void check_server_names(const Network& network, std::unordered_map<std::string, const Network*>& server_hosts) {
        const Dhcp& dhcp = *network.dhcp;
        const std::string host = dhcp_host_name(network);
        const Position at = dhcp.places.value("host", dhcp.at);
        context_.check_node_name(host, "host", at);
        if (const Host* other = context_.find_host(host)) {
            mistake(at, fmt::format("the DHCP server's host {} is one of 'hosts' too", quoted_for_message(host)),
                    other->at.line == 0
                        ? ""
                        : fmt::format("give it a name of its own; the host is in line {}", other->at.line));
        } else if (context_.find_switch(host) != nullptr) {
            mistake(at,
                    fmt::format("the DHCP server's host {} has the name of a switch", quoted_for_message(host)));
        }
        const auto [found, added] = server_hosts.try_emplace(host, &network);
        if (!added) {
            mistake(at, fmt::format("host {} is the DHCP server of two networks", quoted_for_message(host)),
                    fmt::format("the first is '{}'; each has a namespace of its own", found->second->name));
        }
    }

    void check_dhcp(const Network& network, const Dhcp& dhcp) {
        check_options(dhcp);
        if (!network.subnet) {
            if (!network.places.has("subnet")) {
                mistake(dhcp.at,
                        fmt::format("network {} has a DHCP server and no subnet", quoted_for_message(network.name)),
                        "as in 'subnet: 10.0.0.0/24'");
            }
            return;
        }
        const Prefix& subnet = *network.subnet;
        if (!subnet.address.is_v4()) {
            mistake(dhcp.at, "a DHCP server on an IPv6 subnet is not built in this version yet",
                    "use an IPv4 subnet; interfaces may have IPv6 addresses beside it");
            return;
        }
        if (subnet.length > 30) {
            mistake(dhcp.at, fmt::format("subnet {} has no room for a DHCP server", subnet.to_string()),
                    "at most /30");
            return;
        }
        if (subnet.has_host_bits()) { return; }  // all that follows would be wrong by that
        check_server_address(subnet, dhcp);
        const bool range = check_range(network, subnet, dhcp);
        check_gateway(subnet, dhcp);
        check_reservations(network, subnet, dhcp);
        if (range) { check_enough(network, subnet, dhcp); }
    }

    void check_server_address(const Prefix& subnet, const Dhcp& dhcp) {
        if (!dhcp.address) { return; }
        const Position at = dhcp.places.value("address", dhcp.at);
        if (!subnet.contains(dhcp.address->address)) {
            mistake(at,
                    fmt::format("address {} is outside subnet {}", dhcp.address->to_string(), subnet.to_string()),
                    hosts_of(subnet));
        } else if (dhcp.address->length != subnet.length) {
            mistake(at,
                    fmt::format("address {} has not the prefix length of subnet {}", dhcp.address->to_string(),
                                subnet.to_string()),
                    fmt::format("{}/{}", dhcp.address->address.to_string(), subnet.length));
        } else {
            check_usable(subnet, dhcp.address->address, at);
        }
    }

    void check_usable(const Prefix& subnet, const IpAddress& address, Position at) {
        if (subnet.contains(address) && !subnet.usable(address)) {
            mistake(at,
                    fmt::format("{} is the {} address of {}", address.to_string(),
                                address == subnet.first() ? "network" : "broadcast", subnet.to_string()),
                    hosts_of(subnet));
        }
    }

    // True: the range is usable, or not written.
    bool check_range(const Network& network, const Prefix& subnet, const Dhcp& dhcp) {
        if (!dhcp.range) { return !dhcp.places.has("range"); }
        const AddressRange& range = *dhcp.range;
        const Position at = dhcp.places.value("range", dhcp.at);
        if (!subnet.contains(range.first) || !subnet.contains(range.last)) {
            mistake(at,
                    fmt::format("range {} is outside subnet {} of network {}", range_text(range),
                                subnet.to_string(), quoted_for_message(network.name)),
                    hosts_of(subnet));
            return false;
        }
        if (range.last < range.first) {
            mistake(at, fmt::format("range {} is reversed", range_text(range)),
                    fmt::format("{}-{}", range.last.to_string(), range.first.to_string()));
            return false;
        }
        check_usable(subnet, range.first, at);
        if (range.first != range.last) { check_usable(subnet, range.last, at); }
        if (dhcp.address && in_range(range, dhcp.address->address)) {
            mistake(dhcp.places.value("address", dhcp.at),
                    fmt::format("the server's address {} is inside the range {}", dhcp.address->address.to_string(),
                                range_text(range)),
                    "choose one outside of it");
        }
        if (dhcp.gateway && in_range(range, *dhcp.gateway)) {
            mistake(dhcp.places.value("gateway", dhcp.at),
                    fmt::format("gateway {} is inside the range {}", dhcp.gateway->to_string(), range_text(range)),
                    "choose one outside of it");
        }
        return true;
    }

    void check_gateway(const Prefix& subnet, const Dhcp& dhcp) {
        if (dhcp.gateway) {
            const Position at = dhcp.places.value("gateway", dhcp.at);
            if (!subnet.contains(*dhcp.gateway)) {
                mistake(
                    at,
                    fmt::format("gateway {} is outside subnet {}", dhcp.gateway->to_string(), subnet.to_string()),
                    hosts_of(subnet));
            }
            check_usable(subnet, *dhcp.gateway, at);
        }
    }

    void check_options(const Dhcp& dhcp) {
        for (std::size_t i = 0; i < dhcp.dns.size(); ++i) {
            if (!dhcp.dns[i].is_v4()) {
                mistake(dhcp.places.value(fmt::format("dns/{}", i), dhcp.at),
                        fmt::format("dns: {} is not an IPv4 address", dhcp.dns[i].to_string()),
                        "option 6 holds IPv4 alone");
            }
        }
        if (dhcp.lease_time) {
            const auto seconds = dhcp.lease_time->count();
            if (seconds < 120 || seconds >= 0xffffffffLL) {
                mistake(dhcp.places.value("lease-time", dhcp.at), "lease-time is outside 2 minutes to 136 years",
                        "dnsmasq makes anything shorter 2m");
            }
        }
        for (const auto& [code, value] : dhcp.options) {
            const std::string part = fmt::format("options/{}", code);
            const char* instead = code == 3 ? "gateway" : code == 6 ? "dns" : code == 51 ? "lease-time" : nullptr;
            if (instead != nullptr) {
                mistake(dhcp.places.key(part, dhcp.at), fmt::format("option {} has a key of its own", code),
                        fmt::format("use '{}:'", instead));
            } else if (code == 1 || code == 50 || (code >= 52 && code <= 55) || code == 57 || code == 61 ||
                       code == 0 || code == 255) {
                mistake(dhcp.places.key(part, dhcp.at), fmt::format("option {} is the protocol's own", code),
                        "take it out");
            }
            // dnsmasq reads one option a line.
            if (std::any_of(value.begin(), value.end(), [](char c) { return c >= 0 && c < ' '; })) {
                mistake(dhcp.places.value(part, dhcp.at),
                        fmt::format("the value of option {} is not one line", code));
            }
        }
    }

    void check_reservations(const Network& network, const Prefix& subnet, const Dhcp& dhcp) {
        std::map<IpAddress, std::string> given;
        const auto use = uses_.find(&network);
        for (const auto& [host, address] : dhcp.reservations) {
            const Position key = dhcp.places.key("reservations/" + host, dhcp.at);
            const Position at = dhcp.places.value("reservations/" + host, dhcp.at);
            if (context_.find_host(host) == nullptr) {
                mistake(key, fmt::format("reservation for unknown host {}", quoted_for_message(host)),
                        context_.near_host(host, false));
            } else if (use == uses_.end() || !use->second.leasing.contains(host)) {
                mistake(
                    key,
                    fmt::format("reservation for host {}, which has no interface that asks network {} for a lease",
                                quoted_for_message(host), quoted_for_message(network.name)),
                    fmt::format("give it one with {{network: {}, address: dhcp}}", network.name));
            }
            if (!subnet.contains(address)) {
                mistake(at,
                        fmt::format("reservation {} is outside subnet {}", address.to_string(), subnet.to_string()),
                        hosts_of(subnet));
            }
            check_usable(subnet, address, at);
            const auto [found, added] = given.try_emplace(address, host);
            if (!added) {
                mistake(at, fmt::format("reservation {} is given to two hosts", address.to_string()),
                        fmt::format("the other is '{}'", found->second));
            }
            const bool server = dhcp.address && dhcp.address->address == address;
            if (server || dhcp.gateway == address) {
                mistake(at, fmt::format("reservation {} is the {} address", address.to_string(),
                                        server ? "server's own" : "gateway's"));
            }
            if (use != uses_.end() && use->second.written.contains(address)) {
                mistake(at, fmt::format("reservation {} is an interface's own address", address.to_string()));
            }
        }
    }

    // Whether there is an address for the server and one for each client.
    void check_enough(const Network& network, const Prefix& subnet, const Dhcp& dhcp) {
        const auto found = uses_.find(&network);
        const Use none;
        const Use& use = found == uses_.end() ? none : found->second;
        std::set<IpAddress> taken = use.written;
        if (dhcp.address) { taken.insert(dhcp.address->address); }
        if (dhcp.gateway) { taken.insert(*dhcp.gateway); }
        for (auto at = taken.begin(); at != taken.end();) {
            at = subnet.contains(*at) ? std::next(at) : taken.erase(at);
        }
        const std::uint64_t usable = (std::uint64_t{1} << (32U - subnet.length)) - 2;
        std::uint64_t in = usable - std::min<std::uint64_t>(usable, taken.size() + (dhcp.address ? 0 : 1));
        if (dhcp.range) {
            in = v4_value(dhcp.range->last) - v4_value(dhcp.range->first) + 1;
            const auto outside =
                static_cast<std::uint64_t>(std::count_if(taken.begin(), taken.end(), [&](const IpAddress& address) {
                    return !in_range(*dhcp.range, address);
                }));
            if (!dhcp.address && in + outside >= usable) {
                mistake(dhcp.at,
                        fmt::format("no address of subnet {} is left for the DHCP server", subnet.to_string()),
                        "make the range smaller, or give the server an 'address:' outside of it");
            }
        }
        const auto fixed = static_cast<std::uint64_t>(
            std::count_if(dhcp.reservations.begin(), dhcp.reservations.end(), [&](const auto& reservation) {
                return dhcp.range && !in_range(*dhcp.range, reservation.second) &&
                       use.leasing.contains(reservation.first);
            }));
        if (use.leases > in + fixed) {
            mistake(
                dhcp.places.value("range", dhcp.at),
                fmt::format("{} interfaces ask for a lease, there are addresses for {}", use.leases, in + fixed),
                "make the range larger");
        } else if (in == 0) {
            mistake(dhcp.at, fmt::format("no address of subnet {} is left to lease", subnet.to_string()));
        }
    }

    CheckContext& context_;
    std::unordered_map<const Network*, Use> uses_;
};

}  // namespace

void check_networks(CheckContext& context) { NetworkCheck(context).check(); }

}  // namespace warren
