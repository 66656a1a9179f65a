// A client of the OVSDB protocol (RFC 7047) over a unix socket. Internal to ovs/: it shows Boost.JSON.
//
// JSON-RPC 1.0 without framing: messages follow each other on the stream. The same framing serves the
// daemons' control sockets (--unixctl), so call() is used for both. No thread; every call ends by its
// deadline. One thread at a time. After a broken connection every call fails with what broke it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace warren::ovs {

namespace json = boost::json;

// An operation of a transaction (RFC 7047 §5.2), and what to say where the database refuses it.
struct Operation {
    json::object body;
    std::string attempt;  // "add port veth-r to bridge ovs1"; "": that of the transaction
    std::string unmet;    // of a `wait`: what it means that it did not hold
};

class Client {
public:
    // Connects to the stream socket at PATH (of any length).
    [[nodiscard]] static Result<Client> connect(const std::string& path, std::chrono::milliseconds timeout);
    // Takes a connected socket; NAME is for errors.
    Client(Fd fd, std::string name);
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;
    ~Client();

    // A request and its result. An `error` in the answer is the Error's reason.
    [[nodiscard]] Result<json::value> call(std::string_view method, json::array params,
                                           std::chrono::milliseconds timeout);

    // All operations or none; the results in their order. The Error is that of the first operation refused,
    // with the database's `error` and `details`; REFUSED, where given, gets that `error` ("timed out": a
    // `wait` did not hold; "constraint violation"; ...), and stays empty where the connection failed.
    [[nodiscard]] Result<json::array> transact(std::vector<Operation> operations, const std::string& attempt,
                                               std::chrono::milliseconds timeout, std::string* refused = nullptr);

    // Follows tables (RFC 7047 §4.1.5): the <table-updates> with the initial contents. ID names it.
    [[nodiscard]] Result<json::object> monitor(const std::string& id, json::object requests,
                                               std::chrono::milliseconds timeout);
    // Stops it and drops its updates that were not taken.
    [[nodiscard]] Result<void> monitor_cancel(const std::string& id, std::chrono::milliseconds timeout);
    // The next <table-updates> of monitor ID; nothing within the time, or the lock that we wait for has come: the
    // optional is empty.
    [[nodiscard]] Result<std::optional<json::object>> next_update(const std::string& id,
                                                                  std::chrono::milliseconds timeout);

    // Readable when there may be an update.
    [[nodiscard]] int fd() const;

    // Whether somebody else holds the lock NAME (RFC 7047 §4.1.8). Takes it for a moment where nobody does.
    [[nodiscard]] Result<bool> lock_held(const std::string& name, std::chrono::milliseconds timeout);
    // Gets in line for the lock NAME behind its holder: lock_came() tells when that one has gone, and the lock is
    // ours until it is left.
    [[nodiscard]] Result<void> wait_for_lock(const std::string& name, std::chrono::milliseconds timeout);
    [[nodiscard]] bool lock_came() const;
    [[nodiscard]] Result<void> leave_lock(const std::string& name, std::chrono::milliseconds timeout);

private:
    struct Wire;
    std::unique_ptr<Wire> wire_;
};

// A list of these. (json::array{x} of another array is a copy with some compilers, a list of one with others.)
template <class... Values>
[[nodiscard]] json::array list(Values&&... values) {
    json::array result;
    result.reserve(sizeof...(values));
    (result.emplace_back(std::forward<Values>(values)), ...);
    return result;
}

// Values in OVSDB's notation (RFC 7047 §5.1).
[[nodiscard]] json::array set_of(json::array atoms);
[[nodiscard]] json::array map_of(const std::map<std::string, std::string>& pairs);
[[nodiscard]] json::array uuid(std::string_view text);
[[nodiscard]] json::array named_uuid(std::string_view name);
[[nodiscard]] json::array where_uuid(std::string_view text);  // [["_uuid","==",["uuid",TEXT]]]

// Reading a column of a row; what is absent or of another form reads as empty.
[[nodiscard]] std::string text_of(const json::object& row, std::string_view column);  // also a set of one string
[[nodiscard]] std::optional<std::int64_t> integer_of(const json::object& row, std::string_view column);
[[nodiscard]] bool bool_of(const json::object& row, std::string_view column);
[[nodiscard]] std::vector<std::int64_t> integers_of(const json::object& row, std::string_view column);
[[nodiscard]] std::vector<std::string> texts_of(const json::object& row, std::string_view column);
[[nodiscard]] std::vector<std::string> uuids_of(const json::object& row, std::string_view column);
[[nodiscard]] std::map<std::string, std::string> map_from(const json::object& row, std::string_view column);
// The rows of a `select`'s result.
[[nodiscard]] std::vector<const json::object*> rows_of(const json::value& result);

}  // namespace warren::ovs
