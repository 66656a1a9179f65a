// The pool of netlink sockets. Called by observe and apply.
#include "engine/sockets.hpp"

#include <algorithm>
#include <thread>

#include <sched.h>
#include <sys/resource.h>

#include "linux/netns.hpp"

namespace warren {

Sockets::Sockets() : limit_(256) {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) { return; }
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
        (void)::getrlimit(RLIMIT_NOFILE, &files);
    }
    // The rest is for what else is open at the same time: namespaces, pipes, the database's socket.
    constexpr rlim_t kOthers = 40;
    constexpr rlim_t kMost = 20000;
    limit_ =
        files.rlim_cur <= 2 * kOthers ? 8 : static_cast<std::size_t>(std::min(files.rlim_cur - kOthers, kMost));
}

Result<nl::Socket*> Sockets::in(const std::string& net_namespace) {
    if (const auto found = entries_.find(net_namespace); found != entries_.end()) {
        ages_.splice(ages_.begin(), ages_, found->second.age);
        return &found->second.socket;
    }
    if (net_namespace.empty()) {
        WARREN_ASSIGN(auto own, nl::Socket::open());
        keep(net_namespace, std::move(own));
    } else {
        WARREN_ASSIGN(Fd ns, open_namespace(net_namespace));
        WARREN_ASSIGN(auto other, nl::Socket::open_in(ns.get()));
        keep(net_namespace, std::move(other));
    }
    return &entries_.at(net_namespace).socket;
}

Result<void> Sockets::open_all(const std::vector<std::string>& net_namespaces) {
    std::vector<std::pair<std::string, nl::Socket>> opened;
    Result<void> result;
    std::thread([&] {
        for (const auto& name : net_namespaces) {
            if (entries_.contains(name)) { continue; }
            auto ns = open_namespace(name);
            if (!ns) {
                result = tl::unexpected(std::move(ns).error());
                return;
            }
            if (::setns(ns->get(), CLONE_NEWNET) != 0) {
                result = errno_failure("enter network namespace " + name);
                return;
            }
            auto socket = nl::Socket::open();
            if (!socket) {
                result = tl::unexpected(std::move(socket).error());
                return;
            }
            opened.emplace_back(name, std::move(*socket));
        }
    }).join();
    for (auto& [name, socket] : opened) { keep(name, std::move(socket)); }
    return result;
}

void Sockets::keep(const std::string& net_namespace, nl::Socket socket) {
    forget(net_namespace);
    while (entries_.size() >= limit_) { forget(std::string(ages_.back())); }
    ages_.push_front(net_namespace);
    entries_.emplace(net_namespace, Entry{std::move(socket), ages_.begin()});
}

void Sockets::forget(const std::string& net_namespace) {
    const auto found = entries_.find(net_namespace);
    if (found == entries_.end()) { return; }
    ages_.erase(found->second.age);
    entries_.erase(found);
}

}  // namespace warren
