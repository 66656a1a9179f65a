// Carries out plans: the only place that changes the machine. Called by engine.cpp.
#include "engine/apply.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <unordered_map>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

// Requests that must come after others of the same phase: creation, naming, switching on.
constexpr std::size_t kStages = 3;
// So many namespaces are held open at a time while links are made into them.
constexpr std::size_t kOpenNamespaces = 256;
constexpr std::chrono::seconds kOvsDeadline(30);

std::string hint_for(int code) {
    switch (code) {
        case EPERM:
            return "run as root (CAP_NET_ADMIN is needed)";
        case EEXIST:
            return "something else has that name already: 'ip link' and 'ip netns' show it";
        case ENOMEM:
            return "the kernel is out of memory";
        case EXFULL:
            return fmt::format("a Linux bridge has at most {} ports: use several, or kind: ovs", kMaxBridgePorts);
        case EMFILE:
            return "raise the limit on open files (ulimit -n)";
        default:
            return {};
    }
}

class Applier {
public:
    // UNDOING: objects that are not there are no failure, since the step being undone may not have made them.
    Applier(const ApplyOptions& options, Sockets& sockets, bool undoing = false)
        : options_(options),
          sockets_(sockets),
          undoing_(undoing),
          group_(link_group(options.lab)),
          directory_(lab_directory(options.site, options.lab)) {}

    // Executes all; where `roll_back` is off goes on after failures and returns the first.
    std::optional<Error> run(const std::vector<Step>& steps, std::size_t fail_at) {
        steps_ = &steps;
        outcome_.assign(steps.size(), Outcome::untouched);
        std::optional<Error> first;
        for (std::size_t begin = 0; begin < steps.size();) {
            const Phase phase = phase_of(steps[begin]);
            std::size_t end = begin + 1;
            while (end < steps.size() && phase_of(steps[end]) == phase) { ++end; }
            if (fail_at >= begin + 1 && fail_at <= end) { end = std::max(fail_at - 1, begin); }
            error_.reset();
            if (end > begin) { execute(phase, begin, end); }
            for (std::size_t i = begin; i < end; ++i) {
                if (!failed_.contains(i)) { outcome_[i] = Outcome::done; }
            }
            std::size_t next = end;
            if (!error_ && fail_at == end + 1 && end < steps.size()) {
                error_ = Error{describe(steps[end]), EIO, "WARREN_FAIL_STEP asked for it", {}, Error::Kind::failed};
                ++next;  // left undone, also where the others are tried still
            }
            if (error_ && !first) { first = error_; }
            if (error_ && options_.roll_back) { return first; }
            failed_.clear();
            begin = next;
            if (options_.progress) { options_.progress(begin, steps.size()); }
        }
        return first;
    }

    // What must be undone after a failure: what was done, and what was begun.
    [[nodiscard]] std::vector<Step> undo() const {
        std::vector<Step> back;
        for (std::size_t i = steps_->size(); i-- > 0;) {
            if (outcome_[i] == Outcome::untouched) { continue; }
            for (auto& step : reverse((*steps_)[i])) { back.push_back(std::move(step)); }
        }
        return back;
    }

    Applied applied;

private:
    enum class Outcome { untouched, begun, done };

    struct Queued {
        nl::Request request;
        std::size_t step;
        std::vector<int> fine;  // errno values that mean: was so already
    };

    void fail(std::size_t step, Error error) {
        failed_.insert(step);
        if (undoing_ && (error.code == ENODEV || error.code == ENOENT || error.code == ESRCH)) { return; }
        if (error.hint.empty()) { error.hint = hint_for(error.code); }
        if (!error_) { error_ = std::move(error); }
    }

    // The error of a step, told as the step's own where the failing part is only a detail of it.
    void fail_as(std::size_t step, Error error) {
        error.attempt = describe((*steps_)[step]);
        fail(step, std::move(error));
    }

    void begin_step(std::size_t step) {
        if (outcome_[step] == Outcome::untouched) { outcome_[step] = Outcome::begun; }
    }

    template <class T>
    T* unwrap(Result<T*> result, std::size_t step) {
        if (result) { return *result; }
        fail_as(step, std::move(result).error());
        return nullptr;
    }

