// changes: a plan retold for people. Steps that only serve others (a route taken away and added again, a port
// of a host's that comes with the host) are folded into the change that they serve.
#include "plan/changes.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "plan/teller.hpp"
#include "state/expand.hpp"

namespace warren {
namespace plan_detail {
namespace {

using Kind = Change::Kind;

constexpr const char* kLinkLocal = "fe80:";

// Texts that go and come under one key; what does both has not changed.
struct Turnover {
    std::set<std::string> gone;
    std::set<std::string> come;
};

// Namespaces, addresses, routes, neighbours, sysctls, Open vSwitch itself.
class Rest {
public:
    explicit Rest(Teller& teller) : teller_(teller), observed_(teller.observed), wanted_(teller.wanted) {}

    void run() {
        for (const Step& step : teller_.plan.steps) {
            const auto* stop = std::get_if<StopProcess>(&step);
            if (stop == nullptr || stop->value.role != ProcessRole::dhcp_client) { continue; }
            ended_clients_.insert({stop->value.net_namespace, stop->value.device});
        }
        for (const Step& step : teller_.plan.steps) { collect(step); }
        turnovers();
        sysctls();
    }

private:
    [[nodiscard]] std::string object_of(const std::string& ns) const {
        const std::string host = teller_.host_of(ns);
        if (!host.empty()) { return host; }
        return ns == kMachineNamespace ? "the machine's namespace" : "namespace " + ns;
    }

    // --- addresses, routes, sysctls ----------------------------------------------------------------

    // What lay on a link that comes back as another may not come back with it.
    void gone(const std::string& ns, const Link& link, const OnLink& on) {
        if (teller_.whole(ns)) { return; }
        const auto found = teller_.events.find({ns, link.name});
        if (found == teller_.events.end() || !found->second.replaced()) { return; }
        for (const Prefix& address : link.addresses) { addresses(ns, link.name).gone.insert(address.to_string()); }
        for (const Route& route : on.routes) { route_of(ns, route).gone.insert(route_text(route)); }
        for (const auto& [address, mac] : on.neighbours) {
            neighbour_of(ns, link.name, address).gone.insert(mac.to_string());
        }
    }

    Turnover& addresses(const std::string& ns, const std::string& device) {
        return turnover_[{teller_.name({ns, device}), "address"}];
    }

    Turnover& route_of(const std::string& ns, const Route& route) {
        return turnover_[{object_of(ns), is_gateway(route) ? "gateway" : "route " + route.destination.to_string()}];
    }

    static bool is_gateway(const Route& route) { return route.destination.length == 0 && route.via; }

    static std::string route_text(const Route& route) {
        if (is_gateway(route)) { return route.via->to_string() + " dev " + route.device; }
        return (route.via ? "via " + route.via->to_string() + " " : std::string{}) + "dev " + route.device;
    }

    Turnover& neighbour_of(const std::string& ns, const std::string& device, const IpAddress& address) {
        return turnover_[{teller_.name({ns, device}), "neighbour " + address.to_string()}];
    }

    // Nothing of a host that comes or goes, or of a link that only comes, is told by itself.
    [[nodiscard]] bool told(const std::string& ns, const std::string& device) const {
        if (teller_.whole(ns)) { return true; }
        const auto found = teller_.events.find({ns, device});
        return found != teller_.events.end() && found->second.added && !found->second.removed;
    }

    void client(const Process& process, bool comes) {
        if (process.role != ProcessRole::dhcp_client || teller_.whole(process.net_namespace)) { return; }
        const std::pair key(process.host, process.name);
        if (comes ? observed_.processes.contains(key) : wanted_.processes.contains(key)) { return; }
        const auto event = teller_.events.find({process.net_namespace, process.device});
        const bool with_interface = event != teller_.events.end() && event->second.added != event->second.removed;
        if (with_interface) { return; }
        auto& both = addresses(process.net_namespace, process.device);
        (comes ? both.come : both.gone).insert("dhcp");
    }

