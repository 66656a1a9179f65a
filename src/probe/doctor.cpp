// Tries what labs need. Called by `warren doctor`.
//
// What is tried runs in a child process of its own: process 1 of a process namespace, with mounts and a network of its
// own, so that whatever a trial starts or makes goes when it ends. Its end is tied to ours.
#include "probe/doctor.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "probe/doctor_trials.hpp"
#include "probe/namespaces.hpp"

namespace warren {
namespace probe {

Seen works(std::string detail, std::string more) { return {true, std::move(detail), std::move(more)}; }
Seen works_not(std::string detail, std::string cure) { return {false, std::move(detail), std::move(cure)}; }
Seen unknown(std::string detail) { return {std::nullopt, std::move(detail)}; }

Seen seen(const Result<std::string>& result) {
    if (result) { return works(*result); }
    const Error& error = result.error();
    return works_not(error.reason.empty() && error.code != 0 ? errno_text(error.code)
                     : error.reason.empty()                  ? error.message()
                                                             : error.reason);
}

}  // namespace probe

namespace {

using probe::Seen;
using probe::Trials;
namespace json = boost::json;

constexpr const char* kDirectory = "/run";  // becomes a file system of the doctor's own
constexpr std::chrono::seconds kPatience{30};

// To the parent, a line each: [NUMBER, WORKS, DETAIL, CURE]; number -1: why nothing can be tried.
class Reporter {
public:
    explicit Reporter(Fd fd) : fd_(std::move(fd)) {}
    void tell(int number, const Seen& seen) {
        json::array line;
        line.emplace_back(number);
        line.push_back(seen.works ? json::value(*seen.works) : json::value(nullptr));
        line.emplace_back(seen.detail);
        line.emplace_back(seen.cure);
        const std::lock_guard lock(mutex_);
        (void)write_all(fd_.get(), json::serialize(line) + "\n", "the parent");
    }

private:
    Fd fd_;
    std::mutex mutex_;
};

bool write_map(const char* path, const std::string& text) {
    const auto file = open_file(path, O_WRONLY);
    return file && write_all(file->get(), text, path).has_value();
}

// Namespaces of the calling process' own; what failed, or null.
const char* seclude(bool plain_user) {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    const int own = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC;
    if (::unshare(own | (plain_user ? CLONE_NEWUSER : 0)) != 0) { return "make namespaces"; }
    if (plain_user && !(write_map("/proc/self/setgroups", "deny") &&
                        write_map("/proc/self/uid_map", fmt::format("0 {} 1", user)) &&
                        write_map("/proc/self/gid_map", fmt::format("0 {} 1", group)))) {
        return "become root of a user namespace";
    }
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) { return "make the mounts private"; }
    return nullptr;
}

const char* mount_own() {
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) { return "mount /proc"; }
    if (::mount("tmpfs", kDirectory, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") != 0) { return "mount a tmpfs"; }
    return nullptr;
}

// Tied to the parent's life: true in the child.
bool fork_tied(pid_t& child) {
    const pid_t parent = ::getpid();
    child = ::fork();
    if (child != 0) { return false; }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // 0: the parent is in the process namespace above.
    if (::getppid() != parent && ::getppid() != 0) { ::_exit(1); }
    return true;
}

// For want of rights, which root may have.
bool is_refusal(const std::string& detail) {
    return detail.find(errno_text(EPERM)) != std::string::npos ||
           detail.find(errno_text(EACCES)) != std::string::npos;
}

void attempt_inside(const Trials& trials, bool plain_user, Reporter& reporter) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (!trials[i].inside) { continue; }
        threads.emplace_back([&, i] {
            Seen seen = trials[i].attempt();
            if (plain_user && seen.works == false && is_refusal(seen.detail)) {
                seen = probe::unknown("not as a plain user: " + seen.detail);
            }
            reporter.tell(static_cast<int>(i), seen);
        });
    }
}

[[noreturn]] void be_laboratory(const Trials& trials, bool plain_user, Fd out) {
    Reporter reporter(std::move(out));
    const auto give_up = [&](const char* stage) {
        const std::string why = errno_text(errno);
        reporter.tell(-1, probe::works_not(fmt::format("cannot {}: {}", stage, why)));
        ::_exit(1);
    };
    if (const char* stage = seclude(plain_user)) { give_up(stage); }
    pid_t first = 0;
    if (!fork_tied(first)) {
        if (first < 0) { give_up("fork"); }
        while (::waitpid(first, nullptr, 0) < 0 && errno == EINTR) {}
        ::_exit(0);
    }
    if (const char* stage = mount_own()) { give_up(stage); }
    attempt_inside(trials, plain_user, reporter);
    ::_exit(0);  // ends whatever the trials have started
}

