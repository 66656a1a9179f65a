// The script that a DHCP client runs: puts a lease on the interface. Called by the program when it is named
// "dhcp-script". Must not touch the machine's /etc/resolv.conf, nor addresses and routes that no lease brought.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include <fmt/format.h>

#include "linux/link.hpp"
#include "services/keeper.hpp"
#include "services/lease_event.hpp"

namespace warren {
namespace {

constexpr std::uint8_t kDhcpProtocol = RTPROT_DHCP;
constexpr std::uint32_t kSecondMetric = 1000;  // of a route whose place another maker's has

std::string from_environment(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "";
}

// The interface as the lease before left it.
class Interface {
public:
    static Result<Interface> find(const std::string& name) {
        WARREN_ASSIGN(nl::Socket socket, nl::Socket::open());
        WARREN_ASSIGN(KernelLink link, find_link(socket, name));
        return Interface(std::move(socket), std::move(link));
    }

    Result<void> bring_up() {
        if ((link_.flags & IFF_UP) != 0) { return {}; }
        LinkChange change;
        change.up = true;
        return send(change_link(link_.name, change), "bring {} up", link_.name);
    }

    // Idempotent: what is there already as it must be stays untouched.
    Result<void> put(const LeaseEvent& lease) {
        set_mtu(lease);
        WARREN_TRY(drop_addresses(lease.address));
        WARREN_TRY(add_address(lease));
        return put_routes(lease);
    }

    Result<void> clear() {
        WARREN_TRY(drop_routes({}));
        return drop_addresses({});
    }

private:
    Interface(nl::Socket socket, KernelLink link) : socket_(std::move(socket)), link_(std::move(link)) {}

    template <class... Words>
    Result<void> send(nl::Message message, fmt::format_string<Words...> what, Words&&... with) {
        return socket_.send({std::move(message), fmt::format(what, std::forward<Words>(with)...)});
    }

    void set_mtu(const LeaseEvent& lease) {
        if (!lease.mtu || *lease.mtu == link_.mtu) { return; }
        LinkChange change;
        change.mtu = lease.mtu;
        // A device may not allow it; the lease is good all the same.
        if (auto set = send(change_link(link_.name, change), "set MTU {} on {}", *lease.mtu, link_.name); !set) {
            fmt::print(stderr, "dhcp-script: {}\n", set.error().message());
        }
    }

    // Those that a lease brought, but KEEP. An old one goes before the new one comes: deleting the first
    // address of a subnet takes the later ones along.
    Result<void> drop_addresses(const std::optional<Prefix>& keep) {
        WARREN_ASSIGN(const auto addresses, dump_addresses(socket_));
        for (const auto& address : addresses) {
            if (address.index != link_.index || address.permanent || !address.value.address.is_v4()) { continue; }
            if (keep && address.value == *keep) { continue; }
            auto dropped = send(delete_address(link_.index, address.value), "remove address {} from {}",
                                address.value.to_string(), link_.name);
            if (!dropped && dropped.error().code != EADDRNOTAVAIL) { return dropped; }
        }
        return {};
    }

    Result<void> add_address(const LeaseEvent& lease) {
        WARREN_ASSIGN(const auto addresses, dump_addresses(socket_));
        const bool is_static = std::any_of(addresses.begin(), addresses.end(), [&](const KernelAddress& address) {
            return address.index == link_.index && address.permanent && address.value == lease.address;
        });
        if (is_static) { return {}; }  // with a lifetime it would expire
        return send(new_address(link_.index, lease.address, lease.lifetime), "set address {} on {}",
                    lease.address.to_string(), link_.name);
    }

    Result<void> drop_routes(const std::vector<LeaseRoute>& keep) {
        WARREN_ASSIGN(const auto routes, dump_routes(socket_));
        for (const auto& route : routes) {
            if (route.device != link_.index || route.protocol != kDhcpProtocol ||
                !route.destination.address.is_v4()) {
                continue;
            }
            if (std::find(keep.begin(), keep.end(), LeaseRoute{route.destination, route.via}) != keep.end()) {
                continue;
            }
            auto dropped = send(delete_route(route.destination, route.via, link_.index, kDhcpProtocol),
                                "remove the route to {}", route.destination.to_string());
            if (!dropped && dropped.error().code != ESRCH) { return dropped; }
        }
        return {};
    }

