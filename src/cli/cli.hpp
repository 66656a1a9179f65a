// What the verbs share: output form, exit status, error texts. One file of src/cli/ for each verb.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "lab/lab.hpp"
#include "lab/topologies.hpp"

namespace warren::cli {

enum class Output { text, json };

// Exit statuses: 0 done, 1 failed or an expectation did not hold, 2 wrong use or file, 3 the machine lacks it.
struct Cli {
    CLI::App& app;
    int status = 0;

    // Adds a verb. RUN's result is the exit status.
    CLI::App& verb(const std::string& name, const std::string& what, const std::string& teaches,
                   std::function<int()> run);
};

// "-o text|json" for a verb that prints facts.
void add_output_option(CLI::App& verb, Output& output);

// Prints the error to stderr; its exit status.
[[nodiscard]] int fail(const Error& error);
// A remark to stderr.
void note(const std::string& text);
// To stderr as it is. That nobody can read it changes nothing: a terminal that went away, a full disk.
void print_error(const std::string& text);

// Where a verb's lab comes from: a lab file ("-": standard input), or a topology.
struct LabSource {
    std::string file;
    std::string topology;
    TopologyOptions options;  // its name, where not empty, replaces the file's too
};
// FILE or --topo, and --name.
void add_lab_source(CLI::App& verb, LabSource& source);
// --topo and its options, in place of the option FILE.
void add_topology(CLI::App& verb, LabSource& source, CLI::Option* file);
// --switch, --mac and --root, of a topology; they need OPTION, where there is one.
void add_topology_options(CLI::App& verb, TopologyOptions& options, CLI::Option* needs = nullptr);
// Reads or makes the lab, and checks it. Prints its mistakes and returns nothing where it has any.
[[nodiscard]] std::optional<Lab> load_lab(const LabSource& source, int& status);
// The source as it is kept in the record: an absolute path, or "topology tree,2,2".
[[nodiscard]] std::string text_of(const LabSource& source);
// "  linear,k[,n]   k switches..." for each topology.
[[nodiscard]] std::string topologies_text();

// Whether stdout is a terminal that shows colours, and a locale that shows box-drawing characters.
[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();
[[nodiscard]] bool wants_colour();
[[nodiscard]] bool wants_unicode();
// Of an option that is given in seconds.
[[nodiscard]] std::chrono::milliseconds milliseconds_of(double seconds);
[[nodiscard]] int terminal_width();  // columns; 100 where it is no terminal

void add_new(Cli& cli);
void add_up(Cli& cli);
void add_plan(Cli& cli);
void add_down(Cli& cli);
void add_list(Cli& cli);
void add_show(Cli& cli);
void add_exec(Cli& cli);
void add_shell(Cli& cli);
void add_identify(Cli& cli);
void add_ping(Cli& cli);
void add_check(Cli& cli);
void add_adopt(Cli& cli);
void add_draw(Cli& cli);
void add_doctor(Cli& cli);
void add_iperf(Cli& cli);
void add_capture(Cli& cli);
void add_set(Cli& cli);
void add_link(Cli& cli);
void add_top(Cli& cli);
void add_explain(Cli& cli);
void add_logs(Cli& cli);
void add_schema(Cli& cli);
void add_clean(Cli& cli);
void add_confirm(Cli& cli);
void add_learn(Cli& cli);
void add_keeper(Cli& cli);  // hidden
void add_guard(Cli& cli);   // hidden

// `exec` takes everything after the host as it stands, so it is not parsed as options. ARGV[0] is the host.
[[nodiscard]] int run_exec(int argc, char** argv);

}  // namespace warren::cli
