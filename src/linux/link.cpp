// rtnetlink's words for links, addresses, routes and neighbours. Called by engine/, services/, probe/.
#include "linux/link.hpp"

#include <cerrno>
#include <cstring>

#include <linux/ethtool.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>

namespace warren {
namespace {

std::optional<IpAddress> address_of(const nl::Attributes& found, std::uint16_t type) {
    const auto* attribute = found[type];
    if (attribute == nullptr) { return std::nullopt; }
    const std::size_t size = mnl_attr_get_payload_len(attribute);
    if (size != 4 && size != 16) { return std::nullopt; }
    return IpAddress::from_bytes(mnl_attr_get_payload(attribute), size);
}

MacAddress mac_of(const nl::Attributes& found, std::uint16_t type) {
    MacAddress mac;
    if (const auto* attribute = found[type]; attribute != nullptr && mnl_attr_get_payload_len(attribute) == 6) {
        std::memcpy(mac.bytes.data(), mnl_attr_get_payload(attribute), 6);
    }
    return mac;
}

std::uint8_t family(const IpAddress& address) { return address.is_v4() ? AF_INET : AF_INET6; }

ifinfomsg link_header(bool set_up, bool up) {
    ifinfomsg head{};
    head.ifi_family = AF_UNSPEC;
    if (set_up) {
        head.ifi_change = IFF_UP;
        head.ifi_flags = up ? IFF_UP : 0;
    }
    return head;
}

// AF_INET6 settings inside IFLA_AF_SPEC.
void put_no_ipv6_addresses(nl::Message& message) {
    message.begin_nest(IFLA_AF_SPEC).begin_nest(AF_INET6);
    message.put_u8(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
    message.end_nest().end_nest();
}

void put_end(nl::Message& message, const NewVethEnd& end, std::uint32_t group) {
    message.put_string(IFLA_IFNAME, end.name);
    message.put(IFLA_ADDRESS, end.mac.bytes.data(), 6);
    message.put_u32(IFLA_MTU, end.mtu);
    message.put_u32(IFLA_GROUP, group);
    // The kernel would make one for each processor and use one; giving the others up again costs an RCU wait each end.
    message.put_u32(IFLA_NUM_TX_QUEUES, 1);
    message.put_u32(IFLA_NUM_RX_QUEUES, 1);
    if (end.ns_fd >= 0) { message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(end.ns_fd)); }
    if (end.master != 0) { message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(end.master)); }
}

}  // namespace

KernelLink parse_link(const nlmsghdr* message) {
    const auto* head = nl::body<ifinfomsg>(message);
    const auto found = nl::attributes<ifinfomsg>(message);
    KernelLink link;
    link.index = head->ifi_index;
    link.flags = head->ifi_flags;
    link.name = found.text(IFLA_IFNAME);
    link.alias = found.text(IFLA_IFALIAS);
    link.qdisc = found.text(IFLA_QDISC);
    link.mtu = found.u32(IFLA_MTU);
    link.group = found.u32(IFLA_GROUP);
    link.mac = mac_of(found, IFLA_ADDRESS);
    link.master = static_cast<int>(found.u32(IFLA_MASTER));
    link.peer = static_cast<int>(found.u32(IFLA_LINK));
    link.peer_namespace_id = static_cast<int>(found.u32(IFLA_LINK_NETNSID, ~0U));
    link.carrier = found.u8(IFLA_CARRIER) != 0;
    const auto info = found.nested(IFLA_LINKINFO);
    link.kind = info.text(IFLA_INFO_KIND);
    if (link.kind == "bridge") {
        const auto data = info.nested(IFLA_INFO_DATA);
        link.stp = data.u32(IFLA_BR_STP_STATE) != 0;
        link.vlan_filtering = data.u8(IFLA_BR_VLAN_FILTERING) != 0;
    }
    if (link.kind == "vlan") { link.number = info.nested(IFLA_INFO_DATA).u16(IFLA_VLAN_ID); }
    if (link.kind == "vxlan") { link.number = info.nested(IFLA_INFO_DATA).u32(IFLA_VXLAN_ID); }
    link.address_mode = found.nested(IFLA_AF_SPEC).nested(AF_INET6).u8(IFLA_INET6_ADDR_GEN_MODE);
    return link;
}

KernelAddress parse_address(const nlmsghdr* message) {
    const auto* head = nl::body<ifaddrmsg>(message);
    const auto found = nl::attributes<ifaddrmsg>(message);
    KernelAddress address;
    address.index = static_cast<int>(head->ifa_index);
    address.scope = head->ifa_scope;
    address.permanent = (found.u32(IFA_FLAGS, head->ifa_flags) & IFA_F_PERMANENT) != 0;
    auto value = address_of(found, IFA_LOCAL);
    if (!value) { value = address_of(found, IFA_ADDRESS); }
    if (value) { address.value = {*value, head->ifa_prefixlen}; }
    return address;
}

