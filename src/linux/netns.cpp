// Named network namespaces. Called by engine/ (make, remove, observe), services/ and probe/ (enter).
#include "linux/netns.hpp"

#include <cerrno>
#include <cstring>
#include <thread>

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/child.hpp"

namespace warren {
namespace {

std::uint64_t inode_of(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

// The file system that namespaces are files of; a plain file left in /run/netns is of another one.
dev_t nsfs_device() {
    struct stat status {};
    return ::stat("/proc/self/ns/net", &status) == 0 ? status.st_dev : 0;
}

// As ip-netns(8) does: /run/netns is a shared mount of its own, so that names come and go in every
// mount namespace at once.
Result<void> prepare_directory() {
    WARREN_TRY(make_directories(kNetnsDirectory));
    if (::mount("", kNetnsDirectory, "none", MS_SHARED | MS_REC, nullptr) == 0) { return {}; }
    if (errno != EINVAL) { return errno_failure(fmt::format("share {}", kNetnsDirectory)); }
    if (::mount(kNetnsDirectory, kNetnsDirectory, "none", MS_BIND | MS_REC, nullptr) != 0 ||
        ::mount("", kNetnsDirectory, "none", MS_SHARED | MS_REC, nullptr) != 0) {
        return errno_failure(fmt::format("make {} a mount of its own", kNetnsDirectory));
    }
    return {};
}

std::string unshare_hint(int code) {
    if (code == EPERM) { return "run as root (CAP_SYS_ADMIN is needed)"; }
    if (code == ENOSPC) { return "the limit user.max_net_namespaces is reached (sysctl user.max_net_namespaces)"; }
    if (code == ENOMEM) { return "the machine is out of memory for another network namespace (about 330 kB each)"; }
    return {};
}

// SOURCE becomes what NAME is.
Result<void> bind_name(const std::string& source, const std::string& name, const std::string& attempt) {
    const std::string path = namespace_path(name);
    Fd place(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
    if (!place.valid()) { return errno_failure(errno, attempt, errno == EEXIST ? path + " is there already" : ""); }
    place.reset();
    if (::mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
        const int code = errno;
        ::unlink(path.c_str());
        return errno_failure(code, attempt, code == ENOSPC ? "the limit fs.mount-max is reached" : "");
    }
    return {};
}

// In a thread that ends after it: makes one namespace and gives it its name.
Result<void> make_one(const std::string& name,
                      const std::function<Result<void>(const std::string&, nl::Socket&)>& mark,
                      const std::function<void(MadeNamespace)>& made) {
    const std::string attempt = "make network namespace " + name;
    if (::unshare(CLONE_NEWNET) != 0) { return errno_failure(errno, attempt, unshare_hint(errno)); }
    WARREN_ASSIGN(auto socket, nl::Socket::open());
    WARREN_TRY(mark(name, socket));
    WARREN_TRY(bind_name("/proc/thread-self/ns/net", name, attempt));
    made({name, inode_of(namespace_path(name)), std::move(socket)});
    return {};
}

}  // namespace

std::string namespace_path(const std::string& name) {
    return name.empty() ? "/proc/self/ns/net" : std::string(kNetnsDirectory) + "/" + name;
}

Result<Fd> open_namespace(const std::string& name) {
    const std::string path = namespace_path(name);
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) {
        return errno_failure(errno, "open network namespace " + (name.empty() ? "of this process" : name),
                             errno == EMFILE ? "raise the limit on open files (ulimit -n)" : "");
    }
    return fd;
}

std::uint64_t namespace_inode(int ns_fd) {
    struct stat status {};
    return ::fstat(ns_fd, &status) == 0 ? status.st_ino : 0;
}

std::uint64_t namespace_inode(const std::string& name) { return inode_of(namespace_path(name)); }

std::uint64_t namespace_inode_of(pid_t pid) { return inode_of(fmt::format("/proc/{}/ns/net", pid)); }

std::map<std::string, std::uint64_t> named_namespaces() {
    std::map<std::string, std::uint64_t> names;
    DIR* directory = ::opendir(kNetnsDirectory);
    if (directory == nullptr) { return names; }
    const dev_t device = nsfs_device();
    while (const dirent* entry = ::readdir(directory)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") { continue; }
        struct stat status {};
        if (::stat(namespace_path(name).c_str(), &status) != 0) { continue; }
        names[name] = status.st_dev == device ? status.st_ino : 0;
    }
    ::closedir(directory);
    return names;
}

Result<void> make_namespaces(const std::vector<std::string>& names,
                             const std::function<Result<void>(const std::string&, nl::Socket&)>& mark,
                             const std::function<void(MadeNamespace)>& made) {
    if (names.empty()) { return {}; }
    WARREN_TRY(prepare_directory());
    Result<void> result;
    std::thread([&] {
        for (const auto& name : names) {
            result = make_one(name, mark, made);
            if (!result) { return; }
        }
    }).join();
    return result;
}

Result<void> name_namespace(int ns_fd, const std::string& name) {
    WARREN_TRY(prepare_directory());
    return bind_name(fmt::format("/proc/self/fd/{}", ns_fd), name, "name a network namespace " + name);
}

Result<void> in_throw_away_namespace(const std::function<Result<void>(nl::Socket& socket)>& body) {
    Result<void> result;
    std::thread([&] {
        result = [&]() -> Result<void> {
            if (::unshare(CLONE_NEWNET) != 0) {
                return errno_failure(errno, "make a throw-away network namespace", unshare_hint(errno));
            }
            WARREN_ASSIGN(auto socket, nl::Socket::open());
            return body(socket);
        }();
    }).join();
    return result;
}

Result<void> remove_namespace(const std::string& name) {
    const std::string path = namespace_path(name);
    // EINVAL: not a mount point (a name whose namespace was never mounted, or was unmounted by hand).
    if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL && errno != ENOENT) {
        return errno_failure("unmount network namespace " + name);
    }
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return errno_failure("remove network namespace " + name);
    }
    return {};
}

std::multimap<std::uint64_t, pid_t> processes_by_namespace() {
    std::multimap<std::uint64_t, pid_t> found;
    for (const pid_t pid : all_processes()) {
        if (const std::uint64_t inode = namespace_inode_of(pid); inode != 0) { found.emplace(inode, pid); }
    }
    return found;
}

}  // namespace warren
