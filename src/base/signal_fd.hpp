// Signals as a descriptor, for event loops.
#pragma once

#include <csignal>
#include <initializer_list>

#include "base/fd.hpp"

namespace warren {

// While one exists these signals are blocked in the thread that made it, and in threads that it starts, and wait to be
// taken; those that nobody took are forgotten. Those that were ignored (nohup, a job in the background) stay ignored.
class SignalFd {
public:
    explicit SignalFd(std::initializer_list<int> signals);
    ~SignalFd();
    SignalFd(const SignalFd&) = delete;
    SignalFd& operator=(const SignalFd&) = delete;

    // Readable when one has come; not valid (-1) where the kernel had no descriptor left.
    [[nodiscard]] int fd() const { return fd_.get(); }
    // The next one; 0 none.
    [[nodiscard]] int take() const;

private:
    sigset_t before_{};
    Fd fd_;
};

}  // namespace warren
