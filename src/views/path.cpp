// The report of `doctor --path`.
#include "views/path.hpp"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "views/doctor.hpp"
#include "views/show.hpp"

namespace warren {
namespace {

namespace json = boost::json;
using Kind = PathPart::Kind;

std::string kind_of(const PathPart& part) {
    switch (part.kind) {
        case Kind::interface:
            return "interface";
        case Kind::bridge:
            return "bridge";
        case Kind::ovs:
            return "ovs";
        case Kind::router:
            return "router";
    }
    return {};
}

std::string vlans_of(const PathPart& part) {
    std::string text;
    if (part.vlan) { text = fmt::format("vlan {}", *part.vlan); }
    for (std::size_t i = 0; i < part.trunk.size(); ++i) {
        text += fmt::format("{}{}", i > 0 ? "," : text.empty() ? "trunk " : " trunk ", part.trunk[i]);
    }
    return text;
}

// "MTU 1500, noqueue, vlan 100, checksum offload off"
std::string details_of(const PathPart& part) {
    if (part.kind == Kind::ovs) {
        return "Open vSwitch, " + std::string(part.datapath == "netdev" ? "userspace" : "kernel") + " datapath";
    }
    if (part.kind == Kind::bridge) {
        return std::string("Linux bridge") + (part.bridge_netfilter ? ", bridge-nf-call-iptables on" : "");
    }
    if (part.kind == Kind::router) { return "router"; }
    std::string text = part.mtu == 0 ? "patch port" : fmt::format("MTU {}, {}", part.mtu, part.queue);
    if (const std::string vlans = vlans_of(part); !vlans.empty()) { text += ", " + vlans; }
    if (part.mtu == 0) { return text; }
    const std::pair<bool, const char*> offloads[] = {
        {part.tx_checksum, "checksum"}, {part.segmentation, "segmentation"}, {part.gro, "receive"}};
    std::string on;
    for (const auto& [is_on, name] : offloads) {
        if (is_on) { on += (on.empty() ? "" : "+") + std::string(name); }
    }
    return text + (on.empty() ? ", no offload" : ", " + on + " offload");
}

std::vector<std::string> row(const std::string& name, const Rates& rates) {
    return {name, fmt::format("{:.2f}", rates.gigabits), fmt::format("{:.0f}", rates.datagrams / 1000),
            fmt::format("{:.0f}", rates.datagrams_sent / 1000), fmt::format("{:.1f}", rates.round_trips / 1000)};
}

json::object object_of(const Rates& rates) {
    return {{"tcp_gbit_per_second", rates.gigabits},
            {"udp_packets_per_second", rates.datagrams},
            {"udp_packets_sent_per_second", rates.datagrams_sent},
            {"round_trips_per_second", rates.round_trips}};
}

}  // namespace

std::string path_text(const PathReport& report, const std::string& from, const std::string& to) {
    std::vector<std::vector<std::string>> parts;
    for (const auto& part : report.parts) {
        const std::string place =
            part.kind != Kind::interface || part.net_namespace.empty() ? "" : part.net_namespace + ":";
        parts.push_back({(part.kind == Kind::interface ? "  " : "") + place + part.name, details_of(part)});
    }
    std::string out = fmt::format("{} → {} ({})\n", from, to, report.address) + table(parts) + "\n";
    std::vector<std::vector<std::string>> rates{{"", "TCP Gbit/s", "UDP kpps", "of sent", "round trips k/s"},
                                                row("this path", report.path),
                                                row("direct veth pair", report.direct)};
    if (report.bridge) { rates.push_back(row("Linux bridge", *report.bridge)); }
    out += table(rates) + "\n";
    for (const auto& limit : report.limits) { out += paragraph("- ", 2, limit.text); }
    return out;
}

std::string path_json(const PathReport& report, const std::string& lab, const std::string& from,
                      const std::string& to) {
    json::array parts;
    for (const auto& part : report.parts) {
        json::object one{{"kind", kind_of(part)}, {"name", part.name}, {"namespace", part.net_namespace}};
        if (part.kind == Kind::interface) {
            one["vlan"] = part.vlan ? json::value(*part.vlan) : json::value(nullptr);
            one["trunk"] = json::array(part.trunk.begin(), part.trunk.end());
        }
        if (part.kind == Kind::interface && part.mtu != 0) {
            one["mtu"] = part.mtu;
            one["queue"] = part.queue;
            one["offloads"] = json::object{
                {"checksum", part.tx_checksum}, {"segmentation", part.segmentation}, {"receive", part.gro}};
        }
        if (part.kind == Kind::ovs) { one["datapath"] = part.datapath; }
        if (part.kind == Kind::bridge) { one["bridge_netfilter"] = part.bridge_netfilter; }
        parts.push_back(std::move(one));
    }
    json::array limits;
    for (const auto& limit : report.limits) {
        limits.push_back(json::object{{"kind", limit.kind}, {"where", limit.where}, {"text", limit.text}});
    }
    json::object measured{{"path", object_of(report.path)}, {"direct", object_of(report.direct)}};
    if (report.bridge) { measured["bridge"] = object_of(*report.bridge); }
    if (report.direct_large > 0) { measured["direct_mtu_9000_tcp_gbit_per_second"] = report.direct_large; }
    return json::serialize(json::object{{"lab", lab},
                                        {"from", from},
                                        {"to", to},
                                        {"address", report.address},
                                        {"path", std::move(parts)},
                                        {"measured", std::move(measured)},
                                        {"processors", report.processors},
                                        {"busy", report.busy},
                                        {"limits", std::move(limits)}});
}

}  // namespace warren
