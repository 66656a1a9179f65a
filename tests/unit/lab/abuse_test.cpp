// Hostile lab files, given to the program itself: each is refused in clear words, in little time and memory.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "lab/lab_file.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFull = kLargestLabFile - 100;
constexpr double kMostMemory = 64;  // MiB
// ms of processor time. What is refused takes some 30 to 130 on a machine that does nothing else; this is so much more
// that a loaded machine and an unoptimised build keep it, and that what grows faster than the file does not.
constexpr double kMostTime = 2000;

struct Outcome {
    int status = -1;
    std::string said;   // on standard error
    double cpu = 0;     // ms, user and system
    double memory = 0;  // MiB, the largest resident set
};

std::string content_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::stringstream content;
    content << file.rdbuf();
    return content.str();
}

std::string many(std::string_view unit, std::size_t count) {
    std::string text;
    text.reserve(unit.size() * count);
    for (std::size_t i = 0; i < count; ++i) { text += unit; }
    return text;
}

// UNIT again and again between HEAD and TAIL, as far as a file may go.
std::string filled(std::string_view unit, const std::string& head = {}, const std::string& tail = {}) {
    return head + many(unit, (kFull - head.size() - tail.size()) / unit.size()) + tail;
}

std::string numbered(std::size_t count, const std::function<std::string(std::size_t)>& line) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) { text += line(i); }
    return text;
}

class Abuse : public ::testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/warren-abuse-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        directory_ = path;
    }
    void TearDown() override { fs::remove_all(directory_); }

    // A process of its own between us and the program: what it uses would count our memory, which it begins with.
    Outcome plan(const std::string& file) {
        static constexpr const char* kMeasure =
            "import os,sys\n"
            "pid=os.fork()\n"
            "if pid==0:\n"
            "    os.dup2(os.open(sys.argv[3],os.O_WRONLY|os.O_CREAT|os.O_TRUNC),2)\n"
            "    os.execv(sys.argv[1],[sys.argv[1],'plan',sys.argv[2]])\n"
            "_,status,used=os.wait4(pid,0)\n"
            "print(os.waitstatus_to_exitcode(status),(used.ru_utime+used.ru_stime)*1000,used.ru_maxrss/1024)\n";
        std::ofstream(directory_ / "measure") << kMeasure;
        const std::string command = fmt::format("python3 {0}/measure {1} '{2}' {0}/said >{0}/used",
                                                directory_.string(), WARREN_PROGRAM, file);
        Outcome run;
        EXPECT_EQ(std::system(command.c_str()), 0);
        std::ifstream(directory_ / "used") >> run.status >> run.cpu >> run.memory;
        run.said = content_of(directory_ / "said");
        return run;
    }

    // TEXT is refused with exit 2 and WORDS, within the limits. SHARE: times the limit of CPU that holds for a file
    // that is wrong in its form.
    void refused(const std::string& name, const std::string& text, const std::string& words, double share = 1) {
        const std::string file = directory_ / "lab.yaml";
        std::ofstream(file, std::ios::binary) << text;
        check(name, text.size(), plan(file), words, share);
    }

    void check(const std::string& name, std::size_t size, const Outcome& run, const std::string& words,
               double share) {
        SCOPED_TRACE(name);
        EXPECT_EQ(run.status, 2);
        EXPECT_NE(run.said.find(words), std::string::npos) << run.said.substr(0, 500);
        EXPECT_LE(run.said.size(), 1200U * (Diagnostics::kMost + 1));
        fmt::print("{:>28} {:>8} bytes {:5.0f} ms {:5.1f} MiB\n", name, size, run.cpu, run.memory);
        if (!std::string(WARREN_SANITIZE).empty()) { return; }
        EXPECT_LT(run.cpu, kMostTime * share);
        EXPECT_LT(run.memory, kMostMemory);
    }

    fs::path directory_;
};

