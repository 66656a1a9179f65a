// What the user wrote wrong: every mistake of a file, with its place and what would be right.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace warren {

// A place in a text; both count from 1. 0/0: no place (a value made by a program).
struct Position {
    int line = 0;
    int column = 0;
    auto operator<=>(const Position&) const = default;
};

struct Diagnostic {
    Position position;
    std::string message;  // what is wrong
    std::string hint;     // what would be right; may be empty
};

// Collects the mistakes of one file; never prints. Its size is bounded, whatever the file holds: of more than
// kMost mistakes it keeps the first, and texts are cut to kLongest bytes.
class Diagnostics {
public:
    static constexpr std::size_t kMost = 1000;
    static constexpr std::size_t kLongest = 500;

    explicit Diagnostics(std::string file) : file_(std::move(file)) {}

    // Control characters in the texts, which a terminal would obey, are shown as \xNN.
    void add(Position position, const std::string& message, const std::string& hint = {});
    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] bool full() const { return items_.size() >= kMost; }
    [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }
    [[nodiscard]] const std::string& file() const { return file_; }

    // One line each, sorted by place: "FILE:LINE:COLUMN: MESSAGE; HINT\n". Where some were not kept, a last line
    // says so.
    [[nodiscard]] std::string text() const;

private:
    std::string file_;
    std::vector<Diagnostic> items_;
    bool more_ = false;
};

}  // namespace warren
