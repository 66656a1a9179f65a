// changes, the processes: DHCP servers by what they offer, clients, services. Called by changes().
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "plan/teller.hpp"

namespace warren::plan_detail {
namespace {

using Kind = Change::Kind;

constexpr const char* kRestarted = "dnsmasq is restarted, its leases are kept";
constexpr const char* kReloaded = "dnsmasq reads it again";

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, " ")); }

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(separator, start), text.size());
        parts.emplace_back(text.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

// "3600" → "1h", as the lab file says it.
std::string time_text(const std::string& seconds) {
    unsigned long long value = 0;
    const auto read = std::from_chars(seconds.data(), seconds.data() + seconds.size(), value);
    if (read.ec != std::errc{} || read.ptr != seconds.data() + seconds.size() || value == 0) { return seconds; }
    if (value % 3600 == 0) { return fmt::format("{}h", value / 3600); }
    if (value % 60 == 0) { return fmt::format("{}m", value / 60); }
    return fmt::format("{}s", value);
}

// What a network's server offers, in the lab file's words.
struct Offer {
    std::string range;
    std::string lease_time;
    std::map<std::string, std::string> options;       // "gateway", "dns", "option 26"
    std::map<std::string, std::string> reservations;  // host → address
    std::vector<std::string> rest;                    // of the command
};

std::string option_name(const std::string& code) {
    if (code == "3") { return "gateway"; }
    if (code == "6" || code == "option6:dns-server") { return "dns"; }
    return "option " + (code.starts_with("option6:") ? code.substr(8) : code);
}

void read_options(const std::string& text, Offer& offer) {
    std::map<std::string, std::string> values;
    for (const std::string& line : split(text, '\n')) {
        const std::size_t comma = line.find(',');
        if (comma != std::string::npos) { values[line.substr(0, comma)] = line.substr(comma + 1); }
    }
    // Classless routes are sent under two numbers.
    if (values.contains("121") && values.contains("249") && values["121"] == values["249"]) { values.erase("249"); }
    for (auto& [code, value] : values) { offer.options[option_name(code)] = std::move(value); }
}

void read_reservations(const std::string& text, Offer& offer) {
    for (const std::string& line : split(text, '\n')) {
        const auto parts = split(line, ',');
        if (parts.size() == 3) { offer.reservations[parts[2]] = parts[1]; }
    }
}

Offer offer_of(const State& state, const Process& server) {
    constexpr std::string_view kRange = "--dhcp-range=";
    Offer offer;
    for (const std::string& word : server.command) {
        if (word.starts_with("--dhcp-lease-max=")) { continue; }  // follows from the subnet
        if (!word.starts_with(kRange)) {
            offer.rest.push_back(word);
            continue;
        }
        const auto parts = split(std::string_view(word).substr(kRange.size()), ',');
        if (parts.size() >= 2) { offer.range = parts[0] + "-" + parts[1]; }
        if (parts.size() >= 4) { offer.lease_time = time_text(parts[3]); }
    }
    for (const std::string& path : server.reload_files) {
        const auto file = state.files.find(path);
        if (file == state.files.end()) { continue; }
        if (path.ends_with(".options")) { read_options(file->second.content, offer); }
        if (path.ends_with(".hosts")) { read_reservations(file->second.content, offer); }
    }
    return offer;
}

class Processes {
public:
    explicit Processes(Teller& teller) : teller_(teller) {}

    std::set<std::string> run() {
        for (const Step& step : teller_.plan.steps) {
            if (const auto* stop = std::get_if<StopProcess>(&step)) {
                stopped(stop->value);
            } else if (const auto* start = std::get_if<StartProcess>(&step)) {
                started(*start);
            } else if (const auto* reload = std::get_if<ReloadProcess>(&step)) {
                if (!reload->on_undo) { reloaded(reload->value); }
            }
        }
        return std::move(told_);
    }

private:
    void take_files(const Process& process) {
        told_.insert(process.reload_files.begin(), process.reload_files.end());
        told_.insert(process.restart_files.begin(), process.restart_files.end());
    }

    [[nodiscard]] std::string object(const Process& process) const {
        switch (process.role) {
            case ProcessRole::dhcp_server:
                return "dhcp server of " + process.network;
            case ProcessRole::dhcp_client:
                return fmt::format("dhcp client on {}:{}", process.host, process.device);
            case ProcessRole::service:
                break;
        }
        return fmt::format("service {}:{}", process.host, process.name);
    }

    [[nodiscard]] static std::string summary(const State& state, const Process& process) {
        if (process.role == ProcessRole::service) { return joined(process.command); }
        if (process.role == ProcessRole::dhcp_client) { return {}; }
        const Offer offer = offer_of(state, process);
        return fmt::format("{}{}on {}:{}", offer.range, offer.range.empty() ? "" : " ", process.host,
                           process.device);
    }

    // An interface's change of `address: dhcp` is told as its address's, by changes.cpp.
    [[nodiscard]] static bool is_client(const Process& process) { return process.role == ProcessRole::dhcp_client; }

    void stopped(const Process& process) {
        const bool stays = teller_.wanted.processes.contains({process.host, process.name});
        if (stays && !teller_.whole(process.net_namespace)) { return; }
        take_files(process);
        if (teller_.whole(process.net_namespace) || is_client(process)) { return; }
        teller_.say(Kind::removed, object(process), {}, summary(teller_.observed, process));
    }

    void started(const StartProcess& step) {
        const Process& process = step.value;
        const auto found = teller_.observed.processes.find({process.host, process.name});
        if (teller_.whole(process.net_namespace)) { return take_files(process); }
        if (found == teller_.observed.processes.end()) {
            take_files(process);
            if (!is_client(process)) {
                teller_.say(Kind::added, object(process), {}, {}, summary(teller_.wanted, process));
            }
            return;
        }
        const Process& before = found->second;
        if (step.again) {
            teller_.say(Kind::changed, object(process), "state", before.status, "running");
            return;
        }
        take_files(process);
        const std::size_t already = teller_.out.size();
        if (process.role == ProcessRole::dhcp_server) {
            offers(before, process, true);
        } else if (is_client(process)) {
            client(before, process);
        } else {
            teller_.say_if_changed(object(process), "command", joined(before.command), joined(process.command));
            teller_.say_if_changed(object(process), "restart", restart_text(before.restart),
                                   restart_text(process.restart), "it is started anew");
        }
        const bool quiet = is_client(process) && teller_.comes({process.net_namespace, process.device});
        if (teller_.out.size() > already || quiet) { return; }
        const bool new_interface = teller_.comes({process.net_namespace, process.device});
        teller_.say(Kind::changed, object(process), "state", "running", "started anew",
                    new_interface ? "its interface is new" : "what it is started with has changed");
    }

    void client(const Process& before, const Process& after) {
        const std::string interface = after.host + ":" + after.device;
        if (before.network != after.network) {
            teller_.say_if_changed(interface, "network", before.network, after.network);
            return;
        }
        const auto value = [](const Process& process, std::string_view key) {
            for (const std::string& entry : process.environment) {
                if (entry.starts_with(key)) { return entry.substr(key.size()); }
            }
            return std::string{};
        };
        for (const auto& [key, why] : {std::pair("WARREN_NETWORK=", "its network has another subnet"),
                                       std::pair("WARREN_RESERVED=", "its reservation has changed")}) {
            if (value(before, key) == value(after, key)) { continue; }
            teller_.say(Kind::changed, object(after), "state", "running", "asks again", why);
            return;
        }
    }

    static std::string restart_text(Restart restart) {
        return restart == Restart::always ? "always" : restart == Restart::never ? "never" : "on-failure";
    }

    void reloaded(const Process& process) {
        if (teller_.whole(process.net_namespace)) { return take_files(process); }
        const std::size_t already = teller_.out.size();
        offers(teller_.observed.processes.at({process.host, process.name}), process, false);
        if (teller_.out.size() > already) { take_files(process); }
    }

    void offers(const Process& was, const Process& will, bool restarted) {
        const Offer before = offer_of(teller_.observed, was);
        const Offer after = offer_of(teller_.wanted, will);
        const std::string network = "network " + will.network;
        const char* note = restarted ? "" : kReloaded;
        teller_.say_if_changed(network, "dhcp range", before.range, after.range, kRestarted);
        teller_.say_if_changed(network, "dhcp lease-time", before.lease_time, after.lease_time, kRestarted);
        each(network, "dhcp ", before.options, after.options, note);
        each(network, "dhcp reservation of ", before.reservations, after.reservations, note);
        const auto missing = [](const std::vector<std::string>& from, const std::vector<std::string>& in) {
            std::vector<std::string> result;
            std::copy_if(from.begin(), from.end(), std::back_inserter(result), [&](const std::string& word) {
                return std::find(in.begin(), in.end(), word) == in.end();
            });
            return joined(result);
        };
        teller_.say_if_changed(object(will), "command", missing(before.rest, after.rest),
                               missing(after.rest, before.rest), kRestarted);
    }

    void each(const std::string& network, const std::string& prefix,
              const std::map<std::string, std::string>& before, const std::map<std::string, std::string>& after,
              const char* note) {
        std::set<std::string> keys;
        for (const auto* side : {&before, &after}) {
            for (const auto& [key, value] : *side) { keys.insert(key); }
        }
        const auto value = [](const auto& side, const std::string& key) {
            const auto found = side.find(key);
            return found == side.end() ? std::string{} : found->second;
        };
        for (const std::string& key : keys) {
            teller_.say_if_changed(network, prefix + key, value(before, key), value(after, key), note);
        }
    }

    Teller& teller_;
    std::set<std::string> told_;
};

}  // namespace

std::set<std::string> tell_processes(Teller& teller) { return Processes(teller).run(); }

}  // namespace warren::plan_detail
