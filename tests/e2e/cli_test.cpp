// The command line's contract: exit statuses, mistakes of a file, JSON, JUnit, help.
#include <algorithm>

#include <sys/mount.h>

#include "harness.hpp"

namespace warren::e2e {
namespace {

class CommandLine : public E2e {};

const std::vector<std::string> kVerbs{"new",  "up",     "plan",  "down",     "list",   "show",
                                      "exec", "shell",  "check", "identify", "ping",   "draw",
                                      "logs", "doctor", "iperf", "schema",   "capture"};

TEST_F(CommandLine, VersionAndHelp) {
    EXPECT_THAT(must_warren({"--version"}), testing::MatchesRegex("warren [0-9]+\\.[0-9]+\\.[0-9]+"));
    const std::string help = must_warren({"--help"});
    for (const auto& verb : kVerbs) {
        EXPECT_THAT(help, HasSubstr("  " + verb + " "));
        const Ran of_verb = warren({verb, "--help"});
        EXPECT_TRUE(of_verb.ok()) << testing::PrintToString(of_verb);
        EXPECT_THAT(of_verb.out, HasSubstr("warren " + verb)) << "the help of " << verb << " has no example";
    }
    EXPECT_THAT(help, Not(HasSubstr("keeper")));
}

TEST_F(CommandLine, WrongUseIsTwo) {
    const std::vector<std::vector<std::string>> wrong{{},
                                                      {"no-such-verb"},
                                                      {"up"},
                                                      {"up", "/nonexistent.yaml"},
                                                      {"up", example("hello.yaml"), "--nmae", "x"},
                                                      {"up", example("hello.yaml"), "--name", "Not A Name"},
                                                      {"list", "-o", "xml"},
                                                      {"exec"},
                                                      {"identify", "zero"}};
    for (const auto& arguments : wrong) {
        const Ran run = warren(arguments);
        EXPECT_EQ(run.status, 2) << testing::PrintToString(run);
    }
    expect_same_machine();
}

TEST_F(CommandLine, WhatIsNotThereIsAFailure) {
    const std::vector<std::vector<std::string>> missing{{"show", "nothing"},
                                                        {"check", "nothing"},
                                                        {"logs", "nobody"},
                                                        {"exec", "nobody", "--", "true"},
                                                        {"ping", "nobody", "noone"}};
    for (const auto& arguments : missing) {
        const Ran run = warren(arguments);
        EXPECT_EQ(run.status, 1) << testing::PrintToString(run);
        EXPECT_THAT(run.err, HasSubstr(arguments[1]));
    }
    expect_same_machine();
}

TEST_F(CommandLine, EveryMistakeOfAFileIsToldAtOnceAndNothingIsMade) {
    const std::string file = write_file("wrong.yaml", R"(lab: wrong
switchs: {br0: {}}
hosts:
  a:
    interfaces:
      eth0: {to: "br0:pa", address: 10.0.0.1/24, vlan: 5000}
      a-name-of-far-too-many-bytes: {address: 10.0.0.300/24}
)");
    for (const char* verb : {"up", "plan"}) {
        const Ran run = warren({verb, file});
        EXPECT_EQ(run.status, 2) << testing::PrintToString(run);
        EXPECT_EQ(run.out, "");
        for (const char* place : {":2:1: ", ":6:56: ", ":7:7: ", ":7:47: "}) {
            EXPECT_THAT(run.err, HasSubstr(file + place)) << testing::PrintToString(run);
        }
        EXPECT_THAT(run.err, HasSubstr("switches"));
    }
    const Ran drawn = warren({"draw", "--file", file});
    EXPECT_EQ(drawn.status, 2);
    expect_same_machine();
}

TEST_F(CommandLine, AFileMayComeFromStandardInput) {
    const Ran up = warren({"up", "-"}, {}, read_text(example("hello.yaml")));
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    const Ran wrong = warren({"plan", "-"}, {}, "lab: x\nnonsense: 1\n");
    EXPECT_EQ(wrong.status, 2);
    EXPECT_THAT(wrong.err, HasSubstr(":2:1: "));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(CommandLine, UpIsQuietInAPipe) {
    const Ran up = warren({"up", example("hello.yaml")});
    EXPECT_TRUE(up.ok());
    EXPECT_EQ(up.err, "");
    EXPECT_EQ(std::count(up.out.begin(), up.out.end(), '\n'), 1) << up.out;
    EXPECT_THAT(up.out + up.err, Not(HasSubstr("\033")));
    must_warren({"down"});
    expect_same_machine();
}

// Members that DESIGN promises of `show -o json`.
void expect_members(const json::value& object, const std::vector<const char*>& keys) {
    ASSERT_TRUE(object.is_object()) << json::serialize(object);
    for (const char* key : keys) {
        EXPECT_TRUE(object.as_object().contains(key)) << "no " << key << " in " << json::serialize(object);
    }
}

TEST_F(CommandLine, ShowsJson) {
    must_warren({"up", example("tenants.yaml")});
    const json::value show = warren_json({"show"});
    expect_members(show, {"lab", "file", "drift", "switches", "hosts", "networks"});
    EXPECT_EQ(at(show, "lab"), json::value("tenants"));
    EXPECT_EQ(std::string(at(show, "file").as_string()), must_sh("realpath " + example("tenants.yaml")));

    const json::value ovs1 = named(at(show, "switches"), "ovs1");
    expect_members(ovs1, {"name", "kind", "datapath", "ports"});
    EXPECT_EQ(at(ovs1, "kind"), json::value("ovs"));
    const json::value port = named(at(ovs1, "ports"), "veth-r");
    expect_members(port, {"name", "vlan", "trunk", "host", "interface"});
    EXPECT_EQ(at(port, "vlan"), json::value(100));
    EXPECT_EQ(at(port, "host"), json::value("red"));
    EXPECT_EQ(at(port, "interface"), json::value("eth0-r"));

    const json::value red = named(at(show, "hosts"), "red");
    expect_members(red, {"name", "namespace", "interfaces", "routes", "processes"});
    const json::value eth0 = named(at(red, "interfaces"), "eth0-r");
    expect_members(eth0, {"name", "mac", "mtu", "state", "addresses", "switch", "port", "vlan"});
    EXPECT_EQ(at(eth0, "switch"), json::value("ovs1"));
    EXPECT_EQ(at(eth0, "port"), json::value("veth-r"));
    EXPECT_EQ(std::string(at(eth0, "addresses").as_array().at(0).as_string()),
              must_sh("ip -n red -4 -o addr show eth0-r | awk '{print $4}'"));
    for (const auto& process : elements(at(named(at(show, "hosts"), "dhcp-r"), "processes"))) {
        expect_members(process, {"pid", "name", "command", "state"});
    }

    const json::value network = named(at(show, "networks"), "red-net");
    expect_members(network, {"name", "vlan", "subnet", "dhcp"});
    expect_members(at(network, "dhcp"), {"host", "pid", "leases"});
    expect_members(at(at(network, "dhcp"), "leases").as_array().at(0), {"mac", "address", "host"});
    EXPECT_EQ(must_sh("ip netns identify " + json::serialize(at(at(network, "dhcp"), "pid"))), "dhcp-r");

    const json::value list = warren_json({"list"});
    ASSERT_TRUE(list.is_array());
    EXPECT_EQ(list.as_array().size(), 1U);
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(CommandLine, EveryVerbThatPrintsFactsHasJson) {
    must_warren({"up", example("hello.yaml")});
    for (const char* verb : {"list", "show", "check", "ping", "doctor"}) {
        const Ran run = warren({verb, "-o", "json"});
        json::error_code error;
        static_cast<void>(json::parse(run.out, error));
        EXPECT_FALSE(error) << testing::PrintToString(run);
    }
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(CommandLine, CheckWritesJUnit) {
    must_warren({"up", write_file("lab.yaml", R"(lab: half
switches: {br0: {}}
hosts:
  a: {interfaces: {eth0: {to: br0, address: 10.0.0.1/24}}}
  b: {interfaces: {eth0: {to: br0, address: 10.0.0.2/24}}}
expect:
  - reach: {from: a, to: b}
  - reach: {from: a, to: 10.0.0.99, within: 300ms}
  - isolate: {from: a, to: b}
)")});
    const Ran check = warren({"check", "--junit", "/mnt/report.xml"});
    EXPECT_EQ(check.status, 1) << testing::PrintToString(check);
    EXPECT_EQ(must_sh("/usr/bin/python3 - <<'EOT'\n"
                      "import xml.etree.ElementTree as x\n"
                      "cases = list(x.parse('/mnt/report.xml').getroot().iter('testcase'))\n"
                      "print(len(cases), sum(c.find('failure') is not None for c in cases))\n"
                      "EOT"),
              "3 2");
    const json::value results = warren_json({"check"}, 1);
    EXPECT_THAT(json::serialize(results), HasSubstr("10.0.0.99"));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(CommandLine, LackingProgramIsThreeAndNamesThePackage) {
    hide_program("/usr/sbin/dnsmasq");
    const Ran up = warren({"up", example("tenants.yaml")});
    EXPECT_EQ(up.status, 3) << testing::PrintToString(up);
    EXPECT_THAT(up.err, HasSubstr("dnsmasq-base"));
    ASSERT_EQ(umount("/usr/sbin/dnsmasq"), 0);
    expect_same_machine();
}

TEST_F(CommandLine, SchemaIsJsonAndInstalledFromTheTree) {
    const std::string schema = must_warren({"schema"});
    EXPECT_EQ(json::parse(schema),
              json::parse(read_text(std::string(WARREN_SOURCE_DIR) + "/schema/lab.schema.json")));
}

TEST_F(CommandLine, WritingToAFullDeviceIsAFailure) {
    EXPECT_NE(sh(WARREN_PROGRAM " schema > /dev/full").status, 0);
}

TEST_F(CommandLine, CompletionKnowsVerbsOptionsLabsAndHosts) {
    must_warren({"up", example("red-green.yaml")});
    const auto complete = [](const std::string& words) {
        return must_sh("PATH=$(dirname " WARREN_PROGRAM "):$PATH; source " WARREN_SOURCE_DIR
                       "/packaging/bash-completion/warren; COMP_WORDS=(" +
                       words +
                       "); "
                       "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _warren; echo \"${COMPREPLY[*]}\"");
    };
    EXPECT_EQ(complete("warren do"), "down doctor");
    EXPECT_EQ(complete("warren show re"), "red-green");
    EXPECT_EQ(complete("warren exec gr"), "green");
    EXPECT_EQ(complete("warren plan lab.yaml --ex"), "--exit-code");
    EXPECT_EQ(complete("warren new leaf"), "leaf-spine,");
    EXPECT_EQ(complete("warren up --topo '' --switch o"), "ovs");
    EXPECT_EQ(complete("warren show -o ''"), "text json");
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
