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
    std::uint8_t colour = 0;
};

struct HostNode {
    std::string name;
    std::vector<Nic> nics;
    std::vector<std::string> facts;   // default routes, forwarding, processes
    std::vector<std::string> faults;  // processes that should run and do not
    bool missing = false;
    bool server = false;  // of DHCP
    std::uint8_t colour = 0;
};

struct Port {
    std::string name;
    std::string badge;  // "vlan 100", "trunk 10,20"
    std::string note;   // what is wrong
    std::uint8_t colour = 0;
};

struct SwitchNode {
    std::string name;
    std::string title;
    std::vector<Port> ports;
    bool missing = false;
};

struct End {
    bool on_switch = false;
    std::size_t node = 0;   // in hosts or switches
    std::size_t index = 0;  // of its nics or ports
    auto operator<=>(const End&) const = default;
};

struct Cable {
    End a;  // where just one end is a switch's, this is the host's
    End b;
    Stroke stroke = Stroke::solid;
    std::uint8_t colour = 0;
};

struct Model {
    std::string place;  // what holds the switches
    std::vector<HostNode> hosts;
    std::vector<SwitchNode> switches;
    std::vector<Cable> wires;
};

[[nodiscard]] Model make_model(const LabView& view);

}  // namespace warren::drawing
