// The least sum of squares under least distances. Called by draw_places.cpp.
#include "views/draw_settle.hpp"

#include <cstddef>

namespace warren::drawing {

std::vector<double> settle(const std::vector<double>& wanted, const std::vector<double>& weights,
                           const std::vector<double>& distances) {
    struct Block {
        double sum;
        double weight;
        std::size_t count;
    };
    std::vector<double> offset(wanted.size());
    for (std::size_t i = 1; i < wanted.size(); ++i) { offset[i] = offset[i - 1] + distances[i - 1]; }
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        blocks.push_back({(wanted[i] - offset[i]) * weights[i], weights[i], 1});
        while (blocks.size() > 1) {
            const Block last = blocks.back();
            Block& before = blocks[blocks.size() - 2];
            if (before.sum / before.weight <= last.sum / last.weight) { break; }
            before.sum += last.sum;
            before.weight += last.weight;
            before.count += last.count;
            blocks.pop_back();
        }
    }
    std::vector<double> out;
    for (const auto& block : blocks) {
        for (std::size_t i = 0; i < block.count; ++i) {
            out.push_back(block.sum / block.weight + offset[out.size()]);
        }
    }
    return out;
}

}  // namespace warren::drawing
