// Namespaces that a lab attaches. Called by look.cpp (find) and the Applier (attach, leave).
#include "engine/attach.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fault.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "state/expand.hpp"

namespace warren {
namespace {

using Values = std::map<std::string, std::string>;

std::string attempt_of(const std::string& host, const Attached& is) {
    return fmt::format("attach {} as host {}", attached_namespace_text(is), host);
}

// Keys whose change makes the kernel change others: the forwarding of all devices, and with IPv4's the redirects.
constexpr const char* kV4[] = {"net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"};
constexpr const char* kV6[] = {"net.ipv6.conf.all.forwarding"};

bool starts(const Values& values, const char* const* begin, const char* const* end) {
    return std::any_of(begin, end, [&](const char* key) { return values.contains(key); });
}

bool follows_v4(const std::string& key) {
    return (key.starts_with("net.ipv4.conf.") && key.ends_with(".forwarding")) || key == kV4[0] ||
           key == "net.ipv4.conf.all.accept_redirects";
}
bool follows_v6(const std::string& key) {
    return key.starts_with("net.ipv6.conf.") && key.ends_with(".forwarding");
}

// "net.ipv4.conf.eth0.100.forwarding" is written with the interface's dot as a '/'.
void add_devices(const char* family, std::set<std::string>& keys) {
    DIR* directory = ::opendir(fmt::format("/proc/sys/net/{}/conf", family).c_str());
    if (directory == nullptr) { return; }
    while (const dirent* entry = ::readdir(directory)) {
        std::string device = entry->d_name;
        if (device == "." || device == "..") { continue; }
        std::replace(device.begin(), device.end(), '.', '/');
        keys.insert(fmt::format("net.{}.conf.{}.forwarding", family, device));
    }
    ::closedir(directory);
}

// Reads, in the namespace of the calling thread, what setting WANTED may change.
Values read_before(const Values& wanted) {
    std::set<std::string> keys;
    for (const auto& [key, value] : wanted) { keys.insert(key); }
    if (starts(wanted, std::begin(kV4), std::end(kV4))) {
        keys.insert({kV4[0], "net.ipv4.conf.all.accept_redirects"});
        add_devices("ipv4", keys);
    }
    if (starts(wanted, std::begin(kV6), std::end(kV6))) { add_devices("ipv6", keys); }
    Values values;
    for (const auto& key : keys) {
        if (auto value = read_sysctl(key)) { values.emplace(key, std::move(*value)); }
    }
    return values;
}

// Those that others follow come first.
int order_of(const std::string& key) {
    const auto is = [&](const char* other) { return key == other; };
    if (std::any_of(std::begin(kV4), std::end(kV4), is) || std::any_of(std::begin(kV6), std::end(kV6), is)) {
        return 0;
    }
    return key.find(".all.") != std::string::npos ? 1 : 2;
}

Result<void> write_before(const Values& values) {
    for (int order = 0; order <= 2; ++order) {
        for (const auto& [key, value] : values) {
            if (order_of(key) != order) { continue; }
            const auto now = read_sysctl(key);
            if (!now || *now == value) { continue; }  // of a link that has gone
            WARREN_TRY(write_sysctl(key, value));
        }
    }
    return {};
}

const AttachedRecord* find(const std::optional<Record>& record, const std::string& name, std::uint64_t inode) {
    if (!record) { return nullptr; }
    const auto& all = record->attached;
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return one.name == name && one.inode == inode; });
    return found == all.end() ? nullptr : &*found;
}

class Finder {
public:
    Finder(const std::string& lab, State& wanted, const std::optional<Record>& record)
        : lab_(lab), prefix_(mark_prefix(lab)), wanted_(wanted), record_(record) {}

