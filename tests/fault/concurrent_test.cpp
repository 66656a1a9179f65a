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

// An `up` that is stopped in the middle, which holds its locks; ended with `finish`.
class Holder {
public:
    explicit Holder(const std::string& file, const std::string& point)
        : up_(std::vector<std::string>{"env", "WARREN_FAULT=" + point + ":stop", WARREN_PROGRAM, "up", file}) {
        must_sh("timeout 60 bash -c 'until grep -q \"^State:.T\" /proc/" + pid() + "/status; do :; done'");
    }
    [[nodiscard]] std::string pid() const { return std::to_string(up_.pid()); }
    int finish() {
        EXPECT_EQ(up_.signal(SIGCONT), 0);
        return up_.wait();
    }

private:
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

}  // namespace
}  // namespace warren::e2e