Result<std::vector<KernelLink>> dump_links(nl::Socket& socket) {
    std::vector<KernelLink> links;
    nl::Message message(RTM_GETLINK, NLM_F_DUMP);
    message.header(ifinfomsg{});
    constexpr std::uint32_t kSkipStatistics = 1U << 3U;  // RTEXT_FILTER_SKIP_STATS
    message.put_u32(IFLA_EXT_MASK, kSkipStatistics);
    WARREN_TRY(socket.dump(
        std::move(message), "list links",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type == RTM_NEWLINK) { links.push_back(parse_link(answer)); }
        },
        [&] { links.clear(); }));
    return links;
}

Result<std::vector<KernelAddress>> dump_addresses(nl::Socket& socket) {
    std::vector<KernelAddress> addresses;
    nl::Message message(RTM_GETADDR, NLM_F_DUMP);
    message.header(ifaddrmsg{});
    WARREN_TRY(socket.dump(
        std::move(message), "list addresses",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type == RTM_NEWADDR) { addresses.push_back(parse_address(answer)); }
        },
        [&] { addresses.clear(); }));
    return addresses;
}

Result<std::vector<KernelRoute>> dump_routes(nl::Socket& socket) {
    std::vector<KernelRoute> routes;
    nl::Message message(RTM_GETROUTE, NLM_F_DUMP);
    message.header(rtmsg{});
    WARREN_TRY(socket.dump(
        std::move(message), "list routes",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWROUTE) { return; }
            const auto* head = nl::body<rtmsg>(answer);
            const auto found = nl::attributes<rtmsg>(answer);
            if ((head->rtm_flags & RTM_F_CLONED) != 0 || head->rtm_type != RTN_UNICAST) { return; }
            KernelRoute route;
            route.table = found.u32(RTA_TABLE, head->rtm_table);
            if (route.table != RT_TABLE_MAIN) { return; }
            route.type = head->rtm_type;
            route.protocol = head->rtm_protocol;
            route.metric = found.u32(RTA_PRIORITY);
            route.device = static_cast<int>(found.u32(RTA_OIF));
            route.via = address_of(found, RTA_GATEWAY);
            const std::uint8_t none[16] = {};
            route.destination.address =
                address_of(found, RTA_DST)
                    .value_or(IpAddress::from_bytes(none, head->rtm_family == AF_INET ? 4 : 16));
            route.destination.length = head->rtm_dst_len;
            routes.push_back(route);
        },
        [&] { routes.clear(); }));
    return routes;
}

Result<std::vector<KernelNeighbour>> dump_neighbours(nl::Socket& socket) {
    std::vector<KernelNeighbour> neighbours;
    nl::Message message(RTM_GETNEIGH, NLM_F_DUMP);
    message.header(ndmsg{});
    WARREN_TRY(socket.dump(
        std::move(message), "list neighbours",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWNEIGH) { return; }
            const auto* head = nl::body<ndmsg>(answer);
            const auto found = nl::attributes<ndmsg>(answer);
            const auto address = address_of(found, NDA_DST);
            if (!address || (head->ndm_state & NUD_PERMANENT) == 0) { return; }
            neighbours.push_back(
                {head->ndm_ifindex, *address, mac_of(found, NDA_LLADDR), head->ndm_state, found.u8(NDA_PROTOCOL)});
        },
        [&] { neighbours.clear(); }));
    return neighbours;
}

Result<std::vector<KernelPortVlan>> dump_port_vlans(nl::Socket& socket) {
    std::vector<KernelPortVlan> vlans;
    nl::Message message(RTM_GETLINK, NLM_F_DUMP);
    ifinfomsg head{};
    head.ifi_family = AF_BRIDGE;
    message.header(head);
    message.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN);
    WARREN_TRY(socket.dump(
        std::move(message), "list VLANs of bridge ports",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWLINK) { return; }
            const int index = nl::body<ifinfomsg>(answer)->ifi_index;
            const auto* specification = nl::attributes<ifinfomsg>(answer)[IFLA_AF_SPEC];
            if (specification == nullptr) { return; }
            // The nest repeats one type, once for each VLAN, so it is walked and not indexed.
            const auto* at = static_cast<const char*>(mnl_attr_get_payload(specification));
            int left = mnl_attr_get_payload_len(specification);
            for (const auto* attribute = reinterpret_cast<const nlattr*>(at); mnl_attr_ok(attribute, left);
                 left -= MNL_ALIGN(attribute->nla_len), attribute = mnl_attr_next(attribute)) {
                if (mnl_attr_get_type(attribute) != IFLA_BRIDGE_VLAN_INFO ||
                    mnl_attr_get_payload_len(attribute) < sizeof(bridge_vlan_info)) {
                    continue;
                }
                bridge_vlan_info info{};
                std::memcpy(&info, mnl_attr_get_payload(attribute), sizeof info);
                vlans.push_back({index, info.vid, (info.flags & BRIDGE_VLAN_INFO_PVID) != 0,
                                 (info.flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0});
            }
        },
        [&] { vlans.clear(); }));
    return vlans;
}

