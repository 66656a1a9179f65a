// YAML text → Lab: the form of the file. What the parts mean together is for checks.cpp, which runs last.
#include <fmt/format.h>

#include "lab/fields.hpp"
#include "lab/lab_file.hpp"

namespace warren {
namespace {

class Reader {
public:
    explicit Reader(Diagnostics& diagnostics) : values_(diagnostics) {}

    Lab read(const YamlNode& root) {
        if (root.kind != YamlNode::Kind::map) {
            values_.mistake(root.at, "the file must be a mapping", "a lab begins with 'lab: NAME'");
            return {};
        }
        Fields fields(values_, root, "lab", "the file", lab_.places);
        if (const auto* node = fields.need("lab", "give the lab a name: 'lab: NAME'")) {
            lab_.name = values_.text(*node, "lab").value_or("");
        }
        if (const auto* node = fields.find("root")) {
            lab_.root = values_.word(*node, "root", kRoots).value_or(lab_.root);
        }
        if (const auto* node = fields.find("defaults")) { read_defaults(*node); }
        if (const auto* node = fields.find("switches")) {
            lab_.switches.reserve(node->entries.size());
            values_.map(*node, "switches", [&](const YamlEntry& entry) { read_switch(entry); });
        }
        if (const auto* node = fields.find("networks")) {
            lab_.networks.reserve(node->entries.size());
            values_.map(*node, "networks", [&](const YamlEntry& entry) { read_network(entry); });
        }
        if (const auto* node = fields.find("hosts")) {
            lab_.hosts.reserve(node->entries.size());
            values_.map(*node, "hosts", [&](const YamlEntry& entry) { read_host(entry); });
        }
        if (const auto* node = fields.find("links")) {
            values_.list(*node, "links", [&](const YamlNode& item) { read_link(item); });
        }
        if (const auto* node = fields.find("expect")) {
            values_.list(*node, "expect", [&](const YamlNode& item) { read_expectation(item); });
        }
        return std::move(lab_);
    }

private:
    static std::string named(std::string_view kind, const std::string& name) {
        return fmt::format("{} {}", kind, quoted_for_message(name));
    }

    void read_defaults(const YamlNode& node) {
        Defaults& defaults = lab_.defaults;
        Fields fields(values_, node, "defaults", "defaults", defaults.places);
        Places places;
        if (const auto* part = fields.find("switch")) {
            Fields own(values_, *part, "default-switch", "defaults for switches", places);
            read_word(own, "kind", kSwitchKinds, defaults.switch_kind);
            if (const auto* value = own.find("stp")) { defaults.switch_stp = values_.boolean(*value, "stp"); }
            read_word(own, "datapath", kDatapaths, defaults.switch_datapath);
            read_word(own, "fail-mode", kFailModes, defaults.switch_fail_mode);
        }
        if (const auto* part = fields.find("interface")) {
            Fields own(values_, *part, "default-interface", "defaults for interfaces", places);
            defaults.interface_mtu = read_mtu(own);
            read_word(own, "wire", kWires, defaults.interface_wire);
            read_impairments(own, defaults.interface_impairments);
        }
        if (const auto* part = fields.find("host")) {
            Fields own(values_, *part, "default-host", "defaults for hosts", defaults.places);
            if (const auto* value = own.find("forwarding")) {
                defaults.host_forwarding = values_.boolean(*value, "forwarding");
            }
            read_ips(own, "gateway", defaults.host_gateways, defaults.places);
            read_ips(own, "dns", defaults.host_dns, defaults.places);
            read_sysctls(own, defaults.host_sysctls, defaults.places);
        }
    }

    template <class T, std::size_t N>
    void read_word(Fields& fields, std::string_view key, const std::array<Word<T>, N>& words,
                   std::optional<T>& into) {
        if (const auto* node = fields.find(key)) { into = values_.word(*node, key, words); }
    }

    void read_text(Fields& fields, std::string_view key, std::optional<std::string>& into) {
        if (const auto* node = fields.find(key)) { into = values_.text(*node, key); }
    }

