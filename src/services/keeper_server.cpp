// The keeper's process: becomes a daemon, listens, hands requests to KeptProcesses. Called by the verb `keeper`.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fmt/format.h>

#include "services/event_loop.hpp"
#include "services/keeper.hpp"
#include "services/keeper_protocol.hpp"
#include "services/keeper_socket.hpp"
#include "services/kept_processes.hpp"
#include "services/process_records.hpp"

namespace warren {
namespace {

constexpr std::size_t kLongestRequest = 64U << 20U;

// The directory must be ours alone: who can write there could have us start anything.
Result<void> check_directory(const std::string& directory) {
    struct stat status {};
    if (::lstat(directory.c_str(), &status) != 0) { return errno_failure("use the directory " + directory); }
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022U) != 0) {
        return failure("use the directory " + directory, "others than its owner, this user, may write there");
    }
    return {};
}

// One keeper per directory. A process between its fork and exec holds the lock too, as does a keeper that is
// about to end; both let go by themselves, and whoever started this one has a deadline.
Result<Fd> lock(const std::string& directory) {
    const std::string path = directory + "/keeper.lock";
    WARREN_ASSIGN(Fd fd, open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) { return errno_failure("lock " + path); }
        if (Keeper::connect(directory)) { return errno_failure(EEXIST, "start a keeper in " + directory); }
        while (::flock(fd.get(), LOCK_EX) != 0) {
            if (errno != EINTR) { return errno_failure("lock " + path); }
        }
    }
    if (::ftruncate(fd.get(), 0) != 0) { return errno_failure("write " + path); }
    WARREN_TRY(write_all(fd.get(), std::to_string(::getpid()) + "\n", path));
    return fd;
}

class Server {
public:
    Server(EventLoop& loop, KeptProcesses& kept) : loop_(loop), kept_(kept) {}

    Result<void> listen(const std::string& directory) {
        const std::string path = keeper_socket_path(directory);
        listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!listener_.valid()) { return errno_failure("open a socket"); }
        WARREN_ASSIGN(const KeeperAddress at, keeper_address(directory));
        if (::unlink(path.c_str()) != 0 && errno != ENOENT) { return errno_failure("remove " + path); }
        const mode_t before = ::umask(0177);
        const int bound =
            ::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&at.address), sizeof at.address);
        const int code = errno;
        ::umask(before);
        if (bound != 0) { return errno_failure(code, "bind " + path); }
        if (::listen(listener_.get(), 128) != 0) { return errno_failure("listen on " + path); }
        WARREN_TRY(loop_.watch(listener_.get(), EPOLLIN, [this](std::uint32_t) { accept_all(); }));
        return {};
    }

    Result<void> watch_signals() {
        sigset_t set;
        sigemptyset(&set);
        for (const int signal : {SIGTERM, SIGINT, SIGHUP}) { sigaddset(&set, signal); }
        if (::sigprocmask(SIG_BLOCK, &set, nullptr) != 0) { return errno_failure("block signals"); }
        signals_ = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        if (!signals_.valid()) { return errno_failure("make a signal descriptor"); }
        WARREN_TRY(loop_.watch(signals_.get(), EPOLLIN, [this](std::uint32_t) {
            signalfd_siginfo info{};
            while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
                if (info.ssi_signo != SIGHUP) { loop_.stop(); }
            }
        }));
        return {};
    }

