// expand: fills in what a lab's file does not say and turns it into what must exist. Called by engine/
// before every comparison with the machine, and by views that show a file.
#include "state/expand.hpp"

#include <algorithm>
#include <charconv>

#include "lab/names.hpp"
#include "state/expander.hpp"

namespace warren {
namespace state_detail {
namespace {

std::string one_spaced(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c != ' ' && c != '\t') {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    while (!out.empty() && out.back() == ' ') { out.pop_back(); }
    return out;
}

}  // namespace

State Expander::run() {
    index();
    if (lab_.root == RootKind::secluded) { add_root(); }
    for (const auto& sw : lab_.switches) { add_switch(sw); }
    for (const auto& link : lab_.links) { join_switches(link); }
    mark_userspace_carried();
    for (const auto& network : lab_.networks) {
        if (network.dhcp) { add_server_host(network); }
    }
    for (const auto& host : lab_.hosts) { add_host(host); }
    for (const auto& link : lab_.links) { add_switch_link(link); }
    for (const auto& host : lab_.hosts) { add_routes(host); }
    take_from_links_that_are_down();
    give_native_vlans();
    add_files();
    for (const auto& network : lab_.networks) {
        if (network.dhcp) { add_server_process(network); }
    }
    for (const auto& host : lab_.hosts) { add_processes(host); }
    state_.keeper = !state_.processes.empty();
    return std::move(state_);
}

void Expander::index() {
    for (const auto& sw : lab_.switches) { switches_[sw.name] = &sw; }
    for (const auto& network : lab_.networks) { networks_[network.name] = &network; }
    for (const auto& host : lab_.hosts) { hosts_[host.name] = &host; }
}

Namespace& Expander::make_namespace(const std::string& name, const std::string& host) {
    Namespace& ns = state_.namespaces[name];
    ns.name = name;
    ns.host = host;
    Link lo;
    lo.name = "lo";
    lo.kind = LinkKind::loopback;
    lo.mtu = 65536;
    lo.alias = mark(host.empty() ? "" : host);
    ns.links.emplace("lo", lo);
    return ns;
}

void Expander::add_root() {
    Namespace& ns = make_namespace(root_, "");
    if (site_.bridge_netfilter) {
        // It would pass every bridged frame through the firewall: a third of the small-packet rate.
        for (const char* family : {"arptables", "ip6tables", "iptables"}) {
            ns.sysctls[std::string("net.bridge.bridge-nf-call-") + family] = "0";
        }
    }
}

// The namespace of the switches; in the machine's own it holds only what is the lab's.
Namespace& Expander::root() {
    Namespace& ns = state_.namespaces[root_];
    ns.name = root_;
    return ns;
}

void Expander::add_switch(const Switch& sw) {
    if (kind_of(lab_, sw) == SwitchKind::ovs) {
        state_.ovs = site_.ovs;
        OvsBridge bridge;
        bridge.name = sw.name;
        bridge.lab = lab_.name;
        const DatapathKind datapath = datapath_of(lab_, sw);
        const bool system =
            datapath == DatapathKind::system || (datapath == DatapathKind::automatic && site_.ovs_kernel_datapath);
        bridge.datapath_type = system ? "system" : "netdev";
        bridge.fail_mode = fail_mode_of(lab_, sw) == FailMode::secure ? "secure" : "standalone";
        bridge.controller = sw.controller.value_or("");
        bridge.protocols = sw.protocols;
        std::sort(bridge.protocols.begin(), bridge.protocols.end());
        bridge.dpid = sw.dpid.value_or("");
        bridge.mac = mac_for(sw.name);
        bridge.stp = stp_of(lab_, sw);
        state_.bridges.emplace(sw.name, std::move(bridge));
        return;
    }
    Link bridge;
    bridge.name = sw.name;
    bridge.kind = LinkKind::bridge;
    bridge.alias = mark(sw.name);
    bridge.mac = mac_for(sw.name);
    bridge.stp = stp_of(lab_, sw);
    root().links.emplace(sw.name, std::move(bridge));
}

// Frames that reach a userspace datapath without segmentation offload must carry finished checksums, so every host
// whose switch is joined to one by links computes them itself. Warren's own instances have the offload
// (ovs/daemons.cpp); of the machine's own nobody can tell: what its database says holds from its next start only.
void Expander::mark_userspace_carried() {
    if (site_.ovs.kind != OvsInstance::Kind::machine) { return; }
    for (const auto& [name, bridge] : state_.bridges) {
        if (bridge.datapath_type == "netdev") { userspace_.insert(carried_.of(name)); }
    }
}

Link Expander::host_link(const std::string& host, const std::string& name, std::uint32_t mtu,
                         const std::optional<MacAddress>& mac) const {
    Link link;
    link.name = name;
    link.kind = LinkKind::veth;
    link.alias = mark(host + ":" + name);
    link.mac = mac.value_or(mac_for(host + ":" + name));
    link.mtu = mtu;
    return link;
}

// The kernel is told to add no IPv6 address by itself; where IPv6 is used, the link-local one that
// neighbour discovery works with is part of the state like any other.
void Expander::add_link_local(Link& link) {
    const bool v6 = std::any_of(link.addresses.begin(), link.addresses.end(),
                                [](const Prefix& address) { return !address.address.is_v4(); });
    if (v6) { link.addresses.insert(link.mac.link_local()); }
}

void Expander::add_server_host(const Network& network) {
    const std::string host = dhcp_host_name(network);
    const std::string name = dhcp_interface_name(network);
    make_namespace(ns_of(host), host);
    Link link = host_link(host, name, mtu_of(lab_, Interface{}), std::nullopt);
    std::optional<Prefix> address = network.dhcp->address;
    if (!address) { address = pools_.free_address(network); }
    if (address) {
        link.addresses.insert(*address);
        server_addresses_[network.name] = *address;
    }
    add_link_local(link);
    const Wire wire = is_ovs(network.switch_name) ? Wire::internal : Wire::veth;
    plug(host, network.switch_name, {default_peer_name(host, name), network.vlan, {}}, std::move(link), wire);
}

void Expander::add_host(const Host& host) {
    const std::string ns_name = ns_of(host.name);
    Namespace& ns = make_namespace(ns_name, host.name);
    if (host.attach) {
        ns.links.clear();  // its loopback is not the lab's
        ns.attached = Attached{host.attach->pid.value_or(0), host.attach->netns.value_or(""), 0, {}, true};
    }
    if (forwarding_of(lab_, host)) {
        ns.sysctls["net.ipv4.ip_forward"] = "1";
        ns.sysctls["net.ipv6.conf.all.forwarding"] = "1";
    }
    for (const auto& [key, value] : sysctls_of(lab_, host)) { ns.sysctls[key] = one_spaced(value); }
    for (const auto& interface : host.interfaces) { add_interface(host, interface); }
}

void Expander::add_interface(const Host& host, const Interface& interface) {
    Link link = host_link(host.name, interface.name, mtu_of(lab_, interface), interface.mac);
    link.addresses.insert(interface.addresses.begin(), interface.addresses.end());
    link.dhcp = interface.dhcp;
    const Network* network = interface.network ? networks_.at(*interface.network) : nullptr;
    if (network != nullptr && interface.addresses.empty() && !interface.dhcp) {
        if (network->dhcp) {
            link.dhcp = true;
        } else if (const auto address = pools_.free_address(*network)) {
            link.addresses.insert(*address);
        }
    }
    add_link_local(link);
    if (link.dhcp && !says_mtu(interface)) { give_leased_mtu(link, network); }
    Port port;
    port.name = interface.peer.value_or(default_peer_name(host.name, interface.name));
    port.vlan = interface.vlan;
    port.trunk = interface.trunk;
    std::sort(port.trunk.begin(), port.trunk.end());
    if (network != nullptr && !port.vlan && port.trunk.empty()) { port.vlan = network->vlan; }
    const LinkImpairments impairments = impairments_of(lab_, interface.impairments);
    const std::uint32_t mtu = link.mtu;
    if (interface.to || network != nullptr) {
        link.shaping = shaped(impairments.out, impairments.in, mtu);
        port.shaping = shaped(impairments.in, impairments.out, mtu);
        link.up = interface.up.value_or(true);
    }
    if (interface.to && !is_switch(interface.to->node)) {
        add_direct(host.name, std::move(link), interface.to->node, interface.to->port.value_or(interface.name),
                   port.shaping);
        return;
    }
    if (!interface.to && network == nullptr) {  // an end of a link that is written elsewhere
        loose_.emplace(std::pair(host.name, interface.name), std::move(link));
        settle(host.name, interface.name);
        return;
    }
    if (interface.to && interface.to->port) { port.name = *interface.to->port; }
    plug(host.name, interface.to ? interface.to->node : network->switch_name, port, std::move(link),
         wire_of(lab_, interface));
}

// The MTU that the lab's own server will give (option 26); of another server's it is not known.
void Expander::give_leased_mtu(Link& link, const Network* network) {
    constexpr std::uint8_t kOptionMtu = 26;
    if (network == nullptr || !network->dhcp) {
        link.leased_mtu = true;
        return;
    }
    const auto option = network->dhcp->options.find(kOptionMtu);
    if (option == network->dhcp->options.end()) { return; }
    const std::string& text = option->second;
    unsigned mtu = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), mtu);
    link.leased_mtu = read.ec != std::errc{} || read.ptr != text.data() + text.size() || mtu < 68 || mtu > 65535;
    if (!link.leased_mtu) { link.mtu = mtu; }
}

