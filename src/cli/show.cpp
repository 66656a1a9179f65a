// warren list, warren show [LAB]: what is there.
#include "views/show.hpp"

#include "cli/cli.hpp"
#include "cli/view.hpp"

namespace warren::cli {

LabView view_of(const Engine& engine, LabStatus status) {
    LabView view;
    view.file = status.record.file;
    for (const auto& network : status.lab.networks) {
        if (!network.dhcp) { continue; }
        // No lease file yet, or none that can be read: no leases to show.
        const auto text = read_file(lease_file(engine.base(), status.lab.name, network.name));
        view.leases[network.name] = text ? parse_leases(*text) : std::vector<Lease>{};
    }
    view.lab = std::move(status.lab);
    view.wanted = std::move(status.wanted);
    view.observed = std::move(status.observed);
    view.drift = std::move(status.drift);
    view.conflicts = std::move(status.conflicts);
    view.remarks = std::move(status.remarks);
    return view;
}

Result<LabView> view_of(const std::string& lab) {
    Engine engine;
    WARREN_ASSIGN(const std::string name, engine.choose(lab));
    WARREN_ASSIGN(LabStatus status, engine.status(name));
    return view_of(engine, std::move(status));
}

void add_list(Cli& cli) {
    static Output output = Output::text;
    auto& verb = cli.verb("list", "List the labs on this machine", "warren list -o json", [] {
        std::vector<ListedLab> labs;
        for (auto& lab : Engine().list()) {
            labs.push_back({lab.name, lab.state, lab.hosts, lab.switches, lab.since, lab.file});
        }
        fmt::print("{}", output == Output::json ? list_json(labs) + "\n" : list_text(labs));
        return 0;
    });
    add_output_option(verb, output);
}

void add_show(Cli& cli) {
    static std::string lab;
    static Output output = Output::text;
    auto& verb = cli.verb("show", "Show a lab's live state, and its drift from its file",
                          "warren show tenants\nwarren show -o json\n\n"
                          "What is shown is read from the kernel and from Open vSwitch at this moment.",
                          [] {
                              const auto view = view_of(lab);
                              if (!view) { return fail(view.error()); }
                              fmt::print("{}", output == Output::json ? show_json(*view) + "\n" : show_text(*view));
                              return 0;
                          });
    verb.add_option("LAB", lab, "the lab; may be left out where only one is up");
    add_output_option(verb, output);
}

}  // namespace warren::cli
