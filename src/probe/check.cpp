// Tries a lab's expectations. Called by the verb check. One loop waits for addresses and lease files and hands
// what can be tried to threads; isolation comes last.
#include "probe/check.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <fmt/format.h>

#include "engine/sysctl.hpp"
#include "probe/expectations.hpp"
#include "probe/host_watch.hpp"
#include "probe/isolate.hpp"
#include "probe/namespaces.hpp"
#include "probe/ping.hpp"
#include "probe/reachable.hpp"
#include "probe/tcp.hpp"
#include "probe/workers.hpp"
#include "services/lease_file.hpp"

namespace warren {
namespace {

using probe::Clock;
using std::chrono::milliseconds;

// Addresses that come one after another are pinged together.
constexpr milliseconds kGather{30};
constexpr milliseconds kPingInterval{100};

// Frames that may wait for a processor. Only the machine's first network namespace shows it: elsewhere the default.
std::size_t network_backlog() {
    std::size_t backlog = 1000;
    if (const auto value = read_sysctl("net.core.netdev_max_backlog")) {
        std::from_chars(value->data(), value->data() + value->size(), backlog);
    }
    return backlog;
}

struct Waiting {
    std::size_t index = 0;
    std::vector<std::string> hosts;  // whose addresses it depends on
    Clock::time_point deadline;
    bool fresh = true;      // not looked at yet
    bool resolved = false;  // handed on, or decided
};

struct Ready {
    std::size_t index = 0;
    PingPair pair;
};

class Check {
public:
    Check(const Lab& lab, const State& wanted, const std::map<std::string, std::string>& lease_files)
        : lab_(lab), wanted_(wanted), lease_files_(lease_files), domains_(wanted), verdicts_(lab.expect.size()) {
        for (const auto& [name, ns] : wanted_.namespaces) {
            if (!ns.host.empty()) { hosts_[ns.host] = &ns; }
        }
        for (const auto& [key, process] : wanted_.processes) {
            if (process.role == ProcessRole::service) { serving_.insert(process.host); }
        }
    }

    std::vector<Verdict> run() {
        (void)probe::descriptor_budget();  // raises the limit
        for (std::size_t i = 0; i < verdicts_.size(); ++i) {
            verdicts_[i].expectation = probe::expectation_text(lab_.expect[i]);
        }
        open_watches();
        watch_lease_files();
        for (std::size_t i = 0; i < verdicts_.size(); ++i) {
            const auto& expectation = lab_.expect[i];
            if (const auto gone = missing(expectation)) {
                decide(i, false, *gone);
            } else if (!std::holds_alternative<IsolateExpectation>(expectation.what)) {
                waiting_.push_back({i, hosts_in(expectation), began_ + probe::time_of(expectation)});
            }
        }
        wait();
        workers_.finish();
        isolate_all();
        return std::move(verdicts_);
    }

private:
    // Each verdict is decided once, by the loop or by one thread.
    void decide(std::size_t index, bool pass, std::string detail) {
        decide(index, pass, std::move(detail), Clock::now() - began_);
    }
    void decide(std::size_t index, bool pass, std::string detail, std::chrono::nanoseconds took) {
        verdicts_[index].pass = pass;
        verdicts_[index].detail = std::move(detail);
        verdicts_[index].took = std::chrono::duration_cast<milliseconds>(took);
    }

    // The lab's hosts that an expectation names; `to` may be an address.
    [[nodiscard]] static std::vector<std::string> hosts_in(const Expectation& expectation) {
        if (const auto* lease = std::get_if<LeaseExpectation>(&expectation.what)) { return {lease->host}; }
        const auto [from, to] = ends_of(expectation);
        if (IpAddress::parse(to)) { return {from}; }
        return {from, to};
    }

    [[nodiscard]] static std::pair<std::string, std::string> ends_of(const Expectation& expectation) {
        if (const auto* reach = std::get_if<ReachExpectation>(&expectation.what)) {
            return {reach->from, reach->to};
        }
        const auto& isolate = std::get<IsolateExpectation>(expectation.what);
        return {isolate.from, isolate.to};
    }

    void open_watches() {
        std::set<std::string> names;
        for (const auto& expectation : lab_.expect) {
            if (std::holds_alternative<IsolateExpectation>(expectation.what)) { continue; }
            for (const auto& host : hosts_in(expectation)) {
                if (hosts_.contains(host)) { names.insert(host); }
            }
        }
        const std::vector<std::string> list(names.begin(), names.end());
        std::vector<std::string> namespaces;
        for (const auto& host : list) { namespaces.push_back(hosts_.at(host)->name); }
        const auto opened = probe::in_each_namespace(namespaces, [&](std::size_t i) -> Result<void> {
            WARREN_ASSIGN(auto watch, probe::HostWatch::open());
            watches_.emplace(list[i], std::move(watch));
            return {};
        });
        for (std::size_t i = 0; i < list.size(); ++i) {
            if (!opened[i]) { faults_[list[i]] = opened[i].error().message(); }
        }
    }

