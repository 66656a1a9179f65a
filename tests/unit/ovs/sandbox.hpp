// Runs a test's body as process 1 of network, mount and process namespaces of its own, with an empty /run: what the
// body starts and makes goes with it, however it ends. Needs root.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace warren::ovs::test {

// Exit statuses of the body's process.
inline constexpr int kHeld = 0;
inline constexpr int kFailed = 1;
inline constexpr int kNoSandbox = 42;

inline bool enter_namespaces() {
    return ::unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID) == 0 &&
           ::mount("", "/", nullptr, MS_PRIVATE | MS_REC, nullptr) == 0 &&
           ::mount("run", "/run", "tmpfs", 0, "mode=755") == 0 && ::mkdir("/run/netns", 0755) == 0;
}

template <class Body>
void in_sandbox(Body body) {
    if (::geteuid() != 0) { GTEST_SKIP() << "needs root, to make namespaces"; }
    std::fflush(nullptr);
    const pid_t outer = ::fork();
    if (outer == 0) {
        if (!enter_namespaces()) { ::_exit(kNoSandbox); }
        const pid_t inner = ::fork();
        if (inner == 0) {
            if (::mount("proc", "/proc", "proc", 0, nullptr) != 0) { ::_exit(kNoSandbox); }
            body();
            std::fflush(nullptr);
            ::_exit(::testing::Test::HasFailure() ? kFailed : kHeld);
        }
        int status = 0;
        ::waitpid(inner, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : kFailed);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(outer, &status, 0), outer);
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNoSandbox) { GTEST_SKIP() << "cannot make namespaces here"; }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == kHeld) << "see the failures above";
}

}  // namespace warren::ovs::test
