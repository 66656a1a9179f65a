// pcapng's blocks. Called by the verbs that capture.
#include "probe/pcapng.hpp"

namespace warren::pcapng {
namespace {

template <class Number>
void put(std::string& out, Number number) {
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void pad(std::string& out) { out.append((4 - out.size() % 4) % 4, '\0'); }

constexpr std::uint16_t kEndOfOptions = 0;
void option(std::string& out, std::uint16_t code, const std::string& value) {
    put(out, code);
    put(out, static_cast<std::uint16_t>(value.size()));
    out += value;
    pad(out);
}

std::string block(std::uint32_t type, const std::string& body) {
    constexpr std::uint32_t kAround = 12;
    const auto length = static_cast<std::uint32_t>(body.size() + kAround);
    std::string out;
    out.reserve(length);
    put(out, type);
    put(out, length);
    out += body;
    put(out, length);
    return out;
}

}  // namespace

std::string section(const std::string& application) {
    std::string body;
    put(body, std::uint32_t{0x1A2B3C4D});  // by it a reader knows the byte order
    put(body, std::uint16_t{1});           // version 1.0
    put(body, std::uint16_t{0});
    put(body, std::int64_t{-1});   // the length is not known
    option(body, 4, application);  // shb_userappl
    option(body, kEndOfOptions, "");
    return block(0x0A0D0D0A, body);
}

std::string interface(const std::string& name, std::uint32_t snaplen) {
    std::string body;
    put(body, std::uint16_t{1});  // LINKTYPE_ETHERNET
    put(body, std::uint16_t{0});
    put(body, snaplen);
    option(body, 2, name);                    // if_name
    option(body, 9, std::string(1, '\x09'));  // if_tsresol: 10^-9 s
    option(body, kEndOfOptions, "");
    return block(1, body);
}

std::string packet(std::uint32_t interface, std::chrono::nanoseconds since_1970, bool outgoing,
                   const std::uint8_t* bytes, std::size_t size, std::size_t length) {
    const auto time = static_cast<std::uint64_t>(since_1970.count());
    std::string body;
    put(body, interface);
    put(body, static_cast<std::uint32_t>(time >> 32U));
    put(body, static_cast<std::uint32_t>(time));
    put(body, static_cast<std::uint32_t>(size));
    put(body, static_cast<std::uint32_t>(length));
    body.append(reinterpret_cast<const char*>(bytes), size);
    pad(body);
    std::string flags;
    put(flags, std::uint32_t{outgoing ? 2U : 1U});
    option(body, 2, flags);  // epb_flags
    option(body, kEndOfOptions, "");
    return block(6, body);
}

}  // namespace warren::pcapng
