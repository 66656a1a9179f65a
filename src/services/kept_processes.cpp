// Following, restarting and ending a lab's processes. Called by the keeper's loop.
#include "services/kept_processes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdio>
#include <optional>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fault.hpp"
#include "linux/netns.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kReadyTime{10'000};
constexpr milliseconds kGrace{2'000};
// A death earlier than this after the start counts for the backoff. What lives longer is started again at once however
// often it dies: something else ends it, and a start a second costs little.
constexpr milliseconds kSoon{1'000};
constexpr milliseconds kFirstBackoff{100};
constexpr milliseconds kLongestBackoff{10'000};
constexpr off_t kLogLimit = 1 << 20;

milliseconds backoff(unsigned failures) {
    if (failures == 0) { return milliseconds(0); }
    return std::min<milliseconds>(kFirstBackoff * (1LL << std::min(failures - 1, 20U)), kLongestBackoff);
}

std::string pid_file_of(const Process& process) {
    constexpr std::string_view kFlag = "--pid-file=";
    if (process.role != ProcessRole::dhcp_server) { return ""; }
    for (const auto& word : process.command) {
        if (word.starts_with(kFlag)) { return word.substr(kFlag.size()); }
    }
    return "";
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
}

bool same(Process a, Process b) {
    a.pid = b.pid = 0;
    a.status = b.status = "";
    return a == b;
}

bool usable_name(const std::string& name) {
    return !name.empty() && name[0] != '.' &&
           name.find_first_of(std::string_view("/:\n\0", 4)) == std::string::npos;
}

tl::unexpected<Error> refused(int code, std::string attempt, std::string reason, std::string hint = {}) {
    return tl::unexpected(Error{std::move(attempt), code, std::move(reason), std::move(hint)});
}

void note(const ProcessKey& key, const std::string& text) {
    fmt::print(stderr, "{}: {}\n", label(key), text);  // the keeper's log
}

// Many processes, many pidfds: more descriptors than usual only where needed, since children inherit the limit
// and some programs walk through all of it.
void reserve_descriptors(std::size_t processes) {
    constexpr rlim_t kOthers = 64;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= processes + kOthers) { return; }
    files.rlim_cur = std::min<rlim_t>(files.rlim_max, std::max<rlim_t>(files.rlim_cur * 2, processes + kOthers));
    (void)::setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace

Result<void> KeptProcesses::check(const std::vector<Process>& processes) const {
    std::set<ProcessKey> seen;
    for (const auto& process : processes) {
        const auto key = key_of(process);
        const std::string what = "start " + label(key);
        if (!usable_name(process.host) || !usable_name(process.name)) {
            return failure(what, "a name is empty, begins with '.' or holds '/' or ':'");
        }
        if (process.command.empty()) { return failure(what, "it has no command"); }
        if (!seen.insert(key).second) { return failure(what, "it was given twice"); }
        const auto found = kept_.find(key);
        if (found == kept_.end()) { continue; }
        if (found->second.phase == Phase::stopping) { return refused(EBUSY, what, "it is being stopped"); }
        if (!same(found->second.process, process)) {
            return refused(EEXIST, what, "one with another command or setting is kept", "stop that one first");
        }
    }
    return {};
}

void KeptProcesses::start(const std::vector<Process>& processes, Done done) {
    if (auto checked = check(processes); !checked) { return done(std::move(checked)); }
    reserve_descriptors(kept_.size() + processes.size());
    const auto starting = std::make_shared<Starting>();
    starting->done = std::move(done);
    starting_.push_back(starting);
    for (const auto& process : processes) {
        if (auto begun = begin(process, starting); !begun) { return finish_starting(starting, std::move(begun)); }
    }
    if (starting->unready.empty()) { return finish_starting(starting, {}); }
    starting->timer = loop_.after(kReadyTime, [this, starting] {
        const auto key = *starting->unready.begin();
        finish_starting(starting, failure("start " + label(key),
                                          fmt::format("not ready within {} s; {}", kReadyTime.count() / 1000,
                                                      last_lines(kept_.at(key)))));
    });
}

Result<void> KeptProcesses::begin(const Process& process, const StartingRef& starting) {
    const auto key = key_of(process);
    const auto [place, fresh] = kept_.try_emplace(key);
    Kept& kept = place->second;
    if (fresh) {
        kept.process = process;
        kept.process.pid = 0;
        kept.process.status.clear();
        starting->made.push_back(key);
    }
    if (fresh || kept.phase == Phase::waiting || kept.phase == Phase::ended) {
        loop_.cancel(kept.timer);
        kept.failures = 0;
        kept.phase = pid_file_of(process).empty() ? Phase::running : Phase::starting;
        if (auto launched = launch(kept, fresh ? ProcessRecord::Phase::starting : ProcessRecord::Phase::running);
            !launched) {
            if (!fresh) {
                kept.phase = Phase::ended;
                kept.status = "dead";
            }
            return launched;
        }
    }
    if (kept.phase == Phase::starting) { starting->unready.insert(key); }
    return {};
}

// Forks and execs. The record is written before, so that a keeper killed in between leaves a process that the
// next one finds by its mark. (The child holds the keeper's lock until its exec: the next keeper looks after.)
// INTENT: `running` for one whose start was answered once, so that the next keeper starts it in any case.
Result<void> KeptProcesses::launch(Kept& kept, ProcessRecord::Phase intent) {
    const auto key = key_of(kept.process);
    SpawnOptions options;
    options.command = kept.process.command;
    options.environment = kept.process.environment;
    for (auto& mark : marks(id_, lab_, key)) { options.environment.push_back(std::move(mark)); }
    options.new_session = true;
    Fd ns;
    if (!kept.process.net_namespace.empty()) {
        WARREN_ASSIGN(ns, open_namespace(kept.process.net_namespace));
        options.net_namespace = ns.get();
        if (kept.process.own_etc) { options.etc_directory = "/etc/netns/" + kept.process.net_namespace; }
    }
    WARREN_ASSIGN(const Fd log, open_log(kept));
    options.stdout_fd = log.get();
    options.stderr_fd = log.get();
    if (kept.phase == Phase::starting) { WARREN_TRY(watch_pid_file(kept)); }
    WARREN_TRY(write_record(directory_, {kept.process, intent, {}, {}}));
    WARREN_ASSIGN(Child child, spawn(options));
    WARREN_TRY(fault::point("process-spawned", kept.process.name));
    kept.pidfd = std::move(child.pidfd);
    kept.child = true;
    kept.started = EventLoop::Clock::now();
    // A zombie has no ProcessId: one that has ended already is recorded by its pid alone, which matches nothing.
    kept.id = process_id(child.pid).value_or(ProcessId{child.pid, 0});
    WARREN_TRY(follow(kept));
    return write_record(directory_, {kept.process, ProcessRecord::Phase::running, kept.id, {}});
}

Result<void> KeptProcesses::follow(Kept& kept) {
    const auto key = key_of(kept.process);
    WARREN_ASSIGN(kept.watch, loop_.watch(kept.pidfd.get(), EPOLLIN, [this, key](std::uint32_t) { on_end(key); }));
    return {};
}

Result<Fd> KeptProcesses::open_log(Kept& kept) const {
    const std::string path = process_log_path(directory_, kept.process);
    WARREN_TRY(make_directories(directory_ + "/log", 0700));
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && status.st_size > kLogLimit &&
        ::rename(path.c_str(), (path + ".1").c_str()) != 0) {
        return errno_failure("put aside the log " + path);
    }
    WARREN_ASSIGN(Fd log, open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600));
    kept.log_start = ::lseek(log.get(), 0, SEEK_END);
    return log;
}

std::string KeptProcesses::last_lines(const Kept& kept) const {
    constexpr off_t kMost = 1024;
    const std::string path = process_log_path(directory_, kept.process);
    const auto log = open_file(path, O_RDONLY);
    if (!log) { return "it has no log"; }
    const off_t size = ::lseek(log->get(), 0, SEEK_END);
    std::array<char, kMost> buffer{};
    const off_t from = std::max(kept.log_start, size - kMost);
    const ssize_t n = ::pread(log->get(), buffer.data(), buffer.size(), from);
    std::string text(buffer.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
    if (from > kept.log_start) { text.erase(0, text.find('\n') + 1); }
    while (!text.empty() && text.back() == '\n') { text.pop_back(); }
    if (text.empty()) { return "it printed nothing"; }
    for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 3) {
        text.replace(at, 1, " | ");
    }
    return "its log ends: " + text;
}

// A server's pid file is written when its sockets are bound.
Result<void> KeptProcesses::watch_pid_file(const Kept& kept) {
    const std::string path = pid_file_of(kept.process);
    const std::string directory = directory_of(path);
    if (::inotify_add_watch(inotify_.get(), directory.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0) {
        return errno_failure("watch directory " + directory);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) { return errno_failure("remove " + path); }
    return {};
}

void KeptProcesses::on_pid_file_events() {
    alignas(inotify_event) std::array<char, 16 * (sizeof(inotify_event) + NAME_MAX + 1)> buffer{};
    std::set<std::string> names;
    bool all = false;  // events were lost
    for (ssize_t n = 0; (n = ::read(inotify_.get(), buffer.data(), buffer.size())) > 0;) {
        for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
            const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
            all = all || (event->mask & IN_Q_OVERFLOW) != 0;
            if (event->len > 0) { names.emplace(static_cast<const char*>(event->name)); }
            at += sizeof(inotify_event) + event->len;
        }
    }
    std::vector<ProcessKey> waiting;
    for (const auto& [key, kept] : kept_) {
        if (kept.phase != Phase::starting) { continue; }
        const std::string path = pid_file_of(kept.process);
        if (all || names.contains(path.substr(path.rfind('/') + 1))) { waiting.push_back(key); }
    }
    for (const auto& key : waiting) {
        const auto found = kept_.find(key);
        if (found != kept_.end() && found->second.phase == Phase::starting) { look_at_pid_file(found->second); }
    }
}

void KeptProcesses::look_at_pid_file(Kept& kept) {
    const auto text = read_file(pid_file_of(kept.process));
    pid_t pid = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), pid).ec != std::errc{} ||
        pid != kept.id.pid) {
        return;
    }
    kept.phase = Phase::running;
    const auto key = key_of(kept.process);
    const auto copy = starting_;  // finishing one takes it out of the list
    for (const auto& starting : copy) {
        if (starting->unready.erase(key) != 0 && starting->unready.empty()) { finish_starting(starting, {}); }
    }
}

