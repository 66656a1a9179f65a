// Reading what DHCP clients tell their scripts. Called by dhcp_script.
#include "services/lease_event.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace warren {
namespace {

constexpr std::uint32_t kLongest = 0x7fffffff;    // a lease without end; the kernel takes 2^32-1 for "static"
constexpr std::uint32_t kWithoutLifetime = 3600;  // BOOTP: the server says nothing
constexpr std::uint32_t kLeastMtu = 576;          // RFC 2132 allows 68; RFC 791's size for every host
constexpr std::uint32_t kMostMtu = 65535;
constexpr std::size_t kLongestDomain = 253;

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    while (true) {
        const auto from = text.find_first_not_of(" ,\t\r\n");
        if (from == std::string_view::npos) { return found; }
        text.remove_prefix(from);
        const auto end = text.find_first_of(" ,\t\r\n");
        found.push_back(text.substr(0, end));
        text.remove_prefix(found.back().size());
    }
}

std::optional<std::uint32_t> number(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code != std::errc{} || end != text.data() + text.size()) { return std::nullopt; }
    return value;
}

std::optional<IpAddress> v4_address(std::string_view text) {
    const auto address = IpAddress::parse(text);
    return address && address->is_v4() ? address : std::nullopt;
}

// An address that a host can send to.
std::optional<IpAddress> v4_host(std::string_view text) {
    const auto address = v4_address(text);
    if (!address || address->is_unspecified() || address->is_multicast() || address->is_loopback() ||
        address->bytes()[0] >= 240) {
        return std::nullopt;
    }
    return address;
}

std::vector<IpAddress> hosts(const std::string& text) {
    std::vector<IpAddress> found;
    for (const auto word : words(text)) {
        if (const auto address = v4_host(word)) { found.push_back(*address); }
    }
    return found;
}

// "255.255.255.0" → 24; nothing for a mask with holes.
std::optional<std::uint8_t> mask_length(std::string_view text) {
    const auto mask = v4_address(text);
    if (!mask) { return std::nullopt; }
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 4; ++i) { bits = bits << 8U | mask->bytes()[i]; }
    const int ones = std::countl_one(bits);
    if (ones < 32 && bits << static_cast<unsigned>(ones) != 0) { return std::nullopt; }
    return static_cast<std::uint8_t>(ones);
}

bool is_domain(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    };
    return !text.empty() && text.size() <= kLongestDomain && text[0] != '-' &&
           std::all_of(text.begin(), text.end(), allowed);
}

void add_domains(std::vector<std::string>& domains, const std::string& text) {
    for (auto word : words(text)) {
        if (word.size() > 1 && word.ends_with('.')) { word.remove_suffix(1); }
        if (is_domain(word) && std::find(domains.begin(), domains.end(), word) == domains.end()) {
            domains.emplace_back(word);
        }
    }
}

LeaseRoute route(const Prefix& destination, const IpAddress& via) {
    LeaseRoute made{destination.network(), via};
    if (via.is_unspecified()) { made.via.reset(); }  // RFC 3442: on-link
    return made;
}

// RFC 3442 as dhclient prints it: the option's bytes in decimal, "24 10 1 2 10 0 0 1 0 10 0 0 1".
std::vector<LeaseRoute> routes_of_bytes(const std::string& text) {
    std::vector<std::uint8_t> bytes;
    for (const auto word : words(text)) {
        const auto value = number(word);
        if (!value || *value > 255) { return {}; }
        bytes.push_back(static_cast<std::uint8_t>(*value));
    }
    std::vector<LeaseRoute> routes;
    for (std::size_t at = 0; at < bytes.size();) {
        const std::uint8_t length = bytes[at++];
        const std::size_t significant = (length + 7U) / 8U;
        if (length > 32 || at + significant + 4 > bytes.size()) { return {}; }
        std::uint8_t destination[4] = {};
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), significant, destination);
        at += significant;
        routes.push_back(
            route({IpAddress::from_bytes(destination, 4), length}, IpAddress::from_bytes(&bytes[at], 4)));
        at += 4;
    }
    return routes;
}

