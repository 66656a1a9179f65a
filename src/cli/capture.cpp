// warren capture: frames of hosts and switches, as a pcapng file or as lines.
#include "cli/capture.hpp"

#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "base/signal_fd.hpp"
#include "cli/cli.hpp"
#include "cli/view.hpp"
#include "probe/pcapng.hpp"
#include "state/expand.hpp"
#include "views/packet.hpp"

namespace warren::cli {

Result<CaptureOutput> CaptureOutput::open(const std::string& file) {
    CaptureOutput output;
    output.file_ = file;
    if (file.empty()) { return output; }
    if (file == "-") {
        if (stdout_is_terminal()) {
            return usage_failure("write a capture to standard output", "it is a terminal",
                                 "pipe it: warren capture HOST -w - | wireshark -k -i -");
        }
        output.fd_ = Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
        if (!output.fd_.valid()) { return errno_failure("use standard output"); }
    } else {
        constexpr unsigned kMode = 0644;
        WARREN_ASSIGN(output.fd_, open_file(file, O_WRONLY | O_CREAT | O_TRUNC, kMode));
    }
    WARREN_TRY(write_all(output.fd_.get(), pcapng::section("warren " WARREN_VERSION), "write " + file));
    return output;
}

Result<void> CaptureOutput::write(const Capture& capture, const std::vector<CapturedFrame>& frames,
                                  std::size_t count) {
    std::string out;
    const auto& names = capture.interfaces();
    if (!fd_.valid()) {
        for (std::size_t i = 0; i < count; ++i) {
            const auto& frame = frames[i];
            out += fmt::format("{} {} {} {}\n", time_text(frame.time), names[frame.interface],
                               frame.outgoing ? "out" : "in ",
                               frame_text(frame.bytes.data(), frame.bytes.size(), frame.length));
        }
        fmt::print("{}", out);
        (void)std::fflush(stdout);
        return {};
    }
    for (; interfaces_ < names.size(); ++interfaces_) {
        out += pcapng::interface(names[interfaces_], capture.snaplen());
    }
    for (std::size_t i = 0; i < count; ++i) {
        const auto& frame = frames[i];
        out += pcapng::packet(frame.interface, frame.time, frame.outgoing, frame.bytes.data(), frame.bytes.size(),
                              frame.length);
    }
    return write_all(fd_.get(), out, "write " + file_);
}

Result<void> CaptureOutput::run(Capture& capture, std::uint64_t most, int stop,
                                std::optional<std::chrono::steady_clock::time_point> until) {
    WARREN_TRY(write(capture, {}, 0));  // the interfaces that are there
    return capture.run(
        [&](const std::vector<CapturedFrame>& frames) -> Result<bool> {
            const std::uint64_t left = most == 0 ? frames.size() : most - written_;
            const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, frames.size()));
            WARREN_TRY(write(capture, frames, count));
            written_ += count;
            return most == 0 || written_ < most;
        },
        stop, until);
}

void CaptureOutput::tell(Capture& capture) const {
    const auto counts = capture.counts();
    print_error(fmt::format("{} packet{} captured\n{} packet{} received by filter\n{} packet{} dropped by kernel\n",
                            written_, written_ == 1 ? "" : "s", counts.received, counts.received == 1 ? "" : "s",
                            counts.dropped, counts.dropped == 1 ? "" : "s"));
}