    Result<void> put_routes(const LeaseEvent& lease) {
        std::vector<LeaseRoute> wanted;
        for (const auto& route : lease.routes) {
            // A router outside the subnet is reached on the link (a lease of a /32).
            if (route.via && !lease.address.contains(*route.via)) {
                const LeaseRoute link{{*route.via, 32}, std::nullopt};
                if (std::find(wanted.begin(), wanted.end(), link) == wanted.end()) { wanted.push_back(link); }
            }
            if (std::find(wanted.begin(), wanted.end(), route) == wanted.end()) { wanted.push_back(route); }
        }
        WARREN_TRY(drop_routes(wanted));
        for (const auto& route : wanted) { WARREN_TRY(add_route(route)); }
        return {};
    }

    Result<void> add_route(const LeaseRoute& route) {
        WARREN_ASSIGN(const auto there, dump_routes(socket_));
        std::uint32_t metric = 0;
        for (const auto& other : there) {
            if (other.destination != route.destination) { continue; }
            if (other.device == link_.index && other.protocol == kDhcpProtocol && other.via == route.via) {
                return {};
            }
            // Set would mean replaced: what another maker, interface or router has stays first.
            if (other.metric == metric) { metric = metric == 0 ? kSecondMetric : metric + 1; }
        }
        const std::string via = route.via ? " via " + route.via->to_string() : "";
        return send(new_route(route.destination, route.via, link_.index, kDhcpProtocol, metric),
                    "add the route to {}{} on {}", route.destination.to_string(), via, link_.name);
    }

    nl::Socket socket_;
    KernelLink link_;
};

// In place: the file may be bound over a host's /etc/resolv.conf, which a rename would not reach.
Result<void> rewrite(const std::string& path, const std::string& text) {
    if (std::filesystem::path(path).lexically_normal() == "/etc/resolv.conf") {
        return failure("write " + path, "it is the machine's own");
    }
    WARREN_ASSIGN(const Fd file, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
    WARREN_TRY(write_all(file.get(), text, path));
    if (::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) { return errno_failure("write " + path); }
    return {};
}

Result<void> write_resolv_conf(const LeaseEvent& event) {
    const std::string path = from_environment("WARREN_RESOLV_CONF");
    if (path.empty()) { return {}; }
    const std::string text =
        resolv_conf(event, from_environment("WARREN_LAB") + "/" + from_environment("WARREN_HOST"));
    const auto before = read_file(path);
    if (before && *before == text) { return {}; }
    if (event.kind != LeaseEvent::Kind::bound && before) {
        // Another interface's lease has written it since: it stays.
        const std::string own = text.substr(0, text.find('\n') + 1);
        if (!before->starts_with(own)) { return {}; }
    }
    return rewrite(path, text);
}

Result<void> apply(const LeaseEvent& event) {
    using Kind = LeaseEvent::Kind;
    if (event.kind == Kind::nothing) { return {}; }
    if (event.interface.empty()) { return failure("configure an interface", "the DHCP client did not name one"); }
    if (event.kind == Kind::refused) {
        return failure("use an old lease on " + event.interface, "no DHCP server has confirmed it");
    }
    if (!event.fault.empty()) { return failure("use the lease on " + event.interface, event.fault); }
    auto interface = Interface::find(event.interface);
    if (!interface) {
        // Taken away while its client still ended: nothing is left to be undone.
        if (event.kind == Kind::lost && interface.error().code == ENODEV) { return {}; }
        return tl::unexpected(std::move(interface).error());
    }
    switch (event.kind) {
        case Kind::prepare:
            return interface->bring_up();
        case Kind::bound: {
            WARREN_TRY(interface->put(event));
            return write_resolv_conf(event);
        }
        default:
            break;
    }
    WARREN_TRY(interface->clear());
    if (event.needs_link) { WARREN_TRY(interface->bring_up()); }
    return write_resolv_conf(event);
}

}  // namespace

int run_dhcp_script(int argc, char** argv) {
    LeaseEvent event;
    if (!from_environment("reason").empty()) {
        event = dhclient_event(from_environment);
    } else if (argc > 1) {
        event = udhcpc_event(argv[1], from_environment);
    } else {
        fmt::print(stderr,
                   "dhcp-script: a DHCP client runs this, with `reason` in the environment or an argument\n");
        return 2;
    }
    if (auto applied = apply(event); !applied) {
        fmt::print(stderr, "dhcp-script: {}\n", applied.error().message());
        return 1;
    }
    return 0;
}

}  // namespace warren
