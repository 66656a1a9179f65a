// Which processes there are, and what DHCP servers and clients were told. Called by survey.cpp.
#include "engine/survey_processes.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "linux/netns.hpp"

namespace warren {
namespace {

constexpr std::size_t kLargestFile = 1U << 20U;  // of a dnsmasq's configuration

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// "busybox udhcpc -i eth0" is udhcpc; a login shell's name begins with a dash.
std::string program_of(const std::vector<std::string>& command) {
    std::string name = base_name(command.front());
    if (name == "busybox" && command.size() > 1) { name = base_name(command[1]); }
    name = name.substr(0, name.find_first_of(" :"));  // one that has written its state over its arguments
    return name.starts_with("-") ? name.substr(1) : name;
}

ProcessKind kind_of(const std::string& program) {
    static const std::set<std::string> kClients{"dhclient", "udhcpc", "dhcpcd"};
    if (program == "dnsmasq") { return ProcessKind::dhcp_server; }
    return kClients.contains(program) ? ProcessKind::dhcp_client : ProcessKind::other;
}

// Of dnsmasq(8), as of version 2.90: the short options that take a value, and long names of those that say what it
// serves.
constexpr std::string_view kWithValue = "mpclsitugaxSCATHQIBFGOMXVUjPJWY2467803";
constexpr std::array<std::pair<char, const char*>, 16> kLongNames{{{'F', "dhcp-range"},
                                                                   {'G', "dhcp-host"},
                                                                   {'O', "dhcp-option"},
                                                                   {'C', "conf-file"},
                                                                   {'7', "conf-dir"},
                                                                   {'i', "interface"},
                                                                   {'I', "except-interface"},
                                                                   {'a', "listen-address"},
                                                                   {'l', "dhcp-leasefile"},
                                                                   {'x', "pid-file"},
                                                                   {'u', "user"},
                                                                   {'g', "group"},
                                                                   {'p', "port"},
                                                                   {'k', "keep-in-foreground"},
                                                                   {'d', "no-daemon"},
                                                                   {'K', "dhcp-authoritative"}}};

std::string long_name(char letter) {
    for (const auto& [short_name, name] : kLongNames) {
        if (short_name == letter) { return name; }
    }
    return std::string(1, letter);
}

std::string trimmed(std::string text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!text.empty() && blank(text.back())) { text.pop_back(); }
    text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), blank));
    return text;
}

class Settings {
public:
    using List = std::vector<std::pair<std::string, std::string>>;
    explicit Settings(const std::function<std::string(const std::string&)>& read) : read_(read) {}

    List run(const std::vector<std::string>& command) {
        read_command(command);
        const bool has_file =
            std::any_of(list_.begin(), list_.end(), [](const auto& each) { return each.first == "conf-file"; });
        if (!has_file) { read_configuration("/etc/dnsmasq.conf"); }
        for (std::size_t i = 0; i < list_.size(); ++i) {  // a file may name another
            const auto [key, value] = list_[i];
            if (key == "conf-file") { read_configuration(value); }
            if (key == "dhcp-hostsfile") { read_lines(value, "dhcp-host"); }
            if (key == "dhcp-optsfile") { read_lines(value, "dhcp-option"); }
        }
        return std::move(list_);
    }

private:
    void read_command(const std::vector<std::string>& command) {
        for (std::size_t i = 1; i < command.size(); ++i) {
            const std::string& word = command[i];
            const bool follows = i + 1 < command.size() && !command[i + 1].starts_with("-");
            if (word.starts_with("--")) {
                const std::size_t equals = word.find('=');
                if (equals != std::string::npos) {
                    list_.emplace_back(word.substr(2, equals - 2), word.substr(equals + 1));
                } else {
                    list_.emplace_back(word.substr(2), follows ? command[++i] : "");
                }
            } else if (word.starts_with("-")) {
                if (read_letters(word, follows ? command[i + 1] : "")) { ++i; }
            }
        }
    }
    // "-kdFRANGE": whether NEXT was the value of the last.
    bool read_letters(const std::string& word, const std::string& next) {
        for (std::size_t at = 1; at < word.size(); ++at) {
            const std::string name = long_name(word[at]);
            if (kWithValue.find(word[at]) == std::string_view::npos) {
                list_.emplace_back(name, "");
                continue;
            }
            const bool attached = at + 1 < word.size();
            list_.emplace_back(name, attached ? word.substr(at + 1) : next);
            return !attached && !next.empty();
        }
        return false;
    }
    template <class Take>
    void each_line(const std::string& path, Take take) {
        if (!seen_.insert(path).second) { return; }
        std::istringstream lines(read_(path));
        for (std::string line; std::getline(lines, line);) {
            line = trimmed(line.substr(0, line.find('#')));
            if (!line.empty()) { take(line); }
        }
    }
    void read_configuration(const std::string& path) {
        each_line(path, [this](const std::string& line) {
            const std::size_t equals = line.find('=');
            list_.emplace_back(trimmed(line.substr(0, equals)),
                               equals == std::string::npos ? "" : trimmed(line.substr(equals + 1)));
        });
    }
    void read_lines(const std::string& path, const char* key) {
        each_line(path, [&](const std::string& line) { list_.emplace_back(key, line); });
    }

    const std::function<std::string(const std::string&)>& read_;
    List list_;
    std::set<std::string> seen_;
};

}  // namespace

std::map<std::uint64_t, std::vector<SurveyedProcess>> survey_processes() {
    std::map<std::uint64_t, std::vector<SurveyedProcess>> found;
    auto pids = all_processes();
    std::sort(pids.begin(), pids.end());
    for (const pid_t pid : pids) {
        const std::uint64_t inode = namespace_inode_of(pid);
        if (inode == 0) { continue; }
        SurveyedProcess process;
        process.pid = pid;
        process.command = command_of(pid);
        if (process.command.empty() || process.command.front().empty()) { continue; }
        process.program = program_of(process.command);
        process.kind = kind_of(process.program);
        if (process.kind == ProcessKind::dhcp_server) {
            // Its files are those that it sees.
            const std::string root = fmt::format("/proc/{}/root", pid);
            process.settings = dnsmasq_settings(process.command, [&root](const std::string& path) {
                if (path.empty() || path == "/dev/null") { return std::string{}; }
                return read_file(root + (path.front() == '/' ? "" : "/") + path, kLargestFile).value_or("");
            });
        }
        found[inode].push_back(std::move(process));
    }
    return found;
}

std::vector<std::string> client_devices(const std::vector<std::string>& command,
                                        const std::map<std::string, Link>& links) {
    std::vector<std::string> devices;
    const auto take = [&](const std::string& name) {
        const auto link = links.find(name);
        const bool known = link != links.end() && link->second.kind != LinkKind::loopback;
        if (known && std::find(devices.begin(), devices.end(), name) == devices.end()) { devices.push_back(name); }
    };
    for (std::size_t i = 0; i < command.size(); ++i) {
        std::istringstream words(command[i]);  // dhcpcd writes "dhcpcd: eth0 [ip4]" over its arguments
        for (std::string word; words >> word;) {
            for (const std::string_view prefix : {"", "-i", "--interface="}) {
                if (word.starts_with(prefix)) { take(word.substr(prefix.size())); }
            }
        }
    }
    if (devices.empty() && links.size() == 2) {  // the only one beside lo
        for (const auto& [name, link] : links) { take(name); }
    }
    return devices;
}

std::vector<std::pair<std::string, std::string>> dnsmasq_settings(
    const std::vector<std::string>& command, const std::function<std::string(const std::string& path)>& read) {
    return Settings(read).run(command);
}

}  // namespace warren
