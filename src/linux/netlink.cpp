// Netlink messages and sockets. Called by link.cpp for their content and by engine/ to send them.
#include "linux/netlink.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include <sys/socket.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "base/child.hpp"

namespace warren::nl {
namespace {

// One sendmsg carries at most this much; the kernel takes 64 requests at once for about the price of 58.
constexpr std::size_t kBatchBytes = 32U << 10U;
constexpr std::size_t kBatchRequests = 64;
constexpr std::size_t kReceiveBytes = 64U << 10U;
// What an acknowledgement takes of the receive buffer, generously: a refusal bears the kernel's text.
constexpr std::size_t kAnswerBytes = 2048;

void pad(std::vector<char>& bytes) {
    bytes.resize((bytes.size() + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1});
}

// Calls EACH for the messages of one datagram, until it says false. (libmnl's own check takes a length over 2 GiB for
// a negative one, and stays there for ever.)
template <class Each>
void for_each_message(const char* buffer, std::size_t size, Each each) {
    for (std::size_t at = 0; size - at >= sizeof(nlmsghdr);) {
        const auto* message = reinterpret_cast<const nlmsghdr*>(buffer + at);
        const std::size_t length = message->nlmsg_len;
        if (length < sizeof(nlmsghdr) || length > size - at || !each(message)) { return; }
        at += std::min<std::size_t>(size - at, NLMSG_ALIGN(length));
    }
}

// 0 or a negated errno, as the kernel gives it; anything else is no success.
int checked(int code) {
    constexpr int kLargestErrno = 4095;
    return code > 0 || code < -kLargestErrno ? -EBADMSG : code;
}

// What an acknowledgement says; one that is cut short is no success.
nlmsgerr acknowledgement(const nlmsghdr* message) {
    nlmsgerr error{};
    error.error = -EBADMSG;
    if (mnl_nlmsg_get_payload_len(message) < sizeof error) { return error; }
    std::memcpy(&error, mnl_nlmsg_get_payload(message), sizeof error);
    error.error = checked(error.error);
    return error;
}

// The kernel's own text of an acknowledgement (NLMSGERR_ATTR_MSG), where it gave one.
std::string extended_text(const nlmsghdr* message, const nlmsgerr& error) {
    if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) { return {}; }
    std::size_t offset = sizeof(nlmsgerr);
    if ((message->nlmsg_flags & NLM_F_CAPPED) == 0 && error.msg.nlmsg_len > sizeof(nlmsghdr)) {
        offset += NLMSG_ALIGN(error.msg.nlmsg_len - sizeof(nlmsghdr));
    }
    const auto payload = mnl_nlmsg_get_payload_len(message);
    if (payload <= offset) { return {}; }
    const auto* first = static_cast<const char*>(mnl_nlmsg_get_payload(message)) + offset;
    return Attributes(first, payload - offset).text(NLMSGERR_ATTR_MSG);
}

Error refusal(const nlmsghdr* message, const std::string& attempt) {
    const nlmsgerr error = acknowledgement(message);
    Error result;
    result.attempt = attempt;
    result.code = -error.error;
    result.reason = extended_text(message, error);
    return result;
}

}  // namespace

Message::Message(std::uint16_t type, std::uint16_t flags) {
    nlmsghdr head{};
    head.nlmsg_type = type;
    head.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    if ((flags & NLM_F_DUMP) != NLM_F_DUMP) { head.nlmsg_flags |= NLM_F_ACK; }
    bytes_.reserve(256);
    append(&head, sizeof head);
}

void Message::append(const void* data, std::size_t size) {
    const auto* first = static_cast<const char*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
    pad(bytes_);
}

Message& Message::put(std::uint16_t type, const void* data, std::size_t size) {
    nlattr head{};
    head.nla_len = static_cast<std::uint16_t>(sizeof head + size);
    head.nla_type = type;
    const auto* first = reinterpret_cast<const char*>(&head);
    bytes_.insert(bytes_.end(), first, first + sizeof head);
    append(data, size);
    return *this;
}

Message& Message::put_string(std::uint16_t type, std::string_view text) {
    const std::string terminated(text);
    return put(type, terminated.c_str(), terminated.size() + 1);
}

Message& Message::begin_nest(std::uint16_t type) {
    nests_.push_back(bytes_.size());
    return put(static_cast<std::uint16_t>(type | NLA_F_NESTED), nullptr, 0);
}

Message& Message::end_nest() {
    auto* head = reinterpret_cast<nlattr*>(bytes_.data() + nests_.back());
    head->nla_len = static_cast<std::uint16_t>(bytes_.size() - nests_.back());
    nests_.pop_back();
    return *this;
}

nlmsghdr* Message::raw() {
    auto* head = reinterpret_cast<nlmsghdr*>(bytes_.data());
    head->nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    return head;
}

std::string_view payload_of(const nlmsghdr* message) {
    return {static_cast<const char*>(mnl_nlmsg_get_payload(message)), mnl_nlmsg_get_payload_len(message)};
}

std::string_view payload_of(const nlattr* attribute) {
    if (attribute == nullptr) { return {}; }
    return {static_cast<const char*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)};
}

