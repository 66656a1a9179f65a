// Steps on Open vSwitch, files and processes. Part of Applier (applier.hpp).
#include <cerrno>
#include <chrono>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.hpp"
#include "engine/applier.hpp"
#include "engine/record.hpp"
#include "linux/netns.hpp"
#include "ovs/bridges.hpp"
#include "ovs/daemons.hpp"
#include "services/keeper.hpp"

namespace warren {
namespace {

constexpr std::chrono::seconds kOvsDeadline(30);

Result<void> put_file(const std::string& path, const File& file) {
    if (file.directory) {
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) { return errno_failure("make directory " + path); }
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

}  // namespace

void Applier::prepare(const StartOvs& step) {
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
    if (auto started = ovs::start(step.value, ns.get()); !started) { fail(current_, std::move(started).error()); }
}

void Applier::prepare(const StopOvs& step) {
    const bool shared = step.value.kind == OvsInstance::Kind::warren;
    if (shared && used_by_labs(options_.site.runtime, step.value, options_.lab)) { return; }
    begin_step(current_);
    if (auto stopped = ovs::stop(step.value); !stopped) { fail(current_, std::move(stopped).error()); }
}

ovs::Changes& Applier::ovs_changes(const OvsInstance& on) {
    ovs_on_ = on;
    ovs_steps_.push_back(current_);
    return ovs_;
}

void Applier::prepare(const AddOvsBridge& step) { ovs_changes(step.on).add_bridges.push_back(step.value); }

void Applier::prepare(const DelOvsBridge& step) { ovs_changes(step.on).delete_bridges.push_back(step.value.name); }

void Applier::prepare(const SetOvsBridge& step) {
    ovs_changes(step.on).set_bridges.emplace_back(step.before, step.after);
}

void Applier::prepare(const AddOvsPort& step) {
    ovs_changes(step.on).add_ports.push_back({step.bridge, step.value});
}

void Applier::prepare(const DelOvsPort& step) {
    ovs_changes(step.on).delete_ports.push_back({step.bridge, step.value.name});
}

void Applier::prepare(const SetOvsPort& step) {
    ovs_changes(step.on).set_ports.push_back({step.bridge, step.before, step.after});
}

void Applier::flush_ovs() {
    if (ovs_steps_.empty()) { return; }
    indexes_.erase(ovs_on_.net_namespace);
    auto result = [&]() -> Result<void> {
        WARREN_ASSIGN(auto connection, ovs::Connection::connect(ovs_on_.socket(), kOvsDeadline));
        ovs_.lab = options_.lab;
        return connection.apply(ovs_, kOvsDeadline);  // all or nothing by itself
    }();
    if (!result) {
        const std::string why = ovs::last_error(ovs_on_);
        if (!why.empty()) { result.error().reason += "; the last error that it logged: " + why; }
        for (const std::size_t step : ovs_steps_) { fail(step, result.error()); }
    }
    ovs_ = {};
    ovs_steps_.clear();
}

void Applier::prepare(const PutFile& step) {
    begin_step(current_);
    if (auto put = put_file(step.path, step.after); !put) { fail_as(current_, std::move(put).error()); }
}

void Applier::prepare(const DelFile& step) {
    begin_step(current_);
    const int result = step.before.directory ? ::rmdir(step.path.c_str()) : ::unlink(step.path.c_str());
    // A directory with something of a process' own in it goes with the lab's directory.
    if (result != 0 && errno != ENOENT && !(step.before.directory && errno == ENOTEMPTY)) {
        auto error = errno_failure("remove " + step.path);
        fail_as(current_, std::move(error).value());
    }
}

void Applier::prepare(const StartKeeper&) {
    begin_step(current_);
    auto keeper = Keeper::ensure(directory_, options_.lab, options_.site.warren);
    if (!keeper) { fail(current_, std::move(keeper).error()); }
}

void Applier::prepare(const StopKeeper&) {
    begin_step(current_);
    auto keeper = Keeper::connect(directory_);
    if (!keeper) { return; }
    if (auto quit = keeper->quit(); !quit) { fail(current_, std::move(quit).error()); }
}

void Applier::prepare(const StartProcess& step) { starts_.emplace_back(step.value, current_); }

void Applier::prepare(const StopProcess& step) { stops_.emplace_back(step.value, current_); }

void Applier::prepare(const ReloadProcess& step) {
    if (!step.on_undo) { reloads_.emplace_back(step.value, current_); }
}

void Applier::flush_processes() {
    ask_keeper(stops_, &Keeper::stop);
    ask_keeper(reloads_, &Keeper::reload);
    ask_keeper(starts_, &Keeper::start);
}

void Applier::ask_keeper(Processes& processes, Result<void> (Keeper::*ask)(const std::vector<Process>&)) {
    if (processes.empty()) { return; }
    std::vector<Process> all;
    for (const auto& [process, step] : processes) { all.push_back(process); }
    auto result = [&]() -> Result<void> {
        WARREN_ASSIGN(auto keeper, Keeper::ensure(directory_, options_.lab, options_.site.warren));
        return (keeper.*ask)(all);
    }();
    for (const auto& [process, step] : processes) {
        begin_step(step);
        if (!result) { fail(step, result.error()); }
    }
    processes.clear();
}

}  // namespace warren
