// State: what exists for a lab, in the kernel's own terms. Wanted and observed are this one type.
//
// expand() makes the wanted one from a Lab; engine/observe makes the observed one from a machine;
// plan/diff compares the two. Plain values; maps are ordered, so equal states print equally.
//
// Fields marked «observed» are facts that nobody can want: equality of states ignores them by
// the diff not looking at them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/net_types.hpp"
#include "lab/lab.hpp"

namespace warren {

// The machine's own root network namespace, in maps keyed by namespace name.
inline const std::string kMachineNamespace;  // ""

enum class LinkKind { loopback, veth, bridge, ovs_internal, other };

// VLANs of a port of a VLAN-filtering Linux bridge.
struct BridgePortVlans {
    std::optional<Vlan> pvid;  // untagged access VLAN
    std::vector<Vlan> tagged;  // sorted
    bool operator==(const BridgePortVlans&) const = default;
};

// What is done to the packets that a link sends, by queueing disciplines of Warren's own (linux/qdisc.hpp). Nothing
// of it: no such discipline is there.
struct Shaping {
    std::uint64_t rate = 0;   // bit/s, 0: as fast as can be
    std::uint64_t queue = 0;  // bytes that wait for the rate; 0 where `limit` bounds them
    std::uint64_t limit = 0;  // packets that wait or are delayed; 0 where `queue` bounds them
    std::chrono::microseconds delay{};
    std::chrono::microseconds jitter{};
    std::uint32_t loss = 0;  // parts per million, as the next ones
    std::uint32_t duplicate = 0;
    std::uint32_t reorder = 0;
    std::uint32_t corrupt = 0;
    bool program = false;  // packets are lost by a filter's program: a kernel without netem
    bool partial = false;  // «observed» some of its disciplines are not there
    bool operator==(const Shaping&) const = default;
    [[nodiscard]] bool empty() const { return *this == Shaping{}; }
    // netem's part of it.
    [[nodiscard]] bool has_netem() const {
        return delay.count() != 0 || jitter.count() != 0 || duplicate != 0 || reorder != 0 || corrupt != 0 ||
               (loss != 0 && !program);
    }
    // Something is below the root: netem, or htb with the program.
    [[nodiscard]] bool has_child() const { return has_netem() || program; }
};

// A network interface as one namespace sees it.
struct Link {
    std::string name;
    LinkKind kind = LinkKind::other;
    std::string alias;  // the mark: "warren:LAB/…"; observed: as found, "" where unmarked
    MacAddress mac;
    std::uint32_t mtu = 1500;
    bool up = true;
    // veth: the other end; observed empty where it is not where its alias says.
    std::string peer_namespace;
    std::string peer;
    std::string master;                    // Linux bridge in the same namespace, "" none
    std::optional<BridgePortVlans> vlans;  // as a port of a VLAN-filtering bridge
    bool vlan_filtering = false;           // bridge
    bool stp = false;                      // bridge
    bool tx_checksum = true;               // transmit checksum offload; off where a userspace datapath carries it
    std::set<Prefix> addresses;            // static
    Shaping shaping;
    bool dhcp = false;        // wanted: IPv4 addresses with a lifetime are the client's to bring
    bool leased_mtu = false;  // wanted: so is the MTU (of a server that is not the lab's own)
    bool carrier = false;     // «observed»
    std::set<Prefix> leased;  // «observed» addresses with a lifetime
    int index = 0;            // «observed» ifindex
    bool operator==(const Link&) const = default;
};

// A route in the main table, of Warren's own protocol number (kRouteProtocol). Routes of other makers
// (the kernel, a DHCP client, a routing daemon, a person) are not part of a State.
struct Route {
    Prefix destination;            // network form; /0 is the default route
    std::optional<IpAddress> via;  // empty: on-link
    std::string device;
    auto operator<=>(const Route&) const = default;
};

// A namespace that is somebody else's and joins the lab as a host. The lab gives it a name in /run/netns, which
// holds it, and marks its loopback; it adds its links and what lies on them, and takes no more away than that.
struct Attached {
    int pid = 0;              // of a process in it; 0: PATH says where it is
    std::string path;         // a file that is it
    std::uint64_t inode = 0;  // of nsfs: which one it is; 0: not looked up (a State made from a file alone)
    std::map<std::string, std::string> before;  // «observed» sysctls as they were before the lab
    bool marked = true;                         // «observed» its loopback bears the lab's mark
    bool operator==(const Attached&) const = default;
};

struct Namespace {
    std::string name;  // of /run/netns/NAME; "" the machine's
    std::string host;  // the lab's host that it is; "" for the machine's or a secluded root
    std::map<std::string, Link> links;
    std::set<Route> routes;
    std::map<std::pair<std::string, IpAddress>, MacAddress> neighbours;  // (device, address)
    std::map<std::string, std::string> sysctls;                          // only the keys asked for
    std::uint64_t inode = 0;                                             // «observed» of nsfs
    std::optional<Attached> attached;                                    // not the lab's own; it has no `lo` then
    bool operator==(const Namespace&) const = default;
};

struct OvsPort {
    std::string name;
    std::string type;                    // "" system, "internal", "patch"
    std::optional<Vlan> tag;             // access VLAN
    std::vector<Vlan> trunks;            // sorted; empty: all
    std::string peer;                    // patch
    std::string lab;                     // external_ids:warren-lab; observed: as found
    std::string host;                    // external_ids:warren-host, the lab's host behind it
    std::optional<std::int64_t> ofport;  // «observed» -1: could not be opened
    std::string error;                   // «observed» Interface.error
    bool operator==(const OvsPort&) const = default;
};

struct OvsBridge {
    std::string name;
    std::string lab;                     // external_ids:warren-lab
    std::string datapath_type;           // "system" or "netdev"
    std::string fail_mode;               // "standalone", "secure"
    std::string controller;              // "" none
    std::vector<std::string> protocols;  // sorted
    std::string dpid;                    // other_config:datapath-id, "" not given
    MacAddress mac;                      // other_config:hwaddr
    bool stp = false;
    std::map<std::string, OvsPort> ports;  // without the local port of the bridge's own name
    bool operator==(const OvsBridge&) const = default;
};

// Which Open vSwitch serves a lab.
struct OvsInstance {
    enum class Kind {
        machine,  // the machine's own: used, never started or stopped
        warren,   // Warren's own, shared by the labs whose root is the machine's namespace
        lab,      // one lab's own, in the lab's secluded root namespace
    };
    Kind kind = Kind::warren;
    std::string directory;      // of its sockets, database, pids and logs
    std::string net_namespace;  // where its daemons run; "" the machine's
    bool operator==(const OvsInstance&) const = default;
    [[nodiscard]] std::string socket() const { return directory + "/db.sock"; }
    [[nodiscard]] std::string database() const { return "unix:" + socket(); }  // for ovs-vsctl --db
};

enum class ProcessRole { dhcp_server, dhcp_client, service };

// A process that the lab's keeper keeps running.
struct Process {
    std::string host;  // the lab's host
    std::string name;  // unique in its host: "dnsmasq", "dhclient-eth0", a service's name
    std::string net_namespace;
    ProcessRole role = ProcessRole::service;
    std::string device;   // a DHCP client's or server's interface
    std::string network;  // the network that it serves or asks
    std::vector<std::string> command;
    std::vector<std::string> environment;    // "NAME=VALUE", added to the keeper's own
    std::vector<std::string> reload_files;   // paths whose change is taken up by SIGHUP
    std::vector<std::string> restart_files;  // paths whose change needs a restart
    Restart restart = Restart::always;
    bool own_etc = false;  // sees its host's resolv.conf and hosts as /etc's (a mount namespace)
    int pid = 0;           // «observed»
    std::string status;    // «observed» "running", "backing off", "exited N", "dead"
    bool operator==(const Process&) const = default;
};

// A file, or symbolic link, of a lab's.
struct File {
    std::string content;
    std::string link_target;  // not empty: a symbolic link
    bool seed_only = false;   // wanted: made with CONTENT, then somebody else's to change (a lease file)
    bool directory = false;
    bool operator==(const File&) const = default;
};

struct State {
    std::map<std::string, Namespace> namespaces;  // by name
    std::optional<OvsInstance> ovs;
    std::map<std::string, OvsBridge> bridges;                          // Open vSwitch bridges by name
    std::map<std::pair<std::string, std::string>, Process> processes;  // (host, name)
    std::map<std::string, File> files;                                 // by absolute path
    bool keeper = false;                                               // a keeper runs for the lab's processes
    bool operator==(const State&) const = default;

    // Null: there is none, or no such namespace.
    [[nodiscard]] const Link* find_link(const std::string& ns, const std::string& link) const {
        const auto in = namespaces.find(ns);
        if (in == namespaces.end()) { return nullptr; }
        const auto found = in->second.links.find(link);
        return found == in->second.links.end() ? nullptr : &found->second;
    }
};

// rtm_protocol and NDA_PROTOCOL of what Warren adds: 'W'. Values over 4 are the user's (rtnetlink(7)).
inline constexpr std::uint8_t kRouteProtocol = 87;

}  // namespace warren
