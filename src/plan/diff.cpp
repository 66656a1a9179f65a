// diff: the plan between two states. This file has the frame: whose is what, namespaces, files, processes.
#include <algorithm>

#include <fmt/format.h>

#include "plan/differ.hpp"
#include "state/expand.hpp"

namespace warren {

Difference diff(const State& observed, const State& wanted, const std::string& lab) {
    return plan_detail::Differ(observed, wanted, lab).run();
}

namespace plan_detail {

Link bare(Link link) {
    link.addresses.clear();
    link.shaping = {};
    return settled(std::move(link));
}

Link settled(Link link) {
    link.leased.clear();
    link.carrier = false;
    link.index = 0;
    return link;
}

std::string namespace_text(const std::string& ns) {
    return ns == kMachineNamespace ? "the machine's namespace" : "namespace " + ns;
}

Differ::Differ(const State& observed, const State& wanted, const std::string& lab)
    : observed_(observed),
      wanted_(wanted),
      lab_(lab),
      observed_links_(observed),
      wanted_links_(wanted),
      prefix_("warren:" + lab + "/") {}

LinkIndex::LinkIndex(const State& state) {
    constexpr std::size_t kLarge = 32;
    namespaces_.reserve(state.namespaces.size());
    for (const auto& [name, ns] : state.namespaces) {
        Entry& entry = namespaces_[name];
        entry.value = &ns;
        if (ns.links.size() < kLarge) { continue; }
        entry.links.reserve(ns.links.size());
        for (const auto& [link_name, link] : ns.links) { entry.links.emplace(link_name, &link); }
    }
}

const Namespace* LinkIndex::find(std::string_view ns) const {
    const auto found = namespaces_.find(ns);
    return found == namespaces_.end() ? nullptr : found->second.value;
}

const Link* LinkIndex::find(std::string_view ns, const std::string& link) const {
    const auto found = namespaces_.find(ns);
    if (found == namespaces_.end()) { return nullptr; }
    const Entry& entry = found->second;
    if (!entry.links.empty()) {
        const auto at = entry.links.find(link);
        return at == entry.links.end() ? nullptr : at->second;
    }
    const auto at = entry.value->links.find(link);
    return at == entry.value->links.end() ? nullptr : &at->second;
}

Difference Differ::run() {
    namespaces();
    index_ports();
    wanted_links();
    ovs();
    remove_links();
    set_links();
    find_stale_leases();
    configuration();
    files();
    processes();
    if (wanted_.keeper && !observed_.keeper) { emit(StartKeeper{}); }
    if (!wanted_.keeper && observed_.keeper) { emit(StopKeeper{}); }

    std::size_t count = 0;
    for (const auto& phase : steps_) { count += phase.size(); }
    out_.plan.steps.reserve(count);
    for (auto& phase : steps_) { std::move(phase.begin(), phase.end(), std::back_inserter(out_.plan.steps)); }
    out_.conflicts.assign(conflicts_.begin(), conflicts_.end());
    return std::move(out_);
}

void Differ::emit(Step step) {
    auto& phase = steps_[static_cast<std::size_t>(phase_of(step))];
    phase.push_back(std::move(step));
}

// Who made it is read from a link's mark, or is a lab's name.
void Differ::conflict(std::string object, std::string_view alias_or_lab) {
    std::string lab = lab_of_mark(alias_or_lab);
    // What is neither a mark nor a name is a person's own text.
    if (lab.empty() && alias_or_lab.find_first_of(": /") == std::string_view::npos) { lab = alias_or_lab; }
    conflicts_.insert({std::move(object), lab.empty() ? "not made by Warren" : "lab " + lab});
}

bool Differ::marked(const std::string& alias) const { return alias.starts_with(prefix_); }

namespace {

// What bears the wanted one's name is also it: made by the lab, or the very one that is to be attached.
bool is_same(const Namespace& observed, const Namespace& wanted) {
    if (observed.attached.has_value() != wanted.attached.has_value()) { return false; }
    if (!wanted.attached || wanted.attached->inode == 0 || observed.attached->inode == 0) { return true; }
    return observed.attached->inode == wanted.attached->inode;
}

}  // namespace

void Differ::namespaces() {
    const auto lo_of = [](const Namespace& ns) -> const Link* {
        const auto lo = ns.links.find("lo");
        return lo == ns.links.end() ? nullptr : &lo->second;
    };
    side_by_side(observed_.namespaces, wanted_.namespaces,
                 [&](const std::string& name, const Namespace* before, const Namespace* after) {
                     if (name == kMachineNamespace) { return; }
                     const auto add = [&](bool mark_only) {
                         Namespace value;
                         value.name = name;
                         value.host = after->host;
                         value.attached = after->attached;
                         if (mark_only) { value.attached->marked = false; }
                         if (const Link* lo = lo_of(*after)) { value.links.emplace("lo", bare(*lo)); }
                         emit(AddNamespace{std::move(value)});
                     };
                     if (before == nullptr) {
                         added_namespaces_.insert(name);
                         return add(false);
                     }
                     const Link* lo = lo_of(*before);
                     // An attached one may have other names, which are not the lab's.
                     const bool made = lo != nullptr && marked(lo->alias) && namespace_mark(lo->alias).name.empty();
                     const bool ours = before->attached.has_value() || made;
                     if (!ours) {
                         blocked_namespaces_.insert(name);
                         if (after != nullptr) { conflict("namespace " + name, lo == nullptr ? "" : lo->alias); }
                         return;
                     }
                     const bool same = after != nullptr && is_same(*before, *after);
                     if (same && before->attached && !before->attached->marked) { add(true); }  // killed in between
                     if (same) { return; }
                     (before->attached ? detached_namespaces_ : removed_namespaces_).insert(name);
                     if (after == nullptr) { return; }
                     replaced_namespaces_.insert(name);
                     added_namespaces_.insert(name);
                     add(false);
                 });
}

// Called when the steps of its links are known: what they carry is not in its value.
void Differ::remove_namespace(const Namespace& ns) {
    Namespace value;
    value.name = ns.name;
    value.host = ns.host;
    value.attached = ns.attached;
    if (ns.attached) {  // all else in it was taken away by steps, or is not the lab's
        value.attached->marked = true;
        for (const auto& [key, text] : ns.sysctls) {
            if (!ours_in(ns.name, std::string(sysctl_device(key)))) { value.sysctls.emplace(key, text); }
        }
        emit(DelNamespace{std::move(value)});
        return;
    }
    if (const auto lo = ns.links.find("lo"); lo != ns.links.end()) {
        value.links.emplace("lo", settled(lo->second));
    }
    const auto lost = lost_.find(ns.name);
    const auto stays = [&](std::string_view device) {
        return lost == lost_.end() || !lost->second.contains(std::string(device));
    };
    // Links of other makers in it go as well and cannot be brought back, nor can what lies on them.
    for (const Route& route : ns.routes) {
        if (route.device == "lo") { value.routes.insert(route); }
    }
    for (const auto& [key, text] : ns.sysctls) {
        if (stays(sysctl_device(key))) { value.sysctls.emplace(key, text); }
    }
    emit(DelNamespace{std::move(value)});
}

void Differ::files() {
    std::vector<Step> removals;
    side_by_side(
        observed_.files, wanted_.files, [&](const std::string& path, const File* before, const File* after) {
            const bool there = before != nullptr && after != nullptr && before->directory == after->directory;
            if (there && (after->seed_only || after->directory ||
                          (before->content == after->content && before->link_target == after->link_target))) {
                return;
            }
            touched_files_.insert(path);
            if (before != nullptr && !there) { removals.emplace_back(DelFile{path, *before}); }
            if (after != nullptr) { emit(PutFile{path, there ? std::optional(*before) : std::nullopt, *after}); }
        });
    std::for_each(removals.rbegin(), removals.rend(), [&](Step& step) { emit(std::move(step)); });
}

namespace {

Process settled(Process process) {
    process.pid = 0;
    process.status.clear();
    return process;
}

// All but the observed fields.
bool same(const Process& a, const Process& b) {
    return a.net_namespace == b.net_namespace && a.role == b.role && a.device == b.device &&
           a.network == b.network && a.command == b.command && a.environment == b.environment &&
           a.reload_files == b.reload_files && a.restart_files == b.restart_files && a.restart == b.restart &&
           a.own_etc == b.own_etc;
}

// Ended, and nobody is about to start it again.
bool is_dead(const Process& process) {
    return process.restart == Restart::always && process.pid == 0 &&
           (process.status == "dead" || process.status.starts_with("exited") ||
            process.status.starts_with("killed"));
}

}  // namespace

void Differ::processes() {
    const auto any_touched = [&](const std::vector<std::string>& paths) {
        return std::any_of(paths.begin(), paths.end(),
                           [&](const std::string& path) { return touched_files_.contains(path); });
    };
    const auto is_fresh = [&](const std::string& ns, const std::string& device) {
        const auto found = fresh_.find(ns);
        return found != fresh_.end() && found->second.contains(device);
    };
    std::vector<Step> servers_last;
    const auto stop = [&](const Process& process) {
        if (process.role == ProcessRole::dhcp_server) {
            servers_last.emplace_back(StopProcess{settled(process)});
        } else {
            emit(StopProcess{settled(process)});
        }
    };
    for (const auto& [key, observed] : observed_.processes) {
        if (!wanted_.processes.contains(key)) { stop(observed); }
    }
    for (const auto& [key, wanted] : wanted_.processes) {
        const auto found = observed_.processes.find(key);
        if (found == observed_.processes.end()) {
            emit(StartProcess{wanted});
            continue;
        }
        const Process& observed = found->second;
        if (!same(observed, wanted) || any_touched(wanted.restart_files) ||
            added_namespaces_.contains(wanted.net_namespace) || is_fresh(wanted.net_namespace, wanted.device)) {
            stop(observed);
            emit(StartProcess{wanted});
        } else if (is_dead(observed)) {
            emit(StartProcess{wanted, true});
        } else if (any_touched(wanted.reload_files)) {
            emit(ReloadProcess{wanted, true});
            emit(ReloadProcess{wanted, false});
        }
    }
    for (Step& step : servers_last) { emit(std::move(step)); }
}

}  // namespace plan_detail
}  // namespace warren
