// News of links, addresses and routes in many network namespaces, by one socket.
//
// The socket is in a throw-away namespace that numbers the others and listens to all that it has numbers for
// (NETLINK_LISTEN_ALL_NSID, Linux 4.2). So nothing changes in the namespaces that are followed, and none is kept alive
// by being followed, as a socket within it would. Any thread, one at a time.
#pragma once

#include "base/error.hpp"
#include "linux/netlink.hpp"

namespace warren {

class NamespaceNews {
public:
    [[nodiscard]] static Result<NamespaceNews> make();
    // From now on there is news of the namespace of NS_FD, until it ends. True: there was none before.
    [[nodiscard]] Result<bool> follow(int ns_fd);
    // Readable when there is news.
    [[nodiscard]] int fd() const { return news_.fd(); }
    // Takes all that there is; whether there was any.
    [[nodiscard]] Result<bool> take();

private:
    NamespaceNews(nl::Socket news, nl::Socket asking) : news_(std::move(news)), asking_(std::move(asking)) {}
    nl::Socket news_;
    nl::Socket asking_;
};

}  // namespace warren
