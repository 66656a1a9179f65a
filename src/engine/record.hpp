// What a lab leaves on the machine about itself: /run/warren/LAB/record, and the lock beside it.
//
// A record is written before anything is changed (with the names of all that may come to be) and after
// it is done. It is one file, replaced atomically, with a checksum; it belongs to root alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "state/state.hpp"

namespace warren {

// What a lab goes back to unless it is confirmed in time.
struct Unconfirmed {
    std::string text;  // the lab file before; "": nothing was there
    std::string file;
    ProcessId guard;  // the process that waits
    bool operator==(const Unconfirmed&) const = default;
};

// A namespace that is somebody else's and that the lab attaches; between two changes one of each name.
struct AttachedRecord {
    std::string name;  // of /run/netns/NAME, which the lab gives it
    std::string host;
    std::uint64_t inode = 0;
    int pid = 0;              // 0: PATH says where it is
    std::uint64_t start = 0;  // of the process
    std::string path;
    std::map<std::string, std::string> sysctls;  // as they were before the lab
    bool operator==(const AttachedRecord&) const = default;
};

struct Record {
    std::string lab;
    std::string file;                  // the path that it was read from, as given; absolute
    std::string text;                  // the lab file that was last applied, or is being applied
    std::string boot;                  // kernel.random.boot_id: after a reboot nothing of the rest is there
    std::int64_t since = 0;            // seconds since 1970
    bool changing = false;             // an `up` or `down` is under way, or was killed
    std::set<std::string> namespaces;  // names that may exist
    std::set<std::string> files;       // paths outside the record's directory that may exist
    bool secluded = false;             // its switches are in a namespace of the lab's own
    std::optional<OvsInstance> ovs;
    std::map<std::string, std::map<std::string, std::string>> sysctls;  // values before ours, by namespace
    std::optional<Unconfirmed> unconfirmed;
    std::vector<AttachedRecord> attached;
    bool operator==(const Record&) const = default;
};

[[nodiscard]] std::string boot_id();

// Whether there is one, readable or not.
[[nodiscard]] bool has_record(const std::string& directory);
// Nothing: there is no record. A damaged one, or one of a later version, is an error that says so.
[[nodiscard]] Result<std::optional<Record>> read_record(const std::string& directory);
[[nodiscard]] Result<void> write_record(const std::string& directory, const Record& record);
// Makes room for the record that is written when all is done: that there is none shows before anything is changed.
[[nodiscard]] Result<void> reserve_record(const std::string& directory);
// write_record() into that room.
[[nodiscard]] Result<void> write_reserved_record(const std::string& directory, const Record& record);
// Names of the labs that have a directory under RUNTIME, sorted.
[[nodiscard]] std::vector<std::string> recorded_labs(const std::string& runtime);
// Whether a lab under RUNTIME other than EXCEPT uses INSTANCE. One whose record cannot be read may.
[[nodiscard]] bool used_by_labs(const std::string& runtime, const OvsInstance& instance,
                                const std::string& except = {});

// An exclusive lock that dies with its process (flock). The file is removed by whoever removes its directory.
class Lock {
public:
    // Makes PATH (and its directory, 0700). Waits up to 10 s for another holder, then fails naming it. Where a
    // signal comes in between and INTERRUPTED says so, fails with EINTR.
    [[nodiscard]] static Result<Lock> take(const std::string& path, bool shared = false,
                                           const std::function<bool()>& interrupted = {});
    // The same where nobody holds it, at once; else nothing.
    [[nodiscard]] static Result<std::optional<Lock>> take_if_free(const std::string& path);
    // Removes PATH where nobody holds it.
    static void remove_unused(const std::string& path);
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    Lock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
    Fd fd_;
    std::string path_;
};

}  // namespace warren
