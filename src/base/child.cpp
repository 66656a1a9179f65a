// Starting, following and ending processes. Called by ovs/, services/ and the command line.
#include "base/child.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <thread>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace warren {
namespace {

using Clock = std::chrono::steady_clock;

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) { text += (text.empty() ? "" : " ") + word; }
    return text;
}

// What the child needs, made before fork: after it only async-signal-safe calls are allowed.
struct Prepared {
    std::vector<char*> argv;
    std::vector<std::string> environment_text;
    std::vector<char*> environment;
    std::string program;
    Binds binds;
};

Prepared prepare(const SpawnOptions& options) {
    Prepared prepared;
    for (const auto& word : options.command) { prepared.argv.push_back(const_cast<char*>(word.c_str())); }
    prepared.argv.push_back(nullptr);
    prepared.program = options.command.front().find('/') == std::string::npos
                           ? find_program(options.command.front())
                           : options.command.front();
    auto overridden = [&](std::string_view entry) {
        const auto name = entry.substr(0, entry.find('=') + 1);
        for (const auto& own : options.environment) {
            if (own.starts_with(name)) { return true; }
        }
        return false;
    };
    for (char** entry = environ; *entry != nullptr; ++entry) {
        if (!overridden(*entry)) { prepared.environment_text.emplace_back(*entry); }
    }
    for (const auto& own : options.environment) { prepared.environment_text.push_back(own); }
    for (auto& text : prepared.environment_text) { prepared.environment.push_back(text.data()); }
    prepared.environment.push_back(nullptr);
    if (!options.etc_directory.empty()) { prepared.binds = etc_binds(options.etc_directory); }
    return prepared;
}

// In the child. Returns only on failure, with what failed.
const char* become(const SpawnOptions& options, const Prepared& prepared) {
    for (int signal = 1; signal < NSIG; ++signal) { ::signal(signal, SIG_DFL); }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (options.new_session) { ::setsid(); }
    const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    int wanted[3] = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
    for (int& fd : wanted) {  // lift them over 2, so that none is overwritten before it is used
        if (fd < 0) { fd = null_fd; }
        fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0) { return "prepare standard streams"; }
    }
    for (int i = 0; i < 3; ++i) {
        if (::dup2(wanted[i], i) < 0) { return "set standard streams"; }
    }
    if (const char* stage = enter(options.net_namespace, prepared.binds)) { return stage; }
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
        return "enter the working directory";
    }
    ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
    return "execute";
}

struct ChildFailure {
    int code;
    char stage[60];
};

}  // namespace

Binds etc_binds(const std::string& directory) {
    Binds binds;
    for (const char* name : {"resolv.conf", "hosts"}) {
        const std::string from = directory + "/" + name;
        if (::access(from.c_str(), F_OK) == 0) { binds.emplace_back(from, std::string("/etc/") + name); }
    }
    return binds;
}

