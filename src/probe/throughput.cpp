// Measures traffic between two namespaces. Called by doctor*.cpp and path.cpp. The sockets are opened in the namespaces
// and then used by threads that stay in ours.
#include "probe/throughput.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "probe/namespaces.hpp"

namespace warren::probe {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kBuffer = 256U << 10U;
constexpr std::size_t kBatch = 64;
constexpr milliseconds kPatience{50};  // how long a call blocks before the clock is looked at
constexpr milliseconds kAgain{200};
constexpr milliseconds kLate{1000};

// One connection, or a pair of UDP sockets. The receiver of a stream is the one that counts.
struct Pair {
    Fd from;
    Fd to;
};

std::string name_of(const Flow& flow) {
    return fmt::format("{} to {}", flow.traffic == Traffic::datagrams ? "send UDP" : "connect by TCP",
                       flow.address.to_string());
}

int family_of(const Flow& flow) { return flow.address.is_v4() ? AF_INET : AF_INET6; }

Result<Fd> open_in(int ns_fd, const Flow& flow, int type) {
    Fd fd;
    WARREN_TRY(in_namespace(ns_fd, [&]() -> Result<void> {
        WARREN_ASSIGN(fd, open_socket(family_of(flow), type, 0, "a socket"));
        return {};
    }));
    return fd;
}

// Binds to a free port of the address; returns where it is.
Result<SocketAddress> bind_free(const Fd& fd, const Flow& flow) {
    const SocketAddress any(flow.address, 0, 0);
    sockaddr_storage at{};
    socklen_t size = sizeof at;
    if (::bind(fd.get(), any.get(), any.size()) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
        return errno_failure("listen at " + flow.address.to_string());
    }
    const std::uint16_t port = at.ss_family == AF_INET ? reinterpret_cast<const sockaddr_in*>(&at)->sin_port
                                                       : reinterpret_cast<const sockaddr_in6*>(&at)->sin6_port;
    return SocketAddress(flow.address, ntohs(port), flow.scope);
}

bool wait(int fd, short events, Clock::time_point until) {
    for (;;) {
        pollfd entry{fd, events, 0};
        const int ready = ::poll(&entry, 1, milliseconds_until(until));
        if (ready > 0) { return true; }
        if (ready == 0 || errno != EINTR) { return false; }
    }
}

// From now on calls block, but not for longer than kPatience.
void make_blocking(const Fd& fd) {
    (void)::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) & ~O_NONBLOCK);
    const timeval patience{0, std::chrono::microseconds(kPatience).count()};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
}

