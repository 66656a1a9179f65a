// A captured frame in one line, for people.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace warren {

// "10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 1, length 64". What is cut short says so; never reads beyond SIZE.
// LENGTH is the whole frame's.
[[nodiscard]] std::string frame_text(const std::uint8_t* bytes, std::size_t size, std::size_t length);
// "12:00:00.123456", local time.
[[nodiscard]] std::string time_text(std::chrono::nanoseconds since_1970);

}  // namespace warren
