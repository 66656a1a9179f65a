// From what a lab says of a direction of a link to the queueing disciplines of the device that sends into it.
//
// One that is called tbf is always the root: it holds the rate, and, as it hands on no more at once than its burst,
// it splits what the sender's segmentation offload has left whole, so that what is below it sees packets as the wire
// has them. Without a rate it is as fast as can be. netem, for all else, is its child. (The other way round, netem's
// count of its packets goes wrong in kernels before 6.13 where a child splits them, and the link stands still.)
// On a kernel without netem a filter's program loses packets; htb, which takes filters, is the child then.
#pragma once

#include <cstdint>
#include <string>

#include "lab/impairments.hpp"
#include "state/state.hpp"

namespace warren {

// OF one direction, BACK being the other one, for devices of MTU. NETEM: the kernel has it.
[[nodiscard]] Shaping shaping_of(const Impairments& of, const Impairments& back, std::uint32_t mtu, bool netem);

// What tbf is told, as follows from the shaping and its device's MTU.
struct TokenBucket {
    std::uint64_t rate = 0;   // bytes a second
    std::uint32_t burst = 0;  // bytes
    std::uint32_t limit = 0;  // bytes
};
[[nodiscard]] TokenBucket token_bucket(const Shaping& shaping, std::uint32_t mtu);

// AFTER cannot be had by changing what is there for BEFORE: that is taken away first.
[[nodiscard]] bool starts_anew(const Shaping& before, const Shaping& after);

// A share as the kernel takes it, and back.
[[nodiscard]] std::uint32_t kernel_share(std::uint32_t parts);
[[nodiscard]] std::uint32_t parts_per_million(std::uint32_t share);

// "rate 10mbit, delay 10ms, loss 1%"; without the queue.
[[nodiscard]] std::string shaping_text(const Shaping& shaping);
// The value of one of kImpairmentKeys; "" where there is none.
[[nodiscard]] std::string shaping_text(const Shaping& shaping, std::string_view key);
// What a lab says of it.
[[nodiscard]] Impairments impairments_of(const Shaping& shaping);

// Handles of Warren's disciplines ('W' 'A', as they appear in `tc qdisc show`), and of its filter.
inline constexpr std::uint16_t kBucketHandle = 0x5741;   // tbf, the root
inline constexpr std::uint16_t kNetemHandle = 0x5742;    // netem, its child
inline constexpr std::uint16_t kProgramHandle = 0x5743;  // htb, its child in netem's place
inline constexpr std::uint16_t kFilterPriority = 0x5741;

}  // namespace warren