// The interface of a namespace whose subnet holds ADDRESS: where a route via it goes out.
std::string Expander::device_towards(const Host& host, const IpAddress& address) const {
    const auto& links = state_.namespaces.at(ns_of(host.name)).links;
    for (const auto& [name, link] : links) {
        for (const auto& own : link.addresses) {
            if (own.contains(address)) { return name; }
        }
    }
    for (const auto& interface : host.interfaces) {  // a subnet that a DHCP client will be in
        if (!interface.network) { continue; }
        const auto& subnet = networks_.at(*interface.network)->subnet;
        if (subnet && subnet->contains(address)) { return interface.name; }
    }
    return host.interfaces.empty() ? "" : host.interfaces.front().name;
}

void Expander::add_routes(const Host& host) {
    Namespace& ns = state_.namespaces[ns_of(host.name)];
    for (const auto& gateway : gateways_of(lab_, host)) {
        const IpAddress any = *IpAddress::parse(gateway.is_v4() ? "0.0.0.0" : "::");
        ns.routes.insert({Prefix{any, 0}, gateway, device_towards(host, gateway)});
    }
    for (const auto& [destination, via] : host.routes) {
        ns.routes.insert({destination.network(), via, device_towards(host, via)});
    }
    for (const auto& interface : host.interfaces) {
        for (const auto& [destination, via] : interface.routes) {
            ns.routes.insert({destination.network(), via, interface.name});
        }
    }
    for (const auto& [address, mac] : host.neighbours) {
        ns.neighbours[{device_towards(host, address), address}] = mac;
    }
}

}  // namespace state_detail

