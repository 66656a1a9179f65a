// Views of labs as the diagrams' tests need them: as a file makes them, and as after `up`.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "lab/lab_file.hpp"
#include "state/expand.hpp"
#include "views/lab_view.hpp"

namespace warren {

inline const std::string kSource = WARREN_SOURCE_DIR;

inline std::string read(const std::string& path) {
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
}

inline LabView view_of(Lab lab) {
    LabView view;
    view.lab = std::move(lab);
    Site site;
    site.ovs = {OvsInstance::Kind::warren, "/run/warren/.ovs", ""};
    site.dhcp_client = "/usr/sbin/dhclient";
    view.wanted = expand(view.lab, site);
    view.observed = view.wanted;
    return view;
}
inline LabView view_of(const std::string& text) {
    Diagnostics diagnostics("test.yaml");
    Lab lab = read_lab(text, diagnostics);
    EXPECT_EQ(diagnostics.text(), "") << text;
    return view_of(std::move(lab));
}
inline LabView example(const std::string& name) { return view_of(read(kSource + "/examples/" + name + ".yaml")); }

// As after `up`: everything is there, with process ids.
inline void go_live(LabView& view) {
    int pid = 4711;
    int index = 2;
    for (auto& [key, process] : view.observed.processes) {
        process.pid = pid++;
        process.status = "running";
    }
    for (auto& [name, ns] : view.observed.namespaces) {
        for (auto& [link_name, link] : ns.links) {
            link.index = index++;
            link.carrier = true;
        }
    }
}

}  // namespace warren
