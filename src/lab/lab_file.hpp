// The lab file: YAML text ⇄ Lab.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/diagnostics.hpp"
#include "lab/lab.hpp"

namespace warren {

inline constexpr std::size_t kLargestLabFile = std::size_t{2} << 20U;  // bytes

// Reads TEXT and checks it wholly (DESIGN §2): every mistake is added to DIAGNOSTICS, with the place
// of the offending key or value. The Lab returned is meant for use only where DIAGNOSTICS stayed empty.
// Pure; no I/O. Refuses texts over kLargestLabFile, which bounds time and memory.
[[nodiscard]] Lab read_lab(std::string_view text, Diagnostics& diagnostics);

// A file that read_lab() reads to the same Lab, in the form a person would write.
[[nodiscard]] std::string write_lab(const Lab& lab);

// The checks of meaning that do not depend on the text (dangling names, addresses, ports, VLANs...);
// read_lab() runs them; generators and programs that build a Lab call it themselves.
void check_lab(const Lab& lab, Diagnostics& diagnostics);

}  // namespace warren
