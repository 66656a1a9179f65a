// All pairs at once: raw ICMP sockets, one per namespace and family, in one epoll loop. Called by check.cpp and
// the verb ping.
#include "probe/ping.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <tuple>

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <time.h>

#include "probe/namespaces.hpp"
#include "probe/neighbours.hpp"

namespace warren {
namespace {

using probe::Clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// Pairs whose first request is out and neither answered nor older than kHold: each takes a place in the switches'
// queues.
constexpr std::size_t kWindow = 400;
constexpr milliseconds kHold{300};
// Pairs are sent in squares of this many sources by as many targets, so that a wave that fits the neighbour
// table concerns few namespaces.
constexpr std::size_t kSquare = 16;
// Requests sent before the answers are looked at.
constexpr int kBurst = 64;
// When the neighbour table or a queue is full.
constexpr milliseconds kRetry{50};

// What a request carries at least; an answer carries it back. In the machine's byte order: only this process reads it.
struct Payload {
    std::uint64_t nonce = 0;
    std::uint32_t pair = 0;
    std::uint32_t sequence = 0;
    std::int64_t sent = 0;  // ns of CLOCK_REALTIME, which the kernel's receive timestamps are of
};
static_assert(sizeof(Payload) == PingOptions::kLeastPayload);

std::int64_t now_ns() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

struct Endpoint {
    bool v4 = true;
    Fd fd;
};

struct Pair {
    const Endpoint* endpoint = nullptr;
    const Endpoint* witness = nullptr;  // where the requests are to arrive; null: need not be seen
    std::size_t source = 0;
    Clock::time_point deadline{};  // until_reached
    std::vector<bool> answered;    // by sequence
    std::vector<bool> arrived;     // by sequence, at the witness
    nanoseconds total{0};
    double squares = 0;    // of round-trip times, ns²
    bool foreign = false;  // something else than the owner has answered
    bool done = false;
};

// An answer that has been read.
struct Reply {
    const Endpoint* endpoint = nullptr;
    Payload payload;
    IpAddress source;
    std::size_t bytes = 0;
    int ttl = -1;
    nanoseconds time{0};
};

void set(std::vector<bool>& bits, std::size_t at) {
    if (bits.size() <= at) { bits.resize(at + 1); }
    bits[at] = true;
}
bool is_set(const std::vector<bool>& bits, std::size_t at) { return at < bits.size() && bits[at]; }

class Pinger {
public:
    Pinger(const std::vector<PingPair>& pairs, const PingOptions& options)
        : pairs_(pairs), options_(options), state_(pairs.size()), results_(pairs.size()) {}

    Result<std::vector<PingResult>> run() {
        epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_.valid()) { return errno_failure("make an epoll descriptor"); }
        if (options_.stop >= 0) { WARREN_TRY(watch(options_.stop, nullptr)); }
        Members by_source;
        for (std::size_t i = 0; i < pairs_.size(); ++i) { by_source[pairs_[i].from].push_back(i); }
        for (const auto& pair : pairs_) { made_.insert(pair.to); }
        const std::size_t budget = probe::descriptor_budget();
        for (auto first = by_source.begin(); first != by_source.end() && !stopped_;) {
            Lot lot;
            std::size_t cost = 0;
            do {
                cost += add_to(lot, first->first, first->second);
                ++first;
            } while (first != by_source.end() && cost + cost_of(lot, first->second) <= budget);
            open_endpoints(lot, by_source);
            sort_into_squares(lot.members);
            WARREN_TRY(run_pairs(lot.members));
            endpoints_.clear();
            sources_.clear();
            owners_.clear();
        }
        if (!pairs_.empty() && !any_opened_ && fault_) { return tl::unexpected(*fault_); }
        return std::move(results_);
    }

private:
    enum class Timer { act, release };
    using Entry = std::tuple<Clock::time_point, std::size_t, Timer>;
    using Members = std::map<std::string, std::vector<std::size_t>>;
    // Those whose sockets are open at the same time.
    struct Lot {
        std::vector<std::string> sources;
        std::vector<std::size_t> members;              // pairs
        std::map<std::string, std::set<bool>> needed;  // namespace → families (IPv4) of its sockets
    };