    void execute(Phase phase, std::size_t begin, std::size_t end) {
        for (std::size_t i = begin; i < end; ++i) {
            current_ = i;
            std::visit([this](const auto& step) { prepare(step); }, (*steps_)[i]);
            if (namespaces_.size() >= kOpenNamespaces) { flush_requests(); }
        }
        make_all_namespaces();
        flush_deletions();
        flush_requests();
        flush_ovs();
        flush_processes();
        if (phase == Phase::remove_namespaces) { remove_all_namespaces(); }
    }

    // --- netlink -----------------------------------------------------------------------------------

    void queue(std::size_t stage, const std::string& ns, nl::Message message, std::vector<int> fine = {}) {
        queues_[stage][ns].push_back({{std::move(message), {}}, current_, std::move(fine)});
    }

    void flush_requests() {
        for (auto& stage : queues_) {
            for (auto& [ns, queued] : stage) { send(ns, queued); }
            stage.clear();
        }
        for (const auto& [ns, name, on, step] : checksums_) {
            if (failed_.contains(step)) { continue; }
            nl::Socket* socket = unwrap(sockets_.in(ns), step);
            if (socket == nullptr) { continue; }
            if (auto set = set_tx_checksum(socket->fd(), name, on); !set) { fail(step, std::move(set).error()); }
        }
        checksums_.clear();
        for (auto& task : after_links_) { task(); }
        after_links_.clear();
        for (auto& stage : queues_) {
            for (auto& [ns, queued] : stage) { send(ns, queued); }
            stage.clear();
        }
        namespaces_.clear();
    }

    void send(const std::string& ns, std::vector<Queued>& queued) {
        std::erase_if(queued, [this](const Queued& entry) { return failed_.contains(entry.step); });
        if (queued.empty()) { return; }
        nl::Socket* socket = unwrap(sockets_.in(ns), queued.front().step);
        if (socket == nullptr) { return; }
        std::vector<nl::Request> requests;
        requests.reserve(queued.size());
        for (auto& entry : queued) { requests.push_back(std::move(entry.request)); }
        auto refusals = socket->send(requests);
        if (!refusals) {
            for (const auto& entry : queued) {
                begin_step(entry.step);
                fail_as(entry.step, refusals.error());
            }
            return;
        }
        std::set<std::size_t> refused;
        for (auto& refusal : *refusals) {
            refused.insert(refusal.index);
            const auto& entry = queued[refusal.index];
            if (std::find(entry.fine.begin(), entry.fine.end(), refusal.error.code) != entry.fine.end()) {
                continue;
            }
            fail_as(entry.step, std::move(refusal.error));
        }
        for (std::size_t i = 0; i < queued.size(); ++i) {
            if (!refused.contains(i)) { begin_step(queued[i].step); }
        }
    }

    // A descriptor of a namespace, open until the requests that use it have gone.
    std::optional<int> ns_fd(const std::string& name) {
        const auto found = namespaces_.find(name);
        if (found != namespaces_.end()) { return found->second.get(); }
        auto fd = open_namespace(name);
        if (!fd) {
            fail_as(current_, std::move(fd).error());
            return std::nullopt;
        }
        return namespaces_.emplace(name, std::move(*fd)).first->second.get();
    }

    // The ifindex of a link; dumped once for each namespace and phase that asks.
    std::optional<int> index_of(const std::string& ns, const std::string& name) {
        auto found = indexes_.find(ns);
        if (found == indexes_.end() || !found->second.contains(name)) {
            nl::Socket* socket = unwrap(sockets_.in(ns), current_);
            if (socket == nullptr) { return std::nullopt; }
            auto links = dump_links(*socket);
            if (!links) {
                fail_as(current_, std::move(links).error());
                return std::nullopt;
            }
            auto& names = indexes_[ns];
            names.clear();
            for (const auto& link : *links) { names[link.name] = link.index; }
            found = indexes_.find(ns);
        }
        const auto entry = found->second.find(name);
        if (entry == found->second.end()) {
            fail_as(current_, Error{{}, ENODEV, {}, {}, Error::Kind::failed});
            return std::nullopt;
        }
        return entry->second;
    }

    // --- namespaces --------------------------------------------------------------------------------

