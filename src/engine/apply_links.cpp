// Steps on namespaces, links, addresses, routes and sysctls: netlink requests in batches. Part of Applier (applier.hpp).
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fault.hpp"
#include "engine/applier.hpp"
#include "engine/attach.hpp"
#include "engine/shaping.hpp"
#include "engine/sysctl.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"

namespace warren {

void Applier::queue(std::size_t stage, const std::string& ns, nl::Message message, std::vector<int> fine) {
    queues_[stage][ns].push_back({{std::move(message), {}}, current_, std::move(fine)});
}

void Applier::flush_requests() {
    send_stages();
    for (const auto& [ns, name, on, step] : checksums_) {
        if (failed_.contains(step)) { continue; }
        nl::Socket* socket = unwrap(sockets_.in(ns), step);
        if (socket == nullptr) { continue; }
        if (auto set = set_tx_checksum(socket->fd(), name, on); !set) { fail(step, std::move(set).error()); }
    }
    checksums_.clear();
    for (auto& task : after_links_) { task(); }
    after_links_.clear();
    send_stages();
    namespaces_.clear();
}

void Applier::send_stages() {
    for (std::size_t number = 0; number < kStages; ++number) {
        auto& stage = queues_[number];
        if (stage.empty()) { continue; }
        for (auto& [ns, queued] : stage) { send(ns, queued); }
        const bool naming = number + 1 < kStages && !queues_[number + 1].empty();
        if (naming) {
            if (auto fault = fault::point(number == 0 ? "links-made" : "links-named"); !fault) {
                const auto step = queues_[number + 1].begin()->second.front().step;
                fail(step, std::move(fault).error());
            }
        }
        stage.clear();
    }
}

void Applier::send(const std::string& ns, std::vector<Queued>& queued) {
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
        if (std::find(entry.fine.begin(), entry.fine.end(), refusal.error.code) != entry.fine.end()) { continue; }
        const auto* shaping = std::get_if<SetShaping>(&(*steps_)[entry.step]);
        if (shaping != nullptr && refusal.error.code == EEXIST) {
            refusal.error.reason = "it has a queueing discipline that Warren did not make";
            refusal.error.hint = fmt::format("'tc qdisc del dev {} root' there takes it away", shaping->device);
        }
        fail_as(entry.step, std::move(refusal.error));
    }
    for (std::size_t i = 0; i < queued.size(); ++i) {
        if (!refused.contains(i)) { begin_step(queued[i].step); }
    }
}

std::optional<int> Applier::ns_fd(const std::string& name) {
    const auto found = namespaces_.find(name);
    if (found != namespaces_.end()) { return found->second.get(); }
    auto fd = open_namespace(name);
    if (!fd) {
        fail_as(current_, std::move(fd).error());
        return std::nullopt;
    }
    return namespaces_.emplace(name, std::move(*fd)).first->second.get();
}

std::optional<int> Applier::index_of(const std::string& ns, const std::string& name) {
    auto& known = indexes_[ns];
    if (const auto found = known.find(name); found != known.end()) { return found->second; }
    nl::Socket* socket = unwrap(sockets_.in(ns), current_);
    if (socket == nullptr) { return std::nullopt; }
    // One by one: in a namespace whose links lead to thousands of others a list of them all takes the kernel a pass
    // over these for each.
    const auto link = find_link(*socket, name);
    if (!link) {
        fail_as(current_, link.error());
        return std::nullopt;
    }
    return known.emplace(name, link->index).first->second;
}

void Applier::prepare(const AddNamespace& step) {
    if (step.value.attached) {
        sockets_.forget(step.value.name);
        begin_step(current_);
        if (auto done = attach_namespace(options_.lab, step.value, released_); !done) {
            fail(current_, std::move(done).error());
        }
        return;
    }
    new_namespaces_.push_back(step.value.name);
    new_marks_[step.value.name] = {
        current_, step.value.links.contains("lo") ? step.value.links.at("lo").alias : mark_prefix(options_.lab)};
    sockets_.forget(step.value.name);
    indexes_.erase(step.value.name);
}

void Applier::make_all_namespaces() {
    if (new_namespaces_.empty()) { return; }
    std::size_t made = 0;
    const auto result = make_namespaces(
        new_namespaces_,
        [this](const std::string& name, nl::Socket& socket) -> Result<void> {
            WARREN_TRY(fault::point("namespace-named", name));
            LinkChange change;
            change.alias = new_marks_[name].second;
            change.up = true;
            return socket.send({change_link("lo", change), "mark network namespace " + name});
        },
        [this, &made](MadeNamespace entry) {
            ++made;
            begin_step(new_marks_[entry.name].first);
            sockets_.keep(entry.name, std::move(entry.socket));
        });
    if (!result) {
        for (std::size_t i = made; i < new_namespaces_.size(); ++i) {
            fail(new_marks_[new_namespaces_[i]].first, result.error());
        }
    }
    new_namespaces_.clear();
    new_marks_.clear();
}

