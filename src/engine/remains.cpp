// What labs leave on the machine; see remains.hpp. Called by engine.cpp.
#include "engine/remains.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <map>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.hpp"
#include "engine/sockets.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

// Directories outside /run/warren that were not there before the first lab; taken away after the last.
std::string made_list(const Site& site) { return site.runtime + "/.made"; }

// Who notes them and who takes them away: one at a time. Held by a lock on the directory itself, which leaves
// nothing behind.
Fd runtime_lock(const Site& site) {
    auto directory = open_file(site.runtime, O_RDONLY | O_DIRECTORY);
    if (!directory || ::flock(directory->get(), LOCK_EX) != 0) { return {}; }
    return std::move(*directory);
}

bool has_lab_directories(const Site& site) {
    DIR* runtime = ::opendir(site.runtime.c_str());
    if (runtime == nullptr) { return false; }
    bool found = false;
    while (const dirent* entry = ::readdir(runtime)) { found = found || entry->d_name[0] != '.'; }
    ::closedir(runtime);
    return found;
}

// Calls EACH(PATH, LAB) for every link in /etc/netns that points into a lab's directory.
template <class Each>
void each_etc_link(const Site& site, const Each& each) {
    DIR* directory = ::opendir(site.etc_netns.c_str());
    if (directory == nullptr) { return; }
    while (const dirent* entry = ::readdir(directory)) {
        char target[PATH_MAX];
        const std::string path = site.etc_netns + "/" + entry->d_name;
        const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
        if (n <= 0) { continue; }
        const std::string_view to(target, static_cast<std::size_t>(n));
        if (!to.starts_with(site.runtime + "/")) { continue; }
        const std::string_view rest = to.substr(site.runtime.size() + 1);
        each(path, std::string(rest.substr(0, rest.find('/'))));
    }
    ::closedir(directory);
}

// Gathers for leftovers().
class Search {
public:
    explicit Search(const Site& site) : site_(site) {
        for (const auto& lab : recorded_labs(site.runtime)) { known_.insert(lab); }
    }

    Result<std::vector<Leftover>> run() {
        look_at_directories();
        WARREN_TRY(look_at_links());
        WARREN_TRY(look_at_namespaces());
        each_etc_link(site_, [this](const std::string& path, const std::string& lab) { add(lab, path); });
        look_at_open_vswitch();
        look_at_processes();
        std::vector<Leftover> all;
        for (auto& [lab, leftover] : found_) {
            if (owned(lab)) { continue; }  // it has come up meanwhile
            leftover.lab = lab;
            std::sort(leftover.things.begin(), leftover.things.end());
            all.push_back(std::move(leftover));
        }
        return all;
    }

private:
    void add(const std::string& lab, std::string thing) {
        if (lab.empty() || known_.contains(lab)) { return; }
        found_[lab].things.push_back(std::move(thing));
    }

    // Recorded, or locked: a lab under way.
    [[nodiscard]] bool owned(const std::string& lab) const {
        const std::string path = lab_directory(site_, lab);
        if (has_record(path)) { return true; }
        const auto lock = open_file(path + "/lock", O_RDWR);
        return lock && ::flock(lock->get(), LOCK_EX | LOCK_NB) != 0;
    }

    void look_at_directories() {
        DIR* runtime = ::opendir(site_.runtime.c_str());
        if (runtime == nullptr) { return; }
        std::vector<std::string> names;
        while (const dirent* entry = ::readdir(runtime)) {
            if (entry->d_name[0] != '.') { names.emplace_back(entry->d_name); }
        }
        ::closedir(runtime);
        for (const auto& name : names) {
            if (known_.contains(name) || lab_name_fault(name)) { continue; }
            if (owned(name)) {
                known_.insert(name);
            } else {
                add(name, "directory " + lab_directory(site_, name));
            }
        }
    }

    Result<void> look_at_links() {
        WARREN_ASSIGN(auto socket, nl::Socket::open());
        WARREN_ASSIGN(const auto links, dump_links(socket));
        for (const auto& link : links) { add(lab_of_mark(link.alias), "link " + link.name); }
        return {};
    }

