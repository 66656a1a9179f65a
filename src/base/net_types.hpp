// Names and addresses: the strong types that labs and states are made of.
//
// All are plain values with total order. parse() accepts exactly the text form and returns
// nothing otherwise; to_string() gives the canonical form, which parse() reads back.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace warren {

// An IPv4 or IPv6 address, network byte order.
class IpAddress {
public:
    IpAddress() = default;  // 0.0.0.0
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    // SIZE 4 or 16 bytes.
    [[nodiscard]] static IpAddress from_bytes(const void* bytes, std::size_t size);

    [[nodiscard]] bool is_v4() const { return v4_; }
    [[nodiscard]] const std::uint8_t* bytes() const { return bytes_.data(); }
    [[nodiscard]] std::size_t size() const { return v4_ ? 4 : 16; }
    [[nodiscard]] std::uint8_t bits() const { return v4_ ? 32 : 128; }
    // The address N further on; wraps at the end of the family's space.
    [[nodiscard]] IpAddress plus(std::uint64_t n) const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_link_local() const;  // 169.254/16, fe80::/10
    [[nodiscard]] bool is_loopback() const;    // 127/8, ::1
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] std::string to_string() const;
    // IPv4 before IPv6, then by value.
    std::strong_ordering operator<=>(const IpAddress& other) const;
    bool operator==(const IpAddress& other) const = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
    bool v4_ = true;
};

// ADDRESS/LENGTH. As an interface's address it keeps its host bits; network() drops them.
struct Prefix {
    IpAddress address;
    std::uint8_t length = 0;

    // "10.0.0.1/24"; the length is required.
    [[nodiscard]] static std::optional<Prefix> parse(std::string_view text);
    [[nodiscard]] Prefix network() const;
    [[nodiscard]] bool has_host_bits() const;
    [[nodiscard]] bool contains(const IpAddress& other) const;  // false across families
    [[nodiscard]] bool overlaps(const Prefix& other) const;
    [[nodiscard]] IpAddress first() const;  // network address
    [[nodiscard]] IpAddress last() const;   // IPv4: broadcast address
    // A usable host address: not the network or broadcast address of an IPv4 prefix shorter than /31.
    [[nodiscard]] bool usable(const IpAddress& host) const;
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Prefix&) const = default;
};

// An Ethernet address (EUI-48).
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text);
    // A locally administered unicast address made from SEED, the same for the same seed.
    [[nodiscard]] static MacAddress derived(std::string_view seed);
    [[nodiscard]] bool is_multicast() const { return (bytes[0] & 1U) != 0; }
    [[nodiscard]] bool is_zero() const;
    // fe80::/64 with the modified EUI-64 interface identifier (RFC 4291 app. A).
    [[nodiscard]] Prefix link_local() const;
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const MacAddress&) const = default;
};

// An IEEE 802.1Q VLAN identifier, 1..4094.
using Vlan = std::uint16_t;
inline constexpr Vlan kMaxVlan = 4094;

// Linux: IFNAMSIZ - 1.
inline constexpr std::size_t kMaxIfName = 15;
// Linux bridge: BR_MAX_PORTS - 1 (net/bridge/br_private.h, port numbers of 10 bits, 0 unused).
inline constexpr std::size_t kMaxBridgePorts = 1023;

// Why TEXT cannot name a network interface on Linux (dev_valid_name, and what ip or a shell would
// misread); nothing where it can.
[[nodiscard]] std::optional<std::string> interface_name_fault(std::string_view text);
// The same for a host, switch or network name: [a-zA-Z0-9][a-zA-Z0-9._-]*, at most 63 bytes, no "..".
[[nodiscard]] std::optional<std::string> node_name_fault(std::string_view text);
// The same for a lab: [a-z0-9][a-z0-9-]{0,30}.
[[nodiscard]] std::optional<std::string> lab_name_fault(std::string_view text);

// 64-bit FNV-1a: stable across runs and machines; for names and MACs, not for security.
[[nodiscard]] std::uint64_t stable_hash(std::string_view text);

}  // namespace warren
