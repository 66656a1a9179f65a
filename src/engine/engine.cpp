// up, plan, down, and what is there. Called by the command line.
#include "engine/engine.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fault.hpp"
#include "engine/apply.hpp"
#include "engine/guard.hpp"
#include "engine/leases.hpp"
#include "engine/observe.hpp"
#include "engine/remains.hpp"
#include "engine/take.hpp"
#include "lab/lab_file.hpp"
#include "linux/netns.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

std::string own_program() {
    char path[PATH_MAX];
    const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
    return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : "warren";
}

Result<void> need_root(const std::string& attempt) {
    if (::geteuid() == 0) { return {}; }
    return errno_failure(EPERM, attempt,
                         "run as root: network namespaces and links need CAP_SYS_ADMIN and CAP_NET_ADMIN");
}

// Starts an instance that died, with its database as it was.
Result<void> revive(const OvsInstance& instance, const ApplyOptions& options, Sockets& sockets) {
    auto started = apply(Plan{{StartOvs{instance}}}, options, sockets);
    if (!started) { return tl::unexpected(std::move(started.error().error)); }
    return {};
}

// What was checked when the record was written.
Lab lab_of(const Record& record) {
    Diagnostics ignored(record.file);
    return read_lab(record.text, ignored);
}

// Everything that may exist while OBSERVED turns into WANTED.
Record record_for(const Lab& lab, const UpOptions& options, const std::optional<Record>& before,
                  const State& wanted, const std::vector<AttachedRecord>& attached) {
    Record record = before.value_or(Record{});
    record.lab = lab.name;
    record.file = options.file;
    record.text = write_lab(lab);
    record.boot = boot_id();
    record.since = before ? before->since : static_cast<std::int64_t>(std::time(nullptr));
    record.changing = true;
    record.unconfirmed.reset();
    record.secluded = lab.root == RootKind::secluded;
    for (const auto& [name, ns] : wanted.namespaces) {
        if (name != kMachineNamespace) { record.namespaces.insert(name); }
    }
    for (const auto& [path, file] : wanted.files) { record.files.insert(path); }
    if (wanted.ovs) { record.ovs = wanted.ovs; }
    for (const auto& one : attached) {
        std::erase_if(record.attached,
                      [&](const auto& old) { return old.name == one.name && old.inode == one.inode; });
        record.attached.push_back(one);
    }
    return record;
}

void settle_record(Record& record, const State& wanted) {
    record.changing = false;
    record.namespaces.clear();
    record.files.clear();
    for (const auto& [name, ns] : wanted.namespaces) {
        if (name != kMachineNamespace) { record.namespaces.insert(name); }
    }
    for (const auto& [path, file] : wanted.files) { record.files.insert(path); }
    record.ovs = wanted.ovs;
    std::map<std::string, std::map<std::string, std::string>> kept;
    for (const auto& [name, values] : record.sysctls) {
        const auto ns = wanted.namespaces.find(name);
        if (ns == wanted.namespaces.end() || ns->second.attached) { continue; }
        for (const auto& [key, value] : values) {
            if (ns->second.sysctls.contains(key)) { kept[name].emplace(key, value); }
        }
    }
    record.sysctls = std::move(kept);
    std::erase_if(record.attached, [&](const AttachedRecord& one) {
        const auto ns = wanted.namespaces.find(one.name);
        return ns == wanted.namespaces.end() || !ns->second.attached || ns->second.attached->inode != one.inode;
    });
}

}  // namespace

Engine::Engine() {
    base_.warren = own_program();
    base_.dnsmasq = find_program("dnsmasq");
    base_.dhcp_client = find_program("dhclient");
    if (base_.dhcp_client.empty()) { base_.dhcp_client = find_program("udhcpc"); }
    base_.bridge_netfilter = path_exists("/proc/sys/net/bridge");
}

Result<std::optional<Record>> Engine::current_record(const std::string& name) const {
    return read_record(directory_of(name));
}

Result<UpResult> Engine::plan(const Lab& lab) {
    WARREN_TRY(need_root("look at the network namespaces of lab " + lab.name));
    WARREN_ASSIGN(auto record, current_record(lab.name));
    Sockets sockets;
    Look look;
    WARREN_TRY(look.prepare(base_, lab, std::move(record)));
    WARREN_TRY(look.compare(sockets));
    WARREN_TRY(look.refuse_conflicts());
    return UpResult{look.steps(), look.changes(), {}};
}

