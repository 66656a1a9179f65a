// The text of a file's mistakes. Called by the command line for a wrong lab file.
#include "base/diagnostics.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren {

std::string Diagnostics::text() const {
    std::vector<Diagnostic> sorted = items_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.position < b.position; });
    std::string out;
    for (const auto& item : sorted) {
        out += fmt::format("{}:{}:{}: {}", file_, item.position.line, item.position.column, item.message);
        if (!item.hint.empty()) { out += "; " + item.hint; }
        out += '\n';
    }
    return out;
}

}  // namespace warren
