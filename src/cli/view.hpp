// The view of a lab that is up, for the verbs that show it.
#pragma once

#include <string>

#include "engine/engine.hpp"
#include "views/lab_view.hpp"

namespace warren::cli {

// LAB "": the only one.
[[nodiscard]] Result<LabView> view_of(const std::string& lab);

}  // namespace warren::cli
