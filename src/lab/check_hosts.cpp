// Checks of hosts: addresses, gateways, routes, neighbours, services. Called by check_lab().
#include <algorithm>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "lab/check_context.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

class HostCheck {
public:
    explicit HostCheck(CheckContext& context) : context_(context), lab_(context.lab) {}

    void check() {
        // First, so that a host that takes a server's address is the one that hears of it.
        for (const auto& network : lab_.networks) {
            if (network.dhcp && network.dhcp->address) {
                hold(context_.network_domains.at(&network), network.dhcp->address->address,
                     fmt::format("the DHCP server of network '{}'", network.name),
                     network.dhcp->places.value("address", network.dhcp->at));
            }
        }
        for (const auto& [name, network] : context_.servers) { by_folded_name_.try_emplace(folded(name), name); }
        for (const auto& host : lab_.hosts) { check_host(host); }
        check_family(lab_.defaults.host_gateways, lab_.defaults.places, {});
        context_.check_sysctls(lab_.defaults.host_sysctls, lab_.defaults.places, {});
        context_.check_mtu(lab_.defaults.interface_mtu, {});
    }

private:
    struct Holder {
        std::string what;
        Position at;
    };
    // A host's own subnets, to judge gateways by.
    class Subnets {
    public:
        std::set<IpAddress> own;
        bool open_v4 = false;  // a lease will bring one that the file does not tell

        void add(const Prefix& prefix) {
            if (networks_.insert(prefix.network()).second) { lengths_.insert(prefix.length); }
        }
        [[nodiscard]] const std::set<Prefix>& networks() const { return networks_; }
        // The smallest that ADDRESS is on; nullptr: none.
        [[nodiscard]] const Prefix* find(const IpAddress& address) const {
            for (const std::uint8_t length : lengths_) {
                if (length > address.bits()) { continue; }
                const auto found = networks_.find(Prefix{address, length}.network());
                if (found != networks_.end()) { return &*found; }
            }
            return nullptr;
        }

    private:
        std::set<Prefix> networks_;
        std::set<std::uint8_t, std::greater<>> lengths_;
    };

    void mistake(Position at, const std::string& message, const std::string& hint = {}) {
        context_.mistake(at, message, hint);
    }

    void hold(std::size_t domain, const IpAddress& address, const std::string& what, Position at) {
        const auto [found, added] = holders_.try_emplace({domain, address}, Holder{what, at});
        if (added) { return; }
        const Holder& first = found->second;
        mistake(at, fmt::format("address {} is twice in one broadcast domain", address.to_string()),
                first.at.line == 0 ? fmt::format("the first has {}", first.what)
                                   : fmt::format("the first has {}, line {}", first.what, first.at.line));
    }

    void check_host(const Host& host) {
        context_.check_node_name(host.name, "host", host.at);
        const auto [twin, added] = by_folded_name_.try_emplace(folded(host.name), host.name);
        if (!added && twin->second != host.name) {
            mistake(
                host.at,
                fmt::format("host {} differs from '{}' in case alone", quoted_for_message(host.name), twin->second),
                "names of hosts are looked up without regard to case");
        }
        if (IpAddress::parse(host.name)) {
            mistake(host.at, fmt::format("host {} has an IP address for a name", quoted_for_message(host.name)));
        }
        for (const auto& interface : host.interfaces) { check_addresses(host, interface); }
        const Subnets subnets = subnets_of(host);
        check_family(host.gateways, host.places, host.at);
        for (std::size_t i = 0; i < host.gateways.size(); ++i) {
            check_next_hop(host, subnets, host.gateways[i], "gateway",
                           host.places.value(fmt::format("gateway/{}", i), host.at));
        }
        check_routes(host, host.routes, host.places, host.at, subnets);
        for (const auto& interface : host.interfaces) {
            check_routes(host, interface.routes, interface.places, interface.at, subnets_of(interface));
        }
        check_neighbours(host, subnets);
        context_.check_sysctls(host.sysctls, host.places, host.at);
        check_services(host);
        check_attach(host);
    }

