// What a step of a lesson has to bring about, as questions to a survey of the machine.
//
// A check looks and changes nothing. Pure functions of the survey, but for no_checksum_offload(), which asks the kernel,
// is_file(), and answers(), silent() and connects(), which send packets between two namespaces of the lesson.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/net_types.hpp"
#include "engine/survey.hpp"

namespace warren::lesson {

// Whether it is so; what is there, or what is missing and what is there in its place.
struct Seen {
    bool so = false;
    std::string text;
};
using Check = std::function<Seen(const Survey&)>;

// Namespaces are named as in /run/netns, "" is the machine's own.
[[nodiscard]] Check is_namespace(const std::string& name);
[[nodiscard]] Check has_link(const std::string& ns, const std::string& link);
[[nodiscard]] Check is_up(const std::string& ns, const std::string& link);
[[nodiscard]] Check has_address(const std::string& ns, const std::string& link, const std::string& address);
// An address with a lifetime, of SUBNET.
[[nodiscard]] Check has_lease(const std::string& ns, const std::string& link, const std::string& subnet);
// A veth pair with these two ends.
[[nodiscard]] Check is_cable(const std::string& ns, const std::string& link, const std::string& other_ns,
                             const std::string& other_link);
[[nodiscard]] Check no_checksum_offload(const std::string& ns, const std::string& link);
[[nodiscard]] Check runs(const std::string& ns, const std::string& program);
[[nodiscard]] Check has_processes(const std::string& ns);
// Open vSwitch: that one answers; a bridge that works; a port of it, of TYPE ("" system, "internal").
[[nodiscard]] Check switch_runs(const std::string& directory);
[[nodiscard]] Check is_switch(const std::string& bridge);
[[nodiscard]] Check has_bridge(const std::string& bridge);  // in the database, whether it works or not
[[nodiscard]] Check is_port(const std::string& bridge, const std::string& port, std::optional<Vlan> tag = {},
                            const std::string& type = "");
[[nodiscard]] Check answers(const std::string& from, const std::string& address);
[[nodiscard]] Check silent(const std::string& from, const std::string& address);
// A TCP connection carries data; the check listens in TO itself.
[[nodiscard]] Check connects(const std::string& from, const std::string& to, const std::string& address,
                             std::uint16_t port);
[[nodiscard]] Check is_file(const std::string& path);

}  // namespace warren::lesson
