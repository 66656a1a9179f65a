// check_lab: the checks of meaning, and those of names, switches and expectations. Called by read_lab() and
// by whoever builds a Lab.
#include <algorithm>

#include <fmt/format.h>

#include "lab/check_context.hpp"
#include "lab/lab_file.hpp"
#include "lab/names.hpp"
#include "lab/yaml.hpp"

namespace warren {

std::string hosts_of(const Prefix& subnet) {
    const bool all = subnet.address.bits() - subnet.length < 2;
    IpAddress first = subnet.first();
    IpAddress last = subnet.last();
    if (!all) { first = first.plus(1); }
    if (!all && subnet.address.is_v4()) {
        last = subnet.first().plus((std::uint64_t{1} << (32U - subnet.length)) - 2);
    }
    if (first == last) { return fmt::format("its only host is {}", first.to_string()); }
    return fmt::format("its hosts are {} to {}", first.to_string(), last.to_string());
}

CheckContext::CheckContext(const Lab& lab_, Diagnostics& diagnostics_) : lab(lab_), diagnostics(diagnostics_) {
    for (const auto& sw : lab.switches) {
        if (!switches.try_emplace(sw.name, &sw).second) {
            mistake(sw.at, fmt::format("a second switch {}", quoted_for_message(sw.name)));
        }
    }
    for (const auto& network : lab.networks) {
        if (!networks.try_emplace(network.name, &network).second) {
            mistake(network.at, fmt::format("a second network {}", quoted_for_message(network.name)));
        }
    }
    for (const auto& host : lab.hosts) {
        if (!hosts.try_emplace(host.name, &host).second) {
            mistake(host.at, fmt::format("a second host {}", quoted_for_message(host.name)));
        }
        for (const auto& interface : host.interfaces) {
            if (!interfaces.try_emplace(end_text(host.name, interface.name), &interface).second) {
                mistake(interface.at, fmt::format("a second interface {}", quoted_for_message(interface.name)));
            }
        }
    }
    for (const auto& network : lab.networks) {
        if (network.dhcp) { servers.try_emplace(dhcp_host_name(network), &network); }
    }
}

std::string CheckContext::near(std::string_view name, const std::vector<std::string_view>& known) {
    const auto found = nearest_.find(name, known);
    return found ? fmt::format("did you mean '{}'?", *found) : "";
}

std::string CheckContext::near_switch(std::string_view name) {
    if (nearest_.spent()) { return ""; }
    std::vector<std::string_view> known;
    for (const auto& sw : lab.switches) { known.push_back(sw.name); }
    return near(name, known);
}

std::string CheckContext::near_network(std::string_view name) {
    if (nearest_.spent()) { return ""; }
    std::vector<std::string_view> known;
    for (const auto& network : lab.networks) { known.push_back(network.name); }
    return near(name, known);
}

std::string CheckContext::near_host(std::string_view name, bool servers_too) {
    if (nearest_.spent()) { return ""; }
    std::vector<std::string> server_names;
    std::vector<std::string_view> known;
    for (const auto& host : lab.hosts) { known.push_back(host.name); }
    if (servers_too) {
        for (const auto& network : lab.networks) {
            if (network.dhcp) { server_names.push_back(dhcp_host_name(network)); }
        }
        known.insert(known.end(), server_names.begin(), server_names.end());
    }
    return near(name, known);
}

std::string CheckContext::near_node(std::string_view name) {
    if (nearest_.spent()) { return ""; }
    std::vector<std::string_view> known;
    for (const auto& sw : lab.switches) { known.push_back(sw.name); }
    for (const auto& host : lab.hosts) { known.push_back(host.name); }
    return near(name, known);
}

void CheckContext::check_interface_name(const std::string& name, Position at) {
    if (const auto fault = interface_name_fault(name)) {
        mistake(at, fmt::format("{} cannot name an interface: {}", quoted_for_message(name), *fault));
    }
}

void CheckContext::check_node_name(const std::string& name, std::string_view kind, Position at) {
    if (const auto fault = node_name_fault(name)) {
        mistake(at, fmt::format("{} cannot name a {}: {}", quoted_for_message(name), kind, *fault));
    }
}

void CheckContext::check_vlan(const std::optional<Vlan>& vlan, Position at) {
    if (vlan && (*vlan == 0 || *vlan > kMaxVlan)) {
        mistake(at, fmt::format("VLAN {} is outside 1..{}", *vlan, kMaxVlan));
    }
}

void CheckContext::check_mtu(const std::optional<std::uint32_t>& mtu, Position at) {
    if (mtu && (*mtu < 68 || *mtu > 65535)) { mistake(at, fmt::format("mtu {} is outside 68..65535", *mtu)); }
}

void CheckContext::check_sysctls(const std::map<std::string, std::string>& sysctls, const Places& places,
                                 Position at) {
    for (const auto& [key, value] : sysctls) {
        const Position key_at = places.key("sysctls/" + key, at);
        const bool plain = std::all_of(key.begin(), key.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                   c == '_' || c == '-' || c == '/';
        });
        if (!key.starts_with("net.")) {
            mistake(key_at, fmt::format("sysctl {} is not of a network namespace", quoted_for_message(key)),
                    "a host has only those under 'net.'");
        } else if (!plain || key.find("..") != std::string::npos || key.ends_with('.') ||
                   key.find("//") != std::string::npos || key.find("./") != std::string::npos ||
                   key.find("/.") != std::string::npos) {
            mistake(key_at, fmt::format("{} is not the name of a sysctl", quoted_for_message(key)),
                    "as in net.ipv4.ip_forward");
        }
        if (value.empty() || value.find('\n') != std::string::npos) {
            mistake(places.value("sysctls/" + key, at), fmt::format("the value of {} is not one line", key));
        }
    }
}

