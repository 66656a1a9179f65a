// Hosts that are somebody else's network namespace: what joins a lab, and that nothing of it is left or lost.
#include <csignal>

#include <fmt/format.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

// All that a lab might change in a namespace, as text: links, addresses, routes, neighbours, sysctls.
constexpr const char* kLook =
    "ip -d link; ip addr; ip route show table all; ip -6 route; ip neigh; "
    "find /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward -type f "
    "! -name stable_secret | sort | xargs grep -H .";

// A process in a network namespace of its own, which has links, routes and settings: what a container is to a lab.
class Container {
public:
    Container() : process_("exec unshare -n bash -c 'echo ready; exec sleep 1000'") {
        EXPECT_TRUE(process_.wait_for("ready"));
        inside(
            "ip link set lo up && ip link add d0 type veth peer name d1 && ip link set d0 up && "
            "ip addr add 192.168.7.1/24 dev d0 && echo 1 >/proc/sys/net/ipv4/conf/d0/forwarding");
        before_ = look();
    }
    std::string inside(const std::string& script) const {
        return must_sh(fmt::format("nsenter -t {} -n bash -c '{}'", process_.pid(), script));
    }
    [[nodiscard]] std::string look() const { return inside(kLook); }
    void expect_untouched() const { EXPECT_EQ(look(), before_); }
    [[nodiscard]] int pid() const { return process_.pid(); }
    void end() {
        process_.signal(SIGKILL);
        static_cast<void>(process_.wait());
    }

private:
    Background process_;
    std::string before_;
};

std::string lab_with(int pid, const std::string& more = "") {
    return write_file("joined.yaml", fmt::format(R"(lab: joined
switches: {{br0: {{}}}}
hosts:
  web:
    attach: {{pid: {}}}
    interfaces: {{eth0: {{to: br0, address: [10.1.0.1/24, "fd00:1::1/64"]}}}}
    routes: {{10.9.0.0/16: 10.1.0.2}}
    neighbours: {{10.1.0.9: "02:00:00:00:00:09"}}
    forwarding: true
    run: [{{name: idle, command: [sleep, "999"]}}]
  client: {{interfaces: {{eth0: {{to: br0, address: 10.1.0.2/24}}}}}}
expect: [{{reach: {{from: client, to: web}}}}, {{reach: {{from: web, to: client}}}}]
{})",
                                                 pid, more));
}

class AttachedHost : public E2e {};

TEST_F(AttachedHost, AProcessesNamespaceJoinsAndIsLeftAsItWas) {
    const Container container;
    remember_machine();
    const std::string file = lab_with(container.pid());
    EXPECT_THAT(must_warren({"plan", file}),
                HasSubstr(fmt::format("+ host web (attached: process {};", container.pid())));
    container.expect_untouched();
    must_warren({"up", file});
    EXPECT_THAT(must_warren({"up", file}), HasSubstr("nothing to do"));
    EXPECT_THAT(drift("joined"), IsEmpty());
    must_warren({"check"});
    EXPECT_EQ(must_warren({"exec", "web", "--", "ip", "-br", "addr", "show", "dev", "d0"}).substr(0, 2), "d0");
    const json::value show = warren_json({"show"});
    EXPECT_EQ(at(at(named(at(show, "hosts"), "web"), "attached"), "pid"), json::value(container.pid()));
    EXPECT_TRUE(at(named(at(show, "hosts"), "client"), "attached").is_null());
    EXPECT_THAT(must_warren({"identify", std::to_string(container.pid())}), HasSubstr("web"));
    EXPECT_THAT(must_warren({"draw"}), HasSubstr(fmt::format("attached: process {}", container.pid())));
    must_warren({"down", "joined"});
    container.expect_untouched();
    expect_same_machine();
}

TEST_F(AttachedHost, AFileIsANamespaceTooAndKeepsItsName) {
    must_sh("ip netns add guest");
    remember_machine();
    const std::string file = write_file("g.yaml", R"(lab: visited
hosts:
  guest: {attach: {netns: /run/netns/guest}, interfaces: {eth0: {to: "peer:eth0", address: 10.2.0.1/24}}}
  peer: {interfaces: {eth0: {address: 10.2.0.2/24}}}
)");
    must_warren({"up", file});
    must_warren({"ping", "guest", "peer"});
    EXPECT_EQ(must_sh("stat -Lc %i /run/netns/guest"), must_sh("stat -Lc %i /run/netns/visited.guest"));
    must_warren({"down", "visited"});
    expect_same_machine();
    must_sh("ip netns del guest");
}

