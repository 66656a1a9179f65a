// warren draw [LAB]: the diagram of what is there, or of what a file would make.
#include "views/draw.hpp"

#include "cli/cli.hpp"
#include "cli/view.hpp"
#include "engine/survey.hpp"
#include "views/draw_live.hpp"

namespace warren::cli {

namespace {

int draw_live(bool ascii) {
    const Engine engine;
    const auto found = survey(engine.base());
    if (!found) { return fail(found.error()); }
    for (const auto& fault : found->faults) { note(fault); }
    fmt::print("{}", draw_text(live_model(*found), {wants_unicode() && !ascii, wants_colour(), terminal_width()}));
    return 0;
}

}  // namespace

void add_draw(Cli& cli) {
    static std::string lab;
    static LabSource source;
    static bool ascii = false;
    static bool whole_machine = false;
    auto& verb = cli.verb(
        "draw", "Draw a lab as it is now",
        "warren draw\n"
        "warren draw --file lab.yaml    what a file would make\n"
        "warren draw --topo tree,2,2    what a topology would make\n"
        "warren draw --live             what this machine has, whoever made it",
        [] {
            if (whole_machine) { return draw_live(ascii); }
            LabView view;
            if (!source.file.empty() || !source.topology.empty()) {
                int status = 0;
                auto read = load_lab(source, status);
                if (!read) { return status; }
                Engine engine;
                const auto site = engine.site_for(*read);
                if (!site) { return fail(site.error()); }
                view.lab = std::move(*read);
                view.file = text_of(source);
                view.wanted = expand(view.lab, *site);
                view.observed = view.wanted;
            } else {
                auto live = view_of(lab);
                if (!live) { return fail(live.error()); }
                view = std::move(*live);
            }
            fmt::print("{}", draw_text(view, {wants_unicode() && !ascii, wants_colour(), terminal_width()}));
            return 0;
        });
    CLI::Option* name = verb.add_option("LAB", lab, "the lab; may be left out where only one is up");
    CLI::Option* file =
        verb.add_option("--file", source.file, "draw what a lab file would make; needs no lab that is up");
    add_topology(verb, source, file);
    verb.add_flag("--live", whole_machine,
                  "draw all of this machine: namespaces, bridges, Open vSwitch, whoever made them")
        ->excludes(name)
        ->excludes(file);
    verb.add_flag("--ascii", ascii, "no box-drawing characters");
}

}  // namespace warren::cli
