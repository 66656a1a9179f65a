// expand: fills in what a lab's file does not say and turns it into what must exist. Called by engine/
// before every comparison with the machine, and by views that show a file.
#include "state/expand.hpp"

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include <fmt/format.h>

#include "base/joined.hpp"
#include "lab/names.hpp"
#include "state/address_pools.hpp"
#include "state/dhcp.hpp"

namespace warren {
namespace {

constexpr std::string_view kMark = "warren:";

using Groups = JoinedNames<std::unordered_map<std::string, std::size_t>>;

// One end of a link at a switch.
struct Port {
    std::string name;
    std::optional<Vlan> vlan;
    std::vector<Vlan> trunk;
};

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

class Expander {
public:
    Expander(const Lab& lab, const Site& site)
        : lab_(lab),
          site_(site),
          root_(root_namespace(lab)),
          directory_(lab_directory(site, lab.name)),
          pools_(lab) {}

    State run() {
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
        give_native_vlans();
        add_files();
        for (const auto& network : lab_.networks) {
            if (network.dhcp) { add_server_process(network); }
        }
        for (const auto& host : lab_.hosts) { add_processes(host); }
        state_.keeper = !state_.processes.empty();
        return std::move(state_);
    }

private:
    void index() {
        for (const auto& sw : lab_.switches) { switches_[sw.name] = &sw; }
        for (const auto& network : lab_.networks) { networks_[network.name] = &network; }
        for (const auto& host : lab_.hosts) { hosts_[host.name] = &host; }
    }

    [[nodiscard]] bool is_switch(const std::string& name) const { return switches_.contains(name); }
    [[nodiscard]] bool is_ovs(const std::string& name) const {
        const auto found = switches_.find(name);
        return found != switches_.end() && kind_of(lab_, *found->second) == SwitchKind::ovs;
    }
    [[nodiscard]] std::string ns_of(const std::string& host) const { return namespace_of(lab_, host); }
    [[nodiscard]] std::string mark(const std::string& object) const { return mark_prefix(lab_.name) + object; }
    [[nodiscard]] MacAddress mac_for(const std::string& object) const {
        return MacAddress::derived(lab_.name + "/" + object);
    }

