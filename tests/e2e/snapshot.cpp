// What is on a machine, as lines to compare; see harness.hpp.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include <unistd.h>

#include "base/net_types.hpp"
#include "harness.hpp"

namespace warren::e2e {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

std::string text_of(const json::value& value) {
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
}

void add_links(const std::string& where, const json::value& links, Lines& lines) {
    for (const auto& link : elements(links)) {
        const std::string name = text_of(at(link, "ifname"));
        std::string line = where + " link " + name;
        // Open vSwitch's device of a datapath: its address is another one each time.
        const bool datapath = name == "ovs-netdev" || name == "ovs-system";
        for (const char* key : {"link", "mtu", "address", "master", "ifalias"}) {
            if (datapath && key == std::string("address")) { continue; }
            if (const auto value = at(link, key); !value.is_null()) {
                line += std::string(" ") + key + " " + text_of(value);
            }
        }
        line += " kind " + text_of(at(at(link, "linkinfo"), "info_kind"));
        const auto flags = elements(at(link, "flags"));
        line += std::find(flags.begin(), flags.end(), json::value("UP")) != flags.end() ? " up" : " down";
        lines.push_back(line);
        for (const auto& address : elements(at(link, "addr_info"))) {
            const std::string local = text_of(at(address, "local"));
            // Link-local ones come and go with the carrier.
            if (local.starts_with("fe80:")) { continue; }
            lines.push_back(where + " address " + local + "/" + text_of(at(address, "prefixlen")) + " on " + name);
        }
    }
}

void add_output(const std::string& prefix, const std::string& script, Lines& lines) {
    std::istringstream output(must_sh(script));
    for (std::string line; std::getline(output, line);) { lines.push_back(prefix + line); }
}

void add_routes(const std::string& where, const json::value& routes, Lines& lines) {
    for (auto route : elements(routes)) {
        // What comes and goes with carriers and time.
        for (const char* key : {"expires", "flags"}) { route.as_object().erase(key); }
        const std::string line = json::serialize(route);
        if (line.find("fe80") == std::string::npos && line.find("ff00") == std::string::npos) {
            lines.push_back(where + " route " + line);
        }
    }
}

void add_namespaces(Lines& lines) {
    // One JSON array a line: links with their addresses, IPv4 routes, rules, IPv6 routes.
    std::istringstream output(must_sh(R"(look() {
            echo "@ $1"; shift
            printf 'addr show\nroute show table all\nrule show\n' | ip "$@" -j -d -batch -
            ip "$@" -6 -j -d route show table all; echo
        }
        look machine
        for path in /run/netns/*; do
            if [ -e "$path" ]; then look "netns ${path##*/}" -n "${path##*/}"; fi
        done)"));
    std::string where;
    int array = 0;
    for (std::string line; std::getline(output, line);) {
        if (line.starts_with("@ ")) {
            where = line.substr(2);
            array = 0;
        } else if (line.starts_with("[")) {
            const json::value values = json::parse(line);
            if (array++ == 0) {
                add_links(where, values, lines);
            } else {
                add_routes(where, values, lines);
            }
        }
    }
}

// Of the machine's own network namespace; but not those of labs' links, which are many.
void add_sysctls(Lines& lines) {
    for (const char* top : {"/proc/sys/net/ipv4", "/proc/sys/net/ipv6", "/proc/sys/net/bridge"}) {
        std::error_code ignored;  // what vanishes with its link, or a kernel without bridges' netfilter
        for (auto entry = fs::recursive_directory_iterator(top, ignored);
             entry != fs::recursive_directory_iterator(); entry.increment(ignored)) {
            const std::string name = entry->path().filename();
            const bool labs = entry.depth() == 1 && entry->path().parent_path().filename() == "conf" &&
                              read_text("/sys/class/net/" + name + "/ifalias").starts_with("warren:");
            if (name == "neigh" || labs) {
                entry.disable_recursion_pending();
            } else if (entry->is_regular_file(ignored) && name != "tcp_fastopen_key") {
                lines.push_back("sysctl " + entry->path().string().substr(10) + " = " + read_text(entry->path()));
            }
        }
    }
}

// Without counters.
void add_nftables(Lines& lines) {
    if (has_program("nft")) { add_output("nft ", "nft -s list ruleset", lines); }
}

void add_open_vswitch(Lines& lines) {
    for (const auto& entry :
         fs::recursive_directory_iterator("/run", fs::directory_options::skip_permission_denied)) {
        if (entry.path().filename() != "db.sock") { continue; }
        add_output("ovs ",
                   "ovs-vsctl --timeout=5 --db=unix:" + entry.path().string() +
                       " -f csv --no-headings -- --columns=name,datapath_type,fail_mode,protocols,stp_enable,"
                       "external_ids,other_config list Bridge -- --columns=name,tag,trunks,external_ids list Port "
                       "-- --columns=name,type,options,error list Interface",
                   lines);
    }
}

void add_processes(Lines& lines) {
    for (const int pid : processes_with("")) {
        const std::string command = command_line(pid);
        if (!command.empty() && command.find("_tests") == std::string::npos) {
            lines.push_back("process " + command);
        }
    }
}

// A keeper lives as long as its lab, through all changes: what it keeps open for good adds up.
void add_keepers(Lines& lines) {
    for (const int pid : processes_with("warren keeper ")) {
        const std::string command = command_line(pid);
        // It may not have seen yet that its last client has gone: one socket listens.
        const auto settled = [&] { return open_files(pid)["socket"] <= 1; };
        if (!comes_true(settled, std::chrono::seconds(10))) { lines.push_back("keeper with clients: " + command); }
        for (const auto& [what, count] : open_files(pid)) {
            lines.push_back("open file of " + command + ": " + what + " " + std::to_string(count) + " times");
        }
    }
}

void add_mounts(Lines& lines) {
    static const std::regex kInode("\\[[0-9]+\\]");
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields(line);
        std::string skip, root, point;
        fields >> skip >> skip >> skip >> root >> point;
        lines.push_back("mount " + point + " of " + std::regex_replace(root, kInode, "[]"));
    }
}

