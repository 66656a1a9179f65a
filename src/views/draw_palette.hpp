// VLANs as they are written in a diagram, and the colours of those who share one. Used by draw*.cpp alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/net_types.hpp"
#include "views/draw_model.hpp"

namespace warren::drawing {

// "vlan 100", "trunk 10,20,30-39", both, or nothing.
[[nodiscard]] std::string badge_text(const std::optional<Vlan>& access, const std::vector<Vlan>& trunk);

// Gives each VLAN, or untagged network, a colour: the one that it or its hosts are named after, else the next free.
class Palette {
public:
    void want(const std::string& tenant, const std::string& name);
    void settle();
    [[nodiscard]] std::uint8_t of(const std::string& tenant) const;  // 0: none

private:
    std::vector<std::string> order_;
    std::map<std::string, std::vector<std::string>> names_;
    std::map<std::string, std::uint8_t> colours_;
};

// Gives each wire the colour that COLOUR_OF says, its ends the same, and a host whose interfaces agree that one.
void give_colours(Model& model, const std::function<std::uint8_t(const Cable&)>& colour_of);

}  // namespace warren::drawing
