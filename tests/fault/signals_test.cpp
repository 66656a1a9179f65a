// Ctrl-C and its like at any moment, and standard streams that are closed, full or read by nobody.
//
// What an interrupted `up` leaves is what was there before it, or, where it was about done, all of the lab; an
// interrupted `down` takes all away, or, where it had not begun, nothing.
#include <atomic>
#include <chrono>
#include <csignal>
#include <random>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;

// `warren ARGUMENTS…` in a process group of its own, as a shell's job is. VARIABLES: "NAME=VALUE".
std::vector<std::string> job(const std::vector<std::string>& arguments, std::vector<std::string> variables = {}) {
    std::vector<std::string> words{"env"};
    words.insert(words.end(), variables.begin(), variables.end());
    words.insert(words.end(), {"setsid", WARREN_PROGRAM});
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
}

void wait_until_stopped(int pid) {
    must_sh("timeout 60 bash -c 'until grep -q \"^State:.T\" /proc/" + std::to_string(pid) +
            "/status; do :; done'");
}

class Signals : public E2e {
protected:
    static bool is_up(const std::string& lab) { return !named(warren_json({"list"}), lab).is_null(); }

    // How long ARGUMENTS take without a signal.
    static microseconds time_of(const std::vector<std::string>& arguments) {
        const auto start = Clock::now();
        Background command(job(arguments));
        EXPECT_EQ(command.wait(), 0) << command.printed();
        return std::chrono::duration_cast<microseconds>(Clock::now() - start);
    }

    // Runs ARGUMENTS and sends the whole group SIGINT after a while that is drawn from [0, LONGEST).
    static Ran interrupted(const std::vector<std::string>& arguments, microseconds longest, std::mt19937& random) {
        const microseconds moment(std::uniform_int_distribution<std::int64_t>(0, longest.count())(random));
        Background command(job(arguments));
        std::this_thread::sleep_for(moment);
        // Before its exec the group is not yet its own: then it alone gets it. Ended: nobody does.
        if (::kill(-command.pid(), SIGINT) != 0) { (void)command.signal(SIGINT); }
        Ran ran;
        ran.command = arguments.front() + " interrupted after " + std::to_string(moment.count()) + " us";
        ran.status = command.wait();
        ran.err = command.printed();
        EXPECT_TRUE(ran.status == 130 || ran.status == 0) << testing::PrintToString(ran);
        return ran;
    }
};

class SignalsAtRandom : public Signals, public testing::WithParamInterface<unsigned> {
protected:
    void SetUp() override {
        Signals::SetUp();
        if (IsSkipped()) { return; }
        make_decoys();
        remember_machine();
    }

    std::mt19937 random_{GetParam()};

    void up_and_back(const std::string& file, const std::string& lab, int moments) {
        const microseconds longest = time_of({"up", file});
        must_warren({"down"});
        int undone = 0;
        for (int i = 0; i < moments; ++i) {
            const Ran up = interrupted({"up", file}, longest, random_);
            SCOPED_TRACE(testing::PrintToString(up));
            if (is_up(lab)) {
                EXPECT_THAT(drift(lab), IsEmpty());
                must_warren({"down"});
            } else {
                EXPECT_EQ(up.status, 130);
                ++undone;
            }
            expect_same_machine();
            if (HasFailure()) { return; }
        }
        std::printf("up of %s: %d moments, %d undone, %d completed\n", lab.c_str(), moments, undone,
                    moments - undone);
    }

    void down_interrupted(const std::string& file, const std::string& lab, int moments) {
        must_warren({"up", file});
        const microseconds longest = time_of({"down"});
        int untouched = 0;
        for (int i = 0; i < moments; ++i) {
            must_warren({"up", file});
            const Ran down = interrupted({"down"}, longest, random_);
            SCOPED_TRACE(testing::PrintToString(down));
            if (is_up(lab)) {  // it came before anything was begun
                EXPECT_EQ(down.status, 130);
                EXPECT_THAT(drift(lab), IsEmpty());
                ++untouched;
                must_warren({"down"});
            }
            expect_same_machine();
            if (HasFailure()) { return; }
        }
        std::printf("down of %s: %d moments, %d before it began\n", lab.c_str(), moments, untouched);
    }
};

