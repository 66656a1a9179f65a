// The doctor's trials of what the kernel allows a process, and its limits for large labs. Called by doctor.cpp.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <sstream>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "engine/sysctl.hpp"
#include "probe/doctor_trials.hpp"
#include "probe/throw_away.hpp"

namespace warren::probe {
namespace {

Result<std::string> try_namespace() {
    WARREN_ASSIGN(const auto place, make_throw_away());
    return "can be made";
}

// --- user namespaces ---

// In a child of one thread: a plain user's try. 0, or errno; over 1000: it was made and bears no rights.
int be_plain_user() {
    constexpr uid_t kNobody = 65534;
    constexpr int kNoRights = 1000;
    if (::syscall(SYS_setgroups, 0, nullptr) != 0 && errno != EPERM) { return errno; }
    if (::syscall(SYS_setresgid, kNobody, kNobody, kNobody) != 0) { return errno; }
    if (::syscall(SYS_setresuid, kNobody, kNobody, kNobody) != 0) { return errno; }
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) { return errno; }
    // AppArmor lets it be made and takes its rights away.
    const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    request.ifr_name[0] = 'l';
    request.ifr_name[1] = 'o';
    request.ifr_flags = IFF_UP;
    return fd >= 0 && ::ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : kNoRights + errno;
}

Seen try_user_namespace(const Surroundings& around) {
    if (around.plain_user) { return works("a plain user can make one: this runs in it"); }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { return unknown("cannot make a pipe: " + errno_text(errno)); }
    const Fd from(ends[0]);
    Fd to(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
        const int code = be_plain_user();
        [[maybe_unused]] const auto n = ::write(to.get(), &code, sizeof code);
        ::_exit(0);
    }
    to.reset();
    int code = 0;
    const bool told = ::read(from.get(), &code, sizeof code) == static_cast<ssize_t>(sizeof code);
    while (child > 0 && ::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
    if (!told) { return unknown("the trial did not end"); }
    if (code == 0) { return works("a plain user can make one with a network in it"); }
    const auto is = [](const char* key, const char* value) {
        const auto now = read_sysctl(key);
        return now && *now == value;
    };
    constexpr int kNoRights = 1000;
    const std::string why =
        code > kNoRights ? "made, but without rights in it: " + errno_text(code - kNoRights) : errno_text(code);
    if (is("kernel.apparmor_restrict_unprivileged_userns", "1")) {
        return works_not(
            why + " (AppArmor restricts them)",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile with 'userns,'");
    }
    if (is("kernel.unprivileged_userns_clone", "0")) {
        return works_not(why, "sysctl kernel.unprivileged_userns_clone=1");
    }
    if (is("user.max_user_namespaces", "0")) { return works_not(why, "sysctl user.max_user_namespaces=15000"); }
    return works_not(why);
}

// --- control groups ---

constexpr std::string_view kGroupPrefix = "warren-doctor-";

bool is_cgroup(const std::string& path) {
    struct statfs file_system {};
    if (::statfs(path.c_str(), &file_system) != 0) { return false; }
    const auto type = static_cast<unsigned long>(file_system.f_type);
    return type == CGROUP_SUPER_MAGIC || type == CGROUP2_SUPER_MAGIC;
}

// A child group of PATH, which takes itself away. One of a doctor that was killed meanwhile, the next doctor removes:
// who has made one holds a lock on it.
class ControlGroup {
public:
    static Result<ControlGroup> make(const std::string& parent, int pid) {
        remove_left(parent);
        ControlGroup group(fmt::format("{}/{}{}", parent, kGroupPrefix, pid));
        if (::mkdir(group.path_.c_str(), 0755) != 0) { return errno_failure("make " + group.path_); }
        group.made_ = true;
        WARREN_ASSIGN(group.lock_, open_file(group.path_, O_RDONLY | O_DIRECTORY));
        (void)::flock(group.lock_.get(), LOCK_EX | LOCK_NB);
        return group;
    }
    ControlGroup(ControlGroup&& other) noexcept
        : path_(std::move(other.path_)), lock_(std::move(other.lock_)), made_(std::exchange(other.made_, false)) {}
    ControlGroup& operator=(ControlGroup&&) = delete;
    ~ControlGroup() {
        if (made_) { (void)::rmdir(path_.c_str()); }
    }

    [[nodiscard]] Result<void> set(const std::string& file, const std::string& value) const {
        WARREN_ASSIGN(const Fd fd, open_file(path_ + "/" + file, O_WRONLY));
        return write_all(fd.get(), value, file);
    }

private:
    explicit ControlGroup(std::string path) : path_(std::move(path)) {}

    static void remove_left(const std::string& parent) {
        DIR* directory = ::opendir(parent.c_str());
        if (directory == nullptr) { return; }
        while (const dirent* entry = ::readdir(directory)) {
            if (!std::string_view(entry->d_name).starts_with(kGroupPrefix)) { continue; }
            const std::string path = parent + "/" + entry->d_name;
            const auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
            if (fd && ::flock(fd->get(), LOCK_EX | LOCK_NB) == 0) { (void)::rmdir(path.c_str()); }
        }
        ::closedir(directory);
    }

    std::string path_;
    Fd lock_;
    bool made_ = false;
};

// Where the hierarchy of a version 1 controller is mounted, "" nowhere.
std::string hierarchy_of(const std::string& controller) {
    const auto mounts = read_file("/proc/self/mounts");
    std::istringstream lines(mounts.value_or(""));
    for (std::string device, path, type, options, rest; lines >> device >> path >> type >> options;) {
        std::getline(lines, rest);
        if (type == "cgroup" && ("," + options + ",").find("," + controller + ",") != std::string::npos &&
            is_cgroup(path)) {
            return path;
        }
    }
    return {};
}

Result<std::string> try_version_one(int pid) {
    for (const auto& [controller, file, value] : {std::tuple{"cpu", "cpu.cfs_quota_us", "50000"},
                                                  std::tuple{"memory", "memory.limit_in_bytes", "67108864"}}) {
        const std::string path = hierarchy_of(controller);
        if (path.empty()) {
            return failure("limit", fmt::format("no control group hierarchy for {} is mounted", controller));
        }
        WARREN_ASSIGN(const auto group, ControlGroup::make(path, pid));
        WARREN_TRY(group.set(file, value));
    }
    return "processor and memory can be limited (version 1)";
}

// Version 2 is mounted for ourselves, wherever the machine has it.
Seen try_control_groups(const Surroundings& around) {
    const std::string place = around.directory + "/cgroup2";
    if (auto made = make_directories(place); !made) { return unknown(made.error().message()); }
    std::string controllers;
    if (::mount("cgroup2", place.c_str(), "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) == 0) {
        controllers = " " + read_file(place + "/cgroup.controllers").value_or("") + " ";
        std::replace(controllers.begin(), controllers.end(), '\n', ' ');
    }
    if (controllers.find(" cpu ") == std::string::npos || controllers.find(" memory ") == std::string::npos) {
        return seen(try_version_one(around.pid));
    }
    const std::string handed = " " + read_file(place + "/cgroup.subtree_control").value_or("");
    if (handed.find(" cpu") == std::string::npos || handed.find(" memory") == std::string::npos) {
        return works_not("the controllers cpu and memory are not handed down to child groups",
                         "echo '+cpu +memory' > /sys/fs/cgroup/cgroup.subtree_control");
    }
    return seen([&]() -> Result<std::string> {
        WARREN_ASSIGN(const auto group, ControlGroup::make(place, around.pid));
        WARREN_TRY(group.set("cpu.max", "50000 100000"));
        WARREN_TRY(group.set("memory.max", "67108864"));
        return "processor and memory can be limited (version 2)";
    }());
}

// --- limits ---

// A number of the machine's that large labs reach.
struct Limit {
    const char* name;
    const char* key;   // sysctl
    long enough;       // for a thousand hosts or so
    const char* what;  // "{} entries, for all namespaces together"
    const char* blocks;
};

constexpr Limit kLimits[] = {
    {"neighbour table", "net.ipv4.neigh.default.gc_thresh3", 1024, "{} entries for all namespaces together",
     "many hosts that talk to each other at once"},
    {"backlog", "net.core.netdev_max_backlog", 1000, "{} packets wait for a processor at most",
     "broadcasts to more ports of a switch than that"},
    {"network namespaces", "user.max_net_namespaces", 1024, "{} at most", "labs of more hosts"},
    {"inotify instances", "fs.inotify.max_user_instances", 128, "{} for each user",
     "many services that watch files"},
    {"pseudo-terminals", "kernel.pty.max", 256, "{} at most", "many shells at once"},
    {"processes", "kernel.pid_max", 32768, "{} at most", "labs with many services"},
};

Seen try_limit(const Limit& limit) {
    const auto text = read_sysctl(limit.key);
    if (!text) { return unknown(errno_text(text.error().code) + ": " + limit.key); }
    const long value = std::atol(text->c_str());
    const std::string detail = fmt::format(fmt::runtime(limit.what), value);
    const std::string more = fmt::format("sysctl {}={}", limit.key, std::max(value, limit.enough) * 16);
    if (value < limit.enough) { return works_not(detail, more); }
    return works(detail, value < limit.enough * 4 ? more : "");
}

Seen open_files() {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    constexpr rlim_t kPlenty = 4096;
    const std::string detail = fmt::format("{} for a process", limit.rlim_max);
    return limit.rlim_max >= kPlenty ? works(detail) : works_not(detail);
}

Seen bridge_netfilter() {
    const auto value = read_sysctl("net.bridge.bridge-nf-call-iptables");
    if (!value || *value == "0") { return works("bridged frames do not pass the machine's firewall"); }
    return works_not(
        "br_netfilter passes bridged frames through the firewall: up to a third of the small-packet rate");
}

Seen user() {
    if (::geteuid() == 0) { return works("runs as root"); }
    return works_not(fmt::format("runs as user {}: what needs root is tried in a user namespace", ::geteuid()));
}

}  // namespace

void add_system_trials(Trials& trials, const Surroundings& around) {
    const std::string group = "Namespaces and processes";
    trials.push_back({group, "root", "all verbs that change or look into a lab", "run as root: sudo warren ...",
                      user, false, true});
    trials.push_back({group, "network namespaces", "everything: a host is one",
                      "run as root, in a container with CAP_SYS_ADMIN; a kernel with CONFIG_NET_NS; sysctl "
                      "user.max_net_namespaces",
                      [] { return seen(try_namespace()); }, true, true});
    trials.push_back({group, "user namespaces", "labs of plain users", "a kernel with CONFIG_USER_NS",
                      [around] { return try_user_namespace(around); }});
    trials.push_back(
        {group, "control groups", "'cpu' and 'memory' of hosts",
         "a kernel with CONFIG_CGROUPS, CONFIG_CFS_BANDWIDTH, CONFIG_MEMCG, and /sys/fs/cgroup writable",
         [around] { return try_control_groups(around); }});
}

void add_limit_trials(Trials& trials) {
    const std::string group = "Limits and speed";
    trials.push_back({group, "bridges without the firewall", "full speed on Linux bridges of 'root: machine' labs",
                      "'root: private' in the lab file, where it is switched off; or sysctl "
                      "net.bridge.bridge-nf-call-iptables=0",
                      bridge_netfilter, false});
    trials.push_back({group, "open files", "speed with many hosts", "ulimit -Hn 65536", open_files, false});
    for (const Limit& limit : kLimits) {
        trials.push_back({group, limit.name, limit.blocks, "", [&limit] { return try_limit(limit); }, false});
    }
}

}  // namespace warren::probe