    std::optional<std::uint32_t> read_mtu(Fields& fields) {
        const auto* node = fields.find("mtu");
        if (node == nullptr) { return std::nullopt; }
        const auto value = values_.number(*node, "mtu", 68, 65535);
        return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
    }

    // A value for both directions, or a mapping with one for each.
    void read_impairments(Fields& fields, LinkImpairments& into) {
        for (const auto key : kImpairmentKeys) {
            const auto* node = fields.find(key);
            if (node == nullptr) { continue; }
            if (node->kind != YamlNode::Kind::map) {
                Impairments both;
                read_impairment(*node, key, key, both);
                into = {with_defaults(into.out, both), with_defaults(into.in, both)};
                continue;
            }
            Places places;
            Fields ways(values_, *node, "directions", fmt::format("'{}'", key), places);
            if (const auto* out = ways.find("out")) {
                read_impairment(*out, key, fmt::format("'out' of '{}'", key), into.out);
            }
            if (const auto* in = ways.find("in")) {
                read_impairment(*in, key, fmt::format("'in' of '{}'", key), into.in);
            }
        }
    }

    void read_impairment(const YamlNode& node, std::string_view key, std::string_view what, Impairments& into) {
        const auto text = values_.text(node, what);
        if (!text) { return; }
        if (const auto set = set_impairment(into, key, *text); !set) {
            values_.mistake(node.at, fmt::format("{}: {}", what, set.error().reason), set.error().hint);
        }
    }

    void read_ips(Fields& fields, std::string_view key, std::vector<IpAddress>& into, Places& places) {
        const auto* node = fields.find(key);
        if (node == nullptr) { return; }
        values_.one_or_list(*node, key, [&](const YamlNode& item) {
            if (const auto address = values_.ip(item, key)) {
                places.put(fmt::format("{}/{}", key, into.size()), item.at, item.at);
                into.push_back(*address);
            }
        });
    }

    void read_sysctls(Fields& fields, std::map<std::string, std::string>& into, Places& places) {
        const auto* node = fields.find("sysctls");
        if (node == nullptr) { return; }
        values_.map(*node, "sysctls", [&](const YamlEntry& entry) {
            places.put("sysctls/" + entry.key, entry.key_at, entry.value.at);
            if (const auto value = values_.text(entry.value, entry.key)) { into[entry.key] = *value; }
        });
    }

    void read_routes(Fields& fields, std::map<Prefix, IpAddress>& into, Places& places) {
        const auto* node = fields.find("routes");
        if (node == nullptr) { return; }
        values_.map(*node, "routes", [&](const YamlEntry& entry) {
            const auto via = values_.ip(entry.value, "routes");
            std::optional<Prefix> destination;
            if (entry.key == "default") {
                if (via) { destination = Prefix{*IpAddress::parse(via->is_v4() ? "0.0.0.0" : "::"), 0}; }
            } else {
                destination = values_.prefix(entry.key, entry.key_at, "routes");
            }
            if (!destination || !via) { return; }
            const std::string part = "routes/" + destination->to_string();
            if (!into.try_emplace(*destination, *via).second) {
                values_.mistake(entry.key_at, fmt::format("a second route to {}", destination->to_string()),
                                fmt::format("the first is in line {}", places.key(part, entry.key_at).line));
                return;
            }
            places.put(part, entry.key_at, entry.value.at);
        });
    }

    void read_vlans(Fields& fields, std::optional<Vlan>& vlan, std::vector<Vlan>& trunk, Places& places) {
        if (const auto* node = fields.find("vlan")) { vlan = values_.vlan(*node, "VLAN"); }
        const auto* node = fields.find("trunk");
        if (node == nullptr) { return; }
        values_.one_or_list(*node, "trunk", [&](const YamlNode& item) {
            if (const auto value = values_.vlan(item, "VLAN")) {
                places.put(fmt::format("trunk/{}", trunk.size()), item.at, item.at);
                trunk.push_back(*value);
            }
        });
    }

