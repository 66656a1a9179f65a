// Two hosts of one lab between which something is measured.
#pragma once

#include <string>

#include "base/net_types.hpp"
#include "engine/engine.hpp"
#include "views/lab_view.hpp"

namespace warren::cli {

struct TwoHosts {
    Place from;
    Place to;
    LabView view;
    IpAddress address;  // of TO, as FROM reaches it
};
// HOST or LAB/HOST; the second is looked for in the first one's lab.
[[nodiscard]] Result<TwoHosts> two_hosts(const std::string& first, const std::string& second);

}  // namespace warren::cli
