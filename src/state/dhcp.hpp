// What a network's DHCP server and a host's DHCP client are run with: command lines and files. Pure.
//
// The server is dnsmasq, one per network; the client is ISC dhclient or udhcpc, one per interface. Called by
// expand(); nothing here looks at the machine.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/net_types.hpp"
#include "lab/lab.hpp"

namespace warren {

struct DhcpReservation {
    MacAddress mac;
    std::string host;
    IpAddress address;
    auto operator<=>(const DhcpReservation&) const = default;
};

// One network's server.
struct DhcpServer {
    std::string lab;
    std::string network;
    std::string interface;  // in the server's namespace; it serves nothing else
    Prefix address;         // the server's own
    AddressRange range;
    std::chrono::seconds lease_time{3600};
    std::optional<IpAddress> gateway;
    std::vector<IpAddress> dns;                   // empty: dnsmasq names itself
    std::map<std::uint8_t, std::string> options;  // code → value as in dnsmasq(8); cut at a line's end
    std::vector<DhcpReservation> reservations;
    std::string directory;  // for its files, absolute
    std::string lease_file;
    std::string program = "/usr/sbin/dnsmasq";
};

struct DhcpServerPlan {
    std::vector<std::string> command;
    std::map<std::string, std::string> files;  // path → content
    std::vector<std::string> reload_files;     // of these; dnsmasq reads them again on SIGHUP
    std::string pid_file;                      // written by dnsmasq when its sockets are bound: it is ready then
};

// A change of the command needs a restart (the leases are kept in lease_file); a change of the files
// only a SIGHUP.
[[nodiscard]] DhcpServerPlan plan_dhcp_server(const DhcpServer& server);

// One interface's client.
struct DhcpClient {
    std::string lab;
    std::string host;
    std::string interface;
    std::string directory;    // for its files, absolute
    std::string program;      // of dhclient or udhcpc, told apart by the name's beginning
    std::string script;       // a link to warren named "dhcp-script"
    std::string resolv_conf;  // that the script rewrites; "" none
    // What the client was started for: with another network, subnet or reservation it is started anew and asks.
    std::string network;
    std::optional<Prefix> subnet;
    std::optional<IpAddress> reserved;
    bool takes_mtu = true;  // off where the lab's file says one
};

struct DhcpClientPlan {
    std::vector<std::string> command;
    std::vector<std::string> environment;  // for the process
    std::map<std::string, std::string> files;
    std::vector<std::string> restart_files;  // of these; read only at the start
    std::string lease_file;                  // dhclient's; "" for udhcpc, which keeps none
};

[[nodiscard]] DhcpClientPlan plan_dhcp_client(const DhcpClient& client);

}  // namespace warren
