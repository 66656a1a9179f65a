// The state of a lab, and the list of labs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "views/lab_view.hpp"

namespace warren {

[[nodiscard]] std::string show_text(const LabView& view);
// The form of DESIGN §3. Addresses, MTU, state and processes are observed; what is not there is left out or has
// state "missing".
[[nodiscard]] std::string show_json(const LabView& view);

struct ListedLab {
    std::string name;
    std::string state;
    std::size_t hosts = 0;
    std::size_t switches = 0;
    std::int64_t since = 0;  // seconds since 1970
    std::string file;
};
[[nodiscard]] std::string list_text(const std::vector<ListedLab>& labs);
[[nodiscard]] std::string list_json(const std::vector<ListedLab>& labs);

// Columns of equal width, two blanks apart; no blanks at line ends.
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);

}  // namespace warren
