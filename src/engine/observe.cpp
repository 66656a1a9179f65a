// Reads the kernel, Open vSwitch, the records of processes and the lab's files into a State. Called by
// engine.cpp before every diff and for show.
#include "engine/observe.hpp"

#include <algorithm>
#include <climits>
#include <unordered_map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "engine/kernel_state.hpp"
#include "engine/shaping.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

class Observer {
public:
    Observer(const Scope& scope, Sockets& sockets)
        : scope_(scope), sockets_(sockets), prefix_(mark_prefix(scope.lab)), group_(link_group(scope.lab)) {}

    Result<State> run() {
        WARREN_TRY(observe_ovs());
        WARREN_TRY(observe_namespaces());
        WARREN_TRY(observe_machine());
        find_peers();
        WARREN_TRY(observe_files());
        WARREN_TRY(observe_processes());
        return std::move(state_);
    }

private:
    [[nodiscard]] const State& wanted() const {
        static const State kNothing;
        return scope_.wanted != nullptr ? *scope_.wanted : kNothing;
    }
    [[nodiscard]] std::string switch_namespace() const {
        // A secluded lab's switches are in the namespace of its own name, which its record or file names.
        const bool secluded = wanted().namespaces.contains(scope_.lab)
                                  ? wanted().namespaces.at(scope_.lab).host.empty()
                                  : scope_.record != nullptr && scope_.record->secluded;
        return secluded ? scope_.lab : kMachineNamespace;
    }

    Result<void> observe_ovs() {
        const std::optional<OvsInstance>& recorded = scope_.record != nullptr ? scope_.record->ovs : wanted().ovs;
        const auto& instance = recorded ? recorded : wanted().ovs;
        if (!instance) { return {}; }
        const bool machines = instance->kind == OvsInstance::Kind::machine;
        const bool runs = machines || ovs::running(*instance);
        if (!runs && !is_dead(*instance)) { return {}; }
        auto connection = ovs::Connection::connect(instance->socket(), std::chrono::seconds(runs ? 5 : 1));
        if (!connection) {
            if (machines) { return tl::unexpected(std::move(connection).error()); }
            if (!runs) { take_bridges_for_granted(); }
            return {};
        }
        // What a killed `up` or `down` has left to ovs-vswitchd is waited for; links are looked at after it.
        if (runs && scope_.record != nullptr && scope_.record->changing) {
            (void)connection->settle(std::chrono::seconds(5));
        }
        auto bridges = connection->bridges();
        if (!bridges) {
            if (!runs) { return {}; }  // killed before there was anything in it
            return tl::unexpected(std::move(bridges).error());
        }
        if (runs) { state_.ovs = instance; }
        for (auto& [name, bridge] : *bridges) {
            if (bridge.lab == scope_.lab) {
                for (const auto& [port_name, port] : bridge.ports) {
                    if (port.type == "internal" && port.lab == scope_.lab) { internal_.insert(port_name); }
                }
            }
            if (bridge.lab == scope_.lab || wanted().bridges.contains(name)) {
                state_.bridges.emplace(name, std::move(bridge));
            }
        }
        return {};
    }

    // A daemon of an instance that served the lab has died. What is to be, not what is to go, is then told from the
    // database; devices that nobody has open any more are what it left.
    [[nodiscard]] bool is_dead(const OvsInstance& instance) {
        if (scope_.wanted == nullptr || scope_.record == nullptr || !scope_.record->ovs) { return false; }
        ovs_died_ = path_exists(instance.directory + "/conf.db") && !ovs::namespace_gone(instance);
        return ovs_died_;
    }

    // A database that does not answer says nothing: that it does not is what is wrong, not each of its rows.
    void take_bridges_for_granted() {
        for (const auto& [name, bridge] : wanted().bridges) {
            state_.bridges.emplace(name, bridge);
            for (const auto& [port_name, port] : bridge.ports) {
                if (port.type == "internal") { internal_.insert(port_name); }
            }
        }
    }