void Applier::prepare(const DelNamespace& step) {
    if (step.value.attached) {
        left_namespaces_.emplace_back(step.value, current_);
    } else {
        old_namespaces_.emplace_back(step.value.name, current_);
    }
}

void Applier::leave_all_namespaces() {
    for (const auto& [value, step] : left_namespaces_) {
        sockets_.forget(value.name);
        indexes_.erase(value.name);
        begin_step(step);
        auto left = leave_namespace(options_.lab, value);
        if (!left) {
            fail(step, std::move(left).error());
        } else if (*left) {
            released_.insert_or_assign(namespace_inode((*left)->get()), std::move(**left));
        }
    }
    left_namespaces_.clear();
}

void Applier::remove_all_namespaces() {
    leave_all_namespaces();
    if (old_namespaces_.empty()) { return; }
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

void Applier::prepare(const AddBridge& step) {
    const Link& link = step.value;
    indexes_.erase(step.ns);
    queue(0, step.ns, new_bridge(link.name, link.mac, link.mtu, link.stp, link.vlan_filtering, group_));
    LinkChange name;
    name.alias = link.alias;
    name.no_ipv6_addresses = true;
    queue(1, step.ns, change_link(link.name, name));
    if (link.up) { queue_up(step.ns, link.name, true); }
}

void Applier::queue_up(const std::string& ns, const std::string& name, bool up) {
    LinkChange change;
    change.up = up;
    queue(2, ns, change_link(name, change));
}

void Applier::prepare(const AddVeth& step) {
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

void Applier::configure_end(const std::string& ns, const Link& link) {
    LinkChange name;
    name.alias = link.alias;
    name.no_ipv6_addresses = true;
    queue(1, ns, change_link(link.name, name));
    if (link.up) { queue_up(ns, link.name, true); }
    if (!link.tx_checksum) { checksums_.emplace_back(ns, link.name, false, current_); }
}

void Applier::queue_vlans(const std::string& ns, const std::string& name,
                          const std::optional<BridgePortVlans>& before,
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

void Applier::prepare(const DelBridge& step) { deletions_[step.ns].emplace_back(step.value.name, current_); }

void Applier::prepare(const DelStray& step) { deletions_[step.ns].emplace_back(step.value.name, current_); }

void Applier::prepare(const DelVeth& step) {
    if (step.with_namespace) { return; }
    const bool a_known = !step.a.name.empty();
    deletions_[a_known ? step.ns_a : step.ns_b].emplace_back(a_known ? step.a.name : step.b.name, current_);
}

void Applier::flush_deletions() {
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

std::optional<std::uint32_t> Applier::free_group(const std::string& ns, std::size_t step) {
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

void Applier::prepare(const SetLink& step) {
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

void Applier::prepare(const PlaceInternal& step) {
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

void Applier::prepare(const UnplaceInternal& step) {
    indexes_.erase(step.ns);
    if (step.with_port || step.from == step.ns) { return; }
    const auto fd = ns_fd(step.from);
    if (!fd) { return; }
    LinkChange change;
    change.up = false;
    change.ns_fd = *fd;
    queue(0, step.ns, change_link(step.value.name, change), {ENODEV});
}

void Applier::prepare(const AddAddress& step) {
    if (const auto index = index_of(step.ns, step.device)) { queue(0, step.ns, new_address(*index, step.value)); }
}

void Applier::prepare(const DelAddress& step) {
    if (const auto index = index_of(step.ns, step.device)) {
        queue(0, step.ns, delete_address(*index, step.value), {EADDRNOTAVAIL});
    }
}

void Applier::prepare(const AddRoute& step) {
    if (const auto index = index_of(step.ns, step.value.device)) {
        queue(0, step.ns, new_route(step.value.destination, step.value.via, *index, kRouteProtocol));
    }
}

void Applier::prepare(const DelRoute& step) {
    if (const auto index = index_of(step.ns, step.value.device)) {
        queue(0, step.ns, delete_route(step.value.destination, step.value.via, *index, kRouteProtocol), {ESRCH});
    }
}

void Applier::prepare(const AddNeighbour& step) {
    if (const auto index = index_of(step.ns, step.device)) {
        queue(0, step.ns, new_neighbour(*index, step.address, step.mac, kRouteProtocol));
    }
}

void Applier::prepare(const DelNeighbour& step) {
    if (const auto index = index_of(step.ns, step.device)) {
        queue(0, step.ns, delete_neighbour(*index, step.address), {ENOENT});
    }
}

void Applier::prepare(const SetShaping& step) {
    const auto index = index_of(step.ns, step.device);
    if (!index) { return; }
    for (auto& [message, fine] : shaping_requests(step, *index)) {
        queue(0, step.ns, std::move(message), std::move(fine));
    }
}

void Applier::prepare(const SetSysctl& step) {
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

}  // namespace warren
