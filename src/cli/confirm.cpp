// warren confirm [LAB]: keep what `up --confirm` has made.
#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {

void add_confirm(Cli& cli) {
    static std::string lab;
    auto& verb = cli.verb("confirm", "Keep what 'up --confirm' has made",
                          "warren up lab.yaml --confirm 30s && warren check && warren confirm\n\n"
                          "Where it does not come in time, the lab goes back to what it was before that 'up'.",
                          [] {
                              Engine engine;
                              const auto chosen = engine.choose(lab);
                              if (!chosen) { return fail(chosen.error()); }
                              const auto result = engine.confirm(*chosen);
                              if (!result) { return fail(result.error()); }
                              if (*result) {
                                  fmt::print("{}: confirmed\n", *chosen);
                              } else {
                                  note(*chosen + " waits for no confirmation; nothing to do");
                              }
                              return 0;
                          });
    verb.add_option("LAB", lab, "the lab; may be left out where only one is up");
}

}  // namespace warren::cli