// With the contents of what a lab or its programs might rewrite; the rest of /etc by name, mode and size.
bool content_matters(const fs::path& path) {
    return path.parent_path() == "/etc" || path.string().starts_with("/etc/netns/");
}

void add_files(const std::string& top, Lines& lines) {
    for (const auto& entry : fs::recursive_directory_iterator(top, fs::directory_options::skip_permission_denied)) {
        const auto status = entry.symlink_status();
        std::ostringstream line;
        line << "file " << entry.path().string() << " mode " << std::oct
             << static_cast<unsigned>(status.permissions());
        if (fs::is_symlink(status)) { line << " -> " << fs::read_symlink(entry.path()).string(); }
        if (fs::is_regular_file(status) && content_matters(entry.path())) {
            line << " content " << std::hex << stable_hash(read_text(entry.path()));
        } else if (fs::is_regular_file(status) && top == "/etc") {
            line << " size " << std::dec << entry.file_size();
        }
        lines.push_back(line.str());
    }
}

}  // namespace

std::map<std::string, int> open_files(int pid) {
    std::map<std::string, int> counts;
    const fs::path directory = "/proc/" + std::to_string(pid) + "/fd";
    std::error_code gone;  // it, or one of its descriptors, at this moment
    for (auto entry = fs::directory_iterator(directory, gone); !gone && entry != fs::directory_iterator();
         entry.increment(gone)) {
        std::error_code closed;
        const std::string target = fs::read_symlink(entry->path(), closed).string();
        if (closed) { continue; }
        // "socket:[4711]", "anon_inode:[pidfd]"
        const bool numbered = target.starts_with("socket:") || target.starts_with("pipe:");
        ++counts[numbered ? target.substr(0, target.find(':')) : target];
    }
    return counts;
}

std::vector<std::string> snapshot() {
    Lines lines;
    add_namespaces(lines);
    add_sysctls(lines);
    add_nftables(lines);
    add_open_vswitch(lines);
    add_processes(lines);
    add_keepers(lines);
    add_mounts(lines);
    add_files("/run", lines);
    add_files("/etc", lines);
    std::sort(lines.begin(), lines.end());
    return lines;
}

std::vector<std::string> snapshot_without_memory() {
    static const std::regex kMemory(
        "^file /run/warren/[^/]+/(dhcp|log|processes|keeper\\.).*|^file /run/warren/[^/]+/(dhcp|log|processes) .*");
    Lines lines = snapshot();
    std::erase_if(lines, [](const std::string& line) { return std::regex_match(line, kMemory); });
    return lines;
}

std::vector<std::string> lasting_difference(const std::vector<std::string>& before) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    Lines differ;
    do {
        differ = difference(before, snapshot_without_memory());
    } while (!differ.empty() && std::chrono::steady_clock::now() < until);
    return differ;
}

std::vector<std::string> difference(const std::vector<std::string>& before, const std::vector<std::string>& after) {
    Lines gone, come, result;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(gone));
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(come));
    for (const auto& line : gone) { result.push_back("- " + line); }
    for (const auto& line : come) { result.push_back("+ " + line); }
    return result;
}

}  // namespace warren::e2e