Attributes attributes_behind(std::string_view payload, std::size_t size) {
    const std::size_t offset = MNL_ALIGN(size);
    if (payload.size() <= offset) { return {nullptr, 0}; }
    return {payload.data() + offset, payload.size() - offset};
}

Attributes::Attributes(const void* first, std::size_t size) {
    const auto* at = static_cast<const char*>(first);
    while (size >= sizeof(nlattr)) {
        const auto* attribute = reinterpret_cast<const nlattr*>(at);
        if (attribute->nla_len < sizeof(nlattr) || attribute->nla_len > size) { return; }
        const std::size_t type = attribute->nla_type & NLA_TYPE_MASK;
        if (type < kTypes) { found_[type] = attribute; }
        const std::size_t step = std::min<std::size_t>(size, NLA_ALIGN(attribute->nla_len));
        at += step;
        size -= step;
    }
}

const nlattr* Attributes::operator[](std::uint16_t type) const { return type < kTypes ? found_[type] : nullptr; }

namespace {
template <class T>
T number(const nlattr* attribute, T otherwise) {
    if (attribute == nullptr || mnl_attr_get_payload_len(attribute) < sizeof(T)) { return otherwise; }
    T value;
    std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof value);
    return value;
}
}  // namespace

std::uint8_t Attributes::u8(std::uint16_t type, std::uint8_t otherwise) const {
    return number((*this)[type], otherwise);
}
std::uint16_t Attributes::u16(std::uint16_t type, std::uint16_t otherwise) const {
    return number((*this)[type], otherwise);
}
std::uint32_t Attributes::u32(std::uint16_t type, std::uint32_t otherwise) const {
    return number((*this)[type], otherwise);
}

std::string Attributes::text(std::uint16_t type) const {
    const auto* attribute = (*this)[type];
    if (attribute == nullptr) { return {}; }
    const auto* first = static_cast<const char*>(mnl_attr_get_payload(attribute));
    return {first, strnlen(first, mnl_attr_get_payload_len(attribute))};
}

Attributes Attributes::nested(std::uint16_t type) const {
    const auto* attribute = (*this)[type];
    if (attribute == nullptr) { return Attributes(nullptr, 0); }
    return {mnl_attr_get_payload(attribute), mnl_attr_get_payload_len(attribute)};
}

namespace {

// Requests whose answers the receive buffer of FD holds.
std::size_t requests_at_once(int fd) {
    int room = 0;
    socklen_t size = sizeof room;
    if (::getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &size) != 0) { room = 0; }
    return std::clamp<std::size_t>(static_cast<std::size_t>(room) / kAnswerBytes, 1, kBatchRequests);
}

}  // namespace