    // Of a namespace that a lab attached: somebody else's name, or the lab's own for it.
    static bool is_other_name(const std::vector<KernelLink>& links, const std::string& name) {
        return std::any_of(links.begin(), links.end(), [&](const KernelLink& link) {
            const std::string own = link.name == "lo" ? namespace_mark(link.alias).name : std::string();
            return !own.empty() && own != name;
        });
    }

    Result<void> look_at_namespaces() {
        Sockets sockets;
        for (const auto& [name, inode] : named_namespaces()) {
            if (inode == 0) { continue; }
            auto socket = sockets.in(name);
            if (!socket && !named_namespaces().contains(name)) { continue; }  // it has gone meanwhile
            if (!socket) { return tl::unexpected(std::move(socket).error()); }
            WARREN_ASSIGN(const auto links, dump_links(**socket));
            if (is_other_name(links, name)) { continue; }
            for (const auto& link : links) {
                add(lab_of_mark(link.alias),
                    link.name == "lo" ? "namespace " + name : "link " + link.name + " in namespace " + name);
            }
        }
        return {};
    }

    void look_at_open_vswitch() {
        std::vector<std::string> sockets;
        if (ovs::running(shared_ovs(site_))) { sockets.push_back(shared_ovs(site_).socket()); }
        if (auto machine = ovs::machine_socket()) { sockets.push_back(*machine); }
        for (const auto& socket : sockets) {
            auto connection = ovs::Connection::connect(socket, std::chrono::seconds(5));
            if (!connection) { continue; }
            const auto bridges = connection->bridges();
            if (!bridges) { continue; }
            for (const auto& [name, bridge] : *bridges) {
                add(bridge.lab, "Open vSwitch bridge " + name);
                for (const auto& [port_name, port] : bridge.ports) {
                    if (port.lab != bridge.lab) { add(port.lab, "port " + port_name + " of " + name); }
                }
            }
        }
    }

    // A keeper or guard whose directory is gone would go on for ever: known by its command line.
    void look_at_processes() {
        for (const pid_t pid : all_processes()) {
            const auto words = command_of(pid);
            if (words.size() < 4 || (words[1] != "keeper" && words[1] != "guard")) { continue; }
            if (words[2] != lab_directory(site_, words[3]) || known_.contains(words[3])) { continue; }
            const auto id = process_id(pid);
            if (!id) { continue; }
            add(words[3], fmt::format("{} {}", words[1], pid));
            found_[words[3]].processes.push_back(*id);
        }
    }

    const Site& site_;
    std::set<std::string> known_;
    std::map<std::string, Leftover> found_;
};

}  // namespace

OvsInstance shared_ovs(const Site& site) { return {OvsInstance::Kind::warren, site.runtime + "/.ovs", ""}; }

std::string ovs_lock(const Site& site) { return site.runtime + "/.ovs.lock"; }

Result<void> note_made_directories(const Site& site) {
    const Fd lock = runtime_lock(site);
    std::string made;
    if (auto before = read_file(made_list(site))) { made = *before; }
    const std::size_t size = made.size();
    for (const auto& path : {site.etc_netns, std::string(kNetnsDirectory)}) {
        if (!path_exists(path)) { made += path + "\n"; }
    }
    if (made.size() == size) { return {}; }
    return write_file_atomic(made_list(site), made);
}

// A namespace that somebody else has named keeps the mount of /run/netns busy.
void remove_runtime(const Site& site) {
    if (has_lab_directories(site)) { return; }  // without waiting for one that is being brought up
    const Fd lock = runtime_lock(site);
    if (!lock.valid() || has_lab_directories(site)) { return; }
    if (const auto made = read_file(made_list(site))) {
        for (std::size_t start = 0; start < made->size();) {
            const std::size_t end = std::min(made->find('\n', start), made->size());
            const std::string path = made->substr(start, end - start);
            if (path == kNetnsDirectory) { (void)::umount2(path.c_str(), UMOUNT_NOFOLLOW); }
            ::rmdir(path.c_str());
            start = end + 1;
        }
    }
    ::unlink(made_list(site).c_str());
    ::unlink((made_list(site) + ".tmp").c_str());
    ::rmdir(site.runtime.c_str());
}