    // A namespace joins a lab once, and only its network does: its files are somebody else's.
    void check_attach(const Host& host) {
        if (!host.attach) { return; }
        const Position at = host.places.key("attach", host.at);
        const Attach& attach = *host.attach;
        const bool pid = attach.pid.has_value() || host.places.has("attach/pid");
        const bool netns = attach.netns.has_value() || host.places.has("attach/netns");
        if (pid == netns) {
            mistake(at,
                    fmt::format("attach of host {} says {}", quoted_for_message(host.name),
                                pid ? "both pid and netns" : "neither pid nor netns"),
                    "one of the two, as in {pid: 1234} or {netns: /run/netns/x}");
        }
        if (attach.netns && !attach.netns->starts_with('/')) {
            mistake(host.places.value("attach/netns", at),
                    fmt::format("netns {} is no absolute path", quoted_for_message(*attach.netns)),
                    fmt::format("as in /run/netns/{}", attach.netns->empty() ? "x" : "NAME"));
        }
        const std::string what = attach.pid ? fmt::format("process {}", *attach.pid) : attach.netns.value_or("");
        if (!what.empty()) {
            const auto [first, added] = attached_.try_emplace(what, &host);
            if (!added) {
                mistake(host.places.value(attach.pid ? "attach/pid" : "attach/netns", at),
                        fmt::format("the namespace of {} is attached twice", what),
                        fmt::format("host {} has it, line {}", quoted_for_message(first->second->name),
                                    first->second->at.line));
            }
        }
        if (!host.dns.empty()) {
            mistake(host.places.key("dns", at),
                    fmt::format("dns of host {}, which is attached", quoted_for_message(host.name)),
                    "its /etc/resolv.conf belongs to the process that was there before; say it there");
        }
    }

    static std::string folded(std::string name) {
        for (char& c : name) {
            if (c >= 'A' && c <= 'Z') { c = static_cast<char>(c + ('a' - 'A')); }
        }
        return name;
    }

    static std::string end_name(const Host& host, const Interface& interface) {
        return fmt::format("'{}'", end_text(host.name, interface.name));
    }

    void check_addresses(const Host& host, const Interface& interface) {
        const Attachment& tie = context_.attachments.at(&interface);
        for (std::size_t i = 0; i < interface.addresses.size(); ++i) {
            const Prefix& address = interface.addresses[i];
            const Position at = interface.places.value(fmt::format("address/{}", i), interface.at);
            if (!check_host_address(address, at)) { continue; }
            if (tie.network != nullptr) { check_on_network(address, *tie.network, at); }
            hold(tie.domain, address.address, end_name(host, interface), at);
        }
        if (interface.mac) {
            const auto [found, added] =
                macs_.try_emplace({tie.domain, *interface.mac}, Holder{end_name(host, interface), interface.at});
            if (!added) {
                mistake(interface.places.value("mac", interface.at),
                        fmt::format("mac {} is twice in one broadcast domain", interface.mac->to_string()),
                        fmt::format("the first has {}", found->second.what));
            }
        }
        const bool v6 = std::any_of(interface.addresses.begin(), interface.addresses.end(),
                                    [](const Prefix& address) { return !address.address.is_v4(); }) ||
                        (tie.network != nullptr && tie.network->subnet && !tie.network->subnet->address.is_v4());
        const std::uint32_t mtu = mtu_of(lab_, interface);
        if (v6 && mtu < 1280 && mtu >= 68) {
            mistake(interface.places.value("mtu", interface.at), fmt::format("mtu {} is too small for IPv6", mtu),
                    "at least 1280");
        }
    }