void ready_connection(const Fd& fd) {
    make_blocking(fd);
    const int on = 1;
    (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const linger now{1, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

tl::unexpected<Error> no_answer(const Flow& flow) {
    return failure(name_of(flow), fmt::format("no answer within {} ms", flow.connect.count()));
}

Result<Pair> connect(const Flow& flow) {
    WARREN_ASSIGN(const Fd listener, open_in(flow.to, flow, SOCK_STREAM));
    WARREN_ASSIGN(const SocketAddress at, bind_free(listener, flow));
    if (::listen(listener.get(), 1) != 0) { return errno_failure("listen at " + flow.address.to_string()); }
    Pair pair;
    WARREN_ASSIGN(pair.from, open_in(flow.from, flow, SOCK_STREAM));
    const auto until = Clock::now() + flow.connect;
    int code = ::connect(pair.from.get(), at.get(), at.size()) == 0 ? 0 : errno;
    if (code == EINPROGRESS) {
        if (!wait(pair.from.get(), POLLOUT, until)) { return no_answer(flow); }
        socklen_t size = sizeof code;
        (void)::getsockopt(pair.from.get(), SOL_SOCKET, SO_ERROR, &code, &size);
    }
    if (code != 0) { return errno_failure(code, name_of(flow)); }
    if (!wait(listener.get(), POLLIN, until)) { return no_answer(flow); }
    pair.to = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!pair.to.valid()) { return errno_failure("accept a connection at " + flow.address.to_string()); }
    ready_connection(pair.from);
    ready_connection(pair.to);
    return pair;
}

// The first datagram goes through before anything is counted: it waits for neighbour discovery.
Result<Pair> pair_up(const Flow& flow) {
    Pair pair;
    WARREN_ASSIGN(pair.to, open_in(flow.to, flow, SOCK_DGRAM));
    WARREN_ASSIGN(const SocketAddress at, bind_free(pair.to, flow));
    const int bytes = 4 << 20;
    (void)::setsockopt(pair.to.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
    WARREN_ASSIGN(pair.from, open_in(flow.from, flow, SOCK_DGRAM));
    if (::connect(pair.from.get(), at.get(), at.size()) != 0) { return errno_failure(name_of(flow)); }
    const auto until = Clock::now() + flow.connect;
    do {
        (void)::send(pair.from.get(), nullptr, 0, MSG_NOSIGNAL);
        if (wait(pair.to.get(), POLLIN, std::min(until, Clock::now() + kAgain))) {
            char byte = 0;
            while (::recv(pair.to.get(), &byte, 1, 0) >= 0) {}
            make_blocking(pair.from);
            make_blocking(pair.to);
            return pair;
        }
    } while (Clock::now() < until);
    return no_answer(flow);
}

// Datagrams of one size in storage that outlives the call.
class Batch {
public:
    explicit Batch(std::size_t payload) : messages_(kBatch), vectors_(kBatch), bytes_(kBatch * payload) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            vectors_[i] = {bytes_.data() + i * payload, payload};
            messages_[i].msg_hdr.msg_iov = &vectors_[i];
            messages_[i].msg_hdr.msg_iovlen = 1;
        }
    }
    int send(const Fd& fd) { return ::sendmmsg(fd.get(), messages_.data(), kBatch, MSG_NOSIGNAL); }
    // Without the empty ones, which pair_up() has sent.
    int receive(const Fd& fd) {
        const int n = ::recvmmsg(fd.get(), messages_.data(), kBatch, MSG_WAITFORONE, nullptr);
        if (n <= 0) { return n; }
        return static_cast<int>(std::count_if(messages_.begin(), messages_.begin() + n,
                                              [](const mmsghdr& message) { return message.msg_len > 0; }));
    }

private:
    std::vector<mmsghdr> messages_;
    std::vector<iovec> vectors_;
    std::vector<char> bytes_;
};

// One pair's traffic, each end in a thread of its own. Time counts from the first that arrives, so that a slow start of
// a thread is not measured; whoever counts ends the other.
class Run {
public:
    Run(const Flow& flow, Pair pair) : flow_(flow), pair_(std::move(pair)), begin_(Clock::now()) {}

    void send() {
        const Fd& fd = flow_.reverse != (flow_.traffic == Traffic::round_trips) ? pair_.to : pair_.from;
        switch (flow_.traffic) {
            case Traffic::stream:
                return stream(fd);
            case Traffic::datagrams:
                return flood(fd);
            case Traffic::round_trips:
                return answer(fd);
        }
    }
    void receive() {
        const Fd& fd = flow_.reverse != (flow_.traffic == Traffic::round_trips) ? pair_.from : pair_.to;
        switch (flow_.traffic) {
            case Traffic::stream:
                drain(fd);
                break;
            case Traffic::datagrams:
                count(fd);
                break;
            case Traffic::round_trips:
                ask(fd);
                break;
        }
        over_ = true;
        if (flow_.traffic == Traffic::datagrams) { collect(fd); }
    }

    [[nodiscard]] std::uint64_t arrived() const { return received_ + late_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(last_ - begin_).count(); }
    [[nodiscard]] double sending() const { return std::chrono::duration<double>(sending_).count(); }
    [[nodiscard]] int code() const { return code_; }

private:
    [[nodiscard]] std::size_t payload() const {
        const std::size_t headers = flow_.address.is_v4() ? 28 : 48;
        return flow_.datagram > headers ? flow_.datagram - headers : 1;
    }
    // Goes on after a call that has failed?
    bool bears(int code) {
        if (code == EAGAIN || code == EINTR || code == ENOBUFS) { return true; }
        if (!over_) { code_ = code; }
        return false;
    }
    // Of who counts, before each call: until when it goes on is known once the first has come.
    bool goes_on() {
        last_ = Clock::now();
        return bytes_ == 0 ? last_ < begin_ + flow_.connect : last_ < begin_ + flow_.time;
    }
    void came(std::uint64_t count, std::uint64_t bytes) {
        if (bytes_ == 0) { begin_ = Clock::now(); }
        received_ += count;
        bytes_ += bytes;
    }

    void stream(const Fd& fd) {
        const std::vector<char> buffer(kBuffer);
        while (!over_) {
            if (::send(fd.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL) < 0 && !bears(errno)) { return; }
        }
    }
    void drain(const Fd& fd) {
        std::vector<char> buffer(kBuffer);
        while (goes_on() && (flow_.bytes == 0 || bytes_ < flow_.bytes)) {
            const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
            if (got > 0) { came(0, static_cast<std::uint64_t>(got)); }
            if (got == 0 || (got < 0 && !bears(errno))) { return; }
        }
    }

    void flood(const Fd& fd) {
        Batch batch(payload());
        const auto began = Clock::now();
        while (!over_) {
            const int n = batch.send(fd);
            if (n > 0) { sent_ += static_cast<std::uint64_t>(n); }
            if (n < 0 && !bears(errno)) { break; }
        }
        sending_ = Clock::now() - began;
    }
    void count(const Fd& fd) {
        Batch batch(payload());
        while (goes_on()) {
            const int n = batch.receive(fd);
            if (n > 0) { came(static_cast<std::uint64_t>(n), static_cast<std::uint64_t>(n) * payload()); }
            if (n < 0 && !bears(errno)) { return; }
        }
    }

    // What is still under way, until it is quiet.
    void collect(const Fd& fd) {
        Batch batch(payload());
        const auto end = Clock::now() + kLate;
        while (Clock::now() < end) {
            const int n = batch.receive(fd);
            if (n < 0 && errno != EINTR) { return; }
            if (n > 0) { late_ += static_cast<std::uint64_t>(n); }
        }
    }

    void ask(const Fd& fd) {
        char byte = 0;
        bool under_way = false;
        while (goes_on()) {
            if (!under_way && ::send(fd.get(), &byte, 1, MSG_NOSIGNAL) != 1) {
                if (!bears(errno)) { return; }
                continue;
            }
            const auto got = ::recv(fd.get(), &byte, 1, 0);
            under_way = got < 0;
            if (got == 1) { came(1, 1); }
            if (got == 0 || (got < 0 && !bears(errno))) { return; }
        }
    }
    void answer(const Fd& fd) {
        char byte = 0;
        while (!over_) {
            const auto got = ::recv(fd.get(), &byte, 1, 0);
            if (got == 0 || (got < 0 && !bears(errno))) { return; }
            if (got == 1) { (void)::send(fd.get(), &byte, 1, MSG_NOSIGNAL); }
        }
    }

    const Flow& flow_;
    Pair pair_;
    std::atomic<bool> over_{false};
    std::atomic<int> code_{0};
    // Of who counts, read when both threads have ended.
    Clock::time_point begin_;
    Clock::time_point last_;
    std::uint64_t bytes_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t late_ = 0;
    // Of who sends datagrams.
    std::uint64_t sent_ = 0;
    Clock::duration sending_{0};
};

}  // namespace

