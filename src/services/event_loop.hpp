// The keeper's event loop: descriptors by epoll, and timers. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace warren {

// Handlers may add and take away watches and timers, their own too. A watch is taken away before its
// descriptor is closed; after that its handler is not called, not even for what epoll has reported already.
class EventLoop {
public:
    using Token = std::uint64_t;  // 0: none
    using Clock = std::chrono::steady_clock;

    [[nodiscard]] static Result<EventLoop> make();

    [[nodiscard]] Result<Token> watch(int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler);
    void change(Token watch, std::uint32_t events);
    void unwatch(Token& watch);  // sets it to 0; 0 is allowed

    [[nodiscard]] Token after(std::chrono::milliseconds time, std::function<void()> handler);
    void cancel(Token& timer);  // sets it to 0; one that has fired, or 0, is allowed

    [[nodiscard]] Result<void> run();  // until stop()
    void stop() { stopped_ = true; }

private:
    explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
    void fire_timers();
    [[nodiscard]] int time_left() const;  // for epoll_wait: milliseconds, -1 no timer

    struct Watch {
        int fd;
        std::shared_ptr<std::function<void(std::uint32_t)>> handler;
    };
    Fd epoll_;
    Token next_ = 1;
    std::map<Token, Watch> watches_;
    std::map<std::pair<Clock::time_point, Token>, std::function<void()>> timers_;
    std::map<Token, Clock::time_point> due_;
    bool stopped_ = false;
};

}  // namespace warren
