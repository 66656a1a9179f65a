// Open vSwitch bridges and ports, read and changed in one OVSDB transaction each. Called by the engine.
//
// One connection to one database; one thread at a time; every call ends by its deadline. Rows bear their
// owner in external_ids: warren-lab (Bridge, Port), warren-host (Port).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "state/state.hpp"

namespace warren::ovs {

// The OpenFlow number that a new port asks for: N where it is named BRIDGE-ethN, which flows that people write by hand
// count on. Others take what is free.
[[nodiscard]] std::optional<std::uint16_t> openflow_number(std::string_view bridge, std::string_view port);

// What one transaction changes. Deletions come before additions: a port may move to another bridge.
struct Changes {
    // The owner's mark that rows to delete must bear ("": none). Rows to set must bear that of their `before`.
    std::string lab;
    std::vector<OvsBridge> add_bridges;                             // with their ports
    std::vector<std::string> delete_bridges;                        // with all their ports, also foreign ones
    std::vector<std::pair<OvsBridge, OvsBridge>> set_bridges;       // before, after; their ports are not looked at
    std::vector<std::pair<std::string, OvsPort>> add_ports;         // (bridge, port)
    std::vector<std::pair<std::string, std::string>> delete_ports;  // (bridge, port)
    std::vector<std::tuple<std::string, OvsPort, OvsPort>> set_ports;  // (bridge, before, after)

    [[nodiscard]] bool empty() const {
        return add_bridges.empty() && delete_bridges.empty() && set_bridges.empty() && add_ports.empty() &&
               delete_ports.empty() && set_ports.empty();
    }
};

class Connection {
public:
    // SOCKET_PATH: of ovsdb-server, DIRECTORY/db.sock.
    [[nodiscard]] static Result<Connection> connect(const std::string& socket_path,
                                                    std::chrono::milliseconds timeout);
    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    // All bridges of this Open vSwitch with their ports, whoever made them (lab "" where unmarked). What the
    // database leaves open is said as ovs-vswitchd reads it: datapath_type "system", fail_mode "standalone".
    // Several controllers are one string, separated by blanks, as apply() takes them.
    [[nodiscard]] Result<std::map<std::string, OvsBridge>> bridges();

    // Waits until an ovs-vswitchd that is connected has taken up what the database holds: who was killed just after
    // its transaction has not waited for that.
    [[nodiscard]] Result<void> settle(std::chrono::milliseconds timeout);

    // Makes all of CHANGES in one transaction, waits until ovs-vswitchd has taken it up, and verifies that every
    // added or changed port and every added bridge works. All or nothing: where it fails, also at the last
    // of these, what was there before is put back (OpenFlow flows of deleted bridges excepted). A row to add
    // that exists, a row to change that is gone and a row with another mark are failures; a row to delete
    // that is gone is none. TIMEOUT is for all of it; putting back may take as long again.
    [[nodiscard]] Result<void> apply(const Changes& changes, std::chrono::milliseconds timeout);

private:
    struct Impl;
    explicit Connection(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace warren::ovs
