// rtnetlink: messages, and a socket that sends them in batches.
//
// A Socket belongs to the network namespace of the thread that opened it and may then be used from any
// thread, one at a time. Extended acknowledgements and strict checking are on where the kernel has them
// (4.12, 4.20). Errors carry errno and the kernel's own text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/net_types.hpp"

namespace warren::nl {

// One request under construction: nlmsghdr, a family header, attributes. Grows as needed.
class Message {
public:
    Message(std::uint16_t type, std::uint16_t flags);  // NLM_F_REQUEST | NLM_F_ACK are added

    template <class Header>
    Message& header(const Header& value) {
        append(&value, sizeof value);
        return *this;
    }
    Message& put(std::uint16_t type, const void* data, std::size_t size);
    Message& put_u8(std::uint16_t type, std::uint8_t value) { return put(type, &value, sizeof value); }
    Message& put_u16(std::uint16_t type, std::uint16_t value) { return put(type, &value, sizeof value); }
    Message& put_u32(std::uint16_t type, std::uint32_t value) { return put(type, &value, sizeof value); }
    Message& put_string(std::uint16_t type, std::string_view text);  // with its NUL
    Message& put_address(std::uint16_t type, const IpAddress& address) {
        return put(type, address.bytes(), address.size());
    }
    // begin_nest/end_nest pair up like brackets.
    Message& begin_nest(std::uint16_t type);
    Message& end_nest();

    [[nodiscard]] nlmsghdr* raw();  // with its length set; valid until the next change
    [[nodiscard]] std::size_t size() const { return bytes_.size(); }

    // For an attribute's payload that is itself a header (the peer of a veth).
    void append(const void* data, std::size_t size);

private:
    std::vector<char> bytes_;
    std::vector<std::size_t> nests_;
};

// A request and what it attempts, for the error text.
struct Request {
    Message message;
    std::string attempt;  // "set address 10.0.0.1/24 on red:eth0-r"
};

struct Refusal {
    std::size_t index;  // of the request in the batch
    Error error;
};

// What MESSAGE, or ATTRIBUTE, holds behind its own header; nothing where the attribute is absent (null).
[[nodiscard]] std::string_view payload_of(const nlmsghdr* message);
[[nodiscard]] std::string_view payload_of(const nlattr* attribute);

// Attributes of one message or nest by type; absent ones are null. Valid as long as the message.
class Attributes {
public:
    Attributes(const void* first, std::size_t size);
    [[nodiscard]] const nlattr* operator[](std::uint16_t type) const;
    [[nodiscard]] bool has(std::uint16_t type) const { return (*this)[type] != nullptr; }
    [[nodiscard]] std::uint8_t u8(std::uint16_t type, std::uint8_t otherwise = 0) const;
    [[nodiscard]] std::uint16_t u16(std::uint16_t type, std::uint16_t otherwise = 0) const;
    [[nodiscard]] std::uint32_t u32(std::uint16_t type, std::uint32_t otherwise = 0) const;
    [[nodiscard]] std::string text(std::uint16_t type) const;
    [[nodiscard]] Attributes nested(std::uint16_t type) const;  // empty where absent

private:
    static constexpr std::size_t kTypes = 96;
    const nlattr* found_[kTypes] = {};
};

// The family's header of MESSAGE; all zeros for a message cut shorter than that.
template <class Header>
[[nodiscard]] const Header* body(const nlmsghdr* message) {
    static constexpr Header kNone{};
    const std::string_view payload = payload_of(message);
    return payload.size() < sizeof(Header) ? &kNone : reinterpret_cast<const Header*>(payload.data());
}
// Those behind a header of SIZE bytes in PAYLOAD, which has none where it is cut shorter than that.
[[nodiscard]] Attributes attributes_behind(std::string_view payload, std::size_t size);
template <class Header>
[[nodiscard]] Attributes attributes(const nlmsghdr* message) {
    return attributes_behind(payload_of(message), sizeof(Header));
}
// The structure that is the attribute's value, as much of it as there is (the kernel's grow at their end), else zeros;
// all zeros where the attribute is absent.
template <class Value>
[[nodiscard]] Value value_of(const nlattr* attribute) {
    Value value{};
    const std::string_view payload = payload_of(attribute);
    if (!payload.empty()) { std::memcpy(&value, payload.data(), std::min(sizeof value, payload.size())); }
    return value;
}

// WARREN_NETLINK_BUFFER=BYTES in the environment gives each socket that is opened a receive buffer of that size
// (socket(7), SO_RCVBUF): for tests of what happens when it overflows.
class Socket {
public:
    // In the calling thread's network namespace. PROTOCOL: NETLINK_ROUTE and the like. GROUPS: RTMGRP_… to
    // listen to.
    [[nodiscard]] static Result<Socket> open(int protocol = NETLINK_ROUTE, std::uint32_t groups = 0);
    // In the namespace of NS_FD, by a thread of its own.
    [[nodiscard]] static Result<Socket> open_in(int ns_fd, int protocol = NETLINK_ROUTE, std::uint32_t groups = 0);

    // Over FD, connected to what speaks netlink in the kernel's place.
    [[nodiscard]] static Socket over(Fd fd) { return {std::move(fd), 64}; }

    // Sends all in as few system calls as fit and reads every acknowledgement. The outer Result fails
    // only where the socket itself does, and then it is not known what took effect; refusals name the requests that
    // the kernel refused; all others took effect.
    [[nodiscard]] Result<std::vector<Refusal>> send(std::vector<Request>& requests);
    // One request; its refusal is the error.
    [[nodiscard]] Result<void> send(Request request);
    // A dump; calls EACH for every message of the answer. A dump that the kernel says was interrupted
    // (NLM_F_DUMP_INTR) is asked again from the start, calling RESTART before; EACH must bear that.
    [[nodiscard]] Result<void> dump(Message message, const std::string& attempt,
                                    const std::function<void(const nlmsghdr*)>& each,
                                    const std::function<void()>& restart = {});
    // Asks for one object; calls EACH with the answer.
    [[nodiscard]] Result<void> ask(Message message, const std::string& attempt,
                                   const std::function<void(const nlmsghdr*)>& each);
    // For listeners: reads what is there now without blocking; calls EACH per message. ENOBUFS is an
    // error with that code: what was missed must be read anew.
    [[nodiscard]] Result<void> drain(const std::function<void(const nlmsghdr*)>& each);
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    Socket(Fd fd, std::size_t most) : fd_(std::move(fd)), most_(most) {}
    // Sends one message and calls EACH for every message of the answer, up to its end. True: a dump's answer was
    // interrupted by a change of what it lists.
    [[nodiscard]] Result<bool> converse(Message& message, const std::string& attempt,
                                        const std::function<void(const nlmsghdr*)>& each);
    Fd fd_;
    std::size_t most_ = 1;  // requests at a time: their acknowledgements must fit into the receive buffer
    std::uint32_t sequence_ = 0;
};

}  // namespace warren::nl
