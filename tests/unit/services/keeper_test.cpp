// The keeper with real processes, in a directory of the test's own. keeper_program.cpp makes the test binary the
// program that ensure() starts.
#include "services/keeper.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "services/process_records.hpp"

namespace warren {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

bool soon(const std::function<bool()>& holds, milliseconds within = milliseconds(60000)) {
    const auto deadline = Clock::now() + within;
    while (!holds()) {
        if (Clock::now() > deadline) { return false; }
        std::this_thread::sleep_for(milliseconds(2));
    }
    return true;
}

bool lives(pid_t pid) { return process_id(pid).has_value(); }

bool ends(pid_t pid, milliseconds within = milliseconds(60000)) {
    return soon([&] { return !lives(pid); }, within);
}

class KeeperTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string path = ::testing::TempDir() + "keeper-XXXXXX";
        ASSERT_NE(::mkdtemp(path.data()), nullptr);
        top_ = path;
        directory_ = path + "/lab";
        program_ = std::filesystem::read_symlink("/proc/self/exe").string();
    }
    void TearDown() override {
        if (auto keeper = Keeper::connect(directory_)) {
            if (auto all = keeper->list()) { (void)keeper->stop(*all); }
            (void)keeper->quit();
        }
        if (const auto id = read_file(directory_ + "/keeper.id")) {  // what a failed test left
            for (const auto& [key, process] : marked_processes(*id)) { ::kill(process.pid, SIGKILL); }
        }
        (void)remove_tree(top_);
    }

    Keeper ensure() {
        auto keeper = Keeper::ensure(directory_, "lab", program_);
        if (!keeper) {
            ADD_FAILURE() << keeper.error().message();
            std::abort();
        }
        return std::move(*keeper);
    }

    static Process sh(const std::string& name, const std::string& script) {
        Process process;
        process.host = "red";
        process.name = name;
        process.command = {"/bin/sh", "-c", script};
        return process;
    }

    static Process find(Keeper& keeper, const std::string& name) {
        auto all = keeper.list();
        if (!all) {
            ADD_FAILURE() << all.error().message();
            return {};
        }
        for (auto& process : *all) {
            if (process.name == name) { return process; }
        }
        return {};
    }
    Process recorded(const std::string& name) const {
        auto all = recorded_processes(directory_);
        if (!all) {
            ADD_FAILURE() << all.error().message();
            return {};
        }
        for (auto& process : *all) {
            if (process.name == name) { return process; }
        }
        return {};
    }
    [[nodiscard]] std::string log(const std::string& name) const {
        return read_file(process_log_path(directory_, sh(name, ""))).value_or("");
    }
    [[nodiscard]] pid_t keeper_pid() const {
        return std::atoi(read_file(directory_ + "/keeper.lock").value_or("0").c_str());
    }
    void kill_keeper(int signal = SIGKILL) const {
        const pid_t pid = keeper_pid();
        ASSERT_GT(pid, 0);
        ASSERT_EQ(::kill(pid, signal), 0);
        ASSERT_TRUE(ends(pid));
        ::waitpid(pid, nullptr, 0);
    }

    std::string top_;
    std::string directory_;
    std::string program_;
};

#define ASSERT_OK(expression)                                          \
    do {                                                               \
        const auto result_ = (expression);                             \
        ASSERT_TRUE(result_.has_value()) << result_.error().message(); \
    } while (false)

TEST_F(KeeperTest, NoKeeperNoProcesses) {
    const auto none = Keeper::connect(directory_);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ENOENT);
    const auto recorded = recorded_processes(directory_);
    ASSERT_TRUE(recorded);
    EXPECT_TRUE(recorded->empty());
}

TEST_F(KeeperTest, StartsListsAndStops) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "echo hello $WARREN_LAB $WARREN_HOST $WARREN_PROCESS; exec sleep 1000"),
                            sh("two", "exec sleep 1000")}));
    const auto all = keeper.list();
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2U);
    for (const auto& process : *all) {
        EXPECT_EQ(process.status, "running");
        EXPECT_TRUE(lives(process.pid));
        EXPECT_EQ(::getsid(process.pid), process.pid);
        EXPECT_EQ(recorded(process.name), process);
    }
    EXPECT_TRUE(soon([&] { return log("one") == "hello lab red one\n"; })) << log("one");
    const pid_t one = find(keeper, "one").pid;
    const pid_t two = find(keeper, "two").pid;
    ASSERT_OK(keeper.stop({sh("one", ""), sh("unknown", "")}));
    EXPECT_FALSE(lives(one));
    EXPECT_TRUE(lives(two));
    EXPECT_EQ(find(keeper, "one").name, "");
    EXPECT_EQ(recorded("one").name, "");
    EXPECT_EQ(recorded("two").pid, two);
}

