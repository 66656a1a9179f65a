// Reports. Called by `check`.
#include "views/report.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;

constexpr const char* kGreen = "\033[32m";
constexpr const char* kRed = "\033[31m";

std::string coloured(const std::string& text, const char* colour, bool on) {
    return on ? colour + text + "\033[0m" : text;
}

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

}  // namespace warren
