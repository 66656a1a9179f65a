// What the views of one lab show: the lab as written, wanted and observed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "lab/lab.hpp"
#include "plan/changes.hpp"
#include "services/lease_file.hpp"
#include "state/state.hpp"

namespace warren {

struct LabView {
    std::string file;
    Lab lab;
    State wanted;
    State observed;
    std::vector<Change> drift;
    std::vector<std::pair<std::string, std::string>> conflicts;  // object, owner
    std::map<std::string, std::vector<Lease>> leases;            // by network
    std::vector<std::string> remarks = {};                       // what became of attached namespaces
};

}  // namespace warren