TEST_F(KeeperTest, ItsFilesAreItsOwnersAlone) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "exec sleep 1000")}));
    const auto mode = [&](const std::string& path) {
        struct stat status {};
        return ::lstat((directory_ + path).c_str(), &status) == 0 ? status.st_mode & 0777U : 0777U;
    };
    EXPECT_EQ(mode(""), 0700U);
    EXPECT_EQ(mode("/keeper.sock"), 0600U);
    EXPECT_EQ(mode("/keeper.id"), 0600U);
    EXPECT_EQ(mode("/processes"), 0700U);
    EXPECT_EQ(mode("/processes/red:one.json"), 0600U);
    EXPECT_EQ(mode("/log/red:one.log"), 0600U);
}

TEST_F(KeeperTest, ChildrenInheritNoDescriptor) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "ls -l /proc/self/fd; exec sleep 1000")}));
    ASSERT_TRUE(soon([&] { return log("one").find(" 2 -> ") != std::string::npos; }));
    for (const char* mine : {"keeper.lock", "socket:", "eventpoll", "pidfd", "signalfd", "inotify"}) {
        EXPECT_EQ(log("one").find(mine), std::string::npos) << log("one");
    }
}

TEST_F(KeeperTest, StartsAgainAtOnceWhatWasKilled) {
    auto keeper = ensure();
    auto fastest = milliseconds::max();
    for (const char* name : {"one", "two", "three"}) {  // the machine may be busy with other things once
        ASSERT_OK(keeper.start({sh(name, "exec sleep 1000")}));
        const pid_t first = find(keeper, name).pid;
        const auto killed = Clock::now();
        ASSERT_EQ(::kill(first, SIGKILL), 0);
        ASSERT_TRUE(soon([&] {
            const auto now = find(keeper, name);
            return now.pid != 0 && now.pid != first && now.status == "running";
        }));
        fastest = std::min(fastest, std::chrono::duration_cast<milliseconds>(Clock::now() - killed));
        EXPECT_EQ(recorded(name).pid, find(keeper, name).pid);
    }
    EXPECT_LT(fastest, milliseconds(1000));
}

TEST_F(KeeperTest, BacksOffFromWhatKeepsDying) {
    auto keeper = ensure();
    const auto before = Clock::now();
    ASSERT_OK(keeper.start({sh("one", "echo again; exit 3")}));
    // At once, then after 100, 200 and 400 ms.
    ASSERT_TRUE(soon([&] { return log("one") == "again\nagain\nagain\nagain\nagain\n"; })) << log("one");
    EXPECT_GE(Clock::now() - before, milliseconds(700));
    EXPECT_TRUE(soon([&] { return find(keeper, "one").status == "backing off"; }));
    EXPECT_EQ(find(keeper, "one").pid, 0);
    ASSERT_OK(keeper.stop({sh("one", "")}));
    const std::string last = log("one");
    std::this_thread::sleep_for(milliseconds(1000));
    EXPECT_EQ(log("one"), last);
}

TEST_F(KeeperTest, RestartPolicies) {
    auto keeper = ensure();
    auto never = sh("never", "exit 3");
    never.restart = Restart::never;
    auto good = sh("good", "exit 0");
    good.restart = Restart::on_failure;
    auto bad = sh("bad", "test -e " + top_ + "/flag || { touch " + top_ + "/flag; exit 1; }");
    bad.restart = Restart::on_failure;
    ASSERT_OK(keeper.start({never, good, bad}));
    EXPECT_TRUE(soon([&] { return find(keeper, "never").status == "exited 3"; }));
    EXPECT_TRUE(soon([&] { return find(keeper, "good").status == "exited 0"; }));
    EXPECT_TRUE(soon([&] { return find(keeper, "bad").status == "exited 0"; }));
    EXPECT_EQ(find(keeper, "never").pid, 0);
    EXPECT_EQ(recorded("never").status, "exited 3");
    kill_keeper();
    auto next = ensure();
    EXPECT_EQ(find(next, "never").status, "exited 3");
    EXPECT_EQ(find(next, "good").pid, 0);
}

