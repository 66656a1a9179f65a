// Waiting for changes. Called by `warren draw --watch`.
#include "engine/watch.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/child.hpp"
#include "linux/netns.hpp"

namespace warren {
namespace {

constexpr std::chrono::seconds kConnect{5};
// Not what opening a file for a lock does: looking at a lab must not look like a change of it.
constexpr std::uint32_t kFileEvents = IN_MOVED_TO | IN_DELETE | IN_MODIFY | IN_DELETE_SELF;

template <class Map, class List>
void forget_others(Map& map, const List& wanted) {
    for (auto it = map.begin(); it != map.end();) {
        it = std::find(wanted.begin(), wanted.end(), it->first) == wanted.end() ? map.erase(it) : std::next(it);
    }
}

}  // namespace

Result<Watch> Watch::make() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) { return errno_failure("wait for changes"); }
    Fd files(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!files.valid()) { return errno_failure("watch files"); }
    WARREN_ASSIGN(auto mounts, open_file("/proc/self/mountinfo", O_RDONLY));
    WARREN_ASSIGN(auto kernel, NamespaceNews::make());
    Watch watch(std::move(epoll), std::move(mounts), std::move(files), std::move(kernel));
    WARREN_TRY(watch.listen(watch.files_.get()));
    WARREN_TRY(watch.listen(watch.kernel_.fd()));
    return watch;
}

Result<void> Watch::listen(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) { return errno_failure("wait for changes"); }
    return {};
}

Result<bool> Watch::follow(const WatchedThings& things) {
    WARREN_ASSIGN(const bool namespaces, follow_namespaces(things.namespaces));
    WARREN_ASSIGN(const bool databases, follow_databases(things.databases));
    const bool directories = follow_directories(things.directories);
    WARREN_ASSIGN(const bool processes, follow_processes(things.processes));
    return namespaces || databases || directories || processes;
}

Result<bool> Watch::follow_namespaces(const std::vector<std::string>& paths) {
    bool any = false;
    for (const auto& path : paths) {
        const auto ns = path.empty() ? open_namespace("") : open_file(path, O_RDONLY);
        if (!ns) { continue; }
        const auto followed = kernel_.follow(ns->get());
        // A name whose namespace has gone, or is not yet there, is none.
        if (!followed && followed.error().code == EINVAL) { continue; }
        if (!followed) { return followed; }
        any = any || *followed;
    }
    return any;
}

Result<bool> Watch::follow_databases(const std::vector<std::string>& sockets) {
    forget_others(databases_, sockets);
    bool any = false;
    for (const auto& path : sockets) {
        if (databases_.contains(path)) { continue; }
        auto news = ovs::News::follow(path, kConnect);
        if (!news) { continue; }
        WARREN_TRY(listen(news->fd()));
        databases_.emplace(path, std::move(*news));
        any = true;
    }
    return any;
}

bool Watch::follow_directories(const std::vector<std::string>& paths) {
    for (const auto& [path, number] : directories_) {
        if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
            ::inotify_rm_watch(files_.get(), number);
        }
    }
    forget_others(directories_, paths);
    bool any = false;
    for (const auto& path : paths) {
        // The same number again for the same directory; another one where it was made anew.
        const int number = ::inotify_add_watch(files_.get(), path.c_str(), kFileEvents | IN_ONLYDIR);
        if (number < 0) {
            directories_.erase(path);
            continue;
        }
        const auto [known, added] = directories_.emplace(path, number);
        any = any || added || known->second != number;
        known->second = number;
    }
    return any;
}

Result<bool> Watch::follow_processes(const std::vector<pid_t>& processes) {
    forget_others(processes_, processes);
    for (const pid_t pid : processes) {
        if (processes_.contains(pid)) { continue; }
        const auto id = process_id(pid);
        if (!id) { continue; }
        auto process = open_process(*id);
        if (!process) { continue; }
        WARREN_TRY(listen(process->get()));
        processes_.emplace(pid, std::move(*process));
    }
    return false;  // one that has ended since then is readable at once
}

Result<bool> Watch::take() {
    WARREN_ASSIGN(bool changed, kernel_.take());
    changed = take_files() || changed;
    changed = take_databases() || changed;
    return take_processes() || changed;
}

bool Watch::take_files() {
    alignas(inotify_event) char events[4096];
    bool any = false;
    while (::read(files_.get(), events, sizeof events) > 0) { any = true; }
    return any;
}

bool Watch::take_databases() {
    bool any = false;
    for (auto it = databases_.begin(); it != databases_.end();) {
        const auto taken = it->second.take();
        any = any || !taken || *taken;
        it = taken ? std::next(it) : databases_.erase(it);
    }
    return any;
}

bool Watch::take_processes() {
    bool any = false;
    for (auto it = processes_.begin(); it != processes_.end();) {
        pollfd ended{it->second.get(), POLLIN, 0};
        if (::poll(&ended, 1, 0) == 1) {
            it = processes_.erase(it);
            any = true;
        } else {
            ++it;
        }
    }
    return any;
}

}  // namespace warren