void KeptProcesses::finish_starting(const StartingRef& starting, Result<void> result) {
    loop_.cancel(starting->timer);
    starting_.remove(starting);
    if (result) { return starting->done({}); }
    std::vector<Process> made;
    for (const auto& key : starting->made) {
        if (const auto found = kept_.find(key); found != kept_.end()) { made.push_back(found->second.process); }
    }
    stop(made, [done = starting->done, result = std::move(result)](const Result<void>&) { done(result); });
}

void KeptProcesses::on_end(const ProcessKey& key) {
    Kept& kept = kept_.at(key);
    const bool again_allowed = kept.phase == Phase::running && kept.process.restart != Restart::never;
    bool success = false;
    kept.status = "dead";
    if (kept.child) {
        // While it is a zombie its number, and so its group's, is not another's.
        if (again_allowed) { (void)::kill(-kept.id.pid, SIGKILL); }
        int status = 0;
        if (::waitpid(kept.id.pid, &status, WNOHANG) == kept.id.pid) {
            success = status == 0;
            kept.status = WIFSIGNALED(status) ? fmt::format("killed by signal {}", WTERMSIG(status))
                                              : fmt::format("exited {}", WEXITSTATUS(status));
        }
    } else if (again_allowed) {
        const auto living = marked_processes(id_);
        const auto [first, last] = living.equal_range(key);
        for (auto each = first; each != last; ++each) {
            if (const auto left = open_process(each->second)) {
                (void)send_signal(left->get(), SIGKILL, label(key));
            }
        }
    }
    loop_.unwatch(kept.watch);
    kept.pidfd.reset();
    if (kept.phase == Phase::stopping) { return on_stopped(key); }
    if (kept.phase == Phase::starting) { return on_unready_end(key); }
    if (!again_allowed || (kept.process.restart == Restart::on_failure && success)) {
        note(key, kept.status);
        kept.phase = Phase::ended;
        if (auto written = write_record(directory_, {kept.process, ProcessRecord::Phase::ended, {}, kept.status});
            !written) {
            note(key, written.error().message());
        }
        return;
    }
    start_again(kept);
}

