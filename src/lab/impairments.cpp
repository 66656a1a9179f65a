// Rates, times, shares and sizes as tc writes them. Pure.
#include "lab/impairments.hpp"

#include <array>

#include <fmt/format.h>

namespace warren {
namespace {

struct Unit {
    std::string_view text;
    std::uint64_t size;
};

// The largest first, as texts are written with the largest that leaves a whole number.
constexpr std::array kRates{Unit{"gbit", 1'000'000'000}, Unit{"mbit", 1'000'000}, Unit{"kbit", 1'000},
                            Unit{"bit", 1}};
constexpr std::array kTimes{Unit{"s", 1'000'000}, Unit{"ms", 1'000}, Unit{"us", 1}};
constexpr std::array kShares{Unit{"%", 10'000}};
constexpr std::array kSizes{Unit{"mb", 1U << 20U}, Unit{"kb", 1U << 10U}, Unit{"b", 1}};

constexpr std::uint64_t kLeastRate = 8'000;
constexpr std::uint64_t kMostRate = 1'000'000'000'000;
constexpr std::uint64_t kMostTime = 60'000'000;
constexpr std::uint64_t kMostShare = 1'000'000;
constexpr std::uint64_t kMostPackets = 1'000'000;
constexpr std::uint64_t kMostBytes = 1U << 30U;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// NUMBER is "12" or "1.5"; times SIZE it must be whole.
std::optional<std::uint64_t> times(std::string_view number, std::uint64_t size) {
    std::uint64_t whole = 0;
    std::uint64_t part = 0;
    std::uint64_t scale = 1;
    bool fraction = false;
    std::size_t digits = 0;
    for (const char c : number) {
        if (c == '.' && !fraction && digits > 0) {
            fraction = true;
            digits = 0;
            continue;
        }
        if (!is_digit(c) || ++digits > 12) { return std::nullopt; }
        (fraction ? part : whole) = (fraction ? part : whole) * 10 + static_cast<std::uint64_t>(c - '0');
        if (fraction) { scale *= 10; }
    }
    if (digits == 0) { return std::nullopt; }
    if (fraction) {
        // Twelve digits times a unit of at most 10^9 do not fit; fewer digits mean as much.
        while (scale > 1 && part % 10 == 0) {
            part /= 10;
            scale /= 10;
        }
        if (size % scale != 0) { return std::nullopt; }
    }
    if (whole > UINT64_MAX / size - 1) { return std::nullopt; }
    return whole * size + part * (size / scale);
}

template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const std::array<Unit, N>& units) {
    const std::size_t end = text.find_first_not_of("0123456789.");
    if (end == std::string_view::npos) { return std::nullopt; }
    for (const auto& unit : units) {
        if (text.substr(end) == unit.text) { return times(text.substr(0, end), unit.size); }
    }
    return std::nullopt;
}

template <std::size_t N>
std::string text_in(std::uint64_t value, const std::array<Unit, N>& units) {
    if (value == 0) { return "none"; }
    for (const auto& unit : units) {
        if (value % unit.size == 0) { return fmt::format("{}{}", value / unit.size, unit.text); }
    }
    return {};
}

tl::unexpected<Error> wrong(std::string reason, std::string hint) {
    return failure({}, std::move(reason), std::move(hint));
}

std::string is_no(std::string_view text, std::string_view what) {
    return fmt::format("'{}' is not {}", text.substr(0, 60), what);
}

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<std::uint64_t> parse_rate(std::string_view text) {
    const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
    const std::string_view unit = text.substr(end);
    if (end > 0 && (unit == "bps" || unit == "kbps" || unit == "mbps" || unit == "gbps")) {
        return wrong(
            is_no(text, "a rate"),
            fmt::format("'{0}' are bytes to tc and bits to others: write {1}{2}bit, or eight times as much", unit,
                        text.substr(0, end), unit.substr(0, unit.size() - 3)));
    }
    const auto rate = parse(text, kRates);
    if (!rate) {
        return wrong(is_no(text, "a rate"), all_digits(text) ? fmt::format("with its unit, as in {}mbit", text)
                                                             : "as in 10mbit, 512kbit or 1gbit");
    }
    if (*rate != 0 && (*rate < kLeastRate || *rate > kMostRate || *rate % 8 != 0)) {
        return wrong(fmt::format("rate {} is not one of {}..{} in steps of 8bit", text, rate_text(kLeastRate),
                                 rate_text(kMostRate)),
                     {});
    }
    return *rate;
}

Result<std::uint64_t> parse_time(std::string_view text) {
    const auto time = parse(text, kTimes);
    if (!time) {
        return wrong(is_no(text, "a time in whole microseconds"),
                     all_digits(text) ? fmt::format("with its unit, as in {}ms", text) : "as in 10ms, 500us or 1s");
    }
    if (*time > kMostTime) { return wrong(fmt::format("{} is longer than 60s", text), {}); }
    return *time;
}

Result<std::uint64_t> parse_share(std::string_view text) {
    const auto share = parse(text, kShares);
    if (!share) {
        return wrong(is_no(text, "a share of the packets"),
                     all_digits(text) ? fmt::format("with its unit, as in {}%", text)
                                      : "as in 1% or 0.05%, with at most four decimal places");
    }
    if (*share > kMostShare) { return wrong(fmt::format("{} is more than 100%", text), {}); }
    return *share;
}

Result<QueueSize> parse_queue(std::string_view text) {
    constexpr std::array kPackets{Unit{"", 1}};
    QueueSize size;
    if (const auto bytes = parse(text, kSizes)) {
        size = {*bytes, true};
    } else if (all_digits(text) && text.find('.') == std::string_view::npos && times(text, 1)) {
        size = {*times(text, kPackets[0].size), false};
    } else {
        return wrong(is_no(text, "the size of a queue"), "a number of packets, as in 100, or of bytes, as in 64kb");
    }
    if (size.count > (size.bytes ? kMostBytes : kMostPackets)) {
        return wrong(fmt::format("a queue of {} is longer than {}", text,
                                 size.bytes ? "1024mb" : fmt::format("{} packets", kMostPackets)),
                     {});
    }
    return size;
}

template <class T, class Value>
Result<void> put(std::optional<T>& into, Result<Value> value) {
    if (!value) { return tl::unexpected(std::move(value).error()); }
    into = T(*value);
    return {};
}

// Calls VISIT with the member that KEY names.
template <class Of, class Visit>
void visit_key(Of& of, std::string_view key, const Visit& visit) {
    if (key == "rate") { visit(of.rate); }
    if (key == "delay") { visit(of.delay); }
    if (key == "jitter") { visit(of.jitter); }
    if (key == "loss") { visit(of.loss); }
    if (key == "duplicate") { visit(of.duplicate); }
    if (key == "reorder") { visit(of.reorder); }
    if (key == "corrupt") { visit(of.corrupt); }
    if (key == "queue") { visit(of.queue); }
}

Result<void> read(std::optional<std::uint64_t>& into, std::string_view text) { return put(into, parse_rate(text)); }
Result<void> read(std::optional<std::chrono::microseconds>& into, std::string_view text) {
    return put(into, parse_time(text));
}
Result<void> read(std::optional<std::uint32_t>& into, std::string_view text) {
    auto share = parse_share(text);
    if (!share) { return tl::unexpected(std::move(share).error()); }
    into = static_cast<std::uint32_t>(*share);
    return {};
}
Result<void> read(std::optional<QueueSize>& into, std::string_view text) { return put(into, parse_queue(text)); }

std::string text_of(std::uint64_t rate) { return rate_text(rate); }
std::string text_of(std::chrono::microseconds time) { return latency_text(time); }
std::string text_of(std::uint32_t share) { return share_text(share); }
std::string text_of(const QueueSize& queue) { return queue_text(queue); }

}  // namespace

Impairments with_defaults(const Impairments& own, const Impairments& defaults) {
    const auto first = [](const auto& written, const auto& otherwise) { return written ? written : otherwise; };
    return {first(own.rate, defaults.rate),           first(own.delay, defaults.delay),
            first(own.jitter, defaults.jitter),       first(own.loss, defaults.loss),
            first(own.duplicate, defaults.duplicate), first(own.reorder, defaults.reorder),
            first(own.corrupt, defaults.corrupt),     first(own.queue, defaults.queue)};
}

Result<void> set_impairment(Impairments& of, std::string_view key, std::string_view text) {
    Result<void> result;
    visit_key(of, key, [&](auto& member) {
        if (text == "none") {
            member = typename std::remove_cvref_t<decltype(member)>::value_type{};
        } else {
            result = read(member, text);
        }
    });
    return result;
}

std::string impairment_text(const Impairments& of, std::string_view key) {
    std::string text;
    visit_key(of, key, [&](const auto& member) {
        if (member) { text = text_of(*member); }
    });
    return text;
}

void clear_impairment(Impairments& of, std::string_view key) {
    visit_key(of, key, [](auto& member) { member.reset(); });
}

std::string rate_text(std::uint64_t rate) { return text_in(rate, kRates); }

std::string latency_text(std::chrono::microseconds time) {
    return text_in(static_cast<std::uint64_t>(time.count()), kTimes);
}

std::string share_text(std::uint32_t parts_per_million) {
    if (parts_per_million == 0) { return "none"; }
    std::string text = fmt::format("{}", parts_per_million / 10'000);
    if (const auto rest = parts_per_million % 10'000; rest != 0) {
        text += fmt::format(".{:04}", rest);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text + "%";
}

std::string queue_text(const QueueSize& queue) {
    if (!queue.bytes) { return queue.count == 0 ? "none" : fmt::format("{}", queue.count); }
    return text_in(queue.count, kSizes);
}

}  // namespace warren