    Result<AttachedFound> run() {
        for (auto& [name, ns] : wanted_.namespaces) {
            if (ns.attached) { WARREN_TRY(find_one(ns)); }
        }
        return std::move(out_);
    }

private:
    Result<void> find_one(Namespace& ns) {
        Attached& is = *ns.attached;
        const AttachedRecord* held = find(record_, ns.name, namespace_inode(ns.name));
        const bool same = held != nullptr && held->pid == is.pid && held->path == is.path;
        AttachedRecord found{ns.name, ns.host, 0, is.pid, 0, is.path, {}};
        const auto id = is.path.empty() ? process_id(is.pid) : std::nullopt;
        if (id) { found.start = id->start; }
        // The number of a process that has ended may be another's.
        const bool another = same && is.path.empty() && id && id->start != held->start;
        auto fd = another ? Result<Fd>(errno_failure(ESRCH, attempt_of(ns.host, is))) : open_attached(is);
        if (!fd && same) {
            out_.remarks.push_back(ended(ns.host, is, another));
            fd = open_namespace(ns.name);
            found.start = held->start;
        }
        if (!fd) {
            fd.error().attempt = attempt_of(ns.host, is);
            out_.faults.push_back(std::move(fd).error());
            return {};
        }
        found.inode = is.inode = namespace_inode(fd->get());
        const auto [first, added] = hosts_.try_emplace(found.inode, ns.host);
        if (!added) {
            fault(ns, "it is that of host " + first->second + " too", "a namespace joins a lab once");
            return {};
        }
        const AttachedRecord* before = find(record_, ns.name, found.inode);
        if (before != nullptr) { found.sysctls = before->sysctls; }
        if (before == nullptr || namespace_inode(ns.name) != found.inode) {
            WARREN_TRY(look_inside(ns, fd->get()));
        }
        WARREN_TRY(in_namespace(fd->get(), [&]() -> Result<void> {
            found.sysctls.merge(read_before(ns.sysctls));
            return {};
        }));
        is.before = found.sysctls;
        out_.records.push_back(std::move(found));
        return {};
    }

    static std::string ended(const std::string& host, const Attached& is, bool another) {
        if (!is.path.empty()) {
            return fmt::format("host {}: {} is there no more; the lab alone holds the namespace", host, is.path);
        }
        return fmt::format("host {}: process {} has ended{}; its namespace lives on, held by the lab", host, is.pid,
                           another ? " (another process has its number now)" : "");
    }

    void fault(const Namespace& ns, std::string reason, std::string hint) {
        out_.faults.push_back(
            Error{attempt_of(ns.host, *ns.attached), 0, std::move(reason), std::move(hint), Error::Kind::failed});
    }

    // One that the lab does not have yet: whose it is, and whether what is wanted fits in.
    Result<void> look_inside(const Namespace& ns, int fd) {
        WARREN_ASSIGN(auto socket, nl::Socket::open_in(fd));
        WARREN_ASSIGN(const auto links, dump_links(socket));
        std::map<int, std::string> names;
        for (const auto& link : links) {
            names[link.index] = link.name;
            if (link.name == "lo") { look_at_mark(ns, link.alias); }
            if (link.name != "lo" && ns.links.contains(link.name) && !link.alias.starts_with(prefix_)) {
                conflict(fmt::format("link {} in {}", link.name, attached_namespace_text(*ns.attached)),
                         link.alias);
            }
        }
        WARREN_ASSIGN(const auto routes, dump_routes(socket));
        for (const auto& route : routes) {
            const bool wanted = std::any_of(ns.routes.begin(), ns.routes.end(),
                                            [&](const Route& own) { return own.destination == route.destination; });
            const bool own = route.protocol == kRouteProtocol && ns.links.contains(names[route.device]);
            if (!wanted || route.metric != metric_of(route) || own) { continue; }
            conflict(fmt::format("route {} in {}, by {},",
                                 route.destination.length == 0 ? "default" : route.destination.to_string(),
                                 attached_namespace_text(*ns.attached), names[route.device]),
                     "");
        }
        return {};
    }

    // That the kernel gives to a route of ours, which says none.
    static std::uint32_t metric_of(const KernelRoute& route) {
        return route.destination.address.is_v4() ? 0 : 1024;
    }

    void look_at_mark(const Namespace& ns, const std::string& alias) {
        if (alias.empty()) { return; }
        const auto [lab, host, name] = namespace_mark(alias);
        if (lab.empty()) {
            fault(ns, fmt::format("its loopback interface bears somebody's alias, '{}'", alias),
                  "the lab's mark has its place there: 'ip link set lo alias \"\"' inside of it takes that away");
            return;
        }
        if (lab != lab_) {
            fault(ns,
                  name.empty() ? fmt::format("lab {} made it, for its host {}", lab, host)
                               : fmt::format("lab {} has attached it, as its host {}", lab, host),
                  "a namespace is in one lab at a time; 'warren down " + lab + "' takes that one away");
        } else if (name.empty()) {
            fault(ns,
                  host.empty() ? "it is the lab's own, for its switches"
                               : fmt::format("it is that of the lab's own host {}", host),
                  "attach one that is not the lab's");
        }
    }

    void conflict(std::string object, const std::string& alias) {
        const std::string lab = lab_of_mark(alias);
        out_.conflicts.push_back({std::move(object), lab.empty() ? "not made by Warren" : "lab " + lab});
    }

