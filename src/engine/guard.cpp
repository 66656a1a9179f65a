// Guards of unconfirmed changes; see guard.hpp. Called by engine.cpp and by `warren guard`.
#include "engine/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.hpp"

namespace warren {

Result<std::optional<Unconfirmed>> start_guard(const Site& site, const std::string& lab,
                                               const std::optional<Record>& before, std::chrono::seconds time) {
    const auto self = process_id(::getpid());
    if (!self) { return failure("start the guard of lab " + lab, "/proc does not show this process"); }
    const std::string directory = lab_directory(site, lab);
    WARREN_ASSIGN(const Fd log, open_file(directory + "/guard.log", O_WRONLY | O_CREAT | O_APPEND, 0600));
    SpawnOptions options;
    options.command = {site.warren,
                       "guard",
                       directory,
                       lab,
                       fmt::format("{}", time.count()),
                       fmt::format("{}", self->pid),
                       fmt::format("{}", self->start)};
    options.directory = std::string("/");  // g++ 12 sees an overflow in the assignment of a literal
    options.stdout_fd = log.get();
    options.stderr_fd = log.get();
    options.new_session = true;
    WARREN_ASSIGN(const Child child, spawn(options));
    const auto id = process_id(child.pid);
    if (!id) {
        return failure("start the guard of lab " + lab, "it ended at once", "see " + directory + "/guard.log");
    }
    Unconfirmed unconfirmed;
    if (before && before->unconfirmed) {
        unconfirmed = *before->unconfirmed;
    } else if (before) {
        unconfirmed.text = before->text;
        unconfirmed.file = before->file;
    }
    unconfirmed.guard = *id;
    return std::optional(unconfirmed);
}

void end_guard(const std::optional<Unconfirmed>& unconfirmed) {
    if (!unconfirmed || unconfirmed->guard.pid == ::getpid()) { return; }
    auto fd = open_process(unconfirmed->guard);
    if (fd) { (void)end_process(fd->get(), std::chrono::seconds(2), "the guard of an unconfirmed change"); }
}

void wait_as_guard(const ProcessId& parent, std::chrono::seconds time) {
    if (auto fd = open_process(parent)) {
        pollfd gone{fd->get(), POLLIN, 0};
        while (::poll(&gone, 1, -1) < 0) {}
    }
    const auto until = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
        if (left.count() <= 0) { return; }
        (void)::poll(nullptr, 0, static_cast<int>(left.count()));
    }
}

}  // namespace warren
