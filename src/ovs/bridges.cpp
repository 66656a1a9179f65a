// Reading and changing bridges and ports, and making sure that ovs-vswitchd did it. Called by the engine.
#include "ovs/bridges.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/fault.hpp"
#include "ovs/ovsdb.hpp"
#include "ovs/snapshot.hpp"
#include "ovs/transaction.hpp"
#include "ovs/vswitchd.hpp"

namespace warren::ovs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kReadTimeout{10000};
constexpr milliseconds kComesBack{2000};  // an ovs-vswitchd that is being restarted
constexpr int kAttempts = 3;

milliseconds left_until(Clock::time_point deadline) {
    return std::max(std::chrono::ceil<milliseconds>(deadline - Clock::now()), milliseconds(1));
}

std::string hint_for(const Expected& expected, const std::string& text) {
    const auto says = [&](const char* words) { return text.find(words) != std::string::npos; };
    if (!expected.datapath_type.empty()) {
        if (expected.datapath_type == "netdev") {
            return "the userspace datapath needs /dev/net/tun; ovs-vswitchd's log says more";
        }
        return "the kernel has no openvswitch datapath for it (module openvswitch)? the userspace datapath, "
               "netdev, "
               "needs none";
    }
    if (says("could not open network device") && says("No such device")) {
        return fmt::format("link {} must exist in the network namespace of ovs-vswitchd", expected.port);
    }
    if (says("File exists") || says("Device or resource busy")) {
        return fmt::format("{} is in use by another bridge, bond or program", expected.port);
    }
    if (says("Operation not permitted") || says("Permission denied")) {
        return "ovs-vswitchd lacks the right (CAP_NET_ADMIN in its namespace, /dev/net/tun)";
    }
    return "ovs-vswitchd's log says more";
}

}  // namespace

struct Connection::Impl {
    Client client;

    // Commits CHANGES as the database stands now; BEFORE gets how it stood. What changed between the reading
    // and the transaction shows as an operation refused: then it is read again, which either fits or says
    // exactly what does not.
    struct Committed {
        Transaction transaction;
        json::array results;
    };
    Result<Committed> commit(const Changes& changes, Clock::time_point deadline, Snapshot& before) {
        for (int attempt = 1;; ++attempt) {
            WARREN_ASSIGN(before, read_snapshot(client, left_until(deadline)));
            WARREN_ASSIGN(Transaction transaction, build_transaction(changes, before));
            std::string refused;
            std::vector<Operation> operations = std::move(transaction.operations);
            transaction.operations.clear();
            auto results = client.transact(std::move(operations), "change the Open vSwitch database",
                                           left_until(deadline), &refused);
            if (results) { return Committed{std::move(transaction), std::move(*results)}; }
            const bool conflict = refused == "timed out" || refused == "constraint violation";
            if (!conflict || attempt == kAttempts) { return tl::unexpected(std::move(results).error()); }
        }
    }

    Result<void> wait_for(const Committed& committed, Clock::time_point deadline) {
        const auto rows = rows_of(committed.results[committed.results.size() - 1]);
        const auto wanted = rows.empty() ? std::nullopt : integer_of(*rows.front(), "next_cfg");
        if (!wanted) { return failure("change the Open vSwitch database", "its Open_vSwitch row is gone"); }
        return wait_configured(client, *wanted, left_until(deadline), kComesBack);
    }

