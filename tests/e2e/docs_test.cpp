// The documents say what is so: every command block of README.md and docs/ is run (scripts/run-docs tells how a
// document is written), each document on a machine of its own; and the reference leaves out nothing of the program.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <regex>

#include "harness.hpp"

namespace warren::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kSource = WARREN_SOURCE_DIR;

std::vector<std::string> documents() {
    std::vector<std::string> found{"README.md"};
    for (const auto& entry : fs::recursive_directory_iterator(kSource + "/docs")) {
        if (entry.path().extension() == ".md") { found.push_back(fs::relative(entry.path(), kSource)); }
    }
    std::sort(found.begin(), found.end());
    return found;
}

class Documents : public E2e, public testing::WithParamInterface<std::string> {};

// WARREN_REGENERATE=1 in the environment (`make docs`) writes what the commands print into the documents.
TEST_P(Documents, CommandBlocksDoWhatTheySay) {
    must_sh("mkdir -p /mnt/bin /mnt/docs && ln -sf " WARREN_PROGRAM " /mnt/bin/warren && cp -r '" + kSource +
            "/examples' /mnt/docs/");
    const char* set = std::getenv("PATH");
    const std::string path = set == nullptr ? "" : set;
    SpawnOptions options;
    options.command = {kSource + "/scripts/run-docs", kSource + "/" + GetParam()};
    if (std::getenv("WARREN_REGENERATE") != nullptr) {
        options.command.insert(options.command.begin() + 1, "--write");
    }
    options.directory = "/mnt/docs";
    options.environment = {"PATH=/mnt/bin:/usr/sbin:/sbin:" + path, "LC_ALL=C.UTF-8", "HOME=/mnt/docs"};
    const auto output = run(options, std::chrono::minutes(9));
    ASSERT_TRUE(output) << output.error().message();
    EXPECT_TRUE(output->exited.success()) << output->out << output->err;
    if (output->exited.success()) { std::fputs(output->out.c_str(), stdout); }  // what was not run, and why
    expect_same_machine();
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
    return std::regex_replace(info.param, std::regex("[^A-Za-z0-9]+"), "_");
}

INSTANTIATE_TEST_SUITE_P(Each, Documents, testing::ValuesIn(documents()), test_name);

class RunDocs : public E2e {};

TEST_F(RunDocs, NoticesWhatIsNotSoAndWritesWhatIs) {
    const std::string wrong =
        write_file("wrong.md",
                   "```console\n# echo one; echo 02:00:00:00:00:01\ntwo\n02:00:00:00:00:02\n```\n"
                   "```sh\nfalse\ntrue\n```\n"
                   "<!-- not run: no reason -->\n```sh\nfalse\n```\n"
                   "```console\n# echo a; echo b; echo c\na\n…\nc\n```\n");
    const std::string program = kSource + "/scripts/run-docs ";
    const Ran first = sh(program + wrong);
    EXPECT_EQ(first.status, 1) << testing::PrintToString(first);
    EXPECT_THAT(first.out, HasSubstr("wrong.md:2: `echo one"));
    EXPECT_THAT(first.out, HasSubstr("-two\n+one\n MAC"));
    EXPECT_THAT(first.out, HasSubstr("wrong.md:6: `(set -e…` ended with status 1"));
    EXPECT_THAT(first.out, HasSubstr("wrong.md:11: not run: no reason\n"));
    EXPECT_THAT(first.out, HasSubstr("3 blocks run, 1 not run"));
    EXPECT_THAT(first.out, Not(HasSubstr("echo a")));
    EXPECT_EQ(sh(program + "--write " + wrong).status, 1);  // the script that fails still does
    const std::string written = read_text(wrong);
    EXPECT_THAT(written, HasSubstr("\none\n02:00:00:00:00:01\n```"));
    EXPECT_THAT(written, HasSubstr("a\n…\nc\n"));
}

class Reference : public E2e {};

// The verbs that `warren --help` lists.
std::vector<std::string> verbs() {
    const std::string help = must_warren({"--help"});
    std::vector<std::string> found;
    const std::regex line("\n  ([a-z]+)  +[A-Z]");
    for (std::sregex_iterator it(help.begin(), help.end(), line), end; it != end; ++it) {
        found.push_back((*it)[1]);
    }
    return found;
}