    void prepare(const AddNamespace& step) {
        new_namespaces_.push_back(step.value.name);
        new_marks_[step.value.name] = {current_, step.value.links.contains("lo") ? step.value.links.at("lo").alias
                                                                                 : mark_prefix(options_.lab)};
        sockets_.forget(step.value.name);
        indexes_.erase(step.value.name);
    }

    void make_all_namespaces() {
        if (new_namespaces_.empty()) { return; }
        std::vector<MadeNamespace> made;
        const auto result = make_namespaces(
            new_namespaces_,
            [this](const std::string& name, nl::Socket& socket) -> Result<void> {
                LinkChange change;
                change.alias = new_marks_[name].second;
                change.up = true;
                return socket.send({change_link("lo", change), "mark network namespace " + name});
            },
            made);
        for (auto& entry : made) {
            begin_step(new_marks_[entry.name].first);
            sockets_.keep(entry.name, std::move(entry.socket));
        }
        if (!result) {
            for (std::size_t i = made.size(); i < new_namespaces_.size(); ++i) {
                fail(new_marks_[new_namespaces_[i]].first, result.error());
            }
        }
        new_namespaces_.clear();
        new_marks_.clear();
    }

    void prepare(const DelNamespace& step) { old_namespaces_.emplace_back(step.value.name, current_); }

    // Whatever still runs in a namespace would keep it, and its links, alive without a name.
    void remove_all_namespaces() {
        std::set<std::uint64_t> inodes;
        for (const auto& [name, step] : old_namespaces_) {
            if (const auto inode = namespace_inode(name); inode != 0) { inodes.insert(inode); }
        }
        std::vector<std::pair<ProcessId, Fd>> inside;
        for (const auto& [inode, pid] : processes_by_namespace()) {
            if (!inodes.contains(inode) || pid == ::getpid()) { continue; }
            const auto id = process_id(pid);
            if (!id) { continue; }
            auto fd = open_process(*id);
            // Asked again with the pidfd in hand: the number may have gone to another process.
            if (fd && inodes.contains(namespace_inode_of(pid))) { inside.emplace_back(*id, std::move(*fd)); }
        }
        for (const auto& [id, fd] : inside) { (void)send_signal(fd.get(), SIGTERM, "a process in a host"); }
        for (const auto& [id, fd] : inside) {
            (void)end_process(fd.get(), std::chrono::seconds(1), fmt::format("process {}", id.pid));
        }
        for (const auto& [name, step] : old_namespaces_) {
            sockets_.forget(name);
            indexes_.erase(name);
            begin_step(step);
            if (auto removed = remove_namespace(name); !removed) { fail(step, std::move(removed).error()); }
        }
        old_namespaces_.clear();
    }

    // --- links -------------------------------------------------------------------------------------

    void prepare(const AddBridge& step) {
        const Link& link = step.value;
        indexes_.erase(step.ns);
        queue(0, step.ns, new_bridge(link.name, link.mac, link.mtu, link.stp, link.vlan_filtering, group_));
        LinkChange name;
        name.alias = link.alias;
        name.no_ipv6_addresses = true;
        queue(1, step.ns, change_link(link.name, name));
        if (link.up) { queue_up(step.ns, link.name, true); }
    }

    void queue_up(const std::string& ns, const std::string& name, bool up) {
        LinkChange change;
        change.up = up;
        queue(2, ns, change_link(name, change));
    }

    void prepare(const AddVeth& step) {
        indexes_.erase(step.ns_b);
        NewVethEnd a{step.a.name, step.a.mac, step.a.mtu, -1, false, 0};
        NewVethEnd b{step.b.name, step.b.mac, step.b.mtu, -1, false, 0};
        if (step.a.name.empty() || step.b.name.empty()) { return; }  // half of a broken pair cannot come back
        if (!step.a.master.empty()) {
            const auto master = index_of(step.ns_a, step.a.master);
            if (!master) { return; }
            a.master = *master;
        }
        if (step.ns_a != step.ns_b) {
            const auto fd = ns_fd(step.ns_b);
            if (!fd) { return; }
            b.ns_fd = *fd;
        }
        queue(0, step.ns_a, new_veth(a, b, group_));
        configure_end(step.ns_a, step.a);
        configure_end(step.ns_b, step.b);
        if (!step.b.master.empty()) {
            const auto master = index_of(step.ns_b, step.b.master);
            if (!master) { return; }
            LinkChange change;
            change.master = *master;
            queue(1, step.ns_b, change_link(step.b.name, change));
        }
        for (const auto* end : {&step.a, &step.b}) {
            if (end->vlans) {
                queue_vlans(end == &step.a ? step.ns_a : step.ns_b, end->name, std::nullopt, end->vlans);
            }
        }
    }

