// warren exec HOST -- COMMAND…, warren shell HOST: become a process in a host.
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "base/child.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "linux/netns.hpp"

namespace warren::cli {
namespace {

// Enters the host; from then on this process, its standard streams and its place in the terminal's job control
// are the command's, so signals and the exit status need nobody to pass them on.
Result<Place> become_host(const std::string& name) {
    const Engine engine;
    WARREN_ASSIGN(Place place, engine.find_host(name));
    WARREN_ASSIGN(Fd ns, open_namespace(place.net_namespace));
    const Binds binds = etc_binds(engine.base().etc_netns + "/" + place.net_namespace);
    if (const char* stage = enter(ns.get(), binds)) {
        return errno_failure(errno, fmt::format("enter host {} ({})", name, stage),
                             errno == EPERM ? "run as root" : "");
    }
    ::setenv("WARREN_LAB", place.lab.c_str(), 1);
    ::setenv("WARREN_HOST", place.host.c_str(), 1);
    return place;
}

int replace_by(std::vector<std::string> command) {
    std::vector<char*> argv;
    argv.reserve(command.size() + 1);
    for (auto& word : command) { argv.push_back(word.data()); }
    argv.push_back(nullptr);
    ::execvp(argv[0], argv.data());
    const int code = errno;
    note(fmt::format("cannot run {}: {}", command.front(), errno_text(code)));
    return code == ENOENT ? 127 : 126;  // as a shell says it
}

}  // namespace

int run_exec(int argc, char** argv) {
    int first = 1;
    if (first < argc && std::strcmp(argv[first], "--") == 0) { ++first; }
    if (first >= argc) {
        return fail(usage_failure("run a command in " + std::string(argv[0]), "no command was given",
                                  "warren exec HOST -- COMMAND…; 'warren shell HOST' opens a shell")
                        .value());
    }
    if (auto place = become_host(argv[0]); !place) { return fail(place.error()); }
    return replace_by({argv + first, argv + argc});
}

void add_exec(Cli& cli) {
    auto& verb = cli.verb(
        "exec", "Run a command in a host",
        "warren exec red -- ip addr\n"
        "warren exec tenants/red -- ping -c1 10.50.50.2\n\n"
        "The command gets standard input, signals and the terminal as they are; its exit status is\n"
        "warren's. It sees the host's own /etc/resolv.conf and /etc/hosts.",
        [] {
            return fail(
                usage_failure("run a command", "no host was given", "warren exec HOST -- COMMAND…").value());
        });
    // For the help text only: main() hands the words after HOST over unparsed.
    static std::string host;
    static std::vector<std::string> command;
    verb.add_option("HOST", host, "a host, or LAB/HOST where two labs have the same one");
    verb.add_option("COMMAND", command, "the command and its arguments, after --");
}

void add_shell(Cli& cli) {
    static std::string host;
    auto& verb = cli.verb("shell", "Open an interactive shell in a host",
                          "warren shell red\n\nThe prompt says where one is; 'exit' leaves.", [] {
                              const auto place = become_host(host);
                              if (!place) { return fail(place.error()); }
                              const char* own = std::getenv("SHELL");
                              const std::string shell = own != nullptr && *own != '\0' ? own : "/bin/sh";
                              const std::string prompt = fmt::format("[{}/{}] ", place->lab, place->host);
                              ::setenv("PS1", (prompt + "\\$ ").c_str(), 1);
                              // bash reads ~/.bashrc after its environment, which sets a prompt of its own:
                              // this runs once, before the first prompt, and goes.
                              const std::string once =
                                  fmt::format("PS1='{}'\"${{PS1:-\\\\$ }}\"; unset PROMPT_COMMAND", prompt);
                              if (shell.ends_with("/bash")) {
                                  ::setenv("PROMPT_COMMAND", once.c_str(), 1);
                                  ::unsetenv("PS1");
                              }
                              return replace_by({shell});
                          });
    verb.add_option("HOST", host, "a host, or LAB/HOST")->required();
}

}  // namespace warren::cli
