// The places of a picture's boxes. A switch and the hosts at it alone are one cluster, in which their wires are
// straight; clusters, routers and bends are moved up and down within their columns, in turns, to where their
// wires are the shortest (least squares under a least distance: isotonic regression). Called by draw_scene.cpp.
#include "views/draw_places.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "views/draw_box_sizes.hpp"
#include "views/draw_settle.hpp"

namespace warren::drawing {
namespace {

constexpr int kPitch = 28;    // from port to port
constexpr int kHostGap = 16;  // between hosts beside a switch
constexpr int kCompactGap = 8;
constexpr int kGroupGap = 26;  // between those of different colours
constexpr int kItemGap = 28;
constexpr int kBendHeight = 14;
constexpr int kBandGap = 36;
constexpr int kLaneWidth = 12;
constexpr int kFrameHead = 40;
constexpr std::size_t kManyHosts = 8;
constexpr int kSweeps = 24;
constexpr int kLead = kSwitchHead + 16;  // from a switch's top to its first port
constexpr int kTail = 20;                // from its last port to its bottom

// A box with what stands beside it, moved as one.
struct Cluster {
    double y = 0;
    int height = 0;
    int box = 0;  // the item's own top from the cluster's
    int box_height = 0;
    std::map<std::size_t, int> beside;  // items, their tops
};

class Placer {
public:
    Placer(const Model& model, const Columns& columns) : model_(model), in_(columns) {}

    Places run() {
        out_.items.resize(in_.items.size());
        out_.lanes.resize(in_.hops.size());
        out_.columns.resize(static_cast<std::size_t>(std::max(0, in_.last - in_.first + 1)));
        find_hops();
        find_vertical();
        for (std::size_t i = 0; i < in_.items.size(); ++i) { add_tabs(i); }
        for (std::size_t i = 0; i < in_.items.size(); ++i) { size_box(i); }
        even_widths();
        int y = 0;
        bool framed = false;
        for (const auto& band : in_.bands) {
            if (band.framed && !framed) { y += kFrameHead; }
            if (framed && !band.framed && !out_.framed) { close_frame(y); }
            framed = framed || band.framed;
            place_band(band, y);
            y = bottom_of(band) + kBandGap;
        }
        if (framed && !out_.framed) { close_frame(y); }
        if (!in_.bands.empty()) { y -= kBandGap; }
        out_.height = y;
        place_columns();
        place_lone();
        return std::move(out_);
    }

private:
    [[nodiscard]] bool one_column(const Hop& hop) const {
        return in_.items[hop.from].column == in_.items[hop.to].column;
    }
    // From a switch's top to its first port, from its last one to its bottom.
    [[nodiscard]] int lead(std::size_t item) const { return kLead + (has_tab(item, Edge::top) ? 10 : 0); }
    [[nodiscard]] int tail(std::size_t item) const { return kTail + (has_tab(item, Edge::bottom) ? 16 : 0); }
    // Is drawn within the box of a namespace.
    [[nodiscard]] bool has_place(std::size_t item) const {
        const Item& of = in_.items[item];
        return of.kind == ItemKind::sw && !model_.switches[of.node].place.empty();
    }
    [[nodiscard]] bool has_tab(std::size_t item, Edge edge) const {
        const auto& tabs = out_.items[item].tabs;
        return std::any_of(tabs.begin(), tabs.end(), [edge](const Tab& tab) { return tab.edge == edge; });
    }
    [[nodiscard]] std::size_t index(int column) const { return static_cast<std::size_t>(column - in_.first); }

    void find_hops() {
        hops_of_.resize(in_.items.size());
        for (std::size_t h = 0; h < in_.hops.size(); ++h) {
            hops_of_[in_.hops[h].from].push_back(h);
            if (in_.hops[h].to != in_.hops[h].from) { hops_of_[in_.hops[h].to].push_back(h); }
        }
    }

