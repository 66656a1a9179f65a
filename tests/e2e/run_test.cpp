// Processes in hosts: exec, shell, identify, services.
#include <csignal>

#include "harness.hpp"

namespace warren::e2e {
namespace {

constexpr const char* kLab = R"(lab: proc
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: "br0:pa", address: 10.3.0.1/24}}, dns: [10.3.0.9]}
  b: {interfaces: {eth0: {to: "br0:pb", address: 10.3.0.2/24}}}
)";

class Processes : public E2e {
protected:
    void SetUp() override {
        E2e::SetUp();
        if (IsSkipped()) { return; }
        must_warren({"up", write_file("lab.yaml", kLab)});
    }
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down"}).ok());
        expect_same_machine();
    }
};

TEST_F(Processes, ExecRunsInTheHost) {
    EXPECT_THAT(must_warren({"exec", "a", "--", "ip", "-4", "-o", "addr"}), HasSubstr("10.3.0.1/24"));
    EXPECT_THAT(must_warren({"exec", "proc/b", "--", "ip", "-4", "-o", "addr"}), HasSubstr("10.3.0.2/24"));
}

TEST_F(Processes, ExecPassesTheExitStatus) {
    EXPECT_EQ(warren({"exec", "a", "--", "sh", "-c", "exit 17"}).status, 17);
    EXPECT_EQ(warren({"exec", "a", "--", "true"}).status, 0);
    EXPECT_EQ(warren({"exec", "a", "--", "no-such-program"}).status, 127);
    EXPECT_EQ(warren({"exec", "a", "--", "/etc/hosts"}).status, 126);
}

TEST_F(Processes, ExecPassesArgumentsAsTheyAre) {
    EXPECT_EQ(must_warren({"exec", "a", "--", "printf", "%s|", "two words", "", "$HOME", "-o", "--help"}),
              "two words||$HOME|-o|--help|");
}

TEST_F(Processes, ExecPassesStdin) {
    const Ran run = warren({"exec", "a", "--", "tr", "a-z", "A-Z"}, {}, "from the test\n");
    EXPECT_EQ(run.out, "FROM THE TEST\n");
}

TEST_F(Processes, ExecKeepsStreamsApart) {
    const Ran run = warren({"exec", "a", "--", "sh", "-c", "echo out; echo err >&2"});
    EXPECT_EQ(run.out, "out\n");
    EXPECT_EQ(run.err, "err\n");
}

TEST_F(Processes, ExecPassesSignals) {
    Background run({WARREN_PROGRAM, "exec", "a", "--", "bash", "-c",
                    "trap 'echo caught; exit 9' TERM; echo ready; while :; do read -t 1 < /dev/zero; done"});
    ASSERT_TRUE(run.wait_for("ready")) << run.printed();
    ASSERT_EQ(run.signal(SIGTERM), 0);
    EXPECT_EQ(run.wait(), 9);
    EXPECT_THAT(run.printed(), HasSubstr("caught"));

    Background killed({WARREN_PROGRAM, "exec", "a", "--", "sh", "-c", "echo ready; exec sleep 100"});
    ASSERT_TRUE(killed.wait_for("ready"));
    ASSERT_EQ(killed.signal(SIGKILL), 0);
    EXPECT_EQ(killed.wait(), 128 + SIGKILL);
    EXPECT_THAT(processes_with("sleep 100"), IsEmpty());
}

TEST_F(Processes, HostsHaveTheirOwnResolvConfAndHosts) {
    EXPECT_THAT(must_warren({"exec", "a", "--", "cat", "/etc/resolv.conf"}), HasSubstr("nameserver 10.3.0.9"));
    EXPECT_EQ(must_sh("ip netns exec a cat /etc/resolv.conf"),
              must_warren({"exec", "a", "--", "cat", "/etc/resolv.conf"}));
    EXPECT_THAT(read_text("/etc/resolv.conf"), HasSubstr("192.0.2.53"));
    EXPECT_TRUE(sh("ip netns exec a ping -c1 -W2 b").ok()) << "a does not know b by name";
    EXPECT_TRUE(warren({"exec", "a", "--", "ping", "-c1", "-W2", "b"}).ok());
}