private:
    struct Client {
        Fd fd;
        EventLoop::Token watch = 0;
        std::string in;
        std::string out;
        bool last = false;  // ends the keeper when all is sent
    };

    void accept_all() {
        for (;;) {
            Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!fd.valid()) { return; }
            ucred peer{};
            socklen_t size = sizeof peer;
            if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
                (peer.uid != 0 && peer.uid != ::geteuid())) {
                fmt::print(stderr, "keeper: refused user {} (process {})\n", peer.uid, peer.pid);
                continue;
            }
            const auto id = next_++;
            auto watch =
                loop_.watch(fd.get(), EPOLLIN, [this, id](std::uint32_t events) { on_client(id, events); });
            if (!watch) { continue; }
            Client& client = clients_[id];
            client.fd = std::move(fd);
            client.watch = *watch;
        }
    }

    void on_client(std::uint64_t id, std::uint32_t events) {
        if ((events & EPOLLOUT) != 0 && !flush(id)) { return; }
        if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) { read_from(id); }
    }

    void drop(std::uint64_t id) {
        const auto found = clients_.find(id);
        if (found == clients_.end()) { return; }
        loop_.unwatch(found->second.watch);
        clients_.erase(found);
    }

    void read_from(std::uint64_t id) {
        Client& client = clients_.at(id);
        char buffer[65536];
        for (;;) {
            const ssize_t n = ::read(client.fd.get(), buffer, sizeof buffer);
            if (n < 0 && errno == EINTR) { continue; }
            if (n < 0 && errno == EAGAIN) { break; }
            if (n <= 0) { return drop(id); }  // what it asked for goes on
            client.in.append(buffer, static_cast<std::size_t>(n));
            if (client.in.size() > kLongestRequest) { return drop(id); }
        }
        std::string lines;
        if (const auto end = client.in.rfind('\n'); end != std::string::npos) {
            lines = client.in.substr(0, end + 1);
            client.in.erase(0, end + 1);
        }
        for (std::size_t from = 0; from < lines.size();) {
            const std::size_t end = lines.find('\n', from);
            obey(id, std::string_view(lines).substr(from, end - from));
            from = end + 1;
        }
    }

    void obey(std::uint64_t id, std::string_view line) {
        auto request = decode_request(line);
        if (!request) { return answer(id, {std::move(request).error(), {}}); }
        const auto reply = [this, id](const Result<void>& result) {
            KeeperAnswer said;
            if (!result) { said.error = result.error(); }
            answer(id, said);
        };
        switch (request->verb) {
            case KeeperRequest::Verb::start:
                return kept_.start(request->processes, reply);
            case KeeperRequest::Verb::stop:
                return kept_.stop(request->processes, reply);
            case KeeperRequest::Verb::reload:
                return reply(kept_.reload(request->processes));
            case KeeperRequest::Verb::list:
                return answer(id, {std::nullopt, kept_.list()});
            case KeeperRequest::Verb::quit:
                break;
        }
        if (const auto found = clients_.find(id); found != clients_.end()) { found->second.last = true; }
        reply({});
    }

    void answer(std::uint64_t id, const KeeperAnswer& said) {
        const auto found = clients_.find(id);
        if (found == clients_.end()) { return; }  // it did not wait for the answer
        found->second.out += encode(said);
        (void)flush(id);
    }

    // False: the client has gone.
    bool flush(std::uint64_t id) {
        Client& client = clients_.at(id);
        while (!client.out.empty()) {
            const ssize_t n = ::send(client.fd.get(), client.out.data(), client.out.size(), MSG_NOSIGNAL);
            if (n >= 0) {
                client.out.erase(0, static_cast<std::size_t>(n));
            } else if (errno == EAGAIN) {
                break;
            } else if (errno != EINTR) {
                if (client.last) { loop_.stop(); }
                drop(id);
                return false;
            }
        }
        loop_.change(client.watch, client.out.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
        if (client.out.empty() && client.last) { loop_.stop(); }
        return true;
    }

    EventLoop& loop_;
    KeptProcesses& kept_;
    Fd listener_;
    Fd signals_;
    std::map<std::uint64_t, Client> clients_;
    std::uint64_t next_ = 1;
};

// Tells whoever waits on standard output, and lets go of it.
Result<void> tell(std::string_view line) {
    auto written = write_all(STDOUT_FILENO, line, "standard output");
    WARREN_ASSIGN(const Fd null, open_file("/dev/null", O_RDWR));
    if (::dup2(null.get(), STDOUT_FILENO) < 0) { return errno_failure("close standard output"); }
    return written;
}

Result<void> keep(const std::string& directory, const std::string& lab) {
    WARREN_TRY(check_directory(directory));
    WARREN_ASSIGN(const Fd locked, lock(directory));
    WARREN_ASSIGN(std::string id, keeper_id(directory));
    WARREN_ASSIGN(EventLoop loop, EventLoop::make());
    KeptProcesses kept(loop, directory, lab, std::move(id));
    Server server(loop, kept);
    WARREN_TRY(server.watch_signals());
    WARREN_TRY(kept.take_back());
    WARREN_TRY(server.listen(directory));
    WARREN_TRY(tell(kKeeperReady));
    auto result = loop.run();
    (void)::unlink(keeper_socket_path(directory).c_str());
    return result;
}

}  // namespace

Result<void> run_keeper(const std::string& given, const std::string& lab) {
    std::error_code code;
    const std::string directory = std::filesystem::absolute(given, code).string();
    if (code) { return errno_failure(code.value(), "use the directory " + given); }
    (void)::syscall(SYS_close_range, 3U, ~0U, 0U);
    ::setlinebuf(stderr);
    ::umask(022);  // the children's; every file of the keeper's own is opened with its mode
    if (::chdir("/") != 0) { return errno_failure("enter the directory /"); }
    auto result = keep(directory, lab);
    if (!result) {
        KeeperAnswer said;
        said.error = result.error();
        (void)tell(encode(said));
    }
    return result;
}

}  // namespace warren