    void configure_end(const std::string& ns, const Link& link) {
        LinkChange name;
        name.alias = link.alias;
        name.no_ipv6_addresses = true;
        queue(1, ns, change_link(link.name, name));
        if (link.up) { queue_up(ns, link.name, true); }
        if (!link.tx_checksum) { checksums_.emplace_back(ns, link.name, false, current_); }
    }

    // The VLANs of a bridge port are set by ifindex, which a new link has only after its creation.
    void queue_vlans(const std::string& ns, const std::string& name, const std::optional<BridgePortVlans>& before,
                     const std::optional<BridgePortVlans>& after) {
        const std::size_t step = current_;
        after_links_.push_back([this, ns, name, before, after, step] {
            if (failed_.contains(step)) { return; }
            current_ = step;
            indexes_.erase(ns);
            const auto index = index_of(ns, name);
            if (!index) { return; }
            auto each = [&](const BridgePortVlans& vlans, bool add) {
                if (vlans.pvid) { queue(0, ns, port_vlan(*index, *vlans.pvid, true, add), {ENOENT, EEXIST}); }
                for (const Vlan vlan : vlans.tagged) {
                    queue(0, ns, port_vlan(*index, vlan, false, add), {ENOENT, EEXIST});
                }
            };
            if (before) { each(*before, false); }
            if (after) { each(*after, true); }
        });
    }

    void prepare(const DelBridge& step) { deletions_[step.ns].emplace_back(step.value.name, current_); }
    void prepare(const DelStray& step) { deletions_[step.ns].emplace_back(step.value.name, current_); }
    void prepare(const DelVeth& step) {
        if (step.with_namespace) { return; }
        const bool a_known = !step.a.name.empty();
        deletions_[a_known ? step.ns_a : step.ns_b].emplace_back(a_known ? step.a.name : step.b.name, current_);
    }

    // Deleting one link costs an RCU wait of 20 ms; deleting a group of links costs one for all. So they
    // are put in a group of their own for the moment, which nothing else on the machine is in.
    void flush_deletions() {
        for (auto& [ns, names] : deletions_) {
            indexes_.erase(ns);
            if (names.size() == 1) {
                current_ = names.front().second;
                queue(0, ns, delete_link(names.front().first), {ENODEV});
                continue;
            }
            const auto group = free_group(ns, names.front().second);
            if (!group) { continue; }
            for (const auto& [name, step] : names) {
                current_ = step;
                LinkChange change;
                change.group = *group;
                queue(0, ns, change_link(name, change), {ENODEV});
            }
            current_ = names.front().second;
            queue(1, ns, delete_link_group(*group), {ENODEV});
        }
        deletions_.clear();
    }

    std::optional<std::uint32_t> free_group(const std::string& ns, std::size_t step) {
        nl::Socket* socket = unwrap(sockets_.in(ns), step);
        if (socket == nullptr) { return std::nullopt; }
        auto links = dump_links(*socket);
        if (!links) {
            fail_as(step, std::move(links).error());
            return std::nullopt;
        }
        std::set<std::uint32_t> used;
        for (const auto& link : *links) { used.insert(link.group); }
        std::uint32_t group = 0x58000000U | (static_cast<std::uint32_t>(::getpid()) & 0xffffffU);
        while (used.contains(group)) { ++group; }
        return group;
    }

