// warren explain FILE: the lab as the commands that make it by hand.
#include "views/explain.hpp"

#include "cli/cli.hpp"
#include "engine/engine.hpp"

namespace warren::cli {
namespace {

struct Wanted {
    State state;
    Site site;
};

Result<Wanted> wanted_of(const Lab& lab) {
    const Engine engine;
    WARREN_ASSIGN(const Site here, engine.site_for(lab));
    const Site site = site_by_hand(here, lab);
    return Wanted{expand(lab, site), site};
}

}  // namespace

void add_explain(Cli& cli) {
    static LabSource source;
    static std::string from;
    static bool down = false;
    static Output output = Output::text;
    auto& verb = cli.verb(
        "explain", "Print a lab as a script of ip, ovs-vsctl and dnsmasq commands, with comments",
        "warren explain lab.yaml              the commands that make it, and why\n"
        "warren explain lab.yaml | bash       make it by hand, without Warren\n"
        "warren explain --down lab.yaml       the way back\n"
        "warren explain --from a.yaml b.yaml  what changes between two files, as commands\n"
        "warren explain --topo tree,2,2       of a topology\n\n"
        "Changes nothing. The script's files are in /run/by-hand/LAB, and nothing in it bears Warren's mark: what "
        "it\n"
        "made is not a lab for 'down', which 'explain --down' takes away. 'up --explain' prints the commands\n"
        "while it makes the lab, 'up --step' goes through them one group at a time.",
        [] {
            int status = 0;
            const auto lab = load_lab(source, status);
            if (!lab) { return status; }
            std::optional<Lab> before;
            if (!from.empty()) {
                LabSource other;
                other.file = from;
                other.options.name = source.options.name;
                before = load_lab(other, status);
                if (!before) { return status; }
                if (before->name != lab->name) {
                    return fail(
                        usage_failure("explain what changes",
                                      fmt::format("{} is lab {} and {} is lab {}: each is made beside the other",
                                                  from, before->name, text_of(source), lab->name),
                                      "'--name NAME' takes both under one name")
                            .value());
                }
            }
            auto wanted = wanted_of(*lab);
            if (!wanted) { return fail(wanted.error()); }
            State first;
            if (before) {
                auto old = wanted_of(*before);
                if (!old) { return fail(old.error()); }
                first = std::move(old->state);
            }
            const auto way = down ? ExplainedWay::down : before ? ExplainedWay::change : ExplainedWay::up;
            const auto plan =
                down ? diff(wanted->state, State{}, lab->name).plan : diff(first, wanted->state, lab->name).plan;
            const ExplainStyle style{lab->name, wanted->site, true};
            if (output == Output::json) {
                fmt::print("{}\n", explain_json(plan, way, style));
            } else {
                fmt::print("{}", explain_script(plan, way, style));
            }
            return 0;
        });
    add_lab_source(verb, source);
    CLI::Option* way_back = verb.add_flag("--down", down, "the way back: take it all away");
    verb.add_option("--from", from, "the lab file of what is there: print what changes to FILE")
        ->type_name("FILE")
        ->excludes(way_back);
    add_output_option(verb, output);
}

}  // namespace warren::cli
