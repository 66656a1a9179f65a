// Sizes of queues and bursts. Called by expand() and by those who set or print queueing disciplines.
#include "state/shaping.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren {
namespace {

constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kVlanTags = 8;               // two of them
constexpr std::uint64_t kFastest = 125'000'000'000;  // bytes a second; a terabit
constexpr std::uint64_t kLeastRoundTrip = 50'000;    // microseconds
constexpr std::uint64_t kLeastPackets = 16;
constexpr std::uint64_t kNetemLimit = 1000;  // netem's own default; and for each millisecond of delay
constexpr std::uint64_t kMostBytes = 1U << 30U;
constexpr std::uint64_t kMostPackets = 10'000'000;

std::uint64_t microseconds(const std::optional<std::chrono::microseconds>& time) {
    return time ? static_cast<std::uint64_t>(time->count()) : 0;
}

// Bytes that RATE bit/s sends in TIME microseconds.
std::uint64_t bytes_in(std::uint64_t rate, std::uint64_t time) { return rate / 8 * time / 1'000'000; }

}  // namespace

Shaping shaping_of(const Impairments& of, const Impairments& back, std::uint32_t mtu, bool netem) {
    Shaping shaping;
    shaping.rate = of.rate.value_or(0);
    shaping.delay = of.delay.value_or(std::chrono::microseconds{});
    shaping.jitter = of.jitter.value_or(std::chrono::microseconds{});
    shaping.loss = of.loss.value_or(0);
    shaping.duplicate = of.duplicate.value_or(0);
    shaping.reorder = of.reorder.value_or(0);
    shaping.corrupt = of.corrupt.value_or(0);
    shaping.program = shaping.loss != 0 && !netem;

    const std::uint64_t packet = mtu + kEthernetHeader;
    const std::uint64_t under_way = microseconds(of.delay) + microseconds(of.jitter);
    const std::uint64_t round_trip =
        std::max(kLeastRoundTrip, under_way + microseconds(back.delay) + microseconds(back.jitter));
    std::uint64_t queue = std::max(bytes_in(shaping.rate, round_trip), kLeastPackets * packet);
    const bool given = of.queue && of.queue->count != 0;
    if (given) { queue = of.queue->bytes ? of.queue->count : of.queue->count * packet; }
    queue = std::clamp(queue, packet, kMostBytes);
    if (!shaping.has_child()) {
        shaping.queue = shaping.rate == 0 ? 0 : queue;
        return shaping;
    }
    // The queue for the rate and what is under way, both of packets of full size.
    shaping.limit = (queue + packet - 1) / packet;
    if (shaping.rate != 0) {
        shaping.limit += (bytes_in(shaping.rate, under_way) + packet - 1) / packet;
    } else if (!given) {
        shaping.limit = kNetemLimit * std::max<std::uint64_t>(1, (under_way + 999) / 1000);
    }
    shaping.limit = std::min(shaping.limit, kMostPackets);
    return shaping;
}

TokenBucket token_bucket(const Shaping& shaping, std::uint32_t mtu) {
    const std::uint32_t packet = mtu + kEthernetHeader + kVlanTags;
    TokenBucket bucket;
    bucket.limit = static_cast<std::uint32_t>(shaping.has_child() ? packet : shaping.queue);
    if (shaping.rate == 0) {
        bucket.rate = kFastest;
        bucket.burst = packet;
        return bucket;
    }
    bucket.rate = shaping.rate / 8;
    // So much is sent at once where a timer comes late: 4 ms do for a busy machine. Less where packets are lost or
    // changed one by one and not as a sender's segmentation offload has put them together.
    const bool by_packet = shaping.loss != 0 || shaping.duplicate != 0 || shaping.reorder != 0 ||
                           shaping.corrupt != 0 || shaping.jitter.count() != 0;
    std::uint64_t burst = std::max<std::uint64_t>(bytes_in(shaping.rate, by_packet ? 400 : 4000), 2ULL * packet);
    // What is larger than the queue would never find room in it.
    if (!shaping.has_child()) {
        burst = std::clamp<std::uint64_t>(burst, packet, std::max<std::uint64_t>(packet, shaping.queue));
    }
    bucket.burst = static_cast<std::uint32_t>(std::min(burst, kMostBytes));
    return bucket;
}

bool starts_anew(const Shaping& before, const Shaping& after) {
    const bool loses_child = before.has_child() && !after.has_child();
    const bool other_queue = before.program && after.program && before.limit != after.limit;  // htb does not change
    return before.partial || after.empty() || loses_child || other_queue;
}

std::uint32_t kernel_share(std::uint32_t parts) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(parts) * UINT32_MAX + 500'000) / 1'000'000);
}

std::uint32_t parts_per_million(std::uint32_t share) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(share) * 1'000'000 + UINT32_MAX / 2) /
                                      UINT32_MAX);
}

std::string shaping_text(const Shaping& shaping, std::string_view key) {
    if (key == "queue") {
        if (shaping.limit != 0) { return fmt::format("{} packets", shaping.limit); }
        return shaping.queue == 0 ? std::string{} : queue_text({shaping.queue, true});
    }
    return impairment_text(impairments_of(shaping), key);
}

std::string shaping_text(const Shaping& shaping) {
    std::string text;
    for (const auto key : kImpairmentKeys) {
        if (key == "queue") { continue; }
        const std::string value = shaping_text(shaping, key);
        if (!value.empty()) { text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value); }
    }
    return text;
}

Impairments impairments_of(const Shaping& shaping) {
    Impairments of;
    const auto put = [](auto& into, const auto& value, const auto& none) {
        if (value != none) { into = value; }
    };
    put(of.rate, shaping.rate, 0U);
    put(of.delay, shaping.delay, std::chrono::microseconds{});
    put(of.jitter, shaping.jitter, std::chrono::microseconds{});
    put(of.loss, shaping.loss, 0U);
    put(of.duplicate, shaping.duplicate, 0U);
    put(of.reorder, shaping.reorder, 0U);
    put(of.corrupt, shaping.corrupt, 0U);
    return of;
}

}  // namespace warren
