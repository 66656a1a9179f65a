// Lab: what a person means. Hosts, switches, networks with DHCP, links, expectations.
//
// A Lab keeps what was written and no more: an empty optional was not written, and expand()
// (state/expand.hpp) fills it in by rule. Everything is a plain value; containers keep the
// file's order. `at` is the place in the file, ignored by comparison.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/net_types.hpp"
#include "lab/impairments.hpp"

namespace warren {

// A place that does not take part in comparison.
struct At : Position {
    bool operator==(const At&) const { return true; }
};

// Where the parts of a thing stand in the file, by key: "mtu", "address/1", "routes/10.0.0.0/8". Empty in a
// Lab made by a program; takes no part in comparison.
class Places {
public:
    void put(std::string part, Position key, Position value) {
        places_.insert_or_assign(std::move(part), Place{key, value});
    }
    // True also where the value could not be read.
    [[nodiscard]] bool has(std::string_view part) const { return places_.find(part) != places_.end(); }
    [[nodiscard]] Position value(std::string_view part, Position otherwise) const {
        const auto found = places_.find(part);
        return found == places_.end() ? otherwise : found->second.value;
    }
    [[nodiscard]] Position key(std::string_view part, Position otherwise) const {
        const auto found = places_.find(part);
        return found == places_.end() ? otherwise : found->second.key;
    }
    bool operator==(const Places&) const { return true; }

private:
    struct Place {
        Position key;
        Position value;
    };
    std::map<std::string, Place, std::less<>> places_;
};

enum class SwitchKind { bridge, ovs };
enum class DatapathKind { automatic, system, netdev };
enum class FailMode { standalone, secure };
enum class Wire { veth, internal };
enum class RootKind { machine, secluded };  // `root: machine`, `root: private`
enum class Restart { always, on_failure, never };

struct Switch {
    At at;
    Places places;
    std::string name;
    std::optional<SwitchKind> kind;  // default bridge
    std::optional<bool> stp;         // default off
    // Open vSwitch only.
    std::optional<DatapathKind> datapath;   // default automatic
    std::optional<std::string> controller;  // "tcp:127.0.0.1:6653"
    std::optional<FailMode> fail_mode;      // default standalone
    std::vector<std::string> protocols;     // "OpenFlow13"
    std::optional<std::string> dpid;        // 16 hexadecimal digits
    bool operator==(const Switch&) const = default;
};

struct AddressRange {
    IpAddress first;
    IpAddress last;  // inclusive
    auto operator<=>(const AddressRange&) const = default;
};

// A network's own DHCP server: one dnsmasq in a namespace of its own.
struct Dhcp {
    At at;
    Places places;
    std::optional<std::string> host;                 // default dhcp-NETWORK
    std::optional<std::string> interface;            // default tap-NETWORK
    std::optional<Prefix> address;                   // default: the subnet's first free address
    std::optional<AddressRange> range;               // default: the subnet's other free addresses
    std::optional<std::chrono::seconds> lease_time;  // default 1 h
    std::optional<IpAddress> gateway;                // option 3
    std::vector<IpAddress> dns;                      // option 6
    std::map<std::uint8_t, std::string> options;     // code → value, dnsmasq's form
    std::map<std::string, IpAddress> reservations;   // host → address
    bool operator==(const Dhcp&) const = default;
};

struct Network {
    At at;
    Places places;
    std::string name;
    std::string switch_name;
    std::optional<Vlan> vlan;
    std::optional<Prefix> subnet;
    std::optional<Dhcp> dhcp;
    bool operator==(const Network&) const = default;
};

// `to:`: where an interface's other end is.
struct Target {
    std::string node;                 // a switch or a host
    std::optional<std::string> port;  // a switch's port or a host's interface
    bool operator==(const Target&) const = default;
};

struct Interface {
    At at;
    Places places;
    std::string name;
    std::optional<Target> to;
    std::optional<std::string> network;
    std::optional<std::string> peer;  // name of the switch's end
    std::optional<Vlan> vlan;         // access VLAN
    std::vector<Vlan> trunk;
    std::vector<Prefix> addresses;
    bool dhcp = false;  // `address: dhcp`
    std::optional<MacAddress> mac;
    std::optional<std::uint32_t> mtu;    // bytes; default 1500
    std::optional<Wire> wire;            // default veth
    std::map<Prefix, IpAddress> routes;  // destination → via
    LinkImpairments impairments;
    std::optional<bool> up;  // `state: up|down`, of both ends; default up
    bool operator==(const Interface&) const = default;
};

// A process that the lab keeps running inside a host.
struct Service {
    At at;
    Places places;
    std::string name;
    std::vector<std::string> command;  // a string in the file is given to `sh -c`: {"sh", "-c", STRING}
    std::optional<Restart> restart;    // default always
    bool operator==(const Service&) const = default;
};

// `attach:`: a network namespace that is somebody else's and joins the lab as a host. One of the two.
struct Attach {
    std::optional<int> pid;            // of a process that is in it
    std::optional<std::string> netns;  // absolute path of a file that is it: "/run/netns/x"
    bool operator==(const Attach&) const = default;
};

struct Host {
    At at;
    Places places;
    std::string name;
    std::optional<Attach> attach;
    std::vector<Interface> interfaces;
    std::vector<IpAddress> gateways;     // at most one of each family
    std::map<Prefix, IpAddress> routes;  // destination → via
    std::map<IpAddress, MacAddress> neighbours;
    std::optional<bool> forwarding;
    std::map<std::string, std::string> sysctls;  // "net.ipv4.ip_forward" → "1"
    std::vector<IpAddress> dns;
    std::vector<Service> run;
    bool operator==(const Host&) const = default;
};

// One end of an entry of `links:`.
struct LinkEnd {
    std::string node;
    std::optional<std::string> port;
    bool operator==(const LinkEnd&) const = default;
};

struct CableLink {
    At at;
    Places places;
    LinkEnd a;
    LinkEnd b;
    std::optional<Vlan> vlan;
    std::vector<Vlan> trunk;
    std::optional<std::uint32_t> mtu;
    LinkImpairments impairments;  // `out`: what `a` sends
    std::optional<bool> up;       // `state: up|down`
    bool operator==(const CableLink&) const = default;
};

// Expectations. `to` is a host's name or an IP address. `within` is the deadline.
struct ReachExpectation {
    std::string from;
    std::string to;
    std::optional<std::uint16_t> tcp;  // a port; without it ICMP echo
    bool operator==(const ReachExpectation&) const = default;
};
struct IsolateExpectation {
    std::string from;
    std::string to;
    bool operator==(const IsolateExpectation&) const = default;
};
struct LeaseExpectation {
    std::string host;
    std::string network;
    bool operator==(const LeaseExpectation&) const = default;
};
struct Expectation {
    At at;
    Places places;
    std::variant<ReachExpectation, IsolateExpectation, LeaseExpectation> what;
    std::optional<std::chrono::milliseconds> within;
    bool operator==(const Expectation&) const = default;
};

// `defaults:` as written; the functions below apply it.
struct Defaults {
    Places places;
    std::optional<SwitchKind> switch_kind;
    std::optional<bool> switch_stp;
    std::optional<DatapathKind> switch_datapath;
    std::optional<FailMode> switch_fail_mode;
    std::optional<std::uint32_t> interface_mtu;
    std::optional<Wire> interface_wire;
    LinkImpairments interface_impairments;
    std::optional<bool> host_forwarding;
    std::vector<IpAddress> host_gateways;
    std::vector<IpAddress> host_dns;
    std::map<std::string, std::string> host_sysctls;
    bool operator==(const Defaults&) const = default;
};

struct Lab {
    Places places;
    std::string name;
    RootKind root = RootKind::machine;
    Defaults defaults;
    std::vector<Switch> switches;
    std::vector<Network> networks;
    std::vector<Host> hosts;
    std::vector<CableLink> links;
    std::vector<Expectation> expect;
    bool operator==(const Lab&) const = default;

