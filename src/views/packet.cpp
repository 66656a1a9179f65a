// Summaries of Ethernet frames. Called by the verb capture.
#include "views/packet.hpp"

#include <ctime>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/net_types.hpp"

namespace warren {
namespace {

// The rest of a frame; whatever lies beyond its end reads as 0, and is remembered.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool has(std::size_t count) const { return size_ >= count; }
    [[nodiscard]] unsigned u8(std::size_t at) const { return at < size_ ? data_[at] : 0U; }
    [[nodiscard]] unsigned u16(std::size_t at) const { return u8(at) << 8U | u8(at + 1); }
    [[nodiscard]] std::uint32_t u32(std::size_t at) const { return std::uint32_t{u16(at)} << 16U | u16(at + 2); }
    [[nodiscard]] Bytes from(std::size_t at) const {
        return at < size_ ? Bytes(data_ + at, size_ - at) : Bytes(data_, 0);
    }
    [[nodiscard]] Bytes first(std::size_t count) const { return {data_, count < size_ ? count : size_}; }
    [[nodiscard]] std::string ip(std::size_t at, std::size_t count) const {
        return has(at + count) ? IpAddress::from_bytes(data_ + at, count).to_string() : "?";
    }
    [[nodiscard]] std::string mac(std::size_t at) const {
        MacAddress address;
        for (std::size_t i = 0; i < address.bytes.size(); ++i) {
            address.bytes[i] = static_cast<std::uint8_t>(u8(at + i));
        }
        return address.to_string();
    }

private:
    const std::uint8_t* data_;
    std::size_t size_;
};

constexpr const char* kCut = "[cut short]";

std::string arp(const Bytes& b) {
    constexpr std::size_t kSize = 28;
    if (!b.has(kSize)) { return std::string("ARP ") + kCut; }
    const std::string sender = b.ip(14, 4);
    switch (b.u16(6)) {
        case 1:
            return fmt::format("ARP who has {}? tell {}", b.ip(24, 4), sender);
        case 2:
            return fmt::format("ARP {} is at {}", sender, b.mac(8));
        default:
            return fmt::format("ARP operation {}", b.u16(6));
    }
}

std::string icmp(const Bytes& b, std::size_t length) {
    if (!b.has(8)) { return std::string("ICMP ") + kCut; }
    const auto echo = [&](const char* what) {
        return fmt::format("ICMP echo {}, id {}, seq {}, length {}", what, b.u16(4), b.u16(6), length);
    };
    switch (b.u8(0)) {
        case 8:
            return echo("request");
        case 0:
            return echo("reply");
        case 3: {
            static const std::vector<const char*> kCodes{"network", "host", "protocol", "port"};
            const unsigned code = b.u8(1);
            if (code < kCodes.size()) { return fmt::format("ICMP {} unreachable", kCodes[code]); }
            return code == 4 ? fmt::format("ICMP needs fragmentation, MTU {}", b.u16(6))
                             : fmt::format("ICMP unreachable, code {}", code);
        }
        case 5:
            return fmt::format("ICMP redirect to {}", b.ip(4, 4));
        case 11:
            return "ICMP time exceeded";
        default:
            return fmt::format("ICMP type {}, code {}", b.u8(0), b.u8(1));
    }
}

std::string icmp6(const Bytes& b, std::size_t length) {
    if (!b.has(8)) { return std::string("ICMPv6 ") + kCut; }
    switch (const unsigned type = b.u8(0)) {
        case 128:
        case 129:
            return fmt::format("ICMPv6 echo {}, id {}, seq {}, length {}", type == 128 ? "request" : "reply",
                               b.u16(4), b.u16(6), length);
        case 1:
            return fmt::format("ICMPv6 unreachable, code {}", b.u8(1));
        case 2:
            return fmt::format("ICMPv6 packet too big, MTU {}", b.u32(4));
        case 3:
            return "ICMPv6 time exceeded";
        case 133:
            return "ICMPv6 router solicitation";
        case 134:
            return "ICMPv6 router advertisement";
        case 135:
            return fmt::format("ICMPv6 neighbour solicitation, who has {}", b.ip(8, 16));
        case 136:
            return fmt::format("ICMPv6 neighbour advertisement, {}", b.ip(8, 16));
        case 131:
        case 143:
            return "ICMPv6 multicast listener report";
        default:
            return fmt::format("ICMPv6 type {}, code {}", type, b.u8(1));
    }
}

std::string dhcp(const Bytes& b) {
    static const std::vector<const char*> kTypes{"",    "discover", "offer",   "request", "decline",
                                                 "ack", "nak",      "release", "inform"};
    constexpr std::size_t kOptions = 240;
    for (std::size_t at = kOptions; b.has(at + 3) && b.u8(at) != 255;) {
        if (b.u8(at) == 0) {
            ++at;
            continue;
        }
        if (b.u8(at) == 53 && b.u8(at + 2) < kTypes.size()) {
            const bool offers = b.u8(0) == 2 && b.u32(16) != 0;
            return fmt::format("DHCP {} of {}{}", kTypes[b.u8(at + 2)], b.mac(28),
                               offers ? ": " + b.ip(16, 4) : "");
        }
        at += 2 + b.u8(at + 1);
    }
    return "BOOTP of " + b.mac(28);
}

struct Ends {
    std::string from;
    std::string to;
    // With ports; an IPv6 address is told apart from one by brackets.
    [[nodiscard]] std::string text(unsigned source, unsigned target) const {
        const auto end = [](const std::string& address, unsigned port) {
            return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                          : fmt::format("[{}]:{}", address, port);
        };
        return end(from, source) + " > " + end(to, target);
    }
};

std::string udp(const Ends& ends, const Bytes& b) {
    if (!b.has(8)) { return fmt::format("{} > {}: UDP {}", ends.from, ends.to, kCut); }
    const unsigned source = b.u16(0);
    const unsigned target = b.u16(2);
    const bool is_dhcp = (source == 67 || source == 68) && (target == 67 || target == 68);
    return fmt::format("{}: {}", ends.text(source, target),
                       is_dhcp ? dhcp(b.from(8)) : fmt::format("UDP, length {}", b.u16(4) < 8 ? 0 : b.u16(4) - 8));
}

std::string tcp(const Ends& ends, const Bytes& b, std::size_t length) {
    constexpr std::size_t kHeader = 20;
    if (!b.has(kHeader)) { return fmt::format("{} > {}: TCP {}", ends.from, ends.to, kCut); }
    std::string flags;
    for (const auto& [bit, name] :
         {std::pair{0x02U, 'S'}, {0x01U, 'F'}, {0x04U, 'R'}, {0x08U, 'P'}, {0x10U, '.'}}) {
        if ((b.u8(13) & bit) != 0) { flags += name; }
    }
    const std::size_t header = (std::size_t{b.u8(12)} >> 4U) * 4;
    const std::size_t payload = length > header ? length - header : 0;
    std::string text = fmt::format("{}: TCP [{}], seq {}", ends.text(b.u16(0), b.u16(2)), flags, b.u32(4));
    if ((b.u8(13) & 0x10U) != 0) { text += fmt::format(", ack {}", b.u32(8)); }
    return text + fmt::format(", win {}, length {}", b.u16(14), payload);
}

constexpr unsigned kIcmp = 1;
constexpr unsigned kTcp = 6;
constexpr unsigned kUdp = 17;
constexpr unsigned kIcmp6 = 58;

std::string transport(const Ends& ends, unsigned protocol, const Bytes& b, std::size_t length) {
    switch (protocol) {
        case kIcmp:
            return fmt::format("{} > {}: {}", ends.from, ends.to, icmp(b, length));
        case kIcmp6:
            return fmt::format("{} > {}: {}", ends.from, ends.to, icmp6(b, length));
        case kTcp:
            return tcp(ends, b, length);
        case kUdp:
            return udp(ends, b);
        default:
            return fmt::format("{} > {}: IP protocol {}, length {}", ends.from, ends.to, protocol, length);
    }
}

std::string ipv4(const Bytes& b) {
    constexpr std::size_t kHeader = 20;
    const std::size_t header = (std::size_t{b.u8(0)} & 15U) * 4;
    if (!b.has(kHeader) || header < kHeader || !b.has(header)) { return std::string("IPv4 ") + kCut; }
    const Ends ends{b.ip(12, 4), b.ip(16, 4)};
    // 0 where the segments of one large packet are to be made by hardware.
    const std::size_t total = b.u16(2) == 0 ? b.size() : b.u16(2);
    const std::size_t length = total > header ? total - header : 0;
    const unsigned offset = (b.u16(6) & 0x1fffU) * 8;
    if (offset > 0) {
        return fmt::format("{} > {}: fragment {} at {}, length {}", ends.from, ends.to, b.u16(4), offset, length);
    }
    std::string text = transport(ends, b.u8(9), b.first(total).from(header), length);
    if ((b.u16(6) & 0x2000U) != 0) { text += fmt::format(" (first fragment of {})", b.u16(4)); }
    return text;
}

std::string ipv6(const Bytes& b) {
    constexpr std::size_t kHeader = 40;
    if (!b.has(kHeader)) { return std::string("IPv6 ") + kCut; }
    const Ends ends{b.ip(8, 16), b.ip(24, 16)};
    unsigned next = b.u8(6);
    std::size_t at = kHeader;
    // Hop-by-hop options, routing, destination options; a fragment's header tells no length.
    while ((next == 0 || next == 43 || next == 60 || next == 44) && b.has(at + 8)) {
        const bool fragment = next == 44;
        if (fragment && (b.u16(at + 2) & 0xfff8U) != 0) {
            return fmt::format("{} > {}: fragment at {}", ends.from, ends.to, b.u16(at + 2) & 0xfff8U);
        }
        next = b.u8(at);
        at += fragment ? 8 : (b.u8(at + 1) + 1) * 8;
    }
    const std::size_t whole = kHeader + b.u16(4);
    return transport(ends, next, b.from(at), whole > at ? whole - at : 0);
}

}  // namespace

