// warren draw [LAB]: the diagram of what is there, or of what a file would make.
#include "views/draw.hpp"

#include <algorithm>
#include <map>

#include <fcntl.h>

#include "base/fd.hpp"
#include "cli/cli.hpp"
#include "cli/draw_watch.hpp"
#include "cli/view.hpp"
#include "engine/survey.hpp"
#include "linux/netns.hpp"
#include "views/draw_live.hpp"

namespace warren::cli {
namespace {

enum class Format { text, svg, png, dot, mermaid };

const std::map<std::string, Format> kFormats{{"text", Format::text},
                                             {"svg", Format::svg},
                                             {"png", Format::png},
                                             {"dot", Format::dot},
                                             {"mermaid", Format::mermaid}};
const std::map<std::string, Format> kEndings{
    {"txt", Format::text}, {"svg", Format::svg},     {"png", Format::png},        {"dot", Format::dot},
    {"gv", Format::dot},   {"mmd", Format::mermaid}, {"mermaid", Format::mermaid}};
const std::map<std::string, Theme> kThemes{
    {"light", Theme::light}, {"dark", Theme::dark}, {"auto", Theme::automatic}};

struct DrawOptions {
    std::string lab;
    LabSource source;
    bool live = false;  // the whole machine
    bool watch = false;
    bool ascii = false;
    std::string output;
    std::string format;
    Theme theme = Theme::automatic;
};

Result<Format> format_of(const DrawOptions& options) {
    if (!options.format.empty()) { return kFormats.at(options.format); }
    if (options.output.empty() || options.output == "-") { return Format::text; }
    const std::size_t slash = options.output.rfind('/');
    const std::size_t dot = options.output.rfind('.');
    const bool has_ending = dot != std::string::npos && (slash == std::string::npos || dot > slash);
    const auto found = has_ending ? kEndings.find(options.output.substr(dot + 1)) : kEndings.end();
    if (found != kEndings.end()) { return found->second; }
    return usage_failure("draw to '" + options.output + "'", "its ending says no format",
                         "end it in .svg, .png, .dot, .mmd or .txt, or say '--format'");
}

DrawStyle style_of(const DrawOptions& options) {
    if (!options.output.empty() && options.output != "-") { return {!options.ascii, false, 100}; }
    return {wants_unicode() && !options.ascii, wants_colour(), terminal_width()};
}

Result<std::string> picture(const Models& models, Format format, const DrawOptions& options) {
    switch (format) {
        case Format::text:
            return draw_text(models, style_of(options));
        case Format::svg:
            return draw_svg(models, options.theme);
        case Format::png:
            return draw_png(models, options.theme);
        case Format::dot:
            return draw_dot(models);
        case Format::mermaid:
            return draw_mermaid(models);
    }
    return std::string();
}

// Of a file or topology. Prints what is wrong; the exit status, 0 where MODELS has been set.
int models_of_source(const LabSource& source, Models& models) {
    int status = 0;
    LabView view;
    auto read = load_lab(source, status);
    if (!read) { return status; }
    Engine engine;
    const auto site = engine.site_for(*read);
    if (!site) { return fail(site.error()); }
    view.lab = std::move(*read);
    view.file = text_of(source);
    view.wanted = expand(view.lab, *site);
    view.observed = view.wanted;
    models.push_back(drawing::make_model(view));
    return 0;
}

Result<Models> models_of_machine() {
    const Engine engine;
    WARREN_ASSIGN(const Survey found, survey(engine.base()));
    for (const auto& fault : found.faults) { note(fault); }
    return Models{live_model(found)};
}

Result<Models> models_of_lab(const std::string& lab) {
    WARREN_ASSIGN(const LabView view, view_of(lab));
    return Models{drawing::make_model(view)};
}

void add_name(std::vector<std::string>& names, std::string name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) { names.push_back(std::move(name)); }
}

Result<Look> look_at_lab(const std::string& lab, const DrawOptions& options) {
    const Engine engine;
    const auto view = view_of(lab);
    Look look;
    if (!view && !path_exists(engine.directory_of(lab))) {
        look.over = true;
        look.text = "lab " + lab + " is down";
        return look;
    }
    if (!view) { return tl::unexpected(view.error()); }
    look.text = draw_text({drawing::make_model(*view)}, style_of(options));
    auto& things = look.things;
    things.namespaces.emplace_back();
    for (const State* state : {&view->wanted, &view->observed}) {
        for (const auto& [name, ns] : state->namespaces) {
            if (!name.empty()) { add_name(things.namespaces, namespace_path(name)); }
        }
        if (state->ovs) { add_name(things.databases, state->ovs->socket()); }
    }
    const std::string directory = engine.directory_of(lab);
    things.directories = {directory, directory + "/processes"};
    for (const auto& network : view->lab.networks) {
        const std::string leases = lease_file(engine.base(), lab, network.name);
        if (network.dhcp) { add_name(things.directories, leases.substr(0, leases.rfind('/'))); }
    }
    for (const auto& [key, process] : view->observed.processes) {
        if (process.pid != 0) { things.processes.push_back(process.pid); }
    }
    return look;
}

Result<Look> look_at_machine(const DrawOptions& options) {
    const Engine engine;
    WARREN_ASSIGN(const Survey found, survey(engine.base()));
    Look look;
    look.text = draw_text({live_model(found)}, style_of(options));
    look.things.namespaces.emplace_back();
    for (const auto& [name, ns] : found.namespaces) {
        if (!name.empty()) { look.things.namespaces.push_back(ns.path); }
        for (const auto& process : ns.processes) { look.things.processes.push_back(process.pid); }
    }
    for (const auto& ovs : found.switches) { look.things.databases.push_back(ovs.instance.socket()); }
    return look;
}

int watch(const DrawOptions& options) {
    if (options.live) {
        return keep_drawing([&options] { return look_at_machine(options); });
    }
    const auto lab = Engine().choose(options.lab);
    if (!lab) { return fail(lab.error()); }
    return keep_drawing([&] { return look_at_lab(*lab, options); });
}

int put(const std::string& picture, const std::string& output) {
    if (output.empty() || output == "-") {
        fmt::print("{}", picture);
        return 0;
    }
    // Not by a new file renamed over it: what is named may be a pipe or a device.
    const auto file = open_file(output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!file) { return fail(file.error()); }
    const auto written = write_all(file->get(), picture, "write " + output);
    return written ? 0 : fail(written.error());
}

int draw(const DrawOptions& options) {
    if (options.watch) { return watch(options); }
    const auto format = format_of(options);
    if (!format) { return fail(format.error()); }
    if (*format == Format::png && options.output.empty() && stdout_is_terminal()) {
        return fail(usage_failure("draw a PNG on a terminal", "it is not text", "say '-o FILE.png'").value());
    }
    Models models;
    if (!options.source.file.empty() || !options.source.topology.empty()) {
        if (const int status = models_of_source(options.source, models); status != 0) { return status; }
    } else {
        auto found = options.live ? models_of_machine() : models_of_lab(options.lab);
        if (!found) { return fail(found.error()); }
        models = std::move(*found);
    }
    const auto drawn = picture(models, *format, options);
    if (!drawn) { return fail(drawn.error()); }
    return put(*drawn, options.output);
}

}  // namespace