void KeptProcesses::on_unready_end(const ProcessKey& key) {
    Kept& kept = kept_.at(key);
    const auto result =
        failure("start " + label(key), fmt::format("{} before it was ready; {}", kept.status, last_lines(kept)));
    kept.phase = Phase::ended;
    const auto copy = starting_;
    bool made = false;
    for (const auto& starting : copy) {
        if (!starting->unready.contains(key)) { continue; }
        made = made || std::find(starting->made.begin(), starting->made.end(), key) != starting->made.end();
        finish_starting(starting, result);
    }
    if (!made) { note(key, kept.status); }
}

// Now or, where it dies again and again soon after its start, later.
void KeptProcesses::start_again(Kept& kept) {
    const auto key = key_of(kept.process);
    if (EventLoop::Clock::now() - kept.started >= kSoon) { kept.failures = 0; }
    for (;;) {
        const auto pause = backoff(kept.failures);
        ++kept.failures;
        note(key, fmt::format("{}; starting it again in {} ms", kept.status, pause.count()));
        if (pause.count() > 0) {
            kept.phase = Phase::waiting;
            kept.timer = loop_.after(pause, [this, key] {
                Kept& waiting = kept_.at(key);
                waiting.timer = 0;
                waiting.phase = Phase::running;
                if (auto launched = launch(waiting, ProcessRecord::Phase::running); !launched) {
                    waiting.status = launched.error().message();
                    waiting.started = EventLoop::Clock::now();
                    if (!waiting.pidfd.valid()) { start_again(waiting); }
                }
            });
            return;
        }
        kept.phase = Phase::running;
        auto launched = launch(kept, ProcessRecord::Phase::running);
        if (launched || kept.pidfd.valid()) { return; }
        kept.status = launched.error().message();
    }
}

