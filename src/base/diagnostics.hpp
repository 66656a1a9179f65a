// What the user wrote wrong: every mistake of a file, with its place and what would be right.
#pragma once

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

// Collects the mistakes of one file; never prints.
class Diagnostics {
public:
    explicit Diagnostics(std::string file) : file_(std::move(file)) {}

    void add(Position position, std::string message, std::string hint = {}) {
        items_.push_back({position, std::move(message), std::move(hint)});
    }
    [[nodiscard]] bool empty() const { return items_.empty(); }
    [[nodiscard]] const std::vector<Diagnostic>& items() const { return items_; }
    [[nodiscard]] const std::string& file() const { return file_; }

    // One line each, sorted by place: "FILE:LINE:COLUMN: MESSAGE; HINT\n".
    [[nodiscard]] std::string text() const;

private:
    std::string file_;
    std::vector<Diagnostic> items_;
};

}  // namespace warren
