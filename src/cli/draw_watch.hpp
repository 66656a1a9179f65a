// draw --watch: a text drawn again as what it shows changes.
#pragma once

#include <functional>
#include <string>

#include "base/error.hpp"
#include "engine/watch.hpp"

namespace warren::cli {

// What is there now, as text, and what it is made of.
struct Look {
    std::string text;
    WatchedThings things;
    bool over = false;  // there is nothing more to look at; TEXT says why
};

// Draws what LOOK gives, and again after each change that alters it, until Ctrl-C or `q`, or until it is over. On a
// terminal in place; else each one after a blank line. The exit status.
[[nodiscard]] int keep_drawing(const std::function<Result<Look>()>& look);

}  // namespace warren::cli
