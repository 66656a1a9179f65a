// What the chapters of changes() share: hosts, ports and links by name in both states.
#include "plan/teller.hpp"

#include <fmt/format.h>

namespace warren::plan_detail {

using Kind = Change::Kind;

std::string switch_kind(const State& state, const std::string& name) {
    if (state.bridges.contains(name)) { return "ovs"; }
    for (const auto& [ns_name, ns] : state.namespaces) {
        const auto link = ns.links.find(name);
        if (link != ns.links.end() && link->second.kind == LinkKind::bridge) { return "bridge"; }
    }
    return {};
}

const Link* find_link(const State& state, const End& end) { return state.find_link(end.first, end.second); }

std::string on_off(bool on) { return on ? "on" : "off"; }

std::string vlans_text(const std::optional<Vlan>& access, const std::vector<Vlan>& trunk) {
    std::string result;
    if (access) { result = fmt::format("{}", *access); }
    if (!trunk.empty()) { result += fmt::format("{}trunk {}", result.empty() ? "" : " ", fmt::join(trunk, ",")); }
    return result;
}

Teller::Teller(const Plan& plan_, const State& observed_, const State& wanted_)
    : plan(plan_), observed(observed_), wanted(wanted_) {
    ports_[0] = ports_of(observed);
    ports_[1] = ports_of(wanted);
    for (const Step& step : plan.steps) {
        const Namespace* value = nullptr;
        if (const auto* add = std::get_if<AddNamespace>(&step)) { value = &add->value; }
        if (const auto* del = std::get_if<DelNamespace>(&step)) { value = &del->value; }
        if (value == nullptr || value->host.empty()) { continue; }
        whole_.insert(value->name);
        whole_hosts_.insert(value->host);
    }
}

std::map<std::string, PortFacts> Teller::ports_of(const State& state) {
    std::map<std::string, PortFacts> ports;
    const auto is_host = [&](const std::string& ns) {
        const auto found = state.namespaces.find(ns);
        return found != state.namespaces.end() && !found->second.host.empty();
    };
    for (const auto& [ns_name, ns] : state.namespaces) {
        for (const auto& [name, link] : ns.links) {
            if (link.kind == LinkKind::ovs_internal && !ns.host.empty()) { ports[name].end = {ns_name, name}; }
            if (link.kind != LinkKind::veth || !ns.host.empty()) { continue; }
            PortFacts& facts = ports[name];
            facts.sw = link.master;
            if (link.vlans) { facts.vlans = vlans_text(link.vlans->pvid, link.vlans->tagged); }
            if (is_host(link.peer_namespace)) {
                facts.end = {link.peer_namespace, link.peer};
            } else {
                facts.other = link.peer;
            }
        }
    }
    for (const auto& [bridge, value] : state.bridges) {
        for (const auto& [name, row] : value.ports) {
            PortFacts& facts = ports[name];
            facts.sw = bridge;
            facts.vlans = vlans_text(row.tag, row.trunks);
            if (row.type == "patch") { facts.other = row.peer; }
        }
    }
    return ports;
}

void Teller::say(Kind kind, std::string object, std::string attribute, std::string before, std::string after,
                 std::string note) {
    out.push_back(
        {kind, std::move(object), std::move(attribute), std::move(before), std::move(after), std::move(note)});
}

void Teller::say_if_changed(const std::string& object, const std::string& attribute, const std::string& before,
                            const std::string& after, const std::string& note) {
    if (before == after) { return; }
    const Kind kind = before.empty() ? Kind::added : after.empty() ? Kind::removed : Kind::changed;
    say(kind, object, attribute, before, after, note);
}

std::string Teller::host_of(const std::string& ns) const {
    for (const State* state : {&wanted, &observed}) {
        const auto found = state->namespaces.find(ns);
        if (found != state->namespaces.end() && !found->second.host.empty()) { return found->second.host; }
    }
    return {};
}

std::string Teller::name(const End& end) const {
    const std::string host = host_of(end.first);
    if (!host.empty()) { return host + ":" + end.second; }
    for (const bool wanted_first : {true, false}) {
        const PortFacts* facts = port(wanted_first, end.second);
        if (facts != nullptr && !facts->sw.empty()) { return facts->sw + ":" + end.second; }
    }
    const std::string kind = switch_kind(wanted, end.second) + switch_kind(observed, end.second);
    return kind.empty() ? end.second : "switch " + end.second;
}

const PortFacts* Teller::port(bool of_wanted, const std::string& port_name) const {
    const auto& ports = ports_[of_wanted ? 1 : 0];
    const auto found = ports.find(port_name);
    return found == ports.end() ? nullptr : &found->second;
}

}  // namespace warren::plan_detail
