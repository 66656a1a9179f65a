// Pings as text and JSON. Called by the verb ping.
#include "views/ping.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "views/show.hpp"

namespace warren {
namespace {

namespace json = boost::json;

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

double percent_lost(int sent, int received) { return sent == 0 ? 0 : 100.0 * (sent - received) / sent; }

// What many pairs come to together.
struct Sum {
    std::size_t pairs = 0;
    std::size_t answered = 0;
    int sent = 0;
    int received = 0;
    std::chrono::nanoseconds min{0};
    std::chrono::nanoseconds max{0};
    std::chrono::nanoseconds total{0};

    void add(const PingResult& result) {
        ++pairs;
        sent += result.sent;
        if (result.received == 0) { return; }
        min = answered == 0 ? result.min : std::min(min, result.min);
        max = std::max(max, result.max);
        ++answered;
        received += result.received;
        total += result.average * result.received;
    }
    [[nodiscard]] std::chrono::nanoseconds average() const {
        return received == 0 ? std::chrono::nanoseconds{0} : total / received;
    }
};

std::string cell(const PingResult& result) {
    if (result.received == 0) { return "-"; }
    const std::string time = fmt::format("{:.3f}", milliseconds(result.average));
    if (result.received == result.sent) { return time; }
    return fmt::format("{} ({:.0f}%)", time, percent_lost(result.sent, result.received));
}

using Rows = std::vector<std::vector<std::string>>;

Rows full_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs) {
    std::map<std::pair<std::string, std::string>, const PingResult*> by;
    for (const auto& pair : pairs) { by[{pair.from, pair.to}] = &pair.result; }
    Rows rows{{"from \\ to"}};
    rows.front().insert(rows.front().end(), hosts.begin(), hosts.end());
    for (const auto& from : hosts) {
        auto& row = rows.emplace_back(1, from);
        for (const auto& to : hosts) {
            const auto found = by.find({from, to});
            row.push_back(found == by.end() ? "" : cell(*found->second));
        }
    }
    return rows;
}

Rows compact_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs) {
    std::map<std::string, Sum> sums;
    for (const auto& pair : pairs) { sums[pair.from].add(pair.result); }
    Rows rows{{"from", "answered", "lost", "min", "avg", "max"}};
    for (const auto& host : hosts) {
        const Sum& sum = sums[host];
        auto& row =
            rows.emplace_back(Rows::value_type{host, fmt::format("{}/{}", sum.answered, sum.pairs),
                                               fmt::format("{:.0f}%", percent_lost(sum.sent, sum.received))});
        for (const auto time : {sum.min, sum.average(), sum.max}) {
            row.push_back(sum.received == 0 ? "-" : fmt::format("{:.3f}", milliseconds(time)));
        }
    }
    return rows;
}

// A host's name as its letters and its number: h12 → h, 12. -1: it has none, or one that would not be written so.
std::pair<std::string, long> split_number(const std::string& name) {
    const std::size_t digits = name.find_last_not_of("0123456789") + 1;
    long number = -1;
    const auto [end, error] = std::from_chars(name.data() + digits, name.data() + name.size(), number);
    const bool whole = error == std::errc() && end == name.data() + name.size();
    if (!whole || std::to_string(number).size() != name.size() - digits) { return {name, -1}; }
    return {name.substr(0, digits), number};
}

// "h1, h3..h9, red": runs of three and more in one.
std::string names_text(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size();) {
        const auto [stem, first] = split_number(names[i]);
        std::size_t run = 1;
        while (first >= 0 && i + run < names.size() &&
               split_number(names[i + run]) == std::pair{stem, first + static_cast<long>(run)}) {
            ++run;
        }
        constexpr std::size_t kShortestRun = 3;
        if (run < kShortestRun) { run = 1; }
        text += (text.empty() ? "" : ", ") + names[i];
        if (run > 1) { text += ".." + names[i + run - 1]; }
        i += run;
    }
    return text;
}

}  // namespace

std::string unanswered_text(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs) {
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < hosts.size(); ++i) { places[hosts[i]] = i; }
    // For each host and reason, by its place: those that did not answer it.
    std::map<std::pair<std::size_t, std::string>, std::set<std::size_t>> failed;
    for (const auto& pair : pairs) {
        if (pair.result.received > 0) { continue; }
        failed[{places[pair.from], pair.result.error}].insert(places[pair.to]);
    }
    // Hosts with the same targets share a line. A host that is itself one of the targets of all the others has the
    // same as they, but for itself.
    struct Line {
        std::vector<std::size_t> from;
        std::set<std::size_t> to;
        std::string error;
    };
    std::vector<Line> lines;
    for (const auto& [key, targets] : failed) {
        const auto& [from, error] = key;
        const auto same =
            std::find_if(lines.begin(), lines.end(), [&, from = from, error = error](const Line& line) {
                return line.error == error && line.to == targets && !targets.contains(from);
            });
        if (same != lines.end()) {
            same->from.push_back(from);
        } else {
            lines.push_back({{from}, targets, error});
        }
    }
    const auto named = [&](const auto& indexes) {
        std::vector<std::string> names;
        for (const std::size_t index : indexes) { names.push_back(hosts[index]); }
        return names_text(names);
    };
    std::string text;
    for (const auto& line : lines) {
        text += fmt::format("no answer: {} → {}{}\n", named(line.from), named(line.to),
                            line.error.empty() ? "" : ": " + line.error);
    }
    return text;
}

