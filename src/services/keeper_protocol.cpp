// Keeper messages and process records as JSON. Called by the keeper, its client and process_records.
#include "services/keeper_protocol.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;

constexpr int kRecordFormat = 1;

template <class Enum, std::size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<ProcessRole, 3> kRoles{{{ProcessRole::dhcp_server, "dhcp-server"},
                                        {ProcessRole::dhcp_client, "dhcp-client"},
                                        {ProcessRole::service, "service"}}};
constexpr Names<Restart, 3> kRestarts{
    {{Restart::always, "always"}, {Restart::on_failure, "on-failure"}, {Restart::never, "never"}}};
constexpr Names<Error::Kind, 3> kKinds{
    {{Error::Kind::failed, "failed"}, {Error::Kind::usage, "usage"}, {Error::Kind::lacking, "lacking"}}};
constexpr Names<KeeperRequest::Verb, 5> kVerbs{{{KeeperRequest::Verb::start, "start"},
                                                {KeeperRequest::Verb::stop, "stop"},
                                                {KeeperRequest::Verb::reload, "reload"},
                                                {KeeperRequest::Verb::list, "list"},
                                                {KeeperRequest::Verb::quit, "quit"}}};
constexpr Names<ProcessRecord::Phase, 3> kPhaseNames{{{ProcessRecord::Phase::starting, "starting"},
                                                      {ProcessRecord::Phase::running, "running"},
                                                      {ProcessRecord::Phase::ended, "ended"}}};

template <class Enum, std::size_t N>
std::string_view name_of(const Names<Enum, N>& names, Enum value) {
    for (const auto& [each, name] : names) {
        if (each == value) { return name; }
    }
    return "";
}

// Takes members out of an object, remembering the first that was not as it must be.
class Reader {
public:
    Reader(const json::value& value, std::string& fault) : object_(value.if_object()), fault_(fault) {
        if (object_ == nullptr) { blame("an object"); }
    }

    void read(const char* key, std::string& into) {
        if (const auto* text = member(key, &json::value::if_string)) { into.assign(text->data(), text->size()); }
    }
    void read(const char* key, bool& into) {
        if (const auto* value = member(key, &json::value::if_bool)) { into = *value; }
    }
    template <class Integer>
    void read_number(const char* key, Integer& into) {
        const json::value* value = find(key);
        if (value == nullptr) { return; }
        boost::system::error_code code;
        into = value->to_number<Integer>(code);
        if (code) { blame(key); }
    }
    void read(const char* key, std::vector<std::string>& into) {
        const auto* items = member(key, &json::value::if_array);
        if (items == nullptr) { return; }
        for (const auto& item : *items) {
            const auto* text = item.if_string();
            if (text == nullptr) { return blame(key); }
            into.emplace_back(text->data(), text->size());
        }
    }
    template <class Enum, std::size_t N>
    void read(const char* key, const Names<Enum, N>& names, Enum& into) {
        std::string text;
        read(key, text);
        for (const auto& [value, name] : names) {
            if (name == text) {
                into = value;
                return;
            }
        }
        blame(key);
    }
    [[nodiscard]] const json::value* find(const char* key) {
        const json::value* value = object_ != nullptr ? object_->if_contains(key) : nullptr;
        if (value == nullptr) { blame(key); }
        return value;
    }
    [[nodiscard]] bool has(const char* key) const { return object_ != nullptr && object_->contains(key); }
    void blame(const std::string& key) {
        if (fault_.empty()) { fault_ = fmt::format("\"{}\" is missing or not as it must be", key); }
    }

private:
    template <class Pointer>
    Pointer member(const char* key, Pointer (json::value::*as)() const noexcept) {
        const json::value* value = find(key);
        if (value == nullptr) { return nullptr; }
        const Pointer found = (value->*as)();
        if (found == nullptr) { blame(key); }
        return found;
    }

    const json::object* object_;
    std::string& fault_;
};

json::array to_json(const std::vector<std::string>& words) { return json::array(words.begin(), words.end()); }

json::object to_json(const Process& process) {
    return {{"host", process.host},
            {"name", process.name},
            {"net_namespace", process.net_namespace},
            {"role", name_of(kRoles, process.role)},
            {"device", process.device},
            {"network", process.network},
            {"command", to_json(process.command)},
            {"environment", to_json(process.environment)},
            {"reload_files", to_json(process.reload_files)},
            {"restart_files", to_json(process.restart_files)},
            {"restart", name_of(kRestarts, process.restart)},
            {"own_etc", process.own_etc},
            {"pid", process.pid},
            {"status", process.status}};
}

json::array to_json(const std::vector<Process>& processes) {
    json::array all;
    for (const auto& process : processes) { all.push_back(to_json(process)); }
    return all;
}

