// Typed reading of a YAML tree: each function gives the value or adds what is wrong with it. Used by the reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/diagnostics.hpp"
#include "base/net_types.hpp"
#include "lab/keys.hpp"
#include "lab/lab.hpp"
#include "lab/yaml.hpp"

namespace warren {

// "5s", "200ms", "2m", "1h"; at most 9 digits.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
// What parse_duration() reads back; whole units only.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);

class ValueReader {
public:
    explicit ValueReader(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

    void mistake(Position at, const std::string& message, const std::string& hint = {}) {
        diagnostics_.add(at, message, hint);
    }

    // WHAT names the value in messages: a key.
    std::optional<std::string> text(const YamlNode& node, std::string_view what);
    std::optional<bool> boolean(const YamlNode& node, std::string_view what);
    std::optional<std::uint64_t> number(const YamlNode& node, std::string_view what, std::uint64_t least,
                                        std::uint64_t most);
    std::optional<Vlan> vlan(const YamlNode& node, std::string_view what);
    std::optional<IpAddress> ip(const YamlNode& node, std::string_view what);
    std::optional<IpAddress> ip(std::string_view text, Position at, std::string_view what);
    std::optional<Prefix> prefix(const YamlNode& node, std::string_view what);
    std::optional<Prefix> prefix(std::string_view text, Position at, std::string_view what);
    std::optional<MacAddress> mac(const YamlNode& node, std::string_view what);
    std::optional<std::chrono::milliseconds> duration(const YamlNode& node, std::string_view what);

    template <class T, std::size_t N>
    std::optional<T> word(const YamlNode& node, std::string_view what, const std::array<Word<T>, N>& words) {
        const auto value = text(node, what);
        if (!value) { return std::nullopt; }
        std::vector<std::string_view> known;
        for (const auto& candidate : words) {
            if (candidate.text == *value) { return candidate.value; }
            known.push_back(candidate.text);
        }
        unknown_word(node.at, what, *value, known);
        return std::nullopt;
    }

    // Calls READ for each element of a list, or for the one value that stands there without a list.
    void one_or_list(const YamlNode& node, std::string_view what, const std::function<void(const YamlNode&)>& read);
    void list(const YamlNode& node, std::string_view what, const std::function<void(const YamlNode&)>& read);
    // Nothing written counts as an empty mapping.
    void map(const YamlNode& node, std::string_view what, const std::function<void(const YamlEntry&)>& read);

    void unknown_key(const YamlEntry& entry, const KeyTable& table, std::string_view what);

private:
    bool is_scalar(const YamlNode& node, std::string_view what, std::string_view wanted);
    void unknown_word(Position at, std::string_view what, const std::string& word,
                      const std::vector<std::string_view>& known);

    Diagnostics& diagnostics_;
    Nearest nearest_;
};

// The keys of one mapping. Its construction reports keys that the format does not know.
class Fields {
public:
    Fields(ValueReader& values, const YamlNode& node, std::string_view object, const std::string& what,
           Places& places);

    // The value of KEY, noting its place; nullptr: not written.
    const YamlNode* find(std::string_view key);
    // The same; its absence is a mistake.
    const YamlNode* need(std::string_view key, const std::string& hint);

private:
    ValueReader& values_;
    const YamlNode& node_;
    std::string what_;
    Places& places_;
};

}  // namespace warren
