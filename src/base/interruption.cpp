// Signals noted while the machine is changed. Called by the verbs that change it.
#include "base/interruption.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

namespace warren {
namespace {

constexpr int kCaught[] = {SIGINT, SIGTERM, SIGHUP};
constexpr int kAll[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

std::atomic<int> first = 0;
std::atomic<const char*> remark = nullptr;
std::atomic<const char*> at_once = nullptr;
struct sigaction before[std::size(kAll)];

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<const char*>::is_always_lock_free);

void say(const char* text) {
    if (text != nullptr) { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, text, std::strlen(text)); }
}

void on_signal(int signal) {
    const int code = errno;
    int none = 0;
    if (first.compare_exchange_strong(none, signal)) {
        say(remark);
    } else if (signal == SIGINT) {
        say(at_once);
        ::signal(signal, SIG_DFL);
        ::raise(signal);  // delivered when the handler has returned
    }
    errno = code;
}

}  // namespace

Interruption::Interruption(const char* first_remark, const char* second_remark) {
    remark = first_remark;
    at_once = second_remark;
    for (std::size_t i = 0; i < std::size(kAll); ++i) {
        ::sigaction(kAll[i], nullptr, &before[i]);
        if (before[i].sa_handler == SIG_IGN) { continue; }
        struct sigaction action {};
        action.sa_handler = kAll[i] == SIGPIPE ? SIG_IGN : on_signal;
        for (const int signal : kCaught) { sigaddset(&action.sa_mask, signal); }
        ::sigaction(kAll[i], &action, nullptr);
    }
}

Interruption::~Interruption() {
    if (first != 0) { return; }
    for (std::size_t i = 0; i < std::size(kAll); ++i) { ::sigaction(kAll[i], &before[i], nullptr); }
}

int interruption() { return first; }

void end_by(int signal) {
    std::fflush(nullptr);
    ::signal(signal, SIG_DFL);
    ::raise(signal);
    std::_Exit(128 + signal);
}

}  // namespace warren