Process process_from(const json::value& value, std::string& fault) {
    Process process;
    Reader reader(value, fault);
    reader.read("host", process.host);
    reader.read("name", process.name);
    reader.read("net_namespace", process.net_namespace);
    reader.read("role", kRoles, process.role);
    reader.read("device", process.device);
    reader.read("network", process.network);
    reader.read("command", process.command);
    reader.read("environment", process.environment);
    reader.read("reload_files", process.reload_files);
    reader.read("restart_files", process.restart_files);
    reader.read("restart", kRestarts, process.restart);
    reader.read("own_etc", process.own_etc);
    reader.read_number("pid", process.pid);
    reader.read("status", process.status);
    return process;
}

std::vector<Process> processes_from(const json::value* value, std::string& fault) {
    std::vector<Process> processes;
    const json::array* items = value != nullptr ? value->if_array() : nullptr;
    if (items == nullptr) {
        if (fault.empty()) { fault = "\"processes\" is missing or no list"; }
        return processes;
    }
    for (const auto& item : *items) { processes.push_back(process_from(item, fault)); }
    return processes;
}

json::object to_json(const Error& error) {
    return {{"attempt", error.attempt},
            {"code", error.code},
            {"reason", error.reason},
            {"hint", error.hint},
            {"kind", name_of(kKinds, error.kind)}};
}

Error error_from(const json::value& value, std::string& fault) {
    Error error;
    Reader reader(value, fault);
    reader.read("attempt", error.attempt);
    reader.read_number("code", error.code);
    reader.read("reason", error.reason);
    reader.read("hint", error.hint);
    reader.read("kind", kKinds, error.kind);
    return error;
}

std::string line_of(const json::value& value) { return json::serialize(value) + "\n"; }

Result<json::value> parse(std::string_view text, const std::string& attempt) {
    json::parse_options options;
    options.allow_invalid_utf8 = true;  // a command's words are bytes
    boost::system::error_code code;
    json::value value = json::parse({text.data(), text.size()}, code, {}, options);
    if (code) { return failure(attempt, "no whole JSON value: " + code.message()); }
    return value;
}

}  // namespace

std::string encode(const KeeperRequest& request) {
    json::object object{{"verb", name_of(kVerbs, request.verb)}, {"processes", to_json(request.processes)}};
    return line_of(object);
}

std::string encode(const KeeperAnswer& answer) {
    json::object object{{"processes", to_json(answer.processes)}};
    if (answer.error) { object["error"] = to_json(*answer.error); }
    return line_of(object);
}

std::string encode(const ProcessRecord& record) {
    Process process = record.process;
    process.pid = 0;
    process.status.clear();
    json::object object{
        {"format", kRecordFormat}, {"process", to_json(process)}, {"phase", name_of(kPhaseNames, record.phase)},
        {"pid", record.id.pid},    {"start", record.id.start},    {"status", record.status}};
    return line_of(object);
}

Result<KeeperRequest> decode_request(std::string_view line) {
    const std::string attempt = "read a request to the keeper";
    WARREN_ASSIGN(const json::value value, parse(line, attempt));
    KeeperRequest request;
    std::string fault;
    Reader reader(value, fault);
    reader.read("verb", kVerbs, request.verb);
    request.processes = processes_from(reader.find("processes"), fault);
    if (!fault.empty()) { return failure(attempt, fault); }
    return request;
}

Result<KeeperAnswer> decode_answer(std::string_view line) {
    const std::string attempt = "read the keeper's answer";
    WARREN_ASSIGN(const json::value value, parse(line, attempt));
    KeeperAnswer answer;
    std::string fault;
    Reader reader(value, fault);
    answer.processes = processes_from(reader.find("processes"), fault);
    if (reader.has("error")) { answer.error = error_from(*reader.find("error"), fault); }
    if (!fault.empty()) { return failure(attempt, fault); }
    return answer;
}

Result<ProcessRecord> decode_record(std::string_view text, const std::string& path) {
    const std::string attempt = "read the process record " + path;
    const std::string hint = "end that process by hand if it still runs, then remove the file";
    auto value = parse(text, attempt);
    if (!value) {
        value.error().hint = hint;
        return tl::unexpected(std::move(value).error());
    }
    ProcessRecord record;
    std::string fault;
    Reader reader(*value, fault);
    int format = 0;
    reader.read_number("format", format);
    if (fault.empty() && format != kRecordFormat) {
        return failure(attempt, fmt::format("it has format {}, this program knows {}", format, kRecordFormat),
                       hint);
    }
    if (const auto* process = reader.find("process")) { record.process = process_from(*process, fault); }
    reader.read("phase", kPhaseNames, record.phase);
    reader.read_number("pid", record.id.pid);
    reader.read_number("start", record.id.start);
    reader.read("status", record.status);
    if (!fault.empty()) { return failure(attempt, fault, hint); }
    return record;
}

}  // namespace warren
