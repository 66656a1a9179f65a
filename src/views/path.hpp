// What lies between two hosts and how fast it is, for people and for programs.
#pragma once

#include <string>

#include "probe/path.hpp"

namespace warren {

[[nodiscard]] std::string path_text(const PathReport& report, const std::string& from, const std::string& to);
[[nodiscard]] std::string path_json(const PathReport& report, const std::string& lab, const std::string& from,
                                    const std::string& to);

}  // namespace warren
