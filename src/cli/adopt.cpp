// warren adopt: the lab file of what is there.
#include "views/adopt.hpp"

#include <filesystem>

#include "base/fd.hpp"
#include "base/interruption.hpp"
#include "cli/cli.hpp"
#include "engine/engine.hpp"
#include "engine/survey.hpp"

namespace warren::cli {
namespace {

// A lab's name from that of its file: "classroom" of "labs/classroom.yaml".
std::string name_from(const std::string& file) {
    std::string name = file.substr(file.rfind('/') + 1);
    name = name.substr(0, name.find('.'));
    return lab_name_fault(name) ? "adopted" : name;
}

std::string counted(std::size_t count, const char* one, const char* many) {
    return fmt::format("{} {}", count, count == 1 ? one : many);
}

// Makes what was found the lab's own, then writes its file.
int take(Engine& engine, const Survey& found, const Adopted& adopted, const std::string& file) {
    if (!adopted.mistakes.empty()) {
        return fail(
            failure("take lab " + adopted.lab.name, adopted.mistakes.front(), "a lab must be one that 'up' takes")
                .value());
    }
    UpOptions options;
    if (!file.empty() && file != "-") { options.file = std::filesystem::absolute(file); }
    options.interrupted = [] { return interruption() != 0; };
    const auto result = [&] {
        const Interruption caught(
            "warren: interrupted; going back to what was there before (once more: stop at once)\n",
            "warren: stopped half-way; 'warren down' takes away what is the lab's by now\n");
        return engine.take(adopted.lab, found, options, [](const std::string& line) { note(line); });
    }();
    if (!result) { return fail(result.error()); }
    note(fmt::format("{} is Warren's now; 'warren show {}' shows it, 'warren down {}' takes it away",
                     adopted.lab.name, adopted.lab.name, adopted.lab.name));
    for (const auto& change : result->changes) { note("changed: " + text(change)); }
    for (const auto& interface : result->without_lease) {
        note(interface + " has no lease yet; its client goes on asking");
    }
    return 0;
}

int write(const Adopted& adopted, const std::string& file) {
    const std::string text = adopted_text(adopted);
    if (file.empty() || file == "-") {
        fmt::print("{}", text);
    } else if (const auto done = write_file_atomic(file, text, 0644); !done) {
        return fail(done.error());
    } else {
        note(fmt::format("wrote {}: {}, {}, {}", file, counted(adopted.lab.hosts.size(), "host", "hosts"),
                         counted(adopted.lab.switches.size(), "switch", "switches"),
                         counted(adopted.lab.networks.size(), "network", "networks")));
        if (!adopted.remarks.empty()) { note("what it leaves out is said at its top"); }
    }
    for (const auto& mistake : adopted.mistakes) { note("the file has a mistake: " + mistake); }
    return adopted.mistakes.empty() ? 0 : 1;
}

}  // namespace

void add_adopt(Cli& cli) {
    static std::string file;
    static AdoptOptions options;
    static std::vector<std::string> namespaces;
    static bool takes = false;
    options.name.clear();
    auto& verb = cli.verb(
        "adopt", "Write the lab file of what is on this machine, whoever made it",
        "warren adopt                          all of it, to standard output\n"
        "warren adopt -o lab.yaml red green    two namespaces and the switches that they hang on\n"
        "warren adopt --take -o lab.yaml       the same is Warren's from now on\n\n"
        "'up' of the file gives the same network on a machine that has none of it. What a lab cannot say is in\n"
        "comments at its top. Nothing is changed. What labs have made is left out unless it is named.\n"
        "--take makes it a lab of Warren's from now on: 'show' and 'up' know it, and 'down' removes it all. Its "
        "DHCP\n"
        "servers and clients are ended and started as the lab's, with their leases. All or nothing.\n"
        "Exit status 1 where the file has a mistake that 'up' would refuse.",
        [] {
            Engine engine;
            const auto found = survey(engine.base());
            if (!found) { return fail(found.error()); }
            options.namespaces.insert(namespaces.begin(), namespaces.end());
            if (options.name.empty()) { options.name = name_from(file); }
            if (const auto fault = lab_name_fault(options.name)) {
                return fail(usage_failure("use the lab name '" + options.name + "'", *fault).value());
            }
            const auto adopted = adopt(*found, options);
            if (!adopted) { return fail(adopted.error()); }
            if (takes) {
                if (const int status = take(engine, *found, *adopted, file); status != 0) { return status; }
            }
            return write(*adopted, file);
        });
    verb.add_option("NAMESPACE", namespaces, "network namespaces, as 'ip netns' or 'draw --live' name them");
    verb.add_option("-o,--output", file, "the file to write, - for standard output (default)")->type_name("FILE");
    verb.add_flag("--take", takes, "make it Warren's own from now on");
    verb.add_option("--name", options.name, "the lab's name (that of the file, or 'adopted')");
}

}  // namespace warren::cli
