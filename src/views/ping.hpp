// Results of pings, for people and for programs.
#pragma once

#include <string>
#include <vector>

#include "probe/matrix.hpp"

namespace warren {

// HOSTS × HOSTS: round-trip times in ms, '-' where nothing came back, where WIDTH columns hold that; else a line for
// each host. Then the pairs that had no answer, by name, and a line with counts.
[[nodiscard]] std::string ping_matrix(const std::vector<std::string>& hosts, const std::vector<PairResult>& pairs,
                                      int width);
// The pairs of PAIRS that had no answer, "h1..h4, h6 → h5: Network is unreachable", one line for those of the same
// kind; "" where all had.
[[nodiscard]] std::string unanswered_text(const std::vector<std::string>& hosts,
                                          const std::vector<PairResult>& pairs);
[[nodiscard]] std::string pings_json(const std::string& lab, const std::vector<PairResult>& pairs);

// One pair, in the words of ping(8): its first line, a line for each answer, and the statistics.
[[nodiscard]] std::string ping_head(const PairResult& pair, std::size_t payload);
[[nodiscard]] std::string ping_line(const PairResult& pair, const PingAnswer& answer);
[[nodiscard]] std::string ping_statistics(const PairResult& pair);

}  // namespace warren
