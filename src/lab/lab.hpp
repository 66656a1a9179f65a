// Lab: what a person means. Hosts, switches, networks with DHCP, links, expectations.
//
// A Lab keeps what was written and no more: an empty optional was not written, and expand()
// (state/expand.hpp) fills it in by rule. Everything is a plain value; containers keep the
// file's order. `at` is the place in the file, ignored by comparison.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/net_types.hpp"

namespace warren {

// A place that does not take part in comparison.
struct At : Position {
    bool operator==(const At&) const { return true; }
};

enum class SwitchKind { bridge, ovs };
enum class DatapathKind { automatic, system, netdev };
enum class FailMode { standalone, secure };
enum class Wire { veth, internal };
enum class RootKind { machine, secluded };  // `root: machine`, `root: private`
enum class Restart { always, on_failure, never };

struct Switch {
    At at;
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
    std::optional<std::string> host;       // default dhcp-NETWORK
    std::optional<std::string> interface;  // default tap-NETWORK
    std::optional<Prefix> address;         // default: the subnet's first free address
    std::optional<AddressRange> range;     // default: the subnet's other free addresses
    std::optional<std::chrono::seconds> lease_time;  // default 1 h
    std::optional<IpAddress> gateway;                // option 3
    std::vector<IpAddress> dns;                      // option 6
    std::map<std::uint8_t, std::string> options;     // code → value, dnsmasq's form
    std::map<std::string, IpAddress> reservations;   // host → address
    bool operator==(const Dhcp&) const = default;
};

struct Network {
    At at;
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
    std::string name;
    std::optional<Target> to;
    std::optional<std::string> network;
    std::optional<std::string> peer;  // name of the switch's end
    std::optional<Vlan> vlan;         // access VLAN
    std::vector<Vlan> trunk;
    std::vector<Prefix> addresses;
    bool dhcp = false;  // `address: dhcp`
    std::optional<MacAddress> mac;
    std::optional<std::uint32_t> mtu;  // bytes; default 1500
    std::optional<Wire> wire;          // default veth
    std::map<Prefix, IpAddress> routes;  // destination → via
    bool operator==(const Interface&) const = default;
};

// A process that the lab keeps running inside a host.
struct Service {
    At at;
    std::string name;
    std::vector<std::string> command;  // a string in the file is given to `sh -c`: {"sh", "-c", STRING}
    std::optional<Restart> restart;    // default always
    bool operator==(const Service&) const = default;
};

struct Host {
    At at;
    std::string name;
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
    LinkEnd a;
    LinkEnd b;
    std::optional<Vlan> vlan;
    std::vector<Vlan> trunk;
    std::optional<std::uint32_t> mtu;
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
    std::variant<ReachExpectation, IsolateExpectation, LeaseExpectation> what;
    std::optional<std::chrono::milliseconds> within;
    bool operator==(const Expectation&) const = default;
};

// `defaults:`, applied by the reader to what does not say otherwise and kept for writing back.
struct Defaults {
    std::optional<SwitchKind> switch_kind;
    std::optional<bool> switch_stp;
    std::optional<DatapathKind> switch_datapath;
    std::optional<FailMode> switch_fail_mode;
    std::optional<std::uint32_t> interface_mtu;
    std::optional<Wire> interface_wire;
    std::optional<bool> host_forwarding;
    std::vector<IpAddress> host_gateways;
    std::vector<IpAddress> host_dns;
    std::map<std::string, std::string> host_sysctls;
    bool operator==(const Defaults&) const = default;
};

struct Lab {
    std::string name;
    RootKind root = RootKind::machine;
    Defaults defaults;  // what was written; expand() applies it
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

// The defaults of §2 and of `defaults:`, in one place.
[[nodiscard]] SwitchKind kind_of(const Lab& lab, const Switch& sw);

}  // namespace warren
