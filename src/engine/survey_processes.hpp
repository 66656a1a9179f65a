// The processes of a survey. Internal to survey*.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/survey.hpp"

namespace warren {

// All of them by the inode of their network namespace, in the order of their pids; kernel threads left out. One pass
// over /proc.
[[nodiscard]] std::map<std::uint64_t, std::vector<SurveyedProcess>> survey_processes();

// The devices of a DHCP client in a namespace with these LINKS. Pure.
[[nodiscard]] std::vector<std::string> client_devices(const std::vector<std::string>& command,
                                                      const std::map<std::string, Link>& links);

// A dnsmasq's options by their long names, of COMMAND and of the files that it names, which READ reads: "" where it
// cannot. Pure but for READ.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> dnsmasq_settings(
    const std::vector<std::string>& command, const std::function<std::string(const std::string& path)>& read);

}  // namespace warren