    void collect(const Step& step) {
        std::visit(Overload{
                       [&](const AddNamespace& s) { tell_namespace(s.value, true); },
                       [&](const DelNamespace& s) { tell_namespace(s.value, false); },
                       [](const AddBridge&) {},
                       [&](const DelBridge& s) { gone(s.ns, s.value, s.on); },
                       [](const AddVeth&) {},
                       [&](const DelVeth& s) {
                           gone(s.ns_a, s.a, s.on_a);
                           if (!s.b.name.empty()) { gone(s.ns_b, s.b, s.on_b); }
                       },
                       [](const PlaceInternal&) {},
                       [&](const UnplaceInternal& s) { gone(s.ns, s.value, s.on); },
                       [&](const DelStray& s) { gone(s.ns, s.value, s.on); },
                       [](const SetLink&) {},
                       [&](const AddAddress& s) {
                           if (!told(s.ns, s.device)) {
                               addresses(s.ns, s.device).come.insert(s.value.to_string());
                           }
                       },
                       [&](const DelAddress& s) {
                           // Where its client is ended, that is told.
                           if (!s.leased || !ended_clients_.contains({s.ns, s.device})) {
                               addresses(s.ns, s.device).gone.insert(s.value.to_string());
                           }
                       },
                       [&](const AddRoute& s) {
                           if (!teller_.whole(s.ns)) { route_of(s.ns, s.value).come.insert(route_text(s.value)); }
                       },
                       [&](const DelRoute& s) { route_of(s.ns, s.value).gone.insert(route_text(s.value)); },
                       [&](const AddNeighbour& s) {
                           if (!told(s.ns, s.device)) {
                               neighbour_of(s.ns, s.device, s.address).come.insert(s.mac.to_string());
                           }
                       },
                       [&](const DelNeighbour& s) {
                           neighbour_of(s.ns, s.device, s.address).gone.insert(s.mac.to_string());
                       },
                       [&](const SetSysctl& s) {
                           if (!told(s.ns, std::string(sysctl_device(s.key)))) {
                               sysctls_[s.ns][s.key] = {s.before, s.after};
                           }
                       },
                       [](const SetShaping&) {},
                       [&](const StartOvs& s) { started(s.value); },
                       [&](const StopOvs& s) { teller_.say(Kind::removed, "Open vSwitch", {}, s.value.directory); },
                       [](const AddOvsBridge&) {},
                       [](const DelOvsBridge&) {},
                       [](const SetOvsBridge&) {},
                       [](const AddOvsPort&) {},
                       [](const DelOvsPort&) {},
                       [](const SetOvsPort&) {},
                       [](const PutFile&) {},  // changes_files.cpp
                       [](const DelFile&) {},
                       [&](const StartProcess& s) { client(s.value, true); },
                       [&](const StopProcess& s) { client(s.value, false); },
                       [](const ReloadProcess&) {},
                       [](const StartKeeper&) {},  // told where nothing else is
                       [](const StopKeeper&) {},
                   },
                   step);
    }

    void tell_namespace(const Namespace& ns, bool comes) {
        const std::string object = ns.host.empty() ? "namespace " + ns.name : "host " + ns.host;
        std::string summary =
            ns.host.empty() ? "the lab's own, for its switches" : host_summary(teller_, comes, ns.name);
        if (ns.attached) {
            summary =
                fmt::format("attached: {}{}{}", attached_text(*ns.attached), summary.empty() ? "" : "; ", summary);
        }
        if (comes) {
            teller_.say(Kind::added, object, {}, {}, summary);
        } else {
            teller_.say(Kind::removed, object, {}, summary);
        }
    }

    void started(const OvsInstance& ovs) {
        // Bridges that are known of one that does not run: its daemons have died.
        if (!observed_.ovs && !observed_.bridges.empty()) {
            teller_.say(Kind::changed, "Open vSwitch in " + ovs.directory, "state", "dead", "running");
        } else {
            teller_.say(Kind::added, "Open vSwitch", {}, {}, ovs.directory);
        }
    }

    void turnovers() {
        for (const auto& [key, both] : turnover_) {
            std::vector<std::string> gone_only;
            std::vector<std::string> come_only;
            std::set_difference(both.gone.begin(), both.gone.end(), both.come.begin(), both.come.end(),
                                std::back_inserter(gone_only));
            std::set_difference(both.come.begin(), both.come.end(), both.gone.begin(), both.gone.end(),
                                std::back_inserter(come_only));
            hide_link_local(key.first, gone_only, come_only);
            if (gone_only.empty() && come_only.empty()) { continue; }
            const std::vector<std::string> dhcp{"dhcp"};
            if (gone_only.empty() && come_only == dhcp) {
                teller_.say(Kind::added, "dhcp client on " + key.first);
            } else if (come_only.empty() && gone_only == dhcp) {
                teller_.say(Kind::removed, "dhcp client on " + key.first);
            } else {
                teller_.say_if_changed(key.first, key.second, joined(gone_only, ", "), joined(come_only, ", "));
            }
        }
    }

    // The link-local address follows from the MAC and from there being another IPv6 address.
    void hide_link_local(const std::string& object, std::vector<std::string>& gone_only,
                         std::vector<std::string>& come_only) const {
        const auto is_local = [](const std::string& text) { return text.starts_with(kLinkLocal); };
        const auto is_v6 = [&](const std::string& text) {
            return !is_local(text) && text.find(':') != std::string::npos;
        };
        const bool follows = std::any_of(gone_only.begin(), gone_only.end(), is_v6) ||
                             std::any_of(come_only.begin(), come_only.end(), is_v6) ||
                             std::any_of(teller_.out.begin(), teller_.out.end(), [&](const Change& change) {
                                 return change.object == object && change.attribute == "mac";
                             });
        if (!follows) { return; }
        std::erase_if(gone_only, is_local);
        std::erase_if(come_only, is_local);
    }