    void watch_lease_files() {
        inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
        for (const auto& expectation : lab_.expect) {
            const auto* lease = std::get_if<LeaseExpectation>(&expectation.what);
            if (lease == nullptr) { continue; }
            const auto file = lease_files_.find(lease->network);
            if (file == lease_files_.end()) { continue; }
            const auto slash = file->second.rfind('/');
            const std::string directory = slash == std::string::npos ? "." : file->second.substr(0, slash + 1);
            (void)::inotify_add_watch(inotify_.get(), directory.c_str(),
                                      IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE);
        }
    }

    // Why an expectation cannot be tried at all.
    [[nodiscard]] std::optional<std::string> missing(const Expectation& expectation) const {
        for (const auto& host : hosts_in(expectation)) {
            if (!hosts_.contains(host)) { return fmt::format("not tried: the lab has no host {}", host); }
            if (const auto fault = faults_.find(host); fault != faults_.end()) {
                return "not tried: " + fault->second;
            }
        }
        if (const auto* lease = std::get_if<LeaseExpectation>(&expectation.what)) {
            if (!lease_files_.contains(lease->network)) {
                return fmt::format("not tried: network {} has no DHCP server of the lab's", lease->network);
            }
        }
        return std::nullopt;
    }

    void wait() {
        for (;;) {
            const auto now = Clock::now();
            for (auto& entry : waiting_) {
                if (entry.fresh || now >= entry.deadline || concerned(entry)) { advance(entry, now); }
            }
            changed_.clear();
            lease_files_changed_ = false;
            std::erase_if(waiting_, [](const Waiting& entry) { return entry.resolved; });
            if (!ready_.empty() && (waiting_.empty() || now >= gathered_until_)) { start_pings(); }
            if (waiting_.empty()) { return; }
            auto next = ready_.empty() ? Clock::time_point::max() : gathered_until_;
            for (const auto& entry : waiting_) { next = std::min(next, entry.deadline); }
            wait_for_news(next);
        }
    }

    [[nodiscard]] bool concerned(const Waiting& entry) const {
        if (lease_files_changed_ && std::holds_alternative<LeaseExpectation>(lab_.expect[entry.index].what)) {
            return true;
        }
        return std::any_of(entry.hosts.begin(), entry.hosts.end(),
                           [&](const auto& host) { return changed_.contains(host); });
    }

    void wait_for_news(Clock::time_point until) {
        std::vector<pollfd> fds;
        for (const auto& [host, watch] : watches_) { fds.push_back({watch.fd(), POLLIN, 0}); }
        if (inotify_.valid()) { fds.push_back({inotify_.get(), POLLIN, 0}); }
        if (::poll(fds.data(), fds.size(), probe::milliseconds_until(until)) <= 0) { return; }
        auto entry = fds.begin();
        for (auto& [host, watch] : watches_) {
            if ((entry++)->revents == 0) { continue; }
            // Where it cannot be read any more the deadline decides.
            (void)watch.refresh();
            changed_.insert(host);
        }
        if (entry != fds.end() && entry->revents != 0) {
            alignas(inotify_event) char events[4096];
            while (::read(inotify_.get(), events, sizeof events) > 0) {}
            leases_.clear();
            lease_files_changed_ = true;
        }
    }

    void advance(Waiting& entry, Clock::time_point now) {
        entry.fresh = false;
        const auto& what = lab_.expect[entry.index].what;
        if (const auto* reach = std::get_if<ReachExpectation>(&what)) {
            advance_reach(entry, *reach, now);
        } else {
            advance_lease(entry, std::get<LeaseExpectation>(what), now);
        }
    }

    [[nodiscard]] probe::Peer peer(const std::string& host) const {
        probe::Peer peer{hosts_.at(host), {}};
        for (const auto& address : watches_.at(host).addresses()) {
            peer.addresses.push_back({address.interface, address.value});
        }
        return peer;
    }