    void read_switch(const YamlEntry& entry) {
        Switch& sw = lab_.switches.emplace_back();
        sw.at = {entry.key_at};
        sw.name = entry.key;
        Fields fields(values_, entry.value, "switch", named("switch", entry.key), sw.places);
        read_word(fields, "kind", kSwitchKinds, sw.kind);
        if (const auto* node = fields.find("stp")) { sw.stp = values_.boolean(*node, "stp"); }
        read_word(fields, "datapath", kDatapaths, sw.datapath);
        read_text(fields, "controller", sw.controller);
        read_word(fields, "fail-mode", kFailModes, sw.fail_mode);
        if (const auto* node = fields.find("protocols")) {
            values_.one_or_list(*node, "protocols", [&](const YamlNode& item) {
                if (const auto value = values_.text(item, "protocols")) {
                    sw.places.put(fmt::format("protocols/{}", sw.protocols.size()), item.at, item.at);
                    sw.protocols.push_back(*value);
                }
            });
        }
        read_text(fields, "dpid", sw.dpid);
    }

    void read_network(const YamlEntry& entry) {
        Network& network = lab_.networks.emplace_back();
        network.at = {entry.key_at};
        network.name = entry.key;
        Fields fields(values_, entry.value, "network", named("network", entry.key), network.places);
        if (const auto* node = fields.need("switch", "name the switch that it is on: 'switch: NAME'")) {
            network.switch_name = values_.text(*node, "switch").value_or("");
        }
        if (const auto* node = fields.find("vlan")) { network.vlan = values_.vlan(*node, "VLAN"); }
        if (const auto* node = fields.find("subnet")) { network.subnet = values_.prefix(*node, "subnet"); }
        if (const auto* node = fields.find("dhcp")) {
            network.dhcp = read_dhcp(*node, entry);
            network.dhcp->at = {network.places.key("dhcp", entry.key_at)};
        }
    }

    Dhcp read_dhcp(const YamlNode& node, const YamlEntry& network) {
        Dhcp dhcp;
        Fields fields(values_, node, "dhcp", "dhcp of " + named("network", network.key), dhcp.places);
        read_text(fields, "host", dhcp.host);
        read_text(fields, "interface", dhcp.interface);
        if (const auto* value = fields.find("address")) { dhcp.address = values_.prefix(*value, "address"); }
        if (const auto* value = fields.find("range")) { dhcp.range = read_range(*value); }
        if (const auto* value = fields.find("lease-time")) {
            if (const auto time = values_.duration(*value, "lease-time")) {
                dhcp.lease_time = std::chrono::duration_cast<std::chrono::seconds>(*time);
                if (*dhcp.lease_time != *time) {
                    values_.mistake(value->at, "lease-time must be whole seconds");
                    dhcp.lease_time.reset();
                }
            }
        }
        if (const auto* value = fields.find("gateway")) { dhcp.gateway = values_.ip(*value, "gateway"); }
        read_ips(fields, "dns", dhcp.dns, dhcp.places);
        if (const auto* value = fields.find("options")) {
            values_.map(*value, "options", [&](const YamlEntry& entry) {
                YamlNode code;
                code.at = entry.key_at;
                code.text = entry.key;
                const auto number = values_.number(code, "option code", 1, 254);
                const auto text = values_.text(entry.value, "option " + entry.key);
                dhcp.places.put("options/" + entry.key, entry.key_at, entry.value.at);
                if (number && text) { dhcp.options[static_cast<std::uint8_t>(*number)] = *text; }
            });
        }
        if (const auto* value = fields.find("reservations")) {
            values_.map(*value, "reservations", [&](const YamlEntry& entry) {
                dhcp.places.put("reservations/" + entry.key, entry.key_at, entry.value.at);
                if (const auto address = values_.ip(entry.value, "reservations")) {
                    dhcp.reservations[entry.key] = *address;
                }
            });
        }
        return dhcp;
    }

