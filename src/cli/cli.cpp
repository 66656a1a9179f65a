// Helpers of all verbs.
#include "cli/cli.hpp"

#include <climits>
#include <clocale>
#include <cstdio>
#include <cstdlib>

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "lab/lab_file.hpp"

namespace warren::cli {

CLI::App& Cli::verb(const std::string& name, const std::string& what, const std::string& teaches,
                    std::function<int()> run) {
    CLI::App* sub = app.add_subcommand(name, what);
    sub->footer(teaches);
    sub->callback([this, run = std::move(run)] { status = run(); });
    return *sub;
}

void add_output_option(CLI::App& verb, Output& output) {
    static const std::map<std::string, Output> kForms{{"text", Output::text}, {"json", Output::json}};
    verb.add_option("-o,--output", output, "Form of the result: text (default) or json")
        ->transform(CLI::Transformer(kForms).description(""))
        ->type_name("FORM");
}

int fail(const Error& error) {
    note(error.message());
    switch (error.kind) {
        case Error::Kind::usage:
            return 2;
        case Error::Kind::lacking:
            return 3;
        case Error::Kind::failed:
            return 1;
    }
    return 1;
}

void note(const std::string& text) { print_error("warren: " + text + "\n"); }

void print_error(const std::string& text) { (void)std::fputs(text.c_str(), stderr); }

void add_topology_options(CLI::App& verb, TopologyOptions& options, CLI::Option* needs) {
    static const std::map<std::string, SwitchKind> kKinds{{"ovs", SwitchKind::ovs}, {"bridge", SwitchKind::bridge}};
    static const std::map<std::string, RootKind> kRootKinds{{"machine", RootKind::machine},
                                                            {"private", RootKind::secluded}};
    CLI::Option* kind = verb.add_option_function<SwitchKind>(
        "--switch", [&options](const SwitchKind& value) { options.switch_kind = value; },
        "of a topology: its switches, bridge (default) or ovs");
    kind->transform(CLI::Transformer(kKinds).description(""))->type_name("bridge|ovs");
    CLI::Option* mac = verb.add_flag("--mac", options.macs, "of a topology: MACs from 00:00:00:00:00:01 on");
    CLI::Option* root = verb.add_option("--root", options.root, "of a topology: machine (default) or private");
    root->transform(CLI::Transformer(kRootKinds).description(""))->type_name("machine|private");
    for (CLI::Option* option : {kind, mac, root}) {
        if (needs != nullptr) { option->needs(needs); }
    }
}

void add_topology(CLI::App& verb, LabSource& source, CLI::Option* file) {
    CLI::Option* topology =
        verb.add_option("--topo", source.topology, "a topology in its place ('warren new --help' lists them)")
            ->type_name("TOPOLOGY")
            ->excludes(file);
    add_topology_options(verb, source.options, topology);
}

void add_lab_source(CLI::App& verb, LabSource& source) {
    add_topology(verb, source, verb.add_option("FILE", source.file, "the lab file, - for standard input"));
    verb.add_option("--name", source.options.name, "use this name instead of the file's");
}

std::optional<Lab> load_lab(const LabSource& source, int& status) {
    const std::string& name = source.options.name;
    if (!name.empty()) {
        if (const auto fault = lab_name_fault(name)) {
            status = fail(usage_failure("use the lab name '" + name + "'", *fault).value());
            return std::nullopt;
        }
    }
    if (!source.topology.empty()) {
        auto lab = make_topology(source.topology, source.options);
        if (lab) { return std::move(*lab); }
        status = fail(lab.error());
        return std::nullopt;
    }
    const std::string& file = source.file;
    if (file.empty()) {
        status = fail(usage_failure("know which lab", "neither FILE nor '--topo' is given").value());
        return std::nullopt;
    }
    auto text = read_file(file == "-" ? "/dev/stdin" : file, kLargestLabFile);
    if (!text) {
        Error error = std::move(text).error();
        error.kind = Error::Kind::usage;
        status = fail(error);
        return std::nullopt;
    }
    Diagnostics diagnostics(file == "-" ? "<stdin>" : file);
    Lab lab = read_lab(*text, diagnostics);
    if (!diagnostics.empty()) {
        print_error(diagnostics.text());
        status = 2;
        return std::nullopt;
    }
    if (!name.empty()) { lab.name = name; }
    return lab;
}

std::string text_of(const LabSource& source) {
    if (!source.topology.empty()) { return "topology " + source.topology; }
    if (source.file == "-") { return "-"; }
    char path[PATH_MAX];
    return ::realpath(source.file.c_str(), path) != nullptr ? path : source.file;
}

std::string topologies_text() {
    std::string text;
    for (const auto& [form, what] : topologies()) { text += fmt::format("  {:<30} {}\n", form, what); }
    return text;
}

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

bool wants_colour() {
    const char* term = std::getenv("TERM");
    // https://no-color.org: any value but the empty one.
    const char* no_colour = std::getenv("NO_COLOR");
    return stdout_is_terminal() && term != nullptr && std::string(term) != "dumb" &&
           (no_colour == nullptr || *no_colour == '\0');
}

bool wants_unicode() {
    std::setlocale(LC_CTYPE, "");
    return std::string(::nl_langinfo(CODESET)) == "UTF-8";
}

std::chrono::milliseconds milliseconds_of(double seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

int terminal_width() {
    winsize size{};
    constexpr int kOtherwise = 100;
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kOtherwise;
}

}  // namespace warren::cli
