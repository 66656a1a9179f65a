// Names and addresses as text and bytes. Called by every floor; knows only the C library's inet functions.
#include "base/net_types.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

namespace warren {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "'%'", or "byte 0x07" for what cannot be printed.
std::string shown(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == ' ') { return "a blank"; }
    if (byte >= 0x80) { return "a character outside of ASCII"; }
    return byte > 0x20 && byte < 0x7f ? fmt::format("'{}'", c) : fmt::format("byte 0x{:02x}", byte);
}

// The mask's byte number I of a prefix of LENGTH bits.
std::uint8_t mask_byte(std::uint8_t length, std::size_t i) {
    const int bits = std::clamp(static_cast<int>(length) - static_cast<int>(i) * 8, 0, 8);
    return static_cast<std::uint8_t>(0xff00U >> static_cast<unsigned>(bits));
}

// At most three decimal digits, no sign, no leading zero.
std::optional<unsigned> parse_small(std::string_view text) {
    if (text.empty() || text.size() > 3 || (text.size() > 1 && text.front() == '0')) { return std::nullopt; }
    unsigned value = 0;
    for (const char c : text) {
        if (!is_digit(c)) { return std::nullopt; }
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value;
}

std::optional<unsigned> hex_digit(char c) {
    if (is_digit(c)) { return static_cast<unsigned>(c - '0'); }
    if (c >= 'a' && c <= 'f') { return static_cast<unsigned>(c - 'a') + 10; }
    if (c >= 'A' && c <= 'F') { return static_cast<unsigned>(c - 'A') + 10; }
    return std::nullopt;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN + 1];
    if (text.empty() || text.size() >= sizeof buffer || text.find('\0') != std::string_view::npos) {
        return std::nullopt;
    }
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    IpAddress address;
    address.v4_ = text.find(':') == std::string_view::npos;
    if (::inet_pton(address.v4_ ? AF_INET : AF_INET6, buffer, address.bytes_.data()) != 1) { return std::nullopt; }
    return address;
}

IpAddress IpAddress::from_bytes(const void* bytes, std::size_t size) {
    assert(size == 4 || size == 16);
    IpAddress address;
    address.v4_ = size == 4;
    std::memcpy(address.bytes_.data(), bytes, size);
    return address;
}

IpAddress IpAddress::plus(std::uint64_t n) const {
    IpAddress sum = *this;
    std::uint64_t carry = n;  // what is still to be added at byte I and above
    for (std::size_t i = size(); i-- > 0 && carry != 0;) {
        const std::uint64_t digit = sum.bytes_[i] + (carry & 0xffU);
        sum.bytes_[i] = static_cast<std::uint8_t>(digit & 0xffU);
        carry = (carry >> 8U) + (digit >> 8U);
    }
    return sum;
}

bool IpAddress::is_multicast() const { return v4_ ? (bytes_[0] & 0xf0U) == 0xe0U : bytes_[0] == 0xff; }

bool IpAddress::is_link_local() const {
    return v4_ ? bytes_[0] == 169 && bytes_[1] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0U) == 0x80U;
}

bool IpAddress::is_loopback() const {
    if (v4_) { return bytes_[0] == 127; }
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) && bytes_.back() == 1;
}

bool IpAddress::is_unspecified() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](auto b) { return b == 0; });
}

std::string IpAddress::to_string() const {
    char buffer[INET6_ADDRSTRLEN];
    return ::inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer, sizeof buffer);
}

std::strong_ordering IpAddress::operator<=>(const IpAddress& other) const {
    if (v4_ != other.v4_) { return v4_ ? std::strong_ordering::less : std::strong_ordering::greater; }
    return std::memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) <=> 0;
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) { return std::nullopt; }
    const auto address = IpAddress::parse(text.substr(0, slash));
    const auto length = parse_small(text.substr(slash + 1));
    if (!address || !length || *length > address->bits()) { return std::nullopt; }
    return Prefix{*address, static_cast<std::uint8_t>(*length)};
}

Prefix Prefix::network() const { return {first(), length}; }

bool Prefix::has_host_bits() const { return first() != address; }

bool Prefix::contains(const IpAddress& other) const {
    if (other.is_v4() != address.is_v4()) { return false; }
    for (std::size_t i = 0; i < address.size(); ++i) {
        if (((address.bytes()[i] ^ other.bytes()[i]) & mask_byte(length, i)) != 0) { return false; }
    }
    return true;
}

bool Prefix::overlaps(const Prefix& other) const {
    return length <= other.length ? contains(other.address) : other.contains(address);
}