Result<Throughput> measure(const Flow& flow) {
    std::vector<std::unique_ptr<Run>> runs;
    for (int i = 0; i < std::max(flow.parallel, 1); ++i) {
        auto pair = flow.traffic == Traffic::datagrams ? pair_up(flow) : connect(flow);
        if (!pair) { return tl::unexpected(std::move(pair).error()); }
        runs.push_back(std::make_unique<Run>(flow, std::move(*pair)));
    }
    {
        std::vector<std::jthread> threads;
        for (const auto& run : runs) {
            threads.emplace_back([&run] { run->receive(); });
            threads.emplace_back([&run] { run->send(); });
        }
    }
    Throughput result;
    int code = 0;
    for (const auto& run : runs) {
        result.bytes += run->bytes();
        result.sent += run->sent();
        result.received += run->received();
        result.arrived += run->arrived();
        result.seconds = std::max(result.seconds, run->seconds());
        result.sending_seconds = std::max(result.sending_seconds, run->sending());
        if (code == 0) { code = run->code(); }
    }
    if (result.bytes == 0) {
        const std::string attempt = "send data to " + flow.address.to_string();
        if (code != 0) { return errno_failure(code, attempt); }
        return failure(attempt, fmt::format("nothing arrived within {} ms", flow.connect.count()));
    }
    return result;
}

}  // namespace warren::probe
