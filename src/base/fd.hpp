// Owners of file descriptors, and the small file helpers built on them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace warren {

// Owns one file descriptor; closes it once. Not convertible to int: say .get().
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset();

private:
    int fd_ = -1;
};

// All of these open with O_CLOEXEC.
[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags, unsigned mode = 0600);
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = 64U << 20U);
// Writes PATH.tmp, syncs nothing (state under /run dies with the machine), renames over PATH.
[[nodiscard]] Result<void> write_file_atomic(const std::string& path, std::string_view content,
                                             unsigned mode = 0600);
[[nodiscard]] Result<void> write_all(int fd, std::string_view content, const std::string& what);
// mkdir -p; directories that it makes get MODE; success where it was there.
[[nodiscard]] Result<void> make_directories(const std::string& path, unsigned mode = 0755);
// rm -r of a directory that is ours, never following a symlink; success where nothing was there.
[[nodiscard]] Result<void> remove_tree(const std::string& path);
[[nodiscard]] bool path_exists(const std::string& path);  // lstat: a dangling symlink exists

}  // namespace warren
