// News of many network namespaces. Called by engine/watch.
#include "linux/namespace_news.hpp"

#include <cerrno>
#include <optional>

#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "linux/netns.hpp"

namespace warren {
namespace {

constexpr std::uint32_t kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;

Result<void> listen_to_all(const nl::Socket& socket) {
    const int on = 1;
    if (::setsockopt(socket.fd(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) != 0) {
        return errno_failure("listen to other network namespaces");
    }
    return {};
}

}  // namespace

Result<NamespaceNews> NamespaceNews::make() {
    std::optional<NamespaceNews> made;
    const auto open = [&](nl::Socket& asking) -> Result<void> {
        WARREN_ASSIGN(auto news, nl::Socket::open(NETLINK_ROUTE, kGroups));
        WARREN_TRY(listen_to_all(news));
        made = NamespaceNews(std::move(news), std::move(asking));
        return {};
    };
    WARREN_TRY(in_throw_away_namespace(open));
    return std::move(*made);
}

Result<bool> NamespaceNews::follow(int ns_fd) {
    nl::Message message(RTM_NEWNSID, 0);
    message.header(rtgenmsg{});
    message.put_u32(NETNSA_FD, static_cast<std::uint32_t>(ns_fd));
    message.put_u32(NETNSA_NSID, ~0U);  // whichever is free
    const auto numbered = asking_.send({std::move(message), "number a network namespace"});
    if (numbered) { return true; }
    if (numbered.error().code == EEXIST) { return false; }
    return tl::unexpected(numbered.error());
}

Result<bool> NamespaceNews::take() {
    bool any = false;
    const auto taken = news_.drain([&any](const nlmsghdr*) { any = true; });
    if (taken) { return any; }
    // Some were lost: whoever looks anew has them, too.
    if (taken.error().code == ENOBUFS) { return true; }
    return tl::unexpected(taken.error());
}

}  // namespace warren