// The long options that VERB's --help lists.
std::set<std::string> options(const std::string& verb) {
    const std::string help = must_warren({verb, "--help"});
    std::set<std::string> found;
    const std::regex option("\n  (?:-[a-zA-Z],)?(--[a-z-]+)");
    for (std::sregex_iterator it(help.begin(), help.end(), option), end; it != end; ++it) {
        found.insert((*it)[1]);
    }
    found.erase("--help");
    return found;
}

// The part of TEXT from the first match of FROM to the next one of UP_TO.
std::string part(const std::string& text, const std::string& from, const std::string& up_to) {
    std::smatch start;
    if (!std::regex_search(text, start, std::regex(from))) { return {}; }
    const std::string rest = start.suffix();
    std::smatch end;
    return std::regex_search(rest, end, std::regex(up_to)) ? start.str() + std::string(end.prefix()) : rest;
}

TEST_F(Reference, KnowsEveryVerbAndOption) {
    const std::string commands = read_text(kSource + "/docs/commands.md");
    const std::string manual = read_text(kSource + "/docs/warren.1.scd");
    const std::string completion = read_text(kSource + "/packaging/bash-completion/warren");
    const auto all = verbs();
    ASSERT_GE(all.size(), 17U) << must_warren({"--help"});
    const std::string completed_verbs = part(completion, "-W 'new up", "'");
    for (const auto& verb : all) {
        EXPECT_THAT(commands, HasSubstr("`" + verb)) << "docs/commands.md does not know " << verb;
        const std::string of_manual = part(manual, "\n\\*" + verb + "\\*", "\n\n");
        EXPECT_FALSE(of_manual.empty()) << "docs/warren.1.scd does not know " << verb;
        EXPECT_TRUE(std::regex_search(completed_verbs, std::regex("\\b" + verb + "\\b")))
            << "packaging/bash-completion/warren does not know " << verb;
        for (const auto& option : options(verb)) {
            const bool general = option == "--output";
            EXPECT_TRUE(general || commands.find(option) != std::string::npos)
                << "docs/commands.md does not know " << verb << " " << option;
            EXPECT_TRUE(manual.find("*" + option + "*") != std::string::npos)
                << "docs/warren.1.scd does not know " << verb << " " << option;
            EXPECT_TRUE(completion.find(option) != std::string::npos)
                << "packaging/bash-completion/warren does not know " << verb << " " << option;
        }
    }
}

// The names of all properties of a JSON Schema; patternProperties' are names of the user's.
void collect_keys(const json::value& schema, std::set<std::string>& keys) {
    if (schema.is_array()) {
        for (const auto& element : schema.as_array()) { collect_keys(element, keys); }
    }
    if (!schema.is_object()) { return; }
    for (const auto& member : schema.as_object()) {
        if (member.key() == "properties" && member.value().is_object()) {
            for (const auto& property : member.value().as_object()) { keys.insert(property.key()); }
        }
        collect_keys(member.value(), keys);
    }
}

TEST_F(Reference, KnowsEveryKeyOfTheLabFile) {
    std::set<std::string> keys;
    collect_keys(json::parse(read_text(kSource + "/schema/lab.schema.json")), keys);
    ASSERT_GE(keys.size(), 40U);
    const std::string reference = read_text(kSource + "/docs/lab-file.md");
    for (const auto& key : keys) {
        EXPECT_TRUE(std::regex_search(reference, std::regex("`[^`\n]*\\b" + key + "\\b[^`\n]*`")))
            << "docs/lab-file.md does not know the key " << key;
    }
}

TEST_F(Reference, LinksOfTheDocumentsLeadSomewhere) {
    const std::regex link("\\]\\(([^)#: ]+)(#[^)]*)?\\)");
    for (const auto& document : documents()) {
        const std::string text = read_text(kSource + "/" + document);
        for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it) {
            const fs::path target = fs::path(kSource + "/" + document).parent_path() / (*it)[1].str();
            EXPECT_TRUE(fs::exists(target)) << document << " links to " << (*it)[1];
        }
    }
}

}  // namespace
}  // namespace warren::e2e
