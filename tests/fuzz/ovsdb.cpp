// OVSDB: whatever a server sends, it is read into a snapshot, an update or a lock's answer, or is an error; and what
// can be read whole is the same however the stream is cut.
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

struct Outcome {
    bool whole = false;  // all of the stream could be read
    std::string text;
};

// What comes of STREAM, sent in pieces of SIZE bytes.
Outcome outcome(std::string_view stream, std::size_t size, std::uint8_t which) {
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
    constexpr auto kTime = 10s;  // the stream ends before
    switch (which % 3) {
        case 0: {
            const auto snapshot = read_snapshot(client, kTime);
            return snapshot ? Outcome{true, snapshot_text(*snapshot)} : Outcome{false, snapshot.error().message()};
        }
        case 1: {
            const auto initial = client.monitor("m", {}, kTime);
            if (!initial) { return {false, initial.error().message()}; }
            std::string text = json::serialize(*initial);
            for (;;) {
                const auto update = client.next_update("m", kTime);
                if (!update) {
                    const std::string end = update.error().message();
                    return {end.find("closed the connection") != std::string::npos, text + end};
                }
                if (!*update) { return {false, text}; }
                text += json::serialize(**update);
                for (const auto& [table, rows] : **update) {
                    if (const auto* object = rows.if_object()) {
                        text += text_of(*object, "name") + fmt::format("{}", integers_of(*object, "n").size());
                    }
                }
            }
        }
        default: {
            const auto held = client.lock_held("ovs_vswitchd", kTime);
            // Several requests: an answer that comes before its request is dropped, so cuts matter.
            return {false, held ? fmt::format("{}", *held) : held.error().message()};
        }
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::uint8_t which = input.byte();
    const std::size_t cut = input.byte() + 1U;
    const std::string_view stream = input.rest();
    // At most 64 pieces: each takes room of its own in the socket.
    const std::size_t piece = std::max(cut, stream.size() / 64 + 1);
    const Outcome at_once = outcome(stream, std::max<std::size_t>(stream.size(), 1), which);
    const Outcome cut_up = outcome(stream, piece, which);
    if (at_once.whole) { FUZZ_REQUIRE(cut_up.whole && cut_up.text == at_once.text); }
    return 0;
}
