// Signals noted: each case in a process of its own, since signals are the whole process'.
#include "base/interruption.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warren {
namespace {

constexpr const char* kRemark = "noted\n";
constexpr const char* kAtOnce = "at once\n";

struct Ended {
    int status = 0;
    std::string said;
};

// Runs BODY in a child; its exit status is BODY's result.
Ended in_child(const std::function<int()>& body) {
    int ends[2];
    if (::pipe(ends) != 0) { return {}; }
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == 0) {
        // Whoever started the tests may have had them ignored, as a shell does for jobs in the background.
        for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) { ::signal(signal, SIG_DFL); }
        ::dup2(ends[1], STDERR_FILENO);
        ::close(ends[0]);
        ::_exit(body());
    }
    ::close(ends[1]);
    Ended ended;
    char buffer[256];
    for (ssize_t n = 0; (n = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
        ended.said.append(buffer, static_cast<std::size_t>(n));
    }
    ::close(ends[0]);
    ::waitpid(child, &ended.status, 0);
    return ended;
}

TEST(Interruption, TheFirstIsNotedAndSaysSo) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        const Ended ended = in_child([signal] {
            const Interruption caught(kRemark, kAtOnce);
            if (interruption() != 0) { return 1; }
            ::raise(signal);
            return interruption() == signal ? 0 : 2;
        });
        EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0) << signal << ": " << ended.status;
        EXPECT_EQ(ended.said, kRemark);
    }
}

TEST(Interruption, ASecondCtrlCEndsTheProcess) {
    const Ended ended = in_child([] {
        const Interruption caught(kRemark, kAtOnce);
        ::raise(SIGTERM);
        ::raise(SIGINT);
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGINT) << ended.status;
    EXPECT_EQ(ended.said, std::string(kRemark) + kAtOnce);
}

TEST(Interruption, ASecondSigtermOrSighupDoesNot) {
    const Ended ended = in_child([] {
        const Interruption caught(kRemark, kAtOnce);
        ::raise(SIGINT);
        for (const int signal : {SIGTERM, SIGTERM, SIGHUP, SIGHUP}) { ::raise(signal); }
        return interruption() == SIGINT ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0) << ended.status;
    EXPECT_EQ(ended.said, kRemark);
}

TEST(Interruption, TheFirstIsWhatEndsTheProcess) {
    const Ended ended = in_child([] {
        {
            const Interruption caught(kRemark, kAtOnce);
            ::raise(SIGTERM);
        }
        ::raise(SIGHUP);
        end_by(interruption());
        return 0;
    });
    EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGTERM) << ended.status;
}

TEST(Interruption, WhatWasIgnoredStaysIgnored) {
    const Ended ended = in_child([] {
        ::signal(SIGHUP, SIG_IGN);
        const Interruption caught(kRemark, kAtOnce);
        ::raise(SIGHUP);
        return interruption();
    });
    EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0) << ended.status;
    EXPECT_EQ(ended.said, "");
}

TEST(Interruption, ABrokenPipeIsAnErrorMeanwhileAndFatalAfterwards) {
    const auto write_to_nobody = [] {
        int ends[2];
        if (::pipe(ends) != 0) { return -1; }
        ::close(ends[0]);
        return ::write(ends[1], "x", 1) < 0 ? errno : 0;
    };
    EXPECT_EQ(WEXITSTATUS(in_child([&] {
                              const Interruption caught(kRemark, kAtOnce);
                              return write_to_nobody();
                          }).status),
              EPIPE);
    const Ended after = in_child([&] {
        { const Interruption caught(kRemark, kAtOnce); }
        return write_to_nobody();
    });
    EXPECT_TRUE(WIFSIGNALED(after.status) && WTERMSIG(after.status) == SIGPIPE) << after.status;
}

TEST(Interruption, AWaitIsInterrupted) {
    const Ended ended = in_child([] {
        const Interruption caught(kRemark, kAtOnce);
        const pid_t parent = ::getpid();
        if (::fork() == 0) {
            // Again and again: the first may come before the wait begins.
            while (::getppid() == parent) {
                ::kill(parent, SIGTERM);
                (void)::poll(nullptr, 0, 10);
            }
            ::_exit(0);
        }
        return ::poll(nullptr, 0, 60'000) < 0 && errno == EINTR ? 0 : 1;
    });
    EXPECT_TRUE(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0) << ended.status;
}

TEST(Interruption, EndByEndsAsTheSignalWould) {
    const Ended ended = in_child([]() -> int {
        {
            const Interruption caught(kRemark, kAtOnce);
            ::raise(SIGINT);
        }
        end_by(interruption());
    });
    EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGINT) << ended.status;
}

}  // namespace
}  // namespace warren