    // Wires between switches of which one stands right below the other.
    void find_vertical() {
        std::map<std::size_t, std::size_t> below;
        for (const auto& band : in_.bands) {
            for (const auto& column : band.columns) {
                for (std::size_t i = 0; i + 1 < column.size(); ++i) { below[column[i]] = column[i + 1]; }
            }
        }
        auto is_below = [&](std::size_t low, std::size_t high) {
            const auto found = below.find(high);
            return found != below.end() && found->second == low;
        };
        vertical_.resize(in_.hops.size());
        for (std::size_t h = 0; h < in_.hops.size(); ++h) {
            const Hop& hop = in_.hops[h];
            if (!one_column(hop) || in_.items[hop.from].kind != ItemKind::sw ||
                in_.items[hop.to].kind != ItemKind::sw) {
                continue;
            }
            if (is_below(hop.to, hop.from)) {
                vertical_[h] = 1;
            } else if (is_below(hop.from, hop.to)) {
                vertical_[h] = -1;
            }
        }
    }

    [[nodiscard]] Edge edge_at(std::size_t h, bool from) const {
        if (vertical_[h] != 0) { return (vertical_[h] > 0) == from ? Edge::bottom : Edge::top; }
        return one_column(in_.hops[h]) || from ? Edge::right : Edge::left;
    }

    void add_tabs(std::size_t item) {
        const Item& of = in_.items[item];
        if (of.kind == ItemKind::bend) { return; }
        auto& tabs = out_.items[item].tabs;
        auto add = [&](const End& end, Edge edge) {
            const bool there = std::any_of(tabs.begin(), tabs.end(),
                                           [&](const Tab& tab) { return tab.end == end && tab.edge == edge; });
            if (!there) { tabs.push_back({end, edge, 0}); }
        };
        std::set<End> wired;
        for (const std::size_t h : hops_of_[item]) {
            const Hop& hop = in_.hops[h];
            if (hop.from == item && hop.from_end) {
                add(*hop.from_end, edge_at(h, true));
                wired.insert(*hop.from_end);
            }
            if (hop.to == item && hop.to_end) {
                add(*hop.to_end, edge_at(h, false));
                wired.insert(*hop.to_end);
            }
        }
        const bool sw = of.kind == ItemKind::sw;
        const std::size_t count = sw ? model_.switches[of.node].ports.size() : model_.hosts[of.node].nics.size();
        auto at = [&](Edge edge) {
            return std::count_if(tabs.begin(), tabs.end(), [&](const Tab& tab) { return tab.edge == edge; });
        };
        for (std::size_t i = 0; i < count; ++i) {
            const End end{sw, of.node, i};
            if (wired.contains(end)) { continue; }
            const bool right = sw ? at(Edge::right) <= at(Edge::left) : at(Edge::right) > at(Edge::left);
            tabs.push_back({end, right ? Edge::right : Edge::left, 0});
        }
        std::stable_sort(tabs.begin(), tabs.end(),
                         [](const Tab& a, const Tab& b) { return a.end.index < b.end.index; });
    }

    void size_box(std::size_t item) {
        const Item& of = in_.items[item];
        Placed& box = out_.items[item];
        if (of.kind == ItemKind::host) {
            const HostNode& host = model_.hosts[of.node];
            box.compact = of.owner != kNowhere && model_.hosts.size() > kManyHosts && fits_one_line(host);
            size_host(model_, host, box);
        } else if (of.kind == ItemKind::sw) {
            box.at.width = switch_width(model_, model_.switches[of.node], box.tabs);
        } else {
            box.at.height = kBendHeight;
        }
    }

    // Boxes of a kind in a column are alike in width.
    void even_widths() {
        std::map<std::pair<int, ItemKind>, int> widest;
        for (std::size_t i = 0; i < in_.items.size(); ++i) {
            int& width = widest[{in_.items[i].column, in_.items[i].kind}];
            width = std::max(width, out_.items[i].at.width);
        }
        for (std::size_t i = 0; i < in_.items.size(); ++i) {
            out_.items[i].at.width = widest.at({in_.items[i].column, in_.items[i].kind});
        }
    }

    Tab* find_tab(std::size_t item, const std::optional<End>& end, Edge edge) {
        if (!end) { return nullptr; }
        for (auto& tab : out_.items[item].tabs) {
            if (tab.end == *end && tab.edge == edge) { return &tab; }
        }
        return nullptr;
    }
    // Of ITEM's end of hop H.
    Tab* tab_at(std::size_t h, bool from) {
        const Hop& hop = in_.hops[h];
        return find_tab(from ? hop.from : hop.to, from ? hop.from_end : hop.to_end, edge_at(h, from));
    }