    // Descriptors that one source more needs: at most two sockets and a netlink one for it, two for each owner.
    [[nodiscard]] std::size_t cost_of(const Lot& lot, const std::vector<std::size_t>& pairs) const {
        std::set<std::string> owners;
        for (const std::size_t pair : pairs) {
            if (const auto& owner = pairs_[pair].owner; !owner.empty() && !lot.needed.contains(owner)) {
                owners.insert(owner);
            }
        }
        return 3 + 2 * owners.size();
    }

    std::size_t add_to(Lot& lot, const std::string& source, const std::vector<std::size_t>& pairs) const {
        const std::size_t cost = cost_of(lot, pairs);
        lot.sources.push_back(source);
        lot.members.insert(lot.members.end(), pairs.begin(), pairs.end());
        for (const std::size_t pair : pairs) {
            lot.needed[source].insert(pairs_[pair].to.is_v4());
            if (!pairs_[pair].owner.empty()) { lot.needed[pairs_[pair].owner].insert(pairs_[pair].to.is_v4()); }
        }
        return cost;
    }

    void open_endpoints(const Lot& lot, const Members& by_source) {
        auto names = lot.sources;
        const std::set<std::string> sources(names.begin(), names.end());
        for (const auto& [name, families] : lot.needed) {
            if (!sources.contains(name)) { names.push_back(name); }
        }
        const auto opened = probe::in_each_namespace(names, [&](std::size_t i) -> Result<void> {
            if (i < lot.sources.size()) {
                WARREN_ASSIGN(auto neighbours, probe::Neighbours::open());
                for (const auto& address : neighbours.own()) {
                    owners_.try_emplace(address, i);
                    made_.insert(address);
                }
                sources_.insert_or_assign(i, std::move(neighbours));
            }
            for (const bool v4 : lot.needed.at(names[i])) { WARREN_TRY(open_endpoint(names[i], v4)); }
            return {};
        });
        const bool exhausted = std::any_of(opened.begin(), opened.end(), [](const auto& result) {
            return !result && result.error().code == EMFILE;
        });
        for (std::size_t i = 0; i < lot.sources.size(); ++i) {
            any_opened_ = any_opened_ || opened[i];
            if (!opened[i] && !fault_) { fault_ = opened[i].error(); }
            for (const std::size_t pair : by_source.at(lot.sources[i])) {
                state_[pair].source = i;
                state_[pair].endpoint = endpoint_of(pairs_[pair].from, pairs_[pair].to.is_v4());
                state_[pair].witness = witness_of(pairs_[pair], exhausted);
                if (state_[pair].endpoint == nullptr && !opened[i]) {
                    results_[pair].error = opened[i].error().message();
                }
            }
        }
    }

    [[nodiscard]] const Endpoint* endpoint_of(const std::string& name, bool v4) const {
        const auto found = endpoints_.find({name, v4});
        return found == endpoints_.end() ? nullptr : &found->second;
    }

    // Nothing arrives in a namespace that is gone. EXHAUSTED: some could not be opened for lack of descriptors; then
    // the answer is all there is to go by.
    [[nodiscard]] const Endpoint* witness_of(const PingPair& pair, bool exhausted) const {
        if (pair.owner.empty()) { return nullptr; }
        const Endpoint* found = endpoint_of(pair.owner, pair.to.is_v4());
        return found != nullptr || exhausted ? found : &nowhere_;
    }

