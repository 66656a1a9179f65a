// warren guard DIRECTORY LAB SECONDS PID START: takes an unconfirmed change back. Hidden: `up --confirm` starts it.
#include "engine/guard.hpp"

#include <unistd.h>

#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {

void add_guard(Cli& cli) {
    static std::string directory;
    static std::string lab;
    static int seconds = 0;
    static ProcessId parent;
    auto& verb = cli.verb("guard", "", "", [] {
        wait_as_guard(parent, std::chrono::seconds(seconds));
        const auto self = process_id(::getpid());
        if (!self) { return 1; }
        const auto result = Engine().go_back(lab, *self);
        return result ? 0 : fail(result.error());
    });
    verb.group("");
    verb.add_option("DIRECTORY", directory)->required();
    verb.add_option("LAB", lab)->required();
    verb.add_option("SECONDS", seconds)->required();
    verb.add_option("PID", parent.pid)->required();
    verb.add_option("START", parent.start)->required();
}

}  // namespace warren::cli
