// Blocks of a capture file in the form pcapng (draft-ietf-opsawg-pcapng), in this machine's byte order. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace warren::pcapng {

// The first block of a file. APPLICATION made it.
[[nodiscard]] std::string section(const std::string& application);
// An Ethernet interface, with time stamps in nanoseconds. They are numbered from 0 on in the order of their blocks.
[[nodiscard]] std::string interface(const std::string& name, std::uint32_t snaplen);
// A frame of which BYTES, SIZE of them, were captured; LENGTH is its own.
[[nodiscard]] std::string packet(std::uint32_t interface, std::chrono::nanoseconds since_1970, bool outgoing,
                                 const std::uint8_t* bytes, std::size_t size, std::size_t length);

}  // namespace warren::pcapng