    Result<void> open_endpoint(const std::string& name, bool v4) {
        Endpoint endpoint;
        WARREN_ASSIGN(endpoint.fd, probe::open_icmp(v4, true));
        endpoint.v4 = v4;
        const int on = 1;
        const int bytes = 1 << 20;
        (void)::setsockopt(endpoint.fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        (void)::setsockopt(endpoint.fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        if (!v4) { (void)::setsockopt(endpoint.fd.get(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on); }
        const auto at = endpoints_.insert_or_assign({name, v4}, std::move(endpoint)).first;
        if (auto watched = watch(at->second.fd.get(), &at->second); !watched) {
            endpoints_.erase(at);
            return watched;
        }
        return {};
    }

    // Null stands for options_.stop.
    Result<void> watch(int fd, const Endpoint* endpoint) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = const_cast<Endpoint*>(endpoint);
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
            return errno_failure("watch a raw socket");
        }
        return {};
    }

    // Where it is known whose address the target is, both directions of a pair come together: they share the
    // entries of the neighbour table.
    void sort_into_squares(std::vector<std::size_t>& members) const {
        using Place = std::array<std::size_t, 5>;
        std::vector<std::pair<Place, std::size_t>> places;
        places.reserve(members.size());
        for (const std::size_t pair : members) {
            const std::size_t source = state_[pair].source;
            const auto owner = owners_.find(pairs_[pair].to);
            const std::size_t target = owner == owners_.end() ? source : owner->second;
            const auto [low, high] = std::minmax(source, target);
            places.push_back({{low / kSquare, high / kSquare, low, high, source}, pair});
        }
        std::sort(places.begin(), places.end());
        std::transform(places.begin(), places.end(), members.begin(),
                       [](const auto& place) { return place.second; });
    }

    // One more pair is to be asked: makes room in the neighbour table first where it needs it. False: not yet, too
    // many are still waiting for the entries that would go.
    bool make_room() {
        if (fresh_.size() * 2 < neighbour_budget_) { return true; }
        if (held_.size() * 4 > neighbour_budget_) { return false; }
        clean();
        return true;
    }

    // Removes all that was made but for pairs that are held, whose packets may wait in an entry.
    void clean() {
        std::map<std::size_t, std::set<IpAddress>> keep;  // by source
        for (const std::size_t pair : held_) {
            const std::size_t source = state_[pair].source;
            keep[source].insert(pairs_[pair].to);
            if (const auto owner = owners_.find(pairs_[pair].to); owner != owners_.end()) {
                const auto& own = sources_.at(source).own();
                keep[owner->second].insert(own.begin(), own.end());
            }
        }
        // An entry that cannot be removed only takes room.
        for (const std::size_t source : touched_) { (void)sources_.at(source).clean(made_, keep[source]); }
        touched_.clear();
        fresh_.clear();
        for (const std::size_t pair : held_) { touch(pair); }
    }

    void touch(std::size_t pair) {
        const std::size_t source = state_[pair].source;
        touched_.insert(source);
        const auto owner = owners_.find(pairs_[pair].to);
        if (owner == owners_.end()) {
            fresh_.emplace(sources_.size() + pair, source);
            return;
        }
        touched_.insert(owner->second);
        fresh_.insert(std::minmax(source, owner->second));
    }

    Result<void> run_pairs(const std::vector<std::size_t>& members) {
        unfinished_ = members.size();
        auto next = members.begin();
        while (unfinished_ > 0 && !stopped_) {
            for (int burst = 0; next != members.end() && held_.size() < kWindow && burst < kBurst && make_room();
                 ++next, ++burst) {
                start(*next);
            }
            run_timers();
            if (unfinished_ == 0) { break; }
            const bool more = next != members.end() && held_.size() < kWindow && make_room();
            WARREN_TRY(
                receive(more || timers_.empty() ? 0 : probe::milliseconds_until(std::get<0>(timers_.top()))));
        }
        for (const std::size_t pair : members) { finish(pair); }  // those that were stopped
        timers_ = {};
        clean();
        return {};
    }

    void start(std::size_t pair) {
        auto& state = state_[pair];
        if (state.endpoint == nullptr) { return finish(pair); }
        const auto now = Clock::now();
        state.deadline = now + options_.timeout;
        touch(pair);
        held_.insert(pair);
        timers_.emplace(now + kHold, pair, Timer::release);
        act(pair, now);
    }

    void run_timers() {
        const auto now = Clock::now();
        while (!timers_.empty() && std::get<0>(timers_.top()) <= now) {
            const auto [time, pair, kind] = timers_.top();
            timers_.pop();
            if (state_[pair].done) { continue; }
            if (kind == Timer::release) {
                release(pair);
            } else {
                act(pair, now);
            }
        }
    }

    // The pair's next request, or its end.
    void act(std::size_t pair, Clock::time_point now) {
        const auto& state = state_[pair];
        if (options_.until_reached) {
            if (now >= state.deadline) { return finish(pair); }
            const milliseconds wait = send(pair) == Sent::later ? kRetry : options_.interval;
            timers_.emplace(std::min(now + wait, state.deadline), pair, Timer::act);
            return;
        }
        if (results_[pair].sent + refused_[pair] >= wanted_) { return finish(pair); }
        switch (send(pair)) {
            case Sent::yes:
                break;
            case Sent::later:
                if (now < state.deadline) {
                    timers_.emplace(now + kRetry, pair, Timer::act);
                    return;
                }
                [[fallthrough]];
            case Sent::refused:
                ++refused_[pair];
                break;
        }
        const bool last = results_[pair].sent + refused_[pair] >= wanted_;
        if (last && results_[pair].sent == results_[pair].received) { return finish(pair); }
        timers_.emplace(now + (last ? options_.timeout : options_.interval), pair, Timer::act);
    }

    enum class Sent { yes, later, refused };
    Sent send(std::size_t pair) {
        auto& result = results_[pair];
        Payload payload;
        payload.nonce = nonce_;
        payload.pair = static_cast<std::uint32_t>(pair);
        payload.sequence = static_cast<std::uint32_t>(result.sent);
        payload.sent = now_ns();
        std::memcpy(request_.data(), &payload, sizeof payload);
        const auto& endpoint = *state_[pair].endpoint;
        const auto packet =
            probe::echo_request(endpoint.v4, static_cast<std::uint16_t>(nonce_),
                                static_cast<std::uint16_t>(result.sent + 1), request_.data(), request_.size());
        const probe::SocketAddress to(pairs_[pair].to, 0);
        const auto sent = ::sendto(endpoint.fd.get(), packet.data(), packet.size(), 0, to.get(), to.size());
        if (sent >= 0) {
            ++result.sent;
            result.error.clear();
            return Sent::yes;
        }
        const int code = errno;
        result.error = errno_text(code);
        return code == ENOBUFS || code == EAGAIN || code == ENOMEM ? Sent::later : Sent::refused;
    }

    Result<void> receive(int timeout) {
        epoll_event events[64];
        const int ready = ::epoll_wait(epoll_.get(), events, 64, timeout);
        if (ready < 0 && errno != EINTR) { return errno_failure("wait for echo replies"); }
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.ptr == nullptr) {
                stopped_ = true;
            } else {
                drain(*static_cast<const Endpoint*>(events[i].data.ptr));
            }
        }
        // By index: draining a witness brings more.
        for (std::size_t i = 0; i < replies_.size(); ++i) { answer(Reply(replies_[i])); }
        replies_.clear();
        return {};
    }

