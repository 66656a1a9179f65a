// up --capture: frames of a lab's hosts from before there is an interface to send them.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cli/capture.hpp"
#include "lab/lab.hpp"
#include "state/expand.hpp"

namespace warren::cli {

class EarlyCapture {
public:
    // Of HOSTS, all where none is named. FILE as of CaptureOutput.
    [[nodiscard]] static Result<EarlyCapture> open(const std::string& file, const Lab& lab, const Site& site,
                                                   const std::vector<std::string>& hosts);
    // Between groups of `up`'s steps: opens sockets in the namespaces that are there by now. A namespace is made by a
    // group of its own, before its links.
    void look();
    // When `up` has ended: writes what has come and, with GOES_ON, all that comes until Ctrl-C or until the lab is gone.
    [[nodiscard]] Result<void> finish(bool goes_on);

private:
    EarlyCapture(CaptureOutput output, Capture capture)
        : output_(std::move(output)), capture_(std::move(capture)) {}
    std::vector<CaptureTarget> waiting_;  // whose namespaces are not there yet
    CaptureOutput output_;
    Capture capture_;
    std::optional<Error> fault_;  // the first
};

}  // namespace warren::cli