    void prepare(const SetLink& step) {
        const Link& before = step.before;
        const Link& after = step.after;
        LinkChange change;
        if (before.alias != after.alias) { change.alias = after.alias; }
        if (before.mac != after.mac) { change.mac = after.mac; }
        if (before.mtu != after.mtu) { change.mtu = after.mtu; }
        if (before.stp != after.stp) { change.stp = after.stp; }
        if (before.vlan_filtering != after.vlan_filtering) { change.vlan_filtering = after.vlan_filtering; }
        if (before.master != after.master) {
            const auto master = after.master.empty() ? std::optional(0) : index_of(step.ns, after.master);
            if (!master) { return; }
            change.master = *master;
        }
        // A link that was killed before it was configured has the kernel's way of making IPv6 addresses.
        change.no_ipv6_addresses = change.alias.has_value() && after.kind != LinkKind::loopback;
        queue(0, step.ns, change_link(after.name, change));
        if (before.up != after.up) { queue_up(step.ns, after.name, after.up); }
        if (before.vlans != after.vlans) { queue_vlans(step.ns, after.name, before.vlans, after.vlans); }
        if (before.tx_checksum != after.tx_checksum) {
            checksums_.emplace_back(step.ns, after.name, after.tx_checksum, current_);
        }
    }

    void prepare(const PlaceInternal& step) {
        const Link& link = step.value;
        LinkChange name;
        name.alias = link.alias;
        name.group = group_;
        indexes_.erase(step.ns);
        if (step.from != step.ns) {
            const auto fd = ns_fd(step.ns);
            if (!fd) { return; }
            name.ns_fd = *fd;
        }
        queue(0, step.from, change_link(link.name, name));
        // Its MTU must be set where it is to stay: vswitchd sets it back on a port in its own namespace.
        LinkChange settings;
        settings.mac = link.mac;
        settings.mtu = link.mtu;
        settings.no_ipv6_addresses = true;
        queue(1, step.ns, change_link(link.name, settings));
        if (link.up) { queue_up(step.ns, link.name, true); }
    }

    void prepare(const UnplaceInternal& step) {
        indexes_.erase(step.ns);
        if (step.with_port || step.from == step.ns) { return; }
        const auto fd = ns_fd(step.from);
        if (!fd) { return; }
        LinkChange change;
        change.up = false;
        change.ns_fd = *fd;
        queue(0, step.ns, change_link(step.value.name, change), {ENODEV});
    }

    // --- addresses, routes, neighbours, sysctls ----------------------------------------------------

    void prepare(const AddAddress& step) {
        if (const auto index = index_of(step.ns, step.device)) {
            queue(0, step.ns, new_address(*index, step.value));
        }
    }
    void prepare(const DelAddress& step) {
        if (const auto index = index_of(step.ns, step.device)) {
            queue(0, step.ns, delete_address(*index, step.value), {EADDRNOTAVAIL});
        }
    }
    void prepare(const AddRoute& step) {
        if (const auto index = index_of(step.ns, step.value.device)) {
            queue(0, step.ns, new_route(step.value.destination, step.value.via, *index, kRouteProtocol));
        }
    }
    void prepare(const DelRoute& step) {
        if (const auto index = index_of(step.ns, step.value.device)) {
            queue(0, step.ns, delete_route(step.value.destination, step.value.via, *index, kRouteProtocol),
                  {ESRCH});
        }
    }
    void prepare(const AddNeighbour& step) {
        if (const auto index = index_of(step.ns, step.device)) {
            queue(0, step.ns, new_neighbour(*index, step.address, step.mac, kRouteProtocol));
        }
    }
    void prepare(const DelNeighbour& step) {
        if (const auto index = index_of(step.ns, step.device)) {
            queue(0, step.ns, delete_neighbour(*index, step.address), {ENOENT});
        }
    }

    void prepare(const SetSysctl& step) {
        if (step.after.empty()) { return; }
        auto fd = open_namespace(step.ns);
        if (!fd) { return fail_as(current_, std::move(fd).error()); }
        const std::size_t index = current_;
        const auto set = in_namespace(fd->get(), [&]() -> Result<void> {
            WARREN_ASSIGN(auto before, read_sysctl(step.key));
            applied.sysctls_before[step.ns].try_emplace(step.key, std::move(before));
            return write_sysctl(step.key, step.after);
        });
        if (!set) { return fail(index, set.error()); }
        begin_step(index);
    }

    // --- Open vSwitch ------------------------------------------------------------------------------

    void prepare(const StartOvs& step) {
        Fd ns;
        if (!step.value.net_namespace.empty()) {
            auto fd = open_namespace(step.value.net_namespace);
            if (!fd) { return fail_as(current_, std::move(fd).error()); }
            ns = std::move(*fd);
        }
        begin_step(current_);
        // Two labs may both have found it stopped: the second waits here and finds it running.
        auto alone = Lock::take(options_.site.runtime + "/.ovs.start.lock");
        if (!alone) { return fail(current_, std::move(alone).error()); }
        if (auto started = ovs::start(step.value, ns.get()); !started) {
            fail(current_, std::move(started).error());
        }
    }