Result<KernelLink> find_link(nl::Socket& socket, const std::string& name) {
    nl::Message message(RTM_GETLINK, 0);
    message.header(ifinfomsg{});
    message.put_string(IFLA_IFNAME, name);
    KernelLink link;
    WARREN_TRY(socket.ask(std::move(message), "find link " + name,
                          [&](const nlmsghdr* answer) { link = parse_link(answer); }));
    return link;
}

nl::Message new_veth(const NewVethEnd& end, const NewVethEnd& peer, std::uint32_t group) {
    nl::Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.header(link_header(end.up, end.up));
    put_end(message, end, group);
    message.begin_nest(IFLA_LINKINFO);
    message.put_string(IFLA_INFO_KIND, "veth");
    message.begin_nest(IFLA_INFO_DATA).begin_nest(VETH_INFO_PEER);
    message.header(ifinfomsg{});
    put_end(message, peer, group);
    message.end_nest().end_nest().end_nest();
    return message;
}

nl::Message new_bridge(const std::string& name, const MacAddress& mac, std::uint32_t mtu, bool stp,
                       bool vlan_filtering, std::uint32_t group) {
    nl::Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
    message.header(ifinfomsg{});
    message.put_string(IFLA_IFNAME, name);
    message.put(IFLA_ADDRESS, mac.bytes.data(), 6);
    message.put_u32(IFLA_MTU, mtu);
    message.put_u32(IFLA_GROUP, group);
    message.begin_nest(IFLA_LINKINFO);
    message.put_string(IFLA_INFO_KIND, "bridge");
    message.begin_nest(IFLA_INFO_DATA);
    message.put_u32(IFLA_BR_STP_STATE, stp ? 1 : 0);
    if (vlan_filtering) {
        message.put_u8(IFLA_BR_VLAN_FILTERING, 1);
        message.put_u16(IFLA_BR_VLAN_DEFAULT_PVID, 0);
    }
    message.end_nest().end_nest();
    return message;
}

nl::Message delete_link(const std::string& name) {
    nl::Message message(RTM_DELLINK, 0);
    message.header(ifinfomsg{});
    message.put_string(IFLA_IFNAME, name);
    return message;
}

nl::Message delete_link_group(std::uint32_t group) {
    nl::Message message(RTM_DELLINK, 0);
    message.header(ifinfomsg{});
    message.put_u32(IFLA_GROUP, group);
    return message;
}

nl::Message change_link(const std::string& name, const LinkChange& change) {
    nl::Message message(RTM_NEWLINK, 0);
    message.header(link_header(change.up.has_value(), change.up.value_or(false)));
    message.put_string(IFLA_IFNAME, name);
    if (change.alias) { message.put(IFLA_IFALIAS, change.alias->data(), change.alias->size()); }
    if (change.mac) { message.put(IFLA_ADDRESS, change.mac->bytes.data(), 6); }
    if (change.mtu) { message.put_u32(IFLA_MTU, *change.mtu); }
    if (change.master) { message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(*change.master)); }
    if (change.group) { message.put_u32(IFLA_GROUP, *change.group); }
    if (change.ns_fd) { message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(*change.ns_fd)); }
    if (change.no_ipv6_addresses) { put_no_ipv6_addresses(message); }
    if (change.stp || change.vlan_filtering) {
        message.begin_nest(IFLA_LINKINFO);
        message.put_string(IFLA_INFO_KIND, "bridge");
        message.begin_nest(IFLA_INFO_DATA);
        if (change.stp) { message.put_u32(IFLA_BR_STP_STATE, *change.stp ? 1 : 0); }
        if (change.vlan_filtering) { message.put_u8(IFLA_BR_VLAN_FILTERING, *change.vlan_filtering ? 1 : 0); }
        message.end_nest().end_nest();
    }
    return message;
}

