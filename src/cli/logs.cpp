// warren logs HOST [NAME]: what the lab's processes in a host printed.
#include <dirent.h>

#include <algorithm>

#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {
namespace {

std::vector<std::string> logs_of(const std::string& directory, const std::string& host) {
    std::vector<std::string> names;
    DIR* listing = ::opendir(directory.c_str());
    if (listing == nullptr) { return names; }
    while (const dirent* entry = ::readdir(listing)) {
        std::string name = entry->d_name;
        if (!name.starts_with(host + ".") || !name.ends_with(".log")) { continue; }
        names.push_back(name.substr(host.size() + 1, name.size() - host.size() - 5));
    }
    ::closedir(listing);
    std::sort(names.begin(), names.end());
    return names;
}

int show_logs(const std::string& host, const std::string& process) {
    const Engine engine;
    const auto place = engine.find_host(host);
    if (!place) { return fail(place.error()); }
    const std::string directory = engine.directory_of(place->lab) + "/log";
    const auto names = logs_of(directory, place->host);
    if (!process.empty() && std::find(names.begin(), names.end(), process) == names.end()) {
        std::string known;
        for (const auto& name : names) { known += (known.empty() ? "" : ", ") + name; }
        return fail(failure("show the log of " + process + " in " + host, "there is none",
                            known.empty() ? "the host has no processes of the lab's" : "it has: " + known)
                        .value());
    }
    for (const auto& name : names) {
        if (!process.empty() && name != process) { continue; }
        const auto content = read_file(directory + "/" + place->host + "." + name + ".log");
        if (!content) { return fail(content.error()); }
        if (process.empty() && names.size() > 1) { fmt::print("==> {} <==\n", name); }
        fmt::print("{}", *content);
    }
    return 0;
}

}  // namespace

void add_logs(Cli& cli) {
    static std::string host;
    static std::string process;
    auto& verb = cli.verb("logs", "Show what a host's services, DHCP server and clients printed",
                          "warren logs dhcp-r dnsmasq\nwarren logs web",
                          [] { return show_logs(host, process); });
    verb.add_option("HOST", host, "a host, or LAB/HOST")->required();
    verb.add_option("NAME", process, "one of its processes; all where left out");
}

}  // namespace warren::cli
