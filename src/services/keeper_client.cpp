// The client side of the keeper: connecting, starting one where none runs, asking. Called by the engine.
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "services/keeper.hpp"
#include "services/keeper_protocol.hpp"
#include "services/keeper_socket.hpp"

namespace warren {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kDeadline{10'000};
constexpr milliseconds kStartDeadline{20'000};  // the keeper itself gives a server 10 s to get ready, then ends it

// Waits for EVENTS on FD; false: the deadline has passed.
Result<bool> wait_until(int fd, short events, Clock::time_point deadline, const std::string& what) {
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        if (left <= 0) { return false; }
        pollfd entry{fd, events, 0};
        const int n = ::poll(&entry, 1, static_cast<int>(left));
        if (n > 0) { return true; }
        if (n < 0 && errno != EINTR) { return errno_failure(what); }
    }
}

tl::unexpected<Error> keeper_gone(const std::string& what) {
    return tl::unexpected(Error{what, ECONNRESET, "the keeper ended before it answered", "try again", {}});
}

Result<void> send_line(int fd, std::string_view line, Clock::time_point deadline, const std::string& what) {
    while (!line.empty()) {
        const ssize_t n = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            line.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN) {
            WARREN_ASSIGN(const bool ready, wait_until(fd, POLLOUT, deadline, what));
            if (!ready) { return errno_failure(ETIMEDOUT, what); }
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return keeper_gone(what);
        } else if (errno != EINTR) {
            return errno_failure(what);
        }
    }
    return {};
}

// Reads up to a newline; nothing else comes after it until the next request. Empty: the other side closed.
Result<std::string> receive_line(int fd, Clock::time_point deadline, const std::string& what) {
    std::string line;
    char buffer[16384];
    while (!line.ends_with('\n')) {
        WARREN_ASSIGN(const bool ready, wait_until(fd, POLLIN, deadline, what));
        if (!ready) { return errno_failure(ETIMEDOUT, what); }
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n > 0) {
            line.append(buffer, static_cast<std::size_t>(n));
        } else if (n == 0 || errno == ECONNRESET) {
            return std::string();
        } else if (errno != EINTR) {
            return errno_failure(what);
        }
    }
    return line;
}

Result<KeeperAnswer> ask(int fd, const KeeperRequest& request, milliseconds time, const std::string& what) {
    const auto deadline = Clock::now() + time;
    WARREN_TRY(send_line(fd, encode(request), deadline, what));
    WARREN_ASSIGN(const std::string line, receive_line(fd, deadline, what));
    if (line.empty()) { return keeper_gone(what); }
    WARREN_ASSIGN(KeeperAnswer answer, decode_answer(line));
    if (answer.error) { return tl::unexpected(*std::move(answer.error)); }
    return answer;
}

bool nobody_listens(const Error& error) { return error.code == ENOENT || error.code == ECONNREFUSED; }

