// signalfd(2) and its mask. Called by the verbs that run until they are told to end.
#include "base/signal_fd.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

namespace warren {

SignalFd::SignalFd(std::initializer_list<int> signals) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : signals) {
        struct sigaction now {};
        ::sigaction(signal, nullptr, &now);
        if (now.sa_handler != SIG_IGN) { ::sigaddset(&set, signal); }
    }
    ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    fd_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

SignalFd::~SignalFd() {
    while (take() != 0) {}
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int SignalFd::take() const {
    signalfd_siginfo info{};
    return ::read(fd_.get(), &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

}  // namespace warren