    std::optional<AddressRange> read_range(const YamlNode& node) {
        const auto text = values_.text(node, "range");
        if (!text) { return std::nullopt; }
        const std::size_t dash = text->find('-');
        const auto first = IpAddress::parse(text->substr(0, dash));
        const auto last = dash == std::string::npos ? std::nullopt : IpAddress::parse(text->substr(dash + 1));
        if (!first || !last) {
            values_.mistake(node.at, fmt::format("range: {} is not FIRST-LAST", quoted_for_message(*text)),
                            "as in 10.0.0.10-10.0.0.100");
            return std::nullopt;
        }
        return AddressRange{*first, *last};
    }

    void read_host(const YamlEntry& entry) {
        Host& host = lab_.hosts.emplace_back();
        host.at = {entry.key_at};
        host.name = entry.key;
        Fields fields(values_, entry.value, "host", named("host", entry.key), host.places);
        if (const auto* node = fields.find("attach")) {
            Attach attach = read_attach(host, *node);
            if (node->kind == YamlNode::Kind::map || node->is_null()) { host.attach = std::move(attach); }
        }
        if (const auto* node = fields.find("interfaces")) {
            values_.map(*node, "interfaces", [&](const YamlEntry& interface) { read_interface(host, interface); });
        }
        read_ips(fields, "gateway", host.gateways, host.places);
        read_routes(fields, host.routes, host.places);
        if (const auto* node = fields.find("neighbours")) {
            values_.map(*node, "neighbours", [&](const YamlEntry& neighbour) { read_neighbour(host, neighbour); });
        }
        if (const auto* node = fields.find("forwarding")) {
            host.forwarding = values_.boolean(*node, "forwarding");
        }
        read_sysctls(fields, host.sysctls, host.places);
        read_ips(fields, "dns", host.dns, host.places);
        if (const auto* node = fields.find("run")) {
            values_.list(*node, "run", [&](const YamlNode& item) { read_service(host, item); });
        }
    }

    // What is wrong with both or none of its keys the checks say.
    Attach read_attach(Host& host, const YamlNode& node) {
        constexpr std::uint64_t kLastPid = 4'194'304;  // PID_MAX_LIMIT of proc(5)
        Attach attach;
        Places places;
        Fields fields(values_, node, "attach", fmt::format("attach of host {}", quoted_for_message(host.name)),
                      places);
        if (const auto* value = fields.find("pid")) {
            host.places.put("attach/pid", value->at, value->at);
            if (const auto pid = values_.number(*value, "pid", 1, kLastPid)) {
                attach.pid = static_cast<int>(*pid);
            }
        }
        if (const auto* value = fields.find("netns")) {
            host.places.put("attach/netns", value->at, value->at);
            attach.netns = values_.text(*value, "netns");
        }
        return attach;
    }

    void read_neighbour(Host& host, const YamlEntry& entry) {
        const auto address = values_.ip(entry.key, entry.key_at, "neighbours");
        const auto mac = values_.mac(entry.value, "neighbours");
        if (!address || !mac) { return; }
        const std::string part = "neighbours/" + address->to_string();
        if (!host.neighbours.try_emplace(*address, *mac).second) {
            values_.mistake(entry.key_at, fmt::format("a second neighbour {}", address->to_string()),
                            fmt::format("the first is in line {}", host.places.key(part, entry.key_at).line));
            return;
        }
        host.places.put(part, entry.key_at, entry.value.at);
    }

    // "NODE" or "NODE:PORT".
    std::optional<Target> read_target(const YamlNode& node, std::string_view what) {
        const auto text = values_.text(node, what);
        if (!text) { return std::nullopt; }
        const std::size_t colon = text->find(':');
        Target target;
        target.node = text->substr(0, colon);
        if (colon != std::string::npos) { target.port = text->substr(colon + 1); }
        if (target.node.empty() || (target.port && target.port->empty())) {
            values_.mistake(node.at, fmt::format("{}: {} lacks a name", what, quoted_for_message(*text)),
                            "as in NAME or NAME:PORT");
            return std::nullopt;
        }
        return target;
    }

