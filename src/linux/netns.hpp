// Network namespaces, named as ip-netns(8) names them: bind mounts in /run/netns.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "linux/netlink.hpp"

namespace warren {

inline constexpr const char* kNetnsDirectory = "/run/netns";

[[nodiscard]] std::string namespace_path(const std::string& name);
// "" opens the calling process' own.
[[nodiscard]] Result<Fd> open_namespace(const std::string& name);
// nsfs inode number: identifies a namespace as long as it lives. 0: cannot be told.
[[nodiscard]] std::uint64_t namespace_inode(int ns_fd);
[[nodiscard]] std::uint64_t namespace_inode(const std::string& name);
// Of the network namespace that PID is in; 0: no such process.
[[nodiscard]] std::uint64_t namespace_inode_of(pid_t pid);
// Names in /run/netns with their inode; names that are not (any more) a namespace have 0.
[[nodiscard]] std::map<std::string, std::uint64_t> named_namespaces();

// A namespace just made: its name and a netlink socket opened inside it.
struct MadeNamespace {
    std::string name;
    std::uint64_t inode = 0;
    nl::Socket socket;
};
// Makes namespaces of these names. MARK is called with each new namespace's socket before the name exists
// in /run/netns, so that a namespace with a name always bears its mark. MADE is called for each, in order, by
// another thread than the caller's, which waits; it may close sockets. Stops at the first failure. A name that
// exists is a failure (EEXIST).
[[nodiscard]] Result<void> make_namespaces(
    const std::vector<std::string>& names,
    const std::function<Result<void>(const std::string& name, nl::Socket& socket)>& mark,
    const std::function<void(MadeNamespace)>& made);
// Gives the namespace that NS_FD is a name; EEXIST where the name is taken.
[[nodiscard]] Result<void> name_namespace(int ns_fd, const std::string& name);
// Calls BODY in a new namespace without a name, by a thread of its own, with a socket opened there. The namespace goes
// with the last descriptor of it that BODY has kept, else at once.
[[nodiscard]] Result<void> in_throw_away_namespace(const std::function<Result<void>(nl::Socket& socket)>& body);
// Takes the name away; the namespace itself goes when nothing uses it any more. Absent: success.
[[nodiscard]] Result<void> remove_namespace(const std::string& name);

// Processes by the inode of the network namespace they are in; one pass over /proc.
[[nodiscard]] std::multimap<std::uint64_t, pid_t> processes_by_namespace();

}  // namespace warren
