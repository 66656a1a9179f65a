// What a diagram shows, free of places: hosts, switches and the wires between them, each as it is now. Used by
// draw*.cpp alone.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "views/draw_canvas.hpp"
#include "views/lab_view.hpp"

namespace warren::drawing {

struct Nic {
    std::string name;
    std::vector<std::string> addresses;  // as shown, "(dhcp)" included
    std::string note;                    // what is wrong: "down", "missing"; empty
    std::string detail;                  // what else is known, for a tooltip: "veth, mtu 1500, 52:54:…"
    std::uint8_t colour = 0;
};

// A network namespace that is no switch's: a lab's host, a container, a process's; or interfaces of the root's own.
struct HostNode {
    std::string name;  // unnamed ones: "pid 1234 (nginx)"
    std::vector<Nic> nics;
    std::vector<std::string> facts;      // default routes, forwarding
    std::vector<std::string> processes;  // "dnsmasq 4711"
    std::vector<std::string> leases;     // given by its DHCP server: "10.0.0.5 red"
    std::vector<std::string> faults;     // processes that should run and do not
    bool missing = false;
    bool server = false;  // of DHCP
    bool root = false;    // no namespace of its own: what it has is of Model::place
    std::uint8_t colour = 0;
};

struct Port {
    std::string name;
    std::string badge;   // "vlan 100", "trunk 10,20"
    std::string note;    // what is wrong
    std::string detail;  // for a tooltip
    std::uint8_t colour = 0;
};

struct SwitchNode {
    std::string name;
    std::string title;
    std::string place;  // the namespace that it is in, where that is not Model::place: "namespace web"
    std::vector<Port> ports;
    bool missing = false;
};

struct End {
    bool on_switch = false;
    std::size_t node = 0;   // in hosts or switches
    std::size_t index = 0;  // of its nics or ports
    auto operator<=>(const End&) const = default;
};

enum class CableKind : std::uint8_t { veth, internal, patch, macvlan, tunnel };

struct Cable {
    End a;  // where just one end is a switch's, this is the host's
    End b;
    Stroke stroke = Stroke::solid;  // as text: dashed where it is down or missing, doubled for an internal port
    std::uint8_t colour = 0;
    CableKind kind = CableKind::veth;
    bool trunk = false;  // carries more than one VLAN by name
};

// What has a colour of its own.
struct Tenant {
    std::string name;  // "red-net, VLAN 100"
    std::uint8_t colour = 0;
};

struct Model {
    std::string title;  // "lab tenants"
    std::string place;  // what holds the switches
    std::vector<HostNode> hosts;
    std::vector<SwitchNode> switches;
    std::vector<Cable> wires;
    std::vector<Tenant> tenants;
};

[[nodiscard]] Model make_model(const LabView& view);

}  // namespace warren::drawing