void add_draw(Cli& cli) {
    static DrawOptions options;
    auto& verb = cli.verb("draw", "Draw a lab as it is now",
                          "warren draw\n"
                          "warren draw -o lab.svg         a picture: .svg, .png, .dot (Graphviz), .mmd (Mermaid)\n"
                          "warren draw --file lab.yaml    what a file would make\n"
                          "warren draw --topo tree,2,2    what a topology would make\n"
                          "warren draw --live             what this machine has, whoever made it\n"
                          "warren draw --watch            again as it changes; q or Ctrl-C ends it",
                          [] { return draw(options); });
    CLI::Option* name = verb.add_option("LAB", options.lab, "the lab; may be left out where only one is up");
    CLI::Option* file =
        verb.add_option("--file", options.source.file, "draw what a lab file would make; needs no lab that is up");
    add_topology(verb, options.source, file);
    verb.add_flag("--live", options.live,
                  "draw all of this machine: namespaces, bridges, Open vSwitch, whoever made them")
        ->excludes(name)
        ->excludes(file);
    CLI::Option* watch =
        verb.add_flag("--watch", options.watch, "as text, and again whenever something changes")->excludes(file);
    verb.get_option("--topo")->excludes(watch);
    verb.add_option("-o,--output", options.output,
                    "write to this file, in the format of its ending; - for standard output")
        ->type_name("FILE")
        ->excludes(watch);
    std::vector<std::string> formats;
    for (const auto& [word, format] : kFormats) { formats.push_back(word); }
    verb.add_option("--format", options.format, "the format, whatever the file's ending says")
        ->transform(CLI::IsMember(formats).description(""))
        ->type_name("text|svg|png|dot|mermaid")
        ->excludes(watch);
    verb.add_option("--theme", options.theme, "colours of an SVG or PNG; auto: as the reader's system is (default)")
        ->transform(CLI::Transformer(kThemes).description(""))
        ->type_name("light|dark|auto");
    verb.add_flag("--ascii", options.ascii, "no box-drawing characters");
}

}  // namespace warren::cli