namespace {

constexpr std::string_view kMark = "warren:";

}  // namespace

std::string namespace_of(const Lab& lab, const Host& host) {
    bool taken = lab.root != RootKind::machine;
    if (host.attach && host.attach->netns) {
        const std::string& path = *host.attach->netns;
        taken = taken || path == "/run/netns/" + host.name || path == "/var/run/netns/" + host.name;
    }
    return taken ? lab.name + "." + host.name : host.name;
}

std::string namespace_of(const Lab& lab, const std::string& host) {
    if (const Host* known = lab.find_host(host)) { return namespace_of(lab, *known); }
    return lab.root == RootKind::machine ? host : lab.name + "." + host;
}

std::string attached_mark(const std::string& lab, const std::string& host, const std::string& name) {
    return fmt::format("{}{}@{}", mark_prefix(lab), host, name);
}

NamespaceMark namespace_mark(std::string_view alias) {
    NamespaceMark mark;
    mark.lab = lab_of_mark(alias);
    if (mark.lab.empty()) { return mark; }
    const std::string_view rest = alias.substr(mark_prefix(mark.lab).size());
    const std::size_t at = rest.find('@');
    mark.host = rest.substr(0, at);
    if (at != std::string_view::npos) { mark.name = rest.substr(at + 1); }
    return mark;
}

std::string attached_text(const Attached& is) {
    return is.path.empty() ? fmt::format("process {}", is.pid) : is.path;
}

std::string attached_namespace_text(const Attached& is) {
    return (is.path.empty() ? "the namespace of " : "namespace ") + attached_text(is);
}

std::string root_namespace(const Lab& lab) { return lab.root == RootKind::machine ? kMachineNamespace : lab.name; }

std::string mark_prefix(const std::string& lab) { return fmt::format("{}{}/", kMark, lab); }

std::string lab_of_mark(std::string_view alias) {
    if (!alias.starts_with(kMark)) { return {}; }
    alias.remove_prefix(kMark.size());
    const std::size_t slash = alias.find('/');
    return slash == std::string_view::npos ? std::string{} : std::string(alias.substr(0, slash));
}

// The high byte says 'W'; `ip link show group N` lists a lab's links.
std::uint32_t link_group(const std::string& lab) {
    return 0x57000000U | static_cast<std::uint32_t>(stable_hash(lab) & 0xffffffU);
}

std::string lab_directory(const Site& site, const std::string& lab) { return site.runtime + "/" + lab; }

std::string lease_file(const Site& site, const std::string& lab, const std::string& network) {
    return fmt::format("{}/dhcp/{}.leases", lab_directory(site, lab), network);
}

State expand(const Lab& lab, const Site& site) { return state_detail::Expander(lab, site).run(); }

}  // namespace warren
