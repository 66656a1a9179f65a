// RTM_NEWNSID and RTM_GETNSID. Called by engine/survey.
#include "linux/namespace_ids.hpp"

#include <linux/net_namespace.h>
#include <sched.h>

namespace warren {

Result<NamespaceIds> NamespaceIds::make() {
    if (::unshare(CLONE_NEWNET) != 0) {
        return errno_failure("make a throw-away network namespace", "run as root (CAP_SYS_ADMIN is needed)");
    }
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    return NamespaceIds(std::move(socket));
}

Result<void> NamespaceIds::add(int ns_fd, int id) {
    nl::Message message(RTM_NEWNSID, 0);
    message.header(rtgenmsg{});
    message.put_u32(NETNSA_FD, static_cast<std::uint32_t>(ns_fd));
    message.put_u32(NETNSA_NSID, static_cast<std::uint32_t>(id));
    return socket_.send({std::move(message), "number a network namespace"});
}

Result<std::map<int, int>> NamespaceIds::seen_from(int id) {
    std::map<int, int> ids;
    nl::Message message(RTM_GETNSID, NLM_F_DUMP);
    message.header(rtgenmsg{});
    message.put_u32(NETNSA_TARGET_NSID, static_cast<std::uint32_t>(id));
    WARREN_TRY(socket_.dump(
        std::move(message), "list the numbers of network namespaces",
        [&ids](const nlmsghdr* answer) {
            if (answer->nlmsg_type != RTM_NEWNSID) { return; }
            const auto found = nl::attributes<rtgenmsg>(answer);
            const int there = static_cast<int>(found.u32(NETNSA_NSID, ~0U));
            const int ours = static_cast<int>(found.u32(NETNSA_CURRENT_NSID, ~0U));
            if (there >= 0 && ours >= 0) { ids[there] = ours; }
        },
        [&ids] { ids.clear(); }));
    return ids;
}

}  // namespace warren
