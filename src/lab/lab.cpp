// Finding the parts of a Lab, and what holds where nothing was written. Called by the checks, expand() and views.
#include "lab/lab.hpp"

#include <algorithm>

namespace warren {
namespace {

template <class T>
const T* find_named(const std::vector<T>& things, std::string_view name) {
    const auto found =
        std::find_if(things.begin(), things.end(), [&](const T& thing) { return thing.name == name; });
    return found == things.end() ? nullptr : &*found;
}

bool has_address(const Host& host, const IpAddress& address) {
    return std::any_of(host.interfaces.begin(), host.interfaces.end(), [&](const Interface& interface) {
        return std::any_of(interface.addresses.begin(), interface.addresses.end(),
                           [&](const Prefix& own) { return own.address == address; });
    });
}

bool on_subnet(const Lab& lab, const Host& host, const IpAddress& address) {
    return std::any_of(host.interfaces.begin(), host.interfaces.end(), [&](const Interface& interface) {
        if (std::any_of(interface.addresses.begin(), interface.addresses.end(),
                        [&](const Prefix& own) { return own.contains(address); })) {
            return true;
        }
        const Network* network = interface.network ? lab.find_network(*interface.network) : nullptr;
        return network != nullptr && network->subnet && network->subnet->contains(address);
    });
}

}  // namespace

const Switch* Lab::find_switch(std::string_view name_) const { return find_named(switches, name_); }
const Network* Lab::find_network(std::string_view name_) const { return find_named(networks, name_); }
const Host* Lab::find_host(std::string_view name_) const { return find_named(hosts, name_); }

SwitchKind kind_of(const Lab& lab, const Switch& sw) {
    return sw.kind.value_or(lab.defaults.switch_kind.value_or(SwitchKind::bridge));
}

bool stp_of(const Lab& lab, const Switch& sw) { return sw.stp.value_or(lab.defaults.switch_stp.value_or(false)); }

DatapathKind datapath_of(const Lab& lab, const Switch& sw) {
    return sw.datapath.value_or(lab.defaults.switch_datapath.value_or(DatapathKind::automatic));
}

FailMode fail_mode_of(const Lab& lab, const Switch& sw) {
    return sw.fail_mode.value_or(lab.defaults.switch_fail_mode.value_or(FailMode::standalone));
}

std::uint32_t mtu_of(const Lab& lab, const Interface& interface) {
    return interface.mtu.value_or(lab.defaults.interface_mtu.value_or(1500));
}

Wire wire_of(const Lab& lab, const Interface& interface) {
    if (interface.wire || lab.defaults.interface_wire != Wire::internal) {
        return interface.wire.value_or(Wire::veth);
    }
    if (interface.peer || (interface.to && interface.to->port)) { return Wire::veth; }
    const Switch* sw = nullptr;
    if (interface.to) {
        sw = lab.find_switch(interface.to->node);
    } else if (const Network* network = interface.network ? lab.find_network(*interface.network) : nullptr) {
        sw = lab.find_switch(network->switch_name);
    }
    return sw != nullptr && kind_of(lab, *sw) == SwitchKind::ovs ? Wire::internal : Wire::veth;
}

LinkImpairments impairments_of(const Lab& lab, const LinkImpairments& own) {
    const LinkImpairments& defaults = lab.defaults.interface_impairments;
    return {with_defaults(own.out, defaults.out), with_defaults(own.in, defaults.in)};
}

bool forwarding_of(const Lab& lab, const Host& host) {
    return host.forwarding.value_or(lab.defaults.host_forwarding.value_or(false));
}

std::vector<IpAddress> gateways_of(const Lab& lab, const Host& host) {
    std::vector<IpAddress> gateways = host.gateways;
    for (const auto& gateway : lab.defaults.host_gateways) {
        const bool says = std::any_of(host.gateways.begin(), host.gateways.end(),
                                      [&](const IpAddress& own) { return own.is_v4() == gateway.is_v4(); });
        if (!says && !has_address(host, gateway) && on_subnet(lab, host, gateway)) { gateways.push_back(gateway); }
    }
    return gateways;
}

std::vector<IpAddress> dns_of(const Lab& lab, const Host& host) {
    if (host.attach) { return {}; }  // its /etc is somebody else's
    return host.dns.empty() ? lab.defaults.host_dns : host.dns;
}

std::map<std::string, std::string> sysctls_of(const Lab& lab, const Host& host) {
    std::map<std::string, std::string> all = host.sysctls;
    all.insert(lab.defaults.host_sysctls.begin(), lab.defaults.host_sysctls.end());
    return all;
}

bool takes_lease(const Interface& interface, const Network* network) {
    return interface.dhcp || (interface.addresses.empty() && network != nullptr && network->dhcp);
}

}  // namespace warren
