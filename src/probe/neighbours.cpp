// Keeps probes from filling the kernel's neighbour table. Called by ping.cpp.
#include "probe/neighbours.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>

#include "base/fd.hpp"
#include "linux/link.hpp"

namespace warren::probe {

Result<Neighbours> Neighbours::open() {
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    Neighbours neighbours(std::move(socket));
    WARREN_ASSIGN(const auto addresses, dump_addresses(neighbours.socket_));
    for (const auto& address : addresses) { neighbours.own_.push_back(address.value.address); }
    WARREN_ASSIGN(const auto before, neighbours.list());
    neighbours.before_.insert(before.begin(), before.end());
    return neighbours;
}

Result<std::vector<Neighbours::Key>> Neighbours::list() {
    std::vector<Key> found;
    nl::Message message(RTM_GETNEIGH, NLM_F_DUMP);
    message.header(ndmsg{});
    WARREN_TRY(socket_.dump(
        std::move(message), "list neighbours",
        [&](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWNEIGH || mnl_nlmsg_get_payload_len(answer) < sizeof(ndmsg)) { return; }
            const auto* head = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(answer));
            if (head->ndm_family != AF_INET && head->ndm_family != AF_INET6) { return; }
            if ((head->ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0) { return; }
            const nl::Attributes attributes(reinterpret_cast<const char*>(head) + NLMSG_ALIGN(sizeof *head),
                                            mnl_nlmsg_get_payload_len(answer) - NLMSG_ALIGN(sizeof *head));
            const nlattr* address = attributes[NDA_DST];
            const std::size_t size = head->ndm_family == AF_INET ? 4 : 16;
            if (address == nullptr || mnl_attr_get_payload_len(address) != size) { return; }
            found.emplace_back(head->ndm_ifindex, IpAddress::from_bytes(mnl_attr_get_payload(address), size));
        },
        [&] { found.clear(); }));
    return found;
}

Result<void> Neighbours::clean(const std::set<IpAddress>& made, const std::set<IpAddress>& keep) {
    WARREN_ASSIGN(const auto now, list());
    std::vector<nl::Request> requests;
    for (const auto& [device, address] : now) {
        if (!made.contains(address) || keep.contains(address) || before_.contains({device, address})) { continue; }
        requests.push_back(
            {delete_neighbour(device, address), "remove the neighbour entry of " + address.to_string()});
    }
    // One that went meanwhile is no loss.
    if (!requests.empty()) { WARREN_TRY(socket_.send(requests)); }
    return {};
}

std::size_t neighbour_budget() {
    constexpr std::size_t kMost = 16384;
    std::size_t limit = kMost;
    for (const char* family : {"ipv4", "ipv6"}) {
        const auto text = read_file(std::string("/proc/sys/net/") + family + "/neigh/default/gc_thresh3");
        // The file is to be seen in the first namespace alone; 1024 is the kernel's own choice.
        limit = std::min<std::size_t>(limit, text ? std::strtoul(text->c_str(), nullptr, 10) : 1024);
    }
    // The rest is for everybody else.
    return std::max<std::size_t>(limit * 6 / 10, 16);
}

}  // namespace warren::probe
