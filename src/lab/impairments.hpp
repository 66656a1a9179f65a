// What a link does to the packets that go over it: their rate, delay, loss and the like, and how these are written.
// Called by the reader, the writer and whoever sets them in a lab that runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace warren {

// How much may wait to be sent.
struct QueueSize {
    std::uint64_t count = 0;
    bool bytes = false;  // else packets of the link's MTU
    bool operator==(const QueueSize&) const = default;
};

// Of one direction of a link. Empty: not written. Zero: written as `none`, which a default does not change.
struct Impairments {
    std::optional<std::uint64_t> rate;  // bit/s of Ethernet frames without preamble and checksum
    std::optional<std::chrono::microseconds> delay;
    std::optional<std::chrono::microseconds>
        jitter;  // the delay is evenly spread over delay - jitter .. delay + jitter
    // Shares of the packets, in parts per million.
    std::optional<std::uint32_t> loss;
    std::optional<std::uint32_t> duplicate;
    std::optional<std::uint32_t> reorder;  // are sent at once and so overtake those that are delayed
    std::optional<std::uint32_t> corrupt;  // one bit of each is wrong
    std::optional<QueueSize> queue;        // of what waits because of the rate
    bool operator==(const Impairments&) const = default;
    [[nodiscard]] bool empty() const { return *this == Impairments{}; }
};

// Both directions of a link, as seen from where it is written.
struct LinkImpairments {
    Impairments out;  // what the interface sends; of an entry of `links:` what its first end sends
    Impairments in;   // what it receives
    bool operator==(const LinkImpairments&) const = default;
    [[nodiscard]] bool empty() const { return out.empty() && in.empty(); }
    [[nodiscard]] LinkImpairments swapped() const { return {in, out}; }
};

// What is written in OWN, else in DEFAULTS.
[[nodiscard]] Impairments with_defaults(const Impairments& own, const Impairments& defaults);

// The keys, in the order in which they are written: "rate", "delay", "jitter", "loss", "duplicate", "reorder",
// "corrupt", "queue".
inline constexpr std::string_view kImpairmentKeys[] = {"rate",      "delay",   "jitter",  "loss",
                                                       "duplicate", "reorder", "corrupt", "queue"};

// Sets KEY, one of the above, as TEXT says: "10mbit", "10ms", "1%", "100", "64kb", "none". The error's reason says
// what is wrong with TEXT, its hint what would be right.
[[nodiscard]] Result<void> set_impairment(Impairments& of, std::string_view key, std::string_view text);
// The text of KEY, "" where it is not written.
[[nodiscard]] std::string impairment_text(const Impairments& of, std::string_view key);
// Takes away what is written of KEY.
void clear_impairment(Impairments& of, std::string_view key);

[[nodiscard]] std::string rate_text(std::uint64_t rate);                 // "10mbit"
[[nodiscard]] std::string latency_text(std::chrono::microseconds time);  // "10ms"
[[nodiscard]] std::string share_text(std::uint32_t parts_per_million);   // "0.5%"
[[nodiscard]] std::string queue_text(const QueueSize& queue);            // "100", "64kb"

}  // namespace warren
