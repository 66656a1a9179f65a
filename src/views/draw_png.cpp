// The picture as PNG: the SVG, given to librsvg's own program. A library would be loaded at each start of the
// program or have to be opened by name; this one runs when a PNG is asked for. Called by `warren draw`.
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "views/draw.hpp"
#include "views/draw_scene.hpp"

namespace warren {
namespace {

constexpr int kMostPixels = 32000;  // cairo's limit is 32767 each way
constexpr std::chrono::seconds kTime{60};

Result<Fd> in_memory(const std::string& text) {
    const std::string what = "hold the picture in memory";
    Fd fd(::memfd_create("warren-picture", MFD_CLOEXEC));
    if (!fd.valid()) { return errno_failure(what); }
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(fd.get(), text.data() + done, text.size() - done);
        if (wrote < 0) { return errno_failure(what); }
        done += static_cast<std::size_t>(wrote);
    }
    if (::lseek(fd.get(), 0, SEEK_SET) < 0) { return errno_failure(what); }
    return fd;
}

}  // namespace

Result<std::string> draw_png(const Models& models, Theme theme) {
    const std::string what = "make a PNG picture";
    const std::string program = find_program("rsvg-convert");
    if (program.empty()) {
        return lacking_failure(what, "rsvg-convert is not installed",
                               "apt-get install librsvg2-bin; SVG needs nothing: draw -o FILE.svg");
    }
    const drawing::Scene scene = drawing::make_scene(models);
    const int most = std::max(scene.width, scene.height);
    if (most > kMostPixels) {
        return failure(what, fmt::format("it would be {} x {} pixels", scene.width, scene.height),
                       "draw it as SVG: draw -o FILE.svg");
    }
    const char* zoom = 2 * most <= kMostPixels ? "2" : "1";
    WARREN_ASSIGN(const Fd svg, in_memory(draw_svg(models, theme == Theme::automatic ? Theme::light : theme)));
    SpawnOptions options;
    options.command = {program, "--format", "png", "--zoom", zoom, "--unlimited"};
    options.stdin_fd = svg.get();
    WARREN_ASSIGN(Output output, run(options, kTime));
    if (!output.exited.success()) {
        return failure(what, "rsvg-convert: " + (output.err.empty() ? output.exited.text() : output.err));
    }
    return std::move(output.out);
}

}  // namespace warren
