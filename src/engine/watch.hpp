// Waiting for the machine to change, as far as a diagram shows it: news from the kernel (links, addresses, routes),
// from Open vSwitch's databases, of files (what keepers write of their processes, leases), of names of namespaces and
// of processes that end. Nothing is asked again and again, and nothing that is watched is kept alive or changed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "linux/namespace_news.hpp"
#include "ovs/news.hpp"

namespace warren {

struct WatchedThings {
    std::vector<std::string> namespaces;   // paths; "" the calling thread's own
    std::vector<std::string> databases;    // sockets of Open vSwitch
    std::vector<std::string> directories;  // of files; not of those below
    std::vector<pid_t> processes;
};

// Any thread, one at a time.
class Watch {
public:
    [[nodiscard]] static Result<Watch> make();
    // What is to be watched from now on. True: some of it was not watched before, so that it may have changed since it
    // was looked at. What is not there (any more) is left out.
    [[nodiscard]] Result<bool> follow(const WatchedThings& things);
    // Readable when something may have changed.
    [[nodiscard]] int fd() const { return epoll_.get(); }
    // By poll(2) with POLLPRI and at the top level alone (asking is taking): ready when something was mounted or
    // unmounted, which is what giving a namespace a name, or taking it, is.
    [[nodiscard]] int mounts_fd() const { return mounts_.get(); }
    // Takes all that there is but mounts; whether something has changed.
    [[nodiscard]] Result<bool> take();

private:
    Watch(Fd epoll, Fd mounts, Fd files, NamespaceNews kernel)
        : epoll_(std::move(epoll)),
          mounts_(std::move(mounts)),
          files_(std::move(files)),
          kernel_(std::move(kernel)) {}
    [[nodiscard]] Result<void> listen(int fd) const;
    [[nodiscard]] Result<bool> follow_namespaces(const std::vector<std::string>& paths);
    [[nodiscard]] Result<bool> follow_databases(const std::vector<std::string>& sockets);
    [[nodiscard]] bool follow_directories(const std::vector<std::string>& paths);
    [[nodiscard]] Result<bool> follow_processes(const std::vector<pid_t>& processes);
    [[nodiscard]] bool take_files();
    [[nodiscard]] bool take_databases();
    [[nodiscard]] bool take_processes();

    Fd epoll_;
    Fd mounts_;  // /proc/self/mountinfo
    Fd files_;   // inotify
    NamespaceNews kernel_;
    std::map<std::string, ovs::News> databases_;
    std::map<std::string, int> directories_;  // inotify's numbers
    std::map<pid_t, Fd> processes_;           // pidfds
};

}  // namespace warren