    bool check_host_address(const Prefix& prefix, Position at) {
        const IpAddress& address = prefix.address;
        const char* what = nullptr;
        std::string hint;
        if (const auto inner = mapped_v4(address)) {
            mistake(at, fmt::format("{} is an IPv4 address in the form of an IPv6 one", prefix.to_string()),
                    fmt::format("as in {}/24", inner->to_string()));
            return false;
        }
        if (address.is_v4() && prefix.length == 32 && address == Prefix{address, 0}.last()) {
            what = "the broadcast address of every subnet";
        } else if (address.is_multicast()) {
            what = "a multicast address";
        } else if (address.is_unspecified()) {
            what = "no address";
        } else if (address.is_loopback()) {
            what = "a loopback address";
        } else if (address.is_v4() && !prefix.usable(address)) {
            what = address == prefix.first() ? "the network address of its subnet"
                                             : "the broadcast address of its subnet";
            hint = hosts_of(prefix);
        } else if (!address.is_v4() && prefix.length < 127 && address == prefix.first()) {
            what = "the network address of its subnet";
            hint = hosts_of(prefix);
        }
        if (what == nullptr && prefix.length != 0) { return true; }
        if (what == nullptr) {
            mistake(at, fmt::format("{} has every address for its subnet", prefix.to_string()),
                    fmt::format("as in {}/{}", address.to_string(), address.is_v4() ? 24 : 64));
            return false;
        }
        mistake(at, fmt::format("{} is {}, not a host's", prefix.to_string(), what), hint);
        return false;
    }

    // The IPv4 address inside ::ffff:0:0/96.
    static std::optional<IpAddress> mapped_v4(const IpAddress& address) {
        static const Prefix kMapped = *Prefix::parse("::ffff:0.0.0.0/96");
        if (!kMapped.contains(address)) { return std::nullopt; }
        return IpAddress::from_bytes(address.bytes() + 12, 4);
    }

    void check_on_network(const Prefix& address, const Network& network, Position at) {
        if (!network.subnet || network.subnet->address.is_v4() != address.address.is_v4()) { return; }
        const Prefix& subnet = *network.subnet;
        if (address.address.is_link_local() && !address.address.is_v4()) { return; }
        if (!subnet.contains(address.address)) {
            mistake(at,
                    fmt::format("address {} is outside subnet {} of network {}", address.to_string(),
                                subnet.to_string(), quoted_for_message(network.name)),
                    hosts_of(subnet));
            return;
        }
        if (address.length != subnet.length) {
            mistake(at,
                    fmt::format("address {} has not the prefix length of subnet {}", address.to_string(),
                                subnet.to_string()),
                    fmt::format("{}/{}", address.address.to_string(), subnet.length));
        }
        if (network.dhcp && network.dhcp->range && network.dhcp->range->first <= address.address &&
            address.address <= network.dhcp->range->last) {
            mistake(at,
                    fmt::format("address {} is inside the range that the DHCP server of network {} gives out",
                                address.address.to_string(), quoted_for_message(network.name)),
                    "choose one outside of it, or use 'address: dhcp' and 'reservations:'");
        }
    }

    void add_subnets(const Interface& interface, Subnets& subnets) const {
        const Network* network = context_.attachments.at(&interface).network;
        for (const auto& address : interface.addresses) {
            subnets.add(address);
            subnets.own.insert(address.address);
        }
        if (network != nullptr && network->subnet) {
            subnets.add(*network->subnet);
        } else if (interface.dhcp) {
            subnets.open_v4 = true;
        }
    }
    [[nodiscard]] Subnets subnets_of(const Host& host) const {
        Subnets subnets;
        for (const auto& interface : host.interfaces) { add_subnets(interface, subnets); }
        return subnets;
    }
    [[nodiscard]] Subnets subnets_of(const Interface& interface) const {
        Subnets subnets;
        add_subnets(interface, subnets);
        return subnets;
    }

    void check_next_hop(const Host& host, const Subnets& subnets, const IpAddress& address, std::string_view what,
                        Position at) {
        if (subnets.own.contains(address)) {
            mistake(at, fmt::format("{} {} is the own address of host {}", what, address.to_string(),
                                    quoted_for_message(host.name)));
            return;
        }
        if (address.is_link_local() && !address.is_v4()) { return; }
        if (address.is_v4() && subnets.open_v4) { return; }
        if (const Prefix* subnet = subnets.find(address)) {
            if (!subnet->usable(address)) {
                mistake(at,
                        fmt::format("{} {} is the {} address of {}", what, address.to_string(),
                                    address == subnet->first() ? "network" : "broadcast", subnet->to_string()),
                        hosts_of(*subnet));
            }
            return;
        }
        constexpr std::size_t kShown = 4;
        std::vector<std::string> shown;
        for (const auto& subnet : subnets.networks()) {
            if (shown.size() == kShown) { break; }
            shown.push_back(subnet.to_string());
        }
        mistake(at,
                fmt::format("{} {} is on none of the subnets of host {}", what, address.to_string(),
                            quoted_for_message(host.name)),
                shown.empty() ? "it has none" : fmt::format("it has {}", fmt::join(shown, ", ")));
    }

