// The OVSDB protocol: framing, requests, notifications, values. Called by bridges.cpp and daemons.cpp; knows
// nothing of the tables.
#include "ovs/ovsdb.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

namespace warren::ovs {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr const char* kDatabase = "Open_vSwitch";
constexpr std::size_t kReadSize = 64U << 10U;
constexpr fsblkcnt_t kLittleRoom = 16;  // blocks: the database is written a little at a time

// "ERROR: DETAILS" of an <error> object, or the plain string that control sockets send.
std::string error_text(const json::value& error) {
    if (const auto* text = error.if_string()) { return std::string(*text); }
    const auto* object = error.if_object();
    if (object == nullptr) { return json::serialize(error); }
    std::string text = text_of(*object, "error");
    const std::string details = text_of(*object, "details");
    if (!details.empty()) { text += ": " + details; }
    return text;
}

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

struct Client::Wire {
    Fd fd;
    std::string name;
    json::stream_parser parser;
    bool inside = false;  // the parser holds a part of a message
    std::vector<char> buffer = std::vector<char>(kReadSize);
    std::string output;
    std::size_t sent = 0;
    std::int64_t last_id = 0;
    std::optional<std::int64_t> awaited;
    std::optional<json::object> answer;
    std::map<std::string, std::deque<json::object>> updates;  // by monitor
    bool in_line = false;                                     // for a lock
    bool locked = false;                                      // a `locked` notification came while it was
    std::optional<Error> broken;

    tl::unexpected<Error> breaks(tl::unexpected<Error> error) {
        broken = error.value();
        return error;
    }

    tl::unexpected<Error> closed() const {
        return failure("talk to " + name, "the other side closed the connection");
    }

    void queue(const json::object& message) {
        if (sent == output.size()) {
            output.clear();
            sent = 0;
        }
        output += json::serialize(message);
    }

    void take(json::object message) {
        const auto* method = message.if_contains("method");
        if (method == nullptr || method->is_null()) {
            const auto* id = message.if_contains("id");
            const auto* number = id != nullptr ? id->if_int64() : nullptr;
            // An answer that nobody waits for is one whose deadline had passed. Of two to one request the first
            // counts: the second might as well have come after it was taken.
            if (awaited && !answer && number != nullptr && *number == *awaited) { answer = std::move(message); }
            return;
        }
        if (!method->is_string()) { return; }
        auto* params = message.if_contains("params");
        if (method->get_string() == "locked") {
            locked = in_line;
        } else if (method->get_string() == "echo") {
            json::object reply;
            reply["result"] = params != nullptr ? *params : json::value(json::array{});
            reply["error"] = nullptr;
            reply["id"] = message.contains("id") ? message["id"] : json::value();
            queue(reply);
        } else if (method->get_string() == "update" && params != nullptr && params->is_array()) {
            auto& both = params->get_array();  // the monitor's name, <table-updates>
            if (both.size() == 2 && both[0].is_string() && both[1].is_object()) {
                const auto found = updates.find(std::string(both[0].get_string()));
                if (found != updates.end()) { found->second.push_back(std::move(both[1].get_object())); }
            }
        }
    }

    Result<void> feed(const char* data, std::size_t size) {
        while (size > 0) {
            if (!inside && is_space(*data)) {
                ++data;
                --size;
                continue;
            }
            inside = true;
            boost::system::error_code code;
            const std::size_t used = parser.write_some(data, size, code);
            if (code) { return breaks(failure("read from " + name, "not JSON: " + code.message())); }
            data += used;
            size -= used;
            if (!parser.done()) { continue; }
            json::value message = parser.release();
            parser.reset();
            inside = false;
            if (!message.is_object()) { return breaks(failure("read from " + name, "not a JSON-RPC message")); }
            take(std::move(message.get_object()));
        }
        return {};
    }

