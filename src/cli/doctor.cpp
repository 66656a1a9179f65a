// warren doctor: what this machine can do for a lab.
#include "probe/doctor.hpp"

#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "views/doctor.hpp"

namespace warren::cli {

void add_doctor(Cli& cli) {
    static Output output = Output::text;
    auto& verb = cli.verb("doctor", "Tell what this machine can and cannot do, and how to get it",
                          "warren doctor\nwarren doctor -o json\n\n"
                          "Everything is tried, side by side, in throw-away namespaces: nothing stays.\n"
                          "Exit status 3 where something essential is missing, without which there is no lab.",
                          [] {
                              const Engine engine;
                              const auto findings = examine_machine(engine.base());
                              fmt::print("{}", output == Output::json ? doctor_json(findings) + "\n"
                                                                      : doctor_text(findings, wants_colour()));
                              constexpr int kLacking = 3;
                              return fit(findings) ? 0 : kLacking;
                          });
    add_output_option(verb, output);
}

}  // namespace warren::cli
