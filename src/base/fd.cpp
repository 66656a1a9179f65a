// File descriptors and files. Called by every floor that touches the file system.
#include "base/fd.hpp"

#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.hpp"

namespace warren {

void Fd::reset() {
    if (fd_ >= 0) { ::close(std::exchange(fd_, -1)); }
}

Result<Fd> open_file(const std::string& path, int flags, unsigned mode) {
    int fd = -1;
    do { fd = ::open(path.c_str(), flags | O_CLOEXEC, mode); } while (fd < 0 && errno == EINTR);
    if (fd < 0) { return errno_failure("open " + path); }
    return Fd(fd);
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    WARREN_ASSIGN(Fd fd, open_file(path, O_RDONLY));
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
        if (n < 0) {
            if (errno == EINTR) { continue; }
            return errno_failure("read " + path);
        }
        if (n == 0) { return content; }
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > limit) {
            return failure("read " + path, "larger than " + std::to_string(limit) + " bytes");
        }
    }
}

Result<void> write_all(int fd, std::string_view content, const std::string& what) {
    while (!content.empty()) {
        const ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0) {
            if (errno == EINTR) { continue; }
            return errno_failure("write " + what);
        }
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<void> write_file_atomic(const std::string& path, std::string_view content, unsigned mode) {
    const std::string temporary = path + ".tmp";
    WARREN_TRY(fault::point("file-before", path));
    {
        WARREN_ASSIGN(Fd fd, open_file(temporary, O_WRONLY | O_CREAT | O_TRUNC, mode));
        if (auto written = write_all(fd.get(), content, path); !written) {
            ::unlink(temporary.c_str());
            return written;
        }
    }
    if (auto fault = fault::point("file-temporary", path); !fault) {
        ::unlink(temporary.c_str());
        return fault;
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int code = errno;
        ::unlink(temporary.c_str());
        return errno_failure(code, "write " + path);
    }
    return fault::point("file-done", path);
}

Result<void> make_directories(const std::string& path, unsigned mode) {
    for (std::size_t end = 1; end != std::string::npos;) {
        end = path.find('/', end + 1);
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) { return errno_failure("make directory " + part); }
    }
    return {};
}

Result<void> remove_tree(const std::string& path) {
    std::error_code code;
    std::filesystem::remove_all(path, code);
    if (code) { return errno_failure(code.value(), "remove " + path); }
    return {};
}

bool path_exists(const std::string& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace warren
