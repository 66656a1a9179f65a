// The terminal of a live view. Called by draw_watch.cpp and top.cpp.
#include "cli/screen.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace warren::cli {
namespace {

void put(const std::string& text) { (void)write_all(STDOUT_FILENO, text, "draw on the terminal"); }

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

bool quit_typed() {
    char key = 0;
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    return got == 0 || (got == 1 && (key == 'q' || key == 'Q' || key == '\x04'));
}

}  // namespace warren::cli