// A child process with the trials, and the pipe on which it tells.
struct Laboratory {
    pid_t pid = -1;
    Fd results;
};

Result<Laboratory> open_laboratory(const Trials& trials, bool plain_user) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { return errno_failure("make a pipe"); }
    Laboratory laboratory;
    laboratory.results = Fd(ends[0]);
    Fd out(ends[1]);
    if (fork_tied(laboratory.pid)) {
        laboratory.results.reset();
        be_laboratory(trials, plain_user, std::move(out));
    }
    if (laboratory.pid < 0) { return errno_failure("fork"); }
    return laboratory;
}

// Reads until it has ended, or kPatience; ends it. A trial that told nothing stays as it is in RESULTS; returned is why
// none could be made, or "".
std::string read_results(Laboratory laboratory, std::vector<Seen>& results) {
    const auto deadline = probe::Clock::now() + kPatience;
    std::string text;
    char buffer[4096];
    for (;;) {
        pollfd entry{laboratory.results.get(), POLLIN, 0};
        const int ready = ::poll(&entry, 1, probe::milliseconds_until(deadline));
        if (ready < 0 && errno == EINTR) { continue; }
        const ssize_t got = ready > 0 ? ::read(laboratory.results.get(), buffer, sizeof buffer) : 0;
        if (got <= 0) { break; }
        text.append(buffer, static_cast<std::size_t>(got));
    }
    ::kill(laboratory.pid, SIGKILL);  // our own child, not waited for yet
    while (::waitpid(laboratory.pid, nullptr, 0) < 0 && errno == EINTR) {}
    std::string why;
    for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        json::error_code error;
        const auto line = json::parse(text.substr(at, end - at), error);
        if (error || !line.is_array() || line.get_array().size() != 4) { continue; }
        const auto& values = line.get_array();
        const Seen seen{values[1].is_bool() ? std::optional(values[1].get_bool()) : std::nullopt,
                        std::string(values[2].as_string()), std::string(values[3].as_string())};
        const auto number = values[0].to_number<std::int64_t>();
        if (number < 0) { why = seen.detail; }
        if (number >= 0 && static_cast<std::size_t>(number) < results.size()) {
            results[static_cast<std::size_t>(number)] = seen;
        }
    }
    return why;
}

Finding finding_of(const probe::Trial& trial, const Seen& seen) {
    Finding finding;
    finding.group = trial.group;
    finding.name = trial.name;
    finding.essential = trial.essential;
    finding.works = seen.works;
    finding.detail = seen.detail;
    finding.cure = seen.cure;
    if (seen.works == false) {
        finding.blocks = trial.blocks;
        if (finding.cure.empty()) { finding.cure = trial.cure; }
    }
    return finding;
}

}  // namespace

std::vector<Finding> examine_machine(const Site& site) {
    probe::Surroundings around;
    around.site = site;
    around.directory = kDirectory;
    around.plain_user = ::geteuid() != 0;
    around.pid = ::getpid();
    Trials trials;
    probe::add_system_trials(trials, around);
    probe::add_link_trials(trials);
    probe::add_switch_trials(trials, around);
    probe::add_queue_trials(trials);
    probe::add_service_trials(trials, around);
    probe::add_limit_trials(trials);

    std::vector<Seen> results(trials.size(), probe::unknown("the trial did not end"));
    auto laboratory = open_laboratory(trials, around.plain_user);
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (!trials[i].inside) { results[i] = trials[i].attempt(); }
    }
    const std::string why =
        laboratory ? read_results(std::move(*laboratory), results) : laboratory.error().message();
    std::vector<Finding> findings;
    for (std::size_t i = 0; i < trials.size(); ++i) {
        if (trials[i].inside && !why.empty()) { results[i] = probe::unknown("not tried: " + why); }
        if (trials[i].inside && !why.empty() && trials[i].essential && !around.plain_user) {
            results[i].works = false;
        }
        findings.push_back(finding_of(trials[i], results[i]));
    }
    return findings;
}

bool fit(const std::vector<Finding>& findings) {
    return std::none_of(findings.begin(), findings.end(),
                        [](const Finding& finding) { return finding.essential && finding.works == false; });
}

}  // namespace warren
