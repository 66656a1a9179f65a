// survey: what networks the whole machine has, whoever made them. Changes nothing.
//
// observe() looks at one lab, by its record and its marks; this looks at everything: each network namespace, named or
// not, its links, addresses and routes, the processes that matter, and each Open vSwitch.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "base/error.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

// What a Link says not: of links that no lab has.
struct SurveyedLink {
    std::string kind;          // the kernel's word: "veth", "vlan", "vxlan", "macvlan"; "" hardware
    std::uint32_t number = 0;  // VLAN, VNI
    std::string parent;        // what a VLAN, a macvlan lies on
    std::string parent_namespace;
    bool far = false;  // veth: its peer is in a namespace that cannot be seen from here
};

enum class ProcessKind { dhcp_server, dhcp_client, other };

struct SurveyedProcess {
    pid_t pid = 0;
    std::string program;  // "dnsmasq"
    std::vector<std::string> command;
    ProcessKind kind = ProcessKind::other;
    std::vector<std::string> devices;  // a DHCP client's
    // A DHCP server's, of its command line and the files that it names, by long names: ("dhcp-range", "...").
    std::vector<std::pair<std::string, std::string>> settings;
};

struct SurveyedRoute {
    Route route;
    std::uint8_t protocol = 0;  // RTPROT_*
    std::uint32_t metric = 0;
    auto operator<=>(const SurveyedRoute&) const = default;
};

struct SurveyedNamespace {
    // As in any State, but: its name is the one it is shown by, "pid 1234 (nginx)" where /run/netns has none, and of
    // the sysctls it has the two of forwarding. Addresses of a lifetime are `leased`.
    Namespace state;
    std::string path;                           // opens it
    bool named = false;                         // in /run/netns
    std::string lab;                            // whose mark it bears, "" none
    std::map<std::string, SurveyedLink> links;  // of each link of `state`
    std::vector<SurveyedRoute> routes;          // all of the main table but what the kernel adds by itself
    std::vector<IpAddress> dns;                 // of /etc/netns/NAME/resolv.conf
    std::vector<SurveyedProcess> processes;     // by pid; in the machine's own namespace only those of DHCP
};

struct SurveyedOvs {
    OvsInstance instance;
    std::map<std::string, OvsBridge> bridges;
    // Where the device of a port is, by the port's name: the instance's own namespace, or the one that an internal
    // port was moved to. Ports without a device (a patch, a tunnel) are not in it.
    std::map<std::string, std::string> places;
};

struct Survey {
    std::map<std::string, SurveyedNamespace> namespaces;  // by name; "" the machine's own
    std::vector<SurveyedOvs> switches;                    // one for each Open vSwitch that answers
    std::vector<std::string> faults;                      // what is there and could not be read
};

// Of the addresses on DEVICE those that a DHCP client has brought: with a lifetime, or, where a client runs and none has
// one, the only IPv4 address there.
[[nodiscard]] std::set<Prefix> addresses_by_dhcp(const SurveyedNamespace& ns, const std::string& device);
// Whether a DHCP client runs for it.
[[nodiscard]] bool has_dhcp_client(const SurveyedNamespace& ns, const std::string& device);
// Whether it answers DHCP requests (a dnsmasq may serve names alone).
[[nodiscard]] bool serves_dhcp(const SurveyedProcess& process);

// SITE tells where labs keep their own Open vSwitch. Linear in what there is. Needs root.
[[nodiscard]] Result<Survey> survey(const Site& site);

}  // namespace warren
