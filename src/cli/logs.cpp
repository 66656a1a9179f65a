// warren logs HOST [NAME]: what the lab's processes in a host printed.
#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "services/keeper.hpp"

namespace warren::cli {
namespace {

int show_logs(const std::string& host, const std::string& wanted) {
    const Engine engine;
    const auto place = engine.find_host(host);
    if (!place) { return fail(place.error()); }
    const std::string directory = engine.directory_of(place->lab);
    auto processes = recorded_processes(directory);
    if (!processes) { return fail(processes.error()); }
    std::erase_if(*processes, [&](const Process& process) { return process.host != place->host; });
    std::string known;
    for (const auto& process : *processes) { known += (known.empty() ? "" : ", ") + process.name; }
    const bool several = processes->size() > 1;
    if (!wanted.empty()) {
        std::erase_if(*processes, [&](const Process& process) { return process.name != wanted; });
    }
    if (processes->empty()) {
        const std::string attempt = "show the log of " + (wanted.empty() ? "" : wanted + " in ") + host;
        return fail(failure(attempt, "there is no such process",
                            known.empty() ? "the host has no processes of the lab's" : "it has: " + known)
                        .value());
    }
    for (const auto& process : *processes) {
        const auto content = read_file(process_log_path(directory, process));
        if (!content) { return fail(content.error()); }
        if (wanted.empty() && several) { fmt::print("==> {} <==\n", process.name); }
        fmt::print("{}", *content);
    }
    return 0;
}

}  // namespace

void add_logs(Cli& cli) {
    static std::string host;
    static std::string process;
    auto& verb = cli.verb("logs", "Show what a host's services, DHCP server and clients printed",
                          "warren logs dhcp-r dnsmasq\nwarren logs web", [] { return show_logs(host, process); });
    verb.add_option("HOST", host, "a host, or LAB/HOST")->required();
    verb.add_option("NAME", process, "one of its processes; all where left out");
}

}  // namespace warren::cli
