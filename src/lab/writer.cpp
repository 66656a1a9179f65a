// Lab → YAML text, as a person would write it. Called by generators and by whoever saves a lab.
#include <algorithm>

#include <fmt/format.h>

#include "lab/fields.hpp"
#include "lab/keys.hpp"
#include "lab/lab_file.hpp"

namespace warren {
namespace {

// A YAML tree to be written: a scalar's finished text, a list, or a mapping.
struct Part;
struct Doc {
    enum class Kind { scalar, list, map };
    Kind kind;
    std::string text;
    std::vector<Part> parts;

    Doc();
    Doc(Kind kind_, std::string text_);
    [[nodiscard]] bool empty() const;
    Doc& add(std::string key, Doc value);
    void add_if_any(std::string key, Doc value);
};

struct Part {
    std::string key;  // empty in a list
    Doc value;
};

Doc::Doc() : kind(Kind::map) {}
Doc::Doc(Kind kind_, std::string text_) : kind(kind_), text(std::move(text_)) {}
bool Doc::empty() const { return kind != Kind::scalar && parts.empty(); }
Doc& Doc::add(std::string key, Doc value) {
    parts.push_back({std::move(key), std::move(value)});
    return parts.back().value;
}
void Doc::add_if_any(std::string key, Doc value) {
    if (!value.empty()) { add(std::move(key), std::move(value)); }
}

bool is_plain(std::string_view text) {
    if (text.empty() || text == "." || text == "..") { return false; }
    const char first = text.front();
    const bool starts = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') ||
                        (first >= '0' && first <= '9') || first == '/' || first == '_' || first == '.';
    if (!starts) { return false; }
    for (const char c : text) {
        const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && std::string_view("._-/+@").find(c) == std::string_view::npos) { return false; }
    }
    static constexpr std::array<std::string_view, 25> kWords{
        "null", "Null", "NULL", "true", "True", "TRUE", "false", "False", "FALSE", "yes", "Yes", "YES", "no",
        "No",   "NO",   "on",   "On",   "ON",   "off",  "Off",   "OFF",   "y",     "Y",   "n",   "N"};
    return std::find(kWords.begin(), kWords.end(), text) == kWords.end();
}

// The bytes and the code point of the UTF-8 sequence at the front of TEXT, which is valid.
std::pair<std::size_t, unsigned> front_character(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (length == 1 || length > text.size()) { return {1, first}; }
    unsigned code = first & (0xffU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) { code = code << 6U | (static_cast<unsigned char>(text[i]) & 0x3fU); }
    return {length, code};
}

std::string quoted(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const auto [length, code] = front_character(text);
        if (code == '"' || code == '\\') {
            out += '\\';
            out += text.front();
        } else if (code == '\n') {
            out += "\\n";
        } else if (code == '\t') {
            out += "\\t";
        } else if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            out += fmt::format("\\x{:02x}", code);
        } else if (code == 0x2028 || code == 0x2029 || code == 0xfeff || (code >= 0xfffe && code <= 0xffff)) {
            out += fmt::format("\\u{:04x}", code);  // line breaks of YAML, and what its readers refuse
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return out + '"';
}

bool is_numeric(std::string_view text) {
    return text.find_first_not_of("0123456789.+-_eExX") == std::string_view::npos;
}

Doc scalar(std::string text) { return {Doc::Kind::scalar, std::move(text)}; }
// Text that other readers of YAML must not take for a number.
Doc word(std::string_view text) {
    return scalar(is_plain(text) && !is_numeric(text) ? std::string(text) : quoted(text));
}
// Text that may be a number.
Doc value(std::string_view text) { return scalar(is_plain(text) ? std::string(text) : quoted(text)); }
std::string key_text(std::string_view text) { return is_plain(text) ? std::string(text) : quoted(text); }
Doc boolean(bool flag) { return scalar(flag ? "true" : "false"); }
Doc number(std::uint64_t count) { return scalar(std::to_string(count)); }
// IP addresses and prefixes: with colons they go in quotes.
template <class T>
Doc address(const T& thing) {
    const std::string text = thing.to_string();
    return scalar(text.find(':') == std::string::npos ? text : quoted(text));
}

Doc list() { return {Doc::Kind::list, {}}; }

// One value alone, or a list of several; nothing where there are none.
template <class T, class Write>
void add_some(Doc& map, const char* key, const std::vector<T>& things, Write write) {
    if (things.empty()) { return; }
    if (things.size() == 1) {
        map.add(key, write(things.front()));
        return;
    }
    Doc& items = map.add(key, list());
    for (const auto& thing : things) { items.add("", write(thing)); }
}

void add_ips(Doc& map, const char* key, const std::vector<IpAddress>& ips) {
    add_some(map, key, ips, [](const IpAddress& ip) { return address(ip); });
}

void add_routes(Doc& map, const std::map<Prefix, IpAddress>& routes) {
    Doc entries;
    for (const auto& [destination, via] : routes) {
        // `default` can stand once; the other family's is written out.
        const bool any =
            destination.length == 0 && destination.address.is_v4() == via.is_v4() && !destination.has_host_bits();
        const bool taken = !entries.parts.empty() && entries.parts.front().key == "default";
        entries.add(any && !taken ? "default" : address(destination).text, address(via));
    }
    map.add_if_any("routes", std::move(entries));
}

void add_sysctls(Doc& map, const std::map<std::string, std::string>& sysctls) {
    Doc entries;
    for (const auto& [key, text] : sysctls) { entries.add(key_text(key), value(text)); }
    map.add_if_any("sysctls", std::move(entries));
}

template <class T, std::size_t N>
void add_word(Doc& map, const char* key, const std::optional<T>& choice, const std::array<Word<T>, N>& words) {
    if (choice) { map.add(key, scalar(std::string(word_for(words, *choice)))); }
}

template <class T>
void add_vlans(Doc& map, const T& thing) {
    if (thing.vlan) { map.add("vlan", number(*thing.vlan)); }
    if (thing.trunk.empty()) { return; }
    Doc& items = map.add("trunk", list());
    for (const Vlan vlan : thing.trunk) { items.add("", number(vlan)); }
}

void add_impairments(Doc& map, const LinkImpairments& impairments) {
    for (const auto key : kImpairmentKeys) {
        const std::string out = impairment_text(impairments.out, key);
        const std::string in = impairment_text(impairments.in, key);
        if (out == in) {
            if (!out.empty()) { map.add(std::string(key), scalar(out)); }
            continue;
        }
        Doc& ways = map.add(std::string(key), Doc());
        if (!out.empty()) { ways.add("out", scalar(out)); }
        if (!in.empty()) { ways.add("in", scalar(in)); }
    }
}

Doc defaults_doc(const Defaults& defaults) {
    Doc sw;
    add_word(sw, "kind", defaults.switch_kind, kSwitchKinds);
    if (defaults.switch_stp) { sw.add("stp", boolean(*defaults.switch_stp)); }
    add_word(sw, "datapath", defaults.switch_datapath, kDatapaths);
    add_word(sw, "fail-mode", defaults.switch_fail_mode, kFailModes);
    Doc interface;
    if (defaults.interface_mtu) { interface.add("mtu", number(*defaults.interface_mtu)); }
    add_word(interface, "wire", defaults.interface_wire, kWires);
    add_impairments(interface, defaults.interface_impairments);
    Doc host;
    add_ips(host, "gateway", defaults.host_gateways);
    if (defaults.host_forwarding) { host.add("forwarding", boolean(*defaults.host_forwarding)); }
    add_ips(host, "dns", defaults.host_dns);
    add_sysctls(host, defaults.host_sysctls);
    Doc all;
    all.add_if_any("switch", std::move(sw));
    all.add_if_any("interface", std::move(interface));
    all.add_if_any("host", std::move(host));
    return all;
}

Doc switch_doc(const Switch& sw) {
    Doc map;
    add_word(map, "kind", sw.kind, kSwitchKinds);
    if (sw.stp) { map.add("stp", boolean(*sw.stp)); }
    add_word(map, "datapath", sw.datapath, kDatapaths);
    if (sw.controller) { map.add("controller", word(*sw.controller)); }
    add_word(map, "fail-mode", sw.fail_mode, kFailModes);
    add_some(map, "protocols", sw.protocols, [](const std::string& text) { return word(text); });
    if (sw.dpid) { map.add("dpid", word(*sw.dpid)); }
    return map;
}

Doc dhcp_doc(const Dhcp& dhcp) {
    Doc map;
    if (dhcp.host) { map.add("host", word(*dhcp.host)); }
    if (dhcp.interface) { map.add("interface", word(*dhcp.interface)); }
    if (dhcp.address) { map.add("address", address(*dhcp.address)); }
    if (dhcp.range) {
        const std::string text = fmt::format("{}-{}", dhcp.range->first.to_string(), dhcp.range->last.to_string());
        map.add("range", scalar(text.find(':') == std::string::npos ? text : quoted(text)));
    }
    if (dhcp.lease_time) { map.add("lease-time", scalar(duration_text(*dhcp.lease_time))); }
    if (dhcp.gateway) { map.add("gateway", address(*dhcp.gateway)); }
    add_ips(map, "dns", dhcp.dns);
    Doc options;
    for (const auto& [code, text] : dhcp.options) { options.add(std::to_string(code), value(text)); }
    map.add_if_any("options", std::move(options));
    Doc reservations;
    for (const auto& [host, ip] : dhcp.reservations) { reservations.add(key_text(host), address(ip)); }
    map.add_if_any("reservations", std::move(reservations));
    return map;
}

Doc network_doc(const Network& network) {
    Doc map;
    map.add("switch", word(network.switch_name));
    if (network.vlan) { map.add("vlan", number(*network.vlan)); }
    if (network.subnet) { map.add("subnet", address(*network.subnet)); }
    if (network.dhcp) { map.add("dhcp", dhcp_doc(*network.dhcp)); }
    return map;
}

std::string end_text_of(const std::string& node, const std::optional<std::string>& port) {
    return port ? node + ":" + *port : node;
}

Doc interface_doc(const Interface& interface) {
    Doc map;
    if (interface.to) { map.add("to", word(end_text_of(interface.to->node, interface.to->port))); }
    if (interface.network) { map.add("network", word(*interface.network)); }
    if (interface.peer) { map.add("peer", word(*interface.peer)); }
    add_vlans(map, interface);
    Doc addresses = list();
    if (interface.dhcp) { addresses.add("", scalar("dhcp")); }
    for (const auto& own : interface.addresses) { addresses.add("", address(own)); }
    if (addresses.parts.size() == 1) {
        map.add("address", std::move(addresses.parts.front().value));
    } else {
        map.add_if_any("address", std::move(addresses));
    }
    if (interface.mac) { map.add("mac", address(*interface.mac)); }
    if (interface.mtu) { map.add("mtu", number(*interface.mtu)); }
    add_word(map, "wire", interface.wire, kWires);
    add_word(map, "state", interface.up, kLinkStates);
    add_impairments(map, interface.impairments);
    add_routes(map, interface.routes);
    return map;
}

Doc service_doc(const Service& service) {
    Doc map;
    map.add("name", word(service.name));
    if (service.command.size() == 3 && service.command[0] == "sh" && service.command[1] == "-c" &&
        !service.command[2].empty()) {
        map.add("command", word(service.command[2]));
    } else {
        Doc& words = map.add("command", list());
        for (const auto& argument : service.command) { words.add("", word(argument)); }
    }
    add_word(map, "restart", service.restart, kRestarts);
    return map;
}

Doc attach_doc(const Attach& attach) {
    Doc map;
    if (attach.pid) { map.add("pid", number(static_cast<std::uint64_t>(*attach.pid))); }
    if (attach.netns) { map.add("netns", word(*attach.netns)); }
    return map;
}

Doc host_doc(const Host& host) {
    Doc map;
    if (host.attach) { map.add("attach", attach_doc(*host.attach)); }
    Doc interfaces;
    for (const auto& interface : host.interfaces) {
        interfaces.add(key_text(interface.name), interface_doc(interface));
    }
    map.add_if_any("interfaces", std::move(interfaces));
    add_ips(map, "gateway", host.gateways);
    add_routes(map, host.routes);
    Doc neighbours;
    for (const auto& [ip, mac] : host.neighbours) { neighbours.add(address(ip).text, address(mac)); }
    map.add_if_any("neighbours", std::move(neighbours));
    if (host.forwarding) { map.add("forwarding", boolean(*host.forwarding)); }
    add_sysctls(map, host.sysctls);
    add_ips(map, "dns", host.dns);
    Doc run = list();
    for (const auto& service : host.run) { run.add("", service_doc(service)); }
    map.add_if_any("run", std::move(run));
    return map;
}

Doc link_doc(const CableLink& link) {
    Doc map;
    Doc& ends = map.add("ends", list());
    for (const LinkEnd* end : {&link.a, &link.b}) { ends.add("", word(end_text_of(end->node, end->port))); }
    add_vlans(map, link);
    if (link.mtu) { map.add("mtu", number(*link.mtu)); }
    add_word(map, "state", link.up, kLinkStates);
    add_impairments(map, link.impairments);
    return map;
}

// `to` of an expectation: a host, or an IP address.
Doc target_doc(const std::string& text) {
    const auto ip = IpAddress::parse(text);
    return ip && ip->is_v4() ? scalar(text) : word(text);
}

Doc expectation_doc(const Expectation& expectation) {
    Doc map;
    Doc inner;
    const char* key = "reach";
    if (const auto* reach = std::get_if<ReachExpectation>(&expectation.what)) {
        inner.add("from", word(reach->from));
        inner.add("to", target_doc(reach->to));
        if (reach->tcp) { inner.add("tcp", number(*reach->tcp)); }
    } else if (const auto* isolate = std::get_if<IsolateExpectation>(&expectation.what)) {
        key = "isolate";
        inner.add("from", word(isolate->from));
        inner.add("to", target_doc(isolate->to));
    } else if (const auto* lease = std::get_if<LeaseExpectation>(&expectation.what)) {
        key = "lease";
        inner.add("host", word(lease->host));
        inner.add("network", word(lease->network));
    }
    if (expectation.within) { inner.add("within", scalar(duration_text(*expectation.within))); }
    map.add(key, std::move(inner));
    return map;
}

constexpr std::size_t kLineWidth = 110;

// The flow form of DOC, cut off as soon as it is longer than a line.
void flow(const Doc& doc, std::string& out) {
    if (doc.kind == Doc::Kind::scalar) {
        out += doc.text;
        return;
    }
    const bool map = doc.kind == Doc::Kind::map;
    out += map ? '{' : '[';
    bool first = true;
    for (const auto& [key, part] : doc.parts) {
        if (out.size() > kLineWidth) { return; }
        if (!first) { out += ", "; }
        first = false;
        if (map) { out += key + ": "; }
        flow(part, out);
    }
    out += map ? '}' : ']';
}

bool holds_maps(const Doc& doc) {
    for (const auto& [key, part] : doc.parts) {
        if ((part.kind == Doc::Kind::map && !part.empty()) || (part.kind == Doc::Kind::list && holds_maps(part))) {
            return true;
        }
    }
    return false;
}

// Writes DOC after "KEY:" or "-" on a line that has USED columns; ends the line.
void write(const Doc& doc, std::size_t indent, std::size_t used, bool block, bool in_list, std::string& out) {
    if (doc.kind == Doc::Kind::scalar || doc.empty() || (!block && !holds_maps(doc))) {
        std::string text;
        flow(doc, text);
        if (doc.kind == Doc::Kind::scalar || doc.empty() || used + 1 + text.size() <= kLineWidth) {
            out += ' ' + text + '\n';
            return;
        }
    }
    bool first = true;
    if (!in_list) { out += '\n'; }
    for (const auto& [key, part] : doc.parts) {
        // The first key of a mapping in a list stands behind its dash.
        out += in_list && first ? std::string(1, ' ') : std::string(indent, ' ');
        first = false;
        if (doc.kind == Doc::Kind::map) {
            out += key + ':';
            write(part, indent + 2, indent + key.size() + 1, false, false, out);
        } else {
            out += '-';
            write(part, indent + 2, indent + 1, false, true, out);
        }
    }
}

template <class T>
void add_section(std::string& out, const char* key, const std::vector<T>& things, Doc (*make)(const T&)) {
    if (things.empty()) { return; }
    Doc section;
    for (const auto& thing : things) { section.add(key_text(thing.name), make(thing)); }
    out += fmt::format("\n{}:", key);
    write(section, 2, 0, true, false, out);
}

template <class T>
void add_list(std::string& out, const char* key, const std::vector<T>& things, Doc (*make)(const T&)) {
    if (things.empty()) { return; }
    out += fmt::format("\n{}:\n", key);
    for (const auto& thing : things) {
        const Doc doc = make(thing);
        out += "  -";
        // An expectation is a mapping in a mapping, and still one short line.
        if (doc.parts.size() == 1) {
            out += fmt::format(" {}:", doc.parts.front().key);
            write(doc.parts.front().value, 6, 6, false, false, out);
        } else {
            write(doc, 4, 3, false, true, out);
        }
    }
}

}  // namespace

std::string write_lab(const Lab& lab) {
    std::string out = "lab: " + word(lab.name).text + "\n";
    if (lab.root != RootKind::machine) { out += fmt::format("root: {}\n", word_for(kRoots, lab.root)); }
    const Doc defaults = defaults_doc(lab.defaults);
    if (!defaults.empty()) {
        out += "\ndefaults:";
        write(defaults, 2, 0, true, false, out);
    }
    add_section(out, "switches", lab.switches, switch_doc);
    add_section(out, "networks", lab.networks, network_doc);
    add_section(out, "hosts", lab.hosts, host_doc);
    add_list(out, "links", lab.links, link_doc);
    add_list(out, "expect", lab.expect, expectation_doc);
    return out;
}

}  // namespace warren
