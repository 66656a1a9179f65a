// One YAML document as a tree that knows where each part stands. Used by the reader of lab files alone.
//
// A strict subset of YAML 1.1: block and flow mappings, lists and scalars. Refused, each with its place:
// duplicate keys, anchors, aliases, tags, directives, merge keys, keys that are no scalars, more than one document,
// nesting deeper than kMaxYamlDepth, more than kMaxYamlValues keys and values, control characters, text that is not
// UTF-8. The two limits bound time and memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"

namespace warren {

inline constexpr int kMaxYamlDepth = 64;
inline constexpr std::size_t kMaxYamlValues = 250'000;

struct YamlEntry;

struct YamlNode {
    enum class Kind {
        scalar,
        map,
        list,
        refused,  // reported already: say nothing more about it
    };
    Kind kind = Kind::scalar;
    Position at;
    std::string text;     // scalar
    bool quoted = false;  // scalar: in quotes, or a block scalar
    std::vector<YamlEntry> entries;
    std::vector<YamlNode> items;

    // Nothing was written, or `null` or `~`.
    [[nodiscard]] bool is_null() const;
};

struct YamlEntry {
    std::string key;
    Position key_at;
    YamlNode value;
};

// Reads TEXT, adding its mistakes to DIAGNOSTICS; nothing where the tree has no meaning (a syntax error, no
// document, too deep, too many mistakes to go on). Linear in the size of TEXT.
[[nodiscard]] std::optional<YamlNode> compose_yaml(std::string_view text, Diagnostics& diagnostics);

// TEXT in quotes for a message: control characters escaped, shortened where it is long.
[[nodiscard]] std::string quoted_for_message(std::string_view text);

}  // namespace warren
