// warren clean: take away what labs have left that no record names.
#include <boost/json.hpp>

#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {
namespace {

std::string leftovers_json(const std::vector<Leftover>& leftovers) {
    boost::json::array all;
    for (const auto& leftover : leftovers) {
        all.push_back(boost::json::object{
            {"lab", leftover.lab}, {"found", boost::json::array(leftover.things.begin(), leftover.things.end())}});
    }
    return boost::json::serialize(boost::json::object{{"leftovers", std::move(all)}});
}

}  // namespace

void add_clean(Cli& cli) {
    static bool dry_run = false;
    static Output output = Output::text;
    auto& verb =
        cli.verb("clean", "Take away what bears Warren's marks and belongs to no lab that is recorded",
                 "warren clean --dry-run    say what there is\n"
                 "warren clean\n\n"
                 "Labs that are up, and what is not Warren's, are left alone. A lab whose record is damaged is\n"
                 "taken away by 'warren down --force LAB'.",
                 [] {
                     const auto found = Engine().clean(dry_run);
                     if (!found) { return fail(found.error()); }
                     if (output == Output::json) {
                         fmt::print("{}\n", leftovers_json(*found));
                         return 0;
                     }
                     for (const auto& leftover : *found) {
                         fmt::print("{}\n", leftover.lab.empty() ? "of no lab:" : "lab " + leftover.lab + ":");
                         for (const auto& thing : leftover.things) { fmt::print("  {}\n", thing); }
                     }
                     if (found->empty()) {
                         note("nothing is left of any lab");
                     } else {
                         fmt::print("{}\n", dry_run ? "'warren clean' would remove these" : "removed");
                     }
                     return 0;
                 });
    verb.add_flag("--dry-run", dry_run, "only say what would be removed");
    add_output_option(verb, output);
}

}  // namespace warren::cli
