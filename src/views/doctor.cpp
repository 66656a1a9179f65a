// The doctor's report. Called by the verb of that name.
#include "views/doctor.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;

constexpr std::size_t kWidth = 80;
constexpr const char* kBold = "\033[1m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kRed = "\033[31m";
constexpr const char* kYellow = "\033[33m";

std::string coloured(const std::string& text, const char* colour, bool on) {
    return on ? colour + text + "\033[0m" : text;
}

}  // namespace

std::string paragraph(const std::string& first, std::size_t indent, const std::string& text) {
    std::string out = first;
    std::size_t column = indent;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        const std::string word = text.substr(at, end - at);
        at = end + 1;
        if (column > indent && column + 1 + word.size() > kWidth) {
            out += "\n" + std::string(indent, ' ');
            column = indent;
        }
        if (column > indent) {
            out += ' ';
            ++column;
        }
        out += word;
        column += word.size();
    }
    return out + "\n";
}

std::string doctor_text(const std::vector<Finding>& findings, bool colour) {
    std::size_t names = 0;
    for (const auto& finding : findings) { names = std::max(names, finding.name.size()); }
    const std::size_t indent = 6 + names + 2;
    std::string out;
    std::string group;
    std::size_t counts[3]{};
    for (const auto& finding : findings) {
        if (finding.group != group) {
            out += (out.empty() ? "" : "\n") + coloured(finding.group, kBold, colour) + "\n";
            group = finding.group;
        }
        ++counts[!finding.works ? 2 : *finding.works ? 0 : 1];
        const std::string mark = !finding.works   ? coloured("?", kYellow, colour) + " "
                                 : *finding.works ? coloured("ok", kGreen, colour)
                                                  : coloured("no", kRed, colour);
        out += paragraph(fmt::format("  {}  {:<{}}  ", mark, finding.name, names), indent, finding.detail);
        if (!finding.blocks.empty()) { out += paragraph("      blocks: ", 14, finding.blocks); }
        if (!finding.cure.empty()) {
            out += paragraph(finding.works == true ? "      more:   " : "      cure:   ", 14, finding.cure);
        }
    }
    return out + fmt::format("\n{} of {} work, {} do not, {} could not be told\n", counts[0], findings.size(),
                             counts[1], counts[2]);
}

std::string doctor_json(const std::vector<Finding>& findings) {
    json::array list;
    for (const auto& finding : findings) {
        list.push_back(json::object{{"group", finding.group},
                                    {"name", finding.name},
                                    {"works", finding.works ? json::value(*finding.works) : json::value(nullptr)},
                                    {"essential", finding.essential},
                                    {"detail", finding.detail},
                                    {"blocks", finding.blocks},
                                    {"cure", finding.cure}});
    }
    return json::serialize(json::object{{"findings", std::move(list)}, {"fit", fit(findings)}});
}

}  // namespace warren
