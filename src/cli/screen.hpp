// A terminal taken over by a live view, as it was before when that ends.
#pragma once

#include <string>

#include <termios.h>

namespace warren::cli {

// Of stdout, which is a terminal: its other screen, without a cursor; and keys of stdin as they are typed.
class Screen {
public:
    Screen();
    ~Screen();
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;

    // Whether stdin is a terminal too.
    [[nodiscard]] bool keys() const { return keys_; }

    // As many lines of TEXT as there is room for, in place of what is there.
    static void draw(const std::string& text);

private:
    bool keys_;
    termios before_{};
};

// Reads a key that is there; whether it ends a view: q, Ctrl-D, or the end of the input.
[[nodiscard]] bool quit_typed();

}  // namespace warren::cli
