// The working of expand(): one pass over the lab. Internal to state/; expand.cpp runs it and makes namespaces,
// switches and hosts, expand_links.cpp and expand_processes.cpp are its other chapters. A class, because what
// is found about one element (its switch, the VLANs there, the other end of its link) serves the later ones.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/joined.hpp"
#include "state/address_pools.hpp"
#include "state/expand.hpp"
#include "state/shaping.hpp"

namespace warren::state_detail {

class Expander {
public:
    Expander(const Lab& lab, const Site& site)
        : lab_(lab),
          site_(site),
          root_(root_namespace(lab)),
          directory_(lab_directory(site, lab.name)),
          pools_(lab) {}
    // Once.
    [[nodiscard]] State run();

private:
    using Groups = JoinedNames<std::unordered_map<std::string, std::size_t>>;
    // One end of a link at a switch.
    struct Port {
        std::string name;
        std::optional<Vlan> vlan;
        std::vector<Vlan> trunk;
        Shaping shaping = {};  // of what it sends
    };

    void index();
    [[nodiscard]] bool is_switch(const std::string& name) const { return switches_.contains(name); }
    [[nodiscard]] bool is_ovs(const std::string& name) const {
        const auto found = switches_.find(name);
        return found != switches_.end() && kind_of(lab_, *found->second) == SwitchKind::ovs;
    }
    [[nodiscard]] std::string ns_of(const std::string& host) const {
        const auto found = hosts_.find(host);
        if (found != hosts_.end()) { return namespace_of(lab_, *found->second); }
        return root_.empty() ? host : root_ + "." + host;
    }
    [[nodiscard]] std::string mark(const std::string& object) const { return mark_prefix(lab_.name) + object; }
    [[nodiscard]] MacAddress mac_for(const std::string& object) const {
        return MacAddress::derived(lab_.name + "/" + object);
    }

    // Namespaces, switches, hosts.
    Namespace& make_namespace(const std::string& name, const std::string& host);
    void add_root();
    Namespace& root();
    void add_switch(const Switch& sw);
    void add_server_host(const Network& network);
    void add_host(const Host& host);
    void add_interface(const Host& host, const Interface& interface);
    [[nodiscard]] bool says_mtu(const Interface& interface) const {
        return interface.mtu.has_value() || lab_.defaults.interface_mtu.has_value();
    }
    static void give_leased_mtu(Link& link, const Network* network);
    [[nodiscard]] std::string device_towards(const Host& host, const IpAddress& address) const;
    void add_routes(const Host& host);

    // Links.
    void join_switches(const CableLink& link);
    [[nodiscard]] Shaping shaped(const Impairments& of, const Impairments& back, std::uint32_t mtu) const {
        return shaping_of(of, back, mtu, site_.netem);
    }
    void take_from_links_that_are_down();
    void mark_userspace_carried();
    [[nodiscard]] bool userspace_carries(const std::string& sw) { return userspace_.contains(carried_.of(sw)); }
    void plug(const std::string& host, const std::string& sw, const Port& port, Link link, Wire wire);
    void set_bridge_vlans(const std::string& sw, Link& end, const Port& port);
    void give_native_vlans();
    static std::string vlan_key(const std::string& sw, Vlan vlan) { return fmt::format("{}|{}", sw, vlan); }
    void join_vlans(const std::string& host, const std::string& sw, const Port& port);
    [[nodiscard]] Link host_link(const std::string& host, const std::string& name, std::uint32_t mtu,
                                 const std::optional<MacAddress>& mac) const;
    static void add_link_local(Link& link);
    void add_direct(const std::string& host, Link link, const std::string& other, const std::string& other_name,
                    const Shaping& back);
    void settle(const std::string& host, const std::string& name);
    void join_ends(const std::string& host_a, Link a, const std::string& host_b, Link b);
    void add_switch_link(const CableLink& link);
    void join_switch_vlans(const CableLink& link, const Port& port);
    void add_patch(const std::string& sw, const Port& port, const std::string& peer);
    void add_cable(const std::string& sw_a, const Port& a, const std::string& sw_b, const Port& b,
                   std::uint32_t mtu, bool up);

    // Files and processes.
    void add_directory(const std::string& path);
    void add_files();
    std::string own_etc(const std::string& host, const Host* written, const std::string& shared);
    void put(const std::string& path, std::string content);
    [[nodiscard]] std::vector<IpAddress> known_addresses(const std::string& host) const;
    void add_server_process(const Network& network);
    [[nodiscard]] std::optional<MacAddress> mac_on(const Network& network, const std::string& host) const;
    void add_processes(const Host& host);
    void add_client(const Host& host, const Interface& interface);

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
    std::map<std::pair<std::string, std::string>, Shaping>
        direct_shaping_;  // of the ends that did not write the link
    std::map<std::pair<std::string, std::string>, int> links_between_;
};

}  // namespace warren::state_detail