IpAddress Prefix::first() const {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < address.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(address.bytes()[i] & mask_byte(length, i));
    }
    return IpAddress::from_bytes(bytes.data(), address.size());
}

IpAddress Prefix::last() const {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < address.size(); ++i) {
        bytes[i] = static_cast<std::uint8_t>(address.bytes()[i] | (0xffU & ~unsigned{mask_byte(length, i)}));
    }
    return IpAddress::from_bytes(bytes.data(), address.size());
}

bool Prefix::usable(const IpAddress& host) const {
    if (!contains(host)) { return false; }
    if (!address.is_v4() || length >= 31) { return true; }
    return host != first() && host != last();
}

std::string Prefix::to_string() const { return fmt::format("{}/{}", address.to_string(), length); }

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    if (text.size() != 17) { return std::nullopt; }
    MacAddress mac;
    for (std::size_t i = 0; i < 6; ++i) {
        const auto high = hex_digit(text[i * 3]);
        const auto low = hex_digit(text[i * 3 + 1]);
        if (!high || !low || (i < 5 && text[i * 3 + 2] != ':')) { return std::nullopt; }
        mac.bytes[i] = static_cast<std::uint8_t>(*high << 4U | *low);
    }
    return mac;
}

MacAddress MacAddress::derived(std::string_view seed) {
    std::uint64_t hash = stable_hash(seed);
    MacAddress mac;
    for (auto& byte : mac.bytes) {
        byte = static_cast<std::uint8_t>(hash & 0xffU);
        hash >>= 8U;
    }
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfcU) | 0x02U);
    return mac;
}

bool MacAddress::is_zero() const {
    return std::all_of(bytes.begin(), bytes.end(), [](auto b) { return b == 0; });
}

Prefix MacAddress::link_local() const {
    const std::array<std::uint8_t, 16> address{
        0xfe,     0x80,     0,    0,    0,        0,        0,       0, static_cast<std::uint8_t>(bytes[0] ^ 0x02U),
        bytes[1], bytes[2], 0xff, 0xfe, bytes[3], bytes[4], bytes[5]};
    return {IpAddress::from_bytes(address.data(), address.size()), 64};
}

std::string MacAddress::to_string() const {
    return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2], bytes[3],
                       bytes[4], bytes[5]);
}

std::optional<std::string> interface_name_fault(std::string_view text) {
    if (text.empty()) { return "it is empty"; }
    if (text.size() > kMaxIfName) {
        return fmt::format("it has {} bytes, the kernel allows {}", text.size(), kMaxIfName);
    }
    if (text == "." || text == "..") { return "the kernel does not allow it"; }
    // Their sysctl directories would clash with those of every interface.
    if (text == "all" || text == "default") { return "it means every interface in /proc/sys/net"; }
    if (text.front() == '-') { return "it begins with '-', which programs take for an option"; }
    for (const char c : text) {
        if (!is_letter(c) && !is_digit(c) && std::strchr("._-+=@~^#,", c) == nullptr) {
            return fmt::format("{} is not allowed in it", shown(c));
        }
    }
    return std::nullopt;
}

std::optional<std::string> node_name_fault(std::string_view text) {
    if (text.empty()) { return "it is empty"; }
    if (text.size() > 63) { return fmt::format("it has {} bytes, 63 are allowed", text.size()); }
    if (!is_letter(text.front()) && !is_digit(text.front())) { return "it must begin with a letter or digit"; }
    for (const char c : text) {
        if (!is_letter(c) && !is_digit(c) && c != '.' && c != '_' && c != '-') {
            return fmt::format("{} is not allowed in it", shown(c));
        }
    }
    if (text.find("..") != std::string_view::npos) { return "'..' is not allowed in it"; }
    return std::nullopt;
}

std::optional<std::string> lab_name_fault(std::string_view text) {
    if (text.empty()) { return "it is empty"; }
    if (text.size() > 31) { return fmt::format("it has {} bytes, 31 are allowed", text.size()); }
    if (text.front() == '-') { return "it must begin with a small letter or digit"; }
    for (const char c : text) {
        if (is_letter(c) && c < 'a') { return "capital letters are not allowed in it"; }
        if (!is_letter(c) && !is_digit(c) && c != '-') { return fmt::format("{} is not allowed in it", shown(c)); }
    }
    return std::nullopt;
}

std::uint64_t stable_hash(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const char c : text) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U; }
    return hash;
}

}  // namespace warren