TEST_F(Processes, ExecMayChangeTheHostsSysctls) {
    EXPECT_TRUE(warren({"exec", "a", "--", "sysctl", "-qw", "net.ipv4.ip_default_ttl=77"}).ok());
    EXPECT_EQ(must_sh("ip netns exec a sysctl -n net.ipv4.ip_default_ttl"), "77");
    EXPECT_NE(must_sh("sysctl -n net.ipv4.ip_default_ttl"), "77");
}

TEST_F(Processes, UnknownHostIsAFailure) {
    const Ran run = warren({"exec", "nobody", "--", "true"});
    EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
    EXPECT_THAT(run.err, HasSubstr("nobody"));
    EXPECT_EQ(warren({"exec", "a"}).status, 2);
    EXPECT_EQ(warren({"exec"}).status, 2);
}

TEST_F(Processes, ShellTakesCommandsFromAPipe) {
    const Ran run = warren({"shell", "a"}, {"SHELL=/bin/bash"},
                           "ip -4 -o addr\necho lab $WARREN_LAB host $WARREN_HOST\nexit 5\n");
    EXPECT_EQ(run.status, 5) << testing::PrintToString(run);
    EXPECT_THAT(run.out, HasSubstr("10.3.0.1/24"));
    EXPECT_THAT(run.out, HasSubstr("lab proc host a"));
}

TEST_F(Processes, ShellsPromptSaysWhereOneIs) {
    // script(1) gives the shell a terminal.
    if (!has_program("script")) { FAIL() << "script (bsdutils) is not installed"; }
    const Ran run = sh("printf 'exit\\n' | SHELL=/bin/bash script -qec '" WARREN_PROGRAM " shell a' /dev/null");
    EXPECT_THAT(run.out, HasSubstr("proc/a")) << testing::PrintToString(run);
}

TEST_F(Processes, IdentifyNamesHostAndLab) {
    Background sleeper({"ip", "netns", "exec", "b", "sh", "-c", "echo ready; exec sleep 100"});
    ASSERT_TRUE(sleeper.wait_for("ready"));
    const std::string pid = std::to_string(sleeper.pid());
    EXPECT_THAT(must_warren({"identify", pid}), HasSubstr("b"));
    const json::value place = warren_json({"identify", pid});
    EXPECT_EQ(at(place, "host"), json::value("b"));
    EXPECT_EQ(at(place, "lab"), json::value("proc"));
    EXPECT_EQ(warren({"identify", "1"}).status, 1) << "a process of the machine";
    EXPECT_NE(warren({"identify", "4194000"}).status, 0);
    EXPECT_EQ(warren({"identify", "zero"}).status, 2);
}

TEST_F(Processes, DownEndsWhatStillRunsInAHost) {
    Background sleeper({WARREN_PROGRAM, "exec", "a", "--", "sh", "-c", "echo ready; exec sleep 100"});
    ASSERT_TRUE(sleeper.wait_for("ready"));
    must_warren({"down"});
    EXPECT_NE(sleeper.wait(), 0);
}

constexpr const char* kServices = R"(lab: serv
switches: {br0: {}}
hosts:
  web:
    interfaces: {eth0: {to: "br0:pw", address: 10.4.0.1/24}}
    run:
      - {name: http, command: [/usr/bin/python3, -u, -m, http.server, "8000"]}
      - {name: hello, command: "echo hello from $WARREN_HOST; exec sleep 1000"}
  user: {interfaces: {eth0: {to: "br0:pu", address: 10.4.0.2/24}}}
expect:
  - reach: {from: user, to: web, tcp: 8000, within: 1m}
)";

class Services : public E2e {
protected:
    static json::value process(const std::string& name) {
        return named(at(named(at(warren_json({"show", "serv"}), "hosts"), "web"), "processes"), name);
    }
    void SetUp() override {
        E2e::SetUp();
        if (IsSkipped()) { return; }
        must_warren({"up", write_file("serv.yaml", kServices)});
        ASSERT_TRUE(warren({"check"}).ok());
    }
    void TearDown() override {
        if (IsSkipped()) { return; }
        EXPECT_TRUE(warren({"down"}).ok());
        expect_same_machine();
    }
};