    void read_interface(Host& host, const YamlEntry& entry) {
        Interface& interface = host.interfaces.emplace_back();
        interface.at = {entry.key_at};
        interface.name = entry.key;
        Fields fields(values_, entry.value, "interface",
                      fmt::format("interface {}", quoted_for_message(host.name + ":" + entry.key)),
                      interface.places);
        if (entry.value.kind != YamlNode::Kind::map && !entry.value.is_null()) {
            interface.places.put("to", entry.key_at, entry.value.at);  // what it is tied to cannot be known
        }
        if (const auto* node = fields.find("to")) { interface.to = read_target(*node, "to"); }
        read_text(fields, "network", interface.network);
        read_text(fields, "peer", interface.peer);
        read_vlans(fields, interface.vlan, interface.trunk, interface.places);
        if (const auto* node = fields.find("address")) {
            values_.one_or_list(*node, "address", [&](const YamlNode& item) { read_address(interface, item); });
        }
        if (const auto* node = fields.find("mac")) { interface.mac = values_.mac(*node, "mac"); }
        interface.mtu = read_mtu(fields);
        read_word(fields, "wire", kWires, interface.wire);
        read_word(fields, "state", kLinkStates, interface.up);
        read_impairments(fields, interface.impairments);
        read_routes(fields, interface.routes, interface.places);
    }

    void read_address(Interface& interface, const YamlNode& node) {
        if (node.kind == YamlNode::Kind::scalar && node.text == "dhcp") {
            if (interface.dhcp) { values_.mistake(node.at, "address: dhcp is written twice"); }
            interface.dhcp = true;
            return;
        }
        if (node.kind == YamlNode::Kind::scalar && (node.text == "DHCP" || node.text == "auto")) {
            values_.mistake(node.at, fmt::format("address: unknown word '{}'", node.text), "did you mean 'dhcp'?");
            return;
        }
        if (const auto address = values_.prefix(node, "address")) {
            interface.places.put(fmt::format("address/{}", interface.addresses.size()), node.at, node.at);
            interface.addresses.push_back(*address);
        }
    }

    void read_service(Host& host, const YamlNode& node) {
        Service& service = host.run.emplace_back();
        service.at = {node.at};
        const std::string what = "an entry of 'run' of " + named("host", host.name);
        Fields fields(values_, node, "service", what, service.places);
        if (const auto* value = fields.need("name", "as in {name: web, command: \"python3 -m http.server\"}")) {
            service.name = values_.text(*value, "name").value_or("");
        }
        if (const auto* value = fields.need("command", "a command line, or a list of program and arguments")) {
            if (value->kind == YamlNode::Kind::list && value->items.empty()) {
                values_.mistake(value->at, "command is an empty list", "its first element names the program");
            } else if (value->kind == YamlNode::Kind::list) {
                values_.list(*value, "command", [&](const YamlNode& item) {
                    if (const auto word = argument(item)) { service.command.push_back(*word); }
                });
            } else if (const auto line = values_.text(*value, "command")) {
                service.command = {"sh", "-c", *line};
            }
        }
        read_word(fields, "restart", kRestarts, service.restart);
    }

    // Unlike other words an argument may be empty.
    std::optional<std::string> argument(const YamlNode& item) {
        if (item.kind == YamlNode::Kind::scalar && item.quoted && item.text.empty()) { return ""; }
        return values_.text(item, "command");
    }

    void read_link(const YamlNode& node) {
        CableLink& link = lab_.links.emplace_back();
        link.at = {node.at};
        Fields fields(values_, node, "link", "an entry of 'links'", link.places);
        if (const auto* value = fields.need("ends", "as in {ends: [s1, s2]}")) { read_ends(link, *value); }
        read_vlans(fields, link.vlan, link.trunk, link.places);
        link.mtu = read_mtu(fields);
        read_word(fields, "state", kLinkStates, link.up);
        read_impairments(fields, link.impairments);
    }