    const std::string& lab_;
    const std::string prefix_;
    State& wanted_;
    const std::optional<Record>& record_;
    std::map<std::uint64_t, std::string> hosts_;
    AttachedFound out_;
};

Result<void> set_mark(const std::string& name, const std::string& alias) {
    WARREN_ASSIGN(const Fd fd, open_namespace(name));
    WARREN_ASSIGN(auto socket, nl::Socket::open_in(fd.get()));
    LinkChange change;
    change.alias = alias;
    return socket.send({change_link("lo", change), "mark network namespace " + name});
}

}  // namespace

Result<AttachedFound> find_attached(const std::string& lab, State& wanted, const std::optional<Record>& record) {
    return Finder(lab, wanted, record).run();
}

Result<Fd> open_attached(const Attached& is) {
    const std::string attempt = "attach " + attached_namespace_text(is);
    const std::string path = is.path.empty() ? fmt::format("/proc/{}/ns/net", is.pid) : is.path;
    if (is.path.empty() && !process_id(is.pid)) {
        return errno_failure(
            ESRCH, attempt,
            "'docker inspect -f {{.State.Pid}} NAME' and 'podman inspect -f {{.State.Pid}} NAME' tell "
            "a running container's");
    }
    // A fifo or a terminal would keep one waiting.
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd.valid()) {
        return errno_failure(
            errno, attempt,
            errno == ENOENT && !is.path.empty() ? "'ip netns' and 'lsns -t net' name what there is" : "");
    }
    if (const int kind = ::ioctl(fd.get(), NS_GET_NSTYPE); kind != CLONE_NEWNET) {
        return failure(attempt, kind < 0 ? "it is no namespace" : "it is a namespace, but not a network one",
                       "as in /run/netns/NAME or /proc/PID/ns/net");
    }
    if (namespace_inode(fd.get()) == namespace_inode(kMachineNamespace)) {
        return failure(
            attempt, "it is the machine's own network namespace",
            "a host needs one to itself: a container without --network=host, a process under 'unshare -n'");
    }
    return fd;
}

Result<void> attach_namespace(const std::string& lab, const Namespace& value,
                              const std::map<std::uint64_t, Fd>& released) {
    const Attached& is = *value.attached;
    const std::string attempt = attempt_of(value.host, is);
    if (is.inode == 0 || namespace_inode(value.name) != is.inode) {
        Fd opened;
        int fd = -1;
        if (const auto kept = released.find(is.inode); kept != released.end()) {
            fd = kept->second.get();
        } else {
            WARREN_ASSIGN(opened, open_attached(is));
            fd = opened.get();
        }
        if (is.inode != 0 && namespace_inode(fd) != is.inode) {
            return failure(attempt, "it is in another namespace than a moment ago", "try again");
        }
        WARREN_TRY(name_namespace(fd, value.name));
    }
    WARREN_TRY(fault::point("namespace-attached", value.name));
    return set_mark(value.name, attached_mark(lab, value.host, value.name));
}

Result<std::optional<Fd>> leave_namespace(const std::string& lab, const Namespace& value) {
    auto fd = open_namespace(value.name);
    if (!fd) {
        if (fd.error().code == ENOENT) { return std::optional<Fd>(); }
        return tl::unexpected(std::move(fd).error());
    }
    const std::uint64_t inode = namespace_inode(fd->get());
    if (value.attached->inode != 0 && value.attached->inode != inode) {
        return failure("leave namespace " + value.name, "its name is another namespace's by now");
    }
    WARREN_TRY(in_namespace(fd->get(), [&] { return write_before(value.attached->before); }));
    WARREN_ASSIGN(auto socket, nl::Socket::open_in(fd->get()));
    WARREN_ASSIGN(const auto lo, find_link(socket, "lo"));
    if (lo.alias == attached_mark(lab, value.host, value.name)) { WARREN_TRY(set_mark(value.name, "")); }
    WARREN_TRY(fault::point("namespace-left", value.name));
    WARREN_TRY(remove_namespace(value.name));
    return std::optional<Fd>(std::move(*fd));
}

std::map<std::string, std::string> to_restore(const Values& held, const Values& wanted) {
    const bool v4 = starts(wanted, std::begin(kV4), std::end(kV4));
    const bool v6 = starts(wanted, std::begin(kV6), std::end(kV6));
    Values out;
    for (const auto& [key, value] : held) {
        if (wanted.contains(key) || (v4 && follows_v4(key)) || (v6 && follows_v6(key))) { continue; }
        out.emplace(key, value);
    }
    return out;
}

}  // namespace warren
