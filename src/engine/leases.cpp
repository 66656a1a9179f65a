// Waits for leases by the kernel's own news of new addresses. Called by engine.cpp at the end of up.
#include "engine/leases.hpp"

#include <set>

#include <linux/rtnetlink.h>
#include <poll.h>

#include "linux/link.hpp"
#include "linux/netns.hpp"

namespace warren {
namespace {

struct Waiting {
    std::string name;  // "red:eth0-r"
    nl::Socket news;
    nl::Socket asking;
    int index = 0;
    bool bound = false;
};

Result<void> look(Waiting& waiting) {
    WARREN_ASSIGN(const auto addresses, dump_addresses(waiting.asking));
    for (const auto& address : addresses) {
        if (address.index == waiting.index && !address.permanent) { waiting.bound = true; }
    }
    return {};
}

// One that cannot be listened to counts as without a lease.
Result<Waiting> listen(const std::string& host, const std::string& net_namespace, const std::string& device) {
    WARREN_ASSIGN(Fd ns, open_namespace(net_namespace));
    WARREN_ASSIGN(auto news, nl::Socket::open_in(ns.get(), NETLINK_ROUTE, RTMGRP_IPV4_IFADDR));
    WARREN_ASSIGN(auto asking, nl::Socket::open_in(ns.get()));
    WARREN_ASSIGN(const KernelLink link, find_link(asking, device));
    Waiting waiting{host + ":" + device, std::move(news), std::move(asking), link.index, false};
    WARREN_TRY(look(waiting));
    return waiting;
}

}  // namespace

std::vector<std::string> wait_for_leases(const State& wanted, std::chrono::milliseconds time,
                                         const std::function<bool()>& interrupted) {
    std::set<std::string> served;
    for (const auto& [key, process] : wanted.processes) {
        if (process.role == ProcessRole::dhcp_server) { served.insert(process.network); }
    }
    std::vector<Waiting> all;
    std::vector<std::string> without;
    for (const auto& [key, process] : wanted.processes) {
        if (process.role != ProcessRole::dhcp_client || !served.contains(process.network)) { continue; }
        auto waiting = listen(process.host, process.net_namespace, process.device);
        if (waiting) {
            if (!waiting->bound) { all.push_back(std::move(*waiting)); }
        } else {
            without.push_back(process.host + ":" + process.device);
        }
    }
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!all.empty()) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) { break; }
        std::vector<pollfd> fds;
        fds.reserve(all.size());
        for (const auto& waiting : all) { fds.push_back({waiting.news.fd(), POLLIN, 0}); }
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left.count()));
        if (interrupted && interrupted()) { break; }
        if (ready <= 0) { continue; }
        for (auto& waiting : all) {
            const auto drained = waiting.news.drain([&](const nlmsghdr* message) {
                if (message->nlmsg_type != RTM_NEWADDR) { return; }
                const KernelAddress address = parse_address(message);
                if (address.index == waiting.index && !address.permanent) { waiting.bound = true; }
            });
            if (!drained) { (void)look(waiting); }  // news were lost
        }
        std::erase_if(all, [](const Waiting& waiting) { return waiting.bound; });
    }
    for (const auto& waiting : all) { without.push_back(waiting.name); }
    return without;
}

}  // namespace warren
