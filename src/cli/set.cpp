// warren set, warren link: the links of a lab that is up, changed while it runs.
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "lab/edit.hpp"
#include "views/plan_text.hpp"

namespace warren::cli {
namespace {

// "LAB/NODE…" → LAB, and takes that off; else the lab that is up, or the only one of several that has the node.
Result<std::string> lab_of(const Engine& engine, std::string& end) {
    if (const auto slash = end.find('/'); slash != std::string::npos) {
        const std::string lab = end.substr(0, slash);
        end.erase(0, slash + 1);
        return engine.choose(lab);
    }
    const auto labs = engine.list();
    if (labs.size() <= 1) { return engine.choose(""); }
    const std::string node = end.substr(0, end.find(':'));
    std::vector<std::string> found;
    for (const auto& summary : labs) {
        const auto lab = engine.wanted_lab(summary.name);
        if (lab && (lab->find_host(node) != nullptr || lab->find_switch(node) != nullptr)) {
            found.push_back(summary.name);
        }
    }
    if (found.size() == 1) { return found.front(); }
    return usage_failure("find " + node, found.empty() ? "no lab that is up has it" : "several labs have it",
                         fmt::format("as in LAB/{}", node));
}

int change(Engine& engine, const std::string& lab, const std::function<Result<void>(Lab&)>& edit) {
    const auto result = engine.change(lab, edit);
    if (!result) { return fail(result.error()); }
    if (result->steps == 0) {
        fmt::print("{}: nothing to do\n", lab);
    } else {
        fmt::print("{}", changes_text(result->changes, result->steps, wants_colour()));
    }
    return 0;
}

int run_set(std::string end, const std::vector<std::string>& settings) {
    Engine engine;
    const auto name = lab_of(engine, end);
    if (!name) { return fail(name.error()); }
    if (!settings.empty()) {
        return change(engine, *name, [&](Lab& lab) { return set_link(lab, end, settings); });
    }
    const auto lab = engine.wanted_lab(*name);
    if (!lab) { return fail(lab.error()); }
    const auto now = link_settings(*lab, end);
    if (!now) { return fail(now.error()); }
    for (const auto& setting : *now) { fmt::print("{}\n", setting); }
    return 0;
}

// A B up, or NODE:PORT up.
int run_link(std::vector<std::string> words) {
    const std::string state = words.back();
    words.pop_back();
    if (words.size() > 2 || words.empty() || (state != "up" && state != "down")) {
        return fail(usage_failure("set a link up or down", "it is said wrongly",
                                  "as in 'warren link red s1 down', or 'warren link red:eth0 up'")
                        .value());
    }
    Engine engine;
    const auto name = lab_of(engine, words.front());
    if (!name) { return fail(name.error()); }
    const std::string other = words.size() == 2 ? words[1] : "";
    return change(engine, *name, [&](Lab& lab) -> Result<void> {
        WARREN_TRY(set_links_up(lab, words.front(), other, state == "up"));
        return {};
    });
}

}  // namespace

void add_set(Cli& cli) {
    static std::string end;
    static std::vector<std::string> settings;
    auto& verb =
        cli.verb("set", "Change what a link does to packets, while its lab runs",
                 "warren set red:eth0 loss=1% rate=10mbit   in both directions\n"
                 "warren set red:eth0 delay.out=5ms         of what red sends; delay.in of what it receives\n"
                 "warren set red:eth0 rate=none             as fast as can be\n"
                 "warren set s1:p1                          prints what holds\n\n"
                 "rate, delay, jitter, loss, duplicate, reorder, corrupt, queue, state. It is what the lab\n"
                 "wants from now on; 'warren up' of its file brings it back to that.",
                 [] { return run_set(end, settings); });
    verb.add_option("END", end, "HOST:INTERFACE or SWITCH:PORT, or LAB/ before it")->required();
    verb.add_option("SETTING", settings, "KEY=VALUE");
}

void add_link(Cli& cli) {
    static std::vector<std::string> words;
    auto& verb = cli.verb("link", "Set links of a lab that runs up or down",
                          "warren link red s1 down      all links between the two, both ends\n"
                          "warren link red:eth0 up      this one",
                          [] { return run_link(words); });
    verb.add_option("END", words, "two hosts or switches, or HOST:INTERFACE; then up or down")
        ->required()
        ->expected(2, 3);
}

}  // namespace warren::cli
