// Several commands at the same moment: one waits, or fails saying for whom; the machine ends as if they had come one
// after the other.
#include <chrono>
#include <fstream>
#include <thread>

#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class Concurrent : public E2e {
protected:
    struct Command {
        std::vector<std::string> arguments;
        bool may_fail = false;
    };

    // Starts all before it waits for any. A status other than 0 is a failure unless the command MAY_FAIL and says who
    // is in its way.
    static void at_once(const std::vector<Command>& commands) {
        std::vector<std::unique_ptr<Background>> running;
        for (const auto& command : commands) {
            std::vector<std::string> words{WARREN_PROGRAM};
            words.insert(words.end(), command.arguments.begin(), command.arguments.end());
            running.push_back(std::make_unique<Background>(words));
        }
        for (std::size_t i = 0; i < commands.size(); ++i) {
            const int status = running[i]->wait();
            const std::string& said = running[i]->printed();
            if (status != 0) {
                EXPECT_TRUE(commands[i].may_fail && status == 1 && said.find("process ") != std::string::npos)
                    << testing::PrintToString(commands[i].arguments) << " status " << status << ": " << said;
            }
        }
    }

    static bool is_up(const std::string& lab) { return !named(warren_json({"list"}), lab).is_null(); }

    // Which it is depends on who was first; half of it is neither.
    static void expect_whole_or_nothing(const std::string& lab) {
        if (is_up(lab)) { EXPECT_THAT(drift(lab), IsEmpty()); }
    }
};

std::string ovs_lab(const std::string& name, int number) {
    const std::string n = std::to_string(number);
    return write_file(name + ".yaml", "lab: " + name + "\nswitches: {s" + n + ": {kind: ovs}}\nhosts:\n  x" + n +
                                          ": {interfaces: {eth0: {to: s" + n + ", address: 10.0." + n +
                                          ".1/24}}}\n  y" + n + ": {interfaces: {eth0: {to: s" + n +
                                          ", address: 10.0." + n + ".2/24}}}\n");
}

std::string bridge_lab(const std::string& name, int number) {
    const std::string n = std::to_string(number);
    return write_file(name + ".yaml", "lab: " + name + "\nswitches: {b" + n + ": {}}\nhosts:\n  x" + n +
                                          ": {interfaces: {eth0: {to: b" + n + ", address: 10.0." + n +
                                          ".1/24}}}\n");
}