    void place_band(const Band& band, int top) {
        clusters_.clear();
        std::map<std::size_t, std::vector<std::size_t>> beside;
        for (const std::size_t item : band.beside) { beside[in_.items[item].owner].push_back(item); }
        for (const auto& column : band.columns) {
            double y = 0;
            for (const std::size_t item : column) {
                clusters_[item] = make_cluster(item, beside[item]);
                clusters_[item].y = y;
                y += clusters_[item].height + kItemGap;
            }
        }
        const std::size_t count = band.columns.size();
        for (int sweep = 0; sweep < kSweeps; ++sweep) {
            for (std::size_t i = 0; i < count; ++i) {
                settle_column(band.columns[sweep % 2 == 0 ? i : count - 1 - i]);
            }
            for (const auto& [item, cluster] : clusters_) { sort_tabs(item); }
        }
        double least = 0;
        bool any = false;
        for (const auto& [item, cluster] : clusters_) {
            least = any ? std::min(least, cluster.y) : cluster.y;
            any = true;
        }
        for (const auto& [item, cluster] : clusters_) {
            const int y = top + static_cast<int>(std::lround(cluster.y - least));
            out_.items[item].at.y = y + cluster.box;
            out_.items[item].at.height = cluster.box_height;
            for (const auto& [other, dy] : cluster.beside) { out_.items[other].at.y = y + dy; }
        }
    }

    Cluster make_cluster(std::size_t item, const std::vector<std::size_t>& beside) {
        Cluster out;
        // A stack of hosts at each side, the shorter one against the middle of the longer one.
        std::array<int, 2> heights{};
        std::array<std::vector<std::size_t>, 2> sides;
        for (const std::size_t other : beside) {
            const std::size_t side = in_.items[other].column < in_.items[item].column ? 0 : 1;
            int& height = heights.at(side);
            if (height > 0) {
                const std::size_t above = sides.at(side).back();
                const bool alike =
                    model_.hosts[in_.items[above].node].colour == model_.hosts[in_.items[other].node].colour;
                const bool close = alike && out_.items[other].compact && out_.items[above].compact;
                height += !alike ? kGroupGap : close ? kCompactGap : kHostGap;
            }
            out.beside[other] = height;
            height += out_.items[other].at.height;
            sides.at(side).push_back(other);
        }
        const int tallest = std::max(heights[0], heights[1]);
        for (std::size_t side = 0; side < 2; ++side) {
            for (const std::size_t other : sides.at(side)) {
                out.beside[other] += (tallest - heights.at(side)) / 2;
            }
        }
        if (in_.items[item].kind == ItemKind::sw) {
            size_switch(item, out);
        } else {
            out.box_height = out_.items[item].at.height;
            out.box = (tallest - out.box_height) / 2;
        }
        const bool placed = has_place(item);
        const int above = placed ? kPlaceHead : 0;
        const int below = placed ? 10 : 0;
        const int top = beside.empty() ? out.box - above : std::min(0, out.box - above);
        const int bottom = std::max(tallest, out.box + out.box_height + below);
        out.box -= top;
        for (auto& [other, dy] : out.beside) { dy -= top; }
        out.height = bottom - top;
        return out;
    }

    // A port for a host beside it is at the height of the host's interface; others one below the other.
    void size_switch(std::size_t item, Cluster& out) {
        std::map<Edge, std::pair<int, int>> levels;  // of the first and last at each edge
        std::set<const Tab*> fixed;
        for (const std::size_t h : hops_of_[item]) {
            const bool from = in_.hops[h].from == item;
            const std::size_t other = from ? in_.hops[h].to : in_.hops[h].from;
            const auto beside = out.beside.find(other);
            Tab* mine = tab_at(h, from);
            const Tab* its = tab_at(h, !from);
            if (beside == out.beside.end() || mine == nullptr || its == nullptr) { continue; }
            mine->at = beside->second + its->at;
            fixed.insert(mine);
            const auto [level, first] = levels.emplace(mine->edge, std::pair(mine->at, mine->at));
            if (!first) {
                level->second = {std::min(level->second.first, mine->at), std::max(level->second.second, mine->at)};
            }
        }
        std::map<Edge, int> others;
        for (const auto& tab : out_.items[item].tabs) {
            if (!fixed.contains(&tab)) { ++others[tab.edge]; }
        }
        int top = 0;
        bool any = false;
        for (const auto& [edge, level] : levels) {
            top = any ? std::min(top, level.first - lead(item)) : level.first - lead(item);
            any = true;
        }
        int bottom = top + lead(item) + tail(item);
        for (const Edge edge : {Edge::left, Edge::right}) {
            const int more = others[edge] * kPitch;
            const auto level = levels.find(edge);
            bottom = std::max(bottom, (level == levels.end() ? top + lead(item) - kPitch : level->second.second) +
                                          more + tail(item));
        }
        out.box = top;
        out.box_height = bottom - top;
        for (auto& tab : out_.items[item].tabs) {
            if (fixed.contains(&tab)) { tab.at -= top; }
        }
        out_.items[item].at.height = out.box_height;
        auto& free = free_tabs_[item];
        for (std::size_t t = 0; t < out_.items[item].tabs.size(); ++t) {
            if (!fixed.contains(&out_.items[item].tabs[t])) { free.push_back(t); }
        }
        for (const auto& [edge, level] : levels) { last_fixed_[{item, edge}] = level.second - top; }
        place_free_tabs(item);
    }

