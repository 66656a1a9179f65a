// Which column of a picture each box stands in, and in which order from top to bottom. Used by draw_*.cpp alone.
//
// Columns run from left to right: hosts, switches, hosts; deeper networks have columns of switches and routers in
// between. A wire runs between neighbouring columns; one that goes further has a bend item in each column between.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "views/draw_model.hpp"

namespace warren::drawing {

inline constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

enum class ItemKind : std::uint8_t { host, sw, bend };

struct Item {
    ItemKind kind = ItemKind::host;
    std::size_t node = 0;  // in Model::hosts, switches or wires
    int column = 0;
    std::size_t owner = kNowhere;  // of a host that stands beside its only switch: that item
};

// A piece of a wire. From the left column to the right one; or both ends in one column.
struct Hop {
    std::size_t wire = 0;
    std::size_t from = 0;  // items
    std::size_t to = 0;
    std::optional<End> from_end;  // none at a bend
    std::optional<End> to_end;
};

// What hangs together, below what came before. Its columns count from Columns::first.
struct Band {
    bool framed = false;                            // holds something of the root's own
    std::vector<std::vector<std::size_t>> columns;  // items from top to bottom, without those that have an owner
    std::vector<std::size_t> beside;                // those that have one, in order
};

struct Columns {
    std::vector<Item> items;
    std::vector<Hop> hops;
    std::vector<Band> bands;
    int first = 0;
    int last = -1;
    int first_framed = 0;  // of what is the root's own
    int last_framed = -1;
    std::vector<std::size_t> lone;  // hosts without a wire
};

[[nodiscard]] Columns arrange(const Model& model);

}  // namespace warren::drawing