const char* enter(int net_namespace, const Binds& binds) {
    if (net_namespace >= 0 && ::setns(net_namespace, CLONE_NEWNET) != 0) { return "enter the network namespace"; }
    if (binds.empty()) { return nullptr; }
    if (::unshare(CLONE_NEWNS) != 0) { return "make a mount namespace"; }
    if (::mount("", "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0) { return "make the mount namespace its own"; }
    // What is below the machine's /sys (cgroups) is not needed for /sys/class/net; without rights for a new
    // one the old stays.
    if (::umount2("/sys", MNT_DETACH) == 0) { (void)::mount("sysfs", "/sys", "sysfs", 0, nullptr); }
    for (const auto& [from, to] : binds) {
        // A machine without that file in /etc has no place to bind it on: the program does without.
        if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0 && errno != ENOENT) {
            return "bind the host's own /etc files";
        }
    }
    return nullptr;
}

std::string find_program(const std::string& program) {
    if (program.find('/') != std::string::npos) { return ::access(program.c_str(), X_OK) == 0 ? program : ""; }
    const char* path = std::getenv("PATH");
    std::string places = std::string(path != nullptr ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin";
    for (std::size_t start = 0; start <= places.size();) {
        std::size_t end = places.find(':', start);
        if (end == std::string::npos) { end = places.size(); }
        std::string candidate = places.substr(start, end - start) + "/" + program;
        struct stat status {};
        if (::access(candidate.c_str(), X_OK) == 0 && ::stat(candidate.c_str(), &status) == 0 &&
            S_ISREG(status.st_mode)) {
            return candidate;
        }
        start = end + 1;
    }
    return "";
}

Result<Child> spawn(const SpawnOptions& options) {
    const std::string what = "start " + joined(options.command);
    if (options.command.empty()) { return failure("start a process", "no command given"); }
    const Prepared prepared = prepare(options);
    if (prepared.program.empty()) {
        return errno_failure(ENOENT, what, "is " + options.command.front() + " installed?");
    }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { return errno_failure(what); }
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) { return errno_failure(what); }
    if (pid == 0) {
        // The pipe may sit on 0..2 where our own were closed; keep it out of the way.
        const int report = ::fcntl(write_end.get(), F_DUPFD_CLOEXEC, 3);
        const char* stage = become(options, prepared);
        ChildFailure message{errno, {}};
        std::strncpy(message.stage, stage, sizeof message.stage - 1);
        [[maybe_unused]] const ssize_t n = ::write(report, &message, sizeof message);
        ::_exit(127);
    }
    write_end.reset();
    ChildFailure message{};
    ssize_t n = 0;
    do { n = ::read(read_end.get(), &message, sizeof message); } while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(sizeof message)) {
        int status = 0;
        while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        return errno_failure(message.code, fmt::format("{} ({})", what, message.stage));
    }
    Child child;
    child.pid = pid;
    child.pidfd = Fd(open_pidfd(pid));
    if (!child.pidfd.valid()) { return errno_failure("follow process " + std::to_string(pid)); }
    return child;
}

int Exited::shell_status() const { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

std::string Exited::text() const {
    if (WIFSIGNALED(status)) {
        return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
    }
    return fmt::format("exit status {}", WEXITSTATUS(status));
}

namespace {

// Waits until FD is readable or the deadline; a negative TIME: for ever. True: readable.
Result<bool> wait_readable(int fd, std::chrono::milliseconds time) {
    const auto deadline = Clock::now() + time;
    for (;;) {
        int left = -1;
        if (time.count() >= 0) {
            left = static_cast<int>(std::max<std::int64_t>(
                0, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count()));
        }
        pollfd entry{fd, POLLIN, 0};
        const int n = ::poll(&entry, 1, left);
        if (n > 0) { return true; }
        if (n == 0) { return false; }
        if (errno != EINTR) { return errno_failure("wait for a process"); }
    }
}

}  // namespace

Result<std::optional<Exited>> wait_for(Child& child, std::chrono::milliseconds time) {
    WARREN_ASSIGN(const bool ended, wait_readable(child.pidfd.get(), time));
    if (!ended) { return std::optional<Exited>{}; }
    int status = 0;
    while (::waitpid(child.pid, &status, 0) < 0) {
        if (errno != EINTR) { return errno_failure("wait for process " + std::to_string(child.pid)); }
    }
    return std::optional(Exited{status});
}

Result<Output> run(const SpawnOptions& given, std::chrono::milliseconds time) {
    const std::string what = "run " + joined(given.command);
    int out_pipe[2];
    int err_pipe[2];
    if (::pipe2(out_pipe, O_CLOEXEC) != 0) { return errno_failure(what); }
    Fd out_read(out_pipe[0]);
    Fd out_write(out_pipe[1]);
    if (::pipe2(err_pipe, O_CLOEXEC) != 0) { return errno_failure(what); }
    Fd err_read(err_pipe[0]);
    Fd err_write(err_pipe[1]);
    SpawnOptions options = given;
    options.stdout_fd = out_write.get();
    options.stderr_fd = err_write.get();
    WARREN_ASSIGN(Child child, spawn(options));
    out_write.reset();
    err_write.reset();
    Output output;
    const auto deadline = Clock::now() + time;
    while (out_read.valid() || err_read.valid()) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
        pollfd entries[2] = {{out_read.get(), POLLIN, 0}, {err_read.get(), POLLIN, 0}};
        const int n = left > 0 ? ::poll(entries, 2, static_cast<int>(left)) : 0;
        if (n < 0 && errno == EINTR) { continue; }
        if (n <= 0) {
            (void)send_signal(child.pidfd.get(), SIGKILL, what);
            (void)wait_for(child, std::chrono::milliseconds(-1));
            return failure(what, fmt::format("no end within {} ms", time.count()));
        }
        char buffer[8192];
        auto drain = [&buffer](const pollfd& entry, Fd& fd, std::string& into) {
            if (entry.revents == 0) { return; }
            const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
            if (got > 0) {
                into.append(buffer, static_cast<std::size_t>(got));
            } else if (got == 0 || errno != EINTR) {
                fd.reset();
            }
        };
        drain(entries[0], out_read, output.out);
        drain(entries[1], err_read, output.err);
    }
    WARREN_ASSIGN(auto exited, wait_for(child, std::chrono::milliseconds(-1)));
    output.exited = *exited;
    return output;
}