    void prepare(const StopOvs& step) {
        if (step.value.kind == OvsInstance::Kind::warren && used_by_others(step.value)) { return; }
        begin_step(current_);
        if (auto stopped = ovs::stop(step.value); !stopped) { fail(current_, std::move(stopped).error()); }
    }

    // A lab whose record cannot be read may use it too: then it stays.
    [[nodiscard]] bool used_by_others(const OvsInstance& instance) const {
        for (const auto& lab : recorded_labs(options_.site.runtime)) {
            if (lab == options_.lab) { continue; }
            const auto record = read_record(options_.site.runtime + "/" + lab);
            if (!record || (*record && (*record)->ovs == instance)) { return true; }
        }
        return false;
    }

    ovs::Changes& ovs_changes(const OvsInstance& on) {
        ovs_on_ = on;
        ovs_steps_.push_back(current_);
        return ovs_;
    }
    void prepare(const AddOvsBridge& step) { ovs_changes(step.on).add_bridges.push_back(step.value); }
    void prepare(const DelOvsBridge& step) { ovs_changes(step.on).delete_bridges.push_back(step.value.name); }
    void prepare(const SetOvsBridge& step) {
        ovs_changes(step.on).set_bridges.emplace_back(step.before, step.after);
    }
    void prepare(const AddOvsPort& step) { ovs_changes(step.on).add_ports.push_back({step.bridge, step.value}); }
    void prepare(const DelOvsPort& step) {
        ovs_changes(step.on).delete_ports.push_back({step.bridge, step.value.name});
    }
    void prepare(const SetOvsPort& step) {
        ovs_changes(step.on).set_ports.push_back({step.bridge, step.before, step.after});
    }

    void flush_ovs() {
        if (ovs_steps_.empty()) { return; }
        indexes_.erase(ovs_on_.net_namespace);
        auto result = [&]() -> Result<void> {
            WARREN_ASSIGN(auto connection, ovs::Connection::connect(ovs_on_.socket(), kOvsDeadline));
            ovs_.lab = options_.lab;
            return connection.apply(ovs_, kOvsDeadline);  // all or nothing by itself
        }();
        if (!result) {
            for (const std::size_t step : ovs_steps_) { fail(step, result.error()); }
        }
        ovs_ = {};
        ovs_steps_.clear();
    }

    // --- files -------------------------------------------------------------------------------------

    void prepare(const PutFile& step) {
        begin_step(current_);
        if (auto put = put_file(step.path, step.after); !put) { fail_as(current_, std::move(put).error()); }
    }

