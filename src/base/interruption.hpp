// Ctrl-C and its like while the machine is being changed: noted, so that the change can be undone or finished,
// instead of ending the process half-way.
#pragma once

namespace warren {

// While one exists, SIGINT, SIGTERM and SIGHUP are noted and end nothing; those that were ignored (nohup, a job in
// the background) stay ignored, and so is SIGPIPE. The first prints REMARK to stderr at once. A second SIGINT prints
// AT_ONCE and ends the process as if nothing had been caught; a second SIGTERM or SIGHUP does not, since timeout(1)
// and a closing terminal send theirs twice. Calls that block return EINTR. Where one was noted all of this goes on to
// the end of the process, so that it is the first that end_by() tells.
//
// One at a time in a process. Both texts must outlive it; they end with a newline.
class Interruption {
public:
    Interruption(const char* remark, const char* at_once);
    ~Interruption();
    Interruption(const Interruption&) = delete;
    Interruption& operator=(const Interruption&) = delete;
};

// The first signal that an Interruption has noted in this process, 0 none; also after its end. Any thread.
[[nodiscard]] int interruption();

// Ends the process by that signal, as its default would have: whoever waits for it, a shell's script say, is told.
[[noreturn]] void end_by(int signal);

}  // namespace warren