    Namespace& make_namespace(const std::string& name, const std::string& host) {
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

    void add_root() {
        Namespace& ns = make_namespace(root_, "");
        if (site_.bridge_netfilter) {
            // It would pass every bridged frame through the firewall: a third of the small-packet rate.
            for (const char* family : {"arptables", "ip6tables", "iptables"}) {
                ns.sysctls[std::string("net.bridge.bridge-nf-call-") + family] = "0";
            }
        }
    }

    // The namespace of the switches; in the machine's own it holds only what is the lab's.
    Namespace& root() {
        Namespace& ns = state_.namespaces[root_];
        ns.name = root_;
        return ns;
    }

    void add_switch(const Switch& sw) {
        if (kind_of(lab_, sw) == SwitchKind::ovs) {
            state_.ovs = site_.ovs;
            OvsBridge bridge;
            bridge.name = sw.name;
            bridge.lab = lab_.name;
            const DatapathKind datapath = datapath_of(lab_, sw);
            const bool system = datapath == DatapathKind::system ||
                                (datapath == DatapathKind::automatic && site_.ovs_kernel_datapath);
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

    void join_switches(const CableLink& link) {
        if (is_switch(link.a.node) && is_switch(link.b.node)) { carried_.join(link.a.node, link.b.node); }
    }

    // Frames that reach a userspace datapath must carry finished checksums, so every host whose switch is
    // joined to one by links computes them itself.
    void mark_userspace_carried() {
        for (const auto& [name, bridge] : state_.bridges) {
            if (bridge.datapath_type == "netdev") { userspace_.insert(carried_.of(name)); }
        }
    }
    [[nodiscard]] bool userspace_carries(const std::string& sw) { return userspace_.contains(carried_.of(sw)); }

    // What a switch's port looks like for an interface of HOST.
    void plug(const std::string& host, const std::string& sw, const Port& port, Link link, Wire wire) {
        const std::string ns = ns_of(host);
        if (is_ovs(sw)) {
            OvsPort row;
            row.name = wire == Wire::internal ? link.name : port.name;
            row.type = wire == Wire::internal ? "internal" : "";
            row.tag = port.vlan;
            row.trunks = port.trunk;
            row.lab = lab_.name;
            row.host = host;
            state_.bridges[sw].ports.emplace(row.name, std::move(row));
        }
        join_vlans(host, sw, port);
        if (wire == Wire::internal) {
            link.kind = LinkKind::ovs_internal;
            state_.namespaces[ns].links.emplace(link.name, std::move(link));
            return;
        }
        if (userspace_carries(sw)) { link.tx_checksum = false; }
        Link end;
        end.name = port.name;
        end.kind = LinkKind::veth;
        end.alias = link.alias;
        end.mac = mac_for(host + ":" + link.name + "/port");
        end.mtu = link.mtu;
        end.peer_namespace = ns;
        end.peer = link.name;
        if (!is_ovs(sw)) {
            end.master = sw;
            set_bridge_vlans(sw, end, port);
        }
        link.kind = LinkKind::veth;
        link.peer_namespace = root_;
        link.peer = port.name;
        root().links.emplace(end.name, std::move(end));
        state_.namespaces[ns].links.emplace(link.name, std::move(link));
    }

    void set_bridge_vlans(const std::string& sw, Link& end, const Port& port) {
        if (!port.vlan && port.trunk.empty()) { return; }
        BridgePortVlans vlans;
        vlans.pvid = port.vlan;
        vlans.tagged = port.trunk;
        end.vlans = vlans;
        root().links[sw].vlan_filtering = true;
        auto& seen = bridge_vlans_[sw];
        seen.insert(port.trunk.begin(), port.trunk.end());
        if (port.vlan) { seen.insert(*port.vlan); }
    }

    // On a VLAN-filtering bridge a port without VLANs of its own carries all of them, untagged frames
    // being VLAN 1's: what an Open vSwitch port without a tag does.
    void give_native_vlans() {
        for (const auto& [sw, vlans] : bridge_vlans_) {
            for (auto& [name, link] : root().links) {
                if (link.master != sw || link.vlans) { continue; }
                BridgePortVlans all;
                all.pvid = 1;
                for (const Vlan vlan : vlans) {
                    if (vlan != 1) { all.tagged.push_back(vlan); }
                }
                link.vlans = std::move(all);
            }
        }
    }

    static std::string vlan_key(const std::string& sw, Vlan vlan) { return fmt::format("{}|{}", sw, vlan); }
    void join_vlans(const std::string& host, const std::string& sw, const Port& port) {
        const std::string node = "host " + host;
        if (port.trunk.empty()) { reach_.join(node, vlan_key(sw, port.vlan.value_or(0))); }
        for (const Vlan vlan : port.trunk) { reach_.join(node, vlan_key(sw, vlan)); }
        if (port.vlan) { all_vlans_.insert(*port.vlan); }
        all_vlans_.insert(port.trunk.begin(), port.trunk.end());
    }

    [[nodiscard]] Link host_link(const std::string& host, const std::string& name, std::uint32_t mtu,
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
    static void add_link_local(Link& link) {
        const bool v6 = std::any_of(link.addresses.begin(), link.addresses.end(),
                                    [](const Prefix& address) { return !address.address.is_v4(); });
        if (v6) { link.addresses.insert(link.mac.link_local()); }
    }

    void add_server_host(const Network& network) {
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

    void add_host(const Host& host) {
        const std::string ns_name = ns_of(host.name);
        Namespace& ns = make_namespace(ns_name, host.name);
        if (forwarding_of(lab_, host)) {
            ns.sysctls["net.ipv4.ip_forward"] = "1";
            ns.sysctls["net.ipv6.conf.all.forwarding"] = "1";
        }
        for (const auto& [key, value] : sysctls_of(lab_, host)) { ns.sysctls[key] = one_spaced(value); }
        for (const auto& interface : host.interfaces) { add_interface(host, interface); }
    }

    void add_interface(const Host& host, const Interface& interface) {
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
        if (interface.to && !is_switch(interface.to->node)) {
            add_direct(host.name, std::move(link), interface.to->node, interface.to->port.value_or(interface.name));
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

    [[nodiscard]] bool says_mtu(const Interface& interface) const {
        return interface.mtu.has_value() || lab_.defaults.interface_mtu.has_value();
    }

    // The MTU that the lab's own server will give (option 26); of another server's it is not known.
    static void give_leased_mtu(Link& link, const Network* network) {
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
        link.leased_mtu =
            read.ec != std::errc{} || read.ptr != text.data() + text.size() || mtu < 68 || mtu > 65535;
        if (!link.leased_mtu) { link.mtu = mtu; }
    }

    // A direct link: the interface that wrote it, and the other end, which may be declared without a
    // `to` of its own, before or after, or not at all.
    void add_direct(const std::string& host, Link link, const std::string& other, const std::string& other_name) {
        const auto key = std::pair(other, other_name);
        direct_.emplace(key, std::pair(host, link.name));
        reach_.join("host " + host, "host " + other);
        const bool declared = [&] {
            const auto found = hosts_.find(other);
            return found != hosts_.end() &&
                   std::any_of(found->second->interfaces.begin(), found->second->interfaces.end(),
                               [&](const Interface& interface) { return interface.name == other_name; });
        }();
        if (!declared) {
            Link end = host_link(other, other_name, link.mtu, std::nullopt);
            loose_.emplace(key, std::move(end));
        }
        loose_.emplace(std::pair(host, link.name), std::move(link));
        settle(other, other_name);
    }

    // Puts a direct link in place as soon as both of its ends are known.
    void settle(const std::string& host, const std::string& name) {
        const auto wire = direct_.find({host, name});
        if (wire == direct_.end()) { return; }
        const auto here = loose_.find({host, name});
        const auto there = loose_.find(wire->second);
        if (here == loose_.end() || there == loose_.end()) { return; }
        join_ends(host, std::move(here->second), wire->second.first, std::move(there->second));
        loose_.erase(here);
        loose_.erase(wire->second);
    }

    void join_ends(const std::string& host_a, Link a, const std::string& host_b, Link b) {
        a.peer_namespace = ns_of(host_b);
        a.peer = b.name;
        b.peer_namespace = ns_of(host_a);
        b.peer = a.name;
        b.alias = a.alias;
        state_.namespaces[ns_of(host_a)].links.emplace(a.name, std::move(a));
        state_.namespaces[ns_of(host_b)].links.emplace(b.name, std::move(b));
    }

    void add_switch_link(const CableLink& link) {
        const bool a_switch = is_switch(link.a.node);
        const bool b_switch = is_switch(link.b.node);
        Port a{link.a.port.value_or(""), link.vlan, link.trunk};
        std::sort(a.trunk.begin(), a.trunk.end());
        Port b = a;
        b.name = link.b.port.value_or("");
        const std::uint32_t mtu = link.mtu.value_or(mtu_of(lab_, Interface{}));
        if (a_switch && b_switch) {
            const int number = ++links_between_[std::minmax(link.a.node, link.b.node)];
            if (a.name.empty()) { a.name = default_port_name(link.a.node, link.b.node, number); }
            if (b.name.empty()) { b.name = default_port_name(link.b.node, link.a.node, number); }
            join_switch_vlans(link, a);
            if (is_ovs(link.a.node) && is_ovs(link.b.node)) {
                add_patch(link.a.node, a, b.name);
                add_patch(link.b.node, b, a.name);
            } else {
                add_cable(link.a.node, a, link.b.node, b, mtu);
            }
            return;
        }
        // A host's interface that is declared under the host without an other end.
        if (a_switch || b_switch) {
            const LinkEnd& host_end = a_switch ? link.b : link.a;
            Port port = a_switch ? a : b;
            if (port.name.empty()) { port.name = default_peer_name(host_end.node, *host_end.port); }
            const auto found = loose_.find({host_end.node, *host_end.port});
            if (found == loose_.end()) { return; }
            Link end = std::move(found->second);
            loose_.erase(found);
            if (link.mtu) { end.mtu = *link.mtu; }
            plug(host_end.node, a_switch ? link.a.node : link.b.node, port, std::move(end), Wire::veth);
            return;
        }
        const auto end_a = loose_.find({link.a.node, link.a.port.value_or("")});
        const auto end_b = loose_.find({link.b.node, link.b.port.value_or("")});
        if (end_a == loose_.end() || end_b == loose_.end()) { return; }
        if (link.mtu) {
            end_a->second.mtu = *link.mtu;
            end_b->second.mtu = *link.mtu;
        }
        reach_.join("host " + link.a.node, "host " + link.b.node);
        join_ends(link.a.node, std::move(end_a->second), link.b.node, std::move(end_b->second));
        loose_.erase(end_a);
        loose_.erase(loose_.find({link.b.node, link.b.port.value_or("")}));
    }

    void join_switch_vlans(const CableLink& link, const Port& port) {
        auto join = [&](Vlan vlan) { reach_.join(vlan_key(link.a.node, vlan), vlan_key(link.b.node, vlan)); };
        for (const Vlan vlan : port.trunk) { join(vlan); }
        if (port.vlan) { join(*port.vlan); }
        if (port.trunk.empty() && !port.vlan) {
            join(0);
            for (const Vlan vlan : all_vlans_) { join(vlan); }
        }
    }

    void add_patch(const std::string& sw, const Port& port, const std::string& peer) {
        OvsPort row;
        row.name = port.name;
        row.type = "patch";
        row.peer = peer;
        row.tag = port.vlan;
        row.trunks = port.trunk;
        row.lab = lab_.name;
        state_.bridges[sw].ports.emplace(row.name, std::move(row));
    }

    // A veth pair between two switches of which at least one is a Linux bridge.
    void add_cable(const std::string& sw_a, const Port& a, const std::string& sw_b, const Port& b,
                   std::uint32_t mtu) {
        auto end = [&](const std::string& sw, const Port& port, const Port& other) {
            Link link;
            link.name = port.name;
            link.kind = LinkKind::veth;
            link.alias = mark(sw_a + ":" + a.name);
            link.mac = mac_for(sw + ":" + port.name);
            link.mtu = mtu;
            link.peer_namespace = root_;
            link.peer = other.name;
            if (userspace_carries(sw)) { link.tx_checksum = false; }
            if (is_ovs(sw)) {
                OvsPort row;
                row.name = port.name;
                row.tag = port.vlan;
                row.trunks = port.trunk;
                row.lab = lab_.name;
                state_.bridges[sw].ports.emplace(row.name, std::move(row));
            } else {
                link.master = sw;
                set_bridge_vlans(sw, link, port);
            }
            root().links.emplace(link.name, std::move(link));
        };
        end(sw_a, a, b);
        end(sw_b, b, a);
    }

    // The interface of a namespace whose subnet holds ADDRESS: where a route via it goes out.
    [[nodiscard]] std::string device_towards(const Host& host, const IpAddress& address) const {
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

    void add_routes(const Host& host) {
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

    void add_directory(const std::string& path) {
        File file;
        file.directory = true;
        state_.files.emplace(path, file);
    }

    // Every host's own /etc/resolv.conf and /etc/hosts, found where ip-netns(8) looks for them. Hosts with
    // the same content share one directory, so that a lab of N hosts does not write N files of N lines.
    void add_files() {
        if (state_.namespaces.empty()) { return; }
        add_directory(directory_ + "/etc");
        struct Member {
            std::string host;
            const Host* written;
        };
        std::map<std::size_t, std::vector<Member>> parts;  // by what reaches each other
        std::vector<Member> members;
        members.reserve(lab_.hosts.size() + lab_.networks.size());
        for (const auto& host : lab_.hosts) { members.push_back({host.name, &host}); }
        for (const auto& network : lab_.networks) {
            if (network.dhcp) { members.push_back({dhcp_host_name(network), nullptr}); }
        }
        for (const auto& member : members) { parts[reach_.of("host " + member.host)].push_back(member); }
        for (const auto& [part, in] : parts) {
            const std::string shared = fmt::format("{}/etc/with-{}", directory_, in.front().host);
            std::string hosts = fmt::format(
                "# made by warren for {}\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n",
                lab_.name);
            for (const auto& member : in) {
                for (const auto& address : known_addresses(member.host)) {
                    hosts += fmt::format("{}\t{}\n", address.to_string(), member.host);
                }
            }
            add_directory(shared);
            put(shared + "/hosts", hosts);
            put(shared + "/resolv.conf", fmt::format("# made by warren for {}: no name server\n", lab_.name));
            for (const auto& member : in) {
                const std::string own = own_etc(member.host, member.written, shared);
                File link;
                link.link_target = own;
                state_.files.emplace(site_.etc_netns + "/" + ns_of(member.host), link);
            }
        }
    }

    // The directory that a host's /etc files are in: the shared one, or one of its own where it differs.
    std::string own_etc(const std::string& host, const Host* written, const std::string& shared) {
        if (written == nullptr) { return shared; }
        const auto dns = dns_of(lab_, *written);
        const auto& links = state_.namespaces.at(ns_of(host)).links;
        const bool dhcp =
            std::any_of(links.begin(), links.end(), [](const auto& link) { return link.second.dhcp; });
        if (dns.empty() && !dhcp) { return shared; }
        std::string own = fmt::format("{}/etc/of-{}", directory_, host);
        add_directory(own);
        File hosts;
        hosts.link_target = shared + "/hosts";
        state_.files.emplace(own + "/hosts", hosts);
        std::string resolv = fmt::format("# made by warren for {}/{}\n", lab_.name, host);
        for (const auto& server : dns) { resolv += "nameserver " + server.to_string() + "\n"; }
        put(own + "/resolv.conf", resolv);
        state_.files[own + "/resolv.conf"].seed_only = dhcp && dns.empty();
        return own;
    }

    void put(const std::string& path, std::string content) {
        File file;
        file.content = std::move(content);
        state_.files[path] = std::move(file);
    }

    [[nodiscard]] std::vector<IpAddress> known_addresses(const std::string& host) const {
        std::vector<IpAddress> addresses;
        for (const auto& [name, link] : state_.namespaces.at(ns_of(host)).links) {
            for (const auto& address : link.addresses) {
                if (!address.address.is_link_local()) { addresses.push_back(address.address); }
            }
        }
        return addresses;
    }

    void add_server_process(const Network& network) {
        const Dhcp& dhcp = *network.dhcp;
        const std::string host = dhcp_host_name(network);
        DhcpServer server;
        server.lab = lab_.name;
        server.network = network.name;
        server.interface = dhcp_interface_name(network);
        server.address = server_addresses_[network.name];
        pools_.take(network, server.address.address);
        server.range = dhcp.range ? *dhcp.range : pools_.free_range(network);
        server.lease_time = dhcp.lease_time.value_or(std::chrono::hours(1));
        server.gateway = dhcp.gateway;
        server.dns = dhcp.dns;
        server.options = dhcp.options;
        server.directory = directory_ + "/dhcp";
        server.lease_file = lease_file(site_, lab_.name, network.name);
        server.program = site_.dnsmasq;
        for (const auto& [reserved, address] : dhcp.reservations) {
            if (const auto mac = mac_on(network, reserved)) {
                server.reservations.push_back({*mac, reserved, address});
            }
        }
        DhcpServerPlan plan = plan_dhcp_server(server);
        Process process;
        process.host = host;
        process.name = "dnsmasq";
        process.net_namespace = ns_of(host);
        process.role = ProcessRole::dhcp_server;
        process.device = server.interface;
        process.network = network.name;
        process.command = std::move(plan.command);
        process.reload_files = std::move(plan.reload_files);
        add_directory(directory_ + "/dhcp");
        for (auto& [path, content] : plan.files) { put(path, std::move(content)); }
        state_.processes.emplace(std::pair(host, process.name), std::move(process));
    }

    [[nodiscard]] std::optional<MacAddress> mac_on(const Network& network, const std::string& host) const {
        const auto found = hosts_.find(host);
        if (found == hosts_.end()) { return std::nullopt; }
        const auto& links = state_.namespaces.at(ns_of(host)).links;
        for (const auto& interface : found->second->interfaces) {
            if (interface.network == network.name) { return links.at(interface.name).mac; }
        }
        return std::nullopt;
    }

    void add_processes(const Host& host) {
        const auto& links = state_.namespaces.at(ns_of(host.name)).links;
        for (const auto& interface : host.interfaces) {
            const auto link = links.find(interface.name);
            if (link != links.end() && link->second.dhcp) { add_client(host, interface); }
        }
        for (const auto& service : host.run) {
            Process process;
            process.host = host.name;
            process.name = service.name;
            process.net_namespace = ns_of(host.name);
            process.command = service.command;
            process.restart = service.restart.value_or(Restart::always);
            process.own_etc = true;
            state_.processes.emplace(std::pair(host.name, service.name), std::move(process));
        }
    }

    void add_client(const Host& host, const Interface& interface) {
        DhcpClient client;
        client.lab = lab_.name;
        client.host = host.name;
        client.interface = interface.name;
        client.directory = directory_ + "/dhcp";
        client.program = site_.dhcp_client;
        client.script = directory_ + "/dhcp/dhcp-script";
        if (dns_of(lab_, host).empty()) {
            client.resolv_conf = fmt::format("{}/etc/of-{}/resolv.conf", directory_, host.name);
        }
        client.takes_mtu = !says_mtu(interface);
        if (interface.network) {
            const Network& network = *networks_.at(*interface.network);
            client.network = network.name;
            client.subnet = network.subnet;
            if (network.dhcp) {
                const auto reserved = network.dhcp->reservations.find(host.name);
                if (reserved != network.dhcp->reservations.end()) { client.reserved = reserved->second; }
            }
        }
        DhcpClientPlan plan = plan_dhcp_client(client);
        Process process;
        process.host = host.name;
        process.name = "dhcp-" + interface.name;
        process.net_namespace = ns_of(host.name);
        process.role = ProcessRole::dhcp_client;
        process.device = interface.name;
        process.network = interface.network.value_or("");
        process.command = std::move(plan.command);
        process.environment = std::move(plan.environment);
        process.restart_files = std::move(plan.restart_files);
        add_directory(directory_ + "/dhcp");
        for (auto& [path, content] : plan.files) { put(path, std::move(content)); }
        File script;
        script.link_target = site_.warren;
        state_.files.emplace(client.script, script);
        state_.processes.emplace(std::pair(host.name, process.name), std::move(process));
    }

    const Lab& lab_;
    const Site& site_;
    const std::string root_;
    const std::string directory_;
    State state_;
    std::unordered_map<std::string, const Switch*> switches_;
    std::unordered_map<std::string, const Network*> networks_;
    std::unordered_map<std::string, const Host*> hosts_;
    Groups carried_;  // switches joined by links
    Groups reach_;    // hosts and VLANs of switches that reach each other
    std::set<Vlan> all_vlans_;
    std::set<std::size_t> userspace_;
    AddressPools pools_;
    std::map<std::string, Prefix> server_addresses_;
    std::map<std::string, std::set<Vlan>> bridge_vlans_;
    std::map<std::pair<std::string, std::string>, Link> loose_;  // interfaces waiting for their other end
    std::map<std::pair<std::string, std::string>, std::pair<std::string, std::string>> direct_;
    std::map<std::pair<std::string, std::string>, int> links_between_;
};

}  // namespace

std::string namespace_of(const Lab& lab, const std::string& host) {
    return lab.root == RootKind::machine ? host : lab.name + "." + host;
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

State expand(const Lab& lab, const Site& site) { return Expander(lab, site).run(); }

}  // namespace warren
