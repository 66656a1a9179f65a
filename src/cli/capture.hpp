// Captures as files, pipes and lines: what `capture` and `up --capture` share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "probe/capture.hpp"

namespace warren::cli {

// Where frames go: to a pcapng file, whole after each batch, or as lines to standard output.
class CaptureOutput {
public:
    // FILE "": lines; "-": pcapng to standard output.
    [[nodiscard]] static Result<CaptureOutput> open(const std::string& file);
    // Writes to it until it has written MOST frames (0: no end), STOP is readable, or what is captured is gone.
    [[nodiscard]] Result<void> run(Capture& capture, std::uint64_t most, int stop,
                                   std::optional<std::chrono::steady_clock::time_point> until);
    // "3 packets captured, ..." to stderr.
    void tell(Capture& capture) const;

private:
    [[nodiscard]] Result<void> write(const Capture& capture, const std::vector<CapturedFrame>& frames,
                                     std::size_t count);
    std::string file_;
    Fd fd_;
    std::size_t interfaces_ = 0;  // whose blocks are written
    std::uint64_t written_ = 0;
};

}  // namespace warren::cli
