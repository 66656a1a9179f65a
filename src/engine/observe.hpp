// observe: what is on the machine of one lab, as a State. Changes nothing.
#pragma once

#include <string>

#include "base/error.hpp"
#include "engine/record.hpp"
#include "engine/sockets.hpp"
#include "state/expand.hpp"
#include "state/state.hpp"

namespace warren {

// Where to look: RECORD names what was made, WANTED what may stand in its way. Either may be empty.
struct Scope {
    std::string lab;
    const Record* record = nullptr;
    const State* wanted = nullptr;
    const Site* site = nullptr;
};

// Looks at the namespaces, links, files and Open vSwitch rows that the two name, and at all that bears
// the lab's mark in the namespace of its switches. Links of foreign makers are in the result only where
// WANTED asks for their name. Cost: a few system calls for each namespace.
[[nodiscard]] Result<State> observe(const Scope& scope, Sockets& sockets);

}  // namespace warren
