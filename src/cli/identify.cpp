// warren identify PID: which host a process is in.
#include <boost/json.hpp>

#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {

void add_identify(Cli& cli) {
    static pid_t pid = 0;
    static Output output = Output::text;
    auto& verb = cli.verb(
        "identify", "Tell which host, of which lab, a process is in",
        "warren identify 4711\n\nExit status 1 where it is in none.", [] {
            const auto place = Engine().identify(pid);
            if (!place) { return fail(place.error()); }
            if (!*place) {
                return fail(failure(fmt::format("identify process {}", pid), "it is in no lab's host").value());
            }
            const Place& in = **place;
            if (output == Output::json) {
                fmt::print("{}\n", boost::json::serialize(boost::json::object{{"pid", pid},
                                                                              {"lab", in.lab},
                                                                              {"host", in.host},
                                                                              {"namespace", in.net_namespace},
                                                                              {"process", in.process}}));
            } else {
                fmt::print("{}/{}{}\n", in.lab, in.host, in.process.empty() ? "" : " " + in.process);
            }
            return 0;
        });
    verb.add_option("PID", pid, "a process id")->required();
    add_output_option(verb, output);
}

}  // namespace warren::cli
