// A machine of one's own for an end-to-end test: network, mount, PID, UTS and IPC namespaces that live
// exactly as long as the test's process.
#pragma once

#include <string>

namespace warren::e2e {

// Leaves the caller's process as a mere waiter that ends with the test's status, and returns in a process of a
// fresh machine: nothing but lo (up) in the network namespace, an empty /run, a private writable copy of /etc,
// fresh /proc and /sys, an empty /mnt to work in. Whatever it starts dies with it.
// Returns why there is no such machine, "" where there is. Call before any thread is started.
[[nodiscard]] std::string enter_sandbox();

}  // namespace warren::e2e
