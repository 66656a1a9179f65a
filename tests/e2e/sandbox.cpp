// The namespaces of one end-to-end test, made before GoogleTest starts. Called by main.cpp.
#include "sandbox.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace warren::e2e {
namespace {

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "sandbox: %s: %s\n", what, std::strerror(errno));
    std::_Exit(1);
}

void must(bool done, const char* what) {
    if (!done) { die(what); }
}

// Waits for CHILD, reaping whatever else ends here, and ends with its status.
[[noreturn]] void end_with(pid_t child) {
    while (true) {
        int status = 0;
        const pid_t ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno != EINTR) { die("waitpid"); }
        if (ended == child) { std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)); }
    }
}

pid_t fork_or_die() {
    std::fflush(nullptr);
    const pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) { must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "prctl(PR_SET_PDEATHSIG)"); }
    return child;
}

void mount_fresh(const char* type, const char* where, const char* options = nullptr) {
    if (mount(type, where, type, MS_NOSUID | MS_NODEV, options) != 0) {
        std::fprintf(stderr, "sandbox: mount %s on %s\n", type, where);
        die("mount");
    }
}

// Copies /etc into a tmpfs and mounts that over it: the test may write there, and sees what it wrote.
void private_etc() {
    namespace fs = std::filesystem;
    mount_fresh("tmpfs", "/mnt", "mode=0755");
    for (const auto& entry : fs::directory_iterator("/etc")) {
        std::error_code ignored;  // a socket or a file that vanished is no part of a test
        fs::copy(entry.path(), "/mnt" / entry.path().filename(),
                 fs::copy_options::recursive | fs::copy_options::copy_symlinks, ignored);
    }
    fs::remove("/mnt/resolv.conf");  // of some containers it is a mount, or a link into /run
    const int fd = open("/mnt/resolv.conf", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    static constexpr char kText[] = "# the machine's own\nnameserver 192.0.2.53\n";
    must(fd >= 0 && write(fd, kText, sizeof kText - 1) == static_cast<ssize_t>(sizeof kText - 1),
         "/etc/resolv.conf");
    close(fd);
    fs::remove_all("/mnt/netns");
    must(mount("/mnt", "/etc", nullptr, MS_MOVE, nullptr) == 0, "mount --move /mnt /etc");
}

void loopback_up() {
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    must(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo up");
    close(fd);
}

}  // namespace

std::string enter_sandbox() {
    if (geteuid() != 0) { return "needs root: it makes network and mount namespaces"; }
    if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC) != 0) {
        return std::string("cannot make namespaces here: ") + std::strerror(errno);
    }
    must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "mount --make-rprivate /");
    if (const pid_t init = fork_or_die(); init != 0) { end_with(init); }
    // PID 1 of the new namespace: reaps what daemons leave behind; when it ends the kernel ends all the rest.
    mount_fresh("proc", "/proc");
    mount_fresh("sysfs", "/sys");
    mount_fresh("tmpfs", "/run", "mode=0755");
    private_etc();
    mount_fresh("tmpfs", "/mnt", "mode=0755");
    must(chdir("/mnt") == 0, "chdir /mnt");
    must(sethostname("machine", 7) == 0, "sethostname");
    loopback_up();
    if (const pid_t test = fork_or_die(); test != 0) { end_with(test); }
    return {};
}

}  // namespace warren::e2e
