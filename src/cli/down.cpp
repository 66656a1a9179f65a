// warren down [LAB]: take a lab away.
#include "base/interruption.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {
namespace {

int down_one(Engine& engine, const std::string& lab, bool force) {
    const auto result = [&] {
        const Interruption caught("warren: interrupted; what has begun is finished (once more: stop at once)\n",
                                  "warren: stopped half-way; 'warren down' goes on\n");
        return engine.down(lab, force, [] { return interruption() != 0; });
    }();
    if (!result) { return fail(result.error()); }
    if (*result) {
        fmt::print("{}: down\n", lab);
    } else {
        note(lab + " is not up; nothing to do");
    }
    return 0;
}

}  // namespace

void add_down(Cli& cli) {
    static std::string lab;
    static bool all = false;
    static bool force = false;
    auto& verb =
        cli.verb("down", "Take a lab away: nothing of it is left",
                 "warren down tenants\nwarren down            the only lab that is up\nwarren down --all\n\n"
                 "Processes that still run in its hosts are ended.",
                 [] {
                     Engine engine;
                     if (all) {
                         int status = 0;
                         for (const auto& summary : engine.list()) {
                             status = std::max(status, down_one(engine, summary.name, force));
                             if (interruption() != 0) { break; }
                         }
                         return status;
                     }
                     if (!lab.empty()) { return down_one(engine, lab, force); }
                     const auto labs = engine.list();
                     if (labs.empty()) {
                         note("no lab is up; nothing to do");
                         return 0;
                     }
                     const auto chosen = engine.choose("");
                     return chosen ? down_one(engine, *chosen, force) : fail(chosen.error());
                 });
    verb.add_option("LAB", lab, "the lab; may be left out where only one is up");
    verb.add_flag("--all", all, "every lab on this machine");
    verb.add_flag("--force", force, "find what is left by its marks alone, where the lab's record is damaged");
}

}  // namespace warren::cli