// Starts a keeper and waits until it listens. Fails with its own words where it does not.
Result<void> start_keeper(const std::string& directory, const std::string& lab, const std::string& program) {
    const std::string what = fmt::format("start the keeper of lab {}", lab);
    WARREN_TRY(make_directories(directory + "/log", 0700));
    const std::string log_path = directory + "/log/keeper.log";
    WARREN_ASSIGN(const Fd log, open_file(log_path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { return errno_failure(what); }
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    SpawnOptions options;
    options.command = {program, "keeper", directory, lab};
    // A keeper started from within a process of another lab is none of that lab's.
    options.environment = {"WARREN_ID=", "WARREN_LAB=", "WARREN_HOST=", "WARREN_PROCESS="};
    options.new_session = true;
    options.stdout_fd = write_end.get();
    options.stderr_fd = log.get();
    WARREN_ASSIGN(Child child, spawn(options));
    write_end.reset();
    const auto said = receive_line(read_end.get(), Clock::now() + kDeadline, what);
    if (said && *said == kKeeperReady) { return {}; }
    (void)send_signal(child.pidfd.get(), SIGKILL, "the keeper");
    WARREN_ASSIGN(const auto exited, wait_for(child, kDeadline));
    if (!said) { return tl::unexpected(said.error()); }
    if (const auto answer = decode_answer(*said)) {
        if (const auto& error = answer->error) { return tl::unexpected(*error); }
    }
    return failure(what, exited ? exited->text() : "it does not end", "see " + log_path);
}

}  // namespace

std::string keeper_socket_path(const std::string& directory) { return directory + "/keeper.sock"; }

Result<KeeperAddress> keeper_address(const std::string& directory) {
    KeeperAddress made;
    std::string path = keeper_socket_path(directory);
    if (path.size() >= sizeof made.address.sun_path) {
        WARREN_ASSIGN(made.directory, open_file(directory, O_PATH | O_DIRECTORY));
        path = keeper_socket_path(fmt::format("/proc/self/fd/{}", made.directory.get()));
    }
    made.address.sun_family = AF_UNIX;
    std::memcpy(made.address.sun_path, path.data(), path.size());
    return made;
}

Result<Keeper> Keeper::connect(const std::string& directory) {
    const std::string what = "connect to the keeper at " + keeper_socket_path(directory);
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) { return errno_failure(what); }
    WARREN_ASSIGN(const KeeperAddress to, keeper_address(directory));
    int result = 0;
    do {
        result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to.address), sizeof to.address);
    } while (result != 0 && errno == EINTR);
    if (result != 0) { return errno_failure(what); }
    return Keeper(std::move(fd));
}

Result<Keeper> Keeper::ensure(const std::string& directory, const std::string& lab, const std::string& program) {
    auto there = connect(directory);
    if (there || !nobody_listens(there.error())) { return there; }
    WARREN_TRY(make_directories(directory, 0700));
    // One at a time: whoever comes second finds the first one's keeper. The holder has deadlines of its own.
    WARREN_ASSIGN(const Fd turn, open_file(directory + "/keeper.start", O_RDWR | O_CREAT, 0600));
    while (::flock(turn.get(), LOCK_EX) != 0) {
        if (errno != EINTR) { return errno_failure("lock " + directory + "/keeper.start"); }
    }
    there = connect(directory);
    if (there || !nobody_listens(there.error())) { return there; }
    WARREN_TRY(start_keeper(directory, lab, program));
    return connect(directory);
}

Result<void> Keeper::start(const std::vector<Process>& processes) {
    WARREN_TRY(
        ask(fd_.get(), {KeeperRequest::Verb::start, processes}, kStartDeadline, "have the keeper start processes"));
    return {};
}

Result<void> Keeper::stop(const std::vector<Process>& processes) {
    WARREN_TRY(ask(fd_.get(), {KeeperRequest::Verb::stop, processes}, kDeadline, "have the keeper stop processes"));
    return {};
}

Result<void> Keeper::reload(const std::vector<Process>& processes) {
    WARREN_TRY(
        ask(fd_.get(), {KeeperRequest::Verb::reload, processes}, kDeadline, "have the keeper reload processes"));
    return {};
}

Result<std::vector<Process>> Keeper::list() {
    WARREN_ASSIGN(auto answer,
                  ask(fd_.get(), {KeeperRequest::Verb::list, {}}, kDeadline, "list the keeper's processes"));
    return std::move(answer.processes);
}

Result<void> Keeper::quit() {
    const std::string what = "end the keeper";
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) { return errno_failure(what); }
    // Of the keeper, which holds the other end: its number is not another's before it has answered.
    const Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0U)));
    if (!pidfd.valid()) { return errno_failure(what); }
    WARREN_TRY(ask(fd_.get(), {KeeperRequest::Verb::quit, {}}, kDeadline, what));
    WARREN_ASSIGN(const bool gone, wait_until(pidfd.get(), POLLIN, Clock::now() + kDeadline, what));
    if (!gone) { return errno_failure(ETIMEDOUT, what); }
    (void)::waitpid(peer.pid, nullptr, WNOHANG);  // where this very process had started it
    return {};
}

}  // namespace warren