void remove_ovs_locks(const Site& site) {
    if (path_exists(shared_ovs(site).directory)) { return; }
    Lock::remove_unused(ovs_lock(site));
    Lock::remove_unused(site.runtime + "/.ovs.start.lock");
}

void quit_keeper(const std::string& directory) {
    if (auto keeper = Keeper::connect(directory)) { (void)keeper->quit(); }
}

void tidy(const std::string& directory, const State& wanted) {
    if (!wanted.keeper) {
        quit_keeper(directory);
        for (const char* name :
             {"/dhcp", "/log", "/processes", "/keeper.id", "/keeper.lock", "/keeper.start", "/keeper.sock"}) {
            (void)remove_tree(directory + name);
        }
        return;
    }
    std::set<std::string> stems{"keeper"};
    for (const auto& [key, process] : wanted.processes) {
        stems.insert(process.host + ":" + process.name);
        stems.insert(process.host + ":" + process.device);
        if (process.role == ProcessRole::dhcp_server) { stems.insert(process.network); }
    }
    for (const char* folder : {"/dhcp", "/log"}) {
        DIR* listing = ::opendir((directory + folder).c_str());
        if (listing == nullptr) { continue; }
        while (const dirent* entry = ::readdir(listing)) {
            const std::string name = entry->d_name;
            const std::string path = directory + folder + "/" + name;
            if (name == "." || name == ".." || wanted.files.contains(path)) { continue; }
            bool used = false;  // names may have dots in them: "web.1.log" of process "web.1"
            for (std::size_t dot = name.find('.'); !used && dot != std::string::npos;
                 dot = name.find('.', dot + 1)) {
                used = stems.contains(name.substr(0, dot));
            }
            if (!used) { ::unlink(path.c_str()); }
        }
        ::closedir(listing);
    }
}

Record record_by_marks(const Site& site, const std::string& name) {
    Record record;
    record.lab = name;
    record.boot = boot_id();
    for (const auto& [ns, inode] : named_namespaces()) {
        if (inode != 0) { record.namespaces.insert(ns); }
    }
    record.secluded = record.namespaces.contains(name);
    each_etc_link(site, [&](const std::string& path, const std::string& lab) {
        if (lab == name) { record.files.insert(path); }
    });
    const OvsInstance own{OvsInstance::Kind::lab, lab_directory(site, name) + "/ovs", name};
    if (path_exists(own.directory)) {
        record.ovs = own;
    } else if (path_exists(shared_ovs(site).directory)) {
        record.ovs = shared_ovs(site);
    } else if (auto socket = ovs::machine_socket()) {
        record.ovs = OvsInstance{OvsInstance::Kind::machine, socket->substr(0, socket->rfind('/')), ""};
    }
    return record;
}

Result<bool> stop_unused_ovs(const Site& site) {
    const OvsInstance shared = shared_ovs(site);
    if (!path_exists(shared.directory)) { return false; }
    WARREN_ASSIGN(const auto alone, Lock::take_if_free(ovs_lock(site)));
    if (!alone || used_by_labs(site.runtime, shared)) { return false; }
    WARREN_TRY(ovs::stop(shared));
    return true;
}

Result<std::vector<Leftover>> leftovers(const Site& site) {
    WARREN_ASSIGN(auto all, Search(site).run());
    const OvsInstance shared = shared_ovs(site);
    if (path_exists(shared.directory) && !used_by_labs(site.runtime, shared)) {
        all.push_back({"", {"Open vSwitch in " + shared.directory}, {}});
    }
    return all;
}

void end_processes(const Leftover& leftover) {
    for (const auto& id : leftover.processes) {
        auto fd = open_process(id);
        if (fd) { (void)end_process(fd->get(), std::chrono::seconds(2), fmt::format("process {}", id.pid)); }
    }
}

}  // namespace warren