    [[nodiscard]] const Switch* find_switch(std::string_view name_) const;
    [[nodiscard]] const Network* find_network(std::string_view name_) const;
    [[nodiscard]] const Host* find_host(std::string_view name_) const;
};

// What holds for a part of LAB: what it says itself, else what `defaults:` says, else the rule of the format.
[[nodiscard]] SwitchKind kind_of(const Lab& lab, const Switch& sw);              // bridge
[[nodiscard]] bool stp_of(const Lab& lab, const Switch& sw);                     // off
[[nodiscard]] DatapathKind datapath_of(const Lab& lab, const Switch& sw);        // automatic
[[nodiscard]] FailMode fail_mode_of(const Lab& lab, const Switch& sw);           // standalone
[[nodiscard]] std::uint32_t mtu_of(const Lab& lab, const Interface& interface);  // 1500
// veth; a default of `internal` holds only on Open vSwitch switches, where no name is given to the switch's end.
[[nodiscard]] Wire wire_of(const Lab& lab, const Interface& interface);
[[nodiscard]] LinkImpairments impairments_of(const Lab& lab, const LinkImpairments& own);
[[nodiscard]] bool forwarding_of(const Lab& lab, const Host& host);  // off
// A default gateway holds for the hosts that say none of its family, are on a subnet with it and are not it.
[[nodiscard]] std::vector<IpAddress> gateways_of(const Lab& lab, const Host& host);
[[nodiscard]] std::vector<IpAddress> dns_of(const Lab& lab, const Host& host);
// Both together, the host's own before the default's.
[[nodiscard]] std::map<std::string, std::string> sysctls_of(const Lab& lab, const Host& host);
// The interface asks for a lease: it says so, or it says no address on a network that has a DHCP server.
// NETWORK is the interface's own, nullptr none.
[[nodiscard]] bool takes_lease(const Interface& interface, const Network* network);

}  // namespace warren
