// Carries out plans, or puts back what was there before. Called by engine.cpp; with apply_links.cpp and
// apply_daemons.cpp the only place that changes the machine.
#include "engine/apply.hpp"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <type_traits>

#include <fmt/format.h>

#include "base/fault.hpp"
#include "engine/applier.hpp"
#include "linux/link.hpp"

namespace warren {
namespace {

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

// The kinds of steps, as crash points name them; a kind without a name does not compile.
template <class T>
inline constexpr const char* kKind = nullptr;
template <>
inline constexpr const char* kKind<AddNamespace> = "add-namespace";
template <>
inline constexpr const char* kKind<DelNamespace> = "del-namespace";
template <>
inline constexpr const char* kKind<AddBridge> = "add-bridge";
template <>
inline constexpr const char* kKind<DelBridge> = "del-bridge";
template <>
inline constexpr const char* kKind<AddVeth> = "add-veth";
template <>
inline constexpr const char* kKind<DelVeth> = "del-veth";
template <>
inline constexpr const char* kKind<PlaceInternal> = "place-internal";
template <>
inline constexpr const char* kKind<UnplaceInternal> = "unplace-internal";
template <>
inline constexpr const char* kKind<DelStray> = "del-stray";
template <>
inline constexpr const char* kKind<SetLink> = "set-link";
template <>
inline constexpr const char* kKind<AddAddress> = "add-address";
template <>
inline constexpr const char* kKind<DelAddress> = "del-address";
template <>
inline constexpr const char* kKind<AddRoute> = "add-route";
template <>
inline constexpr const char* kKind<DelRoute> = "del-route";
template <>
inline constexpr const char* kKind<AddNeighbour> = "add-neighbour";
template <>
inline constexpr const char* kKind<DelNeighbour> = "del-neighbour";
template <>
inline constexpr const char* kKind<SetSysctl> = "set-sysctl";
template <>
inline constexpr const char* kKind<SetShaping> = "set-shaping";
template <>
inline constexpr const char* kKind<StartOvs> = "start-ovs";
template <>
inline constexpr const char* kKind<StopOvs> = "stop-ovs";
template <>
inline constexpr const char* kKind<AddOvsBridge> = "add-ovs-bridge";
template <>
inline constexpr const char* kKind<DelOvsBridge> = "del-ovs-bridge";
template <>
inline constexpr const char* kKind<SetOvsBridge> = "set-ovs-bridge";
template <>
inline constexpr const char* kKind<AddOvsPort> = "add-ovs-port";
template <>
inline constexpr const char* kKind<DelOvsPort> = "del-ovs-port";
template <>
inline constexpr const char* kKind<SetOvsPort> = "set-ovs-port";
template <>
inline constexpr const char* kKind<PutFile> = "put-file";
template <>
inline constexpr const char* kKind<DelFile> = "del-file";
template <>
inline constexpr const char* kKind<StartProcess> = "start-process";
template <>
inline constexpr const char* kKind<StopProcess> = "stop-process";
template <>
inline constexpr const char* kKind<ReloadProcess> = "reload-process";
template <>
inline constexpr const char* kKind<StartKeeper> = "start-keeper";
template <>
inline constexpr const char* kKind<StopKeeper> = "stop-keeper";

std::string kind_of(const Step& step) {
    return std::visit(
        [](const auto& value) {
            constexpr const char* kName = kKind<std::remove_cvref_t<decltype(value)>>;
            static_assert(kName != nullptr);
            return std::string(kName);
        },
        step);
}

template <class... Kinds>
void add_kinds(const std::variant<Kinds...>*, std::vector<std::string>& names) {
    for (const char* kind : {kKind<Kinds>...}) {
        names.push_back(std::string("before-") + kind);
        names.push_back(std::string("after-") + kind);
    }
}

}  // namespace

void Applier::fail(std::size_t step, Error error) {
    failed_.insert(step);
    if (undoing_ && (error.code == ENODEV || error.code == ENOENT || error.code == ESRCH)) { return; }
    if (error.hint.empty()) { error.hint = hint_for(error.code); }
    if (!error_) { error_ = std::move(error); }
}

void Applier::fail_as(std::size_t step, Error error) {
    error.attempt = describe((*steps_)[step]);
    fail(step, std::move(error));
}

void Applier::begin_step(std::size_t step) {
    if (outcome_[step] == Outcome::untouched) { outcome_[step] = Outcome::begun; }
}

// Where a crash point lies in a phase, the phase is cut there: what comes before is carried out first. Open vSwitch
// rows go in one transaction: there is nothing between its steps.
std::optional<Applier::Cut> Applier::next_cut(std::size_t begin, std::size_t end) const {
    const Phase phase = phase_of((*steps_)[begin]);
    const bool whole = phase == Phase::add_ovs || phase == Phase::remove_ovs;
    for (std::size_t i = begin; i < end; ++i) {
        const std::string detail = describe((*steps_)[i]);
        for (const bool before : {true, false}) {
            const std::string where = before ? "before-" : "after-";
            std::vector<std::string> names{where + (undoing_ ? "undo" : "step")};
            if (!undoing_) { names.push_back(where + kind_of((*steps_)[i])); }
            std::optional<Cut> cut;
            for (const auto& name : names) {
                if (fault::due(name, detail)) { cut = Cut{i, before, whole, name}; }
            }
            if (cut) {
                if (whole) { cut->step = before ? begin : end - 1; }
                return cut;
            }
        }
    }
    return std::nullopt;
}

std::optional<Error> Applier::run(const std::vector<Step>& steps) {
    steps_ = &steps;
    outcome_.assign(steps.size(), Outcome::untouched);
    std::optional<Error> first;
    for (std::size_t begin = 0; begin < steps.size();) {
        const auto stopped = [&] {
            return Error{"go on with lab " + options_.lab, EINTR, "it was interrupted", {}, Error::Kind::failed};
        };
        if (options_.roll_back && options_.interrupted && options_.interrupted()) { return stopped(); }
        const Phase phase = phase_of(steps[begin]);
        std::size_t end = begin + 1;
        while (end < steps.size() && phase_of(steps[end]) == phase) { ++end; }
        if (options_.roll_back && options_.before && !options_.before(steps, begin, end)) { return stopped(); }
        const auto carry_out_until = [&](std::size_t last) {
            if (last > begin) { execute(phase, begin, last); }
            for (; begin < last; ++begin) {
                if (!failed_.contains(begin)) { outcome_[begin] = Outcome::done; }
            }
        };
        const auto cut = fault::armed() ? next_cut(begin, end) : std::nullopt;
        error_.reset();
        carry_out_until(cut ? cut->step + (cut->before ? 0 : 1) : end);
        if (cut && !error_) {
            if (auto fault = fault::act(cut->point); !fault) {
                error_ = std::move(fault).error();
                error_->attempt = describe(steps[cut->step]);
                begin = cut->step + 1;  // left out, also where the others are tried still
            } else if (cut->before) {
                carry_out_until(cut->whole ? end : begin + 1);
            }
        }
        if (error_ && !first) { first = error_; }
        if (error_ && options_.roll_back) { return first; }
        failed_.clear();
        if (options_.progress) { options_.progress(begin, steps.size()); }
    }
    return first;
}

std::vector<Step> Applier::undo() const {
    std::vector<Step> back;
    for (std::size_t i = steps_->size(); i-- > 0;) {
        if (outcome_[i] == Outcome::untouched) { continue; }
        for (auto& step : reverse((*steps_)[i])) { back.push_back(std::move(step)); }
    }
    return back;
}

void Applier::execute(Phase phase, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
        current_ = i;
        std::visit([this](const auto& step) { prepare(step); }, (*steps_)[i]);
        if (namespaces_.size() >= std::min(kOpenNamespaces, sockets_.limit())) { flush_requests(); }
    }
    make_all_namespaces();
    flush_deletions();
    flush_requests();
    flush_ovs();
    flush_processes();
    if (phase == Phase::remove_namespaces) { remove_all_namespaces(); }
}

std::vector<std::string> fault_points() {
    std::vector<std::string> names = fault::points();
    names.insert(names.end(), {"before-step", "after-step", "before-undo", "after-undo"});
    add_kinds(static_cast<const Step*>(nullptr), names);
    std::sort(names.begin(), names.end());
    return names;
}

tl::expected<Applied, ApplyFailure> apply(const Plan& plan, const ApplyOptions& options, Sockets& sockets) {
    std::map<std::uint64_t, Fd> released;
    Applier applier(options, sockets, released);
    auto error = applier.run(plan.steps);
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
        undoing.before = {};
        Applier undo(undoing, sockets, released, true);
        const auto also = undo.run(back);
        failure.undone = !also;
        if (failure.undone && failure.error.code == EINTR) {
            failure.error.hint = "what was there before is there again";
        }
        if (also) {
            failure.error.hint += fmt::format("{}and going back to the state before failed too: {}",
                                              failure.error.hint.empty() ? "" : "; ", also->message());
        }
    }
    return tl::unexpected(std::move(failure));
}

}  // namespace warren
