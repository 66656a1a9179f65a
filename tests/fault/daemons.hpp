// What the tests of killed daemons share: a lab's processes and leases as `show` tells them, what a process holds.
#pragma once

#include <algorithm>
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "harness.hpp"

namespace warren::e2e {

// A pid in a file; 0 where there is none (yet).
inline int pid_in(const std::string& path) { return std::atoi(read_text(path).c_str()); }

inline bool alive(int pid) { return !command_line(pid).empty(); }

// Processes of LAB by "HOST:NAME", as `show` tells them; those that do not run have pid 0.
inline std::map<std::string, int> pids_of(const std::string& lab) {
    std::map<std::string, int> pids;
    for (const auto& host : elements(at(warren_json({"show", lab}), "hosts"))) {
        for (const auto& process : elements(at(host, "processes"))) {
            const auto text = [](const json::value& value) { return std::string(value.as_string()); };
            pids[text(at(host, "name")) + ":" + text(at(process, "name"))] =
                static_cast<int>(at(process, "pid").as_int64());
        }
    }
    return pids;
}

// The leases of a network that `show` tells, as "ADDRESS MAC".
inline std::set<std::string> leases_of(const std::string& lab, const std::string& network) {
    std::set<std::string> leases;
    const json::value shown = named(at(warren_json({"show", lab}), "networks"), network);
    for (const auto& lease : elements(at(at(shown, "dhcp"), "leases"))) {
        leases.insert(std::string(at(lease, "address").as_string()) + " " +
                      std::string(at(lease, "mac").as_string()));
    }
    return leases;
}

// IPv4 addresses of an interface in a host's namespace, each with its length.
inline std::set<std::string> addresses_of(const std::string& ns, const std::string& device) {
    std::istringstream text(must_sh("ip -n " + ns + " -4 -o addr show dev " + device + " | awk '{print $4}'"));
    std::set<std::string> addresses;
    for (std::string line; text >> line;) { addresses.insert(line); }
    return addresses;
}

inline int keeper_of(const std::string& lab) { return pid_in("/run/warren/" + lab + "/keeper.lock"); }

constexpr const char* kOvs = "/run/warren/.ovs/";
inline int ovs_daemon(const std::string& name) { return pid_in(kOvs + name + ".pid"); }

// Zombies among the children of PARENT.
inline int zombies_of(int parent) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const std::string stat = read_text(entry.path() / "stat");
        const auto end = stat.rfind(") ");
        if (end == std::string::npos) { continue; }
        std::istringstream fields(stat.substr(end + 2));
        std::string state;
        int ppid = 0;
        fields >> state >> ppid;
        if (state == "Z" && ppid == parent) { ++count; }
    }
    return count;
}

// Locks and sockets of Warren's that a process has open although it is not the one that uses them.
inline std::vector<std::string> inherited_by(int pid) {
    static const std::regex kOurs("/run/warren/.*(lock|keeper\\.start)$");
    std::vector<std::string> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fd", gone)) {
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (std::regex_search(target, kOurs)) { found.push_back(command_line(pid) + ": " + target); }
    }
    return found;
}

// The lab is as its file says: nothing to do, and what it expects holds.
inline void expect_whole(const std::string& lab, const std::string& file) {
    EXPECT_THAT(drift(lab), IsEmpty());
    EXPECT_THAT(planned(file, lab), IsEmpty());
    const Ran check = warren({"check", lab});
    EXPECT_TRUE(check.ok()) << testing::PrintToString(check);
}

// `up` brings it back, then `down` leaves nothing.
inline void expect_repaired(const std::string& lab, const std::string& file) {
    const Ran up = warren({"up", file, "--name", lab});
    EXPECT_TRUE(up.ok()) << testing::PrintToString(up);
    expect_whole(lab, file);
}

}  // namespace warren::e2e
