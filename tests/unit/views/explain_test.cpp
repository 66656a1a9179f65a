// explain: its text. That its scripts work is tests/e2e/explain_test.cpp's.
#include "views/explain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../lab/random_lab.hpp"
#include "base/child.hpp"
#include "lab/lab_file.hpp"
#include "views/shell.hpp"

namespace warren {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string by_bash(const std::string& script) {
    SpawnOptions options;
    options.command = {"/bin/bash", "-c", script};
    const auto output = run(options, std::chrono::seconds(60));
    return output ? output->out : output.error().message();
}

TEST(Shell, QuotedWordsAreReadBackAsTheyWere) {
    for (const std::string word :
         {"", "eth0", "10.0.0.1/24", "a b", "it's", "$HOME `x` \"y\" \\", "*", "a\nb", "~", "#"}) {
        EXPECT_EQ(by_bash("printf %s " + shell::quoted(word)), word);
    }
    EXPECT_EQ(shell::quoted("dev=eth0:1,2"), "dev=eth0:1,2");
}

TEST(Shell, LongCommandsAreFoldedAndStayOne) {
    std::vector<std::string> words{"printf", "%s|"};
    std::string expected;
    for (int i = 0; i < 60; ++i) {
        words.push_back("word number " + std::to_string(i));
        expected += words.back() + "|";
    }
    const std::string command = shell::command(words);
    EXPECT_THAT(command, HasSubstr(" \\\n    "));
    EXPECT_EQ(by_bash(command), expected);
}

TEST(Shell, FilesAreWrittenWithWhatTheyHold) {
    for (const std::string content : {"", "a\n", "no end", "EOF\nEOF_\n$x `y`\n", "\n\n"}) {
        EXPECT_EQ(
            by_bash("f=$(mktemp -d)/f; cd ${f%/f}; " + shell::write_file("f", content) + "\ncat f; rm -r ${f%/f}"),
            content);
    }
}

TEST(Shell, CommentsAreLinesOfComment) {
    const std::string comment = shell::comment(std::string(40, 'a') + " " + std::string(70, 'b') + "\n\nnext");
    EXPECT_EQ(comment, "# " + std::string(40, 'a') + "\n# " + std::string(70, 'b') + "\n#\n# next\n");
}

struct Made {
    State state;
    ExplainStyle style;
};

Made made(const Lab& lab) {
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    if (lab.root == RootKind::secluded) { site.ovs = {OvsInstance::Kind::lab, "/run/warren/x/ovs", lab.name}; }
    site.dhcp_client = "/usr/sbin/dhclient";
    site = site_by_hand(site, lab);
    return {expand(lab, site), {lab.name, site, true}};
}

Lab lab_of(const std::string& text) {
    Diagnostics diagnostics("test");
    Lab lab = read_lab(text, diagnostics);
    EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
    return lab;
}

constexpr const char* kLab =
    "lab: one\nswitches: {s: {kind: ovs}}\n"
    "networks: {net: {switch: s, vlan: 100, subnet: 10.1.0.0/24, dhcp: {}}}\n"
    "hosts:\n  a: {interfaces: {eth0: {network: net, address: dhcp}}}\n"
    "  b: {interfaces: {eth0: {to: s, address: 10.3.0.1/24}}}\n";

TEST(Explain, ALabIsGroupsOfCommandsWithWhy) {
    const Made one = made(lab_of(kLab));
    const std::string script = explain_script(diff({}, one.state, "one").plan, ExplainedWay::up, one.style);
    EXPECT_THAT(script, ::testing::StartsWith("#!/bin/bash\n# Lab one by hand"));
    for (const char* part :
         {"\nset -e", "\nip netns add a\n", "type veth peer name eth0", "\nexport OVS_RUNDIR=/run/by-hand/.ovs ",
          "\novs-vsctl add-br s -- set bridge s datapath_type=netdev", " tag=100", "access port", "internal port",
          "\nip netns exec dhcp-net dnsmasq ", "\nip netns exec a dhclient ", "resolv.conf",
          "ip -n b addr add 10.3.0.1/24"}) {
        EXPECT_THAT(script, HasSubstr(part));
    }
    for (const char* none : {"/run/warren", "alias", "external_ids", "WARREN_"}) {
        EXPECT_THAT(script, Not(HasSubstr(none)));
    }
}

TEST(Explain, TheWayBackEndsWhatWasBegun) {
    const Made one = made(lab_of(kLab));
    const std::string script = explain_script(diff(one.state, {}, "one").plan, ExplainedWay::down, one.style);
    for (const char* part : {"\nend_in() {", "\nend_in a ", "\novs-vsctl del-br s\n", "\nip netns del a\n",
                             "exit --cleanup", "\nrm -rf /run/by-hand/one\n", "\nrm -f /etc/netns/a\n"}) {
        EXPECT_THAT(script, HasSubstr(part));
    }
}

TEST(Explain, AnAttachedNamespaceIsNamedAndLeft) {
    const Made one = made(lab_of(
        "lab: one\nhosts:\n  web: {attach: {pid: 1234}, forwarding: true, interfaces: {eth0: {to: \"db:eth0\"}}}\n"
        "  db: {attach: {netns: /run/netns/db}}\n"));
    const std::string up = explain_script(diff({}, one.state, "one").plan, ExplainedWay::up, one.style);
    for (const char* part :
         {"\nip netns attach web 1234\n", "\nmount --bind /run/netns/db /run/netns/one.db\n", "bind mount"}) {
        EXPECT_THAT(up, HasSubstr(part));
    }
    EXPECT_THAT(up, Not(HasSubstr("ip netns add")));
    const std::string down = explain_script(diff(one.state, {}, "one").plan, ExplainedWay::down, one.style);
    EXPECT_THAT(down, HasSubstr("\nip netns del web\n"));
    EXPECT_THAT(down, HasSubstr("\n# net.ipv4.ip_forward stays as it was set"));
    EXPECT_THAT(down, Not(HasSubstr("ip netns pids")));
}

TEST(Explain, AChangeIsOnlyWhatDiffers) {
    const Made one = made(lab_of(kLab));
    std::string text = kLab;
    text.replace(text.find("10.3.0.1"), 8, "10.3.0.7");
    const Made two = made(lab_of(text));
    const auto groups = explain(diff(one.state, two.state, "one").plan, two.style);
    std::string all;
    for (const auto& group : groups) { all += group_text(group); }
    EXPECT_THAT(all, HasSubstr("ip -n b addr del 10.3.0.1/24 dev eth0"));
    EXPECT_THAT(all, HasSubstr("ip -n b addr add 10.3.0.7/24 brd + dev eth0"));
    EXPECT_THAT(all, Not(HasSubstr("netns add")));
    EXPECT_THAT(all, Not(HasSubstr("ovs-vsctl")));
    EXPECT_TRUE(explain(diff(one.state, one.state, "one").plan, one.style).empty());
}

TEST(Explain, BashReadsTheScriptsOfAllLabs) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        const Made lab = made(testing::random_lab(seed));
        for (const bool up : {true, false}) {
            const auto plan =
                up ? diff({}, lab.state, lab.style.lab).plan : diff(lab.state, {}, lab.style.lab).plan;
            const std::string script = explain_script(plan, up ? ExplainedWay::up : ExplainedWay::down, lab.style);
            EXPECT_EQ(by_bash("bash -n <<'END OF SCRIPT' 2>&1\n" + script + "END OF SCRIPT\n"), "") << seed;
        }
    }
}

}  // namespace
}  // namespace warren
