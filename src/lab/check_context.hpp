// What the checks of a lab share: one index of its names and of where each interface is tied. Internal to lab/.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/joined.hpp"
#include "lab/keys.hpp"
#include "lab/lab.hpp"

namespace warren {

// Where an interface's other end is.
struct Attachment {
    const Switch* sw = nullptr;        // the switch that it is a port of; nullptr: a direct link, or not known
    const Network* network = nullptr;  // its own, where it is known
    std::size_t domain = 0;            // broadcast domain
};

// An end of a link as text: "NODE:PORT".
[[nodiscard]] inline std::string end_text(const std::string& node, const std::string& port) {
    return node + ":" + port;
}

// What would be right for an address that is not one of SUBNET's hosts: "its hosts are FIRST to LAST".
[[nodiscard]] std::string hosts_of(const Prefix& subnet);

class CheckContext {
public:
    CheckContext(const Lab& lab_, Diagnostics& diagnostics_);

    const Lab& lab;
    Diagnostics& diagnostics;
    // By name; of two with one name the first.
    std::unordered_map<std::string_view, const Switch*> switches;
    std::unordered_map<std::string_view, const Network*> networks;
    std::unordered_map<std::string_view, const Host*> hosts;
    std::unordered_map<std::string, const Network*> servers;       // by the DHCP server's host
    std::unordered_map<std::string, const Interface*> interfaces;  // by end_text()
    // Made by check_wiring(), for each interface of each host.
    std::unordered_map<const Interface*, Attachment> attachments;
    std::unordered_map<const Network*, std::size_t> network_domains;

    void mistake(Position at, const std::string& message, const std::string& hint = {}) {
        diagnostics.add(at, message, hint);
    }
    [[nodiscard]] const Switch* find_switch(std::string_view name) const { return find(switches, name); }
    [[nodiscard]] const Network* find_network(std::string_view name) const { return find(networks, name); }
    [[nodiscard]] const Host* find_host(std::string_view name) const { return find(hosts, name); }
    // "did you mean 'X'?", or "".
    [[nodiscard]] std::string near_switch(std::string_view name);
    [[nodiscard]] std::string near_network(std::string_view name);
    [[nodiscard]] std::string near_host(std::string_view name, bool servers_too);
    [[nodiscard]] std::string near_node(std::string_view name);

    void check_interface_name(const std::string& name, Position at);
    void check_node_name(const std::string& name, std::string_view kind, Position at);
    void check_vlan(const std::optional<Vlan>& vlan, Position at);
    void check_mtu(const std::optional<std::uint32_t>& mtu, Position at);
    void check_sysctls(const std::map<std::string, std::string>& sysctls, const Places& places, Position at);

private:
    template <class T>
    static const T* find(const std::unordered_map<std::string_view, const T*>& map, std::string_view name) {
        const auto found = map.find(name);
        return found == map.end() ? nullptr : found->second;
    }
    std::string near(std::string_view name, const std::vector<std::string_view>& known);

    Nearest nearest_;
};

// In this order; each adds to the context's diagnostics.
void check_switches(CheckContext& context);
void check_wiring(CheckContext& context);    // interfaces' other ends, links, ports, VLANs, loops
void check_networks(CheckContext& context);  // subnets, DHCP servers
void check_hosts(CheckContext& context);     // addresses, routes, neighbours, services
void check_expectations(CheckContext& context);

}  // namespace warren