namespace {

struct CaptureArguments {
    std::vector<std::string> words;
    std::string file;
    std::string filter;
    std::uint64_t count = 0;
    double time = 0;
    std::uint32_t snaplen = Capture::kLargestFrame;
};

using Targets = std::vector<CaptureTarget>;

// Of a switch: PORT, or all of its ports that are interfaces.
Result<Targets> switch_targets(const LabView& view, const std::string& name, const std::string& port) {
    const std::string root = root_namespace(view.lab);
    if (!port.empty()) { return Targets{{name, root, port}}; }
    Targets targets;
    const auto ns = view.observed.namespaces.find(root);
    const auto ovs = view.observed.bridges.find(name);
    if (ns != view.observed.namespaces.end()) {
        for (const auto& [link_name, link] : ns->second.links) {
            const bool of_ovs = ovs != view.observed.bridges.end() && ovs->second.ports.contains(link_name);
            if (link.master == name || of_ovs) { targets.push_back({name, root, link_name}); }
        }
    }
    if (targets.empty()) { return failure("capture on " + name, "it has no ports that are interfaces here"); }
    return targets;
}

// What WORD names: [LAB/]HOST[:IFACE], [LAB/]SWITCH[:PORT], [LAB/]any.
Result<Targets> targets_of(const std::string& word) {
    const auto colon = word.find(':');
    const std::string name = word.substr(0, colon);
    const std::string interface = colon == std::string::npos ? "" : word.substr(colon + 1);
    Engine engine;
    const auto place = engine.find_host(name);
    if (place) { return Targets{{place->host, place->net_namespace, interface}}; }
    if (place.error().kind == Error::Kind::usage) { return tl::unexpected(place.error()); }
    const auto slash = name.find('/');
    const std::string rest = slash == std::string::npos ? name : name.substr(slash + 1);
    const auto view = view_of(slash == std::string::npos ? "" : name.substr(0, slash));
    if (!view) { return tl::unexpected(place.error()); }
    if (rest == "any") {
        Targets targets;
        for (const auto& [ns_name, ns] : view->wanted.namespaces) {
            if (!ns.host.empty()) { targets.push_back({ns.host, ns_name, interface}); }
        }
        return targets;
    }
    if (view->lab.find_switch(rest) != nullptr) { return switch_targets(*view, rest, interface); }
    return tl::unexpected(place.error());
}

// The first words name hosts; from the first on that does not, they are the filter.
Result<Targets> split_words(CaptureArguments& arguments) {
    Targets targets;
    for (std::size_t i = 0; i < arguments.words.size(); ++i) {
        auto found = targets_of(arguments.words[i]);
        if (found) {
            targets.insert(targets.end(), found->begin(), found->end());
            continue;
        }
        if (i == 0 || !arguments.filter.empty() || found.error().kind == Error::Kind::usage) {
            return tl::unexpected(found.error());
        }
        for (; i < arguments.words.size(); ++i) {
            arguments.filter += (arguments.filter.empty() ? "" : " ") + arguments.words[i];
        }
    }
    return targets;
}

int run_capture(CaptureArguments& arguments) {
    const auto targets = split_words(arguments);
    if (!targets) { return fail(targets.error()); }
    auto capture = Capture::make(arguments.filter, arguments.snaplen);
    if (!capture) {
        Error error = capture.error();
        const bool of_words = targets->size() < arguments.words.size();
        if (of_words && error.hint.empty()) { error.hint = "and what it begins with names no host"; }
        return fail(error);
    }
    auto output = CaptureOutput::open(arguments.file);
    if (!output) { return fail(output.error()); }
    const SignalFd signals{SIGINT, SIGTERM, SIGHUP};
    for (const auto& target : *targets) {
        if (auto added = capture->add(target); !added) { return fail(added.error()); }
    }
    std::string names;
    for (const auto& name : capture->interfaces()) { names += (names.empty() ? "" : ", ") + name; }
    note("capturing on " + names);
    std::optional<std::chrono::steady_clock::time_point> until;
    if (arguments.time > 0) { until = std::chrono::steady_clock::now() + milliseconds_of(arguments.time); }
    const auto done = output->run(*capture, arguments.count, signals.fd(), until);
    if (capture->all_gone()) { note("nothing is left to capture on"); }
    output->tell(*capture);
    return done ? 0 : fail(done.error());
}

}  // namespace

void add_capture(Cli& cli) {
    static CaptureArguments arguments;
    auto& verb = cli.verb("capture", "See the packets of hosts and switches, or write them to a pcapng file",
                          "warren capture red                          a line for each packet, until Ctrl-C\n"
                          "warren capture red:eth0 green icmp          a filter as tcpdump's, after the hosts\n"
                          "warren capture any -w all.pcapng            every interface of every host, in one file\n"
                          "warren capture red -w - | wireshark -k -i -\n\n"
                          "HOST is all its interfaces but lo. A switch's name is all its ports, SWITCH:PORT is "
                          "one, 'any' all hosts.\n"
                          "'warren up FILE --capture FILE' captures from before the first packet on.",
                          [] { return run_capture(arguments); });
    verb.add_option("HOST[:IFACE] FILTER", arguments.words,
                    "hosts, interfaces of theirs, switches, their ports; then a filter (pcap-filter(7))")
        ->required()
        ->type_name("...");
    verb.add_option("-w,--write", arguments.file, "write pcapng to this file; -: to standard output")
        ->type_name("FILE");
    verb.add_option("-f,--filter", arguments.filter, "the filter; then all words are hosts")->type_name("FILTER");
    verb.add_option("-c,--count", arguments.count, "end after so many packets");
    verb.add_option("-t,--time", arguments.time, "end after so many seconds")->check(CLI::Range(0.001, 1e7));
    verb.add_option("-s,--snaplen", arguments.snaplen, "bytes of each packet (262144: all)")
        ->check(CLI::Range(std::uint32_t{14}, Capture::kLargestFrame));
}

}  // namespace warren::cli
