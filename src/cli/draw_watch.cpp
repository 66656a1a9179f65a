// The loop of draw --watch, and its terminal. Called by draw.cpp.
#include "cli/draw_watch.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/interruption.hpp"
#include "base/signal_fd.hpp"
#include "cli/cli.hpp"

namespace warren::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// One change often comes in several pieces: drawn when they have stopped coming, but not later than.
constexpr milliseconds kQuiet{60};
constexpr milliseconds kLongest{400};

// The screen for ourselves, and keys as they are typed; as it was before when it ends.
class Terminal {
public:
    Terminal() : keys_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (keys_) {
            termios now = before_;
            now.c_lflag &= static_cast<tcflag_t>(~static_cast<tcflag_t>(ICANON | ECHO));
            (void)::tcsetattr(STDIN_FILENO, TCSANOW, &now);
        }
        put("\033[?1049h\033[?25l");
    }
    ~Terminal() {
        put("\033[?25h\033[?1049l");
        if (keys_) { (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    [[nodiscard]] bool keys() const { return keys_; }

    // As much of TEXT as there is room for.
    static void draw(const std::string& text) {
        winsize size{};
        const std::size_t rows =
            ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
        const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
        std::string out = "\033[H";
        std::size_t at = 0;
        for (std::size_t line = 0; line < lines && at < text.size(); ++line) {
            if (line + 1 == rows && lines > rows) {
                out += fmt::format("({} more lines; q ends)", lines - line);
                break;
            }
            const std::size_t end = text.find('\n', at);
            out += text.substr(at, end - at) + "\033[K" + (line + 1 < rows ? "\r\n" : "");
            at = end + 1;
        }
        put(out + "\033[J");
    }

private:
    static void put(const std::string& text) { (void)write_all(STDOUT_FILENO, text, "draw on the terminal"); }
    bool keys_;
    termios before_{};
};

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
            if (!goes_on) { return ended_by_; }
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
            Terminal::draw(text);
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
            pollfd fds[4] = {{watch.fd(), POLLIN, 0},
                             {signals_.fd(), POLLIN, 0},
                             {terminal_ && terminal_->keys() ? STDIN_FILENO : -1, POLLIN, 0},
                             {watch.mounts_fd(), POLLPRI, 0}};
            int time = -1;
            if (begun) {
                const auto left = std::chrono::duration_cast<milliseconds>(*begun + kLongest - Clock::now());
                time = static_cast<int>(std::clamp(left, milliseconds(0), kQuiet).count());
            }
            const int ready = ::poll(fds, 4, time);
            if (ready < 0 && errno != EINTR) { return errno_failure("wait for changes"); }
            if (ready == 0) { return true; }
            if (ready < 0) { continue; }
            if (fds[1].revents != 0) {
                const int signal = signals_.take();
                if (signal == SIGWINCH) {
                    resized_ = true;
                    return true;
                }
                if (signal != 0) {
                    ended_by_ = signal == SIGINT ? 0 : signal;  // Ctrl-C is how a person ends it
                    return false;
                }
            }
            if (fds[2].revents != 0 && quits()) { return false; }
            bool changed = fds[3].revents != 0;
            if (fds[0].revents != 0) {
                WARREN_ASSIGN(const bool news, watch.take());
                changed = changed || news;
            }
            if (changed && !begun) { begun = Clock::now(); }
            if (begun && Clock::now() >= *begun + kLongest) { return true; }
        }
    }

    static bool quits() {
        char key = 0;
        const ssize_t got = ::read(STDIN_FILENO, &key, 1);
        return got == 0 || (got == 1 && (key == 'q' || key == 'Q' || key == '\x04'));
    }

    const std::function<Result<Look>()>& look_;
    SignalFd signals_{SIGINT, SIGTERM, SIGHUP, SIGWINCH};
    std::optional<Terminal> terminal_;
    std::string shown_;
    std::string last_words_;
    bool resized_ = false;
    int ended_by_ = 0;
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
    if (!ended) { return fail(ended.error()); }
    if (!last_words.empty()) { note(last_words); }
    if (*ended != 0) { end_by(*ended); }
    return 0;
}

}  // namespace warren::cli
