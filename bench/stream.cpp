// Traffic between two network namespaces, from one process that has a thread in each.
//
//   stream tcp|udp|rr CLIENT-NAMESPACE SERVER-NAMESPACE SERVER-ADDRESS SECONDS
//
// Prints one number: tcp, one stream, Gbit/s received; udp, 64-byte datagrams sent in batches, thousands received a
// second; rr, one byte there and back over one connection, thousands of round trips a second.
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kPort = 5201;
constexpr std::size_t kBatch = 64;
constexpr std::size_t kDatagram = 64 - 8 - 20;  // with its UDP and IPv4 headers 64 bytes

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "stream: %s: %s\n", what, std::strerror(errno));
    std::_Exit(1);
}

void enter(const std::string& ns) {
    const int fd = open(("/run/netns/" + ns).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) != 0) { die(ns.c_str()); }
    close(fd);
}

int make_socket(int type) {
    const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    if (fd < 0) { die("socket"); }
    const int on = 1;
    const int bytes = 4 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (type == SOCK_DGRAM) { (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes); }
    return fd;
}

// The other side of a batch of datagrams, in storage that outlives the call.
struct Batch {
    Batch() : messages(kBatch), vectors(kBatch), bytes(kBatch * 2048) {
        for (std::size_t i = 0; i < kBatch; ++i) {
            vectors[i] = {bytes.data() + i * 2048, kDatagram};
            messages[i].msg_hdr.msg_iov = &vectors[i];
            messages[i].msg_hdr.msg_iovlen = 1;
        }
    }
    std::vector<mmsghdr> messages;
    std::vector<iovec> vectors;
    std::vector<char> bytes;
};

// Receives until the sender has ended; what came, in units of the kind of traffic.
double serve(const std::string& kind, const std::string& ns, std::promise<void>& ready,
             const std::atomic<bool>& ended) {
    enter(ns);
    const int listener = make_socket(kind == "udp" ? SOCK_DGRAM : SOCK_STREAM);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(kPort);
    if (bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) { die("bind"); }
    double received = 0;
    if (kind == "udp") {
        timeval patience{0, 100'000};
        (void)setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ready.set_value();
        Batch batch;
        while (!ended) {
            const int n = recvmmsg(listener, batch.messages.data(), kBatch, MSG_WAITFORONE, nullptr);
            if (n > 0) { received += n; }
        }
        close(listener);
        return received;
    }
    if (listen(listener, 1) != 0) { die("listen"); }
    ready.set_value();
    const int fd = accept(listener, nullptr, nullptr);
    if (fd < 0) { die("accept"); }
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::vector<char> buffer(1 << 18);
    for (;;) {
        const ssize_t n = recv(fd, buffer.data(), kind == "rr" ? 1 : buffer.size(), 0);
        if (n <= 0) { break; }
        received += static_cast<double>(n);
        if (kind == "rr" && send(fd, buffer.data(), 1, MSG_NOSIGNAL) != 1) { break; }
    }
    close(fd);
    close(listener);
    return received;
}

void send_until(Clock::time_point end, const std::string& kind, const std::string& ns, const std::string& address) {
    enter(ns);
    const int fd = make_socket(kind == "udp" ? SOCK_DGRAM : SOCK_STREAM);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(kPort);
    if (inet_pton(AF_INET, address.c_str(), &to.sin_addr) != 1) { die("address"); }
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) { die("connect"); }
    const int on = 1;
    if (kind != "udp") { (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); }
    std::vector<char> buffer(1 << 18);
    Batch batch;
    while (Clock::now() < end) {
        if (kind == "tcp") {
            if (send(fd, buffer.data(), buffer.size(), MSG_NOSIGNAL) < 0) { die("send"); }
        } else if (kind == "udp") {
            if (sendmmsg(fd, batch.messages.data(), kBatch, 0) < 0 && errno != ENOBUFS) { die("sendmmsg"); }
        } else if (send(fd, buffer.data(), 1, MSG_NOSIGNAL) != 1 || recv(fd, buffer.data(), 1, 0) != 1) {
            die("round trip");
        }
    }
    close(fd);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) {
        std::fprintf(stderr, "stream tcp|udp|rr CLIENT-NAMESPACE SERVER-NAMESPACE SERVER-ADDRESS SECONDS\n");
        return 2;
    }
    const std::string kind = argv[1];
    const double seconds = std::atof(argv[5]);
    std::promise<void> ready;
    std::atomic<bool> ended = false;
    auto served = std::async(std::launch::async, [&] { return serve(kind, argv[3], ready, ended); });
    ready.get_future().wait();
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
    std::thread([&] { send_until(end, kind, argv[2], argv[4]); }).join();
    ended = true;
    const double received = served.get();
    const double taken = std::chrono::duration<double>(Clock::now() - begin).count();
    const double scale = kind == "tcp" ? 8e-9 : 1e-3;
    std::printf("%.4f\n", received * scale / (kind == "udp" ? seconds : taken));
    return 0;
}