    // Waits for the socket, then writes and reads what goes. False: the deadline has passed. Reads also while
    // there is much to write: a server whose own output is stuck does not read.
    Result<bool> step(Clock::time_point deadline) {
        if (broken) { return tl::unexpected(*broken); }
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
        const bool writing = sent < output.size();
        pollfd entry{fd.get(), static_cast<short>(POLLIN | (writing ? POLLOUT : 0)), 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
        if (ready < 0) {
            if (errno == EINTR) { return true; }
            return breaks(errno_failure("wait for " + name));
        }
        if (ready == 0) { return false; }
        if ((entry.revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
            const ssize_t n = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n > 0) { WARREN_TRY(feed(buffer.data(), static_cast<std::size_t>(n))); }
            if (n == 0) { return breaks(closed()); }
            if (n < 0 && errno == ECONNRESET) { return breaks(closed()); }
            if (n < 0 && errno != EAGAIN && errno != EINTR) { return breaks(errno_failure("read from " + name)); }
        }
        if (writing && (entry.revents & POLLOUT) != 0) {
            const ssize_t n =
                ::send(fd.get(), output.data() + sent, output.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n > 0) { sent += static_cast<std::size_t>(n); }
            if (n < 0 && errno == EPIPE) { return breaks(closed()); }
            if (n < 0 && errno != EAGAIN && errno != EINTR) { return breaks(errno_failure("write to " + name)); }
        }
        return true;
    }
};

Client::Client(Fd fd, std::string name) : wire_(std::make_unique<Wire>()) {
    wire_->fd = std::move(fd);
    wire_->name = std::move(name);
}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Result<Client> Client::connect(const std::string& path, milliseconds timeout) {
    const std::string attempt = "connect to " + path;
    std::string place = path;
    Fd directory;
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        const std::size_t slash = path.rfind('/');
        if (slash == std::string::npos) { return errno_failure(ENAMETOOLONG, attempt); }
        WARREN_ASSIGN(directory, open_file(path.substr(0, slash + 1), O_PATH | O_DIRECTORY));
        place = fmt::format("/proc/self/fd/{}{}", directory.get(), path.substr(slash));
        if (place.size() >= sizeof(sockaddr_un::sun_path)) { return errno_failure(ENAMETOOLONG, attempt); }
    }
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) { return errno_failure(attempt); }
    // A blocking connect waits while the listener's queue is full (a non-blocking one fails, and poll cannot
    // wait for room); SO_SNDTIMEO bounds it.
    const auto bounded = std::max<std::int64_t>(timeout.count(), 1);
    const timeval limit{bounded / 1000, (bounded % 1000) * 1000};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) != 0) {
        return errno_failure(attempt);
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, place.c_str(), place.size());
    int result = -1;
    do {
        result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        if (errno == EAGAIN) { return errno_failure(ETIMEDOUT, attempt); }
        return errno_failure(attempt);
    }
    return Client(std::move(fd), path);
}

Result<json::value> Client::call(std::string_view method, json::array params, milliseconds timeout) {
    Wire& wire = *wire_;
    if (wire.broken) { return tl::unexpected(*wire.broken); }
    const auto deadline = Clock::now() + timeout;
    const std::string attempt = fmt::format("ask {} for {}", wire.name, method);
    json::object message;
    message["method"] = method;
    message["params"] = std::move(params);
    message["id"] = ++wire.last_id;
    wire.queue(message);
    wire.awaited = wire.last_id;
    wire.answer.reset();
    while (!wire.answer || wire.sent < wire.output.size()) {
        const auto more = wire.step(deadline);
        // An answer stands, whatever came of what followed it on the wire: the next call meets that.
        if (wire.answer && !more.value_or(false)) { break; }
        if (!more) { return tl::unexpected(more.error()); }
        if (!*more) {
            wire.awaited.reset();
            return failure(attempt, fmt::format("no answer within {} ms", timeout.count()));
        }
    }
    wire.awaited.reset();
    json::object answer = std::move(*wire.answer);
    wire.answer.reset();
    if (const auto* error = answer.if_contains("error"); error != nullptr && !error->is_null()) {
        return failure(attempt, error_text(*error));
    }
    return std::move(answer["result"]);
}