void KeptProcesses::forget(const ProcessKey& key) {
    const auto found = kept_.find(key);
    if (found == kept_.end()) { return; }
    loop_.unwatch(found->second.watch);
    loop_.cancel(found->second.timer);
    kept_.erase(found);
    if (auto removed = remove_record(directory_, key); !removed) { note(key, removed.error().message()); }
}

// To its whole process group, of which it is the leader as long as it lives.
void KeptProcesses::signal_session(const Kept& kept, int signal) const {
    if (!kept.pidfd.valid()) { return; }
    const bool certain = kept.child || process_id(kept.id.pid) == kept.id;
    if (certain && ::kill(-kept.id.pid, signal) == 0) { return; }
    if (auto sent = send_signal(kept.pidfd.get(), signal, label(key_of(kept.process))); !sent) {
        note(key_of(kept.process), sent.error().message());
    }
}

void KeptProcesses::stop(const std::vector<Process>& processes, Done done) {
    const auto stopping = std::make_shared<Stopping>();
    stopping->done = std::move(done);
    std::set<StartingRef> disturbed;
    for (const auto& process : processes) {
        const auto key = key_of(process);
        const auto found = kept_.find(key);
        if (found == kept_.end()) { continue; }
        Kept& kept = found->second;
        stopping->keys.push_back(key);
        loop_.cancel(kept.timer);
        for (const auto& starting : starting_) {
            if (starting->unready.contains(key)) { disturbed.insert(starting); }
        }
        if (kept.pidfd.valid()) {
            stopping->alive.insert(key);
            if (kept.phase != Phase::stopping) { signal_session(kept, SIGTERM); }
        }
        kept.phase = Phase::stopping;
    }
    if (stopping->keys.empty()) {
        stopping->done({});
        return;
    }
    stopping_.push_back(stopping);
    stopping->timer = loop_.after(kGrace, [this, stopping] { kill_stopping(stopping); });
    if (stopping->alive.empty()) { sweep(stopping); }
    for (const auto& starting : disturbed) {
        finish_starting(starting,
                        failure("start " + label(*starting->unready.begin()), "it was stopped meanwhile"));
    }
}

void KeptProcesses::on_stopped(const ProcessKey& key) {
    const auto copy = stopping_;
    for (const auto& stopping : copy) {
        if (stopping->alive.erase(key) != 0 && stopping->alive.empty()) { sweep(stopping); }
    }
}

void KeptProcesses::kill_stopping(const StoppingRef& stopping) {
    stopping->killing = true;
    for (const auto& key : stopping->alive) { signal_session(kept_.at(key), SIGKILL); }
    for (const auto& [token, pidfd] : stopping->left) {
        (void)send_signal(pidfd.get(), SIGKILL, "what is left of it");
    }
}

