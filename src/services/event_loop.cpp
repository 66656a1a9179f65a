// epoll and timers. Called by the keeper.
#include "services/event_loop.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/epoll.h>

namespace warren {

Result<EventLoop> EventLoop::make() {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll.valid()) { return errno_failure("make an epoll descriptor"); }
    return EventLoop(std::move(epoll));
}

Result<EventLoop::Token> EventLoop::watch(int fd, std::uint32_t events,
                                          std::function<void(std::uint32_t)> handler) {
    const Token token = next_++;
    epoll_event event{};
    event.events = events;
    event.data.u64 = token;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) { return errno_failure("watch a descriptor"); }
    watches_[token] = {fd, std::make_shared<std::function<void(std::uint32_t)>>(std::move(handler))};
    return token;
}

void EventLoop::change(Token watch, std::uint32_t events) {
    const auto found = watches_.find(watch);
    if (found == watches_.end()) { return; }
    epoll_event event{};
    event.events = events;
    event.data.u64 = watch;
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, found->second.fd, &event);
}

void EventLoop::unwatch(Token& watch) {
    const auto found = watches_.find(std::exchange(watch, 0));
    if (found == watches_.end()) { return; }
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, found->second.fd, nullptr);
    watches_.erase(found);
}

EventLoop::Token EventLoop::after(std::chrono::milliseconds time, std::function<void()> handler) {
    const Token token = next_++;
    const auto due = Clock::now() + time;
    due_[token] = due;
    timers_[{due, token}] = std::move(handler);
    return token;
}

void EventLoop::cancel(Token& timer) {
    const auto found = due_.find(std::exchange(timer, 0));
    if (found == due_.end()) { return; }
    timers_.erase({found->second, found->first});
    due_.erase(found);
}

void EventLoop::fire_timers() {
    const auto now = Clock::now();
    while (!timers_.empty() && timers_.begin()->first.first <= now) {
        const auto handler = std::move(timers_.begin()->second);
        due_.erase(timers_.begin()->first.second);
        timers_.erase(timers_.begin());
        handler();
    }
}

int EventLoop::time_left() const {
    if (timers_.empty()) { return -1; }
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

Result<void> EventLoop::run() {
    std::array<epoll_event, 64> events{};
    while (!stopped_) {
        const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), time_left());
        if (n < 0 && errno != EINTR) { return errno_failure("wait for events"); }
        for (int i = 0; i < n && !stopped_; ++i) {
            const auto& event = events[static_cast<std::size_t>(i)];
            const Token token = event.data.u64;  // a copy: the structure is packed
            const auto found = watches_.find(token);
            if (found == watches_.end()) { continue; }
            const auto handler = found->second.handler;  // it may take its own watch away
            (*handler)(event.events);
        }
        fire_timers();
    }
    return {};
}

}  // namespace warren
