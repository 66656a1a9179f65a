// Sysctls. Called by observe and apply in a thread that has entered the namespace.
#include "engine/sysctl.hpp"

#include <cerrno>

#include <fcntl.h>

#include "base/fd.hpp"

namespace warren {

std::string sysctl_path(const std::string& key) {
    std::string path = "/proc/sys/";
    for (const char c : key) { path += c == '.' ? '/' : c == '/' ? '.' : c; }
    return path;
}

Result<std::string> read_sysctl(const std::string& key) {
    WARREN_ASSIGN(const std::string content, read_file(sysctl_path(key)));
    std::string value;
    for (const char c : content) {
        if (c != ' ' && c != '\t' && c != '\n') {
            value += c;
        } else if (!value.empty() && value.back() != ' ') {
            value += ' ';
        }
    }
    if (value.ends_with(' ')) { value.pop_back(); }
    return value;
}

Result<void> write_sysctl(const std::string& key, const std::string& value) {
    const std::string attempt = "set sysctl " + key + " to " + value;
    auto file = open_file(sysctl_path(key), O_WRONLY);
    if (!file) {
        return errno_failure(
            file.error().code, attempt,
            file.error().code == ENOENT ? "this kernel has no such sysctl in a network namespace" : "");
    }
    if (auto written = write_all(file->get(), value, key); !written) {
        return errno_failure(written.error().code, attempt);
    }
    return {};
}

}  // namespace warren