    Result<void> observe_namespaces() {
        std::set<std::string> names;
        if (scope_.record != nullptr) { names = scope_.record->namespaces; }
        for (const auto& [name, ns] : wanted().namespaces) { names.insert(name); }
        names.erase(kMachineNamespace);
        const auto named = named_namespaces();
        std::vector<std::string> present;
        for (const auto& name : names) {
            const auto found = named.find(name);
            if (found == named.end()) { continue; }
            Namespace& ns = state_.namespaces[name];
            ns.name = name;
            ns.inode = found->second;
            if (found->second != 0) {
                present.push_back(name);
            } else {
                add_stale_name(ns);
            }
        }
        const std::size_t batch = std::max<std::size_t>(1, sockets_.limit() / 2);
        for (std::size_t first = 0; first < present.size(); first += batch) {
            const std::size_t last = std::min(present.size(), first + batch);
            WARREN_TRY(sockets_.open_all({present.begin() + static_cast<std::ptrdiff_t>(first),
                                          present.begin() + static_cast<std::ptrdiff_t>(last)}));
            for (std::size_t i = first; i < last; ++i) {
                WARREN_TRY(observe_namespace(state_.namespaces[present[i]]));
            }
        }
        return {};
    }

    // A name in /run/netns with no namespace behind it, such as an interrupted `ip netns del` leaves. It is
    // ours to take away only where the record says that we made it.
    void add_stale_name(Namespace& ns) const {
        Link lo;
        lo.name = "lo";
        lo.kind = LinkKind::loopback;
        lo.up = false;
        if (scope_.record != nullptr && scope_.record->namespaces.contains(ns.name)) { lo.alias = prefix_; }
        ns.links.emplace("lo", lo);
    }

    Result<void> observe_namespace(Namespace& ns) {
        WARREN_ASSIGN(nl::Socket * socket, sockets_.in(ns.name));
        WARREN_ASSIGN(auto links, dump_links(*socket));
        const auto lo =
            std::find_if(links.begin(), links.end(), [](const auto& link) { return link.name == "lo"; });
        const std::string alias = lo == links.end() ? std::string() : lo->alias;
        const bool ours = observe_owner(ns, alias);
        std::map<int, std::string> names;
        for (const auto& link : links) {
            names[link.index] = link.name;
            if (link.name == "lo" ? !ns.attached : ours) { add_link(ns, link); }
        }
        if (!ours) { return {}; }
        WARREN_TRY(resolve_masters(ns, links, names));
        WARREN_TRY(observe_addresses(ns, *socket, names));
        WARREN_ASSIGN(auto routes, dump_routes(*socket));
        for (const auto& route : routes) {
            if (route.protocol != kRouteProtocol || !names.contains(route.device)) { continue; }
            ns.routes.insert({route.destination, route.via, names[route.device]});
        }
        WARREN_ASSIGN(auto neighbours, dump_neighbours(*socket));
        for (const auto& neighbour : neighbours) {
            if (neighbour.protocol != kRouteProtocol || !names.contains(neighbour.device)) { continue; }
            ns.neighbours[{names[neighbour.device], neighbour.address}] = neighbour.mac;
        }
        WARREN_TRY(observe_checksums(ns, *socket));
        WARREN_TRY(observe_shaping(ns, *socket, links, names));
        return observe_sysctls(ns);
    }

    // Whether it is the lab's, made or attached. An attached one may lack the mark: what was killed just then.
    bool observe_owner(Namespace& ns, const std::string& alias) const {
        const AttachedRecord* record = nullptr;
        if (scope_.record != nullptr) {
            for (const auto& one : scope_.record->attached) {
                if (one.name == ns.name && one.inode == ns.inode) { record = &one; }
            }
        }
        const bool marked = alias.starts_with(prefix_);
        const NamespaceMark mark = marked ? namespace_mark(alias) : NamespaceMark();
        if (record == nullptr && (mark.name.empty() || mark.name != ns.name)) {
            if (marked && mark.name.empty()) { ns.host = mark.host; }
            return marked && mark.name.empty();
        }
        ns.host = record != nullptr ? record->host : mark.host;
        ns.attached.emplace();
        ns.attached->inode = ns.inode;
        ns.attached->marked = marked && mark.name == ns.name;
        if (record != nullptr) {
            ns.attached->pid = record->pid;
            ns.attached->path = record->path;
            ns.attached->before = record->sysctls;
        }
        return true;
    }

