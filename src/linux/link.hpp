// Links, addresses, routes and neighbours: requests for them, and dumps of them.
//
// Values of the kernel (no lab is known here). Requests name links by name, so that they can be
// batched with the request that makes the link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/net_types.hpp"
#include "linux/netlink.hpp"

namespace warren {

// A link as RTM_GETLINK tells it.
struct KernelLink {
    int index = 0;
    std::string name;
    std::string kind;  // "veth", "bridge", "tun", "openvswitch", "" (hardware, loopback)
    std::string alias;
    std::string qdisc;        // its root queueing discipline's kind: "noqueue", "tbf"
    std::uint32_t flags = 0;  // IFF_*
    std::uint32_t mtu = 0;
    std::uint32_t group = 0;
    MacAddress mac;
    int master = 0;  // ifindex, 0 none
    int peer = 0;    // IFLA_LINK: a veth's other end, in its own namespace; what a VLAN, a macvlan lies on
    int peer_namespace_id = -1;  // IFLA_LINK_NETNSID: of that namespace as seen from here (NamespaceIds); -1: here
    bool carrier = false;
    bool stp = false;
    bool vlan_filtering = false;    // bridge
    std::uint8_t address_mode = 0;  // IN6_ADDR_GEN_MODE_*
    std::uint32_t number = 0;       // vlan: its VLAN; vxlan: its VNI
};

struct KernelAddress {
    int index = 0;
    Prefix value;
    bool permanent = true;   // no lifetime
    std::uint8_t scope = 0;  // RT_SCOPE_*
};

struct KernelRoute {
    Prefix destination;
    std::optional<IpAddress> via;
    int device = 0;
    std::uint8_t protocol = 0;
    std::uint32_t table = 0;
    std::uint8_t type = 0;
    std::uint32_t metric = 0;
};

struct KernelNeighbour {
    int device = 0;
    IpAddress address;
    MacAddress mac;
    std::uint16_t state = 0;
    std::uint8_t protocol = 0;
};

// What there is in the socket's namespace.
[[nodiscard]] Result<std::vector<KernelLink>> dump_links(nl::Socket& socket);
[[nodiscard]] Result<std::vector<KernelAddress>> dump_addresses(nl::Socket& socket);
[[nodiscard]] Result<std::vector<KernelRoute>> dump_routes(nl::Socket& socket);          // unicast, main table
[[nodiscard]] Result<std::vector<KernelNeighbour>> dump_neighbours(nl::Socket& socket);  // permanent ones
// VLANs of bridge ports by ifindex.
struct KernelPortVlan {
    int index = 0;
    Vlan vlan = 0;
    bool pvid = false;
    bool untagged = false;
};
[[nodiscard]] Result<std::vector<KernelPortVlan>> dump_port_vlans(nl::Socket& socket);
// One link by name; ENODEV where there is none.
[[nodiscard]] Result<KernelLink> find_link(nl::Socket& socket, const std::string& name);
// Decoding of one RTM_NEWLINK, RTM_NEWADDR message, for listeners.
[[nodiscard]] KernelLink parse_link(const nlmsghdr* message);
[[nodiscard]] KernelAddress parse_address(const nlmsghdr* message);

// Requests. `group`: IFLA_GROUP, a link's mark from its first moment on.
struct NewVethEnd {
    std::string name;
    MacAddress mac;
    std::uint32_t mtu = 1500;
    int ns_fd = -1;   // -1: the socket's own namespace
    bool up = false;  // of the end in the socket's namespace only; the kernel ignores it for the peer
    int master = 0;   // ifindex, likewise
};
[[nodiscard]] nl::Message new_veth(const NewVethEnd& end, const NewVethEnd& peer, std::uint32_t group);
[[nodiscard]] nl::Message new_bridge(const std::string& name, const MacAddress& mac, std::uint32_t mtu, bool stp,
                                     bool vlan_filtering, std::uint32_t group);
[[nodiscard]] nl::Message delete_link(const std::string& name);
[[nodiscard]] nl::Message delete_link_group(std::uint32_t group);  // every link of the group, in one go

// Changes of a link by name: only what is given.
struct LinkChange {
    std::optional<std::string> alias;
    std::optional<MacAddress> mac;
    std::optional<std::uint32_t> mtu;
    std::optional<bool> up;
    std::optional<int> master;  // 0: none
    std::optional<std::uint32_t> group;
    std::optional<int> ns_fd;            // move there
    bool no_ipv6_addresses = false;      // IN6_ADDR_GEN_MODE_NONE: the kernel adds no link-local address
    std::optional<bool> stp;             // bridge
    std::optional<bool> vlan_filtering;  // bridge
};
[[nodiscard]] nl::Message change_link(const std::string& name, const LinkChange& change);

// INDEX is the link's ifindex. lifetime: seconds, 0 for ever (a static address).
[[nodiscard]] nl::Message new_address(int index, const Prefix& address, std::uint32_t lifetime = 0);
[[nodiscard]] nl::Message delete_address(int index, const Prefix& address);
[[nodiscard]] nl::Message new_route(const Prefix& destination, const std::optional<IpAddress>& via, int device,
                                    std::uint8_t protocol, std::uint32_t metric = 0);
[[nodiscard]] nl::Message delete_route(const Prefix& destination, const std::optional<IpAddress>& via, int device,
                                       std::uint8_t protocol);
[[nodiscard]] nl::Message new_neighbour(int device, const IpAddress& address, const MacAddress& mac,
                                        std::uint8_t protocol);
[[nodiscard]] nl::Message delete_neighbour(int device, const IpAddress& address);
// A bridge port's VLAN, added or taken away (bridge vlan add/del).
[[nodiscard]] nl::Message port_vlan(int index, Vlan vlan, bool pvid_untagged, bool add);

// Transmit checksum offload of a link in the namespace of SOCKET_FD (any AF_INET socket opened there).
// ethtool ioctls (SIOCETHTOOL), which every kernel has.
[[nodiscard]] Result<bool> tx_checksum(int socket_fd, const std::string& name);
[[nodiscard]] Result<void> set_tx_checksum(int socket_fd, const std::string& name, bool on);

}  // namespace warren
