// warren doctor: what this machine can do for a lab, and what limits the way between two hosts.
#include "probe/doctor.hpp"

#include "cli/cli.hpp"
#include "cli/two_hosts.hpp"
#include "engine/engine.hpp"
#include "probe/path.hpp"
#include "views/doctor.hpp"
#include "views/path.hpp"

namespace warren::cli {
namespace {

struct DoctorArguments {
    std::vector<std::string> path;  // two hosts, or none
    double time = 0.2;              // seconds of each measurement
    Output output = Output::text;
};

int run_machine(Output output) {
    const Engine engine;
    const auto findings = examine_machine(engine.base());
    fmt::print("{}", output == Output::json ? doctor_json(findings) + "\n" : doctor_text(findings, wants_colour()));
    constexpr int kLacking = 3;
    return fit(findings) ? 0 : kLacking;
}

int run_path(const DoctorArguments& arguments) {
    const auto hosts = two_hosts(arguments.path[0], arguments.path[1]);
    if (!hosts) { return fail(hosts.error()); }
    PathOptions options;
    options.time = milliseconds_of(arguments.time);
    const auto report = examine_path(hosts->view.observed, hosts->from.net_namespace, hosts->to.net_namespace,
                                     hosts->address, options);
    if (!report) { return fail(report.error()); }
    const std::string& from = hosts->from.host;
    const std::string& to = hosts->to.host;
    fmt::print("{}", arguments.output == Output::json ? path_json(*report, hosts->from.lab, from, to) + "\n"
                                                      : path_text(*report, from, to));
    return 0;
}

}  // namespace

void add_doctor(Cli& cli) {
    static DoctorArguments arguments;
    auto& verb =
        cli.verb("doctor", "Tell what this machine can and cannot do, and how to get it",
                 "warren doctor\n"
                 "warren doctor --path red green    how fast the way between two hosts is, and what limits it\n\n"
                 "Everything is tried, side by side, in throw-away namespaces: nothing stays.\n"
                 "Exit status 3 where something essential is missing, without which there is no lab.",
                 [] { return arguments.path.empty() ? run_machine(arguments.output) : run_path(arguments); });
    CLI::Option* path = verb.add_option("--path", arguments.path,
                                        "measure between two hosts of a lab: TCP, small packets, round trips, "
                                        "beside a direct veth pair");
    path->expected(2)->type_name("HOST HOST");
    verb.add_option("--time", arguments.time, "of --path: seconds of each of its 27 measurements (0.2)")
        ->check(CLI::Range(0.01, 60.0))
        ->needs(path);
    add_output_option(verb, arguments.output);
}

}  // namespace warren::cli