namespace {

struct OvsKey {
    const char* key;
    bool written;
};

void check_ovs_values(CheckContext& context, const Switch& sw) {
    if (sw.controller) {
        const std::string& text = *sw.controller;
        const std::size_t colon = text.find(':');
        const std::string method = text.substr(0, colon);
        const bool known = method == "tcp" || method == "ssl" || method == "unix" || method == "ptcp" ||
                           method == "pssl" || method == "punix";
        const bool blank = text.find_first_of(" \t\n") != std::string::npos;
        if (!known || blank || colon == std::string::npos || colon + 1 == text.size()) {
            context.mistake(sw.places.value("controller", sw.at),
                            fmt::format("controller: {} is not METHOD:ADDRESS", quoted_for_message(text)),
                            "as in tcp:127.0.0.1:6653");
        }
    }
    static constexpr std::array<std::string_view, 6> kProtocols{"OpenFlow10", "OpenFlow11", "OpenFlow12",
                                                                "OpenFlow13", "OpenFlow14", "OpenFlow15"};
    for (std::size_t i = 0; i < sw.protocols.size(); ++i) {
        if (std::find(kProtocols.begin(), kProtocols.end(), sw.protocols[i]) == kProtocols.end()) {
            context.mistake(sw.places.value(fmt::format("protocols/{}", i), sw.at),
                            fmt::format("protocols: unknown word {}", quoted_for_message(sw.protocols[i])),
                            fmt::format("known: {}", fmt::join(kProtocols, ", ")));
        }
    }
    if (sw.dpid &&
        (sw.dpid->size() != 16 || sw.dpid->find_first_not_of("0123456789abcdefABCDEF") != std::string::npos ||
         sw.dpid->find_first_not_of('0') == std::string::npos)) {
        context.mistake(sw.places.value("dpid", sw.at),
                        fmt::format("dpid: {} is not a datapath id", quoted_for_message(*sw.dpid)),
                        "16 hexadecimal digits, as in 0000000000000001");
    }
}

bool is_host(const CheckContext& context, const std::string& name) {
    return context.find_host(name) != nullptr || context.servers.contains(name);
}

void check_host_name(CheckContext& context, const std::string& name, Position at) {
    if (name.empty() && at.line != 0) { return; }
    if (!is_host(context, name)) {
        context.mistake(at, fmt::format("unknown host {}", quoted_for_message(name)),
                        context.near_host(name, true));
    }
}

void check_expectation(CheckContext& context, const Expectation& expectation, const ReachExpectation& reach) {
    check_host_name(context, reach.from, expectation.places.value("from", expectation.at));
    if (!IpAddress::parse(reach.to)) {
        check_host_name(context, reach.to, expectation.places.value("to", expectation.at));
    }
}

void check_expectation(CheckContext& context, const Expectation& expectation, const IsolateExpectation& isolate) {
    const Position to_at = expectation.places.value("to", expectation.at);
    check_host_name(context, isolate.from, expectation.places.value("from", expectation.at));
    if (!IpAddress::parse(isolate.to)) { check_host_name(context, isolate.to, to_at); }
    if (isolate.from == isolate.to && !isolate.from.empty()) {
        context.mistake(to_at,
                        fmt::format("host {} cannot be isolated from itself", quoted_for_message(isolate.to)));
    }
}

void check_expectation(CheckContext& context, const Expectation& expectation, const LeaseExpectation& lease) {
    const Position host_at = expectation.places.value("host", expectation.at);
    const Position network_at = expectation.places.value("network", expectation.at);
    const Network* network = context.find_network(lease.network);
    if (network == nullptr && !(lease.network.empty() && network_at.line != 0)) {
        context.mistake(network_at, fmt::format("unknown network {}", quoted_for_message(lease.network)),
                        context.near_network(lease.network));
    }
    const Host* host = context.find_host(lease.host);
    if (host == nullptr) {
        if (context.servers.contains(lease.host)) {
            context.mistake(host_at, fmt::format("host {} is a DHCP server and takes no lease",
                                                 quoted_for_message(lease.host)));
        } else {
            check_host_name(context, lease.host, host_at);
        }
        return;
    }
    if (network == nullptr) { return; }
    const bool asks =
        std::any_of(host->interfaces.begin(), host->interfaces.end(), [&](const Interface& interface) {
            return interface.network == network->name && takes_lease(interface, network);
        });
    if (!asks) {
        context.mistake(host_at,
                        fmt::format("host {} has no interface that asks network {} for a lease",
                                    quoted_for_message(lease.host), quoted_for_message(network->name)),
                        fmt::format("give it one with {{network: {}, address: dhcp}}", network->name));
    }
}

}  // namespace