    void drain(const Endpoint& endpoint) {
        for (;;) {
            alignas(8) char bytes[512];  // no more of it is looked at
            alignas(cmsghdr) char control[128];
            sockaddr_storage from{};
            iovec part{bytes, sizeof bytes};
            msghdr message{};
            message.msg_name = &from;
            message.msg_namelen = sizeof from;
            message.msg_iov = &part;
            message.msg_iovlen = 1;
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            const auto got = ::recvmsg(endpoint.fd.get(), &message, MSG_TRUNC);  // the whole length is told
            if (got < 0) {
                if (errno == EINTR) { continue; }
                return;
            }
            const std::size_t header = endpoint.v4 ? static_cast<std::size_t>(bytes[0] & 0x0f) * 4 : 0;  // IPv4's
            constexpr std::size_t kIcmpHeader = 8;
            const auto size = static_cast<std::size_t>(got);
            if (size < header + kIcmpHeader + sizeof(Payload)) { continue; }
            Reply reply;
            std::memcpy(&reply.payload, bytes + header + kIcmpHeader, sizeof reply.payload);
            if (reply.payload.nonce != nonce_ || reply.payload.pair >= state_.size()) { continue; }
            if (static_cast<unsigned char>(bytes[header]) == (endpoint.v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST)) {
                auto& state = state_[reply.payload.pair];
                if (state.witness == &endpoint) { set(state.arrived, reply.payload.sequence); }
                continue;
            }
            constexpr std::size_t kTtl = 8;  // its place in IPv4's header
            reply.endpoint = &endpoint;
            reply.bytes = size - header;
            if (endpoint.v4) { reply.ttl = static_cast<unsigned char>(bytes[kTtl]); }
            reply.source = endpoint.v4
                               ? IpAddress::from_bytes(&reinterpret_cast<sockaddr_in*>(&from)->sin_addr, 4)
                               : IpAddress::from_bytes(&reinterpret_cast<sockaddr_in6*>(&from)->sin6_addr, 16);
            read_control(message, reply);
            replies_.push_back(reply);
        }
    }