namespace {

nl::Message address_message(std::uint16_t type, std::uint16_t flags, int index, const Prefix& address) {
    nl::Message message(type, flags);
    ifaddrmsg head{};
    head.ifa_family = family(address.address);
    head.ifa_prefixlen = address.length;
    head.ifa_index = static_cast<std::uint32_t>(index);
    if (address.address.is_link_local() && !address.address.is_v4()) { head.ifa_scope = RT_SCOPE_LINK; }
    message.header(head);
    message.put_address(IFA_LOCAL, address.address);
    message.put_address(IFA_ADDRESS, address.address);
    return message;
}

nl::Message route_message(std::uint16_t type, std::uint16_t flags, const Prefix& destination,
                          const std::optional<IpAddress>& via, int device, std::uint8_t protocol,
                          std::uint32_t metric) {
    nl::Message message(type, flags);
    rtmsg head{};
    head.rtm_family = family(destination.address);
    head.rtm_dst_len = destination.length;
    head.rtm_table = RT_TABLE_MAIN;
    head.rtm_protocol = protocol;
    head.rtm_type = RTN_UNICAST;
    head.rtm_scope = via || !destination.address.is_v4() ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    message.header(head);
    if (destination.length > 0) { message.put_address(RTA_DST, destination.address); }
    if (via) { message.put_address(RTA_GATEWAY, *via); }
    message.put_u32(RTA_OIF, static_cast<std::uint32_t>(device));
    if (metric != 0) { message.put_u32(RTA_PRIORITY, metric); }
    return message;
}

nl::Message neighbour_message(std::uint16_t type, std::uint16_t flags, int device, const IpAddress& address) {
    nl::Message message(type, flags);
    ndmsg head{};
    head.ndm_family = family(address);
    head.ndm_ifindex = device;
    head.ndm_state = NUD_PERMANENT;
    message.header(head);
    message.put_address(NDA_DST, address);
    return message;
}

}  // namespace

nl::Message new_address(int index, const Prefix& address, std::uint32_t lifetime) {
    nl::Message message = address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
    if (address.address.is_v4()) {
        if (address.length < 31) { message.put_address(IFA_BROADCAST, address.last()); }
    } else {
        message.put_u32(IFA_FLAGS, IFA_F_NODAD);  // the lab file's check has found duplicates already
    }
    if (lifetime != 0) {
        ifa_cacheinfo times{};
        times.ifa_prefered = lifetime;
        times.ifa_valid = lifetime;
        message.put(IFA_CACHEINFO, &times, sizeof times);
    }
    return message;
}

nl::Message delete_address(int index, const Prefix& address) {
    return address_message(RTM_DELADDR, 0, index, address);
}

nl::Message new_route(const Prefix& destination, const std::optional<IpAddress>& via, int device,
                      std::uint8_t protocol, std::uint32_t metric) {
    return route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, destination, via, device, protocol, metric);
}

nl::Message delete_route(const Prefix& destination, const std::optional<IpAddress>& via, int device,
                         std::uint8_t protocol) {
    return route_message(RTM_DELROUTE, 0, destination, via, device, protocol, 0);
}

nl::Message new_neighbour(int device, const IpAddress& address, const MacAddress& mac, std::uint8_t protocol) {
    nl::Message message = neighbour_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, device, address);
    message.put(NDA_LLADDR, mac.bytes.data(), 6);
    message.put_u8(NDA_PROTOCOL, protocol);
    return message;
}

nl::Message delete_neighbour(int device, const IpAddress& address) {
    return neighbour_message(RTM_DELNEIGH, 0, device, address);
}

nl::Message port_vlan(int index, Vlan vlan, bool pvid_untagged, bool add) {
    nl::Message message(add ? RTM_SETLINK : RTM_DELLINK, 0);
    ifinfomsg head{};
    head.ifi_family = AF_BRIDGE;
    head.ifi_index = index;
    message.header(head);
    message.begin_nest(IFLA_AF_SPEC);
    bridge_vlan_info info{};
    info.vid = vlan;
    if (pvid_untagged) { info.flags = BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED; }
    message.put(IFLA_BRIDGE_VLAN_INFO, &info, sizeof info);
    message.end_nest();
    return message;
}

namespace {

Result<std::uint32_t> ethtool(int socket_fd, const std::string& name, std::uint32_t command, std::uint32_t data,
                              const std::string& attempt) {
    ethtool_value value{};
    value.cmd = command;
    value.data = data;
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(&value);
    if (::ioctl(socket_fd, SIOCETHTOOL, &request) != 0) { return errno_failure(attempt); }
    return value.data;
}

}  // namespace

Result<bool> tx_checksum(int socket_fd, const std::string& name) {
    WARREN_ASSIGN(const std::uint32_t on,
                  ethtool(socket_fd, name, ETHTOOL_GTXCSUM, 0, "read transmit checksum offload of " + name));
    return on != 0;
}

Result<void> set_tx_checksum(int socket_fd, const std::string& name, bool on) {
    WARREN_TRY(ethtool(socket_fd, name, ETHTOOL_STXCSUM, on ? 1 : 0,
                       std::string("switch transmit checksum offload ") + (on ? "on" : "off") + " on " + name));
    return {};
}

}  // namespace warren
