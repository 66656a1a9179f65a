// Follows a host's addresses by netlink. Called by check.cpp.
#include "probe/host_watch.hpp"

#include <cerrno>
#include <map>

#include <linux/rtnetlink.h>

#include "linux/link.hpp"

namespace warren::probe {

Result<HostWatch> HostWatch::open() {
    WARREN_ASSIGN(auto news, nl::Socket::open(NETLINK_ROUTE, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR));
    WARREN_ASSIGN(auto asking, nl::Socket::open());
    HostWatch watch(std::move(news), std::move(asking));
    WARREN_TRY(watch.refresh());
    return watch;
}

Result<void> HostWatch::refresh() {
    // What the news say is read from the kernel anew, so that lost ones (ENOBUFS) do not matter.
    const auto drained = news_.drain([](const nlmsghdr*) {});
    if (!drained && drained.error().code != ENOBUFS) { return drained; }
    WARREN_ASSIGN(const auto links, dump_links(asking_));
    WARREN_ASSIGN(const auto addresses, dump_addresses(asking_));
    std::map<int, const KernelLink*> by_index;
    for (const auto& link : links) { by_index[link.index] = &link; }
    addresses_.clear();
    for (const auto& address : addresses) {
        const auto link = by_index.find(address.index);
        if (link == by_index.end()) { continue; }
        addresses_.push_back({link->second->name, link->second->mac, address.value, address.permanent});
    }
    return {};
}

}  // namespace warren::probe