TEST_F(Services, RunInTheirHost) {
    const json::value http = process("http");
    ASSERT_TRUE(http.is_object());
    EXPECT_EQ(at(http, "state"), json::value("running"));
    EXPECT_EQ(must_sh("ip netns identify " + json::serialize(at(http, "pid"))), "web");
    EXPECT_THAT(must_sh("ip netns exec user /usr/bin/python3 -c 'import urllib.request as u;"
                        "print(u.urlopen(\"http://10.4.0.1:8000/\").status)'"),
                HasSubstr("200"));
}

TEST_F(Services, AreStartedAgainWhenTheyDie) {
    const auto pid = at(process("http"), "pid").to_number<int>();
    kill_and_wait(pid, SIGKILL);
    const Ran check = warren({"check"});  // waits until the port answers again
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
    const auto again = at(process("http"), "pid").to_number<int>();
    EXPECT_NE(again, pid);
    EXPECT_EQ(must_sh("ip netns identify " + std::to_string(again)), "web");
    EXPECT_THAT(drift("serv"), IsEmpty());
}

TEST_F(Services, LogsAreShown) {
    // Running is not yet listening.
    ASSERT_TRUE(comes_true([] {
        return sh("ip netns exec user /usr/bin/python3 -c 'import urllib.request as u; "
                  "u.urlopen(\"http://10.4.0.1:8000/\").read()'")
            .ok();
    }));
    EXPECT_THAT(must_warren({"logs", "web", "http"}), HasSubstr("GET / HTTP"));
    const std::string all = must_warren({"logs", "web"});
    EXPECT_THAT(all, HasSubstr("hello from web"));
    EXPECT_THAT(all, HasSubstr("GET / HTTP"));
    EXPECT_EQ(warren({"logs", "web", "nothing"}).status, 1);
}

TEST_F(Services, SurviveTheirKeeperAndAreTakenBack) {
    const auto pid = at(process("http"), "pid").to_number<int>();
    const auto keepers = processes_with("keeper");
    ASSERT_EQ(keepers.size(), 1U);
    kill_and_wait(keepers.front(), SIGKILL);
    EXPECT_EQ(command_line(pid).empty(), false);
    EXPECT_FALSE(drift("serv").empty());
    must_warren({"up", "/mnt/serv.yaml"});
    EXPECT_THAT(drift("serv"), IsEmpty());
    EXPECT_EQ(at(process("http"), "pid").to_number<int>(), pid) << "the service was started anew";
}

TEST_F(Services, AChangedCommandIsTakenUpAndARemovedOneEnds) {
    std::string text = kServices;
    text.replace(text.find("\"8000\""), 6, "\"8001\"");
    text.replace(text.find("tcp: 8000"), 9, "tcp: 8001");
    const auto line = text.find("      - {name: hello");
    text.erase(line, text.find('\n', line) + 1 - line);
    must_warren({"up", write_file("serv.yaml", text)});
    EXPECT_TRUE(warren({"check"}).ok());
    EXPECT_THAT(processes_with("sleep 1000"), IsEmpty());
    EXPECT_THAT(drift("serv"), IsEmpty());
}

TEST_F(Services, OneThatCannotStartFailsUpWithItsWords) {
    std::string text = kServices;
    text.replace(text.find("[/usr/bin/python3,"), 18, "[no-such-program,");
    const auto before = snapshot_without_memory();
    const Ran up = warren({"up", write_file("broken.yaml", text)});
    EXPECT_EQ(up.status, 1) << testing::PrintToString(up);
    EXPECT_THAT(up.err, HasSubstr("no-such-program"));
    EXPECT_TRUE(warren({"check"}).ok()) << "the old service is there again";
    EXPECT_THAT(difference(before, snapshot_without_memory()), IsEmpty());
}

}  // namespace
}  // namespace warren::e2e