    void add_link(Namespace& ns, const KernelLink& from) {
        if (ovs_died_ && from.kind == "tun" && !from.carrier) { return; }
        Link link = state_of(from);
        if (link.alias.empty() && from.group == group_) { link.alias = prefix_; }  // killed before it was named
        if (link.kind == LinkKind::veth && link.alias.starts_with(prefix_)) {
            ends_[link.alias].push_back({ns.name, link.name, from.index, from.peer});
        }
        ns.links[link.name] = std::move(link);
    }

    // Ports of bridges: names for ifindexes, and the VLANs where the bridge filters them.
    Result<void> resolve_masters(Namespace& ns, const std::vector<KernelLink>& links,
                                 std::map<int, std::string>& names) {
        bool filtering = false;
        for (const auto& from : links) {
            const auto link = ns.links.find(from.name);
            if (link == ns.links.end()) { continue; }
            filtering = filtering || from.vlan_filtering;
            // The master of an Open vSwitch port is the kernel datapath's device, which is no Linux bridge.
            if (from.master != 0 && names.contains(from.master) && names[from.master] != kOvsDatapathDevice) {
                link->second.master = names[from.master];
            }
        }
        if (!filtering) { return {}; }
        WARREN_ASSIGN(nl::Socket * socket, sockets_.in(ns.name));
        WARREN_ASSIGN(auto ports, read_port_vlans(*socket));
        for (auto& [index, vlans] : ports) {
            const auto link = ns.links.find(names[index]);
            if (link == ns.links.end() || link->second.kind != LinkKind::veth) { continue; }
            link->second.vlans = std::move(vlans);
        }
        return {};
    }

    Result<void> observe_addresses(Namespace& ns, nl::Socket& socket, std::map<int, std::string>& names) {
        WARREN_ASSIGN(auto addresses, dump_addresses(socket));
        for (const auto& address : addresses) {
            const auto link = ns.links.find(names[address.index]);
            if (link == ns.links.end() || link->second.kind == LinkKind::loopback) { continue; }
            (address.permanent ? link->second.addresses : link->second.leased).insert(address.value);
        }
        return {};
    }

    // Asked only of links that a userspace datapath carries, or did: an ioctl for each.
    Result<void> observe_checksums(Namespace& ns, nl::Socket& socket) {
        const bool userspace = std::any_of(state_.bridges.begin(), state_.bridges.end(), [](const auto& bridge) {
            return bridge.second.datapath_type == "netdev";
        });
        const auto want = wanted().namespaces.find(ns.name);
        for (auto& [name, link] : ns.links) {
            if (link.kind != LinkKind::veth || !link.alias.starts_with(prefix_)) { continue; }
            bool asked = userspace;
            if (want != wanted().namespaces.end()) {
                const auto same = want->second.links.find(name);
                asked = asked || (same != want->second.links.end() && !same->second.tx_checksum);
            }
            if (!asked) { continue; }
            WARREN_ASSIGN(link.tx_checksum, tx_checksum(socket.fd(), name));
        }
        return {};
    }

    // One list for a namespace, only where a link has such a discipline.
    static Result<void> observe_shaping(Namespace& ns, nl::Socket& socket, const std::vector<KernelLink>& links,
                                        std::map<int, std::string>& names) {
        const bool any = std::any_of(links.begin(), links.end(), [&](const KernelLink& link) {
            return may_be_shaped(link.qdisc) && ns.links.contains(link.name);
        });
        if (!any) { return {}; }
        WARREN_ASSIGN(const auto shaping, read_shaping(socket));
        for (const auto& [index, value] : shaping) {
            const auto link = ns.links.find(names[index]);
            if (link != ns.links.end()) { link->second.shaping = value; }
        }
        return {};
    }

    Result<void> observe_sysctls(Namespace& ns) {
        std::set<std::string> keys;
        if (const auto want = wanted().namespaces.find(ns.name); want != wanted().namespaces.end()) {
            for (const auto& [key, value] : want->second.sysctls) { keys.insert(key); }
        }
        if (ns.attached) {
            for (const auto& [key, value] : ns.attached->before) { keys.insert(key); }
        }
        if (keys.empty()) { return {}; }
        WARREN_ASSIGN(Fd fd, open_namespace(ns.name));
        return in_namespace(fd.get(), [&]() -> Result<void> {
            for (const auto& key : keys) {
                // One that is not there is not observed; setting it will say why.
                if (auto value = read_sysctl(key)) { ns.sysctls[key] = std::move(*value); }
            }
            return {};
        });
    }