TEST_F(Concurrent, TwoUpsOfOneLab) {
    const std::string file = example("tenants.yaml");
    for (int round = 0; round < 4; ++round) {
        SCOPED_TRACE(round);
        at_once({{{"up", file}, true}, {{"up", file}, true}});
        EXPECT_TRUE(is_up("tenants"));
        EXPECT_THAT(drift("tenants"), IsEmpty());
        must_warren({"down", "tenants"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
    const std::string hello = example("hello.yaml");
    for (int round = 0; round < 10; ++round) {
        SCOPED_TRACE(round);
        at_once({{{"up", hello}}, {{"up", hello}}, {{"up", hello}}});
        EXPECT_THAT(drift("hello"), IsEmpty());
        must_warren({"down", "hello"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

TEST_F(Concurrent, UpAndDownOfOneLab) {
    const std::string hello = example("hello.yaml");
    int left_up = 0;
    constexpr int kRounds = 12;
    for (int round = 0; round < kRounds; ++round) {
        SCOPED_TRACE(round);
        if (round % 2 == 0) { must_warren({"up", hello}); }
        std::vector<Command> commands{{{"down", "hello"}}, {{"up", hello}}};
        if (round % 4 >= 2) { std::swap(commands[0], commands[1]); }
        at_once(commands);
        expect_whole_or_nothing("hello");
        left_up += is_up("hello") ? 1 : 0;
        must_warren({"down", "hello"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
    std::printf("up and down at once: %d of %d rounds ended up\n", left_up, kRounds);
}

TEST_F(Concurrent, UpAndDownOfOneLabOnOpenVSwitch) {
    const std::string file = example("red-green.yaml");
    for (int round = 0; round < 5; ++round) {
        SCOPED_TRACE(round);
        if (round % 2 == 0) { must_warren({"up", file}); }
        at_once({{{"down", "red-green"}, true}, {{"up", file}, true}});
        expect_whole_or_nothing("red-green");
        must_warren({"down", "red-green"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

TEST_F(Concurrent, TwoLabsThatShareWarrensOpenVSwitch) {
    const std::string a = ovs_lab("one", 1);
    const std::string b = ovs_lab("two", 2);
    for (int round = 0; round < 3; ++round) {
        SCOPED_TRACE(round);
        at_once({{{"up", a}}, {{"up", b}}});
        EXPECT_THAT(drift("one"), IsEmpty());
        EXPECT_THAT(drift("two"), IsEmpty());
        at_once({{{"down", "one"}}, {{"up", b}}});
        EXPECT_FALSE(is_up("one"));
        EXPECT_THAT(drift("two"), IsEmpty());
        EXPECT_TRUE(warren({"ping", "two/x2", "two/y2"}).ok());
        at_once({{{"up", a}}, {{"down", "two"}}});
        EXPECT_THAT(drift("one"), IsEmpty());
        EXPECT_FALSE(is_up("two"));
        EXPECT_TRUE(warren({"ping", "one/x1", "one/y1"}).ok());
        must_warren({"up", b});
        at_once({{{"down", "one"}}, {{"down", "two"}}});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

// The directories that all labs share come with the first and go with the last.
TEST_F(Concurrent, ManyLabsComeAndGo) {
    std::vector<std::string> files;
    for (int i = 1; i <= 4; ++i) { files.push_back(bridge_lab("lab" + std::to_string(i), i)); }
    for (int round = 0; round < 10; ++round) {
        SCOPED_TRACE(round);
        at_once({{{"up", files[0]}}, {{"up", files[1]}}});
        at_once({{{"down", "lab1"}}, {{"down", "lab2"}}, {{"up", files[2]}}, {{"up", files[3]}}});
        EXPECT_THAT(drift("lab3"), IsEmpty());
        EXPECT_THAT(drift("lab4"), IsEmpty());
        at_once({{{"down", "lab3"}}, {{"down", "lab4"}}});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

// A command, an `up` of FILE say, that is stopped in the middle, with the locks that it has; ended with `finish`.
class Holder {
public:
    Holder(const std::string& file, const std::string& point)
        : Holder(std::vector<std::string>{"up", file}, point) {}
    Holder(const std::vector<std::string>& arguments, const std::string& point) : up_(stopping(arguments, point)) {
        must_sh("timeout 60 bash -c 'until grep -q \"^State:.T\" /proc/" + pid() + "/status; do sleep 0.01; done'");
    }
    [[nodiscard]] std::string pid() const { return std::to_string(up_.pid()); }
    int finish() {
        EXPECT_EQ(up_.signal(SIGCONT), 0);
        return up_.wait();
    }
    [[nodiscard]] const std::string& printed() const { return up_.printed(); }

private:
    static std::vector<std::string> stopping(const std::vector<std::string>& arguments, const std::string& point) {
        std::vector<std::string> words{"env", "WARREN_FAULT=" + point + ":stop", WARREN_PROGRAM};
        words.insert(words.end(), arguments.begin(), arguments.end());
        return words;
    }
    Background up_;
};

TEST_F(Concurrent, WhoWaitsTooLongIsToldForWhom) {
    const std::string file = example("hello.yaml");
    Holder holder(file, "links-made");
    Background up({WARREN_PROGRAM, "up", file});
    Background down({WARREN_PROGRAM, "down", "hello"});
    for (Background* waiting : {&up, &down}) {
        EXPECT_EQ(waiting->wait(), 1);
        EXPECT_THAT(waiting->printed(), HasSubstr("process " + holder.pid() + " (" WARREN_PROGRAM " up " + file +
                                                  ") has held it for over 10 s; wait for it to end"));
    }
    EXPECT_EQ(holder.finish(), 0);
    EXPECT_THAT(drift("hello"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

// Those who use the shared Open vSwitch hold its lock together; who would stop it waits for them.
TEST_F(Concurrent, WhoWaitsForTheSharedOpenVSwitchIsToldForWhom) {
    const std::string a = ovs_lab("one", 1);
    const std::string b = ovs_lab("two", 2);
    must_warren({"up", b});
    Holder holder(a, "ovs-committed");
    const Ran down = warren({"down", "two"});
    EXPECT_EQ(down.status, 1);
    EXPECT_THAT(down.err, HasSubstr("process " + holder.pid() + " (" WARREN_PROGRAM " up " + a + ")"));
    EXPECT_EQ(holder.finish(), 0);
    EXPECT_THAT(drift("one"), IsEmpty());
    EXPECT_THAT(drift("two"), IsEmpty());
    must_warren({"down", "--all"});
    expect_same_machine();
}

// `clean` beside an `up`: it removes what it came for, and nothing that the `up` has made or is about to take over.
class CleanBesideUp : public Concurrent {
protected:
    // A lab of which no record tells.
    static void make_orphan() {
        must_warren({"up", bridge_lab("orphan", 9)});
        must_sh("rm -r /run/warren/orphan");
    }
};

TEST_F(CleanBesideUp, ThatIsStoppedAnywhere) {
    const std::string file = example("tenants.yaml");
    for (const std::string point : {"file-before", "before-step#1", "namespace-named", "links-made", "links-named",
                                    "ovs-database", "ovs-committed", "after-step#40", "file-before#2"}) {
        SCOPED_TRACE(point);
        Holder up(file, point);
        const auto before = snapshot();
        const Ran look = warren({"clean", "--dry-run"});
        const Ran clean = warren({"clean"});
        for (const Ran& ran : {look, clean}) {
            EXPECT_TRUE(ran.ok()) << testing::PrintToString(ran);
            EXPECT_THAT(ran.err, HasSubstr("nothing is left"));
        }
        // There ovs-vswitchd goes on with what it has been told.
        if (point != "ovs-committed") { EXPECT_THAT(difference(before, snapshot()), IsEmpty()); }
        EXPECT_EQ(up.finish(), 0) << up.printed();
        EXPECT_THAT(drift("tenants"), IsEmpty());
        must_warren({"down", "tenants"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

// What `clean` came for is removed all the same. It waits for who uses the shared Open vSwitch.
TEST_F(CleanBesideUp, OfAnotherLabRemovesWhatItCameFor) {
    const std::string file = example("red-green.yaml");
    for (const char* point : {"file-before", "namespace-named", "links-made", "ovs-database", "ovs-committed"}) {
        SCOPED_TRACE(point);
        make_orphan();
        Background up({"env", std::string("WARREN_FAULT=") + point + ":delay=1000", WARREN_PROGRAM, "up", file});
        must_sh("timeout 60 bash -c 'until [ -e /run/warren/red-green/lock ]; do sleep 0.001; done'");
        const Ran clean = warren({"clean"});
        EXPECT_TRUE(clean.ok()) << testing::PrintToString(clean);
        EXPECT_THAT(clean.out, HasSubstr("lab orphan:"));
        EXPECT_THAT(clean.out, Not(HasSubstr("red-green")));
        EXPECT_EQ(up.wait(), 0) << up.printed();
        EXPECT_FALSE(sh("ip netns list | grep -w x9").ok());
        EXPECT_THAT(drift("red-green"), IsEmpty());
        must_warren({"down", "red-green"});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

// An `up` takes over what bears its lab's marks, after `clean` has found it and before that removes it.
TEST_F(CleanBesideUp, ThatTakesOverWhatItHadFound) {
    make_orphan();
    const std::string file = bridge_lab("orphan", 9);
    const auto machine = [] {
        auto lines = snapshot();
        std::erase(lines, "process " WARREN_PROGRAM " clean");
        return lines;
    };
    {
        Holder clean(std::vector<std::string>{"clean"}, "clean-found");
        must_warren({"up", file});
        const auto before = machine();
        EXPECT_EQ(clean.finish(), 0);
        EXPECT_THAT(clean.printed(), HasSubstr("nothing is left"));
        EXPECT_THAT(difference(before, machine()), IsEmpty());
        EXPECT_THAT(drift("orphan"), IsEmpty());
    }
    must_sh("rm -r /run/warren/orphan");
    {
        Holder clean(std::vector<std::string>{"clean"}, "clean-found");
        Holder up(file, "before-step#1");
        const auto before = machine();
        EXPECT_EQ(clean.finish(), 0);
        EXPECT_THAT(difference(before, machine()), IsEmpty());
        EXPECT_EQ(up.finish(), 0) << up.printed();
        EXPECT_THAT(drift("orphan"), IsEmpty());
    }
    must_warren({"down"});
    expect_same_machine();
}

// The other way round: an `up` waits for a `clean` that has begun with its lab.
TEST_F(CleanBesideUp, ThatWaitsForIt) {
    make_orphan();
    Holder clean(std::vector<std::string>{"clean"}, "before-step#2");
    Background up({WARREN_PROGRAM, "up", bridge_lab("orphan", 9)});
    EXPECT_EQ(clean.finish(), 0) << clean.printed();
    EXPECT_EQ(up.wait(), 0) << up.printed();
    EXPECT_THAT(drift("orphan"), IsEmpty());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(CleanBesideUp, AtOnce) {
    const std::string hello = example("hello.yaml");
    const std::string ovs = ovs_lab("one", 1);
    for (int round = 0; round < 8; ++round) {
        SCOPED_TRACE(round);
        at_once({{{"clean"}}, {{"up", hello}}, {{"clean"}}, {{"up", ovs}}});
        EXPECT_THAT(drift("hello"), IsEmpty());
        EXPECT_THAT(drift("one"), IsEmpty());
        at_once({{{"down", "hello"}}, {{"clean"}}, {{"down", "one"}}, {{"clean"}}});
        expect_same_machine();
        if (HasFailure()) { return; }
    }
}

}  // namespace
}  // namespace warren::e2e