    static Result<void> put_file(const std::string& path, const File& file) {
        if (file.directory) {
            if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
                return errno_failure("make directory " + path);
            }
            return {};
        }
        if (!file.link_target.empty()) {
            WARREN_TRY(make_directories(path.substr(0, path.rfind('/'))));
            const std::string temporary = path + ".tmp";
            ::unlink(temporary.c_str());
            if (::symlink(file.link_target.c_str(), temporary.c_str()) != 0 ||
                ::rename(temporary.c_str(), path.c_str()) != 0) {
                return errno_failure("link " + path);
            }
            return {};
        }
        // Written in place: processes see it through a bind mount, which a new file would not be under.
        // Those in etc/ are for the host's programs, whoever they run as; the directory above is root's alone.
        const unsigned mode = path.find("/etc/") != std::string::npos ? 0644 : 0600;
        WARREN_ASSIGN(Fd fd, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, mode));
        return write_all(fd.get(), file.content, path);
    }

    void prepare(const DelFile& step) {
        begin_step(current_);
        const int result = step.before.directory ? ::rmdir(step.path.c_str()) : ::unlink(step.path.c_str());
        // A directory with something of a process' own in it goes with the lab's directory.
        if (result != 0 && errno != ENOENT && !(step.before.directory && errno == ENOTEMPTY)) {
            auto error = errno_failure("remove " + step.path);
            fail_as(current_, std::move(error).value());
        }
    }

    // --- processes ---------------------------------------------------------------------------------

    void prepare(const StartKeeper&) {
        begin_step(current_);
        auto keeper = Keeper::ensure(directory_, options_.lab, options_.site.warren);
        if (!keeper) { fail(current_, std::move(keeper).error()); }
    }
    void prepare(const StopKeeper&) {
        begin_step(current_);
        auto keeper = Keeper::connect(directory_);
        if (!keeper) { return; }
        if (auto quit = keeper->quit(); !quit) { fail(current_, std::move(quit).error()); }
    }
    void prepare(const StartProcess& step) { starts_.emplace_back(step.value, current_); }
    void prepare(const StopProcess& step) { stops_.emplace_back(step.value, current_); }
    void prepare(const ReloadProcess& step) {
        if (!step.on_undo) { reloads_.emplace_back(step.value, current_); }
    }

    using Processes = std::vector<std::pair<Process, std::size_t>>;

    void flush_processes() {
        ask_keeper(stops_, [](Keeper& keeper, const std::vector<Process>& all) { return keeper.stop(all); });
        ask_keeper(reloads_, [](Keeper& keeper, const std::vector<Process>& all) { return keeper.reload(all); });
        ask_keeper(starts_, [](Keeper& keeper, const std::vector<Process>& all) { return keeper.start(all); });
    }

    template <class Ask>
    void ask_keeper(Processes& processes, Ask ask) {
        if (processes.empty()) { return; }
        std::vector<Process> all;
        for (const auto& [process, step] : processes) { all.push_back(process); }
        auto result = [&]() -> Result<void> {
            WARREN_ASSIGN(auto keeper, Keeper::ensure(directory_, options_.lab, options_.site.warren));
            return ask(keeper, all);
        }();
        for (const auto& [process, step] : processes) {
            begin_step(step);
            if (!result) { fail(step, result.error()); }
        }
        processes.clear();
    }

    const ApplyOptions& options_;
    Sockets& sockets_;
    const bool undoing_;
    const std::uint32_t group_;
    const std::string directory_;
    const std::vector<Step>* steps_ = nullptr;
    std::vector<Outcome> outcome_;
    std::size_t current_ = 0;
    std::optional<Error> error_;
    std::set<std::size_t> failed_;  // steps of the phase under way

    std::map<std::string, std::vector<Queued>> queues_[kStages];
    std::vector<std::tuple<std::string, std::string, bool, std::size_t>> checksums_;
    std::vector<std::function<void()>> after_links_;
    std::map<std::string, Fd> namespaces_;
    std::unordered_map<std::string, std::unordered_map<std::string, int>> indexes_;
    std::vector<std::string> new_namespaces_;
    std::map<std::string, std::pair<std::size_t, std::string>> new_marks_;
    std::vector<std::pair<std::string, std::size_t>> old_namespaces_;
    std::map<std::string, std::vector<std::pair<std::string, std::size_t>>> deletions_;
    ovs::Changes ovs_;
    OvsInstance ovs_on_;
    std::vector<std::size_t> ovs_steps_;
    Processes starts_;
    Processes stops_;
    Processes reloads_;
};

// For tests of the promise that a failure at any step leaves what was there before.
std::size_t forced_failure() {
    const char* text = std::getenv("WARREN_FAIL_STEP");
    return text != nullptr ? std::strtoul(text, nullptr, 10) : 0;
}

}  // namespace

tl::expected<Applied, ApplyFailure> apply(const Plan& plan, const ApplyOptions& options, Sockets& sockets) {
    Applier applier(options, sockets);
    auto error = applier.run(plan.steps, forced_failure());
    if (!error) {
        applier.applied.steps = plan.steps.size();
        return std::move(applier.applied);
    }
    ApplyFailure failure{std::move(*error), false};
    if (options.roll_back) {
        const std::vector<Step> back = applier.undo();
        ApplyOptions undoing = options;
        undoing.roll_back = false;
        undoing.progress = {};
        Applier undo(undoing, sockets, true);
        const auto also = undo.run(back, 0);
        failure.undone = !also;
        if (also) {
            failure.error.hint += fmt::format("{}and going back to the state before failed too: {}",
                                              failure.error.hint.empty() ? "" : "; ", also->message());
        }
    }
    return tl::unexpected(std::move(failure));
}

}  // namespace warren
