// The checks of the lessons' steps; see checks.hpp.
#include "lesson/checks.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include <sys/socket.h>

#include <fmt/format.h>

#include "base/child.hpp"
#include "base/fd.hpp"
#include "linux/link.hpp"
#include "linux/netns.hpp"
#include "probe/ping.hpp"
#include "probe/tcp.hpp"

namespace warren::lesson {
namespace {

using namespace std::chrono_literals;

std::string place_of(const std::string& ns) { return ns.empty() ? "the machine's own namespace" : ns; }

const SurveyedNamespace* find_namespace(const Survey& survey, const std::string& name) {
    const auto found = survey.namespaces.find(name);
    return found == survey.namespaces.end() ? nullptr : &found->second;
}

const Link* find_link(const Survey& survey, const std::string& ns, const std::string& link) {
    const auto* place = find_namespace(survey, ns);
    if (place == nullptr) { return nullptr; }
    const auto found = place->state.links.find(link);
    return found == place->state.links.end() ? nullptr : &found->second;
}

// Why LINK is not in NS, and where one of its name is.
Seen no_link(const Survey& survey, const std::string& ns, const std::string& link) {
    if (find_namespace(survey, ns) == nullptr) { return {false, fmt::format("there is no namespace {}", ns)}; }
    for (const auto& [other, place] : survey.namespaces) {
        if (place.state.links.contains(link)) {
            return {false, fmt::format("{} is in {}, not in {}", link, place_of(other), place_of(ns))};
        }
    }
    return {false, fmt::format("there is no interface {} in {}", link, place_of(ns))};
}

// LOOK at an interface, where it is there.
Check of_link(const std::string& ns, const std::string& link, std::function<Seen(const Link&)> look) {
    return [ns, link, look = std::move(look)](const Survey& survey) {
        const Link* found = find_link(survey, ns, link);
        return found == nullptr ? no_link(survey, ns, link) : look(*found);
    };
}

const OvsBridge* find_bridge(const Survey& survey, const std::string& name) {
    for (const auto& ovs : survey.switches) {
        if (const auto found = ovs.bridges.find(name); found != ovs.bridges.end()) { return &found->second; }
    }
    return nullptr;
}

std::string texts(const std::set<Prefix>& one, const std::set<Prefix>& other) {
    std::string text;
    for (const auto* addresses : {&one, &other}) {
        for (const auto& address : *addresses) {
            if (!address.address.is_link_local()) { text += (text.empty() ? "" : ", ") + address.to_string(); }
        }
    }
    return text.empty() ? "no address" : text;
}

std::string tag_text(const std::optional<Vlan>& tag) { return tag ? fmt::format("tag {}", *tag) : "no tag"; }

}  // namespace

Check is_namespace(const std::string& name) {
    return [name](const Survey& survey) -> Seen {
        if (find_namespace(survey, name) != nullptr) { return {true, "namespace " + name}; }
        return {false, "there is no namespace " + name};
    };
}

Check has_link(const std::string& ns, const std::string& link) {
    return of_link(ns, link, [=](const Link&) {
        return Seen{true, fmt::format("interface {} in {}", link, place_of(ns))};
    });
}

Check is_up(const std::string& ns, const std::string& link) {
    return of_link(ns, link, [=](const Link& found) -> Seen {
        return {found.up, fmt::format("{} in {} is {}", link, place_of(ns), found.up ? "up" : "down")};
    });
}

Check has_address(const std::string& ns, const std::string& link, const std::string& address) {
    return of_link(ns, link, [=](const Link& found) -> Seen {
        const auto wanted = Prefix::parse(address);
        if (wanted && (found.addresses.contains(*wanted) || found.leased.contains(*wanted))) {
            return {true, fmt::format("{} in {} has {}", link, place_of(ns), address)};
        }
        return {false, fmt::format("{} in {} has {}, not {}", link, place_of(ns),
                                   texts(found.addresses, found.leased), address)};
    });
}

Check has_lease(const std::string& ns, const std::string& link, const std::string& subnet) {
    return of_link(ns, link, [=](const Link& found) -> Seen {
        const auto wanted = Prefix::parse(subnet);
        for (const auto& leased : found.leased) {
            if (wanted && wanted->contains(leased.address)) {
                return {true, fmt::format("{} in {} has got {}", link, place_of(ns), leased.to_string())};
            }
        }
        return {false,
                fmt::format("{} in {} has no lease, but {}", link, place_of(ns), texts(found.addresses, {}))};
    });
}

Check is_cable(const std::string& ns, const std::string& link, const std::string& other_ns,
               const std::string& other_link) {
    return [=](const Survey& survey) -> Seen {
        const Link* found = find_link(survey, ns, link);
        if (found == nullptr) { return no_link(survey, ns, link); }
        if (found->kind != LinkKind::veth) { return {false, link + " is no end of a veth pair"}; }
        if (found->peer_namespace == other_ns && found->peer == other_link) {
            return {true, fmt::format("a cable from {} in {} to {} in {}", link, place_of(ns), other_link,
                                      place_of(other_ns))};
        }
        if (found->peer.empty()) {
            return {false, fmt::format("the other end of {} is where it cannot be seen from here", link)};
        }
        return {false, fmt::format("the other end of {} is {} in {}, not {} in {}", link, found->peer,
                                   place_of(found->peer_namespace), other_link, place_of(other_ns))};
    };
}

Check no_checksum_offload(const std::string& ns, const std::string& link) {
    return of_link(ns, link, [=](const Link&) -> Seen {
        bool on = true;
        const auto place = open_namespace(ns);
        if (!place) { return {false, place.error().message()}; }
        const auto asked = in_namespace(place->get(), [&]() -> Result<void> {
            const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            WARREN_ASSIGN(on, tx_checksum(socket.get(), link));
            return {};
        });
        if (!asked) { return {false, asked.error().message()}; }
        return {!on,
                fmt::format("{} in {} {}", link, place_of(ns),
                            on ? "leaves checksums to a card that is not there" : "makes its checksums itself")};
    });
}

Check runs(const std::string& ns, const std::string& program) {
    return [=](const Survey& survey) -> Seen {
        const auto* place = find_namespace(survey, ns);
        if (place == nullptr) { return {false, "there is no namespace " + ns}; }
        for (const auto& process : place->processes) {
            if (process.program == program) {
                return {true, fmt::format("{} runs in {}, process {}", program, place_of(ns), process.pid)};
            }
        }
        return {false, fmt::format("no {} runs in {}", program, place_of(ns))};
    };
}

Check has_processes(const std::string& ns) {
    return [ns](const Survey& survey) -> Seen {
        const auto* place = find_namespace(survey, ns);
        const auto count = place == nullptr ? 0 : place->processes.size();
        return {count > 0, fmt::format("{} process{} in {}", count, count == 1 ? "" : "es", ns)};
    };
}

Check switch_runs(const std::string& directory) {
    return [directory](const Survey& survey) -> Seen {
        const bool found = std::any_of(survey.switches.begin(), survey.switches.end(),
                                       [&](const SurveyedOvs& ovs) { return ovs.instance.directory == directory; });
        return {found, fmt::format("{}Open vSwitch answers in {}", found ? "" : "no ", directory)};
    };
}

Check is_switch(const std::string& bridge) {
    return [bridge](const Survey& survey) -> Seen {
        if (find_bridge(survey, bridge) == nullptr) { return {false, "there is no Open vSwitch bridge " + bridge}; }
        if (find_link(survey, kMachineNamespace, bridge) != nullptr) {
            return {true, "Open vSwitch bridge " + bridge};
        }
        return {false, fmt::format("bridge {} is in the database and does not work: it has no interface", bridge)};
    };
}

Check has_bridge(const std::string& bridge) {
    return [bridge](const Survey& survey) -> Seen {
        return {find_bridge(survey, bridge) != nullptr, "Open vSwitch bridge " + bridge};
    };
}

Check is_port(const std::string& bridge, const std::string& port, std::optional<Vlan> tag,
              const std::string& type) {
    return [=](const Survey& survey) -> Seen {
        const OvsBridge* found = find_bridge(survey, bridge);
        if (found == nullptr) { return {false, "there is no Open vSwitch bridge " + bridge}; }
        const auto it = found->ports.find(port);
        if (it == found->ports.end()) { return {false, fmt::format("{} has no port {}", bridge, port)}; }
        const OvsPort& value = it->second;
        if (!value.error.empty()) { return {false, fmt::format("port {} does not work: {}", port, value.error)}; }
        if (value.type != type) {
            return {false, fmt::format("port {} has the type '{}', not '{}'", port, value.type, type)};
        }
        if (value.tag != tag) {
            return {false,
                    fmt::format("port {} of {} has {}, not {}", port, bridge, tag_text(value.tag), tag_text(tag))};
        }
        return {true, fmt::format("port {} of {}{}", port, bridge, tag ? ", " + tag_text(tag) : "")};
    };
}

namespace {

Result<PingResult> ping_once(const std::string& from, const std::string& address, std::chrono::milliseconds time) {
    const auto to = IpAddress::parse(address);
    if (!to) { return failure("ping " + address, "no address"); }
    PingOptions options;
    options.timeout = time;
    options.until_reached = true;
    WARREN_ASSIGN(const auto results, ping({{from, *to}}, options));
    return results.front();
}

}  // namespace

Check answers(const std::string& from, const std::string& address) {
    return [=](const Survey&) -> Seen {
        const auto result = ping_once(from, address, 5s);
        if (!result) { return {false, result.error().message()}; }
        if (result->received > 0) { return {true, fmt::format("{} answers {}", address, from)}; }
        return {false, fmt::format("{} does not answer {}{}", address, from,
                                   result->error.empty() ? "" : ": " + result->error)};
    };
}

Check silent(const std::string& from, const std::string& address) {
    return [=](const Survey&) -> Seen {
        const auto result = ping_once(from, address, 1s);
        if (!result) { return {false, result.error().message()}; }
        const bool so = result->received == 0;
        return {so, fmt::format("{} {} {}", address, so ? "is not to be reached from" : "answers", from)};
    };
}

Check connects(const std::string& from, const std::string& to, const std::string& address, std::uint16_t port) {
    return [=](const Survey&) -> Seen {
        probe::TcpTarget target{from, to, {}, port};
        if (const auto parsed = IpAddress::parse(address)) { target.address = *parsed; }
        const auto result = probe::tcp_reach(target, probe::Clock::now() + 10s);
        if (result.reached) { return {true, fmt::format("TCP from {} to {} carries data", from, to)}; }
        return {false, fmt::format("no TCP from {} to {}: {}", from, to, result.error)};
    };
}

Check is_file(const std::string& path) {
    return [path](const Survey&) -> Seen {
        const bool found = path_exists(path);
        return {found, found ? "file " + path : "there is no file " + path};
    };
}

}  // namespace warren::lesson
