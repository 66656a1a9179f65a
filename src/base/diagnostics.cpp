// The text of a file's mistakes. Called by the command line for a wrong lab file.
#include "base/diagnostics.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren {
namespace {

// TEXT, which is UTF-8, as a terminal can show it.
std::string shown(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool inside = (byte & 0xc0U) == 0x80U;  // of a character's sequence, which is not cut
        if (out.size() >= Diagnostics::kLongest && !inside) { return out + "..."; }
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
            out += fmt::format("\\x{:02x}", next);
            ++i;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += text[i];
        }
    }
    return out;
}

}  // namespace

void Diagnostics::add(Position position, const std::string& message, const std::string& hint) {
    if (full()) {
        more_ = true;
        return;
    }
    items_.push_back({position, shown(message), shown(hint)});
}

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
    if (more_) { out += fmt::format("{}: more mistakes than these {}\n", file_, items_.size()); }
    return out;
}

}  // namespace warren
