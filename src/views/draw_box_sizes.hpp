// How large the boxes of a picture are. Used by draw_places.cpp alone.
#pragma once

#include "views/draw_places.hpp"

namespace warren::drawing {

[[nodiscard]] int nic_height(const Nic& nic);
[[nodiscard]] bool fits_one_line(const HostNode& host);
// Sets the size of a host's box, whose tabs have their edges, and the places of its tabs.
void size_host(const Model& model, const HostNode& host, Placed& box);
// In the order of the tabs.
void place_host_tabs(const Model& model, Placed& box);
[[nodiscard]] int switch_width(const Model& model, const SwitchNode& sw, const std::vector<Tab>& tabs);
// That a wire is level next to a tab: its badges stand there.
[[nodiscard]] int stub(const Model& model, const Tab& tab);

}  // namespace warren::drawing
