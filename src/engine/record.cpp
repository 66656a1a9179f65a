// Records and locks. Called by engine.cpp only.
#include "engine/record.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <unistd.h>

#include <fmt/format.h>
#include <boost/json.hpp>

namespace warren {
namespace {

namespace json = boost::json;
constexpr int kFormat = 1;

json::array names(const std::set<std::string>& values) { return json::array(values.begin(), values.end()); }

std::set<std::string> names(const json::value& value) {
    std::set<std::string> out;
    for (const auto& item : value.as_array()) { out.emplace(item.as_string()); }
    return out;
}

std::string text(const json::value& value) { return std::string(value.as_string()); }

json::array attached_json(const std::vector<AttachedRecord>& all) {
    json::array out;
    for (const auto& one : all) {
        json::object sysctls;
        for (const auto& [key, value] : one.sysctls) { sysctls[key] = value; }
        out.push_back(json::object{{"name", one.name},
                                   {"host", one.host},
                                   {"inode", one.inode},
                                   {"pid", one.pid},
                                   {"start", one.start},
                                   {"path", one.path},
                                   {"sysctls", std::move(sysctls)}});
    }
    return out;
}

std::vector<AttachedRecord> attached_from(const json::array& all) {
    std::vector<AttachedRecord> out;
    for (const auto& item : all) {
        const auto& in = item.as_object();
        AttachedRecord one{text(in.at("name")),
                           text(in.at("host")),
                           in.at("inode").to_number<std::uint64_t>(),
                           in.at("pid").to_number<int>(),
                           in.at("start").to_number<std::uint64_t>(),
                           text(in.at("path")),
                           {}};
        for (const auto& [key, value] : in.at("sysctls").as_object()) { one.sysctls[key] = text(value); }
        out.push_back(std::move(one));
    }
    return out;
}

json::object to_json(const Record& record) {
    json::object body;
    body["lab"] = record.lab;
    body["file"] = record.file;
    body["text"] = record.text;
    body["boot"] = record.boot;
    body["since"] = record.since;
    body["changing"] = record.changing;
    body["namespaces"] = names(record.namespaces);
    body["files"] = names(record.files);
    body["secluded"] = record.secluded;
    if (record.ovs) {
        body["ovs"] = json::object{{"kind", static_cast<int>(record.ovs->kind)},
                                   {"directory", record.ovs->directory},
                                   {"net_namespace", record.ovs->net_namespace}};
    }
    if (record.unconfirmed) {
        const auto& guard = record.unconfirmed->guard;
        body["unconfirmed"] = json::object{{"text", record.unconfirmed->text},
                                           {"file", record.unconfirmed->file},
                                           {"guard", json::object{{"pid", guard.pid}, {"start", guard.start}}}};
    }
    json::object sysctls;
    for (const auto& [ns, values] : record.sysctls) {
        json::object in;
        for (const auto& [key, value] : values) { in[key] = value; }
        sysctls[ns] = std::move(in);
    }
    body["sysctls"] = std::move(sysctls);
    if (!record.attached.empty()) { body["attached"] = attached_json(record.attached); }
    return body;
}

// Throws what Boost.JSON throws where a key is missing or of another type.
Record from_json(const json::object& body) {
    Record record;
    record.lab = text(body.at("lab"));
    record.file = text(body.at("file"));
    record.text = text(body.at("text"));
    record.boot = text(body.at("boot"));
    record.since = body.at("since").to_number<std::int64_t>();
    record.changing = body.at("changing").as_bool();
    record.namespaces = names(body.at("namespaces"));
    record.files = names(body.at("files"));
    record.secluded = body.at("secluded").as_bool();
    if (const auto* ovs = body.if_contains("ovs")) {
        const auto& in = ovs->as_object();
        record.ovs = OvsInstance{static_cast<OvsInstance::Kind>(in.at("kind").to_number<int>()),
                                 text(in.at("directory")), text(in.at("net_namespace"))};
    }
    if (const auto* unconfirmed = body.if_contains("unconfirmed")) {
        const auto& in = unconfirmed->as_object();
        const auto& guard = in.at("guard").as_object();
        record.unconfirmed =
            Unconfirmed{text(in.at("text")),
                        text(in.at("file")),
                        {guard.at("pid").to_number<pid_t>(), guard.at("start").to_number<std::uint64_t>()}};
    }
    for (const auto& [ns, values] : body.at("sysctls").as_object()) {
        for (const auto& [key, value] : values.as_object()) { record.sysctls[ns][key] = text(value); }
    }
    if (const auto* attached = body.if_contains("attached")) {
        record.attached = attached_from(attached->as_array());
    }
    return record;
}

std::string record_path(const std::string& directory) { return directory + "/record"; }
std::string room_path(const std::string& directory) { return directory + "/room"; }

}  // namespace

std::string boot_id() {
    auto id = read_file("/proc/sys/kernel/random/boot_id");
    if (!id) { return ""; }
    while (!id->empty() && id->back() == '\n') { id->pop_back(); }
    return *id;
}

// The first line is "warren-record FORMAT CHECKSUM", the rest JSON: a torn or foreign file shows at once.
bool has_record(const std::string& directory) { return path_exists(record_path(directory)); }

Result<std::optional<Record>> read_record(const std::string& directory) {
    const std::string path = record_path(directory);
    auto content = read_file(path, std::size_t{256} << 20U);
    if (!content) {
        if (content.error().code == ENOENT) { return std::optional<Record>{}; }
        return tl::unexpected(std::move(content).error());
    }
    const std::string attempt = "read the lab's record " + path;
    const std::string hint = "'warren down --force LAB' removes what bears the lab's marks without it";
    const std::size_t end = content->find('\n');
    int format = 0;
    unsigned long long sum = 0;
    if (end == std::string::npos || std::sscanf(content->c_str(), "warren-record %d %llx\n", &format, &sum) != 2) {
        return failure(attempt, "it is damaged: its first line is not a record's", hint);
    }
    if (format > kFormat) {
        return failure(attempt, fmt::format("it is of format {}, later than this version's {}", format, kFormat),
                       "use the warren that made it");
    }
    const std::string_view body = std::string_view(*content).substr(end + 1);
    if (stable_hash(body) != sum) {
        return failure(attempt,
                       fmt::format("it is damaged: the checksum of its {} bytes does not fit", body.size()), hint);
    }
    try {
        return std::optional(from_json(json::parse(json::string_view(body.data(), body.size())).as_object()));
    } catch (const std::exception& error) {
        return failure(attempt, fmt::format("it is damaged: {}", error.what()), hint);
    }
}

Result<void> write_record(const std::string& directory, const Record& record) {
    const std::string body = json::serialize(to_json(record));
    return write_file_atomic(record_path(directory),
                             fmt::format("warren-record {} {:x}\n{}", kFormat, stable_hash(body), body));
}

Result<void> reserve_record(const std::string& directory) {
    constexpr off_t kMore = 8192;  // what the sysctls that are changed held before
    struct stat record {};
    if (::stat(record_path(directory).c_str(), &record) != 0) { record.st_size = 0; }
    const std::string path = room_path(directory);
    WARREN_ASSIGN(const Fd room, open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    int code = 0;
    do { code = ::posix_fallocate(room.get(), 0, record.st_size + kMore); } while (code == EINTR);
    if (code != 0) { return errno_failure(code, "write " + path); }
    return {};
}

Result<void> write_reserved_record(const std::string& directory, const Record& record) {
    ::unlink(room_path(directory).c_str());
    return write_record(directory, record);
}

bool used_by_labs(const std::string& runtime, const OvsInstance& instance, const std::string& except) {
    for (const auto& lab : recorded_labs(runtime)) {
        if (lab == except) { continue; }
        const auto record = read_record(runtime + "/" + lab);
        if (!record || (*record && (*record)->ovs == instance)) { return true; }
    }
    return false;
}

std::vector<std::string> recorded_labs(const std::string& runtime) {
    std::vector<std::string> labs;
    DIR* directory = ::opendir(runtime.c_str());
    if (directory == nullptr) { return labs; }
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (!lab_name_fault(name) && has_record(runtime + "/" + name)) { labs.push_back(name); }
    }
    ::closedir(directory);
    std::sort(labs.begin(), labs.end());
    return labs;
}

namespace {

void on_alarm(int) {}

// flock with a deadline. An interval timer interrupts it again and again, so that a signal that comes just before
// the call is no race. 0, or errno: EINTR where GIVE_UP said so, ETIMEDOUT.
int flock_within(int fd, int operation, std::chrono::seconds time, const std::function<bool()>& give_up) {
    constexpr suseconds_t kTick = 100'000;
    const auto deadline = std::chrono::steady_clock::now() + time;
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = on_alarm;  // no SA_RESTART: the call must come back
    ::sigaction(SIGALRM, &action, &before);
    itimerval timer{{0, kTick}, {0, kTick}};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    int code = 0;
    while (code == 0 && ::flock(fd, operation) != 0) {
        if (errno != EINTR) {
            code = errno;
        } else if (give_up && give_up()) {
            code = EINTR;
        } else if (std::chrono::steady_clock::now() >= deadline) {
            code = ETIMEDOUT;
        }
    }
    timer = {};
    ::setitimer(ITIMER_REAL, &timer, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
    return code;
}

// Pids of those who hold a flock on FD's file, as the kernel tells it: "1: FLOCK  ADVISORY  WRITE PID MAJ:MIN:INODE ...".
std::vector<pid_t> holders_of(int fd) {
    std::vector<pid_t> pids;
    struct stat status {};
    const auto locks = read_file("/proc/locks");
    if (::fstat(fd, &status) != 0 || !locks) { return pids; }
    const std::string file =
        fmt::format(" {:02x}:{:02x}:{} ", major(status.st_dev), minor(status.st_dev), status.st_ino);
    for (std::size_t start = 0; start < locks->size();) {
        const std::size_t end = std::min(locks->find('\n', start), locks->size());
        const std::string line = locks->substr(start, end - start);
        start = end + 1;
        const std::size_t at = line.find(file);
        // "->": it waits as we do.
        if (at == std::string::npos || line.find("FLOCK") == std::string::npos ||
            line.find("->") != std::string::npos) {
            continue;
        }
        const pid_t pid = std::atoi(line.c_str() + line.rfind(' ', at - 1) + 1);
        if (pid > 0) { pids.push_back(pid); }
    }
    return pids;
}

std::string holder_of(int fd) {
    const auto pids = holders_of(fd);
    if (pids.empty()) { return "another process"; }
    const auto command = command_of(pids.front());
    if (command.empty()) { return fmt::format("process {}", pids.front()); }
    return fmt::format("process {} ({})", pids.front(), fmt::join(command, " "));
}

// Opens PATH, having made its directory (0700) and those above.
Result<Fd> open_lock_file(const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/'));
    for (;;) {
        WARREN_TRY(make_directories(directory.substr(0, directory.rfind('/')), 0700));
        if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
            if (errno == ENOENT) { continue; }  // the last lab's end took the one above in between
            return errno_failure("make directory " + directory);
        }
        auto opened = open_file(path, O_RDWR | O_CREAT, 0600);
        if (!opened && opened.error().code == ENOENT) { continue; }  // the directory went in between
        return opened;
    }
}

// A holder that removed the lab has removed this file: then another must be locked.
bool is_still_at(const Fd& fd, const std::string& path) {
    struct stat mine {};
    struct stat there {};
    return ::fstat(fd.get(), &mine) == 0 && ::stat(path.c_str(), &there) == 0 && mine.st_ino == there.st_ino;
}

}  // namespace

void Lock::remove_unused(const std::string& path) {
    const auto opened = open_file(path, O_RDWR);
    if (!opened || ::flock(opened->get(), LOCK_EX | LOCK_NB) != 0) { return; }
    if (is_still_at(*opened, path)) { ::unlink(path.c_str()); }
}

Result<Lock> Lock::take(const std::string& path, bool shared, const std::function<bool()>& interrupted) {
    constexpr std::chrono::seconds kTime(10);
    for (;;) {
        WARREN_ASSIGN(Fd file, open_lock_file(path));
        const int operation = shared ? LOCK_SH : LOCK_EX;
        if (::flock(file.get(), operation | LOCK_NB) != 0) {
            const int code = flock_within(file.get(), operation, kTime, interrupted);
            if (code == ETIMEDOUT) {
                return failure("lock " + path,
                               fmt::format("{} has held it for over {} s", holder_of(file.get()), kTime.count()),
                               "wait for it to end");
            }
            if (code != 0) { return errno_failure(code, "wait for " + holder_of(file.get())); }
        }
        if (is_still_at(file, path)) { return Lock(std::move(file), path); }
    }
}

Result<std::optional<Lock>> Lock::take_if_free(const std::string& path) {
    for (;;) {
        WARREN_ASSIGN(Fd file, open_lock_file(path));
        if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK) { return std::optional<Lock>(); }
            return errno_failure("lock " + path);
        }
        if (is_still_at(file, path)) { return std::optional<Lock>(Lock(std::move(file), path)); }
    }
}

}  // namespace warren
