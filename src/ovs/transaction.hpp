// Changes as the operations of one OVSDB transaction. Internal to ovs/; pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "ovs/bridges.hpp"
#include "ovs/snapshot.hpp"

namespace warren::ovs {

// An Interface row to look at once ovs-vswitchd has taken the transaction up.
struct Expected {
    std::string attempt;
    std::string port;
    std::string datapath_type;        // of a bridge whose local port this is, else ""
    std::size_t inserted = SIZE_MAX;  // the operation whose result has its UUID, or
    std::string uuid;                 // its UUID
};

struct Transaction {
    std::vector<Operation> operations;  // the last one selects next_cfg
    std::vector<Expected> expected;
};

// Fails where CHANGES do not fit the database as BEFORE has it. Linear in CHANGES and their bridges.
[[nodiscard]] Result<Transaction> build_transaction(const Changes& changes, const Snapshot& before);
// What puts back, after CHANGES, what BEFORE had.
[[nodiscard]] Changes inverse(const Changes& changes, const Snapshot& before);

}  // namespace warren::ovs
