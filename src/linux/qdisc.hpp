// Queueing disciplines of links, as far as Warren uses them: requests for them, and a dump of them.
//
// Values of the kernel (no lab is known here). Requests name links by ifindex, as the kernel does. A request to set one
// makes it, or changes the one of its handle in place: what waits in it is not lost.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "linux/netlink.hpp"

namespace warren {

// tbf(8).
struct TbfSettings {
    std::uint64_t rate = 0;   // bytes a second
    std::uint32_t burst = 0;  // bytes; not told by a dump
    std::uint32_t limit = 0;  // bytes
    bool operator==(const TbfSettings&) const = default;
};

// netem(8). Shares: of 2^32 - 1.
struct NetemSettings {
    std::uint32_t limit = 1000;  // packets
    std::int64_t latency = 0;    // nanoseconds
    std::int64_t jitter = 0;     // nanoseconds
    std::uint32_t loss = 0;
    std::uint32_t duplicate = 0;
    std::uint32_t reorder = 0;
    std::uint32_t corrupt = 0;
    bool operator==(const NetemSettings&) const = default;
};

struct KernelQdisc {
    int index = 0;             // the link's ifindex
    std::string kind;          // "tbf", "netem", "htb"
    std::uint32_t handle = 0;  // major:minor in the upper and lower 16 bits
    std::uint32_t parent = 0;  // TC_H_ROOT for a root
    TbfSettings tbf;
    NetemSettings netem;
    std::uint32_t direct_limit = 0;  // htb: packets of its direct queue
};

// Of all links in the socket's namespace; those that the kernel hides are left out.
[[nodiscard]] Result<std::vector<KernelQdisc>> dump_qdiscs(nl::Socket& socket);
// The share of packets that the program of new_loss_filter() loses; nothing where there is none.
[[nodiscard]] Result<std::optional<std::uint32_t>> find_loss_filter(nl::Socket& socket, int index,
                                                                    std::uint32_t parent, std::uint16_t priority);

// REPLACE: what is there under PARENT may be changed or replaced; otherwise it is refused (EEXIST).
[[nodiscard]] nl::Message set_tbf(int index, std::uint32_t handle, bool replace, const TbfSettings& settings);
[[nodiscard]] nl::Message set_netem(int index, std::uint32_t parent, std::uint32_t handle,
                                    const NetemSettings& settings);
// htb without classes: a queue that takes filters. The kernel does not change one that is there.
[[nodiscard]] nl::Message set_htb(int index, std::uint32_t parent, std::uint32_t handle,
                                  std::uint32_t direct_limit);
// The root of a link, where it has that handle; else it is refused (EINVAL, ENOENT).
[[nodiscard]] nl::Message delete_root_qdisc(int index, std::uint32_t handle);
// A filter of PARENT whose program takes away LOSS of the packets, without the sender being told. Classic BPF, as
// `tc filter … bpf bytecode` takes it: no right beyond CAP_NET_ADMIN is needed.
[[nodiscard]] nl::Message set_loss_filter(int index, std::uint32_t parent, std::uint16_t priority,
                                          std::uint32_t loss);
// That program as `tc` takes it.
[[nodiscard]] std::string loss_bytecode(std::uint32_t loss);

inline constexpr std::uint32_t qdisc_handle(std::uint16_t major) {
    return static_cast<std::uint32_t>(major) << 16U;
}
inline constexpr std::uint32_t qdisc_class(std::uint16_t major, std::uint16_t minor) {
    return qdisc_handle(major) | minor;
}

// Whether this kernel has them, found by making one on the loopback device of the socket's namespace, which must be a
// throw-away one; nothing is left.
struct QdiscSupport {
    bool tbf = false;
    bool netem = false;
    bool loss_filter = false;  // htb and classic BPF in filters
};
[[nodiscard]] Result<QdiscSupport> try_qdiscs(nl::Socket& socket);

}  // namespace warren
