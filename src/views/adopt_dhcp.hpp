// What a dnsmasq was told, as `dhcp:` of a network. Used by adopt.cpp alone. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/survey.hpp"
#include "lab/lab.hpp"

namespace warren {

struct ReadServer {
    Dhcp dhcp;  // without `host`, `interface` and `reservations`
    std::vector<std::pair<MacAddress, IpAddress>> reservations;
    std::vector<std::string> remarks;  // settings that a network cannot have
};

// SERVER serves by its interface DEVICE, whose address is ADDRESS. Nothing: it does something else than to give out one
// range of that subnet there.
[[nodiscard]] std::optional<ReadServer> read_server(const SurveyedProcess& server, const std::string& device,
                                                    const Prefix& address);

}  // namespace warren
