// warren top [LAB]: what passes over each link, again and again.
#include "views/top.hpp"

#include <chrono>
#include <cstdio>
#include <optional>

#include "cli/cli.hpp"
#include "cli/screen.hpp"
#include "cli/view.hpp"
#include "engine/watch.hpp"
#include "linux/netns.hpp"

namespace warren::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

const std::map<std::string, TopOrder> kOrders{{"rate", TopOrder::rate},   {"rx", TopOrder::rx},
                                              {"tx", TopOrder::tx},       {"packets", TopOrder::packets},
                                              {"drops", TopOrder::drops}, {"name", TopOrder::name}};

struct TopOptions {
    std::string lab;
    int count = 0;     // 0: for ever
    double delay = 1;  // seconds
    TopOrder order = TopOrder::rate;
    Output output = Output::text;
};

// A change of a lab comes in many pieces: looked at when it has gone on for this long.
constexpr milliseconds kSettle{100};

class Top {
public:
    Top(const TopOptions& options, std::string lab)
        : options_(options),
          lab_(std::move(lab)),
          delay_(std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.delay))) {}

    // The signal that ended it; 0: none did.
    Result<int> run() {
        WARREN_ASSIGN(Watch watch, Watch::make());
        WARREN_ASSIGN(bool there, look(watch));
        if (there) { there = read(); }
        // Tables that are counted stay to be read.
        if (options_.output == Output::text && options_.count == 0 && stdout_is_terminal()) {
            screen_.emplace();
            Screen::draw("lab " + lab_ + "\n");
        }
        printed_at_ = read_at_;
        next_ = Clock::now() + delay_;
        while (there) {
            WARREN_ASSIGN(const bool goes_on, wait(watch));
            if (!goes_on) { return events_.ended_by(); }
            const auto now = Clock::now();
            if (look_at_ && now >= *look_at_) {
                WARREN_ASSIGN(there, look(watch));
                if (!there) { break; }
            }
            if (now < next_) { continue; }
            // Late, as on a machine that slept, it does not make up for what it has missed.
            next_ = std::max(next_ + delay_, now);
            const probe::Reading before = std::move(reading_);
            if (!read()) { continue; }
            print(before);
            if (options_.count != 0 && ++printed_ >= options_.count) { return 0; }
        }
        last_words_ = "lab " + lab_ + " is down";
        return 0;
    }
    // Said when the terminal is as it was.
    [[nodiscard]] const std::string& last_words() const { return last_words_; }

private:
    // Finds the lab's links, until all that was looked at was watched before. False: the lab is down.
    Result<bool> look(Watch& watch) {
        look_at_.reset();
        for (bool again = true; again;) {
            const auto view = view_of(lab_);
            const Engine engine;
            if (!view && !path_exists(engine.directory_of(lab_))) { return false; }
            if (!view) {
                if (wires_.empty()) { return tl::unexpected(view.error()); }
                return true;  // in the middle of a change, which is not the last one then
            }
            WatchedThings things;
            things.namespaces.emplace_back();
            for (const auto& [name, ns] : view->wanted.namespaces) {
                if (!name.empty()) { things.namespaces.push_back(namespace_path(name)); }
            }
            things.directories = {engine.directory_of(lab_)};
            WARREN_ASSIGN(again, watch.follow(things));
            if (again) { continue; }
            wires_ = probe::wires_of(view->wanted, view->observed);
            // A namespace may have gone since: then there is news of it.
            if (!meter_.follow(wires_, view->observed)) { look_at_ = Clock::now() + kSettle; }
        }
        return true;
    }

    // False: something has gone, which is looked at first.
    bool read() {
        auto now = meter_.read();
        if (!now) {
            reading_.clear();
            if (!look_at_) { look_at_ = Clock::now() + kSettle; }
            return false;
        }
        reading_ = std::move(*now);
        read_at_ = Clock::now();
        return true;
    }

    void print(const probe::Reading& before) {
        const std::chrono::duration<double> time = read_at_ - printed_at_;
        TopView view{lab_, time.count(), probe::rates(wires_, before, reading_)};
        printed_at_ = read_at_;
        sort_links(view.links, options_.order);
        if (options_.output == Output::json) {
            fmt::print("{}\n", top_json(view));
        } else if (screen_) {
            Screen::draw(top_text(view, wants_unicode()));
        } else {
            fmt::print("{}{}", printed_ == 0 ? "" : "\n", top_text(view, wants_unicode()));
        }
        std::fflush(stdout);
    }

    // Until it is time to look or to read. False: it is to end.
    Result<bool> wait(Watch& watch) {
        const auto until = look_at_ ? std::min(*look_at_, next_) : next_;
        const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
        WARREN_ASSIGN(const auto event,
                      events_.wait(watch, screen_, static_cast<int>(std::max(left, milliseconds(0)).count())));
        if (event == LiveEvents::Event::change && !look_at_) { look_at_ = Clock::now() + kSettle; }
        return event != LiveEvents::Event::end;
    }

    const TopOptions& options_;
    const std::string lab_;
    const Clock::duration delay_;
    LiveEvents events_;
    std::optional<Screen> screen_;
    probe::Meter meter_;
    std::vector<probe::Wire> wires_;
    probe::Reading reading_;
    Clock::time_point read_at_;
    Clock::time_point printed_at_;
    Clock::time_point next_;
    std::optional<Clock::time_point> look_at_;  // when to look at the lab again
    int printed_ = 0;
    std::string last_words_;
};

int run_top(const TopOptions& options) {
    auto lab = Engine().choose(options.lab);
    if (!lab) { return fail(lab.error()); }
    Result<int> ended = 0;
    std::string last_words;
    {
        Top top(options, std::move(*lab));
        ended = top.run();
        last_words = top.last_words();
    }
    return end_view(ended, last_words);
}

}  // namespace

void add_top(Cli& cli) {
    static TopOptions options;
    auto& verb =
        cli.verb("top", "Show what passes over each link of a lab, again and again",
                 "warren top\n"
                 "warren top tenants -n 1 -d 5\n"
                 "warren top --sort drops -o json | jq -c '.links[0]'\n\n"
                 "q or Ctrl-C ends it. Drops and errors are those of both ends since the last table; drops are\n"
                 "the device's and those of its queueing disciplines.",
                 [] { return run_top(options); });
    verb.add_option("LAB", options.lab, "the lab; may be left out where only one is up");
    verb.add_option("-n,--count", options.count, "end after so many tables")->check(CLI::Range(1, 1000000000));
    verb.add_option("-d,--delay", options.delay, "seconds from one to the next (1)")
        ->check(CLI::Range(0.05, 86400.0));
    verb.add_option("--sort", options.order, "by rate (default), rx, tx, packets, drops or name")
        ->transform(CLI::CheckedTransformer(kOrders).description(""))
        ->type_name("ORDER");
    add_output_option(verb, options.output);
}

}  // namespace warren::cli