Result<Record> Engine::record_of(const std::string& verb, const std::string& name) const {
    WARREN_ASSIGN(auto record, current_record(name));
    if (!record) {
        return failure(verb + " lab " + name, "there is no such lab", "'warren list' names those that are up");
    }
    return std::move(*record);
}

Result<Lab> Engine::wanted_lab(const std::string& name) const {
    WARREN_ASSIGN(const Record record, record_of("read", name));
    return lab_of(record);
}

Result<UpResult> Engine::change(const std::string& name, const std::function<Result<void>(Lab&)>& edit) {
    WARREN_TRY(need_root("change lab " + name));
    WARREN_ASSIGN(const std::string chosen, choose(name));
    WARREN_ASSIGN(const Lock lock, Lock::take(directory_of(chosen) + "/lock", false));
    WARREN_ASSIGN(const Record record, record_of("read", chosen));
    Lab lab = lab_of(record);
    WARREN_TRY(edit(lab));
    Diagnostics diagnostics("");
    const Lab changed = read_lab(write_lab(lab), diagnostics);
    if (!diagnostics.empty()) {
        const Diagnostic& first = diagnostics.items().front();
        return usage_failure("change lab " + chosen, first.message, first.hint);
    }
    UpOptions options;
    options.file = record.file;
    return up(changed, options, lock);
}

Result<UpResult> Engine::up(const Lab& lab, const UpOptions& options) {
    WARREN_TRY(need_root("bring up lab " + lab.name));
    WARREN_ASSIGN(const Lock lock, Lock::take(directory_of(lab.name) + "/lock", false, options.interrupted));
    return up(lab, options, lock);
}

Result<UpResult> Engine::up(const Lab& lab, const UpOptions& options, const Lock&) {
    const std::string directory = directory_of(lab.name);
    WARREN_ASSIGN(const std::optional<Record> record_before, current_record(lab.name));
    bool left_behind = false;
    std::optional<Unconfirmed> guard;
    auto result = [&]() -> Result<UpResult> {
        Sockets sockets;
        Look look;
        WARREN_TRY(look.prepare(base_, lab, record_before));
        std::optional<Lock> ovs_users;
        if (look.shares_ovs()) {
            WARREN_ASSIGN(ovs_users, Lock::take(ovs_lock(look.site), true, options.interrupted));
        }
        WARREN_TRY(look.compare(sockets));
        // A private Open vSwitch that died has its database still: what is in it is seen when it runs.
        std::vector<Change> revived;
        if (const OvsInstance* instance = look.dead_ovs()) {
            WARREN_TRY(revive(*instance, {lab.name, look.site, false, {}, options.interrupted}, sockets));
            WARREN_TRY(look.compare(sockets));
            revived = changes(Plan{{StartOvs{*instance}}}, look.observed, look.wanted);
        }
        WARREN_TRY(look.refuse_conflicts());
        UpResult done{look.steps(), look.changes(), {}};
        if (!revived.empty()) { ++done.steps; }
        done.changes.insert(done.changes.begin(), revived.begin(), revived.end());
        Record record = record_for(lab, options, look.record, look.wanted, look.attached.records);
        if (!look.difference.plan.empty()) {
            ApplyOptions apply_options{lab.name,         look.site,           true,
                                       options.progress, options.interrupted, options.before};
            WARREN_TRY(note_made_directories(look.site));
            if (options.confirm.count() > 0) {
                WARREN_ASSIGN(record.unconfirmed, start_guard(base_, lab.name, look.record, options.confirm));
                guard = record.unconfirmed;
            }
            WARREN_TRY(write_record(directory, record));
            if (auto reserved = reserve_record(directory); !reserved) {
                if (record_before) { WARREN_TRY(write_reserved_record(directory, *record_before)); }
                return tl::unexpected(std::move(reserved).error());
            }
            auto applied = apply(look.difference.plan, apply_options, sockets);
            if (!applied) {
                left_behind = !applied.error().undone;
                if (record_before && !left_behind) {
                    tidy(directory, look.observed);
                    WARREN_TRY(write_reserved_record(directory, *record_before));
                }
                return tl::unexpected(std::move(applied.error().error));
            }
            for (const auto& [ns, values] : applied->sysctls_before) {
                for (const auto& [key, value] : values) { record.sysctls[ns].try_emplace(key, value); }
            }
            left_behind = true;
            tidy(directory, look.wanted);
        }
        settle_record(record, look.wanted);
        if (!record.unconfirmed) { ::unlink((directory + "/guard.log").c_str()); }
        // While steps were made the record there said so.
        if (!look.difference.plan.empty() || !look.record || *look.record != record) {
            if (auto written = write_reserved_record(directory, record); !written) {
                written.error().hint = "the lab is up; 'warren up' again writes its record";
                return tl::unexpected(std::move(written).error());
            }
        }
        if (look.record && (!guard || look.record->unconfirmed != guard)) { end_guard(look.record->unconfirmed); }
        ovs_users.reset();  // the record tells from now on who uses it
        done.without_lease =
            wait_for_leases(look.wanted, look.site, lab.name, options.lease_time, options.interrupted);
        return done;
    }();
    if (!result && !left_behind) { end_guard(guard); }
    if (!result && !record_before && !left_behind) {
        // Nothing was there before and nothing is now.
        quit_keeper(directory);
        (void)remove_tree(directory);
        remove_ovs_locks(base_);
        remove_runtime(base_);
    }
    return result;
}

