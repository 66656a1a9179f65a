// warren ping: all pairs of a lab's hosts at once, or one pair.
#include <cstdio>

#include "base/signal_fd.hpp"
#include "cli/cli.hpp"
#include "cli/view.hpp"
#include "probe/matrix.hpp"
#include "views/ping.hpp"

namespace warren::cli {
namespace {

struct PingArguments {
    std::string first;         // a lab, or a host
    std::string second;        // a host or an address
    std::optional<int> count;  // else 1 for all pairs, 3 for one
    std::optional<double> interval;
    double timeout = 1;
    std::optional<double> within;
    std::size_t payload = PingOptions{}.payload;
    bool only_v4 = false;
    bool only_v6 = false;
    Output output = Output::text;

    [[nodiscard]] Family family() const { return only_v4 ? Family::v4 : only_v6 ? Family::v6 : Family::any; }
};

PingOptions options_of(const PingArguments& arguments, int count, const SignalFd& signals) {
    PingOptions options;
    options.count = arguments.count.value_or(count);
    options.interval = milliseconds_of(arguments.interval.value_or(options.count == 0 ? 1 : 0.1));
    options.timeout = milliseconds_of(arguments.within.value_or(arguments.timeout));
    options.until_reached = arguments.within.has_value();
    options.payload = arguments.payload;
    options.stop = signals.fd();
    return options;
}

int ping_all(const PingArguments& arguments) {
    const auto view = view_of(arguments.first);
    if (!view) { return fail(view.error()); }
    std::vector<std::string> hosts;
    for (const auto& host : view->lab.hosts) { hosts.push_back(host.name); }
    const SignalFd signals{SIGINT, SIGTERM};
    const auto pairs =
        ping_hosts(view->observed, all_pairs(hosts), options_of(arguments, 1, signals), arguments.family());
    if (!pairs) { return fail(pairs.error()); }
    const bool interrupted = signals.take() != 0;
    if (interrupted) { note("interrupted: what had come until then"); }
    fmt::print("{}", arguments.output == Output::json ? pings_json(view->lab.name, *pairs) + "\n"
                                                      : ping_matrix(hosts, *pairs, terminal_width()));
    return std::all_of(pairs->begin(), pairs->end(), [](const auto& pair) { return pair.result.received > 0; }) ? 0
                                                                                                                : 1;
}

// The two hosts, or a host and an address, that were named.
struct PingEnds {
    std::string from;
    std::string to;
    LabView view;
};

Result<PingEnds> ends_of(const PingArguments& arguments) {
    const Engine engine;
    WARREN_ASSIGN(const Place from, engine.find_host(arguments.first));
    WARREN_ASSIGN(auto view, view_of(from.lab));
    PingEnds ends{from.host, arguments.second, std::move(view)};
    const std::string attempt = "ping " + arguments.second;
    if (const auto address = IpAddress::parse(ends.to)) {
        if (arguments.only_v4 && !address->is_v4()) { return usage_failure(attempt, "that is no IPv4 address"); }
        if (arguments.only_v6 && address->is_v4()) { return usage_failure(attempt, "that is no IPv6 address"); }
        return ends;
    }
    if (const auto slash = ends.to.find('/'); slash != std::string::npos) {
        if (ends.to.substr(0, slash) != from.lab) { return usage_failure(attempt, "it is in another lab"); }
        ends.to = ends.to.substr(slash + 1);
    }
    if (!ends.view.wanted.namespaces.contains(namespace_of(ends.view.lab, ends.to))) {
        return failure(attempt, "lab " + from.lab + " has no such host, and it is no address");
    }
    return ends;
}

int ping_one(const PingArguments& arguments) {
    const auto ends = ends_of(arguments);
    if (!ends) { return fail(ends.error()); }
    constexpr int kCount = 3;
    const SignalFd signals{SIGINT, SIGTERM};
    PingOptions options = options_of(arguments, kCount, signals);
    PairResult pair{ends->from, ends->to, ends->to, {}};
    const bool text = arguments.output == Output::text;
    if (!IpAddress::parse(ends->to)) {
        const auto address = Reachability(ends->view.observed).address(ends->from, ends->to, arguments.family());
        pair.address = address ? address->to_string() : "";
    }
    if (text && !pair.address.empty()) { fmt::print("{}", ping_head(pair, options.payload)); }
    if (text) {
        options.answered = [&pair](const PingAnswer& answer) {
            fmt::print("{}", ping_line(pair, answer));
            (void)std::fflush(stdout);
        };
    }
    const auto results = ping_hosts(ends->view.observed, {{ends->from, ends->to}}, options, arguments.family());
    if (!results) { return fail(results.error()); }
    fmt::print("{}", text ? ping_statistics(results->front()) : pings_json(ends->view.lab.name, *results) + "\n");
    return results->front().result.received > 0 ? 0 : 1;
}

}  // namespace

void add_ping(Cli& cli) {
    static PingArguments arguments;
    auto& verb =
        cli.verb("ping", "Ping all pairs of hosts at once, or one pair",
                 "warren ping                    the only lab: a matrix of round-trip times\n"
                 "warren ping tenants -w 10      each pair until it answers, 10 s at most\n"
                 "warren ping red green          one pair; the second may be an address\n"
                 "warren ping red green -6 -c 0  by IPv6, until Ctrl-C\n\n"
                 "An answer counts only if the host that is meant was asked: another may have the same address in\n"
                 "another network. Exit status 1 where one did not answer.",
                 [] { return arguments.second.empty() ? ping_all(arguments) : ping_one(arguments); });
    verb.add_option("LAB|HOST", arguments.first, "a lab; or, with a second name, the host that asks");
    verb.add_option("HOST", arguments.second, "the host or address that is asked");
    verb.add_option("-c,--count", arguments.count,
                    "requests for each pair (1 for all pairs, 3 for one); 0: until Ctrl-C")
        ->check(CLI::Range(0, 1000000));
    verb.add_option("-i,--interval", arguments.interval, "seconds between them (0.1; 1 with -c 0)")
        ->check(CLI::Range(0.001, 3600.0));
    CLI::Option* timeout =
        verb.add_option("-W,--timeout", arguments.timeout, "seconds to wait for an answer after the last (1)")
            ->check(CLI::Range(0.001, 3600.0));
    verb.add_option("-w,--within,--deadline", arguments.within,
                    "ask each pair until it has answered COUNT times, for so many seconds at most")
        ->check(CLI::Range(0.001, 86400.0))
        ->excludes(timeout);
    verb.add_option("-s,--size", arguments.payload, "bytes of data in a request (56)")
        ->check(CLI::Range(PingOptions::kLeastPayload, PingOptions::kMostPayload));
    CLI::Option* v4 = verb.add_flag("-4,--ipv4", arguments.only_v4, "IPv4 only");
    verb.add_flag("-6,--ipv6", arguments.only_v6, "IPv6 only")->excludes(v4);
    add_output_option(verb, arguments.output);
}

}  // namespace warren::cli
