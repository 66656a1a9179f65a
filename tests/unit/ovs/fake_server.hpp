// The other end of a client's socket: sends what a test gives it, cut as the test says, and keeps what it got.
#pragma once

#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace warren::ovs::test {

class FakeServer {
public:
    FakeServer() {
        int ends[2];
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) { std::abort(); }
        near_ = Fd(ends[0]);
        far_ = Fd(ends[1]);
    }
    ~FakeServer() {
        close();
        if (thread_.joinable()) { thread_.join(); }
    }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    Fd take_client_end() { return std::move(near_); }
    // Puts text into the socket at once (it must fit).
    void put(const std::string& text) { (void)!::send(far_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
    // Runs BODY beside the test; joined at the end.
    template <class Body>
    void run(Body body) {
        thread_ = std::thread(std::move(body));
    }
    void join() { thread_.join(); }
    void close() { ::shutdown(far_.get(), SHUT_RDWR); }
    // Reads until COUNT bytes came or it was silent for so long.
    std::string receive(std::size_t count, std::chrono::milliseconds silence = std::chrono::milliseconds(500)) {
        std::string text;
        while (text.size() < count) {
            pollfd entry{far_.get(), POLLIN, 0};
            if (::poll(&entry, 1, static_cast<int>(silence.count())) <= 0) { break; }
            char buffer[65536];
            const ssize_t n = ::recv(far_.get(), buffer, sizeof buffer, 0);
            if (n <= 0) { break; }
            text.append(buffer, static_cast<std::size_t>(n));
        }
        return text;
    }

private:
    Fd near_;
    Fd far_;
    std::thread thread_;
};

}  // namespace warren::ovs::test