TEST_F(KeeperTest, StartingAgainWhatHasEnded) {
    auto keeper = ensure();
    auto once = sh("once", "echo ran; exit 0");
    once.restart = Restart::never;
    ASSERT_OK(keeper.start({once}));
    ASSERT_TRUE(soon([&] { return find(keeper, "once").status == "exited 0"; }));
    ASSERT_OK(keeper.start({once}));
    EXPECT_TRUE(soon([&] { return log("once") == "ran\nran\n"; }));
}

TEST_F(KeeperTest, ChildrenOutliveTheirKeeperAndAreTakenBack) {
    for (const int signal : {SIGKILL, SIGTERM}) {
        auto before = ensure();
        ASSERT_OK(before.start({sh("one", "exec sleep 1000"), sh("two", "exec sleep 1000")}));
        const pid_t one = find(before, "one").pid;
        const pid_t two = find(before, "two").pid;
        kill_keeper(signal);
        EXPECT_TRUE(lives(one));
        EXPECT_EQ(recorded("one").pid, one);
        EXPECT_FALSE(Keeper::connect(directory_));
        const auto gone = before.list();
        ASSERT_FALSE(gone);
        EXPECT_EQ(gone.error().code, ECONNRESET);

        ASSERT_EQ(::kill(two, SIGKILL), 0);  // dies while nobody looks
        ASSERT_TRUE(ends(two));
        EXPECT_EQ(recorded("two").status, "dead");
        auto after = ensure();
        EXPECT_EQ(find(after, "one").pid, one);
        const pid_t new_two = find(after, "two").pid;
        EXPECT_NE(new_two, two);
        EXPECT_TRUE(lives(new_two));

        ASSERT_EQ(::kill(one, SIGKILL), 0);  // no child of this keeper's, but followed
        ASSERT_TRUE(soon([&] {
            const auto now = find(after, "one");
            return now.pid != one && now.status == "running" && lives(now.pid);
        }));
        const pid_t again = find(after, "one").pid;
        ASSERT_OK(after.stop({sh("one", ""), sh("two", "")}));
        EXPECT_FALSE(lives(again));
        EXPECT_FALSE(lives(new_two));
    }
}

TEST_F(KeeperTest, FindsWhatWasForkedBeforeItWasRecorded) {
    auto before = ensure();
    ASSERT_OK(before.start({sh("one", "exec sleep 1000"), sh("two", "exec sleep 1000")}));
    const pid_t one = find(before, "one").pid;
    const pid_t two = find(before, "two").pid;
    kill_keeper();
    // As if it had been killed between fork and record: the first time, and when starting again.
    ASSERT_OK(write_record(directory_, {sh("one", "exec sleep 1000"), ProcessRecord::Phase::starting, {}, ""}));
    ASSERT_OK(write_record(directory_, {sh("two", "exec sleep 1000"), ProcessRecord::Phase::running, {1, 0}, ""}));
    // And as if before the fork.
    ASSERT_OK(write_record(directory_, {sh("three", "exec sleep 1000"), ProcessRecord::Phase::starting, {}, ""}));
    auto after = ensure();
    EXPECT_EQ(find(after, "one").pid, one);
    EXPECT_EQ(find(after, "two").pid, two);
    EXPECT_EQ(find(after, "three").name, "");
    EXPECT_EQ(recorded("one").pid, one);
}

TEST_F(KeeperTest, ATornRecordIsAnErrorThatNamesIt) {
    auto before = ensure();
    ASSERT_OK(before.start({sh("one", "exec sleep 1000")}));
    const pid_t one = find(before, "one").pid;
    kill_keeper();
    const std::string path = directory_ + "/processes/red:one.json";
    const auto whole = read_file(path);
    ASSERT_TRUE(whole);
    ASSERT_OK(write_file_atomic(path, whole->substr(0, whole->size() / 2)));
    const auto recorded = recorded_processes(directory_);
    ASSERT_FALSE(recorded);
    EXPECT_THAT(recorded.error().message(), HasSubstr(path));
    const auto keeper = Keeper::ensure(directory_, "lab", program_);
    ASSERT_FALSE(keeper);
    EXPECT_THAT(keeper.error().message(), HasSubstr(path));
    ASSERT_OK(write_file_atomic(path, *whole));
    auto after = ensure();
    EXPECT_EQ(find(after, "one").pid, one);
}

