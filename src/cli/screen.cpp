// The terminal and the events of a live view. Called by draw_watch.cpp and top.cpp.
#include "cli/screen.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "base/interruption.hpp"
#include "cli/cli.hpp"

namespace warren::cli {
namespace {

void put(const std::string& text) { (void)write_all(STDOUT_FILENO, text, "draw on the terminal"); }

// Reads a key that is there; whether it ends a view.
bool quit_typed() {
    char key = 0;
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    return got == 0 || (got == 1 && (key == 'q' || key == 'Q' || key == '\x04'));
}

}  // namespace

Screen::Screen() : keys_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (keys_) {
        termios now = before_;
        now.c_lflag &= static_cast<tcflag_t>(~static_cast<tcflag_t>(ICANON | ECHO));
        (void)::tcsetattr(STDIN_FILENO, TCSANOW, &now);
    }
    put("\033[?1049h\033[?25l");
}

Screen::~Screen() {
    put("\033[?25h\033[?1049l");
    if (keys_) { (void)::tcsetattr(STDIN_FILENO, TCSANOW, &before_); }
}

void Screen::draw(const std::string& text) {
    winsize size{};
    const std::size_t rows = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row : 24;
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

Result<LiveEvents::Event> LiveEvents::wait(Watch& watch, const std::optional<Screen>& screen, int timeout) {
    pollfd fds[4] = {{watch.fd(), POLLIN, 0},
                     {signals_.fd(), POLLIN, 0},
                     {screen && screen->keys() ? STDIN_FILENO : -1, POLLIN, 0},
                     {watch.mounts_fd(), POLLPRI, 0}};
    const int ready = ::poll(fds, 4, timeout);
    if (ready < 0 && errno != EINTR) { return errno_failure("wait for changes"); }
    if (ready <= 0) { return ready == 0 ? Event::time_out : Event::none; }
    if (fds[1].revents != 0) {
        const int signal = signals_.take();
        if (signal == SIGWINCH) { return Event::resized; }
        if (signal != 0) {
            ended_by_ = signal == SIGINT ? 0 : signal;
            return Event::end;
        }
    }
    if (fds[2].revents != 0 && quit_typed()) { return Event::end; }
    bool changed = fds[3].revents != 0;
    if (fds[0].revents != 0) {
        WARREN_ASSIGN(const bool news, watch.take());
        changed = changed || news;
    }
    return changed ? Event::change : Event::none;
}

int end_view(const Result<int>& ended, const std::string& last_words) {
    if (!ended) { return fail(ended.error()); }
    if (!last_words.empty()) { note(last_words); }
    if (*ended != 0) { end_by(*ended); }
    return 0;
}

}  // namespace warren::cli