    void place_free_tabs(std::size_t item) {
        Placed& box = out_.items[item];
        for (const Edge edge : {Edge::left, Edge::right, Edge::top, Edge::bottom}) {
            std::vector<Tab*> tabs;
            for (const std::size_t t : free_tabs_[item]) {
                if (box.tabs[t].edge == edge) { tabs.push_back(&box.tabs[t]); }
            }
            if (tabs.empty()) { continue; }
            const int spread = static_cast<int>(tabs.size()) - 1;
            if (edge == Edge::top || edge == Edge::bottom) {
                int wide = 0;
                for (const Tab* tab : tabs) { wide = std::max(wide, tab_width(model_, tab->end) + kBoxPad); }
                int x = (box.at.width - spread * wide) / 2;
                for (Tab* tab : tabs) {
                    tab->at = x;
                    x += wide;
                }
                continue;
            }
            const auto fixed = last_fixed_.find({item, edge});
            const int middle = (lead(item) + box.at.height - tail(item)) / 2;
            int y = fixed != last_fixed_.end() ? fixed->second + kPitch
                                               : std::max(lead(item), middle - spread * kPitch / 2);
            for (Tab* tab : tabs) {
                tab->at = y;
                y += kPitch;
            }
        }
    }

    [[nodiscard]] double level_of(std::size_t item, const Tab* tab) const {
        const auto found = clusters_.find(item);
        if (found == clusters_.end()) { return 0; }
        const Cluster& cluster = found->second;
        return cluster.y + cluster.box + (tab == nullptr ? cluster.box_height / 2.0 : tab->at);
    }

    // The mean height of what its tab's wires lead to.
    void sort_tabs(std::size_t item) {
        Placed& box = out_.items[item];
        std::map<std::pair<End, Edge>, std::pair<double, int>> ends;
        for (const std::size_t h : hops_of_[item]) {
            for (const bool from : {true, false}) {
                if ((from ? in_.hops[h].from : in_.hops[h].to) != item) { continue; }
                const std::size_t other = from ? in_.hops[h].to : in_.hops[h].from;
                if (!clusters_.contains(other)) { continue; }
                const Tab* mine = tab_at(h, from);
                if (mine == nullptr) { continue; }
                auto& [sum, count] = ends[{mine->end, mine->edge}];
                sum += level_of(other, tab_at(h, !from));
                ++count;
            }
        }
        auto key = [&](const Tab& tab) {
            const auto found = ends.find({tab.end, tab.edge});
            return found == ends.end() ? 1e9 : found->second.first / found->second.second;
        };
        if (in_.items[item].kind == ItemKind::host) {
            if (hops_of_[item].size() < 2) { return; }
            std::stable_sort(box.tabs.begin(), box.tabs.end(),
                             [&](const Tab& a, const Tab& b) { return key(a) < key(b); });
            place_host_tabs(model_, box);
        } else if (in_.items[item].kind == ItemKind::sw) {
            auto& free = free_tabs_[item];
            std::stable_sort(free.begin(), free.end(),
                             [&](std::size_t a, std::size_t b) { return key(box.tabs[a]) < key(box.tabs[b]); });
            place_free_tabs(item);
        }
    }

