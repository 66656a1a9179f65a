// Child processes: started without a shell, followed by pidfd, every descriptor closed on exec.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace warren {

struct SpawnOptions {
    std::vector<std::string> command;      // found by PATH
    std::vector<std::string> environment;  // "NAME=VALUE", added to (and over) our own
    std::string directory;                 // working directory, "" ours
    int stdin_fd = -1;                     // -1: /dev/null; else inherited as 0
    int stdout_fd = -1;                    // -1: /dev/null
    int stderr_fd = -1;                    // -1: /dev/null
    int net_namespace = -1;                // an nsfs descriptor to setns() into, -1 ours
    std::string etc_directory;             // bind its files over /etc's in a mount namespace of its own
    bool new_session = false;              // setsid()
};

// A started child. Does not kill or wait in its destructor.
struct Child {
    pid_t pid = 0;
    Fd pidfd;  // readable when it has ended
};

// Starts a program. Fails where it cannot be executed (the child's errno comes back), naming command
// and reason. Signal dispositions and mask are reset to default in the child. Any thread.
[[nodiscard]] Result<Child> spawn(const SpawnOptions& options);

struct Exited {
    int status = 0;  // as of waitpid(2)
    [[nodiscard]] bool success() const { return status == 0; }
    [[nodiscard]] int shell_status() const;  // exit status, or 128 + signal
    [[nodiscard]] std::string text() const;  // "exit status 3", "killed by signal 9 (Killed)"
};

// Waits for the child to end; nothing within the time: the optional is empty. A negative time: for ever.
[[nodiscard]] Result<std::optional<Exited>> wait_for(Child& child, std::chrono::milliseconds time);

// Runs to its end and collects what it printed (both streams). For short helpers only.
struct Output {
    Exited exited;
    std::string out;
    std::string err;
};
[[nodiscard]] Result<Output> run(const SpawnOptions& options, std::chrono::milliseconds time);

// Asks a process that we started to end: SIGTERM, after GRACE SIGKILL; returns when it is gone.
// Works on any pidfd, not only of own children.
[[nodiscard]] Result<void> end_process(int pidfd, std::chrono::milliseconds grace, const std::string& what);
[[nodiscard]] Result<void> send_signal(int pidfd, int signal, const std::string& what);

// A pid that cannot be mistaken after reuse: the pid and the start time (field 22 of /proc/PID/stat, clock
// ticks since boot).
struct ProcessId {
    pid_t pid = 0;
    std::uint64_t start = 0;
    bool operator==(const ProcessId&) const = default;
};
[[nodiscard]] std::optional<ProcessId> process_id(pid_t pid);  // nothing: no such process (or a zombie)
// The processes that can be seen from here, at this moment, in no order.
[[nodiscard]] std::vector<pid_t> all_processes();
// The words of a process's command line; none: no such process, a zombie, or a thread of the kernel's.
[[nodiscard]] std::vector<std::string> command_of(pid_t pid);
// A pidfd of exactly that process; fails with ESRCH where it has gone.
[[nodiscard]] Result<Fd> open_process(const ProcessId& id);

// Absolute path of PROGRAM in PATH, /usr/sbin and /sbin; "" where there is none.
[[nodiscard]] std::string find_program(const std::string& program);

// Files to be seen over others, in a mount namespace of one's own: from → to.
using Binds = std::vector<std::pair<std::string, std::string>>;
// A host's own resolv.conf and hosts in DIRECTORY, over /etc's: what ip-netns(8) does with /etc/netns/NAME.
[[nodiscard]] Binds etc_binds(const std::string& directory);
// Puts the calling process in a network namespace (-1: stays), and, where there are BINDS, in a mount namespace
// with them and with a /sys that shows the namespace's own links. Only for single-threaded processes that go
// on to exec. Null, or what failed (errno says why).
[[nodiscard]] const char* enter(int net_namespace, const Binds& binds);

// Runs BODY in a thread of its own that has entered the network namespace NS_FD and ends with BODY, so that
// no thread is left in a wrong namespace. Returns what went wrong on entering, else BODY's result.
[[nodiscard]] Result<void> in_namespace(int ns_fd, const std::function<Result<void>()>& body);

}  // namespace warren
