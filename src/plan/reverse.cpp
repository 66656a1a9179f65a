// reverse: what undoes a step. apply's rollback walks a plan's done steps backwards through it.
#include "plan/differ.hpp"

namespace warren {
namespace {

using plan_detail::bare;

// The steps that put back what lay on a link, in the order in which the kernel takes them.
void restore(std::vector<Step>& steps, const std::string& ns, const Link& link, const OnLink& on) {
    for (const auto& [key, value] : on.sysctls) { steps.emplace_back(SetSysctl{ns, key, {}, value}); }
    for (const Prefix& address : link.addresses) { steps.emplace_back(AddAddress{ns, link.name, address}); }
    for (const bool gateway : {false, true}) {
        for (const Route& route : on.routes) {
            if (route.via.has_value() == gateway) { steps.emplace_back(AddRoute{ns, route}); }
        }
    }
    for (const auto& [address, mac] : on.neighbours) {
        steps.emplace_back(AddNeighbour{ns, link.name, address, mac});
    }
    if (!link.shaping.empty()) { steps.emplace_back(SetShaping{ns, link.name, link.mtu, {}, link.shaping}); }
}

std::vector<Step> restore_namespace(const Namespace& gone) {
    Namespace value;
    value.name = gone.name;
    value.host = gone.host;
    value.attached = gone.attached;
    const auto lo = gone.links.find("lo");
    if (lo != gone.links.end()) { value.links.emplace("lo", bare(lo->second)); }
    std::vector<Step> steps{AddNamespace{std::move(value)}};
    OnLink on;
    on.sysctls = gone.sysctls;
    on.routes = gone.routes;
    restore(steps, gone.name, lo == gone.links.end() ? Link{} : lo->second, on);
    return steps;
}

std::vector<Step> restore_veth(const DelVeth& gone) {
    std::vector<Step> steps{AddVeth{gone.ns_a, bare(gone.a), gone.ns_b, bare(gone.b)}};
    restore(steps, gone.ns_a, gone.a, gone.on_a);
    if (!gone.b.name.empty()) { restore(steps, gone.ns_b, gone.b, gone.on_b); }
    return steps;
}

std::vector<Step> one(Step step) {
    std::vector<Step> steps;
    steps.push_back(std::move(step));
    return steps;
}

}  // namespace

std::vector<Step> reverse(const Step& step) {
    return std::visit(
        Overload{
            [](const AddNamespace& s) {
                const bool mark_only = s.value.attached && !s.value.attached->marked;
                return mark_only ? std::vector<Step>{} : one(DelNamespace{s.value});
            },
            [](const DelNamespace& s) { return restore_namespace(s.value); },
            [](const AddBridge& s) {
                return one(DelBridge{s.ns, s.value, {}});
            },
            [](const DelBridge& s) {
                auto steps = one(AddBridge{s.ns, bare(s.value)});
                restore(steps, s.ns, s.value, s.on);
                return steps;
            },
            [](const AddVeth& s) {
                return one(DelVeth{s.ns_a, s.a, s.ns_b, s.b, false, {}, {}});
            },
            [](const DelVeth& s) { return restore_veth(s); },
            [](const PlaceInternal& s) {
                return one(UnplaceInternal{s.from, s.ns, s.value, {}, false});
            },
            [](const UnplaceInternal& s) {
                auto steps = one(PlaceInternal{s.from, s.ns, bare(s.value)});
                restore(steps, s.ns, s.value, s.on);
                return steps;
            },
            [](const DelStray&) { return std::vector<Step>{}; },
            [](const SetLink& s) {
                return one(SetLink{s.ns, s.after, s.before});
            },
            [](const AddAddress& s) {
                return one(DelAddress{s.ns, s.device, s.value, false, {}});
            },
            [](const DelAddress& s) {
                std::vector<Step> steps;
                if (!s.leased) { steps.emplace_back(AddAddress{s.ns, s.device, s.value}); }
                for (const Prefix& other : s.siblings) { steps.emplace_back(AddAddress{s.ns, s.device, other}); }
                return steps;
            },
            [](const AddRoute& s) {
                return one(DelRoute{s.ns, s.value});
            },
            [](const DelRoute& s) {
                return one(AddRoute{s.ns, s.value});
            },
            [](const AddNeighbour& s) {
                return one(DelNeighbour{s.ns, s.device, s.address, s.mac});
            },
            [](const DelNeighbour& s) {
                return one(AddNeighbour{s.ns, s.device, s.address, s.mac});
            },
            [](const SetSysctl& s) {
                return one(SetSysctl{s.ns, s.key, s.after, s.before});
            },
            [](const SetShaping& s) {
                return one(SetShaping{s.ns, s.device, s.mtu, s.after, s.before});
            },
            [](const StartOvs& s) { return one(StopOvs{s.value}); },
            [](const StopOvs& s) { return one(StartOvs{s.value}); },
            [](const AddOvsBridge& s) {
                return one(DelOvsBridge{s.value, s.on});
            },
            [](const DelOvsBridge& s) {
                return one(AddOvsBridge{s.value, s.on});
            },
            [](const SetOvsBridge& s) {
                return one(SetOvsBridge{s.after, s.before, s.on});
            },
            [](const AddOvsPort& s) {
                return one(DelOvsPort{s.bridge, s.value, s.on});
            },
            [](const DelOvsPort& s) {
                return one(AddOvsPort{s.bridge, s.value, s.on});
            },
            [](const SetOvsPort& s) {
                return one(SetOvsPort{s.bridge, s.after, s.before, s.on});
            },
            [](const PutFile& s) {
                return s.before ? one(PutFile{s.path, s.after, *s.before}) : one(DelFile{s.path, s.after});
            },
            [](const DelFile& s) {
                return one(PutFile{s.path, std::nullopt, s.before});
            },
            [](const StartProcess& s) { return s.again ? std::vector<Step>{} : one(StopProcess{s.value}); },
            [](const StopProcess& s) {
                return one(StartProcess{s.value, false});
            },
            [](const ReloadProcess& s) {
                return one(ReloadProcess{s.value, !s.on_undo});
            },
            [](const StartKeeper&) { return one(StopKeeper{}); },
            [](const StopKeeper&) { return one(StartKeeper{}); },
        },
        step);
}

}  // namespace warren
