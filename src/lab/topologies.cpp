// The topologies, one function each, over a Wiring that names and numbers as Mininet does. Called by the verbs that
// take a topology. Knows nothing of the machine.
#include "lab/topologies.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>
#include <span>

#include <fmt/format.h>

#include "lab/keys.hpp"
#include "lab/lab_file.hpp"
#include "lab/yaml.hpp"

namespace warren {
namespace {

using Number = std::uint64_t;
using Values = std::vector<Number>;  // of a topology's parameters, in their order

// Keeps a lab under what a lab file may hold (kMaxYamlValues).
constexpr Number kMostLinks = 5000;
// Both kinds of switch listen and learn for 15 s each before they forward; the rest is for a busy machine.
constexpr std::chrono::milliseconds kSpanningTreeTime{60'000};
// Open vSwitch passes a frame from bridge to bridge within one translation, 64 deep (MAX_DEPTH of
// ofproto-dpif-xlate.c); one that goes further is dropped.
constexpr Number kMostOvsInARow = 65;
constexpr Number kFirstTenantVlan = 101;

class Wiring {
public:
    explicit Wiring(bool macs) : macs_(macs) {}

    std::string add_switch(std::string name) {
        Switch sw;
        sw.name = std::move(name);
        lab.switches.push_back(sw);
        return sw.name;
    }

    // PORT: the number of the switch's port; 0: its next.
    std::string add_host(std::string name, const std::string& sw, Number port = 0) {
        Interface interface;
        interface.to = Target{sw, port_name(sw, port == 0 ? ++ports_[sw] : port)};
        interface.addresses.push_back({kBase.address.plus(lab.hosts.size() + 1), kBase.length});
        return push_host(std::move(name), std::move(interface));
    }

    // A host of NETWORK, which is on switch SW, with a lease for its address.
    std::string add_client(std::string name, const std::string& network, const std::string& sw) {
        Interface interface;
        interface.network = network;
        interface.peer = port_name(sw, ++ports_[sw]);
        interface.dhcp = true;
        return push_host(std::move(name), std::move(interface));
    }

    void link(const std::string& a, const std::string& b) {
        CableLink link;
        link.a = {a, port_name(a, ++ports_[a])};
        link.b = {b, port_name(b, ++ports_[b])};
        lab.links.push_back(std::move(link));
    }

    template <class What>
    void expect(What what) {
        Expectation expectation;
        expectation.what = std::move(what);
        lab.expect.push_back(std::move(expectation));
    }

    Lab lab;

private:
    static inline const Prefix kBase = Prefix::parse("10.0.0.0/8").value();

    static std::string port_name(const std::string& node, Number number) {
        return fmt::format("{}-eth{}", node, number);
    }

    std::string push_host(std::string name, Interface interface) {
        Host host;
        host.name = std::move(name);
        interface.name = port_name(host.name, 0);
        if (macs_) { interface.mac = mac_of(lab.hosts.size() + 1); }
        host.interfaces.push_back(std::move(interface));
        lab.hosts.push_back(std::move(host));
        return lab.hosts.back().name;
    }

    static MacAddress mac_of(Number number) {
        return MacAddress::parse(fmt::format("00:00:00:00:{:02x}:{:02x}", number >> 8U, number & 0xffU)).value();
    }

    bool macs_;
    std::map<std::string, Number> ports_;  // used so far, by switch
};

void single(Wiring& net, const Values& values) {
    const std::string sw = net.add_switch("s1");
    for (Number h = 1; h <= values[0]; ++h) { net.add_host(fmt::format("h{}", h), sw); }
}

// The first host is on the last port.
void reversed(Wiring& net, const Values& values) {
    const std::string sw = net.add_switch("s1");
    for (Number h = 1; h <= values[0]; ++h) { net.add_host(fmt::format("h{}", h), sw, values[0] - h + 1); }
}

void linear(Wiring& net, const Values& values) {
    const Number k = values[0];
    const Number n = values[1];
    for (Number s = 1; s <= k; ++s) { net.add_switch(fmt::format("s{}", s)); }
    for (Number h = 1; h <= n; ++h) {
        for (Number s = 1; s <= k; ++s) {
            net.add_host(n == 1 ? fmt::format("h{}", s) : fmt::format("h{}s{}", h, s), fmt::format("s{}", s));
        }
    }
    for (Number s = 2; s <= k; ++s) { net.link(fmt::format("s{}", s), fmt::format("s{}", s - 1)); }
}

// Switches are numbered from the root, depth first; a switch's port to its parent is its last.
std::string subtree(Wiring& net, Number depth, Number fanout) {
    std::string sw = net.add_switch(fmt::format("s{}", net.lab.switches.size() + 1));
    for (Number child = 0; child < fanout; ++child) {
        if (depth > 1) {
            net.link(sw, subtree(net, depth - 1, fanout));
        } else {
            net.add_host(fmt::format("h{}", net.lab.hosts.size() + 1), sw);
        }
    }
    return sw;
}

void tree(Wiring& net, const Values& values) { subtree(net, values[0], values[1]); }

void torus(Wiring& net, const Values& values) {
    const Number x = values[0];
    const Number y = values[1];
    const Number n = values[2];
    const auto name = [&](Number i, Number j) { return fmt::format("s{}x{}", i % x + 1, j % y + 1); };
    for (Number i = 0; i < x; ++i) {
        for (Number j = 0; j < y; ++j) {
            const std::string sw = net.add_switch(name(i, j));
            const std::string place = fmt::format("h{}x{}", i + 1, j + 1);
            for (Number h = 1; h <= n; ++h) { net.add_host(n == 1 ? place : fmt::format("{}x{}", place, h), sw); }
        }
    }
    for (Number i = 0; i < x; ++i) {
        for (Number j = 0; j < y; ++j) {
            net.link(name(i, j), name(i, j + 1));
            net.link(name(i, j), name(i + 1, j));
        }
    }
}

// Switches s1 to sK with one host each.
void each_with_a_host(Wiring& net, Number k) {
    for (Number s = 1; s <= k; ++s) { net.add_host(fmt::format("h{}", s), net.add_switch(fmt::format("s{}", s))); }
}

void ring(Wiring& net, const Values& values) {
    each_with_a_host(net, values[0]);
    for (Number s = 1; s <= values[0]; ++s) {
        net.link(fmt::format("s{}", s), fmt::format("s{}", s % values[0] + 1));
    }
}

void mesh(Wiring& net, const Values& values) {
    each_with_a_host(net, values[0]);
    for (Number a = 1; a <= values[0]; ++a) {
        for (Number b = a + 1; b <= values[0]; ++b) { net.link(fmt::format("s{}", a), fmt::format("s{}", b)); }
    }
}

void leaf_spine(Wiring& net, const Values& values) {
    for (Number spine = 1; spine <= values[1]; ++spine) { net.add_switch(fmt::format("spine{}", spine)); }
    for (Number leaf = 1; leaf <= values[0]; ++leaf) {
        const std::string sw = net.add_switch(fmt::format("leaf{}", leaf));
        for (Number h = 0; h < values[2]; ++h) { net.add_host(fmt::format("h{}", net.lab.hosts.size() + 1), sw); }
        for (Number spine = 1; spine <= values[1]; ++spine) { net.link(sw, fmt::format("spine{}", spine)); }
    }
}

// Al-Fares, Loukissas, Vahdat (SIGCOMM 2008): K pods of K/2 edge and K/2 aggregation switches, (K/2)² core switches,
// of which the i-th aggregation switch of each pod has the i-th K/2.
void fat_tree(Wiring& net, const Values& values) {
    const Number half = values[0] / 2;
    for (Number core = 1; core <= half * half; ++core) { net.add_switch(fmt::format("core{}", core)); }
    for (Number pod = 1; pod <= values[0]; ++pod) {
        for (Number a = 1; a <= half; ++a) { net.add_switch(fmt::format("agg{}x{}", pod, a)); }
        for (Number e = 1; e <= half; ++e) {
            const std::string edge = net.add_switch(fmt::format("edge{}x{}", pod, e));
            for (Number h = 0; h < half; ++h) { net.add_host(fmt::format("h{}", net.lab.hosts.size() + 1), edge); }
            for (Number a = 1; a <= half; ++a) { net.link(edge, fmt::format("agg{}x{}", pod, a)); }
        }
        for (Number a = 1; a <= half; ++a) {
            for (Number c = 1; c <= half; ++c) {
                net.link(fmt::format("agg{}x{}", pod, a), fmt::format("core{}", (a - 1) * half + c));
            }
        }
    }
}

void tenants(Wiring& net, const Values& values) {
    const Number t = values[0];
    const Number n = values[1];
    const auto host = [](Number tenant, Number h) { return fmt::format("t{}h{}", tenant, h); };
    const std::string sw = net.add_switch("s1");
    for (Number tenant = 1; tenant <= t; ++tenant) {
        Network network;
        network.name = fmt::format("t{}", tenant);
        network.switch_name = sw;
        network.vlan = static_cast<Vlan>(kFirstTenantVlan + tenant - 1);
        network.subnet = Prefix::parse("10.0.0.0/24").value();
        network.dhcp.emplace();
        net.lab.networks.push_back(network);
        for (Number h = 1; h <= n; ++h) { net.add_client(host(tenant, h), network.name, sw); }
        net.expect(LeaseExpectation{host(tenant, 1), network.name});
        if (n > 1) {
            net.expect(LeaseExpectation{host(tenant, n), network.name});
            net.expect(ReachExpectation{host(tenant, 1), host(tenant, n), std::nullopt});
        }
    }
    for (Number tenant = 1; t > 1 && tenant <= t; ++tenant) {
        net.expect(IsolateExpectation{host(tenant, 1), host(tenant % t + 1, 1)});
    }
}

// The number of links, hosts' own among them. A product of parameters does not overflow: each is at most kMostLinks.
Number tree_links(const Values& values) {
    Number links = 0;
    Number level = 1;
    for (Number depth = 0; depth < values[0] && links <= kMostLinks; ++depth) { links += level *= values[1]; }
    return links;
}

struct Parameter {
    std::string_view name;
    Number least;
    Number most;
    Number otherwise = 0;  // 0: must be given
};

struct Topology {
    std::string_view name;
    std::vector<Parameter> parameters;
    std::string_view what;
    void (*build)(Wiring&, const Values&);
    Number (*links)(const Values&);
    Number multiple_of = 1;  // the first parameter is
    // The most switches that a frame may pass, whatever switch is the root of the spanning tree; none: few.
    Number (*row)(const Values&) = nullptr;
};

Number first_value(const Values& values) { return values[0]; }

const std::vector<Topology>& all_topologies() {
    static const std::vector<Topology> kAll{
        {"minimal",
         {},
         "two hosts on a switch: single,2",
         [](Wiring& net, const Values&) { single(net, {2}); },
         [](const Values&) -> Number { return 2; }},
        {"single", {{"k", 1, kMostLinks, 2}}, "k hosts on a switch", single, first_value},
        {"reversed", {{"k", 1, kMostLinks, 2}}, "the same, the first host on the last port", reversed, first_value},
        {"linear",
         {{"k", 1, kMostLinks, 2}, {"n", 1, kMostLinks, 1}},
         "k switches in a row with n hosts each",
         linear,
         [](const Values& values) { return values[0] * values[1] + values[0] - 1; },
         1,
         first_value},
        {"tree",
         {{"depth", 1, 12, 1}, {"fanout", 1, kMostLinks, 2}},
         "a tree of switches, hosts as its leaves",
         tree,
         tree_links},
        {"torus",
         {{"x", 3, kMostLinks}, {"y", 3, kMostLinks}, {"n", 1, kMostLinks, 1}},
         "x by y switches, round both ways, with n hosts each",
         torus,
         [](const Values& values) { return values[0] * values[1] * (values[2] + 2); },
         1,
         [](const Values& values) { return 2 * (values[0] / 2 + values[1] / 2) + 1; }},
        {"ring",
         {{"k", 3, kMostLinks}},
         "k switches in a ring with a host each",
         ring,
         [](const Values& values) { return values[0] * 2; },
         1,
         first_value},
        {"mesh",
         {{"k", 2, kMostLinks}},
         "k switches, each linked to each, with a host each",
         mesh,
         [](const Values& values) { return values[0] + values[0] * (values[0] - 1) / 2; }},
        {"leaf-spine",
         {{"leaves", 1, kMostLinks}, {"spines", 1, kMostLinks}, {"n", 1, kMostLinks, 1}},
         "leaves with n hosts each, each linked to each spine",
         leaf_spine,
         [](const Values& values) { return values[0] * (values[1] + values[2]); }},
        {"fat-tree",
         {{"k", 2, kMostLinks}},
         "k pods of switches with k ports, k³/4 hosts",
         fat_tree,
         [](const Values& values) { return values[0] * values[0] * values[0] / 4 * 3; },
         2},
        {"tenants",
         {{"t", 1, 1000}, {"n", 1, 250}},
         "t tenants (VLANs) of the same subnet, n hosts and a DHCP server each",
         tenants,
         [](const Values& values) { return values[0] * (values[1] + 1); }},
    };
    return kAll;
}

std::string form_of(const Topology& topology) {
    std::string form(topology.name);
    std::string end;
    for (const auto& parameter : topology.parameters) {
        form += parameter.otherwise == 0 ? "," : "[,";
        form += parameter.name;
        if (parameter.otherwise != 0) { end += ']'; }
    }
    return form + end;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> words;
    for (;;) {
        const std::size_t comma = text.find(',');
        words.push_back(text.substr(0, comma));
        if (comma == std::string_view::npos) { return words; }
        text.remove_prefix(comma + 1);
    }
}

// Reads one topology's parameters; ATTEMPT and the topology's form are for messages.
class ParameterReader {
public:
    ParameterReader(const Topology& topology, std::string attempt)
        : topology_(topology), attempt_(std::move(attempt)), given_(topology.parameters.size()) {}

    Result<Values> read(std::span<const std::string_view> words, bool ovs) {
        std::size_t place = 0;
        for (const auto word : words) { WARREN_TRY(read_word(word, place)); }
        Values values;
        for (std::size_t i = 0; i < given_.size(); ++i) {
            const Parameter& parameter = topology_.parameters[i];
            if (!given_[i] && parameter.otherwise == 0) {
                return refused(fmt::format("{} is not given", parameter.name));
            }
            values.push_back(given_[i].value_or(parameter.otherwise));
        }
        if (topology_.multiple_of > 1 && values[0] % topology_.multiple_of != 0) {
            return refused(fmt::format("{} is {}, it must be a multiple of {}", topology_.parameters[0].name,
                                       values[0], topology_.multiple_of));
        }
        if (const Number links = topology_.links(values); links > kMostLinks) {
            return refused(fmt::format("it would have more than {} links, its hosts' among them", kMostLinks));
        }
        const Number row = ovs && topology_.row != nullptr ? topology_.row(values) : 0;
        if (row > kMostOvsInARow) {
            return refused(fmt::format("a frame may pass {} switches, Open vSwitch passes it through {} at most",
                                       row, kMostOvsInARow));
        }
        return values;
    }

private:
    Result<void> read_word(std::string_view word, std::size_t& place) {
        std::size_t index = place;
        if (const std::size_t equals = word.find('='); equals != std::string_view::npos) {
            const std::string_view name = word.substr(0, equals);
            const auto& all = topology_.parameters;
            const auto found =
                std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
            if (found == all.end()) { return refused(quoted_for_message(name) + " is no parameter of it"); }
            index = static_cast<std::size_t>(found - all.begin());
            word.remove_prefix(equals + 1);
        } else {
            ++place;
        }
        if (index >= given_.size()) { return refused("it has not so many parameters"); }
        const Parameter& parameter = topology_.parameters[index];
        if (given_[index]) { return refused(fmt::format("{} is given twice", parameter.name)); }
        Number value = 0;
        const auto [end, fault] = std::from_chars(word.data(), word.data() + word.size(), value);
        if (fault != std::errc{} || end != word.data() + word.size() || value < parameter.least ||
            value > parameter.most) {
            return refused(fmt::format("{} is {}, it must be {} to {}", parameter.name, quoted_for_message(word),
                                       parameter.least, parameter.most));
        }
        given_[index] = value;
        return {};
    }

    [[nodiscard]] tl::unexpected<Error> refused(std::string reason) const {
        return usage_failure(attempt_, std::move(reason),
                             fmt::format("its form is {}: {}", form_of(topology_), topology_.what));
    }

    const Topology& topology_;
    std::string attempt_;
    std::vector<std::optional<Number>> given_;
};

Result<const Topology*> find_topology(std::string_view name, const std::string& attempt) {
    std::vector<std::string_view> known;
    for (const auto& topology : all_topologies()) {
        if (topology.name == name) { return &topology; }
        known.push_back(topology.name);
    }
    const auto near = Nearest().find(name, known);
    return usage_failure(
        attempt, "there is no topology " + quoted_for_message(name),
        near ? fmt::format("did you mean '{}'?", *near) : fmt::format("there are {}", fmt::join(known, ", ")));
}

}  // namespace

std::vector<TopologyHelp> topologies() {
    std::vector<TopologyHelp> all;
    for (const auto& topology : all_topologies()) { all.push_back({form_of(topology), topology.what}); }
    return all;
}

Result<Lab> make_topology(std::string_view text, const TopologyOptions& options) {
    const std::string attempt = "make topology " + quoted_for_message(text);
    const auto words = split(text);
    WARREN_ASSIGN(const Topology* topology, find_topology(words.front(), attempt));
    const bool ovs = options.switch_kind == SwitchKind::ovs;
    WARREN_ASSIGN(const Values values, ParameterReader(*topology, attempt).read(std::span(words).subspan(1), ovs));
    Wiring net(options.macs);
    topology->build(net, values);
    Lab lab = std::move(net.lab);
    lab.name = options.name;
    if (lab.name.empty()) {
        lab.name = topology->name;
        for (const Number value : values) { lab.name += fmt::format("-{}", value); }
    }
    lab.root = options.root;
    lab.defaults.switch_kind = options.switch_kind;
    if (lab.expect.empty() && lab.hosts.size() > 1) {
        lab.expect.emplace_back().what =
            ReachExpectation{lab.hosts.front().name, lab.hosts.back().name, std::nullopt};
    }
    // Its switches hang together, so that any link more than a tree has closes a loop.
    if (lab.links.size() >= lab.switches.size()) {
        lab.defaults.switch_stp = true;
        for (auto& expectation : lab.expect) { expectation.within = kSpanningTreeTime; }
    }
    Diagnostics diagnostics("");
    check_lab(lab, diagnostics);
    if (!diagnostics.empty()) {
        const Diagnostic& first = diagnostics.items().front();
        return usage_failure(attempt, first.message, first.hint);
    }
    return lab;
}

}  // namespace warren
