// What the probes share: sockets opened in many namespaces by one thread, nonces, checksums. Internal to probe/.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/net_types.hpp"

namespace warren::probe {

using Clock = std::chrono::steady_clock;

// Calls BODY in each network namespace of NAMES, all from one thread that ends after the last. The results are
// those of NAMES in order: why a namespace could not be entered, else BODY's own.
[[nodiscard]] std::vector<Result<void>> in_each_namespace(const std::vector<std::string>& names,
                                                          const std::function<Result<void>(std::size_t)>& body);
[[nodiscard]] Result<void> in_namespace_of(const std::string& name, const std::function<Result<void>()>& body);

// How many descriptors may be open for probes at a time; raises the soft limit to the hard one first.
[[nodiscard]] std::size_t descriptor_budget();

// A socket, close-on-exec and non-blocking, in the calling thread's namespace.
[[nodiscard]] Result<Fd> open_socket(int family, int type, int protocol, const std::string& what);
// A raw ICMP or ICMPv6 socket in the calling thread's namespace that receives echo requests and replies; with
// ECHOES false, nothing.
[[nodiscard]] Result<Fd> open_icmp(bool v4, bool echoes);

// An address with a port (0 for raw sockets) and, for a link-local one, the interface's index, as system calls want it.
struct SocketAddress {
    SocketAddress(const IpAddress& address, std::uint16_t port, int scope = 0);
    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t size() const { return size_; }

private:
    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

// An ICMP or ICMPv6 echo request around PAYLOAD, its checksum filled in (the kernel does ICMPv6's).
[[nodiscard]] std::vector<std::byte> echo_request(bool v4, std::uint16_t id, std::uint16_t sequence,
                                                  const void* payload, std::size_t size);

[[nodiscard]] std::uint64_t random_number();
// Milliseconds until TIME for poll(2), rounded up, not below 0.
[[nodiscard]] int milliseconds_until(Clock::time_point time);
// "0.4 ms", "10 s".
[[nodiscard]] std::string duration_text(std::chrono::nanoseconds time);

}  // namespace warren::probe
