// Plans as text and JSON. Called by `up` and `plan`.
#include "views/plan_text.hpp"

#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

struct KindWords {
    const char* name;
    const char* colour;
};

const KindWords& words(Change::Kind kind) {
    static constexpr std::array<KindWords, 4> kWords{
        {{"added", "\033[32m"}, {"removed", "\033[31m"}, {"changed", "\033[33m"}, {"replaced", "\033[35m"}}};
    return kWords.at(static_cast<std::size_t>(kind));
}

}  // namespace

std::string changes_summary(const std::vector<Change>& changes, std::size_t steps) {
    if (steps == 0) { return "nothing to do"; }
    std::array<std::size_t, 4> counts{};
    for (const auto& change : changes) { ++counts.at(static_cast<std::size_t>(change.kind)); }
    std::string kinds;
    std::size_t different = 0;
    for (std::size_t kind = 0; kind < counts.size(); ++kind) {
        if (counts.at(kind) == 0) { continue; }
        ++different;
        kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", counts.at(kind),
                             words(static_cast<Change::Kind>(kind)).name);
    }
    const auto counted = [](std::size_t count, const char* what) {
        return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
    };
    const std::string all = fmt::format("{} in {}", counted(changes.size(), "change"), counted(steps, "step"));
    return different > 1 ? all + ": " + kinds : all;
}

std::string changes_text(const std::vector<Change>& changes, std::size_t steps, bool colour) {
    std::string out;
    for (const auto& change : changes) {
        if (colour) { out += words(change.kind).colour; }
        out += text(change);
        if (colour) { out += "\033[0m"; }
        out += '\n';
    }
    return out + changes_summary(changes, steps) + "\n";
}

std::string changes_json(const std::string& lab, const std::vector<Change>& changes, std::size_t steps) {
    boost::json::array list;
    for (const auto& change : changes) {
        boost::json::object entry{{"kind", words(change.kind).name},
                                  {"object", change.object},
                                  {"attribute", change.attribute},
                                  {"before", change.before},
                                  {"after", change.after}};
        if (!change.note.empty()) { entry["note"] = change.note; }
        list.push_back(std::move(entry));
    }
    return boost::json::serialize(
        boost::json::object{{"lab", lab}, {"steps", steps}, {"changes", std::move(list)}});
}

}  // namespace warren
