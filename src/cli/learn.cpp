// warren learn [1|2]: leads through a lesson (lesson/lessons.cpp) in the terminal.
//
// This is the one place of the program that runs `ip`, `ovs-vsctl` and their like: these commands are what is taught.
// What became of them, or of what somebody typed in another terminal, is observed as everything is, by netlink and
// OVSDB. A file under /run says that a lesson is under way, so that it can be gone on with, or taken away, after an end
// by whatever; the names that a lesson uses must be free before it begins, and are its own from then on.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "base/interruption.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "engine/survey.hpp"
#include "lesson/lesson.hpp"
#include "linux/netns.hpp"
#include "ovs/daemons.hpp"
#include "views/draw.hpp"
#include "views/draw_live.hpp"

namespace warren::cli {
namespace {

using namespace std::chrono_literals;
using lesson::Lesson;
using lesson::Seen;
using lesson::Setting;
using lesson::Step;

constexpr const char* kInterrupted = "\nwarren: interrupted\n";

std::string bold(const std::string& text) { return wants_colour() ? "\x1b[1m" + text + "\x1b[0m" : text; }

std::string indented(const std::string& text, const std::string& by) {
    std::string result = by;
    for (const char c : text) {
        result += c;
        if (c == '\n') { result += by; }
    }
    return result;
}

// Waits until standard input can be read; false: a signal came, before or meanwhile.
bool input_comes() {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) { sigaddset(&blocked, signal); }
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    bool ready = false;
    while (!ready && interruption() == 0) {  // one that comes from here on ends ppoll()
        pollfd input{STDIN_FILENO, POLLIN, 0};
        ready = ::ppoll(&input, 1, nullptr, &before) > 0;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return ready;
}

// A line of standard input without its end; nothing at its end, or where a signal came.
std::optional<std::string> read_line() {
    std::string line;
    char c = 0;
    while (input_comes() && ::read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') { return line; }
        line += c;
    }
    return std::nullopt;
}

// That a lesson is under way: its directory, and a file in it that is locked by whoever gives it.
class UnderWay {
public:
    // The number of the lesson that is under way in DIRECTORY; 0 none.
    static int number_in(const std::string& directory) {
        const auto text = read_file(file_in(directory));
        return text && !text->empty() ? text->front() - '0' : 0;
    }

    // Begins lesson NUMBER there, or goes on with it.
    [[nodiscard]] static Result<UnderWay> take(const std::string& directory, int number) {
        WARREN_TRY(make_directories(directory, 0700));
        const bool new_netns = !path_exists(kNetnsDirectory);
        UnderWay result;
        WARREN_ASSIGN(result.file_, open_file(file_in(directory), O_RDWR | O_CREAT));
        if (::flock(result.file_.get(), LOCK_EX | LOCK_NB) != 0) {
            return failure("give a lesson", "another 'warren learn' is giving one");
        }
        result.directory_ = directory;
        WARREN_ASSIGN(const std::string before, read_file(file_in(directory)));
        if (before.empty()) {
            const std::string text = fmt::format("{}\n{}", number, new_netns ? "netns\n" : "");
            WARREN_TRY(write_all(result.file_.get(), text, file_in(directory)));
        }
        result.made_netns_ = before.empty() ? new_netns : before.find("netns") != std::string::npos;
        return result;
    }

    // Nothing of it is there any more.
    [[nodiscard]] Result<void> end() const {
        // What `ip netns add` made for its first namespace; somebody else's may be there by now.
        if (made_netns_ && named_namespaces().empty()) {
            (void)::umount2(kNetnsDirectory, MNT_DETACH);
            (void)::rmdir(kNetnsDirectory);
        }
        return remove_tree(directory_);
    }

private:
    static std::string file_in(const std::string& directory) { return directory + "/lesson"; }
    std::string directory_;
    Fd file_;
    bool made_netns_ = false;
};

// A lesson being given.
class Course {
public:
    Course(Lesson lesson, Setting setting) : lesson_(std::move(lesson)), setting_(std::move(setting)) {}

    [[nodiscard]] int give();
    [[nodiscard]] int remove();

private:
    enum class Answer { right, leave };

    [[nodiscard]] Result<void> refuse() const;
    [[nodiscard]] Answer take(const Step& step, std::size_t number);
    void print_step(const Step& step, std::size_t number) const;
    [[nodiscard]] bool look(const Step& step, bool trials) const;
    void type(const Step& step) const;
    void draw() const;
    [[nodiscard]] Result<Survey> see() const { return survey(Engine().base()); }
    void run_command(const std::string& command) const;
    [[nodiscard]] int leave(int status);
    [[nodiscard]] std::vector<std::string> left() const;
    [[nodiscard]] Result<void> take_away();

