// The interpreter of plans: one phase at a time, each step to where its kind goes. Used by apply.cpp alone;
// a class, because what waits to be sent together is shared by its parts.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/fd.hpp"
#include "engine/apply.hpp"
#include "engine/sockets.hpp"
#include "linux/link.hpp"
#include "linux/netlink.hpp"
#include "ovs/bridges.hpp"
#include "plan/plan.hpp"
#include "services/keeper.hpp"

namespace warren {

class Applier {
public:
    // UNDOING: objects that are not there are no failure, since the step being undone may not have made them.
    // RELEASED keeps the attached namespaces that were left, by inode, so that undoing that finds them again.
    Applier(const ApplyOptions& options, Sockets& sockets, std::map<std::uint64_t, Fd>& released,
            bool undoing = false)
        : options_(options),
          sockets_(sockets),
          released_(released),
          undoing_(undoing),
          group_(link_group(options.lab)),
          directory_(lab_directory(options.site, options.lab)) {}
    // Executes all; where `roll_back` is off goes on after failures and returns the first.
    std::optional<Error> run(const std::vector<Step>& steps);
    // What must be undone after a failure: what was done, and what was begun.
    [[nodiscard]] std::vector<Step> undo() const;
    Applied applied;

private:
    enum class Outcome { untouched, begun, done };
    // A crash point that is due (base/fault.hpp).
    struct Cut {
        std::size_t step;
        bool before;
        bool whole;  // the step's phase cannot be cut
        std::string point;
    };
    // So many namespaces are held open at a time while links are made into them; fewer where few files may be open.
    static constexpr std::size_t kOpenNamespaces = 256;
    // Requests that must come after others of the same phase: creation, naming, switching on.
    static constexpr std::size_t kStages = 3;

    struct Queued {
        nl::Request request;
        std::size_t step;
        std::vector<int> fine;  // errno values that mean: was so already
    };
    void fail(std::size_t step, Error error);
    // The error of a step, told as the step's own where the failing part is only a detail of it.
    void fail_as(std::size_t step, Error error);
    void begin_step(std::size_t step);
    template <class T>
    T* unwrap(Result<T*> result, std::size_t step) {
        if (result) { return *result; }
        fail_as(step, std::move(result).error());
        return nullptr;
    }

    void execute(Phase phase, std::size_t begin, std::size_t end);
    std::optional<Cut> next_cut(std::size_t begin, std::size_t end) const;

    // apply_links.cpp: netlink requests, which wait in queues until the end of their phase
    void queue(std::size_t stage, const std::string& ns, nl::Message message, std::vector<int> fine = {});
    void flush_requests();
    void send_stages();
    void send(const std::string& ns, std::vector<Queued>& queued);
    // A descriptor of a namespace, open until the requests that use it have gone.
    std::optional<int> ns_fd(const std::string& name);
    // The ifindex of a link; asked for once, until links of its namespace come or go.
    std::optional<int> index_of(const std::string& ns, const std::string& name);

    void prepare(const AddNamespace& step);
    void make_all_namespaces();
    void prepare(const DelNamespace& step);
    // Whatever still runs in a namespace would keep it, and its links, alive without a name.
    void remove_all_namespaces();
    void leave_all_namespaces();

    void prepare(const AddBridge& step);
    void queue_up(const std::string& ns, const std::string& name, bool up);
    void prepare(const AddVeth& step);
    void configure_end(const std::string& ns, const Link& link);
    // The VLANs of a bridge port are set by ifindex, which a new link has only after its creation.
    void queue_vlans(const std::string& ns, const std::string& name, const std::optional<BridgePortVlans>& before,
                     const std::optional<BridgePortVlans>& after);
    void prepare(const DelBridge& step);
    void prepare(const DelStray& step);
    void prepare(const DelVeth& step);
    // Deleting one link costs an RCU wait of 20 ms; deleting a group of links costs one for all. So they
    // are put in a group of their own for the moment, which nothing else on the machine is in.
    void flush_deletions();
    std::optional<std::uint32_t> free_group(const std::string& ns, std::size_t step);
    void prepare(const SetLink& step);
    void prepare(const PlaceInternal& step);
    void prepare(const UnplaceInternal& step);

    void prepare(const AddAddress& step);
    void prepare(const DelAddress& step);
    void prepare(const AddRoute& step);
    void prepare(const DelRoute& step);
    void prepare(const AddNeighbour& step);
    void prepare(const DelNeighbour& step);
    void prepare(const SetSysctl& step);
    void prepare(const SetShaping& step);

    // apply_daemons.cpp: Open vSwitch, files, processes
    void prepare(const StartOvs& step);
    void prepare(const StopOvs& step);
    ovs::Changes& ovs_changes(const OvsInstance& on);
    void prepare(const AddOvsBridge& step);
    void prepare(const DelOvsBridge& step);
    void prepare(const SetOvsBridge& step);
    void prepare(const AddOvsPort& step);
    void prepare(const DelOvsPort& step);
    void prepare(const SetOvsPort& step);
    void flush_ovs();

    void prepare(const PutFile& step);
    void prepare(const DelFile& step);

    void prepare(const StartKeeper&);
    void prepare(const StopKeeper&);
    void prepare(const StartProcess& step);
    void prepare(const StopProcess& step);
    void prepare(const ReloadProcess& step);
    using Processes = std::vector<std::pair<Process, std::size_t>>;
    void flush_processes();
    void ask_keeper(Processes& processes, Result<void> (Keeper::*ask)(const std::vector<Process>&));

    const ApplyOptions& options_;
    Sockets& sockets_;
    std::map<std::uint64_t, Fd>& released_;
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
    std::vector<std::pair<Namespace, std::size_t>> left_namespaces_;  // attached ones
    std::map<std::string, std::vector<std::pair<std::string, std::size_t>>> deletions_;
    ovs::Changes ovs_;
    OvsInstance ovs_on_;
    std::vector<std::size_t> ovs_steps_;
    Processes starts_;
    Processes stops_;
    Processes reloads_;
};

}  // namespace warren
