// warren check [LAB]: proves that a lab does what its file says.
#include "probe/check.hpp"

#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "cli/view.hpp"
#include "lab/names.hpp"
#include "views/report.hpp"

namespace warren::cli {
namespace {

int run_check(const std::string& lab, const std::string& junit, Output output) {
    const auto view = view_of(lab);
    if (!view) { return fail(view.error()); }
    const Engine engine;
    std::map<std::string, std::string> leases;
    for (const auto& network : view->lab.networks) {
        if (network.dhcp) { leases[network.name] = lease_file(engine.base(), view->lab.name, network.name); }
    }
    const auto verdicts = check(view->lab, view->wanted, leases);
    fmt::print("{}", output == Output::json ? verdicts_json(view->lab.name, verdicts) + "\n"
                                            : verdicts_text(verdicts, wants_colour()));
    if (!junit.empty()) {
        if (auto written = write_file_atomic(junit, verdicts_junit(view->lab.name, verdicts), 0644); !written) {
            return fail(written.error());
        }
    }
    return std::all_of(verdicts.begin(), verdicts.end(), [](const Verdict& verdict) { return verdict.pass; }) ? 0
                                                                                                              : 1;
}

}  // namespace

void add_check(Cli& cli) {
    static std::string lab;
    static std::string junit;
    static Output output = Output::text;
    auto& verb = cli.verb(
        "check", "Run a lab's expectations: PASS or FAIL for each",
        "warren check tenants\nwarren check --junit report.xml\n\n"
        "Each is tried until it holds or its deadline (`within`, else 10 s) is over; all at the same time.\n"
        "Exit status 1 where one does not hold.",
        [] { return run_check(lab, junit, output); });
    verb.add_option("LAB", lab, "the lab; may be left out where only one is up");
    verb.add_option("--junit", junit, "also write a JUnit XML report to this file")->type_name("FILE");
    add_output_option(verb, output);
}

}  // namespace warren::cli