void check_switches(CheckContext& context) {
    for (const auto& sw : context.lab.switches) {
        if (interface_name_fault(sw.name)) {
            context.check_interface_name(sw.name, sw.at);
        } else {
            context.check_node_name(sw.name, "switch", sw.at);
        }
        if (const Host* host = context.find_host(sw.name)) {
            context.mistake(sw.at, fmt::format("switch {} has the name of a host", quoted_for_message(sw.name)),
                            host->at.line != 0 ? fmt::format("the host is in line {}", host->at.line) : "");
        }
        if (kind_of(context.lab, sw) == SwitchKind::bridge) {
            const OvsKey keys[] = {{"datapath", sw.datapath.has_value()},
                                   {"controller", sw.controller.has_value()},
                                   {"fail-mode", sw.fail_mode.has_value()},
                                   {"protocols", !sw.protocols.empty()},
                                   {"dpid", sw.dpid.has_value()}};
            for (const auto& [key, written] : keys) {
                if (!written) { continue; }
                context.mistake(
                    sw.places.key(key, sw.at), fmt::format("'{}' is for Open vSwitch alone", key),
                    fmt::format("give switch {} 'kind: ovs', or take the key out", quoted_for_message(sw.name)));
            }
        }
        check_ovs_values(context, sw);
    }
}

void check_expectations(CheckContext& context) {
    for (const auto& expectation : context.lab.expect) {
        std::visit([&](const auto& what) { check_expectation(context, expectation, what); }, expectation.what);
    }
}

void check_lab(const Lab& lab, Diagnostics& diagnostics) {
    CheckContext context(lab, diagnostics);
    const Position name_at = lab.places.value("lab", {});
    if (const auto fault = lab_name_fault(lab.name); fault && !(lab.name.empty() && !diagnostics.empty())) {
        context.mistake(name_at, fmt::format("{} cannot name a lab: {}", quoted_for_message(lab.name), *fault),
                        "[a-z0-9][a-z0-9-]*, at most 31 bytes");
    }
    check_switches(context);
    check_wiring(context);
    check_networks(context);
    check_hosts(context);
    check_expectations(context);
}

}  // namespace warren