    // `forwarding:` is one attribute of the file and two of the kernel's.
    void sysctls() {
        static const std::string kV4 = "net.ipv4.ip_forward";
        static const std::string kV6 = "net.ipv6.conf.all.forwarding";
        for (auto& [ns, values] : sysctls_) {
            const auto v4 = values.find(kV4);
            const auto v6 = values.find(kV6);
            if (v4 != values.end() && v6 != values.end() && v4->second == v6->second) {
                const auto word = [](const std::string& value) { return on_off(value == "1"); };
                teller_.say_if_changed(object_of(ns), "forwarding", word(v4->second.first),
                                       word(v4->second.second));
                values.erase(v4);
                values.erase(v6);
            }
            for (const auto& [key, value] : values) {
                teller_.say(Kind::changed, object_of(ns), "sysctl " + key, value.first, value.second);
            }
        }
    }

    Teller& teller_;
    const State& observed_;
    const State& wanted_;
    std::map<std::pair<std::string, std::string>, Turnover> turnover_;  // by object and attribute
    std::map<std::string, std::map<std::string, std::pair<std::string, std::string>>> sysctls_;  // by namespace
    std::set<End> ended_clients_;                                                                // interfaces
};

// The offload of a link follows from what carries it: told only where nothing else explains it.
void hide_offload(std::vector<Change>& out) {
    const bool explained = std::any_of(out.begin(), out.end(), [](const Change& change) {
        return change.object.starts_with("switch ") || change.object.starts_with("link ") ||
               change.attribute == "switch" || change.attribute == "wire" || change.attribute == "to";
    });
    if (!explained) { return; }
    std::erase_if(out, [](const Change& change) { return change.attribute == kOffload; });
}

// Removals, then what comes in the order in which one thing needs the other, then the rest by object.
int rank_of(const Change& change) {
    if (!change.attribute.empty() || change.kind == Kind::changed || change.kind == Kind::replaced) { return 10; }
    if (change.kind == Kind::removed) { return 0; }
    int rank = 1;
    for (const char* first : {"Open vSwitch", "namespace ", "switch ", "host "}) {
        if (change.object.starts_with(first)) { return rank; }
        ++rank;
    }
    return rank;
}

}  // namespace

}  // namespace plan_detail

std::vector<Change> changes(const Plan& plan, const State& observed, const State& wanted) {
    if (plan.empty()) { return {}; }
    plan_detail::Teller teller(plan, observed, wanted);
    plan_detail::tell_links(teller);
    plan_detail::Rest(teller).run();
    plan_detail::hide_offload(teller.out);
    const auto told = plan_detail::tell_processes(teller);
    plan_detail::tell_files(teller, told);
    std::vector<Change>& out = teller.out;
    std::stable_sort(out.begin(), out.end(), [](const Change& a, const Change& b) {
        const int x = plan_detail::rank_of(a);
        const int y = plan_detail::rank_of(b);
        return x != y ? x < y : a.object < b.object;
    });
    if (out.empty()) {
        for (const Step& step : plan.steps) { teller.say(Change::Kind::changed, describe(step)); }
    }
    return std::move(out);
}

std::vector<Change> changes(const State& observed, const State& wanted, const std::string& lab) {
    return changes(diff(observed, wanted, lab).plan, observed, wanted);
}

std::string text(const Change& change) {
    using Kind = Change::Kind;
    const std::string subject = change.attribute.empty() ? change.object : change.object + " " + change.attribute;
    const std::string note = change.note.empty() ? "" : " (" + change.note + ")";
    const auto object = [&](const char* sign, const std::string& what) {
        return sign + change.object + (what.empty() ? "" : " (" + what + ")") + note;
    };
    switch (change.kind) {
        case Kind::added:
            return change.attribute.empty() ? object("+ ", change.after) : subject + " + " + change.after + note;
        case Kind::removed:
            return change.attribute.empty() ? object("- ", change.before) : subject + " - " + change.before + note;
        case Kind::replaced: {
            const std::string why = change.note.empty() ? " (replaced)" : " (replaced: " + change.note + ")";
            if (change.attribute.empty()) { return "~ " + change.object + why; }
            return fmt::format("{} {} → {}{}", subject, change.before, change.after, why);
        }
        case Kind::changed:
            if (change.before.empty() && change.after.empty()) { return "~ " + subject + note; }
            return fmt::format("{} {} → {}{}", subject, change.before.empty() ? "?" : change.before, change.after,
                               note);
    }
    return subject;
}

}  // namespace warren