    // When it arrived, and IPv6's hop limit.
    static void read_control(msghdr& message, Reply& reply) {
        std::int64_t arrived = 0;
        for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
                timespec time{};
                std::memcpy(&time, CMSG_DATA(part), sizeof time);
                arrived = std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
            } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_HOPLIMIT) {
                std::memcpy(&reply.ttl, CMSG_DATA(part), sizeof reply.ttl);
            }
        }
        if (arrived == 0) { arrived = now_ns(); }
        reply.time = nanoseconds{std::max<std::int64_t>(arrived - reply.payload.sent, 0)};
    }

    // The kernel hands a request to the raw sockets before it answers it: what has not come there by now never will.
    bool is_the_owners(std::size_t pair, std::size_t sequence) {
        const auto& state = state_[pair];
        if (state.witness == nullptr) { return true; }
        if (!is_set(state.arrived, sequence)) { drain(*state.witness); }
        return is_set(state.arrived, sequence);
    }

    void answer(const Reply& reply) {
        const std::size_t pair = reply.payload.pair;
        const std::uint32_t sequence = reply.payload.sequence;
        auto& state = state_[pair];
        auto& result = results_[pair];
        if (state.done || state.endpoint != reply.endpoint || reply.source != pairs_[pair].to) { return; }
        if (sequence >= static_cast<std::uint32_t>(result.sent)) { return; }
        if (!is_the_owners(pair, sequence)) {
            state.foreign = true;
            release(pair);
            return;
        }
        const bool duplicate = is_set(state.answered, sequence);
        if (options_.answered) {
            options_.answered(
                {pair, static_cast<int>(sequence) + 1, reply.bytes, reply.ttl, reply.time, duplicate});
        }
        if (duplicate) { return; }
        set(state.answered, sequence);
        result.min = result.received == 0 ? reply.time : std::min(result.min, reply.time);
        result.max = std::max(result.max, reply.time);
        ++result.received;
        state.total += reply.time;
        result.average = state.total / result.received;
        const auto ns = static_cast<double>(reply.time.count());
        state.squares += ns * ns;
        release(pair);
        const bool all = result.received == result.sent && result.sent + refused_[pair] >= wanted_;
        if (options_.until_reached ? result.received >= wanted_ : all) { finish(pair); }
    }

    void release(std::size_t pair) { held_.erase(pair); }

    void finish(std::size_t pair) {
        release(pair);
        if (state_[pair].done) { return; }
        state_[pair].done = true;
        --unfinished_;
        auto& result = results_[pair];
        if (result.received == 0 && state_[pair].foreign) {
            result.error = "answered by another, which has that address too";
        }
        if (result.received > 1) {
            const auto average = static_cast<double>(result.average.count());
            const double variance = state_[pair].squares / result.received - average * average;
            result.deviation = nanoseconds{std::llround(std::sqrt(std::max(variance, 0.0)))};
        }
        result.took = Clock::now() - began_;
    }

    const std::vector<PingPair>& pairs_;
    const PingOptions& options_;
    const int wanted_ = options_.count > 0 ? options_.count : std::numeric_limits<int>::max();
    std::vector<char> request_ =
        std::vector<char>(std::clamp(options_.payload, PingOptions::kLeastPayload, PingOptions::kMostPayload));
    const std::uint64_t nonce_ = probe::random_number();
    const Clock::time_point began_ = Clock::now();
    const std::size_t neighbour_budget_ = probe::neighbour_budget();
    std::set<IpAddress> made_;                 // whose neighbour entries are ours to remove
    std::map<IpAddress, std::size_t> owners_;  // address → source that has it
    std::map<std::size_t, probe::Neighbours> sources_;
    std::set<std::size_t> touched_;                        // sources with entries made since the last clean()
    std::set<std::pair<std::size_t, std::size_t>> fresh_;  // pairs of hosts that made them
    Fd epoll_;
    std::map<std::pair<std::string, bool>, Endpoint> endpoints_;  // nodes stay where they are
    const Endpoint nowhere_;
    std::vector<Pair> state_;
    std::vector<PingResult> results_;
    std::vector<int> refused_ = std::vector<int>(pairs_.size());  // requests that the kernel would not send
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> timers_;
    std::vector<Reply> replies_;  // read and not yet counted
    bool stopped_ = false;
    std::set<std::size_t> held_;  // pairs that count in the window
    std::size_t unfinished_ = 0;
    bool any_opened_ = false;
    std::optional<Error> fault_;
};

}  // namespace

Result<std::vector<PingResult>> ping(const std::vector<PingPair>& pairs, const PingOptions& options) {
    return Pinger(pairs, options).run();
}

}  // namespace warren
