// What the verbs share: output form, exit status, error texts. One file of src/cli/ for each verb.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "lab/lab.hpp"

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

// Reads and checks a lab file ("-": standard input). Prints its mistakes and returns nothing where it has any.
// NAME, where not empty, replaces the lab's.
[[nodiscard]] std::optional<Lab> load_lab(const std::string& file, const std::string& name, int& status);
// The path as it is kept in the record.
[[nodiscard]] std::string absolute(const std::string& file);

// Whether stdout is a terminal that shows colours, and a locale that shows box-drawing characters.
[[nodiscard]] bool stdout_is_terminal();
[[nodiscard]] bool stderr_is_terminal();
[[nodiscard]] bool wants_colour();
[[nodiscard]] bool wants_unicode();
[[nodiscard]] int terminal_width();  // columns; 100 where it is no terminal

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
void add_draw(Cli& cli);
void add_doctor(Cli& cli);
void add_logs(Cli& cli);
void add_schema(Cli& cli);
void add_clean(Cli& cli);
void add_confirm(Cli& cli);
void add_keeper(Cli& cli);  // hidden
void add_guard(Cli& cli);   // hidden

// `exec` takes everything after the host as it stands, so it is not parsed as options. ARGV[0] is the host.
[[nodiscard]] int run_exec(int argc, char** argv);

}  // namespace warren::cli