TEST_F(Abuse, AliasesAndAnchors) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c < 'k'; ++c) {
        bomb += fmt::format("{0}: &{0} [{1}]\n", c, many(fmt::format("*{}, ", static_cast<char>(c - 1)), 9));
    }
    refused("alias bomb", bomb, "lab.yaml:2:8: alias '*a'; aliases are not part of the format");
    refused("aliases", filled("*a ,", "lab: &a x\nhosts: [", "x]\n"), "alias '*a'");
    refused("aliases, all told", filled("*a ,", "lab: &a x\nhosts: [", "x]\n"),
            "lab.yaml: more mistakes than these 1000\n");
    refused("anchor to itself", "lab: &a [*a]\n", "alias '*a'");
    refused("a long anchor", "lab: &" + std::string(kFull - 20, 'a') + " x\n", ":1:6: anchor '&aaa");
    refused("a long tag", "lab: !" + std::string(kFull - 20, 'a') + " x\n", ":1:6: tag '!aaa");
    refused("merge keys", filled("<<: 1\n"), ":1:1: merge key '<<'; merge keys are not part of the format");
}

TEST_F(Abuse, NestingOf100000Levels) {
    refused("flow lists", "lab: " + many("[", 100'000), "nested deeper than 64 levels");
    refused("flow mappings", "lab: " + many("{a: ", 100'000), "nested deeper than 64 levels");
    refused("block lists", many("- ", 100'000) + "x\n", "nested deeper than 64 levels");
    refused("complex keys", many("? ", 100'000) + "x\n", "nested deeper than 64 levels");
    // As many levels as a file can hold, each line being one longer.
    refused("block mappings", numbered(2000, [](std::size_t i) { return std::string(i, ' ') + "a:\n"; }),
            "nested deeper than 64 levels");
}

TEST_F(Abuse, Size) {
    constexpr std::size_t kHuge = 50'000'000;
    refused("50 MB of comments", many("# comment\n", kHuge / 10), "larger than 2097152 bytes");
    refused("50 MB of one word", "lab: " + std::string(kHuge, 'a'), "larger than 2097152 bytes");
    check("a file without an end", 0, plan("/dev/zero"), "larger than 2097152 bytes", 1);
    refused("a word of 2 MiB", "lab: " + std::string(kFull - 20, 'a'), ":1:6: 'aaa");
    refused("a key of 2 MiB", "? " + std::string(kFull - 20, 'a') + "\n: x\n", "unknown key 'aaa");
    refused("a command of 2 MiB",
            "lab: x\nhosts: {h: {run: [{name: x, command: \"" + std::string(kFull - 99, 'a') + "\"}]}}\nbad: 1\n",
            ":3:1: unknown key 'bad'");
    refused("comments", filled("#\n", "", "bad: 1\n"), "unknown key 'bad'");
    refused("empty lines", filled("\n", "", "bad: 1\n"), "unknown key 'bad'");
    refused("a block scalar", filled("  a\n", "lab: |\n"), "cannot name a lab");
    refused("escapes", "lab: \"" + many("\\x1b", kFull / 4 - 10) + "\"\n", "cannot name a lab");
    refused("values", filled("a,", "lab: [", "a]\n"), "more than 250000 keys and values", 2);
    refused("keys", numbered(150'000, [](std::size_t i) { return fmt::format("a{}: 1\n", i); }),
            "more than 250000 keys and values", 2);
    refused("directives", numbered(100'000, [](std::size_t i) { return fmt::format("%TAG !a{}! x\n", i); }),
            ":1:1: a line that begins with '%'");
}

TEST_F(Abuse, Characters) {
    refused("NUL", std::string("lab: x\0y\n", 9), ":1:7: a NUL byte");
    refused("byte order mark, CRLF", "\xef\xbb\xbflab: x\r\nhosts:\r\n  h1: {}\r\nbad: 1\r\n",
            ":4:1: unknown key 'bad' in the file");
    refused("UTF-16", std::string("\xff\xfel\0a\0b\0", 8), ":1:1: the file is UTF-16; save it as UTF-8");
    refused("tab", "lab: x\nhosts:\n\th1: {}\n", "indent with blanks, not with tabs");
    refused("2 MiB of tabs", filled("\t", "lab:\n"), "indent with blanks, not with tabs");
    refused("invalid UTF-8", "lab: caf\xe9\n", ":1:9: byte 0xe9 is not valid UTF-8; save the file as UTF-8");
    refused("UTF-8 cut off", "lab: x\xf0\x9f\x98", ":1:7: byte 0xf0 is not valid UTF-8");
    refused("a surrogate", "lab: x\xed\xa0\x80\n", ":1:7: byte 0xed is not valid UTF-8");
    refused("emoji", "lab: \xf0\x9f\x98\x80\n", "a character outside of ASCII is not allowed in it");
    refused("escape sequences", "lab: \"\\x1b[2J\"\n", ":1:6: '\\x1b[2J' cannot name a lab: byte 0x1b");
}

TEST_F(Abuse, Forms) {
    refused("duplicate keys", filled("a: 1\n"), ":2:1: 'a' is written twice; the first is in line 1");
    refused("two documents", "lab: x\n---\nlab: y\n", ":2:1: a second document; one file holds one lab");
    refused("many documents", filled("---\n"), "a second document");
    refused("stp: no", "lab: x\nswitches: {s: {stp: no}}\n", "must be true or false, not 'no'; write false");
    refused("mtu: 010", "lab: x\nhosts: {h: {interfaces: {e: {mtu: 010}}}}\n",
            "must be a number, not '010'; numbers are decimal, without leading zeros: 10");
    refused("mtu: 1e3", "lab: x\nhosts: {h: {interfaces: {e: {mtu: 1e3}}}}\n",
            "must be a number, not '1e3'; whole numbers are written in decimal digits alone");
    refused("mtu: 0x5dc", "lab: x\nhosts: {h: {interfaces: {e: {mtu: 0x5dc}}}}\n", "numbers are decimal");
    refused("mtu: 1_500", "lab: x\nhosts: {h: {interfaces: {e: {mtu: 1_500}}}}\n", "must be a number, not '1_500'");
    refused("mtu: 99999999999999999999", "lab: x\nhosts: {h: {interfaces: {e: {mtu: 99999999999999999999}}}}\n",
            "is outside 68..65535");
}

// Right in their form, and as large as a file may be: the checks of meaning must not take more than linear time.
TEST_F(Abuse, Meaning) {
    constexpr double kShare = 5;
    const std::string one_switch = "lab: x\nswitches: {s: {kind: ovs}}\nhosts:\n";
    refused("hosts",
            "lab: x\nhosts:\n" + numbered(49'000, [](std::size_t i) { return fmt::format("  h{}:\n", i); }) +
                "bad: 1\n",
            "unknown key 'bad'", kShare);
    refused(
        "interfaces",
        one_switch +
            numbered(12'000,
                     [](std::size_t i) { return fmt::format("  h{}: {{interfaces: {{e: {{to: s}}}}}}\n", i); }) +
            "bad: 1\n",
        "unknown key 'bad'", kShare);
    refused("unknown names",
            "lab: x\nhosts:\n" +
                numbered(12'000,
                         [](std::size_t i) {
                             return fmt::format("  host-{:06}: {{interfaces: {{e: {{to: hast-{:06}}}}}}}\n", i, i);
                         }),
            "more mistakes than these 1000", kShare);
    refused(
        "subnets times routes",
        one_switch + "  h:\n    interfaces:\n" +
            numbered(10'000,
                     [](std::size_t i) {
                         return fmt::format("      e{}: {{to: s, address: 'fd00:{:x}::1/64'}}\n", i, i);
                     }) +
            "    routes:\n" +
            numbered(10'000,
                     [](std::size_t i) { return fmt::format("      'fc00:{:x}::/32': 'fd00:{:x}::2'\n", i, i); }) +
            "bad: 1\n",
        "unknown key 'bad'", kShare);
    constexpr std::size_t kSwitches = 4000;
    refused("VLANs times loops",
            "lab: x\nswitches:\n" +
                numbered(kSwitches, [](std::size_t i) { return fmt::format("  s{}: {{stp: true}}\n", i); }) +
                "links:\n" +
                numbered(kSwitches,
                         [](std::size_t i) {
                             return fmt::format("  - {{ends: [s{}, s{}], vlan: {}}}\n  - {{ends: [s{}, s{}]}}\n", i,
                                                (i + 1) % kSwitches, 1 + i / 2, i, (i + 2) % kSwitches);
                         }),
            "too many VLANs and links", kShare);
}

}  // namespace
}  // namespace warren
