// What live views share: a terminal taken over, as it was before when that ends, and what they wait for.
#pragma once

#include <optional>
#include <string>

#include <termios.h>

#include "base/error.hpp"
#include "base/signal_fd.hpp"
#include "engine/watch.hpp"

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

// Changes of what is watched, and what ends a view: q, Ctrl-D, the end of the input, SIGINT, SIGTERM, SIGHUP.
class LiveEvents {
public:
    enum class Event {
        time_out,
        none,     // a system call was interrupted
        resized,  // the terminal
        change,
        end,
    };
    // Waits TIMEOUT milliseconds at most, -1 for ever. SCREEN: its keys count, where there is one.
    [[nodiscard]] Result<Event> wait(Watch& watch, const std::optional<Screen>& screen, int timeout);
    // The signal that ended the view; 0: a key did, or Ctrl-C, which is how a person ends it.
    [[nodiscard]] int ended_by() const { return ended_by_; }

private:
    SignalFd signals_{SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    int ended_by_ = 0;
};

// When the terminal is as it was: says LAST_WORDS, and ends as ENDED says: an error, or the signal that ended the view.
[[nodiscard]] int end_view(const Result<int>& ended, const std::string& last_words);

}  // namespace warren::cli