    // The machine's own namespace: only what bears the lab's mark, and what stands where a link is wanted.
    Result<void> observe_machine() {
        if (switch_namespace() != kMachineNamespace) { return {}; }
        Namespace& ns = state_.namespaces[kMachineNamespace];
        WARREN_ASSIGN(nl::Socket * socket, sockets_.in(kMachineNamespace));
        WARREN_ASSIGN(auto links, dump_links(*socket));
        const auto want = wanted().namespaces.find(kMachineNamespace);
        std::map<int, std::string> names;
        for (const auto& link : links) {
            names[link.index] = link.name;
            const bool ours = link.alias.starts_with(prefix_) || (link.alias.empty() && link.group == group_);
            const bool in_the_way = (want != wanted().namespaces.end() && want->second.links.contains(link.name)) ||
                                    (wanted().bridges.contains(link.name) && !state_.bridges.contains(link.name));
            const bool unplaced = internal_.contains(link.name);  // an internal port that was not moved yet
            if (ours || in_the_way || unplaced) { add_link(ns, link); }
        }
        WARREN_TRY(resolve_masters(ns, links, names));
        WARREN_TRY(observe_checksums(ns, *socket));
        WARREN_TRY(observe_shaping(ns, *socket, links, names));
        if (ns.links.empty() && want == wanted().namespaces.end()) { state_.namespaces.erase(kMachineNamespace); }
        return {};
    }

    // Both ends of a pair bear the same alias; each tells the other's ifindex.
    void find_peers() {
        for (const auto& [alias, ends] : ends_) {
            for (const auto& a : ends) {
                for (const auto& b : ends) {
                    if (&a == &b || a.peer != b.index || b.peer != a.index) { continue; }
                    Link& link = state_.namespaces[a.ns].links[a.name];
                    link.peer_namespace = b.ns;
                    link.peer = b.name;
                }
            }
        }
    }

    Result<void> observe_files() {
        std::set<std::string> paths;
        for (const auto& [path, file] : wanted().files) { paths.insert(path); }
        if (scope_.record != nullptr) { paths.insert(scope_.record->files.begin(), scope_.record->files.end()); }
        for (const auto& path : paths) {
            struct stat status {};
            if (::lstat(path.c_str(), &status) != 0) { continue; }
            File file;
            if (S_ISLNK(status.st_mode)) {
                char target[PATH_MAX];
                const ssize_t n = ::readlink(path.c_str(), target, sizeof target);
                if (n > 0) { file.link_target.assign(target, static_cast<std::size_t>(n)); }
            } else if (S_ISDIR(status.st_mode)) {
                file.directory = true;
            } else if (const auto want = wanted().files.find(path);
                       want != wanted().files.end() && want->second.seed_only) {
                file.seed_only = true;
                file.content = want->second.content;
            } else {
                WARREN_ASSIGN(file.content, read_file(path));
            }
            state_.files.emplace(path, std::move(file));
        }
        return {};
    }

    Result<void> observe_processes() {
        if (scope_.record == nullptr) { return {}; }
        const std::string directory = lab_directory(*scope_.site, scope_.lab);
        std::vector<Process> processes;
        if (auto keeper = Keeper::connect(directory)) {
            state_.keeper = true;
            WARREN_ASSIGN(processes, keeper->list());
        } else {
            WARREN_ASSIGN(processes, recorded_processes(directory));
        }
        for (auto& process : processes) {
            auto key = std::pair(process.host, process.name);
            state_.processes.emplace(std::move(key), std::move(process));
        }
        return {};
    }

    struct End {
        std::string ns;
        std::string name;
        int index;
        int peer;
    };

    const Scope& scope_;
    Sockets& sockets_;
    const std::string prefix_;
    const std::uint32_t group_;
    State state_;
    bool ovs_died_ = false;
    std::set<std::string> internal_;  // names of the lab's OVS internal ports
    std::unordered_map<std::string, std::vector<End>> ends_;
};

}  // namespace

Result<State> observe(const Scope& scope, Sockets& sockets) { return Observer(scope, sockets).run(); }

}  // namespace warren