Result<UpResult> Engine::take(const Lab& lab, const Survey& found, const UpOptions& options,
                              const std::function<void(const std::string&)>& say) {
    WARREN_TRY(need_root("take lab " + lab.name));
    const std::string directory = directory_of(lab.name);
    if (has_record(directory)) {
        return failure("take lab " + lab.name, "a lab of that name is up",
                       "give it another name with '--name NAME'");
    }
    WARREN_ASSIGN(const Lock lock, Lock::take(directory + "/lock", false, options.interrupted));
    Look look;
    auto result = [&]() -> Result<UpResult> {
        WARREN_TRY(look.prepare(base_, lab, std::nullopt));
        Taking taking(lab, look, found);
        WARREN_TRY(taking.check());
        for (const auto& line : taking.said()) { say(line); }
        WARREN_TRY(note_made_directories(look.site));
        // Whatever is killed from here on, `down` removes what has been marked.
        WARREN_TRY(write_record(directory, record_for(lab, options, std::nullopt, look.wanted, {})));
        auto done = [&]() -> Result<UpResult> {
            WARREN_TRY(taking.take());
            return up(lab, options, lock);
        }();
        if (done) {
            taking.settle();
        } else if (const std::string faults = taking.undo(); !faults.empty()) {
            done.error().hint +=
                (done.error().hint.empty() ? "not all is as it was" : "; not all is as it was") + faults;
        }
        return done;
    }();
    if (!result) {
        quit_keeper(directory);
        (void)remove_tree(directory);
        remove_ovs_locks(base_);
        remove_runtime(base_);
    }
    return result;
}

Result<bool> Engine::down(const std::string& name, bool force, const std::function<bool()>& interrupted) {
    WARREN_TRY(need_root("take down lab " + name));
    const std::string directory = directory_of(name);
    if (!force && !path_exists(directory)) {
        // A `down` that was killed after the last lab had gone may have left what is the machine's own.
        remove_ovs_locks(base_);
        remove_runtime(base_);
        return false;
    }
    WARREN_ASSIGN(const Lock lock, Lock::take(directory + "/lock", false, interrupted));
    return down(name, force, interrupted, lock);
}