    Result<void> verify(const Committed& committed, Clock::time_point deadline) {
        const auto& expected = committed.transaction.expected;
        if (expected.empty()) { return {}; }
        std::vector<Operation> selects;
        selects.reserve(expected.size());
        for (const auto& one : expected) {
            std::string id = one.uuid;
            if (one.inserted < committed.results.size()) {
                if (const auto* result = committed.results[one.inserted].if_object()) {
                    const auto uuids = uuids_of(*result, "uuid");
                    if (!uuids.empty()) { id = uuids.front(); }
                }
            }
            Operation select;
            select.body = {{"op", "select"}, {"table", "Interface"}, {"where", where_uuid(id)}};
            select.body["columns"] = list("ofport", "error");
            selects.push_back(std::move(select));
        }
        WARREN_ASSIGN(
            const json::array results,
            client.transact(std::move(selects), "verify the ports of Open vSwitch", left_until(deadline)));
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const Expected& one = expected[i];
            const bool bridge = !one.datapath_type.empty();
            const auto rows = rows_of(results[i]);
            if (rows.empty()) { return failure(one.attempt, "somebody deleted it in the same moment"); }
            std::string error = text_of(*rows.front(), "error");
            if (error.starts_with("No usable peer")) {  // it may be of the past: the snapshot knows
                WARREN_ASSIGN(const Snapshot now, read_snapshot(client, left_until(deadline)));
                const PortRow* port = now.port(one.port);
                if (port != nullptr) { error = port->value.error; }
            }
            if (error.empty() && integer_of(*rows.front(), "ofport").value_or(0) > 0) { continue; }
            std::string reason = error;
            if (reason.empty()) {
                reason = bridge
                             ? fmt::format("ovs-vswitchd did not create its datapath of type {}", one.datapath_type)
                             : "ovs-vswitchd gave it no OpenFlow port number";
            }
            return failure(one.attempt, reason, hint_for(one, error));
        }
        return {};
    }

    Result<void> apply(const Changes& changes, milliseconds timeout) {
        if (changes.empty()) { return {}; }
        const auto deadline = Clock::now() + timeout;
        Snapshot before;
        WARREN_ASSIGN(const Committed committed, commit(changes, deadline, before));
        bool answers = true;
        auto result = fault::point("ovs-committed");
        if (result) { result = wait_for(committed, deadline); }
        if (result) {
            result = verify(committed, deadline);
        } else {
            answers = false;
        }
        if (result) { return {}; }
        Error error = std::move(result).error();
        const auto until = Clock::now() + timeout;
        Snapshot now;
        auto back = commit(inverse(changes, before), until, now);
        if (!back) {
            error.reason += "; and putting back what was there failed: " + back.error().message();
        } else if (answers) {
            (void)wait_for(*back, until);  // the caller's next steps find the ports closed
        }
        return tl::unexpected(std::move(error));
    }
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

Result<Connection> Connection::connect(const std::string& socket_path, milliseconds timeout) {
    auto client = Client::connect(socket_path, timeout);
    if (!client) {
        Error error = std::move(client).error();
        error.attempt = "reach the Open vSwitch database at " + socket_path;
        error.hint = "is ovsdb-server running?";
        return tl::unexpected(std::move(error));
    }
    return Connection(std::make_unique<Impl>(Impl{std::move(*client)}));
}

Result<std::map<std::string, OvsBridge>> Connection::bridges() {
    WARREN_ASSIGN(Snapshot snapshot, read_snapshot(impl_->client, kReadTimeout));
    std::map<std::string, OvsBridge> bridges;
    for (auto& [name, row] : snapshot.bridges) { bridges.emplace(name, std::move(row.value)); }
    return bridges;
}

Result<void> Connection::settle(milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    std::vector<Operation> select(1);
    select[0].body = {{"op", "select"}, {"table", "Open_vSwitch"}, {"where", json::array{}}};
    select[0].body["columns"] = list("next_cfg", "cur_cfg");
    WARREN_ASSIGN(const json::array results,
                  impl_->client.transact(std::move(select), "read Open vSwitch's state", timeout));
    const auto rows = results.empty() ? std::vector<const json::object*>{} : rows_of(results[0]);
    if (rows.empty()) { return {}; }
    const auto next = integer_of(*rows.front(), "next_cfg").value_or(0);
    if (integer_of(*rows.front(), "cur_cfg").value_or(0) >= next) { return {}; }
    WARREN_ASSIGN(const bool connected, vswitchd_connected(impl_->client, left_until(deadline)));
    if (!connected) { return {}; }
    return wait_configured(impl_->client, next, left_until(deadline), milliseconds(0));
}

Result<void> Connection::apply(const Changes& changes, milliseconds timeout) {
    return impl_->apply(changes, timeout);
}

}  // namespace warren::ovs
