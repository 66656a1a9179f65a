// warren up FILE, warren plan FILE: make the machine match the file.
#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "base/interruption.hpp"
#include "cli/cli.hpp"
#include "cli/early_capture.hpp"
#include "cli/view.hpp"
#include "engine/engine.hpp"
#include "views/draw.hpp"
#include "views/explain.hpp"
#include "views/plan_text.hpp"

namespace warren::cli {
namespace {

// Tells each group of steps as commands while `up` is at work, and with ASK waits before each for a word to go on.
class Teller {
public:
    Teller(const Lab& lab, Site site, bool ask) : style_{lab.name, std::move(site), false}, ask_(ask) {}

    // False: it is to stop here.
    bool before(const std::vector<Step>& steps, std::size_t begin, std::size_t end) {
        if (ask_) { picture(); }
        const auto group = explain_group(steps, begin, end, style_);
        if (group.commands.empty()) { return true; }
        fmt::print("{}\n", group_text(group));
        if (!ask_) {
            (void)std::fflush(stdout);
            return true;
        }
        fmt::print("[Enter] do this   [q] stop, and go back to what was there before: ");
        (void)std::fflush(stdout);
        return goes_on();
    }

    // The lab as it is now, where it looks other than before.
    void picture() {
        auto view = view_of(style_.lab);
        if (!view) { return; }  // not enough is there yet
        view->wanted = view->observed;
        std::string text = draw_text(*view, {wants_unicode(), wants_colour(), terminal_width()});
        if (text == drawn_) { return; }
        drawn_ = std::move(text);
        fmt::print("{}\n", drawn_);
    }

private:
    // Reads a line. Its end, or a signal, stops.
    static bool goes_on() {
        std::string line;
        for (;;) {
            char c = 0;
            const ssize_t n = ::read(STDIN_FILENO, &c, 1);
            if (n < 0 && errno == EINTR && interruption() == 0) { continue; }
            if (n != 1) { return false; }
            if (c == '\n') { return line != "q"; }
            if (c != '\r' && c != ' ') { line += c; }
        }
    }

