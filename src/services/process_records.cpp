// Process records, log paths, marks. Called by the keeper, and by the engine through recorded_processes().
#include "services/process_records.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include <dirent.h>
#include <sys/random.h>
#include <unistd.h>

#include <fmt/format.h>

#include "services/keeper.hpp"

namespace warren {
namespace {

constexpr std::string_view kSuffix = ".json";

std::string records_directory(const std::string& directory) { return directory + "/processes"; }

// Names in a directory, sorted; none where it is not there.
Result<std::vector<std::string>> names_in(const std::string& path) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> opened(::opendir(path.c_str()), ::closedir);
    if (!opened) {
        if (errno == ENOENT) { return names; }
        return errno_failure("list " + path);
    }
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(opened.get());
        if (entry == nullptr) { break; }
        names.emplace_back(static_cast<const char*>(entry->d_name));
    }
    if (errno != 0) { return errno_failure("list " + path); }
    std::sort(names.begin(), names.end());
    return names;
}

// The value of NAME in an environment block of NUL-ended entries.
std::optional<std::string> value_in(std::string_view block, std::string_view name) {
    while (!block.empty()) {
        const std::string_view entry = block.substr(0, block.find('\0'));
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
            return std::string(entry.substr(name.size() + 1));
        }
        block.remove_prefix(std::min(entry.size() + 1, block.size()));
    }
    return std::nullopt;
}

}  // namespace

std::string label(const ProcessKey& key) { return key.second + " in " + key.first; }

std::string record_path(const std::string& directory, const ProcessKey& key) {
    return fmt::format("{}/{}:{}{}", records_directory(directory), key.first, key.second, kSuffix);
}

std::string process_log_path(const std::string& directory, const Process& process) {
    return fmt::format("{}/log/{}:{}.log", directory, process.host, process.name);
}

Result<void> write_record(const std::string& directory, const ProcessRecord& record) {
    WARREN_TRY(make_directories(records_directory(directory), 0700));
    return write_file_atomic(record_path(directory, key_of(record.process)), encode(record), 0600);
}

Result<void> remove_record(const std::string& directory, const ProcessKey& key) {
    const std::string path = record_path(directory, key);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) { return errno_failure("remove " + path); }
    return {};
}

Result<std::vector<ProcessRecord>> read_records(const std::string& directory) {
    std::vector<ProcessRecord> records;
    WARREN_ASSIGN(const auto names, names_in(records_directory(directory)));
    for (const auto& name : names) {
        if (!name.ends_with(kSuffix)) { continue; }  // one being written, left by a crash, is NAME.json.tmp
        const std::string path = records_directory(directory) + "/" + name;
        auto text = read_file(path);
        if (!text) {
            if (text.error().code == ENOENT) { continue; }  // removed since the listing
            return tl::unexpected(std::move(text).error());
        }
        WARREN_ASSIGN(ProcessRecord record, decode_record(*text, path));
        if (record_path(directory, key_of(record.process)) != path) {
            return failure("read the process record " + path, "it is about " + label(key_of(record.process)),
                           "the file was renamed by hand? give it back its name");
        }
        records.push_back(std::move(record));
    }
    return records;
}

Result<std::vector<Process>> recorded_processes(const std::string& directory) {
    WARREN_ASSIGN(const auto records, read_records(directory));
    std::vector<Process> processes;
    for (const auto& record : records) {
        Process process = record.process;
        if (record.phase == ProcessRecord::Phase::running && open_process(record.id)) {
            process.pid = record.id.pid;
            process.status = "running";
        } else {
            process.pid = 0;
            process.status = record.phase == ProcessRecord::Phase::ended ? record.status : "dead";
        }
        processes.push_back(std::move(process));
    }
    return processes;
}

Result<std::string> keeper_id(const std::string& directory) {
    constexpr std::size_t kDigits = 32;
    const std::string path = directory + "/keeper.id";
    if (auto known = read_file(path); known && known->size() == kDigits) { return *known; }
    std::uint64_t random[2] = {};
    if (::getrandom(random, sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
        return errno_failure("get random bytes");
    }
    std::string id = fmt::format("{:016x}{:016x}", random[0], random[1]);
    WARREN_TRY(write_file_atomic(path, id, 0600));
    return id;
}

std::vector<std::string> marks(const std::string& id, const std::string& lab, const ProcessKey& key) {
    return {"WARREN_ID=" + id, "WARREN_LAB=" + lab, "WARREN_HOST=" + key.first, "WARREN_PROCESS=" + key.second};
}

std::multimap<ProcessKey, ProcessId> marked_processes(const std::string& id) {
    std::multimap<ProcessKey, ProcessId> found;
    std::vector<std::pair<ProcessId, ProcessKey>> all;
    for (const pid_t pid : all_processes()) {
        const auto block = read_file(fmt::format("/proc/{}/environ", pid));
        if (!block || value_in(*block, "WARREN_ID") != id) { continue; }
        const auto host = value_in(*block, "WARREN_HOST");
        const auto process = value_in(*block, "WARREN_PROCESS");
        const auto identity = process_id(pid);
        if (host && process && identity) { all.push_back({*identity, {*host, *process}}); }
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
        return std::pair(a.first.start, a.first.pid) < std::pair(b.first.start, b.first.pid);
    });
    for (const auto& [identity, key] : all) { found.emplace(key, identity); }
    return found;
}

}  // namespace warren
