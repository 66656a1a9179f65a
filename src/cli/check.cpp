// warren check [LAB], warren ping: prove what a lab does.
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

struct PingArguments {
    std::string first;   // a lab, or a host
    std::string second;  // a host or an address
    int count = 0;       // 0: 1 for all pairs, 3 for one
    double timeout = 1;  // seconds
    Output output = Output::text;
};

// Pings all PAIRS; those without an address stay unsent.
Result<void> ping_pairs(const LabView& view, std::vector<PairResult>& pairs, const PingArguments& arguments,
                        int count) {
    std::vector<PingPair> asked;
    std::vector<std::size_t> which;
    const Reachability reachability(view.observed);
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        auto address = IpAddress::parse(pairs[i].to);
        if (!address) { address = reachability.address(pairs[i].from, pairs[i].to); }
        if (!address) {
            pairs[i].result.error = pairs[i].to + " has no address";
            continue;
        }
        pairs[i].address = address->to_string();
        asked.push_back({namespace_of(view.lab, pairs[i].from), *address});
        which.push_back(i);
    }
    PingOptions options;
    options.count = count;
    options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(arguments.timeout * 1000));
    WARREN_ASSIGN(const auto results, ping(asked, options));
    for (std::size_t i = 0; i < results.size(); ++i) { pairs[which[i]].result = results[i]; }
    return {};
}

int ping_all(const PingArguments& arguments) {
    const auto view = view_of(arguments.first);
    if (!view) { return fail(view.error()); }
    std::vector<std::string> hosts;
    for (const auto& host : view->lab.hosts) { hosts.push_back(host.name); }
    std::vector<PairResult> pairs;
    for (const auto& from : hosts) {
        for (const auto& to : hosts) {
            if (from != to) { pairs.push_back({from, to, "", {}}); }
        }
    }
    if (auto done = ping_pairs(*view, pairs, arguments, std::max(arguments.count, 1)); !done) {
        return fail(done.error());
    }
    fmt::print("{}", arguments.output == Output::json ? ping_json(view->lab.name, pairs) + "\n"
                                                      : ping_matrix(hosts, pairs));
    return std::all_of(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.result.received > 0; }) ? 0
                                                                                                              : 1;
}

int ping_one(const PingArguments& arguments) {
    const Engine engine;
    const auto from = engine.find_host(arguments.first);
    if (!from) { return fail(from.error()); }
    const auto view = view_of(from->lab);
    if (!view) { return fail(view.error()); }
    const auto slash = arguments.second.find('/');
    const std::string to = slash == std::string::npos ? arguments.second : arguments.second.substr(slash + 1);
    if (!IpAddress::parse(to) && !view->wanted.namespaces.contains(namespace_of(view->lab, to))) {
        return fail(
            failure("ping " + to, "lab " + view->lab.name + " has no such host, and it is no address").value());
    }
    std::vector<PairResult> pairs{{from->host, to, "", {}}};
    constexpr int kCount = 3;
    if (auto done = ping_pairs(*view, pairs, arguments, arguments.count > 0 ? arguments.count : kCount); !done) {
        return fail(done.error());
    }
    fmt::print("{}", arguments.output == Output::json ? ping_json(view->lab.name, pairs) + "\n"
                                                      : ping_text(pairs.front()));
    return pairs.front().result.received > 0 ? 0 : 1;
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

void add_ping(Cli& cli) {
    static PingArguments arguments;
    auto& verb = cli.verb("ping", "Ping all pairs of hosts at once, or one pair",
                          "warren ping              the only lab: a matrix of round-trip times\n"
                          "warren ping tenants\n"
                          "warren ping red green    one pair; the second may be an address\n\n"
                          "Exit status 1 where one did not answer.",
                          [] { return arguments.second.empty() ? ping_all(arguments) : ping_one(arguments); });
    verb.add_option("LAB|HOST", arguments.first, "a lab; or, with a second name, the host that asks");
    verb.add_option("HOST", arguments.second, "the host or address that is asked");
    verb.add_option("-c,--count", arguments.count, "requests for each pair (1 for all pairs, 3 for one)")
        ->check(CLI::Range(1, 100000));
    verb.add_option("-W,--timeout", arguments.timeout, "seconds to wait for an answer (1)")
        ->check(CLI::Range(0.001, 3600.0));
    add_output_option(verb, arguments.output);
}

}  // namespace warren::cli