    void advance_reach(Waiting& entry, const ReachExpectation& reach, Clock::time_point now) {
        const auto within = probe::time_of(lab_.expect[entry.index]);
        std::string owner_name;
        probe::TcpTarget target{hosts_.at(reach.from)->name, std::nullopt, {}, reach.tcp.value_or(0)};
        if (const auto literal = IpAddress::parse(reach.to)) {
            target.address = *literal;
            target.to = listens_at(owner(reach.from, *literal));
        } else {
            const auto from = peer(reach.from);
            const auto to = peer(reach.to);
            const auto choice = probe::choose_address(domains_, from, to);
            const bool good = choice && (choice->common || !probe::common_address_wanted(domains_, from, to));
            if (!good && now < entry.deadline) { return; }
            if (!choice) {
                entry.resolved = true;
                return decide(entry.index, false,
                              fmt::format("{} has no address after {}", reach.to, probe::duration_text(within)));
            }
            if (!good) {
                entry.resolved = true;
                return decide(
                    entry.index, false,
                    fmt::format("{} has no address in a network of {}'s after {} (only {})", reach.to, reach.from,
                                probe::duration_text(within), choice->address.value.to_string()));
            }
            owner_name = hosts_.at(reach.to)->name;
            target.to = listens_at(hosts_.at(reach.to));
            target.address = choice->address.value.address;
        }
        entry.resolved = true;
        if (!reach.tcp) {
            if (ready_.empty()) { gathered_until_ = now + kGather; }
            ready_.push_back({entry.index, {target.from, target.address, owner_name}});
            return;
        }
        workers_.run([this, target, within, index = entry.index, deadline = entry.deadline] {
            const auto result = probe::tcp_reach(target, deadline);
            decide(index, result.reached, probe::tcp_text(target, result, within));
        });
    }

    // Where the check may listen on a port that nobody has. A host with services of its own is waited for: what holds
    // once they run must not pass without them, and the port is theirs to take.
    [[nodiscard]] std::optional<std::string> listens_at(const Namespace* ns) const {
        return ns && !serving_.contains(ns->host) ? std::optional(ns->name) : std::nullopt;
    }

    // The namespace that is meant to have ADDRESS: one in a broadcast domain with FROM, else the only one.
    [[nodiscard]] const Namespace* owner(const std::string& from, const IpAddress& address) const {
        std::vector<const Namespace*> owners;
        const probe::Peer source{hosts_.at(from), {}};
        for (const auto& [host, ns] : hosts_) {
            for (const auto& [name, link] : ns->links) {
                for (const auto& prefix : link.addresses) {
                    if (prefix.address != address) { continue; }
                    owners.push_back(ns);
                    const probe::Peer target{ns, {{name, prefix}}};
                    const auto choice = probe::choose_address(domains_, source, target);
                    if (choice && choice->common) { return ns; }
                }
            }
        }
        return owners.size() == 1 ? owners.front() : nullptr;
    }

    // One call for those with the same deadline.
    void start_pings() {
        std::map<milliseconds, std::vector<Ready>> lots;
        for (auto& ready : ready_) { lots[probe::time_of(lab_.expect[ready.index])].push_back(std::move(ready)); }
        ready_.clear();
        for (auto& [within, lot] : lots) {
            workers_.run([this, within = within, lot = std::move(lot)] { ping_lot(within, lot); });
        }
    }

    void ping_lot(milliseconds within, const std::vector<Ready>& lot) {
        const auto started = Clock::now() - began_;
        PingOptions options;
        options.interval = kPingInterval;
        options.until_reached = true;
        options.timeout = std::max(std::chrono::ceil<milliseconds>(within - started), milliseconds(1));
        std::vector<PingPair> pairs;
        for (const auto& ready : lot) { pairs.push_back(ready.pair); }
        const auto results = ping(pairs, options);
        for (std::size_t i = 0; i < lot.size(); ++i) {
            if (!results) {
                decide(lot[i].index, false, "not tried: " + results.error().message());
                continue;
            }
            const auto& result = (*results)[i];
            std::string text = probe::ping_text(pairs[i].to, result, within);
            if (result.received == 0) {
                const Namespace* from = hosts_.at(ends_of(lab_.expect[lot[i].index]).first);
                text += probe::flood_remark(domains_.largest_of(*from), network_backlog());
            }
            decide(lot[i].index, result.received > 0, std::move(text), started + result.took);
        }
    }

    void advance_lease(Waiting& entry, const LeaseExpectation& expectation, Clock::time_point now) {
        const auto state = lease_state(expectation);
        if (!state && now < entry.deadline) { return; }
        entry.resolved = true;
        if (state) { return decide(entry.index, true, *state); }
        const auto within = probe::time_of(lab_.expect[entry.index]);
        decide(entry.index, false, fmt::format("{} after {}", state.error(), probe::duration_text(within)));
    }

    // What holds, or what is still missing.
    [[nodiscard]] tl::expected<std::string, std::string> lease_state(const LeaseExpectation& expectation) {
        const auto* network = lab_.find_network(expectation.network);
        const auto on_network = interfaces_on(expectation);
        std::optional<std::string> unknown;
        std::string names;
        for (const auto& name : on_network) { names += (names.empty() ? "" : ", ") + name; }
        for (const auto& address : watches_.at(expectation.host).addresses()) {
            if (!on_network.contains(address.interface) || address.permanent) { continue; }
            const IpAddress& ip = address.value.address;
            if (network != nullptr && network->subnet && !network->subnet->contains(ip)) { continue; }
            if (leases_of(expectation.network).contains({address.mac, ip})) {
                return fmt::format("{} on {}", address.value.to_string(), address.interface);
            }
            unknown = fmt::format("{}:{} has {}, but the server of {} knows no such lease", expectation.host,
                                  address.interface, address.value.to_string(), expectation.network);
        }
        if (unknown) { return tl::unexpected(*unknown); }
        return tl::unexpected(
            fmt::format("{}:{} has no leased address{}", expectation.host, names.empty() ? "?" : names,
                        network != nullptr && network->subnet ? " in " + network->subnet->to_string() : ""));
    }