    void read_ends(CableLink& link, const YamlNode& node) {
        std::vector<LinkEnd> ends;
        values_.list(node, "ends", [&](const YamlNode& item) {
            link.places.put(fmt::format("ends/{}", ends.size()), item.at, item.at);
            const auto end = read_target(item, "ends");
            ends.push_back(end ? LinkEnd{end->node, end->port} : LinkEnd{});
        });
        if (node.kind == YamlNode::Kind::list && !ends.empty() && ends.size() != 2) {
            values_.mistake(node.at, fmt::format("a link has two ends, not {}", ends.size()), "as in [s1, s2]");
            return;
        }
        if (ends.size() == 2) {
            link.a = ends[0];
            link.b = ends[1];
        }
    }

    void read_expectation(const YamlNode& node) {
        Places places;
        Fields fields(values_, node, "expectation", "an entry of 'expect'", places);
        if (node.kind != YamlNode::Kind::map) {
            if (node.is_null()) { values_.mistake(node.at, "an entry of 'expect' is empty", kExpectationHint); }
            return;
        }
        if (node.entries.size() != 1) {
            values_.mistake(node.at,
                            fmt::format("an entry of 'expect' says one thing, not {}", node.entries.size()),
                            kExpectationHint);
        }
        if (const auto* value = fields.find("reach")) { read_reach(*value, node.at); }
        if (const auto* value = fields.find("isolate")) { read_isolate(*value, node.at); }
        if (const auto* value = fields.find("lease")) { read_lease(*value, node.at); }
    }

    std::string needed_text(Fields& fields, std::string_view key) {
        const auto* node = fields.need(key, "");
        return node == nullptr ? "" : values_.text(*node, key).value_or("");
    }

    void read_within(Fields& fields, Expectation& expectation) {
        if (const auto* node = fields.find("within")) { expectation.within = values_.duration(*node, "within"); }
    }

    void read_reach(const YamlNode& node, Position at) {
        Expectation& expectation = lab_.expect.emplace_back();
        expectation.at = {at};
        Fields fields(values_, node, "reach", "'reach'", expectation.places);
        ReachExpectation reach;
        reach.from = needed_text(fields, "from");
        reach.to = needed_text(fields, "to");
        if (const auto* value = fields.find("tcp")) {
            if (const auto port = values_.number(*value, "TCP port", 1, 65535)) {
                reach.tcp = static_cast<std::uint16_t>(*port);
            }
        }
        read_within(fields, expectation);
        expectation.what = std::move(reach);
    }

    void read_isolate(const YamlNode& node, Position at) {
        Expectation& expectation = lab_.expect.emplace_back();
        expectation.at = {at};
        Fields fields(values_, node, "isolate", "'isolate'", expectation.places);
        IsolateExpectation isolate;
        isolate.from = needed_text(fields, "from");
        isolate.to = needed_text(fields, "to");
        read_within(fields, expectation);
        expectation.what = std::move(isolate);
    }

    void read_lease(const YamlNode& node, Position at) {
        Expectation& expectation = lab_.expect.emplace_back();
        expectation.at = {at};
        Fields fields(values_, node, "lease", "'lease'", expectation.places);
        LeaseExpectation lease;
        lease.host = needed_text(fields, "host");
        lease.network = needed_text(fields, "network");
        read_within(fields, expectation);
        expectation.what = std::move(lease);
    }

    static constexpr const char* kExpectationHint = "as in 'reach: {from: HOST, to: HOST}'";

    ValueReader values_;
    Lab lab_;
};

}  // namespace

Lab read_lab(std::string_view text, Diagnostics& diagnostics) {
    if (text.size() > kLargestLabFile) {
        diagnostics.add({1, 1}, fmt::format("the file is larger than {} MiB", kLargestLabFile >> 20U),
                        "make several labs of it");
        return {};
    }
    const auto root = compose_yaml(text, diagnostics);
    if (!root) { return {}; }
    if (root->kind != YamlNode::Kind::map) { return Reader(diagnostics).read(*root); }
    Lab lab = Reader(diagnostics).read(*root);
    check_lab(lab, diagnostics);
    return lab;
}

}  // namespace warren
