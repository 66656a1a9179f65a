// warren iperf: throughput between two hosts, by Warren's own sender and receiver.
#include "cli/cli.hpp"
#include "cli/two_hosts.hpp"
#include "linux/netns.hpp"
#include "probe/throughput.hpp"
#include "views/throughput.hpp"

namespace warren::cli {
namespace {

struct IperfArguments {
    std::string from;
    std::string to;
    bool udp = false;
    bool reverse = false;
    double time = 3;  // seconds
    int parallel = 1;
    int length = 1448;  // payload of a datagram
    Output output = Output::text;
};

int run_iperf(const IperfArguments& arguments) {
    // Datagrams have one direction: the hosts change places.
    const bool swapped = arguments.udp && arguments.reverse;
    const auto hosts = two_hosts(swapped ? arguments.to : arguments.from, swapped ? arguments.from : arguments.to);
    if (!hosts) { return fail(hosts.error()); }
    const auto from = open_namespace(hosts->from.net_namespace);
    if (!from) { return fail(from.error()); }
    const auto to = open_namespace(hosts->to.net_namespace);
    if (!to) { return fail(to.error()); }
    probe::Flow flow;
    flow.traffic = arguments.udp ? probe::Traffic::datagrams : probe::Traffic::stream;
    flow.from = from->get();
    flow.to = to->get();
    flow.address = hosts->address;
    flow.reverse = arguments.reverse && !arguments.udp;
    flow.parallel = arguments.parallel;
    flow.time = milliseconds_of(arguments.time);
    constexpr std::size_t kHeaders4 = 28;
    constexpr std::size_t kHeaders6 = 48;
    flow.datagram = static_cast<std::size_t>(arguments.length) + (hosts->address.is_v4() ? kHeaders4 : kHeaders6);
    const auto result = probe::measure(flow);
    if (!result) { return fail(result.error()); }
    // Who sends comes first.
    const bool backwards = flow.reverse;
    const Transfer transfer{hosts->from.lab,
                            backwards ? hosts->to.host : hosts->from.host,
                            backwards ? hosts->from.host : hosts->to.host,
                            hosts->address.to_string(),
                            arguments.udp,
                            arguments.parallel,
                            *result};
    fmt::print("{}", arguments.output == Output::json ? transfer_json(transfer) + "\n" : transfer_text(transfer));
    return 0;
}

}  // namespace

void add_iperf(Cli& cli) {
    static IperfArguments arguments;
    auto& verb = cli.verb("iperf", "Measure the throughput between two hosts",
                          "warren iperf red green\n"
                          "warren iperf red green --udp --length 18 --time 1\n"
                          "warren iperf red green --parallel 4 --reverse -o json\n\n"
                          "The sender and the receiver are Warren's own: nothing needs to run in the hosts.\n"
                          "TCP, or UDP, as fast as it goes. 'doctor --path' says what limits it.",
                          [] { return run_iperf(arguments); });
    verb.add_option("FROM", arguments.from, "the host that sends")->required();
    verb.add_option("TO", arguments.to, "the host that receives")->required();
    CLI::Option* udp = verb.add_flag("-u,--udp", arguments.udp, "UDP datagrams in place of a TCP stream");
    verb.add_flag("-R,--reverse", arguments.reverse, "TO sends, FROM receives");
    verb.add_option("-t,--time", arguments.time, "seconds (3)")->check(CLI::Range(0.01, 86400.0));
    verb.add_option("-P,--parallel", arguments.parallel, "so many connections at once (1)")
        ->check(CLI::Range(1, 128));
    verb.add_option("-l,--length", arguments.length, "of --udp: bytes in a datagram (1448)")
        ->check(CLI::Range(1, 65487))
        ->needs(udp);
    add_output_option(verb, arguments.output);
}

}  // namespace warren::cli
