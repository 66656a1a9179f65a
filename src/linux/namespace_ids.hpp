// Which namespace a link-netnsid means.
//
// Each network namespace numbers others by itself (`ip netns list-id`); a veth end tells its peer's namespace by that
// number. This gives namespaces numbers of our own in a throw-away namespace and asks the kernel to translate
// (NETNSA_TARGET_NSID, Linux 4.20): one question for each namespace, whatever their number. Nothing changes in the
// namespaces that are asked about. Any thread, one at a time.
#pragma once

#include <map>

#include "base/error.hpp"
#include "linux/netlink.hpp"

namespace warren {

class NamespaceIds {
public:
    // Leaves the calling thread in a new namespace of its own: for a thread that ends after it.
    [[nodiscard]] static Result<NamespaceIds> make();
    // Gives the namespace of NS_FD our number ID, from 0 on; each once.
    [[nodiscard]] Result<void> add(int ns_fd, int id);
    // The numbers that the namespace ID uses for others → ours; those that were not added are left out.
    [[nodiscard]] Result<std::map<int, int>> seen_from(int id);

private:
    explicit NamespaceIds(nl::Socket socket) : socket_(std::move(socket)) {}
    nl::Socket socket_;
};

}  // namespace warren