// As udhcpc prints it: "10.1.2.0/24 10.0.0.1 0.0.0.0/0 10.0.0.1".
std::vector<LeaseRoute> routes_of_pairs(const std::string& text) {
    const auto all = words(text);
    std::vector<LeaseRoute> routes;
    for (std::size_t i = 0; i + 1 < all.size(); i += 2) {
        const auto destination = Prefix::parse(all[i]);
        const auto via = v4_address(all[i + 1]);
        if (!destination || !destination->address.is_v4() || !via) { return {}; }
        routes.push_back(route(*destination, *via));
    }
    return routes;
}

// Both clients' variables, by their own names.
struct Names {
    std::string address, length, mask, lifetime, routers, dns, domain, search, mtu;
};

void read_lease(LeaseEvent& event, const Environment& environment, const Names& names,
                std::vector<LeaseRoute> classless) {
    const std::string address = environment(names.address);
    const auto parsed = v4_host(address);
    if (!parsed) {
        event.fault = fmt::format("\"{}\" is no address for a host", address.substr(0, 40));
        return;
    }
    std::optional<std::uint32_t> length;
    if (!names.length.empty()) { length = number(environment(names.length)); }
    if (!length) { length = mask_length(environment(names.mask)); }
    if (!length || *length == 0 || *length > 32) {
        event.fault = "the lease has no usable subnet mask";
        return;
    }
    event.address = {*parsed, static_cast<std::uint8_t>(*length)};
    event.lifetime = std::clamp(number(environment(names.lifetime)).value_or(kWithoutLifetime), 1U, kLongest);
    event.routes = std::move(classless);
    if (event.routes.empty()) {  // RFC 3442: with classless routes the router option is ignored
        for (const auto& router : hosts(environment(names.routers))) {
            event.routes.push_back({{IpAddress(), 0}, router});
        }
    }
    if (const auto mtu = number(environment(names.mtu)); mtu && *mtu >= kLeastMtu && *mtu <= kMostMtu) {
        event.mtu = mtu;
    }
    event.dns = hosts(environment(names.dns));
    add_domains(event.search, environment(names.domain));
    add_domains(event.search, environment(names.search));
}

std::string interface_in(const Environment& environment) {
    std::string name = environment("interface");
    return interface_name_fault(name) ? "" : name;
}

}  // namespace

LeaseEvent dhclient_event(const Environment& environment) {
    LeaseEvent event;
    event.interface = interface_in(environment);
    const std::string reason = environment("reason");
    using Kind = LeaseEvent::Kind;
    if (reason == "PREINIT") { event.kind = Kind::prepare; }
    if (reason == "TIMEOUT") { event.kind = Kind::refused; }
    for (const char* lost : {"EXPIRE", "FAIL", "RELEASE", "STOP"}) {
        if (reason == lost) { event.kind = Kind::lost; }
    }
    for (const char* bound : {"BOUND", "RENEW", "REBIND", "REBOOT"}) {
        if (reason == bound) { event.kind = Kind::bound; }
    }
    if (event.kind == Kind::bound) {
        read_lease(event, environment,
                   {"new_ip_address", "", "new_subnet_mask", "new_dhcp_lease_time", "new_routers",
                    "new_domain_name_servers", "new_domain_name", "new_domain_search", "new_interface_mtu"},
                   routes_of_bytes(environment("new_rfc3442_classless_static_routes")));
    }
    return event;
}

LeaseEvent udhcpc_event(const std::string& what, const Environment& environment) {
    LeaseEvent event;
    event.interface = interface_in(environment);
    using Kind = LeaseEvent::Kind;
    // "nak" and "leasefail" say that asking failed; a lease that was there is taken away by a "deconfig".
    if (what == "deconfig") {
        event.kind = Kind::lost;
        event.needs_link = true;
    }
    if (what == "bound" || what == "renew") {
        event.kind = Kind::bound;
        read_lease(event, environment,
                   {"ip", "mask", "subnet", "lease", "router", "dns", "domain", "search", "mtu"},
                   routes_of_pairs(environment("staticroutes")));
    }
    return event;
}

std::string resolv_conf(const LeaseEvent& event, const std::string& where) {
    std::string text = fmt::format("# made by warren for {}: DHCP on {}\n", where, event.interface);
    if (event.kind != LeaseEvent::Kind::bound) { return text; }
    for (const auto& server : event.dns) { text += "nameserver " + server.to_string() + "\n"; }
    if (!event.search.empty()) { text += fmt::format("search {}\n", fmt::join(event.search, " ")); }
    return text;
}

}  // namespace warren
