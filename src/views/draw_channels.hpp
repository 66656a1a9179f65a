// Where wires bend. Used by draw_layout.cpp alone.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace warren::drawing {

// Wires whose ends are not in one line, each in a channel of its own where they would run over each other.
// Channels count from the hosts towards the frame; inside the frame from the switches outwards.
class Channels {
public:
    struct Bend {
        int near_y = 0;  // comes from the side that channels count from
        int far_y = 0;   // comes from the other side; same as near_y's side where `bracket`
        bool bracket = false;
    };
    std::size_t add(const Bend& bend) {
        std::size_t channel = 0;
        while (channel < kMostChannels && !free(bend, channel)) { ++channel; }
        if (taken_.size() <= channel) { taken_.resize(channel + 1); }
        taken_[channel].push_back(bend);
        return channel;
    }
    [[nodiscard]] int count() const { return static_cast<int>(taken_.size()); }

private:
    static constexpr std::size_t kMostChannels = 40;  // beyond them wires do run over each other

    [[nodiscard]] bool free(const Bend& bend, std::size_t channel) const {
        const auto [low, high] = std::minmax(bend.near_y, bend.far_y);
        for (std::size_t other = 0; other < taken_.size(); ++other) {
            for (const auto& taken : taken_[other]) {
                const auto [from, to] = std::minmax(taken.near_y, taken.far_y);
                if (other == channel && from <= high && low <= to) { return false; }
                // Two level parts in one line must not meet.
                const bool near_meets =
                    !taken.bracket && (taken.far_y == bend.near_y || (bend.bracket && taken.far_y == bend.far_y));
                if (near_meets && other <= channel) { return false; }
                const bool far_meets =
                    !bend.bracket && (bend.far_y == taken.near_y || (taken.bracket && bend.far_y == taken.far_y));
                if (far_meets && channel <= other) { return false; }
            }
        }
        return true;
    }
    std::vector<std::vector<Bend>> taken_;
};

}  // namespace warren::drawing