// The leaders have gone: ends what they left running, in whatever session it is, until nothing is left.
void KeptProcesses::sweep(const StoppingRef& stopping) {
    const auto living = marked_processes(id_);
    for (const auto& key : stopping->keys) {
        const auto [first, last] = living.equal_range(key);
        for (auto each = first; each != last; ++each) {
            auto pidfd = open_process(each->second);
            if (!pidfd) { continue; }
            (void)send_signal(pidfd->get(), stopping->killing ? SIGKILL : SIGTERM, label(key));
            const auto token = std::make_shared<EventLoop::Token>(0);
            const auto watched = loop_.watch(pidfd->get(), EPOLLIN, [this, stopping, token](std::uint32_t) {
                const auto gone = *token;
                loop_.unwatch(*token);
                stopping->left.erase(gone);
                if (stopping->left.empty()) { sweep(stopping); }
            });
            if (!watched) { continue; }
            *token = *watched;
            stopping->left.emplace(*token, std::move(*pidfd));
        }
    }
    if (!stopping->left.empty()) { return; }
    loop_.cancel(stopping->timer);
    stopping_.remove(stopping);
    for (const auto& key : stopping->keys) {
        // Two calls may end the same process: the later one finds it forgotten, or started anew.
        const auto found = kept_.find(key);
        if (found != kept_.end() && found->second.phase == Phase::stopping && !found->second.pidfd.valid()) {
            forget(key);
        }
    }
    stopping->done({});
}

Result<void> KeptProcesses::reload(const std::vector<Process>& processes) {
    for (const auto& process : processes) {
        const auto found = kept_.find(key_of(process));
        if (found == kept_.end()) { return errno_failure(ESRCH, "reload " + label(key_of(process))); }
        // One that does not run reads its files when it starts.
        if (!found->second.pidfd.valid()) { continue; }
        WARREN_TRY(send_signal(found->second.pidfd.get(), SIGHUP, label(found->first)));
    }
    return {};
}

std::vector<Process> KeptProcesses::list() const {
    std::vector<Process> all;
    for (const auto& [key, kept] : kept_) {
        Process process = kept.process;
        process.pid = kept.pidfd.valid() ? kept.id.pid : 0;
        switch (kept.phase) {
            case Phase::starting:
                process.status = "starting";
                break;
            case Phase::running:
                process.status = "running";
                break;
            case Phase::waiting:
                process.status = "backing off";
                break;
            case Phase::ended:
                process.status = kept.status;
                break;
            case Phase::stopping:
                process.status = "stopping";
                break;
        }
        all.push_back(std::move(process));
    }
    return all;
}

Result<void> KeptProcesses::take_back() {
    inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_.valid()) { return errno_failure("make an inotify descriptor"); }
    WARREN_TRY(loop_.watch(inotify_.get(), EPOLLIN, [this](std::uint32_t) { on_pid_file_events(); }));
    WARREN_ASSIGN(const auto records, read_records(directory_));
    reserve_descriptors(records.size());
    std::optional<std::multimap<ProcessKey, ProcessId>> living;  // looked for once, and only where needed
    std::vector<ProcessKey> dead;
    for (const auto& record : records) {
        const auto key = key_of(record.process);
        Kept kept;
        kept.process = record.process;
        kept.phase = Phase::ended;
        kept.status = record.status;
        kept.started = EventLoop::Clock::now();
        if (record.phase != ProcessRecord::Phase::ended) {
            kept.id = record.id;
            auto pidfd = open_process(record.id);
            if (!pidfd) {
                if (!living) { living = marked_processes(id_); }
                if (const auto found = living->find(key); found != living->end()) {
                    kept.id = found->second;
                    pidfd = open_process(kept.id);
                }
            }
            if (pidfd) {
                kept.phase = Phase::running;
                kept.pidfd = std::move(*pidfd);
            } else if (record.phase == ProcessRecord::Phase::starting) {
                note(key, "it was never started; forgotten");  // its start was never answered
                WARREN_TRY(remove_record(directory_, key));
                continue;
            } else {
                kept.status = "dead";
                if (record.process.restart != Restart::never) { dead.push_back(key); }
            }
        }
        Kept& placed = kept_.emplace(key, std::move(kept)).first->second;
        if (placed.phase != Phase::running) { continue; }
        note(key, fmt::format("taken back as process {}", placed.id.pid));
        WARREN_TRY(follow(placed));
        WARREN_TRY(write_record(directory_, {placed.process, ProcessRecord::Phase::running, placed.id, {}}));
    }
    for (const auto& key : dead) { start_again(kept_.at(key)); }
    return {};
}

}  // namespace warren
