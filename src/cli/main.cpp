// The program: reads the command line and hands it to a verb.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "base/interruption.hpp"
#include "cli/cli.hpp"
#include "engine/apply.hpp"
#include "services/keeper.hpp"

namespace {

constexpr const char* kAbout =
    "Warren builds real networks on this machine from one file: hosts as network namespaces, veth pairs,\n"
    "Open vSwitch and Linux bridges, VLANs, and a DHCP server for each tenant.";

constexpr const char* kFooter =
    "A first lab:\n"
    "  warren up examples/hello.yaml     make it\n"
    "  warren draw                       see it\n"
    "  warren exec h1 -- ping -c1 h2     be in it\n"
    "  warren down                       take it away\n"
    "\n"
    "Exit status: 0 done, 1 it failed or an expectation did not hold, 2 wrong use or a wrong file,\n"
    "3 the machine lacks something. 'warren VERB --help' tells more of each; the manual page is warren(1).";

std::string base_name(const char* path) {
    const char* slash = std::strrchr(path, '/');
    return slash != nullptr ? slash + 1 : path;
}

// A standard stream that was closed is held by something that cannot be used as that stream, so that it fails as
// before, and what is opened later does not become it and get what is printed.
void hold_standard_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

// What was printed may be in a buffer still.
int finish(int status, int code) {
    const int earlier = errno;
    if (std::fflush(stdout) != 0) {
        code = errno;
    } else if (std::ferror(stdout) != 0 && code == 0) {
        code = earlier != 0 ? earlier : EIO;
    }
    if (code != 0) {
        warren::cli::note("cannot write the result: " + warren::errno_text(code));
        status = status == 0 ? 1 : status;
    }
    if (const int signal = warren::interruption()) { warren::end_by(signal); }
    return status;
}

}  // namespace

int main(int argc, char** argv) {
    hold_standard_streams();
    // DHCP clients run this program, by a link of that name, when something happens to a lease.
    if (argc > 0 && base_name(argv[0]) == "dhcp-script") { return warren::run_dhcp_script(argc, argv); }
    std::signal(SIGPIPE, SIG_DFL);

    if (argc >= 3 && std::strcmp(argv[1], "exec") == 0 && argv[2][0] != '-') {
        return warren::cli::run_exec(argc - 2, argv + 2);
    }

    CLI::App app(kAbout, "warren");
    app.set_version_flag("--version", "warren " WARREN_VERSION);
    app.footer(kFooter);
    app.require_subcommand(1);
    app.add_flag_callback("--fault-points",
                          [] {
                              for (const auto& point : warren::fault_points()) { fmt::print("{}\n", point); }
                              throw CLI::Success();
                          })
        ->group("");  // of the tests: base/fault.hpp
    app.get_formatter()->column_width(28);
    warren::cli::Cli cli{app};
    using namespace warren::cli;
    for (const auto add : {add_new,    add_up,    add_plan,    add_down,    add_list,    add_show,  add_check,
                           add_ping,   add_draw,  add_adopt,   add_explain, add_exec,    add_shell, add_identify,
                           add_logs,   add_iperf, add_set,     add_link,    add_capture, add_top,   add_doctor,
                           add_schema, add_clean, add_confirm, add_learn,   add_keeper,  add_guard}) {
        add(cli);
    }
    if (argc == 1) {
        fmt::print("{}", app.help());
        return 2;
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        errno = 0;
        const int status = app.exit(error);
        return finish(status == 0 ? 0 : 2, 0);
    } catch (const std::system_error& error) {  // fmt::print() could not print
        return finish(cli.status, error.code().value());
    }
    return finish(cli.status, 0);
}