    using Leased = std::set<std::pair<MacAddress, IpAddress>>;
    // As the server's file had them since it last changed.
    const Leased& leases_of(const std::string& network) {
        const auto [found, added] = leases_.try_emplace(network);
        if (!added) { return found->second; }
        if (const auto text = read_file(lease_files_.at(network))) {
            for (const auto& lease : parse_leases(*text)) { found->second.emplace(lease.mac, lease.address); }
        }
        return found->second;
    }

    [[nodiscard]] std::set<std::string> interfaces_on(const LeaseExpectation& expectation) const {
        std::set<std::string> names;
        if (const auto* host = lab_.find_host(expectation.host)) {
            for (const auto& interface : host->interfaces) {
                if (interface.network == expectation.network) { names.insert(interface.name); }
            }
        }
        return names;
    }

    void isolate_all() {
        std::map<milliseconds, std::vector<std::size_t>> hosts;
        std::map<milliseconds, std::vector<Ready>> addresses;
        for (std::size_t i = 0; i < verdicts_.size(); ++i) {
            const auto& expectation = lab_.expect[i];
            if (!std::holds_alternative<IsolateExpectation>(expectation.what) || missing(expectation)) { continue; }
            const auto [from, to] = ends_of(expectation);
            const auto window = probe::time_of(expectation);
            if (const auto address = IpAddress::parse(to)) {
                addresses[window].push_back({i, {hosts_.at(from)->name, *address}});
            } else {
                hosts[window].push_back(i);
            }
        }
        for (const auto& [window, indexes] : hosts) { isolate_hosts(window, indexes); }
        for (const auto& [window, lot] : addresses) { isolate_addresses(window, lot); }
    }

    void isolate_hosts(milliseconds window, const std::vector<std::size_t>& indexes) {
        std::vector<probe::IsolatePair> pairs;
        for (const std::size_t i : indexes) {
            const auto [from, to] = ends_of(lab_.expect[i]);
            pairs.push_back({from, hosts_.at(from)->name, to, hosts_.at(to)->name});
        }
        const auto started = Clock::now();
        auto results = probe::isolate(pairs, window);
        for (std::size_t i = 0; i < indexes.size(); ++i) {
            decide(indexes[i], results[i].isolated, std::move(results[i].detail), Clock::now() - started);
        }
    }

    // Whose an address is, is not known where it is no host's: that nobody answers is what can be seen.
    void isolate_addresses(milliseconds window, const std::vector<Ready>& lot) {
        std::vector<PingPair> pairs;
        for (const auto& ready : lot) { pairs.push_back(ready.pair); }
        PingOptions options;
        options.interval = kPingInterval;
        options.until_reached = true;
        options.timeout = window;
        const auto results = ping(pairs, options);
        for (std::size_t i = 0; i < lot.size(); ++i) {
            if (!results) {
                decide(lot[i].index, false, "not tried: " + results.error().message());
                continue;
            }
            const auto& result = (*results)[i];
            const auto text = probe::ping_text(pairs[i].to, result, window);
            decide(lot[i].index, result.received == 0, text, result.took);
        }
    }

    const Lab& lab_;
    const State& wanted_;
    const std::map<std::string, std::string>& lease_files_;
    const probe::BroadcastDomains domains_;
    const Clock::time_point began_ = Clock::now();
    std::map<std::string, const Namespace*> hosts_;
    std::set<std::string> serving_;                    // hosts with services
    std::map<std::string, probe::HostWatch> watches_;  // by host
    std::map<std::string, std::string> faults_;        // hosts that could not be entered
    Fd inotify_;
    std::set<std::string> changed_;  // hosts whose addresses changed since the last look
    bool lease_files_changed_ = false;
    std::map<std::string, Leased> leases_;  // by network
    std::vector<Waiting> waiting_;
    std::vector<Ready> ready_;
    Clock::time_point gathered_until_;
    std::vector<Verdict> verdicts_;
    probe::Workers workers_;  // last: its threads use all the others
};

}  // namespace

std::vector<Verdict> check(const Lab& lab, const State& wanted,
                           const std::map<std::string, std::string>& lease_files) {
    return Check(lab, wanted, lease_files).run();
}

}  // namespace warren