TEST_P(SignalsAtRandom, UpOnABridge) { up_and_back(example("hello.yaml"), "hello", 10); }
TEST_P(SignalsAtRandom, UpOnOpenVSwitch) { up_and_back(example("tenants.yaml"), "tenants", 5); }
TEST_P(SignalsAtRandom, DownOnABridge) { down_interrupted(example("hello.yaml"), "hello", 8); }
TEST_P(SignalsAtRandom, DownOnOpenVSwitch) { down_interrupted(example("tenants.yaml"), "tenants", 4); }

TEST_P(SignalsAtRandom, AChange) {
    const std::string plain = example("red-green.yaml");
    const std::vector<std::string> change{"up", example("tenants.yaml"), "--name", "red-green"};
    must_warren({"up", plain});
    const microseconds longest = time_of(change);
    must_warren({"up", plain});
    const auto before = snapshot_without_memory();
    int undone = 0;
    constexpr int kMoments = 4;
    for (int i = 0; i < kMoments; ++i) {
        const Ran up = interrupted(change, longest, random_);
        SCOPED_TRACE(testing::PrintToString(up));
        EXPECT_THAT(drift("red-green"), IsEmpty());
        if (planned(plain).empty()) {
            EXPECT_EQ(up.status, 130);
            EXPECT_THAT(lasting_difference(before), IsEmpty());
            ++undone;
        } else {
            EXPECT_THAT(planned(example("tenants.yaml"), "red-green"), IsEmpty());
            must_warren({"up", plain});
        }
        if (HasFailure()) { return; }
    }
    std::printf("change: %d moments, %d undone, %d completed\n", kMoments, undone, kMoments - undone);
    must_warren({"down"});
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Seed, SignalsAtRandom, testing::Values(1U, 2U, 3U));

TEST_F(Signals, EachUndoesAnUpAndIsItsStatus) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        SCOPED_TRACE(signal);
        Background up(job({"up", example("hello.yaml")}, {"WARREN_FAULT=links-made:stop"}));
        wait_until_stopped(up.pid());
        EXPECT_EQ(::kill(-up.pid(), signal), 0);
        EXPECT_EQ(up.signal(SIGCONT), 0);
        EXPECT_EQ(up.wait(), 128 + signal);
        EXPECT_THAT(up.printed(), HasSubstr("interrupted; going back to what was there before"));
        EXPECT_THAT(up.printed(), HasSubstr("cannot go on with lab hello: it was interrupted"));
        EXPECT_THAT(up.printed(), HasSubstr("what was there before "
                                            "is there again"));
        expect_same_machine();
    }
}

TEST_F(Signals, ASecondCtrlCStopsAtOnce) {
    const std::string file = example("hello.yaml");
    for (const bool complete : {true, false}) {
        Background up(job({"up", file}, {"WARREN_FAULT=links-made:stop,before-undo:stop"}));
        wait_until_stopped(up.pid());
        EXPECT_EQ(up.signal(SIGINT), 0);
        EXPECT_EQ(up.signal(SIGCONT), 0);
        EXPECT_TRUE(up.wait_for("interrupted; going back"));
        wait_until_stopped(up.pid());
        EXPECT_EQ(up.signal(SIGTERM), 0);  // changes nothing
        EXPECT_EQ(up.signal(SIGINT), 0);
        EXPECT_EQ(up.signal(SIGCONT), 0);
        EXPECT_EQ(up.wait(), 128 + SIGINT);
        EXPECT_THAT(up.printed(),
                    HasSubstr("stopped half-way; 'warren up' completes it, 'warren down' takes it away"));
        EXPECT_EQ(at(named(warren_json({"list"}), "hello"), "state"), json::value("changing"));
        if (complete) {
            must_warren({"up", file});
            EXPECT_THAT(drift("hello"), IsEmpty());
        }
        must_warren({"down"});
        expect_same_machine();
    }
}

TEST_F(Signals, DownIsFinished) {
    must_warren({"up", example("tenants.yaml")});
    Background down(job({"down"}, {"WARREN_FAULT=before-step#3:stop"}));
    wait_until_stopped(down.pid());
    EXPECT_EQ(::kill(-down.pid(), SIGINT), 0);
    EXPECT_EQ(down.signal(SIGCONT), 0);
    EXPECT_EQ(down.wait(), 128 + SIGINT);
    EXPECT_THAT(down.printed(), HasSubstr("interrupted; what has begun is finished"));
    EXPECT_THAT(down.printed(), HasSubstr("tenants: down"));
    expect_same_machine();
}