Result<bool> Engine::down(const std::string& name, bool force, const std::function<bool()>& interrupted,
                          const Lock&) {
    const std::string directory = directory_of(name);
    std::optional<Record> record;
    auto read = current_record(name);
    if (read) {
        record = std::move(*read);
    } else if (!force) {
        return tl::unexpected(std::move(read).error());
    }
    if (record) { end_guard(record->unconfirmed); }
    if (force) { record = record_by_marks(base_, name); }
    const bool was = record.has_value();
    if (record) {
        Sockets sockets;
        std::optional<Lock> ovs_alone;
        if (record->ovs && record->ovs->kind == OvsInstance::Kind::warren) {
            WARREN_ASSIGN(ovs_alone, Lock::take(ovs_lock(base_), false, interrupted));
        }
        const Scope scope{name, &*record, nullptr, &base_};
        ApplyOptions options{name, base_, false, {}};
        WARREN_ASSIGN(State observed, observe(scope, sockets));
        const bool shared = record->ovs && record->ovs->kind == OvsInstance::Kind::warren;
        if (shared && !observed.ovs && path_exists(record->ovs->directory) &&
            recorded_labs(base_.runtime).size() > 1) {
            // Others use its database too: the lab's rows in it can go only when it runs.
            WARREN_TRY(revive(*record->ovs, options, sockets));
            WARREN_ASSIGN(observed, observe(scope, sockets));
        }
        Difference difference = diff(observed, State{}, name);
        const bool own = record->ovs && record->ovs->kind != OvsInstance::Kind::machine;
        if (own && !observed.ovs &&
            path_exists(record->ovs->directory)) {  // killed, or killed while it was started
            difference.plan.steps.emplace_back(StopOvs{*record->ovs});
        }
        record->changing = true;
        // Only for `list` to tell meanwhile: where there is no room for it, the lab is taken away all the same.
        (void)write_record(directory, *record);
        if (auto applied = apply(difference.plan, options, sockets); !applied) {
            return tl::unexpected(std::move(applied.error().error));
        }
        quit_keeper(directory);
    }
    WARREN_TRY(fault::point("before-forget", directory));
    WARREN_TRY(remove_tree(directory));
    WARREN_TRY(fault::point("after-forget", directory));
    remove_ovs_locks(base_);
    remove_runtime(base_);
    return was;
}

Result<bool> Engine::confirm(const std::string& name) {
    WARREN_TRY(need_root("confirm lab " + name));
    WARREN_ASSIGN(const Lock lock, Lock::take(directory_of(name) + "/lock"));
    WARREN_ASSIGN(auto record, current_record(name));
    if (!record || !record->unconfirmed) { return false; }
    const auto guard = record->unconfirmed;
    record->unconfirmed.reset();
    WARREN_TRY(write_record(directory_of(name), *record));
    end_guard(guard);
    ::unlink((directory_of(name) + "/guard.log").c_str());
    return true;
}

Result<void> Engine::go_back(const std::string& name, const ProcessId& guard) {
    const std::string directory = directory_of(name);
    if (!path_exists(directory)) { return {}; }
    WARREN_ASSIGN(const Lock lock, Lock::take(directory + "/lock"));
    WARREN_ASSIGN(auto record, current_record(name));
    if (!record || !record->unconfirmed || record->unconfirmed->guard != guard) { return {}; }
    if (record->unconfirmed->text.empty()) {
        WARREN_TRY(down(name, false, {}, lock));
        return {};
    }
    Diagnostics diagnostics(record->unconfirmed->file);
    const Lab before = read_lab(record->unconfirmed->text, diagnostics);
    UpOptions options;
    options.file = record->unconfirmed->file;
    WARREN_TRY(up(before, options, lock));
    return {};
}

Result<std::vector<Leftover>> Engine::clean(bool look_only) {
    WARREN_TRY(need_root("look for what labs have left"));
    WARREN_ASSIGN(auto found, leftovers(base_));
    if (look_only) { return found; }
    WARREN_TRY(fault::point("clean-found"));
    std::vector<Leftover> removed;
    for (auto& leftover : found) {
        bool done = false;
        if (leftover.lab.empty()) {
            WARREN_ASSIGN(done, stop_unused_ovs(base_));
        } else {
            WARREN_ASSIGN(done, remove_leftover(leftover));
        }
        if (done) { removed.push_back(std::move(leftover)); }
    }
    WARREN_TRY(stop_unused_ovs(base_));  // also one that the last of these had used
    remove_ovs_locks(base_);
    remove_runtime(base_);
    return removed;
}

// False: since it was found the lab has come up, or is about to; an `up` takes over what bears its marks.
Result<bool> Engine::remove_leftover(const Leftover& leftover) {
    const std::string directory = directory_of(leftover.lab);
    WARREN_ASSIGN(const auto lock, Lock::take_if_free(directory + "/lock"));
    if (!lock || has_record(directory)) { return false; }
    end_processes(leftover);
    WARREN_TRY(down(leftover.lab, true, {}, *lock));
    return true;
}

std::vector<LabSummary> Engine::list() const {
    std::vector<LabSummary> labs;
    for (const auto& name : recorded_labs(base_.runtime)) {
        LabSummary summary;
        summary.name = name;
        const auto record = current_record(name);
        if (!record || !*record) {
            summary.state = "damaged";
            labs.push_back(summary);
            continue;
        }
        const Lab lab = lab_of(**record);
        summary.file = (*record)->file;
        summary.state = (*record)->boot != boot_id() ? "gone" : (*record)->changing ? "changing" : "up";
        summary.since = (*record)->since;
        summary.hosts = lab.hosts.size();
        summary.switches = lab.switches.size();
        labs.push_back(summary);
    }
    return labs;
}

