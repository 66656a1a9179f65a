// diff, what lies on links: addresses, routes, neighbours, sysctls.
//
// The kernel drops more than it is told to: with an interface's last IPv4 address its routes, with a primary
// address its secondaries, with an interface set down routes, neighbours and IPv6 addresses. So that a plan
// can be undone step by step, all of that is taken away by steps of its own before and added again after.
#include <algorithm>

#include "plan/differ.hpp"

namespace warren::plan_detail {

void Differ::configuration() {
    static const Namespace kNothing;
    side_by_side(observed_.namespaces, wanted_.namespaces,
                 [&](const std::string& name, const Namespace* before, const Namespace* after) {
                     if (blocked_namespaces_.contains(name)) { return; }
                     const bool replaced = replaced_namespaces_.contains(name);
                     if (before != nullptr && (after == nullptr || replaced)) {
                         // Of one that is not the lab's own, what the lab has put there goes.
                         const bool machine = name == kMachineNamespace;
                         if (machine || before->attached) {
                             Namespace nothing;
                             nothing.name = name;
                             configure(nothing, *before);
                         }
                         if (!machine) { remove_namespace(*before); }
                     }
                     if (after != nullptr) {
                         configure(*after, before == nullptr || replaced ? kNothing : *before);
                     }
                 });
}

namespace {

// One of two such addresses is the other's secondary.
bool same_subnet(const Prefix& a, const Prefix& b) {
    return a.address.is_v4() && a.length == b.length && a.network() == b.network();
}

}  // namespace

// A client that is started for another network, subnet or reservation has nothing until it is given that. One that is
// started anew for another reason goes on with what it has.
void Differ::find_stale_leases() {
    const auto asked_for = [](const Process& process) {
        std::set<std::string_view> entries;
        for (const std::string& entry : process.environment) {
            if (entry.starts_with("WARREN_NETWORK=") || entry.starts_with("WARREN_RESERVED=")) {
                entries.insert(entry);
            }
        }
        return entries;
    };
    for (const auto& [key, wanted] : wanted_.processes) {
        if (wanted.role != ProcessRole::dhcp_client) { continue; }
        const auto found = observed_.processes.find(key);
        if (found == observed_.processes.end()) { continue; }
        if (found->second.network != wanted.network || asked_for(found->second) != asked_for(wanted)) {
            stale_leases_.emplace(wanted.net_namespace, wanted.device);
        }
    }
}

Differ::Touched Differ::addresses(const std::string& ns, const Link& observed, const Link& wanted) {
    Touched touched;
    const bool goes_down = observed.up && !wanted.up;
    const bool keeps_lease = wanted.dhcp && !stale_leases_.contains({ns, wanted.name});
    if (observed.addresses == wanted.addresses && (observed.leased.empty() || keeps_lease) && !goes_down) {
        return touched;
    }
    std::set<Prefix> gone;
    const auto take = [&](const Prefix& address) {
        gone.insert(address);
        (address.address.is_v4() ? touched.v4 : touched.v6) = true;
    };
    for (const Prefix& address : observed.addresses) {
        const bool kernels = wanted.kind == LinkKind::loopback && address.address.is_loopback();
        if (!wanted.addresses.contains(address) && !kernels) { take(address); }
        if (goes_down && !address.address.is_v4()) { take(address); }
    }
    if (!keeps_lease) {
        for (const Prefix& address : observed.leased) { take(address); }
    }
    if (goes_down) { touched.v4 = touched.v6 = touched.neighbours = true; }
    // Undoing the first IPv4 address takes the last one away, and the device's routes with it.
    const auto is_v4 = [](const Prefix& address) { return address.address.is_v4(); };
    if (std::none_of(observed.addresses.begin(), observed.addresses.end(), is_v4) &&
        std::none_of(observed.leased.begin(), observed.leased.end(), is_v4) &&
        std::any_of(wanted.addresses.begin(), wanted.addresses.end(), is_v4)) {
        touched.v4 = true;
    }
    // Which of two addresses in a subnet is the primary one is not seen: the other may go with it.
    const std::set<Prefix> first_gone = gone;
    for (const Prefix& address : observed.addresses) {
        if (!address.address.is_v4() || gone.contains(address)) { continue; }
        const bool sibling = std::any_of(first_gone.begin(), first_gone.end(),
                                         [&](const Prefix& other) { return same_subnet(address, other); });
        if (sibling) { take(address); }
    }
    for (auto address = gone.begin(); address != gone.end(); ++address) {
        DelAddress step{ns, wanted.name, *address, !observed.addresses.contains(*address), {}};
        for (auto later = std::next(address); later != gone.end(); ++later) {
            if (same_subnet(*address, *later) && observed.addresses.contains(*later)) {
                step.siblings.insert(*later);
            }
        }
        emit(std::move(step));
    }
    for (const Prefix& address : wanted.addresses) {
        if (!observed.addresses.contains(address) || gone.contains(address)) {
            emit(AddAddress{ns, wanted.name, address});
        }
    }
    return touched;
}

// What it lets through at once depends on the MTU.
void Differ::shape(const std::string& ns, const Link& observed, const Link& wanted) {
    const bool same_mtu = wanted.shaping.empty() || wanted.leased_mtu || observed.mtu == wanted.mtu;
    if (observed.shaping == wanted.shaping && same_mtu) { return; }
    emit(SetShaping{ns, wanted.name, std::max(observed.mtu, wanted.mtu), observed.shaping, wanted.shaping});
}

void Differ::configure(const Namespace& wanted, const Namespace& observed) {
    const std::string& ns = wanted.name;
    static const std::set<std::string> kNone;
    const auto lost_here = lost_.find(ns);
    const auto fresh_here = fresh_.find(ns);
    const std::set<std::string>& lost = lost_here == lost_.end() ? kNone : lost_here->second;
    const std::set<std::string>& fresh = fresh_here == fresh_.end() ? kNone : fresh_here->second;

    std::unordered_map<std::string, Touched> touched;
    side_by_side(observed.links, wanted.links, [&](const std::string& name, const Link* before, const Link* after) {
        if (after == nullptr) { return; }
        const bool stays = before != nullptr && !lost.contains(name) && !fresh.contains(name);
        if (!stays) {
            for (const Prefix& address : after->addresses) { emit(AddAddress{ns, name, address}); }
            if (!after->shaping.empty()) { emit(SetShaping{ns, name, after->mtu, {}, after->shaping}); }
        } else if (kept_.contains(before)) {
            shape(ns, *before, *after);
            const Touched change = addresses(ns, *before, *after);
            if (change.v4 || change.v6) { touched.emplace(name, change); }
        }
    });

    const auto is_touched = [&](const Route& route) {
        const auto found = touched.find(route.device);
        return found != touched.end() && (route.destination.address.is_v4() ? found->second.v4 : found->second.v6);
    };
    // In a namespace that is not the lab's only what lies on a link of the lab's is.
    const bool not_ours = ns == kMachineNamespace || observed.attached.has_value();
    const auto foreign = [&](const std::string& device) { return not_ours && !ours_in(ns, device); };
    if (observed.routes != wanted.routes || !lost.empty() || !touched.empty()) {
        std::vector<Step> on_link_removals;
        for (const Route& route : observed.routes) {
            if (lost.contains(route.device) || foreign(route.device)) { continue; }
            if (wanted.routes.contains(route) && !is_touched(route)) { continue; }
            if (route.via) {
                emit(DelRoute{ns, route});
            } else {
                on_link_removals.emplace_back(DelRoute{ns, route});
            }
        }
        for (Step& step : on_link_removals) { emit(std::move(step)); }
        for (const bool on_link : {true, false}) {
            for (const Route& route : wanted.routes) {
                if (route.via.has_value() == on_link) { continue; }
                if (observed.routes.contains(route) && !lost.contains(route.device) && !is_touched(route)) {
                    continue;
                }
                emit(AddRoute{ns, route});
            }
        }
    }

    const auto neighbours_touched = [&](const std::string& device) {
        const auto found = touched.find(device);
        return found != touched.end() && found->second.neighbours;
    };
    if (observed.neighbours != wanted.neighbours || !lost.empty() || !touched.empty()) {
        for (const auto& [key, mac] : observed.neighbours) {
            if (lost.contains(key.first) || foreign(key.first)) { continue; }
            const auto found = wanted.neighbours.find(key);
            if (found != wanted.neighbours.end() && found->second == mac && !neighbours_touched(key.first)) {
                continue;
            }
            emit(DelNeighbour{ns, key.first, key.second, mac});
        }
        for (const auto& [key, mac] : wanted.neighbours) {
            const auto found = observed.neighbours.find(key);
            const bool there = found != observed.neighbours.end() && found->second == mac;
            if (there && !lost.contains(key.first) && !neighbours_touched(key.first)) { continue; }
            emit(AddNeighbour{ns, key.first, key.second, mac});
        }
    }

    for (const auto& [key, value] : wanted.sysctls) {
        const auto found = observed.sysctls.find(key);
        const std::string device(sysctl_device(key));
        const bool known = found != observed.sysctls.end() && !lost.contains(device);
        if (known && found->second == value) { continue; }
        emit(SetSysctl{ns, key, known ? found->second : std::string{}, value});
    }
}

}  // namespace warren::plan_detail