TEST_F(KeeperTest, OneKeeperWhenManyAskAtOnce) {
    std::vector<std::thread> threads;
    std::vector<int> ok(8);
    for (auto& mine : ok) {
        threads.emplace_back([&] {
            auto keeper = Keeper::ensure(directory_, "lab", program_);
            mine = keeper && keeper->list() ? 1 : 0;
        });
    }
    for (auto& thread : threads) { thread.join(); }
    EXPECT_EQ(ok, std::vector<int>(8, 1));
    const pid_t pid = keeper_pid();
    SpawnOptions second;  // one started by hand beside it
    second.command = {program_, "keeper", directory_, "lab"};
    auto child = spawn(second);
    ASSERT_TRUE(child);
    const auto exited = wait_for(*child, milliseconds(60000));
    ASSERT_TRUE(exited && *exited);
    EXPECT_FALSE((*exited)->success());
    EXPECT_EQ(keeper_pid(), pid);
    EXPECT_TRUE(lives(pid));
}

TEST_F(KeeperTest, QuitLeavesTheChildren) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "exec sleep 1000")}));
    const pid_t one = find(keeper, "one").pid;
    const pid_t pid = keeper_pid();
    ASSERT_OK(keeper.quit());
    EXPECT_FALSE(lives(pid));
    EXPECT_EQ(::kill(pid, 0), -1);  // not even a zombie
    EXPECT_FALSE(path_exists(directory_ + "/keeper.sock"));
    EXPECT_TRUE(lives(one));
    auto next = ensure();
    EXPECT_EQ(find(next, "one").pid, one);
}

TEST_F(KeeperTest, StopEndsWhatAProcessLeftRunning) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "sleep 1001 & setsid sleep 1002 & echo $!; wait")}));
    const auto id = read_file(directory_ + "/keeper.id");
    ASSERT_TRUE(id);
    ASSERT_TRUE(soon([&] { return marked_processes(*id).size() == 3; }));
    ASSERT_OK(keeper.stop({sh("one", "")}));
    EXPECT_TRUE(marked_processes(*id).empty());
}

TEST_F(KeeperTest, StopKillsWhatDoesNotListen) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("deaf", "trap '' TERM; echo deaf; while :; do sleep 1000; done")}));
    ASSERT_TRUE(soon([&] { return log("deaf") == "deaf\n"; }));
    const pid_t pid = find(keeper, "deaf").pid;
    const auto before = Clock::now();
    ASSERT_OK(keeper.stop({sh("deaf", "")}));
    const auto took = Clock::now() - before;
    EXPECT_FALSE(lives(pid));
    EXPECT_GE(took, milliseconds(1900));
    EXPECT_LT(took, milliseconds(30000));
}

TEST_F(KeeperTest, ManyStartAndStopTogether) {
    auto keeper = ensure();
    std::vector<Process> many;
    for (int i = 0; i < 100; ++i) { many.push_back(sh(fmt::format("s{}", i), "trap '' TERM; exec sleep 1000")); }
    ASSERT_OK(keeper.start(many));
    auto all = keeper.list();
    ASSERT_TRUE(all);
    EXPECT_EQ(all->size(), 100U);
    const auto before = Clock::now();
    ASSERT_OK(keeper.stop(many));
    EXPECT_LT(Clock::now() - before, milliseconds(100000));  // one by one: 2 s each
    for (const auto& process : *all) { EXPECT_FALSE(lives(process.pid)); }
    all = keeper.list();
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->empty());
}

TEST_F(KeeperTest, AFailedStartKeepsNoneOfItsCall) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("old", "exec sleep 1000")}));
    auto missing = sh("missing", "");
    missing.command = {"/nonexistent/program"};
    const auto result = keeper.start({sh("one", "exec sleep 1000"), missing});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ENOENT);
    EXPECT_THAT(result.error().message(), HasSubstr("/nonexistent/program"));
    const auto all = keeper.list();
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ((*all)[0].name, "old");
    EXPECT_EQ(recorded_processes(directory_)->size(), 1U);

    auto lost = sh("lost", "exec sleep 1000");
    lost.net_namespace = "no-such-namespace-here";
    const auto nowhere = keeper.start({lost});
    ASSERT_FALSE(nowhere);
    EXPECT_THAT(nowhere.error().message(), HasSubstr("no-such-namespace-here"));
}

