// The engine: labs on this machine. Brings the machine to a lab's state and away from it, and tells what is
// there. Everything the command line does to the machine goes through here.
//
// Each call takes what locks it needs; several processes may call at the same time.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/look.hpp"
#include "engine/record.hpp"
#include "engine/remains.hpp"
#include "engine/survey.hpp"
#include "lab/lab.hpp"
#include "plan/changes.hpp"
#include "plan/plan.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

struct UpOptions {
    std::string file;  // where the lab was read from, for `list` and `show`
    std::function<void(std::size_t done, std::size_t all)> progress;
    std::chrono::milliseconds lease_time{10'000};  // how long to wait for DHCP clients' first leases
    // The lab goes back to what it was this long after the caller's process has ended its `up`, or died in it,
    // unless confirm() comes before. 0: it stays as it is.
    std::chrono::seconds confirm{0};
    // Asked between groups of steps and when a signal interrupts waiting; true: what was done is undone (error code
    // EINTR); once all is done there is only no more waiting. May be empty.
    std::function<bool()> interrupted = {};
    // Called before each group of steps is carried out, STEPS[BEGIN..END); false: what was done is undone, as when it
    // is interrupted. It may look at the machine, but not change it. May be empty.
    std::function<bool(const std::vector<Step>& steps, std::size_t begin, std::size_t end)> before = {};
};

struct UpResult {
    std::size_t steps = 0;  // 0: nothing was to be done
    std::vector<Change> changes;
    std::vector<std::string> without_lease;  // "red:eth0-r": its DHCP client has no address yet
};

struct LabSummary {
    std::string name;
    std::string file;
    std::string state;  // "up", "changing" (an up or down under way or killed), "damaged", "gone" (before a reboot)
    std::int64_t since = 0;
    std::size_t hosts = 0;
    std::size_t switches = 0;
};

// A lab as it was put up and as it is.
struct LabStatus {
    Record record;
    Lab lab;
    State wanted;
    State observed;
    std::vector<Change> drift;
    std::vector<std::pair<std::string, std::string>> conflicts;  // object, owner
    std::vector<std::string> remarks;                            // of what is attached
};

struct Place {
    std::string lab;
    std::string host;  // "" in the lab's secluded root namespace
    std::string net_namespace;
    std::string process;  // the name of the lab's process that it is, or ""
};

class Engine {
public:
    Engine();  // of this machine: /run/warren, /etc/netns

    [[nodiscard]] Result<UpResult> up(const Lab& lab, const UpOptions& options);
    // Makes LAB, which adopt() has read from FOUND, Warren's own from now on: marks what is there, ends the DHCP servers
    // and clients there whose place the lab's own take, and brings up what differs. All or nothing. SAY hears beforehand
    // what will be ended. What cannot be taken is an error that names it all, before anything is changed.
    [[nodiscard]] Result<UpResult> take(const Lab& lab, const Survey& found, const UpOptions& options,
                                        const std::function<void(const std::string&)>& say);
    // What up() would do. Changes nothing.
    [[nodiscard]] Result<UpResult> plan(const Lab& lab);
    // Removes a lab; true: there was one. FORCE: without a readable record, by the marks alone.
    // INTERRUPTED: as in UpOptions, but only while it waits for others; what has begun is finished.
    [[nodiscard]] Result<bool> down(const std::string& name, bool force = false,
                                    const std::function<bool()>& interrupted = {});
    // The lab NAME as EDIT leaves it, as up() would bring it: what it wants from now on. What EDIT makes wrong is an error
    // of kind usage.
    [[nodiscard]] Result<UpResult> change(const std::string& name, const std::function<Result<void>(Lab&)>& edit);
    // What the lab NAME wants: its file, and what change() made of it.
    [[nodiscard]] Result<Lab> wanted_lab(const std::string& name) const;
    // Lets stay what up() with UpOptions::confirm has made; false: nothing waited for that.
    [[nodiscard]] Result<bool> confirm(const std::string& name);
    // For the guard that start_guard() started: what confirm() was to prevent. Nothing where it came.
    [[nodiscard]] Result<void> go_back(const std::string& name, const ProcessId& guard);
    // Removes what bears the marks of labs that have no record, and tells it; LOOK_ONLY: tells it only. Leaves alone
    // a lab that another process has in hand.
    [[nodiscard]] Result<std::vector<Leftover>> clean(bool look_only);
    [[nodiscard]] std::vector<LabSummary> list() const;
    [[nodiscard]] Result<LabStatus> status(const std::string& name);
    // The lab named, or, for "", the only one there is.
    [[nodiscard]] Result<std::string> choose(const std::string& name) const;
    // HOST or LAB/HOST → where it is.
    [[nodiscard]] Result<Place> find_host(const std::string& name) const;
    // Which host a process is in; nothing: in none of a lab's.
    [[nodiscard]] Result<std::optional<Place>> identify(pid_t pid) const;
    // What expand() would be told for this lab here. Lacking programs and kernel options are errors of
    // kind lacking.
    [[nodiscard]] Result<Site> site_for(const Lab& lab) const { return warren::site_for(base_, lab, std::nullopt); }
    [[nodiscard]] std::string directory_of(const std::string& lab) const { return lab_directory(base_, lab); }
    [[nodiscard]] const Site& base() const { return base_; }

private:
    [[nodiscard]] Result<UpResult> up(const Lab& lab, const UpOptions& options, const Lock& held);
    [[nodiscard]] Result<bool> down(const std::string& name, bool force, const std::function<bool()>& interrupted,
                                    const Lock& held);
    [[nodiscard]] Result<bool> remove_leftover(const Leftover& leftover);
    [[nodiscard]] Result<std::optional<Record>> current_record(const std::string& name) const;
    // Of a lab that must be there; VERB says what for.
    [[nodiscard]] Result<Record> record_of(const std::string& verb, const std::string& name) const;
    Site base_;
};

}  // namespace warren
