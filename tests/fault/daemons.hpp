// What the tests of killed daemons share: a lab's processes as `show` tells them, waiting, and pings beside a test.
#pragma once

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "harness.hpp"

namespace warren::e2e {

using Clock = std::chrono::steady_clock;

// Whether CONDITION comes true within a minute; looks often, so that what is measured by it is measured well.
inline bool soon(const std::function<bool()>& condition) {
    const auto until = Clock::now() + std::chrono::seconds(60);
    while (!condition()) {
        if (Clock::now() > until) { return false; }
        std::this_thread::sleep_for(std::chrono::microseconds(300));
    }
    return true;
}

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

// `ping` at 100 a second from a host, from its first answer until it is stopped.
class Pings {
public:
    Pings(const std::string& host, const std::string& address)
        : file_("/mnt/ping." + host),
          ping_("exec ip netns exec " + host + " ping -n -i 0.01 " + address + " > " + file_ + " 2>&1") {
        EXPECT_TRUE(soon([&] { return last() > 0; })) << "no answer at all: " << read_text(file_);
    }
    // Ends it; the numbers of those that were never answered. A request sent as it ends may be answered too late
    // to be told: the last answer is what counts.
    std::vector<int> lost() {
        const int at_least = last() + 1;
        EXPECT_TRUE(soon([&] { return last() > at_least; })) << "no answers any more";
        EXPECT_EQ(ping_.signal(SIGINT), 0);
        static_cast<void>(ping_.wait());
        std::vector<int> missing;
        const auto answered = answers();
        for (int number = 1; !answered.empty() && number <= *answered.rbegin(); ++number) {
            if (!answered.contains(number)) { missing.push_back(number); }
        }
        return missing;
    }
    [[nodiscard]] std::size_t answered() const { return answers().size(); }

private:
    [[nodiscard]] std::set<int> answers() const {
        static const std::regex kAnswer("bytes from [^\n]*icmp_seq=([0-9]+)");
        const std::string text = read_text(file_);
        std::set<int> numbers;
        for (std::sregex_iterator each(text.begin(), text.end(), kAnswer), end; each != end; ++each) {
            numbers.insert(std::stoi((*each)[1]));
        }
        return numbers;
    }
    [[nodiscard]] int last() const {
        const std::string text = read_text(file_);
        const auto found = text.rfind("icmp_seq=");
        return found == std::string::npos ? 0 : std::atoi(text.c_str() + found + 9);
    }
    std::string file_;
    Background ping_;
};

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