std::string ping_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs, int width) {
    std::string text = table(full_matrix(hosts, pairs));
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
        if (text.find('\n', at) - at <= static_cast<std::size_t>(width)) { continue; }
        text = table(compact_matrix(hosts, pairs));
        break;
    }
    Sum sum;
    for (const auto& pair : pairs) { sum.add(pair.result); }
    text += unanswered_text(hosts, pairs);
    text += fmt::format("{} of {} pairs answered; {} packets sent, {:.0f}% lost", sum.answered, sum.pairs, sum.sent,
                        percent_lost(sum.sent, sum.received));
    if (sum.received > 0) {
        text += fmt::format("; round trips of {:.3f} to {:.3f} ms, {:.3f} on average", milliseconds(sum.min),
                            milliseconds(sum.max), milliseconds(sum.average()));
    }
    return text + "\n";
}

std::string pings_json(const std::string& lab, const std::vector<PairResult>& pairs) {
    const auto times = [](std::chrono::nanoseconds min, std::chrono::nanoseconds average,
                          std::chrono::nanoseconds max) {
        return json::object{{"min", milliseconds(min)}, {"avg", milliseconds(average)}, {"max", milliseconds(max)}};
    };
    json::array list;
    Sum sum;
    for (const auto& pair : pairs) {
        const auto& result = pair.result;
        sum.add(result);
        json::object one{{"from", pair.from},
                         {"to", pair.to},
                         {"address", pair.address},
                         {"sent", result.sent},
                         {"received", result.received}};
        if (result.received > 0) {
            auto rtt = times(result.min, result.average, result.max);
            rtt["mdev"] = milliseconds(result.deviation);
            one["rtt_ms"] = std::move(rtt);
        }
        if (!result.error.empty()) { one["error"] = result.error; }
        list.push_back(std::move(one));
    }
    json::object root{{"lab", lab},
                      {"pass", sum.answered == sum.pairs},
                      {"pairs", std::move(list)},
                      {"answered", sum.answered},
                      {"sent", sum.sent},
                      {"received", sum.received},
                      {"lost_percent", percent_lost(sum.sent, sum.received)}};
    if (sum.received > 0) { root["rtt_ms"] = times(sum.min, sum.average(), sum.max); }
    return json::serialize(root);
}

namespace {

// "green (10.0.0.2)"; the address alone where it was asked for.
std::string target(const PairResult& pair) {
    return pair.address.empty() || pair.to == pair.address ? pair.to
                                                           : fmt::format("{} ({})", pair.to, pair.address);
}

}  // namespace

std::string ping_head(const PairResult& pair, std::size_t payload) {
    return fmt::format("PING {} from {}: {} data bytes\n", target(pair), pair.from, payload);
}

std::string ping_line(const PairResult& pair, const PingAnswer& answer) {
    return fmt::format("{} bytes from {}: icmp_seq={}{} time={:.3f} ms{}\n", answer.bytes, target(pair),
                       answer.sequence, answer.ttl < 0 ? "" : fmt::format(" ttl={}", answer.ttl),
                       milliseconds(answer.time), answer.duplicate ? " (DUP!)" : "");
}

std::string ping_statistics(const PairResult& pair) {
    const auto& result = pair.result;
    if (result.sent == 0) { return fmt::format("{} → {}: {}\n", pair.from, target(pair), result.error); }
    std::string text = fmt::format(
        "\n--- {} ping statistics ---\n{} packets transmitted, {} received, {:.4g}% packet loss, time {}ms\n",
        pair.to, result.sent, result.received, percent_lost(result.sent, result.received),
        std::chrono::duration_cast<std::chrono::milliseconds>(result.took).count());
    if (result.received > 0) {
        text += fmt::format("rtt min/avg/max/mdev = {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n", milliseconds(result.min),
                            milliseconds(result.average), milliseconds(result.max), milliseconds(result.deviation));
    }
    if (!result.error.empty()) { text += result.error + "\n"; }
    return text;
}

}  // namespace warren
