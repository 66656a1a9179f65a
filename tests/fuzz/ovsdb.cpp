// OVSDB: whatever a server sends, it is read into a snapshot, updates or a lock's answer, or is an error; and where
// there is one request, the same comes of the stream however it is cut.
//
// The first byte says what is asked, the second how the stream is cut: the socket keeps datagrams apart, so each
// piece is one read.
#include <algorithm>
#include <chrono>
#include <string>

#include <sys/socket.h>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>

#include "fuzz.hpp"
#include "ovs/ovsdb.hpp"
#include "ovs/snapshot.hpp"

namespace {

using namespace warren;
using namespace warren::ovs;
using namespace std::chrono_literals;

std::string port_text(const OvsPort& port) {
    return fmt::format("{} {} {} {} {} {} {} {}", port.name, port.type, port.peer, port.tag.value_or(0),
                       fmt::join(port.trunks, ","), port.lab, port.host, port.error);
}

std::string snapshot_text(const Snapshot& snapshot) {
    std::string text = snapshot.root;
    for (const auto& [name, bridge] : snapshot.bridges) {
        text += fmt::format("\n{} {} {} {}", name, bridge.uuid, bridge.value.controller, bridge.value.stp);
        for (const auto& [port_name, port] : bridge.value.ports) { text += "\n " + port_text(port); }
    }
    std::map<std::string, std::string> ports;
    for (const auto& [name, port] : snapshot.ports) {
        FUZZ_REQUIRE(snapshot.bridge(port.bridge) != nullptr);
        ports[name] = fmt::format("{} {} {}", port.uuid, port.interface, port_text(port.value));
    }
    for (const auto& [name, port] : ports) { text += "\n" + port; }
    return text;
}

// What comes of a monitor: the initial contents, each update, and how it ended.
std::string monitor_text(Client& client, std::chrono::milliseconds time) {
    const auto initial = client.monitor("m", {}, time);
    if (!initial) { return initial.error().message(); }
    std::string text = json::serialize(*initial);
    for (;;) {
        const auto update = client.next_update("m", time);
        if (!update) { return text + update.error().message(); }
        FUZZ_REQUIRE(update->has_value());
        text += json::serialize(**update);
        for (const auto& [table, rows] : **update) {
            if (const auto* object = rows.if_object()) {
                text += text_of(*object, "name") + fmt::format("{}", integers_of(*object, "n").size());
            }
        }
    }
}

enum class Asked { snapshot, monitor, lock };

// What comes of STREAM, sent in pieces of SIZE bytes.
std::string outcome(std::string_view stream, std::size_t size, Asked asked) {
    int pair[2];
    FUZZ_REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    Client client(Fd(pair[0]), "the server");
    Fd server(pair[1]);
    for (std::size_t at = 0; at < stream.size(); at += size) {
        const auto piece = stream.substr(at, size);
        FUZZ_REQUIRE(::send(server.get(), piece.data(), piece.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
                     static_cast<ssize_t>(piece.size()));
    }
    FUZZ_REQUIRE(::shutdown(server.get(), SHUT_WR) == 0);
    constexpr auto kTime = 1h;  // the stream ends before
    switch (asked) {
        case Asked::snapshot: {
            const auto snapshot = read_snapshot(client, kTime);
            return snapshot ? snapshot_text(*snapshot) : snapshot.error().message();
        }
        case Asked::monitor:
            return monitor_text(client, kTime);
        case Asked::lock: {
            const auto held = client.lock_held("ovs_vswitchd", kTime);
            return held ? fmt::format("{}", *held) : held.error().message();
        }
    }
    return {};
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const auto asked = static_cast<Asked>(input.byte() % 3);
    const std::size_t cut = input.byte() + 1U;
    const std::string_view stream = input.rest();
    // At most 64 pieces: each takes room of its own in the socket.
    const std::size_t piece = std::max(cut, stream.size() / 64 + 1);
    const std::string cut_up = outcome(stream, piece, asked);
    // A lock takes several requests. An answer that comes before its request is dropped, which a server that waits
    // for the request never sees: there the outcome may depend on the cuts.
    if (asked == Asked::lock) { return 0; }
    const std::string at_once = outcome(stream, std::max<std::size_t>(stream.size(), 1), asked);
    if (cut_up != at_once) { std::fprintf(stderr, "%s\nat once: %s\n", cut_up.c_str(), at_once.c_str()); }
    FUZZ_REQUIRE(cut_up == at_once);
    return 0;
}