Result<void> send_signal(int pidfd, int signal, const std::string& what) {
    if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) != 0 && errno != ESRCH) {
        return errno_failure(fmt::format("send signal {} to {}", signal, what));
    }
    return {};
}

Result<void> end_process(int pidfd, std::chrono::milliseconds grace, const std::string& what) {
    WARREN_TRY(send_signal(pidfd, SIGTERM, what));
    WARREN_ASSIGN(bool ended, wait_readable(pidfd, grace));
    if (ended) { return {}; }
    WARREN_TRY(send_signal(pidfd, SIGKILL, what));
    WARREN_ASSIGN(ended, wait_readable(pidfd, std::chrono::seconds(10)));
    if (!ended) { return failure("end " + what, "it is still there 10 s after SIGKILL"); }
    return {};
}

std::optional<ProcessId> process_id(pid_t pid) {
    const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
    if (!stat) { return std::nullopt; }
    // "PID (COMM) STATE ..."; COMM may hold blanks and brackets, so count from its end.
    std::size_t at = stat->rfind(')');
    if (at == std::string::npos || at + 2 >= stat->size() || (*stat)[at + 2] == 'Z') { return std::nullopt; }
    for (int field = 2; field < 22; ++field) {
        at = stat->find(' ', at + 1);
        if (at == std::string::npos) { return std::nullopt; }
    }
    return ProcessId{pid, std::strtoull(stat->c_str() + at + 1, nullptr, 10)};
}

std::vector<pid_t> all_processes() {
    std::vector<pid_t> pids;
    const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
    while (const dirent* entry = proc ? ::readdir(proc.get()) : nullptr) {
        char* end = nullptr;
        const long pid = std::strtol(entry->d_name, &end, 10);
        if (*end == '\0' && pid > 0) { pids.push_back(static_cast<pid_t>(pid)); }
    }
    return pids;
}

std::vector<std::string> command_of(pid_t pid) {
    const auto block = read_file(fmt::format("/proc/{}/cmdline", pid));
    std::vector<std::string> words;
    for (std::size_t at = 0; block && at < block->size();) {
        const std::size_t end = std::min(block->find('\0', at), block->size());
        words.push_back(block->substr(at, end - at));
        at = end + 1;
    }
    return words;
}

Result<Fd> open_process(const ProcessId& id) {
    const std::string what = "follow process " + std::to_string(id.pid);
    if (id.pid <= 0) { return errno_failure(ESRCH, what); }
    Fd fd(open_pidfd(id.pid));
    if (!fd.valid()) { return errno_failure(what); }
    // Asked after the pidfd was opened: the pidfd is of this process if it still has that start time.
    if (const auto now = process_id(id.pid); !now || now->start != id.start) { return errno_failure(ESRCH, what); }
    return fd;
}

Result<void> in_namespace(int ns_fd, const std::function<Result<void>()>& body) {
    Result<void> result;
    std::thread([&] {
        if (::setns(ns_fd, CLONE_NEWNET) != 0) {
            result = errno_failure("enter a network namespace");
            return;
        }
        result = body();
    }).join();
    return result;
}

}  // namespace warren