Result<json::array> Client::transact(std::vector<Operation> operations, const std::string& attempt,
                                     milliseconds timeout, std::string* refused) {
    json::array params;
    params.reserve(operations.size() + 1);
    params.emplace_back(kDatabase);
    for (auto& operation : operations) { params.emplace_back(std::move(operation.body)); }
    auto result = call("transact", std::move(params), timeout);
    if (!result) {
        Error error = std::move(result).error();
        error.reason = error.attempt + ": " + (error.reason.empty() ? errno_text(error.code) : error.reason);
        error.attempt = attempt;
        error.code = 0;
        return tl::unexpected(std::move(error));
    }
    if (!result->is_array()) { return failure(attempt, "the database's answer to transact is no list"); }
    json::array& results = result->get_array();
    // Fewer results than operations do not occur; one more holds an error found at commit (RFC 7047 §4.1.3).
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto* object = results[i].if_object();
        const auto* error = object != nullptr ? object->if_contains("error") : nullptr;
        if (error == nullptr || error->is_null()) { continue; }
        const std::string kind = text_of(*object, "error");
        if (refused != nullptr) { *refused = kind; }
        const Operation* operation = i < operations.size() ? &operations[i] : nullptr;
        // The server writes the reason to its log only.
        struct statvfs room {};
        if (kind == "I/O error" && ::statvfs(wire_->name.c_str(), &room) == 0 && room.f_bavail < kLittleRoom) {
            return failure(attempt, error_text(results[i]) + " (No space left on device)");
        }
        const bool unmet = operation != nullptr && kind == "timed out" && !operation->unmet.empty();
        return failure(operation != nullptr && !operation->attempt.empty() ? operation->attempt : attempt,
                       unmet ? operation->unmet : error_text(results[i]));
    }
    if (results.size() < operations.size()) {
        return failure(attempt, "the database left out results of transact");
    }
    return std::move(results);
}

Result<json::object> Client::monitor(const std::string& id, json::object requests, milliseconds timeout) {
    wire_->updates[id].clear();
    json::array params;
    params.emplace_back(kDatabase);
    params.emplace_back(id);
    params.emplace_back(std::move(requests));
    auto initial = call("monitor", std::move(params), timeout);
    if (!initial) {
        wire_->updates.erase(id);
        return tl::unexpected(std::move(initial).error());
    }
    if (!initial->is_object()) { return failure("monitor " + wire_->name, "the initial contents are no object"); }
    return std::move(initial->get_object());
}

Result<void> Client::monitor_cancel(const std::string& id, milliseconds timeout) {
    WARREN_TRY(call("monitor_cancel", list(id), timeout));
    wire_->updates.erase(id);
    return {};
}

Result<std::optional<json::object>> Client::next_update(const std::string& id, milliseconds timeout) {
    const auto deadline = Clock::now() + timeout;
    auto& waiting = wire_->updates[id];
    while (waiting.empty()) {
        if (wire_->locked) { return std::optional<json::object>{}; }
        const auto more = wire_->step(deadline);
        if (!waiting.empty()) { break; }  // it stands, too, whatever followed it
        if (!more) { return tl::unexpected(more.error()); }
        if (!*more) { return std::optional<json::object>{}; }
    }
    std::optional<json::object> next(std::move(waiting.front()));
    waiting.pop_front();
    return next;
}

int Client::fd() const { return wire_->fd.get(); }

Result<bool> Client::lock_held(const std::string& name, milliseconds timeout) {
    wire_->in_line = true;
    wire_->locked = false;
    WARREN_ASSIGN(const json::value result, call("lock", list(name), timeout));
    bool held = result.is_object() && !bool_of(result.get_object(), "locked");
    if (held) {
        // The server may not yet have seen that the holder's connection is closed. It looks at every connection
        // before it comes back to ours, and hands the lock on to us then.
        WARREN_TRY(call("echo", {}, timeout));
        held = !wire_->locked;
    }
    // A refused `lock` stays in the queue until it is taken back.
    WARREN_TRY(leave_lock(name, timeout));
    return held;
}

Result<void> Client::wait_for_lock(const std::string& name, milliseconds timeout) {
    wire_->in_line = true;
    wire_->locked = false;
    WARREN_ASSIGN(const json::value result, call("lock", list(name), timeout));
    if (result.is_object() && bool_of(result.get_object(), "locked")) { wire_->locked = true; }
    return {};
}

bool Client::lock_came() const { return wire_->locked; }