    void check_family(const std::vector<IpAddress>& gateways, const Places& places, Position at) {
        int count[2] = {0, 0};
        for (std::size_t i = 0; i < gateways.size(); ++i) {
            if (++count[gateways[i].is_v4() ? 0 : 1] > 1) {
                mistake(places.value(fmt::format("gateway/{}", i), at),
                        fmt::format("a second {} gateway", gateways[i].is_v4() ? "IPv4" : "IPv6"),
                        "one of each family");
            }
        }
    }

    void check_routes(const Host& host, const std::map<Prefix, IpAddress>& routes, const Places& places,
                      Position at, const Subnets& subnets) {
        for (const auto& [destination, via] : routes) {
            const std::string part = "routes/" + destination.to_string();
            const Position key = places.key(part, at);
            if (destination.has_host_bits()) {
                mistake(key, fmt::format("route to {} has host bits set", destination.to_string()),
                        fmt::format("the subnet is {}", destination.network().to_string()));
            }
            if (destination.address.is_v4() != via.is_v4()) {
                mistake(places.value(part, at), fmt::format("route to {} by {}, of the other family",
                                                            destination.to_string(), via.to_string()));
                continue;
            }
            if (destination.length == 0 &&
                std::any_of(host.gateways.begin(), host.gateways.end(),
                            [&](const IpAddress& gateway) { return gateway.is_v4() == via.is_v4(); })) {
                mistake(key, "a default route beside 'gateway'", "one of the two");
            }
            if (!routed_.insert({&host, destination.network()}).second) {
                mistake(key, fmt::format("a second route of host {} to {}", quoted_for_message(host.name),
                                         destination.network().to_string()));
            }
            check_next_hop(host, subnets, via, "route by", places.value(part, at));
        }
    }

    void check_neighbours(const Host& host, const Subnets& subnets) {
        for (const auto& [address, mac] : host.neighbours) {
            const std::string part = "neighbours/" + address.to_string();
            check_next_hop(host, subnets, address, "neighbour", host.places.key(part, host.at));
            if (mac.is_multicast() || mac.is_zero()) {
                mistake(host.places.value(part, host.at),
                        fmt::format("mac {} is {}", mac.to_string(),
                                    mac.is_zero() ? "all zeros" : "a multicast address"));
            }
        }
    }

    void check_services(const Host& host) {
        std::set<std::string> seen;
        for (const auto& interface : host.interfaces) {
            if (takes_lease(interface, context_.attachments.at(&interface).network)) {
                seen.insert("dhcp-" + interface.name);
            }
        }
        for (const auto& service : host.run) {
            const Position at = service.places.value("name", service.at);
            if (!(service.name.empty() && service.at.line != 0)) {
                context_.check_node_name(service.name, "service", at);
                if (!seen.insert(service.name).second) {
                    mistake(
                        at,
                        fmt::format("a second service {} of host {}", quoted_for_message(service.name),
                                    quoted_for_message(host.name)),
                        service.name.starts_with("dhcp-") ? "DHCP clients have the names 'dhcp-INTERFACE'" : "");
                }
            }
            const bool program = !service.command.empty() && !service.command.front().empty();
            if (!program && !(service.command.empty() && service.at.line != 0)) {
                mistake(service.places.value("command", service.at), "the command names no program");
            }
        }
    }

    CheckContext& context_;
    const Lab& lab_;
    std::map<std::pair<std::size_t, IpAddress>, Holder> holders_;
    std::map<std::pair<std::size_t, MacAddress>, Holder> macs_;
    std::set<std::pair<const Host*, Prefix>> routed_;
    std::unordered_map<std::string, std::string> by_folded_name_;
    std::map<std::string, const Host*> attached_;
};

}  // namespace

void check_hosts(CheckContext& context) { HostCheck(context).check(); }

}  // namespace warren