    ExplainStyle style_;
    bool ask_;
    std::string drawn_;
};

int go_on_capturing(EarlyCapture& capture, const std::string& file) {
    (void)std::fflush(stdout);
    const bool goes_on = interruption() == 0;
    if (goes_on) { note("capturing into " + file + "; Ctrl-C ends the capture, the lab stays up"); }
    const auto done = capture.finish(goes_on);
    return done ? 0 : fail(done.error());
}

}  // namespace

void add_up(Cli& cli) {
    static LabSource source;
    static Output output = Output::text;
    static unsigned confirm_seconds = 0;
    static bool explains = false;
    static bool stepwise = false;
    static std::string capture_file;
    static std::vector<std::string> captured_hosts;
    auto& verb = cli.verb(
        "up", "Make the machine match a lab file: create or change, only what differs",
        "warren up lab.yaml                    make it, or bring it to what the file says now\n"
        "warren up lab.yaml --name second      the same under another name\n"
        "warren up --topo tree,2,2             a topology, without a file ('warren new --help')\n"
        "warren up lab.yaml --confirm 30s      and back again, unless 'warren confirm' comes within 30 s\n"
        "warren up lab.yaml --step             one group of steps at a time: its commands, why, the diagram\n"
        "warren up lab.yaml --capture f.pcapng  every packet of its hosts from the first on, until Ctrl-C\n\n"
        "All or nothing: where a step fails, what was there before is there again. A second 'up' of the same\n"
        "file does nothing. 'warren plan FILE' tells beforehand what would change. Switches with STP forward\n"
        "about 30 s after it; 'warren check' waits for them.",
        [] {
            int status = 0;
            const auto lab = load_lab(source, status);
            if (!lab) { return status; }
            UpOptions options;
            options.file = text_of(source);
            options.confirm = std::chrono::seconds(confirm_seconds);
            if ((explains || stepwise) && output == Output::json) {
                return fail(usage_failure("print JSON", "'--explain' and '--step' print text").value());
            }
            if (stepwise && source.file == "-") {
                return fail(usage_failure("ask before each step", "standard input is the lab file").value());
            }
            Engine engine;
            std::optional<Teller> teller;
            std::optional<EarlyCapture> capture;
            if (explains || stepwise || !capture_file.empty()) {
                const auto site = engine.site_for(*lab);
                if (!site) { return fail(site.error()); }
                if (explains || stepwise) { teller.emplace(*lab, *site, stepwise); }
                if (!capture_file.empty()) {
                    auto opened = EarlyCapture::open(capture_file, *lab, *site, captured_hosts);
                    if (!opened) { return fail(opened.error()); }
                    capture.emplace(std::move(*opened));
                }
                options.before = [&](const auto& steps, std::size_t begin, std::size_t end) {
                    if (capture) { capture->look(); }
                    return !teller || teller->before(steps, begin, end);
                };
            }
            const bool live = stderr_is_terminal() && !teller;
            if (live) {
                options.progress = [](std::size_t done, std::size_t all) {
                    print_error(fmt::format("\r\033[K{}/{} steps", done, all));
                };
            }
            options.interrupted = [] { return interruption() != 0; };
            const auto result = [&] {
                const Interruption caught(
                    "warren: interrupted; going back to what was there before (once more: stop at once)\n",
                    "warren: stopped half-way; 'warren up' completes it, 'warren down' takes it away\n");
                return engine.up(*lab, options);
            }();
            if (live) { print_error("\r\033[K"); }
            if (!result) {
                if (capture) {
                    if (auto written = capture->finish(false); !written) { note(written.error().message()); }
                }
                return fail(result.error());
            }
            if (stepwise) { teller->picture(); }
            if (output == Output::json) {
                fmt::print("{}\n", changes_json(lab->name, result->changes, result->steps));
            } else if (result->steps == 0) {
                fmt::print("{}: nothing to do\n", lab->name);
            } else {
                fmt::print("{}: up ({})\n", lab->name, changes_summary(result->changes, result->steps));
            }
            if (interruption() != 0) { note("it was done when the interruption came; the lab is up"); }
            if (options.confirm.count() > 0 && result->steps > 0) {
                note(fmt::format("it goes back to what was before in {} s, unless 'warren confirm {}' comes",
                                 options.confirm.count(), lab->name));
            }
            for (const auto& interface : result->without_lease) {
                note(interface + " has no lease yet; its client goes on asking ('warren check' waits for it)");
            }
            return capture ? go_on_capturing(*capture, capture_file) : 0;
        });
    add_lab_source(verb, source);
    verb.add_option("--confirm", confirm_seconds, "go back after this time (30s, 2m) unless 'warren confirm' comes")
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, unsigned>{{"s", 1}, {"m", 60}, {"h", 3600}},
                                          CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"));
    CLI::Option* capture = verb.add_option("--capture", capture_file,
                                           "write the packets of its hosts to this pcapng file, until Ctrl-C");
    capture->type_name("PCAPNG");
    verb.add_option("HOST", captured_hosts, "of --capture: of these hosts alone")->needs(capture);
    CLI::Option* tells = verb.add_flag("--explain", explains, "print each command while it is being done");
    verb.add_flag("--step", stepwise, "the same one group at a time: why, the commands, Enter, the diagram")
        ->excludes(tells);
    add_output_option(verb, output);
}

void add_plan(Cli& cli) {
    static LabSource source;
    static Output output = Output::text;
    static bool exit_code = false;
    auto& verb = cli.verb("plan", "Print what 'up' would change, attribute by attribute; changes nothing",
                          "warren plan lab.yaml\n"
                          "warren plan lab.yaml --exit-code    exit 0: nothing to do, 1: changes",
                          [] {
                              int status = 0;
                              const auto lab = load_lab(source, status);
                              if (!lab) { return status; }
                              const auto result = Engine().plan(*lab);
                              if (!result) { return fail(result.error()); }
                              fmt::print("{}", output == Output::json
                                                   ? changes_json(lab->name, result->changes, result->steps) + "\n"
                                                   : changes_text(result->changes, result->steps, wants_colour()));
                              return exit_code && result->steps > 0 ? 1 : 0;
                          });
    add_lab_source(verb, source);
    verb.add_flag("--exit-code", exit_code, "exit with 1 where there is something to change");
    add_output_option(verb, output);
}

}  // namespace warren::cli
