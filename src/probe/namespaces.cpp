// Sockets in many namespaces, and the packets that probes send. Called by all of probe/.
#include "probe/namespaces.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include <linux/icmp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <fmt/format.h>

#include "linux/netns.hpp"

namespace warren::probe {
namespace {

Result<void> enter(const std::string& name) {
    WARREN_ASSIGN(const Fd ns, open_namespace(name));
    if (::setns(ns.get(), CLONE_NEWNET) != 0) { return errno_failure("enter network namespace " + name); }
    return {};
}

}  // namespace

std::vector<Result<void>> in_each_namespace(const std::vector<std::string>& names,
                                            const std::function<Result<void>(std::size_t)>& body) {
    std::vector<Result<void>> results(names.size());
    std::thread([&] {
        for (std::size_t i = 0; i < names.size(); ++i) {
            results[i] = enter(names[i]);
            if (results[i]) { results[i] = body(i); }
        }
    }).join();
    return results;
}

Result<void> in_namespace_of(const std::string& name, const std::function<Result<void>()>& body) {
    return in_each_namespace({name}, [&](std::size_t) { return body(); }).front();
}

std::size_t descriptor_budget() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) { return 256; }
    if (files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &files);
        (void)::getrlimit(RLIMIT_NOFILE, &files);
    }
    // The rest is for what else the process has open at the same time.
    constexpr rlim_t kMost = 20000;
    return static_cast<std::size_t>(std::clamp<rlim_t>(files.rlim_cur / 2, 8, kMost));
}

Result<Fd> open_socket(int family, int type, int protocol, const std::string& what) {
    Fd fd(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (fd.valid()) { return fd; }
    const int code = errno;
    return errno_failure(code, "open " + what,
                         code == EPERM    ? "run as root (CAP_NET_RAW is needed)"
                         : code == EMFILE ? "raise the limit on open files (ulimit -n)"
                                          : "");
}

Result<Fd> open_icmp(bool v4, bool echoes) {
    const std::string what = v4 ? "a raw ICMP socket" : "a raw ICMPv6 socket";
    WARREN_ASSIGN(
        Fd fd, open_socket(v4 ? AF_INET : AF_INET6, SOCK_RAW, v4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6}, what));
    int done = 0;
    if (v4) {
        icmp_filter filter{};
        filter.data = echoes ? ~(1U << ICMP_ECHOREPLY | 1U << ICMP_ECHO) : ~0U;
        done = ::setsockopt(fd.get(), SOL_RAW, ICMP_FILTER, &filter, sizeof filter);
    } else {
        icmp6_filter filter{};
        ICMP6_FILTER_SETBLOCKALL(&filter);
        if (echoes) {
            ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
            ICMP6_FILTER_SETPASS(ICMP6_ECHO_REQUEST, &filter);
        }
        done = ::setsockopt(fd.get(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
    }
    if (done != 0) { return errno_failure("set the filter of " + what); }
    return fd;
}

SocketAddress::SocketAddress(const IpAddress& address, std::uint16_t port, int scope) {
    if (address.is_v4()) {
        auto* to = reinterpret_cast<sockaddr_in*>(&storage_);
        to->sin_family = AF_INET;
        to->sin_port = htons(port);
        std::memcpy(&to->sin_addr, address.bytes(), address.size());
        size_ = sizeof *to;
    } else {
        auto* to = reinterpret_cast<sockaddr_in6*>(&storage_);
        to->sin6_family = AF_INET6;
        to->sin6_port = htons(port);
        to->sin6_scope_id = static_cast<std::uint32_t>(scope);
        std::memcpy(&to->sin6_addr, address.bytes(), address.size());
        size_ = sizeof *to;
    }
}

namespace {

// RFC 1071.
std::uint16_t checksum(const std::vector<std::byte>& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2) {
        const auto high = std::to_integer<std::uint32_t>(bytes[i]) << 8U;
        sum += high + (i + 1 < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i + 1]) : 0U);
    }
    while (sum > 0xffffU) { sum = (sum & 0xffffU) + (sum >> 16U); }
    return htons(static_cast<std::uint16_t>(~sum));
}

}  // namespace

std::vector<std::byte> echo_request(bool v4, std::uint16_t id, std::uint16_t sequence, const void* payload,
                                    std::size_t size) {
    // Both families' headers have the same eight bytes.
    icmphdr header{};
    header.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    header.un.echo.id = htons(id);
    header.un.echo.sequence = htons(sequence);
    std::vector<std::byte> packet(sizeof header + size);
    std::memcpy(packet.data() + sizeof header, payload, size);
    std::memcpy(packet.data(), &header, sizeof header);
    if (v4) {
        header.checksum = checksum(packet);
        std::memcpy(packet.data(), &header, sizeof header);
    }
    return packet;
}

std::uint64_t random_number() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
        number = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
    }
    return number;
}

int milliseconds_until(Clock::time_point time) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - Clock::now()).count();
    constexpr std::chrono::milliseconds::rep kMost = 3'600'000;
    return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left, 0, kMost));
}

std::string duration_text(std::chrono::nanoseconds time) {
    const double ms = std::chrono::duration<double, std::milli>(time).count();
    if (ms >= 1000) { return fmt::format("{:.3g} s", ms / 1000); }
    return fmt::format("{:.{}f} ms", ms, ms < 10 ? 2 : 0);
}

}  // namespace warren::probe