    Lesson lesson_;
    Setting setting_;
    std::optional<UnderWay> under_way_;
};

Result<void> Course::refuse() const {
    const std::string attempt = fmt::format("give lesson {}", lesson_.number);
    for (const auto& program : lesson_.programs) {
        if (find_program(program).empty()) {
            return lacking_failure(attempt, program + " is not installed",
                                   "apt-get install iproute2 iputils-ping openvswitch-switch dnsmasq-base "
                                   "isc-dhcp-client ethtool python3");
        }
    }
    const int number = UnderWay::number_in(setting_.directory);
    if (number == lesson_.number) { return {}; }
    if (number != 0) {
        return failure(
            attempt, fmt::format("lesson {} is under way", number),
            fmt::format("'warren learn {}' goes on with it, 'warren learn --remove' takes it away", number));
    }
    WARREN_ASSIGN(const Survey now, see());
    std::vector<std::string> taken;
    for (const auto& name : lesson_.names) {
        const auto& root = now.namespaces.at(kMachineNamespace).state.links;
        const bool bridge = std::any_of(now.switches.begin(), now.switches.end(),
                                        [&](const SurveyedOvs& ovs) { return ovs.bridges.contains(name); });
        if (now.namespaces.contains(name) || root.contains(name) || bridge) { taken.push_back(name); }
    }
    if (taken.empty()) { return {}; }
    return failure(attempt,
                   fmt::format("the lesson makes things of names that are taken here: {}", fmt::join(taken, ", ")),
                   "take them away first; where a lab has them, 'warren down' does");
}

void Course::print_step(const Step& step, std::size_t number) const {
    fmt::print("\n{}\n{}\n\n", bold(fmt::format("{}/{}  {}", number, lesson_.steps.size(), step.title)), step.why);
    for (const auto& action : step.actions) { fmt::print("{}\n", indented(action.command, "    ")); }
}

// Whether it is all so; says what is missing. With TRIALS those are made, too.
bool Course::look(const Step& step, bool trials) const {
    const auto now = see();
    if (!now) {
        (void)fail(now.error());
        return false;
    }
    bool all = true;
    for (const auto& action : step.actions) {
        if (action.trial && !trials) { continue; }
        const Seen seen = action.seen(*now);
        if (!seen.so) { fmt::print("  {}  {}\n", bold("missing"), seen.text); }
        all = all && seen.so;
    }
    return all;
}

void Course::run_command(const std::string& command) const {
    fmt::print("{}\n", bold("  # " + indented(command, "    ").substr(4)));
    std::fflush(stdout);
    SpawnOptions options;
    options.command = {"bash", "-c", command};
    if (setting_.own_ovs) {
        options.environment = {"OVS_RUNDIR=" + setting_.directory, "OVS_LOGDIR=" + setting_.directory};
    }
    options.stdout_fd = STDOUT_FILENO;
    options.stderr_fd = STDOUT_FILENO;
    auto child = spawn(options);
    if (!child) {
        (void)fail(child.error());
        return;
    }
    // Its status says less than what is there afterwards, which is looked at.
    (void)wait_for(*child, -1ms);
}

// Types what is not so yet, and the trials.
void Course::type(const Step& step) const {
    for (const auto& action : step.actions) {
        if (interruption() != 0) { return; }
        if (!action.trial) {
            const auto now = see();
            if (now && action.seen(*now).so) { continue; }
        }
        run_command(action.command);
    }
}

// The lesson's own part of the machine.
void Course::draw() const {
    auto now = see();
    if (!now) { return; }
    std::erase_if(now->namespaces, [this](const auto& entry) {
        return entry.first != kMachineNamespace && !lesson_.names.contains(entry.first);
    });
    auto& root = now->namespaces.at(kMachineNamespace);
    std::erase_if(root.state.links, [this](const auto& entry) { return !lesson_.names.contains(entry.first); });
    root.state.routes.clear();
    root.routes.clear();
    root.processes.clear();
    for (auto& ovs : now->switches) {
        std::erase_if(ovs.bridges, [this](const auto& entry) { return !lesson_.names.contains(entry.first); });
    }
    const std::string diagram = draw_text(live_model(*now), {wants_unicode(), wants_colour(), terminal_width()});
    if (diagram.find_first_not_of(" \n") != std::string::npos) { fmt::print("\n{}", diagram); }
}

Course::Answer Course::take(const Step& step, std::size_t number) {
    print_step(step, number);
    while (true) {
        fmt::print("\n[Enter: go on, typing for me what is missing · c: only look · q: leave] ");
        std::fflush(stdout);
        const auto line = read_line();
        fmt::print("\n");
        if (!line || *line == "q" || interruption() != 0) { return Answer::leave; }
        if (*line == "c") {
            if (look(step, false)) { fmt::print("  All of this step is there.\n"); }
            continue;
        }
        type(step);
        if (interruption() != 0) { return Answer::leave; }
        if (look(step, true)) { break; }
        fmt::print("\nThat is not it yet. Set it right in another terminal, then press Enter.\n");
    }
    draw();
    if (!step.remark.empty()) { fmt::print("\n{}\n", step.remark); }
    return Answer::right;
}

int Course::give() {
    if (auto refused = refuse(); !refused) { return fail(refused.error()); }
    const Interruption interruptible(kInterrupted, kInterrupted);
    auto under_way = UnderWay::take(setting_.directory, lesson_.number);
    if (!under_way) { return fail(under_way.error()); }
    under_way_ = std::move(*under_way);

    fmt::print("{}\n", bold(fmt::format("Lesson {}: {}", lesson_.number, lesson_.title)));
    fmt::print(
        "Type each step's commands yourself, as root in another terminal, and press Enter here; or press Enter\n"
        "at once, and what is missing is typed for you. docs/learn tells more of each step.\n");
    for (std::size_t i = 0; i < lesson_.steps.size(); ++i) {
        if (take(lesson_.steps[i], i + 1) == Answer::leave) { return leave(1); }
    }
    fmt::print(
        "\nThat was all. Try what you like with it; then it is taken away. [Enter: take it away · q: leave it] ");
    std::fflush(stdout);
    const auto line = read_line();
    fmt::print("\n");
    if (!line || *line == "q" || interruption() != 0) { return leave(0); }
    const int status = remove();
    if (status == 0) { fmt::print("{}\n", lesson_.then); }
    return status;
}

std::vector<std::string> Course::left() const {
    std::vector<std::string> things;
    const auto now = see();
    if (!now) { return {now.error().message()}; }
    for (const auto& removal : lesson_.removals) {
        if (const Seen seen = removal.there(*now); seen.so) { things.push_back(seen.text); }
    }
    return things;
}

int Course::leave(int status) {
    const auto things = left();
    if (things.empty()) {
        const auto ended = under_way_->end();
        return ended ? status : fail(ended.error());
    }
    note(fmt::format("lesson {} is left as it is. There is:", lesson_.number));
    for (const auto& thing : things) { print_error("  " + thing + "\n"); }
    print_error(
        fmt::format("'warren learn {0}' goes on with it, 'warren learn --remove' takes it away\n", lesson_.number));
    return status;
}

Result<void> Course::take_away() {
    for (const auto& removal : lesson_.removals) {
        WARREN_ASSIGN(const Survey now, see());
        if (!removal.there(now).so) { continue; }
        // Those that it ends: nothing may use a namespace any more when that goes.
        std::vector<Fd> ending;
        for (const auto& [name, place] : now.namespaces) {
            if (name.empty() || removal.command != fmt::format("kill $(ip netns pids {})", name)) { continue; }
            for (const auto& process : place.processes) {
                const auto id = process_id(process.pid);
                auto pidfd = id ? open_process(*id) : Result<Fd>(failure("find it"));
                if (pidfd) { ending.push_back(std::move(*pidfd)); }
            }
        }
        run_command(removal.command);
        for (const auto& pidfd : ending) { WARREN_TRY(end_process(pidfd.get(), 5s, "a process of the lesson's")); }
    }
    if (const auto things = left(); !things.empty()) {
        return failure("take lesson away", fmt::format("there is still: {}", fmt::join(things, ", ")));
    }
    return under_way_->end();
}

int Course::remove() {
    if (!under_way_) {
        auto under_way = UnderWay::take(setting_.directory, lesson_.number);
        if (!under_way) { return fail(under_way.error()); }
        under_way_ = std::move(*under_way);
    }
    const auto gone = take_away();
    if (!gone) { return fail(gone.error()); }
    fmt::print("Nothing of the lesson is left.\n");
    return 0;
}

int learn(int number, bool remove) {
    if (::geteuid() != 0) {
        return fail(lacking_failure("give a lesson", "it builds networks", "run it as root").value());
    }
    Setting setting;
    setting.own_ovs = !ovs::machine_socket().has_value();
    setting.netdev = !ovs::kernel_datapath();
    // The survey looks there, as ovs-vsctl does.
    if (setting.own_ovs) { ::setenv("OVS_RUNDIR", setting.directory.c_str(), 1); }
    const int begun = UnderWay::number_in(setting.directory);
    if (remove && begun == 0) {
        note("no lesson is under way; nothing to do");
        return 0;
    }
    if (number == 0 || remove) { number = begun != 0 ? begun : 1; }
    Course course(lesson::lesson(number, setting), setting);
    return remove ? course.remove() : course.give();
}

}  // namespace

void add_learn(Cli& cli) {
    static int number = 0;
    static bool remove = false;
    auto& verb =
        cli.verb("learn", "Build networks by hand, step by step: two lessons in the terminal",
                 "warren learn 1           two hosts and a switch\n"
                 "warren learn 2           two tenants with the same addresses: VLANs, a DHCP server for each\n"
                 "warren learn --remove    take away what a lesson that was left has made\n\n"
                 "Each step says what to type and why, waits until you have typed it in another terminal or\n"
                 "types it for you, looks whether the machine is as it should be, says what is missing, and\n"
                 "draws what is there. In the end everything is taken away.",
                 [] { return learn(number, remove); });
    verb.add_option("LESSON", number, "1 or 2; without it the one that is under way, or 1")
        ->check(CLI::Range(1, lesson::kLessons));
    verb.add_flag("--remove", remove, "take away what a lesson has made");
}

}  // namespace warren::cli
