// The loop of draw --watch. Called by draw.cpp.
#include "cli/draw_watch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include "cli/cli.hpp"
#include "cli/screen.hpp"

namespace warren::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// One change often comes in several pieces: drawn when they have stopped coming, but not later than.
constexpr milliseconds kQuiet{60};
constexpr milliseconds kLongest{400};

class Watcher {
public:
    explicit Watcher(const std::function<Result<Look>()>& look) : look_(look) {
        if (stdout_is_terminal()) { terminal_.emplace(); }
    }

    // The signal that ended it; 0: none did.
    Result<int> run() {
        WARREN_ASSIGN(Watch watch, Watch::make());
        bool first = true;
        for (;;) {
            const auto over = refresh(watch, first);
            if (!over || *over) { return over ? Result<int>(0) : tl::unexpected(over.error()); }
            first = false;
            WARREN_ASSIGN(const bool goes_on, wait_for_change(watch));
            if (!goes_on) { return events_.ended_by(); }
        }
    }
    // Said when the terminal is as it was.
    [[nodiscard]] const std::string& last_words() const { return last_words_; }

private:
    // Looks, until all that was looked at was being watched before. True: it is over.
    Result<bool> refresh(Watch& watch, bool first) {
        for (bool again = true; again;) {
            const auto now = look_();
            if (!now) {
                // In the middle of a change, which is not the last one then.
                if (first) { return tl::unexpected(now.error()); }
                return false;
            }
            if (now->over) {
                last_words_ = now->text;
                return true;
            }
            WARREN_ASSIGN(again, watch.follow(now->things));
            if (!again) { draw(now->text); }
        }
        return false;
    }

    void draw(const std::string& text) {
        if (text == shown_ && !resized_) { return; }
        if (terminal_) {
            Screen::draw(text);
        } else {
            fmt::print("{}{}", shown_.empty() ? "" : "\n", text);
            std::fflush(stdout);
        }
        shown_ = text;
        resized_ = false;
    }

    // False: it is to end.
    Result<bool> wait_for_change(Watch& watch) {
        std::optional<Clock::time_point> begun;  // the first piece of a change
        for (;;) {
            int time = -1;
            if (begun) {
                const auto left = std::chrono::duration_cast<milliseconds>(*begun + kLongest - Clock::now());
                time = static_cast<int>(std::clamp(left, milliseconds(0), kQuiet).count());
            }
            WARREN_ASSIGN(const auto event, events_.wait(watch, terminal_, time));
            if (event == LiveEvents::Event::end) { return false; }
            if (event == LiveEvents::Event::time_out) { return true; }
            if (event == LiveEvents::Event::resized) {
                resized_ = true;
                return true;
            }
            if (event == LiveEvents::Event::change && !begun) { begun = Clock::now(); }
            if (begun && Clock::now() >= *begun + kLongest) { return true; }
        }
    }

    const std::function<Result<Look>()>& look_;
    LiveEvents events_;
    std::optional<Screen> terminal_;
    std::string shown_;
    std::string last_words_;
    bool resized_ = false;
};

}  // namespace

int keep_drawing(const std::function<Result<Look>()>& look) {
    Result<int> ended = 0;
    std::string last_words;
    {
        Watcher watcher(look);
        ended = watcher.run();
        last_words = watcher.last_words();
    }
    return end_view(ended, last_words);
}

}  // namespace warren::cli