Result<LabStatus> Engine::status(const std::string& name) {
    WARREN_TRY(need_root("look at lab " + name));
    LabStatus status;
    WARREN_ASSIGN(status.record, record_of("show", name));
    status.lab = lab_of(status.record);
    Sockets sockets;
    Look look;
    WARREN_TRY(look.prepare(base_, status.lab, status.record));
    WARREN_TRY(look.compare(sockets));
    status.drift = look.changes();
    for (const auto& conflict : look.difference.conflicts) {
        status.conflicts.emplace_back(conflict.object, conflict.owner);
    }
    status.remarks = std::move(look.attached.remarks);
    for (const auto& fault : look.attached.faults) { status.remarks.push_back(fault.message()); }
    status.wanted = std::move(look.wanted);
    status.observed = std::move(look.observed);
    return status;
}

Result<std::string> Engine::choose(const std::string& name) const {
    const auto labs = recorded_labs(base_.runtime);
    if (!name.empty()) {
        if (std::find(labs.begin(), labs.end(), name) != labs.end()) { return name; }
        return failure("find lab " + name, "there is no such lab", "'warren list' names those that are up");
    }
    if (labs.size() == 1) { return labs.front(); }
    if (labs.empty()) { return failure("choose a lab", "no lab is up", "'warren up FILE' brings one up"); }
    std::string names;
    for (const auto& lab : labs) { names += (names.empty() ? "" : ", ") + lab; }
    return usage_failure("choose a lab", "several are up: " + names, "name one");
}

namespace {

// The hosts of a record, by the mark each namespace bears, are what the names say: LAB.HOST or HOST.
std::string host_of(const Record& record, const std::string& net_namespace) {
    for (const auto& one : record.attached) {
        if (one.name == net_namespace) { return one.host; }
    }
    if (!record.secluded) { return net_namespace; }
    return net_namespace == record.lab ? "" : net_namespace.substr(record.lab.size() + 1);
}

}  // namespace

Result<Place> Engine::find_host(const std::string& name) const {
    const auto slash = name.find('/');
    const std::string only_lab = slash == std::string::npos ? "" : name.substr(0, slash);
    const std::string host = slash == std::string::npos ? name : name.substr(slash + 1);
    std::vector<Place> found;
    std::string known;
    for (const auto& lab : recorded_labs(base_.runtime)) {
        if (!only_lab.empty() && lab != only_lab) { continue; }
        const auto record = current_record(lab);
        if (!record || !*record) { continue; }
        for (const auto& ns : (*record)->namespaces) {
            const std::string own = host_of(**record, ns);
            if (own == host) { found.push_back({lab, own, ns, ""}); }
            if (known.size() < 200 && !own.empty()) { known += (known.empty() ? "" : ", ") + own; }
        }
    }
    if (found.size() == 1) { return found.front(); }
    if (found.empty()) {
        return failure("find host " + name, "no lab that is up has it",
                       known.empty() ? "no lab is up" : "hosts: " + known);
    }
    std::string names;
    for (const auto& place : found) { names += (names.empty() ? "" : ", ") + place.lab + "/" + place.host; }
    return usage_failure("find host " + name, "several labs have it", "say one of " + names);
}

Result<std::optional<Place>> Engine::identify(pid_t pid) const {
    const std::uint64_t inode = namespace_inode_of(pid);
    if (inode == 0) {
        return errno_failure(process_id(pid) ? EACCES : ESRCH, "identify process " + std::to_string(pid));
    }
    const auto named = named_namespaces();
    for (const auto& lab : recorded_labs(base_.runtime)) {
        const auto record = current_record(lab);
        if (!record || !*record) { continue; }
        for (const auto& ns : (*record)->namespaces) {
            const auto found = named.find(ns);
            if (found == named.end() || found->second != inode) { continue; }
            Place place{lab, host_of(**record, ns), ns, ""};
            if (auto processes = recorded_processes(directory_of(lab))) {
                for (const auto& process : *processes) {
                    if (process.pid == pid) { place.process = process.name; }
                }
            }
            return std::optional(place);
        }
    }
    return std::optional<Place>{};
}

}  // namespace warren