TEST_F(Signals, DownOfAllEndsAfterTheLabUnderWay) {
    must_warren({"up", example("hello.yaml"), "--name", "a"});
    must_sh("sed 's/h\\([0-9]\\)/k\\1/g; s/br0/br9/g' " + example("hello.yaml") + " > /mnt/b.yaml");
    must_warren({"up", "/mnt/b.yaml", "--name", "b"});
    Background down(job({"down", "--all"}, {"WARREN_FAULT=before-step#2:stop"}));
    wait_until_stopped(down.pid());
    EXPECT_EQ(down.signal(SIGINT), 0);
    EXPECT_EQ(down.signal(SIGCONT), 0);
    EXPECT_EQ(down.wait(), 128 + SIGINT);
    EXPECT_FALSE(is_up("a"));
    EXPECT_THAT(drift("b"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Signals, AWaitForALockEndsAtOnce) {
    const std::string file = example("hello.yaml");
    Background holder(job({"up", file}, {"WARREN_FAULT=links-made:stop"}));
    wait_until_stopped(holder.pid());
    Background second(job({"up", file}));
    must_sh("timeout 9 bash -c 'until grep -q -- \"-> FLOCK\" /proc/locks; do :; done'");
    EXPECT_EQ(second.signal(SIGINT), 0);
    EXPECT_EQ(second.wait(), 128 + SIGINT);
    EXPECT_THAT(second.printed(), HasSubstr("cannot wait for process " + std::to_string(holder.pid()) + " ("));
    EXPECT_THAT(second.printed(), Not(HasSubstr("has held it")));
    EXPECT_EQ(holder.signal(SIGCONT), 0);
    EXPECT_EQ(holder.wait(), 0);
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

// The clients are none: they ask for nothing.
TEST_F(Signals, AWaitForLeasesEndsAtOnceAndTheLabStays) {
    must_sh(
        "printf '#!/bin/sh\\nexec sleep 1000\\n' > /mnt/client && chmod 755 /mnt/client && "
        "for name in dhclient udhcpc; do if path=$(command -v $name); then mount --bind /mnt/client "
        "$(readlink -f $path); fi; done");
    remember_machine();
    Background up(job({"up", example("tenants.yaml")}));
    must_sh("timeout 60 bash -c 'until " WARREN_PROGRAM " list | grep -q \"tenants *up\"; do sleep 0.05; done'");
    const auto start = Clock::now();
    EXPECT_EQ(up.signal(SIGINT), 0);
    EXPECT_EQ(up.wait(), 128 + SIGINT);
    EXPECT_LT(Clock::now() - start, std::chrono::seconds(9));  // the wait is 10 s
    EXPECT_THAT(up.printed(), HasSubstr("the lab is up"));
    EXPECT_THAT(up.printed(), HasSubstr("has no lease yet"));
    EXPECT_THAT(drift("tenants"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

// What nohup does.
TEST_F(Signals, WhatIsIgnoredEndsNothing) {
    Background up("trap '' HUP; WARREN_FAULT=links-made:stop exec " WARREN_PROGRAM " up " + example("hello.yaml"));
    wait_until_stopped(up.pid());
    EXPECT_EQ(up.signal(SIGHUP), 0);
    EXPECT_EQ(up.signal(SIGCONT), 0);
    EXPECT_EQ(up.wait(), 0) << up.printed();
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

// A terminal whose other end is ours, with `warren ARGUMENTS…` in its foreground.
class Terminal {
public:
    Terminal(const std::vector<std::string>& arguments, const std::string& fault) {
        master_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
        if (::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0) { throw std::runtime_error("pty"); }
        const Fd slave(::open(::ptsname(master_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        SpawnOptions options;
        options.command = {"setsid", "-c", WARREN_PROGRAM};
        options.command.insert(options.command.end(), arguments.begin(), arguments.end());
        options.environment = {"WARREN_FAULT=" + fault, "TERM=xterm"};
        options.stdin_fd = options.stdout_fd = options.stderr_fd = slave.get();
        auto child = spawn(options);
        if (!child) { throw std::runtime_error(child.error().message()); }
        child_ = std::move(*child);
    }
    [[nodiscard]] int pid() const { return child_.pid; }
    void type(std::string_view text) { EXPECT_TRUE(write_all(master_.get(), text, "terminal")); }
    void close() { master_.reset(); }
    void go_on() const { EXPECT_TRUE(send_signal(child_.pidfd.get(), SIGCONT, "up")); }
    int wait() {
        std::array<char, 4096> buffer{};
        while (master_.valid()) {  // EIO: nobody has the other end any more
            const ssize_t n = ::read(master_.get(), buffer.data(), buffer.size());
            if (n <= 0) { break; }
            printed_.append(buffer.data(), static_cast<std::size_t>(n));
        }
        const auto exited = wait_for(child_, std::chrono::seconds(60));
        return exited && *exited ? (*exited)->shell_status() : -1;
    }
    [[nodiscard]] const std::string& printed() const { return printed_; }

private:
    Fd master_;
    Child child_;
    std::string printed_;
};

TEST_F(Signals, CtrlCAtATerminal) {
    for (const char* file : {"hello.yaml", "tenants.yaml"}) {
        Terminal terminal({"up", example(file)}, "before-add-veth:stop");
        wait_until_stopped(terminal.pid());
        terminal.type("\x03");
        terminal.go_on();
        EXPECT_EQ(terminal.wait(), 128 + SIGINT) << terminal.printed();
        EXPECT_THAT(terminal.printed(), HasSubstr("interrupted; going back"));
        expect_same_machine();
    }
}

TEST_F(Signals, ATerminalThatIsClosed) {
    for (const char* file : {"hello.yaml", "tenants.yaml"}) {
        Terminal terminal({"up", example(file)}, "before-add-veth:stop");
        wait_until_stopped(terminal.pid());
        terminal.close();
        terminal.go_on();
        EXPECT_EQ(terminal.wait(), 128 + SIGHUP);
        expect_same_machine();
    }
    must_warren({"up", example("tenants.yaml")});
    Terminal terminal({"down"}, "before-step#3:stop");
    wait_until_stopped(terminal.pid());
    terminal.close();
    terminal.go_on();
    EXPECT_EQ(terminal.wait(), 128 + SIGHUP);
    expect_same_machine();
}

// --- calls that are interrupted again and again ------------------------------------------------------

// Sends SIGNALS in turn, as fast as it can, to a process until that has gone.
class Storm {
public:
    Storm(int pid, std::vector<int> signals)
        : thread_([this, pid, signals = std::move(signals)] {
              for (std::size_t i = 0; !over_; ++i) {
                  if (::kill(pid, signals[i % signals.size()]) == 0) { ++sent_; }
                  std::this_thread::sleep_for(microseconds(100));
              }
              (void)::kill(pid, SIGCONT);
          }) {}
    int end() {
        over_ = true;
        if (thread_.joinable()) { thread_.join(); }
        return sent_;
    }
    ~Storm() { (void)end(); }
    Storm(const Storm&) = delete;
    Storm& operator=(const Storm&) = delete;

private:
    std::atomic<bool> over_ = false;
    std::atomic<int> sent_ = 0;
    std::thread thread_;
};

// SIGSTOP and SIGCONT make poll(2) and the like return EINTR in a program that catches nothing.
TEST_F(Signals, StopAndContinueAgainAndAgain) {
    for (const char* file : {"hello.yaml", "tenants.yaml"}) {
        const std::string lab(file, std::string_view(file).find('.'));
        must_warren({"up", example(file)});
        const auto usual = snapshot_without_memory();
        must_warren({"down"});
        Background up(job({"up", example(file)}));
        Storm storm(up.pid(), {SIGSTOP, SIGCONT});
        EXPECT_EQ(up.wait(), 0) << up.printed();
        std::printf("up of %s with %d signals\n", lab.c_str(), storm.end());
        EXPECT_THAT(lasting_difference(usual), IsEmpty());
        EXPECT_THAT(drift(lab), IsEmpty());
        Background down(job({"down"}));
        Storm second(down.pid(), {SIGSTOP, SIGCONT});
        EXPECT_EQ(down.wait(), 0) << down.printed();
        second.end();
        expect_same_machine();
    }
}

// The handler is called each time, and every call that blocks is interrupted.
TEST_F(Signals, AStormWhileAnUpIsUndoneAndWhileADownIsFinished) {
    for (const char* file : {"hello.yaml", "tenants.yaml"}) {
        Background up(job({"up", example(file)}, {"WARREN_FAULT=before-add-veth:stop"}));
        wait_until_stopped(up.pid());
        EXPECT_EQ(up.signal(SIGTERM), 0);
        EXPECT_EQ(up.signal(SIGCONT), 0);
        // Of signals that wait together the lowest number comes first.
        EXPECT_TRUE(up.wait_for("interrupted; ")) << up.printed();
        Storm storm(up.pid(), {SIGTERM, SIGHUP});
        EXPECT_EQ(up.wait(), 128 + SIGTERM) << up.printed();
        int sent = storm.end();
        expect_same_machine();

        must_warren({"up", example(file)});
        Background down(job({"down"}, {"WARREN_FAULT=before-step:stop"}));
        wait_until_stopped(down.pid());
        EXPECT_EQ(down.signal(SIGTERM), 0);
        EXPECT_EQ(down.signal(SIGCONT), 0);
        // Of signals that wait together the lowest number comes first.
        EXPECT_TRUE(down.wait_for("interrupted; ")) << down.printed();
        Storm second(down.pid(), {SIGTERM, SIGHUP});
        EXPECT_EQ(down.wait(), 128 + SIGTERM) << down.printed();
        sent += second.end();
        std::printf("%s: %d signals\n", file, sent);
        expect_same_machine();
    }
}

// --- standard streams --------------------------------------------------------------------------------

TEST_F(Signals, OutputThatNobodyReads) {
    const std::string w = WARREN_PROGRAM;
    must_warren({"up", example("tenants.yaml")});
    EXPECT_EQ(must_sh("set +o pipefail; " + w + " show | head -1").substr(0, 11), "lab tenants");
    for (const char* verb : {"show", "list", "draw", "show -o json"}) {
        // Killed by SIGPIPE, as programs are, or done before the reader went.
        const Ran run = sh(w + " " + verb + " | head -c0");
        EXPECT_TRUE(run.status == 128 + SIGPIPE || run.status == 0) << testing::PrintToString(run);
        EXPECT_EQ(run.err, "");
    }
    must_sh("set +o pipefail; " + w + " down | head -c0");
    expect_same_machine();
    must_sh("set +o pipefail; " + w + " up " + example("hello.yaml") + " 2>&1 | head -c0");
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_sh("set +o pipefail; " + w + " down 2>&1 | head -c0");
    expect_same_machine();
}

TEST_F(Signals, OutputThatCannotBeWritten) {
    const std::string w = WARREN_PROGRAM;
    const std::string hello = example("hello.yaml");
    for (const auto& [to, why] : std::vector<std::pair<std::string, std::string>>{
             {">/dev/full", "No space left on device"}, {">&-", "Bad file descriptor"}}) {
        const Ran up = sh(w + " up " + hello + " " + to);
        EXPECT_EQ(up.status, 1);
        EXPECT_EQ(up.err, "warren: cannot write the result: " + why + "\n");
        EXPECT_THAT(drift("hello"), IsEmpty());  // it is up all the same
        for (const std::string& verb :
             std::vector<std::string>{"show", "show -o json", "list", "list -o json", "draw", "plan " + hello,
                                      "schema", "ping", "check", "doctor", "--help", "--version"}) {
            const Ran run = sh(w + " " + verb + " " + to);
            EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
            EXPECT_THAT(run.err, HasSubstr("cannot write the result: " + why)) << verb;
        }
        EXPECT_EQ(sh(w + " exec h1 -- true " + to).status, 0);
        EXPECT_EQ(sh(w + " down " + to).status, 1);
        expect_same_machine();
    }
}

TEST_F(Signals, StandardStreamsThatAreClosed) {
    const std::string w = WARREN_PROGRAM;
    for (const char* closed : {"<&-", "2>&-", "<&- 2>&-"}) {
        SCOPED_TRACE(closed);
        EXPECT_EQ(sh(w + " up " + example("tenants.yaml") + " " + closed).status, 0);
        EXPECT_THAT(drift("tenants"), IsEmpty());
        EXPECT_TRUE(sh(w + " check " + closed).ok());
        EXPECT_EQ(sh(w + " down " + closed).status, 0);
        expect_same_machine();
    }
    // Nothing that is opened becomes standard output: the record of the lab would get what is printed.
    EXPECT_EQ(sh(w + " up " + example("hello.yaml") + " <&- >&- 2>&-").status, 1);
    EXPECT_THAT(drift("hello"), IsEmpty());
    EXPECT_EQ(sh(w + " down <&- >&- 2>&-").status, 1);
    expect_same_machine();
}

TEST_F(Signals, ErrorsThatCannotBeWritten) {
    const std::string w = WARREN_PROGRAM;
    EXPECT_EQ(sh(w + " show nothing 2>/dev/full").status, 1);
    EXPECT_EQ(sh(w + " up /mnt/none.yaml 2>/dev/full").status, 2);
    EXPECT_EQ(sh("WARREN_FAULT=links-made:error=EIO " + w + " up " + example("hello.yaml") + " 2>/dev/full").status,
              1);
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