std::string frame_text(const std::uint8_t* bytes, std::size_t size, std::size_t length) {
    const Bytes frame(bytes, size);
    constexpr std::size_t kHeader = 14;
    if (!frame.has(kHeader)) { return fmt::format("{} of {} bytes", kCut, length); }
    std::string tags;
    std::size_t at = 12;
    unsigned type = frame.u16(at);
    while ((type == 0x8100 || type == 0x88a8) && frame.has(at + 6)) {
        tags += fmt::format("vlan {}, ", frame.u16(at + 2) & 0xfffU);
        at += 4;
        type = frame.u16(at);
    }
    const Bytes payload = frame.from(at + 2);
    switch (type) {
        case 0x0806:
            return tags + arp(payload);
        case 0x0800:
            return tags + ipv4(payload);
        case 0x86dd:
            return tags + ipv6(payload);
        default:
            break;
    }
    constexpr unsigned kLeastType = 0x600;  // below it is a length, of IEEE 802.3
    const std::string kind =
        type < kLeastType ? payload.u16(0) == 0x4242 ? "STP" : "802.3" : fmt::format("type 0x{:04x}", type);
    return tags + fmt::format("{} > {}: {}, length {}", frame.mac(6), frame.mac(0), kind, length);
}

std::string time_text(std::chrono::nanoseconds since_1970) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_1970);
    const std::time_t time = seconds.count();
    std::tm parts{};
    ::localtime_r(&time, &parts);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since_1970 - seconds).count();
    return fmt::format("{:02}:{:02}:{:02}.{:06}", parts.tm_hour, parts.tm_min, parts.tm_sec, micros);
}

}  // namespace warren
