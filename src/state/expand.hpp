// expand: Lab → wanted State. Pure and deterministic: all that was not written is filled in here.
#pragma once

#include <string>
#include <utility>

#include "base/error.hpp"
#include "lab/lab.hpp"
#include "state/state.hpp"

namespace warren {

// What expand must know of the place where the lab will live, decided by the engine.
struct Site {
    std::string runtime = "/run/warren";  // records, sockets, leases
    std::string etc_netns = "/etc/netns";
    bool ovs_kernel_datapath = false;  // for `datapath: auto`
    OvsInstance ovs;                   // used where the lab has an OVS switch
    std::string dhcp_client;           // path of dhclient or udhcpc; "" none installed
    std::string dnsmasq = "/usr/sbin/dnsmasq";
    bool bridge_netfilter = false;  // br_netfilter is loaded: a secluded root switches it off
    bool netem = true;              // the kernel has it; else a program loses packets where `loss` is wanted
    std::string warren = "/proc/self/exe";  // path of this program, for DHCP client scripts
};

// The LAB must have passed check_lab(). Linear in the lab's size (times log).
[[nodiscard]] State expand(const Lab& lab, const Site& site);

// Names that others need to find what expand made.
// "red", or "LAB.red" where the root is private, or where `attach:` names /run/netns/red, which is somebody else's name.
[[nodiscard]] std::string namespace_of(const Lab& lab, const Host& host);
[[nodiscard]] std::string namespace_of(const Lab& lab, const std::string& host);  // linear in the lab's hosts
// The mark on the loopback of an attached namespace: of HOST, by its name NAME; other names of it are not the lab's.
[[nodiscard]] std::string attached_mark(const std::string& lab, const std::string& host, const std::string& name);
// The other way round: what a mark on a loopback says; all empty where ALIAS is no mark.
struct NamespaceMark {
    std::string lab;
    std::string host;  // "" of the lab's own root namespace
    std::string name;  // where it is attached
};
[[nodiscard]] NamespaceMark namespace_mark(std::string_view alias);
// "process 1234", or the path of a namespace that is attached.
[[nodiscard]] std::string attached_text(const Attached& is);
// "the namespace of process 1234", "namespace /run/netns/x".
[[nodiscard]] std::string attached_namespace_text(const Attached& is);
[[nodiscard]] std::string root_namespace(const Lab& lab);        // "" or "LAB"
[[nodiscard]] std::string mark_prefix(const std::string& lab);   // "warren:LAB/"
[[nodiscard]] std::string lab_of_mark(std::string_view alias);   // LAB of "warren:LAB/…"; "" of all others
[[nodiscard]] std::uint32_t link_group(const std::string& lab);  // IFLA_GROUP of its links
[[nodiscard]] std::string lab_directory(const Site& site, const std::string& lab);
// The dnsmasq lease file of a network's server.
[[nodiscard]] std::string lease_file(const Site& site, const std::string& lab, const std::string& network);

}  // namespace warren
