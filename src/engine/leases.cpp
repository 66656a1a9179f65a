// Waits for leases by the kernel's own news of new addresses, and by inotify on the servers' files. Called by engine.cpp.
#include "engine/leases.hpp"

#include <map>
#include <set>

#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "services/keeper.hpp"
#include "services/lease_file.hpp"

namespace warren {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAskingAgain{5'000};  // the least time for it

// Addresses that a server has given out, by its file. Nothing where that is not there: the server, or whoever took it
// away, will say so.
std::optional<std::set<IpAddress>> known_addresses(const std::string& file) {
    const auto text = read_file(file);
    if (!text) { return std::nullopt; }
    std::set<IpAddress> known;
    for (const auto& lease : parse_leases(*text)) { known.insert(lease.address); }
    return known;
}

// Each server's file, read once until it is forgotten.
class Servers {
public:
    Servers(const Site& site, const std::string& lab) : site_(site), lab_(lab) {}
    [[nodiscard]] bool knows(const std::string& network, const IpAddress& address) {
        auto found = known_.find(network);
        if (found == known_.end()) {
            found = known_.emplace(network, known_addresses(lease_file(site_, lab_, network))).first;
        }
        return !found->second || found->second->contains(address);
    }
    void forget() { known_.clear(); }

private:
    const Site& site_;
    const std::string& lab_;
    std::map<std::string, std::optional<std::set<IpAddress>>> known_;
};

std::set<std::string> served_networks(const State& wanted) {
    std::set<std::string> served;
    for (const auto& [key, process] : wanted.processes) {
        if (process.role == ProcessRole::dhcp_server) { served.insert(process.network); }
    }
    return served;
}

struct Waiting {
    Process client;
    nl::Socket socket;
    int index = 0;
    std::vector<IpAddress> leased;

    [[nodiscard]] std::string name() const { return client.host + ":" + client.device; }
    // Takes what the kernel says of new addresses.
    void listen() {
        (void)socket.drain([this](const nlmsghdr* message) {
            if (message->nlmsg_type == RTM_NEWADDR) { take(parse_address(message)); }
        });
    }
    void take(const KernelAddress& address) {
        if (address.index != index || address.permanent || !address.value.address.is_v4()) { return; }
        leased.push_back(address.value.address);
    }
    [[nodiscard]] bool known(Servers& servers) const {
        for (const auto& address : leased) {
            if (servers.knows(client.network, address)) { return true; }
        }
        return false;
    }
};

// One that cannot be listened to counts as without a lease.
Result<Waiting> listen(const Process& client) {
    WARREN_ASSIGN(Fd ns, open_namespace(client.net_namespace));
    WARREN_ASSIGN(auto socket, nl::Socket::open_in(ns.get(), NETLINK_ROUTE, RTMGRP_IPV4_IFADDR));
    WARREN_ASSIGN(auto asking, nl::Socket::open_in(ns.get()));
    WARREN_ASSIGN(const KernelLink link, find_link(asking, client.device));
    Waiting waiting{client, std::move(socket), link.index, {}};
    WARREN_ASSIGN(const auto addresses, dump_addresses(asking));
    for (const auto& address : addresses) { waiting.take(address); }
    return waiting;
}

// Until all of WAITING are DONE or the deadline; looks again, having told ON_NEWS, whenever the kernel, or OTHER (-1:
// none), has news.
template <class Done, class OnNews>
void wait_until(std::vector<Waiting>& waiting, int other, Clock::time_point deadline, const Done& done,
                const OnNews& on_news, const std::function<bool()>& interrupted) {
    for (;;) {
        std::vector<pollfd> fds{{other, POLLIN, 0}};
        for (const auto& each : waiting) {
            if (!done(each)) { fds.push_back({each.socket.fd(), POLLIN, 0}); }
        }
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        if (fds.size() == 1 || left <= 0) { return; }
        const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(left));
        if (interrupted && interrupted()) { return; }
        if (ready <= 0) { continue; }
        for (auto& each : waiting) { each.listen(); }
        if (fds[0].revents != 0) {
            char news[4096];
            (void)!::read(other, news, sizeof news);
        }
        on_news();
    }
}

// Starts the clients again: the keeper does, when they end by SIGHUP, and no address is taken away by that. Waits
// until their servers know what they have then.
void ask_again(std::vector<Waiting>& waiting, const Site& site, const std::string& lab, Clock::time_point deadline,
               const std::function<bool()>& interrupted) {
    const Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    std::vector<Process> clients;
    for (const auto& each : waiting) {
        clients.push_back(each.client);
        const std::string file = lease_file(site, lab, each.client.network);
        (void)::inotify_add_watch(inotify.get(), file.c_str(), IN_MODIFY);
    }
    auto keeper = Keeper::connect(lab_directory(site, lab));
    if (!keeper || !keeper->reload(clients)) { return; }
    Servers servers(site, lab);
    wait_until(
        waiting, inotify.get(), deadline, [&](const Waiting& each) { return each.known(servers); },
        [&] { servers.forget(); }, interrupted);
}

}  // namespace