Result<Socket> Socket::open(int protocol, std::uint32_t groups) {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
    if (!fd.valid()) {
        return errno_failure("open a netlink socket",
                             errno == EMFILE ? "raise the limit on open files (ulimit -n)" : "");
    }
    const int on = 1;
    const int bytes = 4 << 20;
    // Each is an improvement only: an older kernel or a lesser privilege goes on without.
    (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    (void)::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    if (groups != 0 && ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (const char* wanted = std::getenv("WARREN_NETLINK_BUFFER")) {
        const int few = std::atoi(wanted);
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    }
    if (groups != 0) {
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        address.nl_groups = groups;
        if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
            return errno_failure("bind a netlink socket");
        }
        const std::size_t most = requests_at_once(fd.get());
        return Socket(std::move(fd), most);
    }
    // The kernel binds it when something is sent. All such sockets are alike, and a lab has thousands.
    static const std::size_t kMost = requests_at_once(fd.get());
    return Socket(std::move(fd), kMost);
}

Result<Socket> Socket::open_in(int ns_fd, int protocol, std::uint32_t groups) {
    Result<Socket> socket = failure("open a netlink socket");
    WARREN_TRY(in_namespace(ns_fd, [&]() -> Result<void> {
        socket = open(protocol, groups);
        return {};
    }));
    return socket;
}

namespace {

// One datagram's room. Lent by the thread: a lab has thousands of sockets, of which few are read at a time.
class Buffer {
public:
    Buffer() {
        if (spare().empty()) { spare().push_back(std::make_unique_for_overwrite<char[]>(kReceiveBytes)); }
        bytes_ = std::move(spare().back());
        spare().pop_back();
    }
    ~Buffer() { spare().push_back(std::move(bytes_)); }
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    // Reads once; the bytes that came.
    Result<std::size_t> receive(int fd, int flags) {
        for (;;) {
            const ssize_t n = ::recv(fd, bytes_.get(), kReceiveBytes, flags);
            if (n > 0) { return static_cast<std::size_t>(n); }
            if (n == 0) { return failure("read the kernel's netlink answer", "it is empty"); }
            if (errno == EINTR) { continue; }
            return errno_failure("read the kernel's netlink answer");
        }
    }
    [[nodiscard]] const char* data() const { return bytes_.get(); }

private:
    static std::vector<std::unique_ptr<char[]>>& spare() {
        thread_local std::vector<std::unique_ptr<char[]>> buffers;
        return buffers;
    }
    std::unique_ptr<char[]> bytes_;
};

Result<void> send_bytes(int fd, const void* bytes, std::size_t size, const std::string& attempt) {
    ssize_t sent = 0;
    do { sent = ::send(fd, bytes, size, 0); } while (sent < 0 && errno == EINTR);
    if (sent < 0) { return errno_failure(attempt); }
    return {};
}

}  // namespace

Result<std::vector<Refusal>> Socket::send(std::vector<Request>& requests) {
    std::vector<Refusal> refusals;
    std::vector<char> out;
    Buffer buffer;
    for (std::size_t next = 0; next < requests.size();) {
        const std::size_t first = next;
        const std::uint32_t first_sequence = sequence_ + 1;
        out.clear();
        while (next < requests.size() && next - first < most_ &&
               (out.empty() || out.size() + requests[next].message.size() <= kBatchBytes)) {
            auto* head = requests[next].message.raw();
            head->nlmsg_seq = ++sequence_;
            const auto* bytes = reinterpret_cast<const char*>(head);
            out.insert(out.end(), bytes, bytes + head->nlmsg_len);
            ++next;
        }
        WARREN_TRY(send_bytes(fd_.get(), out.data(), out.size(), requests[first].attempt));
        for (std::size_t missing = next - first; missing > 0;) {
            WARREN_ASSIGN(std::size_t size, buffer.receive(fd_.get(), 0));
            for_each_message(buffer.data(), size, [&](const nlmsghdr* message) {
                if (message->nlmsg_type != NLMSG_ERROR || message->nlmsg_seq < first_sequence ||
                    message->nlmsg_seq > sequence_) {
                    return true;  // a notification, or the echo of an earlier request
                }
                if (acknowledgement(message).error != 0) {
                    const std::size_t index = first + (message->nlmsg_seq - first_sequence);
                    refusals.push_back({index, refusal(message, requests[index].attempt)});
                }
                return --missing > 0;
            });
        }
    }
    return refusals;
}

Result<void> Socket::send(Request request) {
    std::vector<Request> one;
    one.push_back(std::move(request));
    WARREN_ASSIGN(auto refusals, send(one));
    if (!refusals.empty()) { return tl::unexpected(std::move(refusals.front().error)); }
    return {};
}

Result<bool> Socket::converse(Message& message, const std::string& attempt,
                              const std::function<void(const nlmsghdr*)>& each) {
    auto* head = message.raw();
    head->nlmsg_seq = ++sequence_;
    WARREN_TRY(send_bytes(fd_.get(), head, head->nlmsg_len, attempt));
    Buffer buffer;
    bool interrupted = false;
    std::optional<Error> end;  // code 0: all is well
    while (!end) {
        WARREN_ASSIGN(std::size_t size, buffer.receive(fd_.get(), 0));
        for_each_message(buffer.data(), size, [&](const nlmsghdr* answer) {
            if (answer->nlmsg_seq != sequence_) { return true; }
            if ((answer->nlmsg_flags & NLM_F_DUMP_INTR) != 0) { interrupted = true; }
            if (answer->nlmsg_type == NLMSG_ERROR) {  // of 0: an acknowledgement, the end of what was asked for
                end = refusal(answer, attempt);
            } else if (answer->nlmsg_type == NLMSG_DONE) {  // the end of a dump, with what ended it early
                int code = 0;
                if (mnl_nlmsg_get_payload_len(answer) >= sizeof code) {
                    std::memcpy(&code, mnl_nlmsg_get_payload(answer), sizeof code);
                }
                end = Error{attempt, code < 0 ? -checked(code) : 0, {}, {}, Error::Kind::failed};
            } else {
                each(answer);
            }
            return !end;
        });
    }
    if (end->code != 0) { return tl::unexpected(std::move(*end)); }
    return interrupted;
}

Result<void> Socket::dump(Message message, const std::string& attempt,
                          const std::function<void(const nlmsghdr*)>& each, const std::function<void()>& restart) {
    constexpr int kAttempts = 20;
    for (int attempts = 0; attempts < kAttempts; ++attempts) {
        WARREN_ASSIGN(const bool interrupted, converse(message, attempt, each));
        if (!interrupted) { return {}; }
        if (restart) { restart(); }
    }
    return failure(attempt, "the kernel's tables kept changing while they were read");
}

Result<void> Socket::ask(Message message, const std::string& attempt,
                         const std::function<void(const nlmsghdr*)>& each) {
    WARREN_TRY(converse(message, attempt, each));
    return {};
}

Result<void> Socket::drain(const std::function<void(const nlmsghdr*)>& each) {
    Buffer buffer;
    for (;;) {
        auto got = buffer.receive(fd_.get(), MSG_DONTWAIT);
        if (!got) {
            if (got.error().code == EAGAIN) { return {}; }
            return tl::unexpected(std::move(got).error());
        }
        for_each_message(buffer.data(), *got, [&](const nlmsghdr* message) {
            each(message);
            return true;
        });
    }
}

}  // namespace warren::nl
