// warren keeper DIRECTORY LAB: the process that keeps a lab's processes running. Hidden: the engine starts it.
#include "services/keeper.hpp"
#include "base/fault.hpp"
#include "cli/cli.hpp"

namespace warren::cli {

void add_keeper(Cli& cli) {
    static std::string directory;
    static std::string lab;
    auto& verb = cli.verb("keeper", "", "", [] {
        fault::set_prefix("keeper-");
        const auto result = run_keeper(directory, lab);
        return result ? 0 : fail(result.error());
    });
    verb.group("");
    verb.add_option("DIRECTORY", directory)->required();
    verb.add_option("LAB", lab)->required();
}

}  // namespace warren::cli