Change UnknownLease::change() const {
    return {Change::Kind::changed, host + ":" + device, "lease",
            address.to_string() + ", which the server of " + network + " does not know", "asked for again"};
}

std::vector<UnknownLease> unknown_leases(const State& observed, const State& wanted, const Site& site,
                                         const std::string& lab) {
    const auto served = served_networks(wanted);
    Servers servers(site, lab);
    std::vector<UnknownLease> unknown;
    for (const auto& [key, client] : wanted.processes) {
        if (client.role != ProcessRole::dhcp_client || !served.contains(client.network)) { continue; }
        const auto process = observed.processes.find(key);
        const auto ns = observed.namespaces.find(client.net_namespace);
        if (process == observed.processes.end() || process->second.pid == 0 || ns == observed.namespaces.end()) {
            continue;
        }
        if (process->second.network != client.network) { continue; }  // it is to ask another server anyhow
        const auto link = ns->second.links.find(client.device);
        if (link == ns->second.links.end()) { continue; }
        for (const auto& prefix : link->second.leased) {
            if (!prefix.address.is_v4() || servers.knows(client.network, prefix.address)) { continue; }
            unknown.push_back({client.host, client.device, client.network, prefix});
        }
    }
    return unknown;
}

std::vector<std::string> wait_for_leases(const State& wanted, const Site& site, const std::string& lab,
                                         milliseconds time, const std::function<bool()>& interrupted) {
    const auto served = served_networks(wanted);
    std::vector<Waiting> all;
    std::vector<std::string> without;
    for (const auto& [key, process] : wanted.processes) {
        if (process.role != ProcessRole::dhcp_client || !served.contains(process.network)) { continue; }
        if (auto waiting = listen(process)) {
            all.push_back(std::move(*waiting));
        } else {
            without.push_back(process.host + ":" + process.device);
        }
    }
    const auto deadline = Clock::now() + time;
    wait_until(
        all, -1, deadline, [](const Waiting& each) { return !each.leased.empty(); }, [] {}, interrupted);

    // A server writes its file before it answers: what is not in it now will not come by itself.
    Servers servers(site, lab);
    std::vector<Waiting> unknown;
    for (auto& each : all) {
        if (each.leased.empty()) {
            without.push_back(each.name());
        } else if (!each.known(servers)) {
            unknown.push_back(std::move(each));
        }
    }
    if (unknown.empty() || (interrupted && interrupted())) { return without; }
    ask_again(unknown, site, lab, std::max(deadline, Clock::now() + kAskingAgain), interrupted);
    Servers now(site, lab);
    for (const auto& each : unknown) {
        if (!each.known(now)) { without.push_back(each.name()); }
    }
    return without;
}

}  // namespace warren