    void settle_column(const std::vector<std::size_t>& column) {
        if (column.empty()) { return; }
        std::vector<double> wanted;
        std::vector<double> weights;
        std::vector<double> distances;
        for (std::size_t i = 0; i < column.size(); ++i) {
            const Cluster& cluster = clusters_.at(column[i]);
            double sum = 0;
            int count = 0;
            for (const std::size_t h : hops_of_[column[i]]) {
                const bool from = in_.hops[h].from == column[i];
                const std::size_t other = from ? in_.hops[h].to : in_.hops[h].from;
                if (one_column(in_.hops[h]) || !clusters_.contains(other)) { continue; }
                const Tab* mine = tab_at(h, from);
                const double own = cluster.box + (mine == nullptr ? cluster.box_height / 2.0 : mine->at);
                sum += level_of(other, tab_at(h, !from)) - own;
                ++count;
            }
            wanted.push_back(count == 0 ? cluster.y : sum / count);
            weights.push_back(count == 0 ? 0.05 : count);
            if (i + 1 < column.size()) { distances.push_back(distance(column[i], column[i + 1])); }
        }
        const auto y = settle(wanted, weights, distances);
        for (std::size_t i = 0; i < column.size(); ++i) { clusters_.at(column[i]).y = y[i]; }
    }

    // From the top of HIGH to that of LOW, at least.
    double distance(std::size_t high, std::size_t low) {
        const Cluster& above = clusters_.at(high);
        const Cluster& below = clusters_.at(low);
        const bool thin = in_.items[high].kind == ItemKind::bend && in_.items[low].kind == ItemKind::bend;
        int gap = thin ? 2 : kItemGap;
        for (const std::size_t h : hops_of_[high]) {
            const Hop& hop = in_.hops[h];
            if (vertical_[h] == 0 || (hop.from != low && hop.to != low)) { continue; }
            int need = 2 * kTabOut + 36;
            for (const bool from : {true, false}) {
                const auto& end = from ? hop.from_end : hop.to_end;
                if (end) { need += static_cast<int>(badges(model_, *end).size()) * (kPillHeight + kPillGap); }
            }
            gap = std::max(gap, need - (above.height - above.box - above.box_height) - below.box);
        }
        return above.height + gap;
    }

    [[nodiscard]] int bottom_of(const Band& band) const {
        int out = 0;
        auto add = [&](std::size_t item) {
            const bool placed = has_place(item);
            out = std::max(out, out_.items[item].at.bottom() + (placed ? 10 : 0));
        };
        for (const auto& column : band.columns) { std::for_each(column.begin(), column.end(), add); }
        std::for_each(band.beside.begin(), band.beside.end(), add);
        return out;
    }

    // Y: where the next band would begin.
    void close_frame(int& y) {
        y += kFramePad;
        out_.framed = true;
        out_.frame.height = y - kBandGap;
    }

    void place_columns() {
        for (std::size_t i = 0; i < in_.items.size(); ++i) {
            ColumnPlace& column = out_.columns[index(in_.items[i].column)];
            const bool placed = has_place(i);
            column.width = std::max(column.width, out_.items[i].at.width + (placed ? 20 : 0));
            for (const auto& tab : out_.items[i].tabs) {
                if (tab.edge == Edge::left) { column.left = std::max(column.left, stub(model_, tab)); }
                if (tab.edge == Edge::right) { column.right = std::max(column.right, stub(model_, tab)); }
            }
        }
        std::vector<int> climb(out_.columns.size());
        place_lanes();
        for (std::size_t h = 0; h < in_.hops.size(); ++h) {
            if (one_column(in_.hops[h])) { continue; }
            int& most = climb[index(in_.items[in_.hops[h].from].column)];
            most = std::max(most, std::abs(level(h, true) - level(h, false)));
        }
        int x = 0;
        for (std::size_t c = 0; c < out_.columns.size(); ++c) {
            ColumnPlace& column = out_.columns[c];
            column.right += column.lanes * kLaneWidth;
            const int number = in_.first + static_cast<int>(c);
            if (out_.framed && number == in_.first_framed) {
                out_.frame.x = x;
                x += kFramePad;
                if (c > 0) {
                    x += kFramePad;
                    out_.frame.x += kFramePad;
                }
            }
            x += column.left;
            column.x = x;
            x += column.width + column.right;
            if (out_.framed && number == in_.last_framed) {
                x += kFramePad;
                out_.frame.width = x - out_.frame.x;
            }
            out_.width = x;
            x += climb[c] <= 2 ? 24 : std::clamp(36 + climb[c] / 4, 48, 170);
        }
        if (out_.framed) { widen_frame(); }
        for (std::size_t i = 0; i < in_.items.size(); ++i) {
            const ColumnPlace& column = out_.columns[index(in_.items[i].column)];
            Rect& at = out_.items[i].at;
            if (in_.items[i].kind == ItemKind::bend) { at.width = column.width; }
            at.x = column.x + (column.width - at.width) / 2;
        }
    }
    // For its title.
    void widen_frame() {
        const int need = text_width(model_.place, Font::heading) + 2 * kBoxPad + kFramePad;
        const int more = need - out_.frame.width;
        if (more <= 0) { return; }
        out_.frame.width += more;
        for (auto& column : out_.columns) {
            const int number = in_.first + static_cast<int>(&column - out_.columns.data());
            if (number > in_.last_framed) {
                column.x += more;
            } else if (number >= in_.first_framed) {
                column.x += more / 2;
            }
        }
        out_.width += more;
    }