TEST_F(KeeperTest, StartIsRefusedWhereItCannotBeMeant) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "exec sleep 1000")}));
    const pid_t pid = find(keeper, "one").pid;
    ASSERT_OK(keeper.start({sh("one", "exec sleep 1000")}));  // the same again
    EXPECT_EQ(find(keeper, "one").pid, pid);
    const auto other = keeper.start({sh("one", "exec sleep 999")});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, EEXIST);
    EXPECT_EQ(find(keeper, "one").pid, pid);
    EXPECT_FALSE(keeper.start({sh("../x", "exec sleep 1000")}));
    EXPECT_FALSE(keeper.start({sh("x", "exec sleep 1000"), sh("x", "exec sleep 1000")}));
    Process empty = sh("empty", "");
    empty.command.clear();
    EXPECT_FALSE(keeper.start({empty}));
    EXPECT_FALSE(keeper.reload({sh("unknown", "")}));
}

TEST_F(KeeperTest, AServerIsReadyWhenItsPidFileIsWritten) {
    auto keeper = ensure();
    const std::string pid_file = top_ + "/server.pid";
    auto server = sh("dnsmasq", fmt::format("sleep 0.3; echo $$ > {0}; exec sleep 1000", pid_file));
    server.role = ProcessRole::dhcp_server;
    server.command.push_back("--pid-file=" + pid_file);
    ASSERT_OK(write_file_atomic(pid_file, "1\n"));  // an old one
    const auto before = Clock::now();
    ASSERT_OK(keeper.start({server}));
    EXPECT_GE(Clock::now() - before, milliseconds(290));
    EXPECT_EQ(fmt::format("{}\n", find(keeper, "dnsmasq").pid), read_file(pid_file).value_or(""));
    EXPECT_EQ(find(keeper, "dnsmasq").status, "running");
}

TEST_F(KeeperTest, AServerThatDiesBeforeItIsReadyIsAnErrorWithItsLog) {
    auto keeper = ensure();
    auto server = sh("dnsmasq", "echo early words; echo failed to bind >&2; exit 2");
    server.role = ProcessRole::dhcp_server;
    server.command.push_back("--pid-file=" + top_ + "/server.pid");
    const auto result = keeper.start({sh("beside", "exec sleep 1000"), server});
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("dnsmasq in red"));
    EXPECT_THAT(result.error().message(), HasSubstr("exited 2"));
    EXPECT_THAT(result.error().message(), HasSubstr("failed to bind"));
    const auto all = keeper.list();
    ASSERT_TRUE(all);
    EXPECT_TRUE(all->empty());
    EXPECT_TRUE(recorded_processes(directory_)->empty());
}

TEST_F(KeeperTest, ReloadSendsSighup) {
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "trap 'echo hup' HUP; echo set; while :; do sleep 0.02; done")}));
    ASSERT_TRUE(soon([&] { return log("one") == "set\n"; }));
    ASSERT_OK(keeper.reload({sh("one", "")}));
    EXPECT_TRUE(soon([&] { return log("one") == "set\nhup\n"; })) << log("one");
}

TEST_F(KeeperTest, ALongLogIsPutAside) {
    auto keeper = ensure();
    auto talker = sh("one", "head -c 1100000 /dev/zero | tr '\\0' x; exit 0");
    talker.restart = Restart::never;
    ASSERT_OK(keeper.start({talker}));
    ASSERT_TRUE(soon([&] { return find(keeper, "one").status == "exited 0"; }));
    ASSERT_EQ(log("one").size(), 1100000U);
    ASSERT_OK(keeper.stop({talker}));
    ASSERT_OK(keeper.start({sh("one", "echo new; exec sleep 1000")}));
    EXPECT_TRUE(soon([&] { return log("one") == "new\n"; }));
    EXPECT_EQ(read_file(process_log_path(directory_, talker) + ".1").value_or("").size(), 1100000U);
}

TEST_F(KeeperTest, ADirectoryWithALongPath) {
    directory_ = top_ + "/" + std::string(120, 'd');
    auto keeper = ensure();
    ASSERT_OK(keeper.start({sh("one", "exec sleep 1000")}));
    EXPECT_EQ(find(keeper, "one").status, "running");
    EXPECT_TRUE(path_exists(directory_ + "/keeper.sock"));
}

TEST_F(KeeperTest, ADirectoryWhereOthersMayWriteIsRefused) {
    ASSERT_EQ(::mkdir(directory_.c_str(), 0700), 0);
    ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
    const auto keeper = Keeper::ensure(directory_, "lab", program_);
    ASSERT_FALSE(keeper);
    EXPECT_THAT(keeper.error().message(), HasSubstr("may write"));
}

}  // namespace
}  // namespace warren
