// All pairs at once: raw ICMP sockets, one per namespace and family, in one epoll loop. Called by check.cpp and
// the verb ping.
#include "probe/ping.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <tuple>

#include <arpa/inet.h>
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

// What a request carries; an answer carries it back. In the machine's byte order: only this process reads it.
struct Payload {
    std::uint64_t nonce = 0;
    std::uint32_t pair = 0;
    std::uint32_t sequence = 0;
    std::int64_t sent = 0;  // ns of CLOCK_REALTIME, which the kernel's receive timestamps are of
    char padding[32] = {};  // to the 56 bytes of ping(8)
};
static_assert(sizeof(Payload) == 56);

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
    Endpoint* endpoint = nullptr;
    std::size_t source = 0;
    Clock::time_point deadline{};  // until_reached
    std::vector<bool> answered;    // by sequence
    nanoseconds total{0};
    bool held = false;  // counts in the window
    bool done = false;
};

class Pinger {
public:
    Pinger(const std::vector<PingPair>& pairs, const PingOptions& options)
        : pairs_(pairs), options_(options), state_(pairs.size()), results_(pairs.size()) {}

    Result<std::vector<PingResult>> run() {
        epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
        if (!epoll_.valid()) { return errno_failure("make an epoll descriptor"); }
        std::map<std::string, std::vector<std::size_t>> by_source;
        for (std::size_t i = 0; i < pairs_.size(); ++i) { by_source[pairs_[i].from].push_back(i); }
        for (const auto& pair : pairs_) { made_.insert(pair.to); }
        const std::size_t at_once = std::max<std::size_t>(1, probe::descriptor_budget() / 3);
        for (auto first = by_source.begin(); first != by_source.end();) {
            std::vector<std::string> sources;
            std::vector<std::size_t> members;
            for (; first != by_source.end() && sources.size() < at_once; ++first) {
                sources.push_back(first->first);
                members.insert(members.end(), first->second.begin(), first->second.end());
            }
            open_endpoints(sources, by_source);
            sort_into_squares(members);
            WARREN_TRY(run_pairs(members));
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

    void open_endpoints(const std::vector<std::string>& sources,
                        const std::map<std::string, std::vector<std::size_t>>& by_source) {
        const auto opened = probe::in_each_namespace(sources, [&](std::size_t i) -> Result<void> {
            WARREN_ASSIGN(auto neighbours, probe::Neighbours::open());
            for (const auto& address : neighbours.own()) {
                owners_.try_emplace(address, i);
                made_.insert(address);
            }
            sources_.insert_or_assign(i, std::move(neighbours));
            for (const std::size_t pair : by_source.at(sources[i])) {
                auto& endpoint = endpoints_[{sources[i], pairs_[pair].to.is_v4()}];
                if (!endpoint.fd.valid()) { WARREN_TRY(open_endpoint(endpoint, pairs_[pair].to.is_v4())); }
                state_[pair].endpoint = &endpoint;
                state_[pair].source = i;
            }
            return {};
        });
        for (std::size_t i = 0; i < sources.size(); ++i) {
            if (opened[i]) {
                any_opened_ = true;
                continue;
            }
            if (!fault_) { fault_ = opened[i].error(); }
            for (const std::size_t pair : by_source.at(sources[i])) {
                if (state_[pair].endpoint == nullptr) { results_[pair].error = opened[i].error().message(); }
            }
        }
    }

    Result<void> open_endpoint(Endpoint& endpoint, bool v4) {
        WARREN_ASSIGN(endpoint.fd, probe::open_icmp(v4, true));
        endpoint.v4 = v4;
        const int on = 1;
        const int bytes = 1 << 20;
        (void)::setsockopt(endpoint.fd.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        (void)::setsockopt(endpoint.fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = &endpoint;
        if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, endpoint.fd.get(), &event) != 0) {
            endpoint.fd.reset();
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

    // One more pair is to be asked: makes room in the neighbour table first where it needs it. False: not yet,
    // others are still waiting for the entries that would go.
    bool make_room() {
        if (fresh_.size() * 2 < neighbour_budget_) { return true; }
        if (held_ > 0) { return false; }
        clean();
        return true;
    }

    void clean() {
        // An entry that cannot be removed only takes room.
        for (const std::size_t source : touched_) { (void)sources_.at(source).clean(made_); }
        touched_.clear();
        fresh_.clear();
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
        while (unfinished_ > 0) {
            for (int burst = 0; next != members.end() && held_ < kWindow && burst < kBurst && make_room();
                 ++next, ++burst) {
                start(*next);
            }
            run_timers();
            if (unfinished_ == 0) { break; }
            const bool more = next != members.end() && held_ < kWindow && make_room();
            WARREN_TRY(
                receive(more || timers_.empty() ? 0 : probe::milliseconds_until(std::get<0>(timers_.top()))));
        }
        timers_ = {};
        held_ = 0;
        clean();
        return {};
    }

    void start(std::size_t pair) {
        auto& state = state_[pair];
        if (state.endpoint == nullptr) { return finish(pair); }
        const auto now = Clock::now();
        state.deadline = now + options_.timeout;
        touch(pair);
        state.held = true;
        ++held_;
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
        const int wanted = std::max(1, options_.count);
        if (options_.until_reached) {
            if (now >= state.deadline) { return finish(pair); }
            const milliseconds wait = send(pair) == Sent::later ? kRetry : options_.interval;
            timers_.emplace(std::min(now + wait, state.deadline), pair, Timer::act);
            return;
        }
        if (results_[pair].sent + refused_[pair] >= wanted) { return finish(pair); }
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
        const bool last = results_[pair].sent + refused_[pair] >= wanted;
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
        const auto& endpoint = *state_[pair].endpoint;
        const auto packet = probe::echo_request(endpoint.v4, static_cast<std::uint16_t>(nonce_),
                                                static_cast<std::uint16_t>(result.sent), &payload, sizeof payload);
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
        for (int i = 0; i < ready; ++i) { drain(*static_cast<const Endpoint*>(events[i].data.ptr)); }
        return {};
    }

    void drain(const Endpoint& endpoint) {
        for (;;) {
            alignas(8) char bytes[512];
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
            const auto got = ::recvmsg(endpoint.fd.get(), &message, 0);
            if (got < 0) {
                if (errno == EINTR) { continue; }
                return;
            }
            std::size_t offset = 8;                                                        // the ICMP header
            if (endpoint.v4) { offset += static_cast<std::size_t>(bytes[0] & 0x0f) * 4; }  // and IPv4's
            if (static_cast<std::size_t>(got) < offset + sizeof(Payload)) { continue; }
            Payload payload;
            std::memcpy(&payload, bytes + offset, sizeof payload);
            const auto source = endpoint.v4
                                    ? IpAddress::from_bytes(&reinterpret_cast<sockaddr_in*>(&from)->sin_addr, 4)
                                    : IpAddress::from_bytes(&reinterpret_cast<sockaddr_in6*>(&from)->sin6_addr, 16);
            answer(endpoint, payload, source, arrival(message));
        }
    }

    static std::int64_t arrival(msghdr& message) {
        for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS) { continue; }
            timespec time{};
            std::memcpy(&time, CMSG_DATA(part), sizeof time);
            return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
        }
        return now_ns();
    }

    void answer(const Endpoint& endpoint, const Payload& payload, const IpAddress& source, std::int64_t arrived) {
        if (payload.nonce != nonce_ || payload.pair >= state_.size()) { return; }
        auto& state = state_[payload.pair];
        auto& result = results_[payload.pair];
        if (state.done || state.endpoint != &endpoint || source != pairs_[payload.pair].to) { return; }
        if (payload.sequence >= static_cast<std::uint32_t>(result.sent)) { return; }
        if (state.answered.size() <= payload.sequence) { state.answered.resize(payload.sequence + 1); }
        if (state.answered[payload.sequence]) { return; }  // a duplicate
        state.answered[payload.sequence] = true;
        const nanoseconds time{std::max<std::int64_t>(arrived - payload.sent, 0)};
        result.min = result.received == 0 ? time : std::min(result.min, time);
        result.max = std::max(result.max, time);
        ++result.received;
        state.total += time;
        result.average = state.total / result.received;
        release(payload.pair);
        const bool all =
            result.received == result.sent && result.sent + refused_[payload.pair] >= std::max(1, options_.count);
        if (options_.until_reached || all) { finish(payload.pair); }
    }

    void release(std::size_t pair) {
        if (!state_[pair].held) { return; }
        state_[pair].held = false;
        --held_;
    }

    void finish(std::size_t pair) {
        release(pair);
        if (state_[pair].done) { return; }
        state_[pair].done = true;
        --unfinished_;
        results_[pair].took = Clock::now() - began_;
    }

    const std::vector<PingPair>& pairs_;
    const PingOptions& options_;
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
    std::vector<Pair> state_;
    std::vector<PingResult> results_;
    std::vector<int> refused_ = std::vector<int>(pairs_.size());  // requests that the kernel would not send
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> timers_;
    std::size_t held_ = 0;
    std::size_t unfinished_ = 0;
    bool any_opened_ = false;
    std::optional<Error> fault_;
};

}  // namespace

Result<std::vector<PingResult>> ping(const std::vector<PingPair>& pairs, const PingOptions& options) {
    return Pinger(pairs, options).run();
}

}  // namespace warren
