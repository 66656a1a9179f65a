// Proof by TCP. Called by check.cpp, each in a thread of a pool.
#include "probe/tcp.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

namespace warren::probe {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBytes = 64U << 10U;
// A SYN that was lost while a switch port or an address was still coming is not waited for any longer.
constexpr milliseconds kTry{1000};
constexpr milliseconds kPause{100};

// Bytes that nobody else sends.
std::vector<char> pattern() {
    std::vector<char> bytes(kBytes);
    std::uint64_t state = random_number();
    for (char& byte : bytes) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<char>(state >> 56U);
    }
    return bytes;
}

// Closing resets the connection: nothing of the probe lingers in the hosts' tables.
void reset_on_close(const Fd& fd) {
    const linger now{1, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

class TcpProbe {
public:
    TcpProbe(const TcpTarget& target, Clock::time_point deadline)
        : target_(target), deadline_(deadline), address_(target.address, target.port) {}

    TcpResult run() {
        for (;;) {
            try_once();
            if (result_.reached || Clock::now() >= deadline_) { return result_; }
            (void)::poll(nullptr, 0, milliseconds_until(std::min(deadline_, Clock::now() + kPause)));
        }
    }

private:
    void try_once() {
        if (target_.to && !listener_.valid()) { listen(); }
        if (const auto opened = in_namespace_of(target_.from, [&] { return open_client(); }); !opened) {
            result_.error = opened.error().message();
            return;
        }
        const auto began = Clock::now();
        if (!connect(std::min(deadline_, began + kTry))) { return; }
        result_.time = Clock::now() - began;
        result_.own_listener = listener_.valid();
        result_.reached = !listener_.valid() || transfer();
        if (result_.reached) { result_.error.clear(); }
        client_.reset();
    }

    // Leaves listener_ invalid where a service has the port, or the address is not there (yet).
    void listen() {
        (void)in_namespace_of(*target_.to, [&]() -> Result<void> {
            WARREN_ASSIGN(Fd fd, open_socket(family(), SOCK_STREAM, 0, "a TCP socket"));
            const int on = 1;
            (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
            if (::bind(fd.get(), address_.get(), address_.size()) != 0 || ::listen(fd.get(), 8) != 0) {
                return errno_failure("listen");
            }
            listener_ = std::move(fd);
            return {};
        });
    }

    Result<void> open_client() {
        WARREN_ASSIGN(client_, open_socket(family(), SOCK_STREAM, 0, "a TCP socket"));
        return {};
    }

    bool connect(Clock::time_point end) {
        int code = ::connect(client_.get(), address_.get(), address_.size()) == 0 ? 0 : errno;
        if (code == EINPROGRESS) {
            if (!wait(client_.get(), POLLOUT, end)) {
                result_.error = "no answer to the connection request";
                return false;
            }
            socklen_t size = sizeof code;
            (void)::getsockopt(client_.get(), SOL_SOCKET, SO_ERROR, &code, &size);
        }
        if (code != 0) { result_.error = errno_text(code); }
        return code == 0;
    }

    // Through client_ to whoever is accepted; until all has arrived or the deadline.
    bool transfer() {
        reset_on_close(client_);
        const auto sent = pattern();
        std::size_t written = 0;
        std::size_t arrived = 0;
        std::vector<char> buffer(kBytes);
        Fd server;
        while (Clock::now() < deadline_) {
            pollfd fds[] = {{client_.get(), static_cast<short>(written < kBytes ? POLLOUT : 0), 0},
                            {server.valid() ? server.get() : listener_.get(), POLLIN, 0}};
            if (::poll(fds, 2, milliseconds_until(deadline_)) < 0 && errno != EINTR) { break; }
            if ((fds[0].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) {
                const auto got = ::send(client_.get(), sent.data() + written, kBytes - written, MSG_NOSIGNAL);
                if (got > 0) { written += static_cast<std::size_t>(got); }
                if (got < 0 && errno != EAGAIN && errno != EINTR) {
                    result_.error = "the connection broke: " + errno_text(errno);
                    return false;
                }
            }
            if ((fds[1].revents & (POLLIN | POLLERR | POLLHUP)) == 0) { continue; }
            if (!server.valid()) {
                server = Fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
                if (server.valid()) { reset_on_close(server); }
                arrived = 0;
                continue;
            }
            const auto got = ::recv(server.get(), buffer.data(), buffer.size(), 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) { continue; }
            const auto first = sent.begin() + static_cast<std::ptrdiff_t>(arrived);
            const auto count = static_cast<std::size_t>(std::max<ssize_t>(got, 0));
            if (count == 0 || count > kBytes - arrived || !std::equal(first, first + got, buffer.begin())) {
                server.reset();  // not our client, but somebody else's
                continue;
            }
            arrived += count;
            if (arrived == kBytes) { return true; }
        }
        result_.error = fmt::format("connected, but of {} bytes sent only {} arrived", kBytes, arrived);
        return false;
    }

    static bool wait(int fd, short events, Clock::time_point end) {
        for (;;) {
            pollfd entry{fd, events, 0};
            const int ready = ::poll(&entry, 1, milliseconds_until(end));
            if (ready > 0) { return true; }
            if (ready == 0 || errno != EINTR) { return false; }
        }
    }

    [[nodiscard]] int family() const { return target_.address.is_v4() ? AF_INET : AF_INET6; }

    const TcpTarget& target_;
    const Clock::time_point deadline_;
    const SocketAddress address_;
    Fd listener_;
    Fd client_;
    TcpResult result_;
};

}  // namespace

TcpResult tcp_reach(const TcpTarget& target, Clock::time_point deadline) {
    return TcpProbe(target, deadline).run();
}

}  // namespace warren::probe