// What a change does, and that it is taken back whole where it fails.
TEST_F(AttachedHost, ChangesLikeAnyOther) {
    const Container container;
    const Container other;
    remember_machine();
    const std::string file = lab_with(container.pid());
    must_warren({"up", file});
    // Another process: the host moves over, and the first is as it was.
    const std::string moved = lab_with(other.pid());
    must_warren({"up", moved});
    container.expect_untouched();
    must_warren({"check"});
    EXPECT_THAT(drift("joined"), IsEmpty());
    // Back, but for a step that fails: all stays with the other.
    const std::string back = lab_with(container.pid());
    const Ran failed = warren({"up", back}, {"WARREN_FAULT=before-start-process:error=5"});
    EXPECT_EQ(failed.status, 1) << testing::PrintToString(failed);
    container.expect_untouched();
    must_warren({"up", lab_with(other.pid())});
    EXPECT_THAT(must_warren({"up", lab_with(other.pid())}), HasSubstr("nothing to do"));
    must_warren({"check"});
    // Made by the lab instead, and then not there at all.
    must_warren({"up", write_file("made.yaml", "lab: joined\nhosts: {web: {}}\n")});
    other.expect_untouched();
    must_warren({"up", lab_with(other.pid())});
    must_warren({"up", write_file("none.yaml", "lab: joined\nhosts: {client: {}}\n")});
    other.expect_untouched();
    must_warren({"down", "joined"});
    expect_same_machine();
}

TEST_F(AttachedHost, OutlivesItsProcess) {
    Container container;
    const std::string file = lab_with(container.pid());
    must_warren({"up", file});
    container.end();
    const std::string show = must_warren({"show"});
    EXPECT_THAT(show,
                HasSubstr(fmt::format("host web: process {} has ended; its namespace lives on", container.pid())));
    EXPECT_THAT(show, HasSubstr("no drift"));
    EXPECT_THAT(must_warren({"up", file}), HasSubstr("nothing to do"));
    must_warren({"check"});
    must_warren({"down", "joined"});
    const Ran again = warren({"up", file});
    EXPECT_EQ(again.status, 1);
    EXPECT_THAT(again.err, HasSubstr(fmt::format("the namespace of process {} as host web: No such process",
                                                 container.pid())));
    expect_same_machine();
}

TEST_F(AttachedHost, WhatCannotJoinIsRefusedBeforeAnythingIsMade) {
    const Container container;
    container.inside("ip route add default dev d0");
    must_sh("ip netns add made && ip netns add named && ip -n named link set lo alias mine");
    remember_machine();
    const auto refused = [](const std::string& attach, const std::string& more = "") {
        const Ran run =
            warren({"up", write_file("r.yaml",
                                     fmt::format("lab: r\nhosts: {{h: {{attach: {{{}}}{}}}}}\n", attach, more))});
        EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
        return run.err;
    };
    EXPECT_THAT(refused(fmt::format("pid: {}", getpid())), HasSubstr("it is the machine's own network namespace"));
    EXPECT_THAT(refused("pid: 4194304"), HasSubstr("No such process"));
    EXPECT_THAT(refused("netns: /etc/passwd"), HasSubstr("namespace /etc/passwd as host h: it is no namespace"));
    EXPECT_THAT(refused("netns: /proc/self/ns/uts"), HasSubstr("it is a namespace, but not a network one"));
    EXPECT_THAT(refused("netns: /run/netns/none"), HasSubstr("No such file"));
    EXPECT_THAT(refused("netns: /run/netns/named"),
                HasSubstr("its loopback interface bears somebody's alias, 'mine'"));
    const std::string pid = fmt::format("pid: {}", container.pid());
    EXPECT_THAT(refused(pid, ", interfaces: {d0: {to: \"i:x\"}}}, i: {interfaces: {x: {}}"),
                HasSubstr(fmt::format("link d0 in the namespace of process {} is taken (not made by Warren)",
                                      container.pid())));
    EXPECT_THAT(
        refused(
            pid,
            ", gateway: 10.3.0.2, interfaces: {e: {to: \"i:x\", address: 10.3.0.1/24}}}, i: {interfaces: {x: {}}"),
        HasSubstr("route default in the namespace of process"));
    expect_same_machine();
    // Of a lab: attached, or made.
    must_warren({"up", lab_with(container.pid())});
    EXPECT_THAT(refused(pid), HasSubstr("lab joined has attached it, as its host web"));
    EXPECT_THAT(refused("netns: /run/netns/client"), HasSubstr("lab joined made it, for its host client"));
    EXPECT_THAT(
        warren({"up", write_file("j.yaml",
                                 "lab: joined\nhosts: {client: {}, b: {attach: {netns: /run/netns/client}}}\n")})
            .err,
        HasSubstr("it is that of the lab's own host client"));
    EXPECT_THAT(drift("joined"), IsEmpty());
    must_warren({"down", "joined"});
    expect_same_machine();
    must_sh("ip netns del made && ip netns del named");
}

// Without a record the marks alone tell what is the lab's; the container's own is not.
TEST_F(AttachedHost, IsLeftByTheMarksAlone) {
    const Container container;
    must_sh("ip netns add guest");
    remember_machine();
    must_warren({"up", lab_with(container.pid(), "")});
    must_warren({"up", write_file("g.yaml",
                                  "lab: g\nhosts: {guest: {attach: {netns: /run/netns/guest}, "
                                  "interfaces: {e: {to: \"p:e\"}}}, p: {interfaces: {e: {}}}}\n")});
    must_warren({"down", "joined"});
    must_sh("rm /run/warren/g/record");
    must_warren({"clean"});
    expect_same_machine();
    must_sh("ip netns del guest");
}

}  // namespace
}  // namespace warren::e2e