Result<void> Client::leave_lock(const std::string& name, milliseconds timeout) {
    WARREN_TRY(call("unlock", list(name), timeout));
    wire_->in_line = false;
    wire_->locked = false;
    return {};
}

json::array set_of(json::array atoms) { return list("set", std::move(atoms)); }

json::array map_of(const std::map<std::string, std::string>& pairs) {
    json::array entries;
    for (const auto& [key, value] : pairs) { entries.emplace_back(list(key, value)); }
    return list("map", std::move(entries));
}

namespace {

// What TAG introduces: the list of ["set", [...]], the text of ["uuid", "..."]; null for all else.
const json::value* content(const json::value& value, std::string_view tag) {
    const auto* pair = value.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() || (*pair)[0].get_string() != tag) {
        return nullptr;
    }
    return &(*pair)[1];
}

// Calls EACH for the atoms of a column: one stands for a set of one (RFC 7047 §5.1).
template <class Each>
void for_each_atom(const json::object& row, std::string_view column, Each each) {
    const auto* value = row.if_contains(column);
    if (value == nullptr) { return; }
    const auto* set = content(*value, "set");
    if (set == nullptr) {
        each(*value);
    } else if (const auto* atoms = set->if_array()) {
        for (const auto& atom : *atoms) { each(atom); }
    }
}

}  // namespace

json::array uuid(std::string_view text) { return list("uuid", text); }
json::array named_uuid(std::string_view name) { return list("named-uuid", name); }

json::array where_uuid(std::string_view text) { return list(list("_uuid", "==", uuid(text))); }

std::vector<std::string> texts_of(const json::object& row, std::string_view column) {
    std::vector<std::string> texts;
    for_each_atom(row, column, [&](const json::value& atom) {
        if (const auto* text = atom.if_string()) { texts.emplace_back(*text); }
    });
    return texts;
}

std::vector<std::int64_t> integers_of(const json::object& row, std::string_view column) {
    std::vector<std::int64_t> integers;
    for_each_atom(row, column, [&](const json::value& atom) {
        if (const auto* integer = atom.if_int64()) { integers.push_back(*integer); }
    });
    return integers;
}

std::vector<std::string> uuids_of(const json::object& row, std::string_view column) {
    std::vector<std::string> uuids;
    for_each_atom(row, column, [&](const json::value& atom) {
        const auto* text = content(atom, "uuid");
        if (text != nullptr && text->is_string()) { uuids.emplace_back(text->get_string()); }
    });
    return uuids;
}

std::string text_of(const json::object& row, std::string_view column) {
    auto texts = texts_of(row, column);
    return texts.empty() ? "" : std::move(texts.front());
}

std::optional<std::int64_t> integer_of(const json::object& row, std::string_view column) {
    const auto integers = integers_of(row, column);
    if (integers.empty()) { return std::nullopt; }
    return integers.front();
}

bool bool_of(const json::object& row, std::string_view column) {
    const auto* value = row.if_contains(column);
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::map<std::string, std::string> map_from(const json::object& row, std::string_view column) {
    std::map<std::string, std::string> pairs;
    const auto* value = row.if_contains(column);
    const auto* map = value != nullptr ? content(*value, "map") : nullptr;
    const auto* entries = map != nullptr ? map->if_array() : nullptr;
    if (entries == nullptr) { return pairs; }
    for (const auto& entry : *entries) {
        const auto* pair = entry.if_array();
        if (pair != nullptr && pair->size() == 2 && (*pair)[0].is_string() && (*pair)[1].is_string()) {
            pairs.emplace((*pair)[0].get_string(), (*pair)[1].get_string());
        }
    }
    return pairs;
}

std::vector<const json::object*> rows_of(const json::value& result) {
    std::vector<const json::object*> rows;
    const auto* object = result.if_object();
    const auto* value = object != nullptr ? object->if_contains("rows") : nullptr;
    const auto* found = value != nullptr ? value->if_array() : nullptr;
    if (found == nullptr) { return rows; }
    for (const auto& row : *found) {
        if (const auto* columns = row.if_object()) { rows.push_back(columns); }
    }
    return rows;
}

}  // namespace warren::ovs