    int level(std::size_t h, bool from) {
        const std::size_t item = from ? in_.hops[h].from : in_.hops[h].to;
        const Tab* tab = tab_at(h, from);
        const Rect& at = out_.items[item].at;
        return tab == nullptr ? at.y + at.height / 2 : at.y + tab->at;
    }

    // Wires that come back to their column: each in a lane of its own where they would meet.
    void place_lanes() {
        std::map<int, std::vector<std::size_t>> back;
        for (std::size_t h = 0; h < in_.hops.size(); ++h) {
            if (one_column(in_.hops[h]) && vertical_[h] == 0) {
                back[in_.items[in_.hops[h].from].column].push_back(h);
            }
        }
        for (auto& [number, hops] : back) {
            std::stable_sort(hops.begin(), hops.end(), [&](std::size_t a, std::size_t b) {
                return std::abs(level(a, true) - level(a, false)) < std::abs(level(b, true) - level(b, false));
            });
            std::vector<std::vector<std::pair<int, int>>> lanes;
            for (const std::size_t h : hops) {
                const auto [low, high] =
                    std::minmax({level(h, true), level(h, false)});  // by value: level() returns temporaries
                std::size_t lane = 0;
                auto taken = [&, from = low, to = high](const std::pair<int, int>& other) {
                    return from <= other.second + 4 && other.first <= to + 4;
                };
                while (lane < lanes.size() && std::any_of(lanes[lane].begin(), lanes[lane].end(), taken)) {
                    ++lane;
                }
                if (lane == lanes.size()) { lanes.emplace_back(); }
                lanes[lane].emplace_back(low, high);
                out_.lanes[h] = static_cast<int>(lane);
            }
            out_.columns[index(number)].lanes = static_cast<int>(lanes.size());
        }
    }

    // In rows below the rest.
    void place_lone() {
        const int limit = std::max(out_.width, 760);
        int x = 0;
        int y = out_.height == 0 ? 0 : out_.height + kItemGap;
        int tallest = 0;
        for (const std::size_t host : in_.lone) {
            Placed box;
            for (std::size_t n = 0; n < model_.hosts[host].nics.size(); ++n) {
                box.tabs.push_back({{false, host, n}, Edge::left, 0});
            }
            size_host(model_, model_.hosts[host], box);
            int out = kTabOut;
            for (const auto& tab : box.tabs) { out = std::max(out, stub(model_, tab)); }
            if (x > 0 && x + out + box.at.width > limit) {
                x = 0;
                y += tallest + kHostGap;
                tallest = 0;
            }
            box.at.x = x + out;
            box.at.y = y;
            x += out + box.at.width + kHostGap;
            tallest = std::max(tallest, box.at.height);
            out_.width = std::max(out_.width, box.at.right());
            out_.height = std::max(out_.height, box.at.bottom());
            out_.lone.push_back(std::move(box));
        }
    }

    const Model& model_;
    const Columns& in_;
    Places out_;
    std::vector<std::vector<std::size_t>> hops_of_;  // by item
    std::vector<int> vertical_;                      // by hop: 1 downwards, -1 upwards
    std::map<std::size_t, Cluster> clusters_;        // of the band at hand
    std::map<std::size_t, std::vector<std::size_t>> free_tabs_;
    std::map<std::pair<std::size_t, Edge>, int> last_fixed_;
};

}  // namespace

Places place(const Model& model, const Columns& columns) { return Placer(model, columns).run(); }

}  // namespace warren::drawing
