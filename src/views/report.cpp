// Reports. Called by `check` and `ping`.
#include "views/report.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "views/show.hpp"

namespace warren {
namespace {

namespace json = boost::json;

constexpr const char* kGreen = "\033[32m";
constexpr const char* kRed = "\033[31m";

std::string coloured(const std::string& text, const char* colour, bool on) {
    return on ? colour + text + "\033[0m" : text;
}

double milliseconds(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

// For an XML attribute or text; characters that XML 1.0 does not allow become '?'.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
        }
    }
    return out;
}

double seconds(const Verdict& verdict) { return static_cast<double>(verdict.took.count()) / 1e3; }

}  // namespace

std::string verdicts_text(const std::vector<Verdict>& verdicts, bool colour) {
    std::string out;
    std::size_t passed = 0;
    for (const auto& verdict : verdicts) {
        passed += verdict.pass ? 1 : 0;
        out += fmt::format("{}  {}{}{}\n",
                           coloured(verdict.pass ? "PASS" : "FAIL", verdict.pass ? kGreen : kRed, colour),
                           verdict.expectation, verdict.detail.empty() ? "" : "  ", verdict.detail);
    }
    return out + fmt::format("{} passed, {} failed\n", passed, verdicts.size() - passed);
}

std::string verdicts_json(const std::string& lab, const std::vector<Verdict>& verdicts) {
    json::array list;
    for (const auto& verdict : verdicts) {
        list.push_back(json::object{{"expectation", verdict.expectation},
                                    {"pass", verdict.pass},
                                    {"detail", verdict.detail},
                                    {"seconds", seconds(verdict)}});
    }
    const bool pass = std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return v.pass; });
    return json::serialize(json::object{{"lab", lab}, {"pass", pass}, {"expectations", std::move(list)}});
}

std::string verdicts_junit(const std::string& lab, const std::vector<Verdict>& verdicts) {
    const auto failures = std::count_if(verdicts.begin(), verdicts.end(), [](const Verdict& v) { return !v.pass; });
    double time = 0;
    for (const auto& verdict : verdicts) { time = std::max(time, seconds(verdict)); }  // they ran side by side
    std::string out = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuites>\n  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" time=\"{:.3f}\">\n",
        escaped(lab), verdicts.size(), failures, time);
    for (const auto& verdict : verdicts) {
        out += fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"", escaped(lab),
                           escaped(verdict.expectation), seconds(verdict));
        out += verdict.pass
                   ? "/>\n"
                   : fmt::format(">\n      <failure message=\"{}\"/>\n    </testcase>\n", escaped(verdict.detail));
    }
    return out + "  </testsuite>\n</testsuites>\n";
}

std::string ping_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs) {
    std::map<std::pair<std::string, std::string>, const PairResult*> by;
    int sent = 0;
    int received = 0;
    for (const auto& pair : pairs) {
        by[{pair.from, pair.to}] = &pair;
        sent += std::max(pair.result.sent, 1);
        received += pair.result.received;
    }
    std::vector<std::vector<std::string>> rows;
    std::vector<std::string> head{"from \\ to"};
    head.insert(head.end(), hosts.begin(), hosts.end());
    rows.push_back(head);
    for (const auto& from : hosts) {
        std::vector<std::string> row{from};
        for (const auto& to : hosts) {
            const auto found = by.find({from, to});
            if (found == by.end()) {
                row.emplace_back("");
            } else if (found->second->result.received == 0) {
                row.emplace_back("-");
            } else {
                row.push_back(fmt::format("{:.2f}", milliseconds(found->second->result.average)));
            }
        }
        rows.push_back(std::move(row));
    }
    return table(rows) + fmt::format("round-trip times in ms; {} of {} answered, {:.0f}% lost\n", received, sent,
                                     sent == 0 ? 0.0 : 100.0 * (sent - received) / sent);
}

std::string ping_text(const PairResult& pair) {
    const auto& result = pair.result;
    if (pair.address.empty()) { return fmt::format("{} → {}: {}\n", pair.from, pair.to, result.error); }
    if (result.received == 0) {
        return fmt::format("{} → {} ({}): {}\n", pair.from, pair.to, pair.address,
                           result.error.empty() ? fmt::format("no answer to {}", result.sent) : result.error);
    }
    return fmt::format("{} → {} ({}): {} of {} answered, min/avg/max {:.3f}/{:.3f}/{:.3f} ms\n", pair.from, pair.to,
                       pair.address, result.received, result.sent, milliseconds(result.min),
                       milliseconds(result.average), milliseconds(result.max));
}

std::string ping_json(const std::string& lab, const std::vector<PairResult>& pairs) {
    json::array list;
    for (const auto& pair : pairs) {
        json::object one{{"from", pair.from},
                         {"to", pair.to},
                         {"address", pair.address},
                         {"sent", pair.result.sent},
                         {"received", pair.result.received}};
        if (pair.result.received > 0) {
            one["rtt_ms"] = json::object{{"min", milliseconds(pair.result.min)},
                                         {"avg", milliseconds(pair.result.average)},
                                         {"max", milliseconds(pair.result.max)}};
        }
        if (!pair.result.error.empty()) { one["error"] = pair.result.error; }
        list.push_back(std::move(one));
    }
    return json::serialize(json::object{{"lab", lab}, {"pairs", std::move(list)}});
}

}  // namespace warren
