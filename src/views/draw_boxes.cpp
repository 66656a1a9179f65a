// What stands in the boxes of hosts. Called by draw_layout.cpp.
#include <algorithm>

#include <fmt/format.h>

#include "views/draw_layout.hpp"

namespace warren::drawing {
namespace {

std::string padded(const std::string& text, int width) {
    return text + std::string(static_cast<std::size_t>(std::max(0, width - columns(text))), ' ');
}

void begin_nic(Box& box, End end, const std::string& text, const Nic& nic) {
    box.starts.push_back(box.rows.size());
    box.ends.push_back(end);
    box.rows.push_back({text + (nic.note.empty() ? "" : " " + nic.note), nic.colour, !nic.note.empty()});
}

}  // namespace

Box host_box(const Model& model, std::size_t host, const std::vector<std::size_t>& nics, bool split) {
    const HostNode& node = model.hosts[host];
    Box box;
    box.title = node.name + (node.missing ? " (missing)" : "");
    box.missing = node.missing;
    box.colour = node.colour;
    int name_width = 0;
    for (const auto& nic : node.nics) { name_width = std::max(name_width, columns(nic.name)); }
    for (const std::size_t n : nics) {
        const Nic& nic = node.nics[n];
        const bool inline_address = !split && !nic.addresses.empty();
        begin_nic(box, {false, host, n},
                  inline_address ? padded(nic.name, name_width) + " " + nic.addresses[0] : nic.name, nic);
        const int indent = split ? 2 : name_width + 1;
        for (std::size_t a = inline_address ? 1 : 0; a < nic.addresses.size(); ++a) {
            box.rows.push_back({padded("", indent) + nic.addresses[a], nic.colour, false});
        }
    }
    for (const auto& fact : node.facts) { box.rows.push_back({fact, 0, false}); }
    for (const auto& process : node.processes) { box.rows.push_back({process, 0, false}); }
    for (const auto& lease : node.leases) { box.rows.push_back({"lease " + lease, 0, false}); }
    for (const auto& fault : node.faults) { box.rows.push_back({fault, 0, true}); }
    if (box.rows.empty()) { box.rows.push_back({"no interface", 0, false}); }
    return box;
}

Box group_box(const Model& model, const std::vector<std::size_t>& hosts) {
    int host_width = 0;
    int nic_width = 0;
    for (const std::size_t h : hosts) {
        host_width = std::max(host_width, columns(model.hosts[h].name));
        nic_width = std::max(nic_width, columns(model.hosts[h].nics[0].name));
    }
    Box box;
    box.title = fmt::format("{} hosts", hosts.size());
    for (const std::size_t h : hosts) {
        const HostNode& node = model.hosts[h];
        Nic nic = node.nics[0];
        if (node.missing) { nic.note = "missing"; }
        begin_nic(box, {false, h, 0},
                  fmt::format("{}  {} {}", padded(node.name, host_width), padded(nic.name, nic_width),
                              fmt::join(nic.addresses, " ")),
                  nic);
    }
    return box;
}

}  // namespace warren::drawing
