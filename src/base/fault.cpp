// Crash points; see fault.hpp. Called from where something outside the program changes.
#include "base/fault.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/fd.hpp"

namespace warren::fault {
namespace {

struct Armed {
    std::string point;
    unsigned at = 1;
    std::string action;
    int value = 0;  // errno, ms
};

int number(std::string_view text) {
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::vector<Armed> parse(std::string_view text) {
    std::vector<Armed> all;
    while (!text.empty()) {
        const std::string_view one = text.substr(0, text.find(','));
        text.remove_prefix(std::min(one.size() + 1, text.size()));
        const std::size_t colon = one.find(':');
        if (colon == std::string_view::npos) { continue; }
        std::string_view place = one.substr(0, colon);
        std::string_view action = one.substr(colon + 1);
        Armed armed;
        if (const std::size_t hash = place.find('#'); hash != std::string_view::npos) {
            armed.at = static_cast<unsigned>(number(place.substr(hash + 1)));
            place = place.substr(0, hash);
        }
        if (const std::size_t equals = action.find('='); equals != std::string_view::npos) {
            armed.value = number(action.substr(equals + 1));
            action = action.substr(0, equals);
        }
        armed.point = place;
        armed.action = action;
        all.push_back(std::move(armed));
    }
    return all;
}

// Threads that make namespaces come here too.
struct Faults {
    std::mutex mutex;
    std::string prefix;
    std::vector<Armed> armed;
    std::map<std::string, unsigned, std::less<>> reached;
    std::string log;

    Faults() {
        if (const char* text = std::getenv("WARREN_FAULT")) { armed = parse(text); }
        if (const char* path = std::getenv("WARREN_FAULT_LOG")) { log = path; }
    }
    [[nodiscard]] bool watching() const { return !armed.empty() || !log.empty(); }
};

Faults& faults() {
    static Faults all;
    return all;
}

}  // namespace

void set_prefix(std::string prefix) { faults().prefix = std::move(prefix); }

bool armed() { return faults().watching(); }

bool due(std::string_view name, std::string_view detail) {
    Faults& all = faults();
    if (!all.watching()) { return false; }
    const std::lock_guard guard(all.mutex);
    const std::string full = all.prefix + std::string(name);
    const unsigned count = ++all.reached[full];
    if (!all.log.empty()) {
        const std::string line = full + " " + std::string(detail) + "\n";
        if (auto fd = open_file(all.log, O_WRONLY | O_CREAT | O_APPEND, 0600)) {
            (void)write_all(fd->get(), line, all.log);
        }
    }
    return std::any_of(all.armed.begin(), all.armed.end(),
                       [&](const Armed& armed) { return armed.point == full && armed.at == count; });
}

Result<void> act(std::string_view name) {
    Faults& all = faults();
    const std::string full = all.prefix + std::string(name);
    const auto armed = std::find_if(all.armed.begin(), all.armed.end(), [&](const Armed& candidate) {
        return candidate.point == full && candidate.at == all.reached[full];
    });
    if (armed == all.armed.end()) { return {}; }
    if (armed->action == "kill") { ::kill(::getpid(), SIGKILL); }
    if (armed->action == "stop") { ::kill(::getpid(), SIGSTOP); }
    if (armed->action == "delay") { ::poll(nullptr, 0, armed->value); }
    if (armed->action == "error") {
        return errno_failure(armed->value, "go on at " + full, "WARREN_FAULT asked for it");
    }
    return {};
}

Result<void> point(std::string_view name, std::string_view detail) {
    if (!due(name, detail)) { return {}; }
    return act(name);
}

std::vector<std::string> points() {
    // Of this list a test knows which points there are: who adds one adds it here.
    return {
        "after-forget",    // down: the lab's directory has gone, the machine's own directories not yet
        "before-forget",   // down: all is removed, the lab's directory not yet
        "clean-found",     // clean: leftovers are found, and all there
        "file-before",     // a record is to be written
        "file-done",       // a record is replaced
        "file-temporary",  // a record is written beside the one that it will replace
        "keeper-file-before",
        "keeper-file-done",
        "keeper-file-temporary",
        "keeper-process-spawned",  // a process runs that no record names yet
        "links-made",              // links are there without their marks
        "links-named",             // links have their marks, and are down
        "namespace-named",         // a namespace has its name, and no mark
        "namespace-attached",      // one that is somebody else's has a name of the lab's, and no mark
        "namespace-left",          // the same on the way back
        "ovs-committed",           // the database has the rows, vswitchd has not been waited for
        "ovs-database",            // ovsdb-server runs, vswitchd does not
        "ovs-stopped",             // both have ended, their directory is there
    };
}

}  // namespace warren::fault
