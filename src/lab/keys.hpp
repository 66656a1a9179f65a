// The words of the lab file's format: the keys of every mapping and the words for every choice. One table
// for the reader, the writer and the test of the JSON Schema.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lab/lab.hpp"

namespace warren {

// The keys of one kind of mapping, by its name in schema/lab.schema.json ("lab" is the file itself).
struct KeyTable {
    std::string_view object;
    std::vector<std::string_view> keys;
    std::vector<std::string_view> later;  // parts of the format that this version refuses by name
};

[[nodiscard]] const std::vector<KeyTable>& lab_keys();
[[nodiscard]] const KeyTable& keys_of(std::string_view object);

template <class T>
struct Word {
    std::string_view text;
    T value;
};
template <class T>
Word(const char*, T) -> Word<T>;
inline constexpr std::array kSwitchKinds{Word{"bridge", SwitchKind::bridge}, Word{"ovs", SwitchKind::ovs}};
inline constexpr std::array kDatapaths{Word{"auto", DatapathKind::automatic}, Word{"system", DatapathKind::system},
                                       Word{"netdev", DatapathKind::netdev}};
inline constexpr std::array kFailModes{Word{"standalone", FailMode::standalone}, Word{"secure", FailMode::secure}};
inline constexpr std::array kWires{Word{"veth", Wire::veth}, Word{"internal", Wire::internal}};
inline constexpr std::array kRoots{Word{"machine", RootKind::machine}, Word{"private", RootKind::secluded}};
inline constexpr std::array kLinkStates{Word{"up", true}, Word{"down", false}};
inline constexpr std::array kRestarts{Word{"always", Restart::always}, Word{"on-failure", Restart::on_failure},
                                      Word{"never", Restart::never}};

template <class T, std::size_t N>
[[nodiscard]] std::string_view word_for(const std::array<Word<T>, N>& words, T value) {
    for (const auto& word : words) {
        if (word.value == value) { return word.text; }
    }
    return {};
}

// Finds what somebody meant by a word that is not known: the nearest by edit distance, if it is near.
class Nearest {
public:
    // Only so many words are compared for one file: the hint is a help, its cost must not grow with the file.
    [[nodiscard]] std::optional<std::string> find(std::string_view word,
                                                  const std::vector<std::string_view>& known);
    [[nodiscard]] bool spent() const { return comparisons_left_ == 0; }

private:
    std::size_t comparisons_left_ = 20'000;
};

// Insertions, deletions, substitutions and swaps of neighbours that lead from A to B; above LIMIT any number over it.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

}  // namespace warren
