// The columns of a picture: layers by the shape of the network, then an order with few crossings (barycentres).
// Called by draw_places.cpp.
#include "views/draw_columns.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

namespace warren::drawing {
namespace {

constexpr int kSweeps = 8;

// One connected part of the network: a column for each of its nodes. Nodes are hosts, then switches.
class Layers {
public:
    Layers(const Model& model, const std::vector<std::vector<std::size_t>>& near, std::vector<std::size_t> nodes)
        : model_(model), near_(near), nodes_(std::move(nodes)) {}

    std::map<std::size_t, int> run() {
        find_core();
        place_core();
        place_leaves();
        return columns_;
    }
    [[nodiscard]] const std::map<std::size_t, std::size_t>& owners() const { return owners_; }
    [[nodiscard]] const std::vector<std::size_t>& beside() const { return beside_; }
    [[nodiscard]] bool stacked() const { return stacked_; }
    [[nodiscard]] const std::vector<std::size_t>& stack_order() const { return order_; }

private:
    [[nodiscard]] bool is_switch(std::size_t node) const { return node >= model_.hosts.size(); }
    [[nodiscard]] bool is_roots(std::size_t node) const { return is_switch(node) || model_.hosts[node].root; }

    void find_core() {
        for (const std::size_t node : nodes_) {
            if (is_roots(node) || near_[node].size() > 1) { core_.push_back(node); }
        }
        if (core_.empty()) { core_ = nodes_; }
        const std::set<std::size_t> in(core_.begin(), core_.end());
        for (const std::size_t node : core_) {
            links_[node];
            leaves_[node];
            for (const std::size_t other : near_[node]) {
                (in.contains(other) ? links_ : leaves_)[node].push_back(other);
            }
            edges_ += links_[node].size();
        }
        edges_ /= 2;
    }

    void place_core() {
        if (core_.size() == 1) {
            columns_[core_[0]] = 0;
            return;
        }
        std::size_t most = 0;
        bool all_switches_with_hosts = true;
        bool bare_switch = false;
        for (const std::size_t node : core_) {
            most = std::max(most, links_[node].size());
            all_switches_with_hosts = all_switches_with_hosts && is_switch(node) && !leaves_[node].empty();
            bare_switch = bare_switch || (is_switch(node) && leaves_[node].empty());
        }
        if (all_switches_with_hosts && most <= 2 && core_.size() > 2) {
            stack();
        } else if (edges_ + 1 == core_.size()) {
            place_tree();
        } else {
            std::vector<std::size_t> edge;
            for (const std::size_t node : core_) {
                if (!leaves_[node].empty()) { edge.push_back(node); }
            }
            if (bare_switch && !edge.empty()) {
                place_by_distance(edge, true);
            } else {
                place_by_distance({farthest(farthest(core_[0]))}, false);
            }
        }
    }

    // A chain or ring of switches: one below the other.
    void stack() {
        stacked_ = true;
        std::size_t at = core_[0];
        for (const std::size_t node : core_) {
            if (links_[node].size() == 1) {
                at = node;
                break;
            }
        }
        order_.clear();
        while (at != kNowhere) {
            columns_[at] = 0;
            order_.push_back(at);
            std::size_t next = kNowhere;
            for (const std::size_t other : links_[at]) {
                if (!columns_.contains(other)) {
                    next = other;
                    break;
                }
            }
            at = next;
        }
    }

    [[nodiscard]] std::map<std::size_t, int> distances(const std::vector<std::size_t>& from) const {
        std::map<std::size_t, int> out;
        std::vector<std::size_t> todo = from;
        for (const std::size_t node : from) { out[node] = 0; }
        for (std::size_t i = 0; i < todo.size(); ++i) {
            for (const std::size_t other : links_.at(todo[i])) {
                if (out.emplace(other, out[todo[i]] + 1).second) { todo.push_back(other); }
            }
        }
        return out;
    }
    [[nodiscard]] std::size_t farthest(std::size_t from) const {
        const auto far = distances({from});
        std::size_t best = from;
        for (const std::size_t node : core_) {
            if (far.at(node) > far.at(best)) { best = node; }
        }
        return best;
    }
    void place_by_distance(const std::vector<std::size_t>& from, bool reversed) {
        const auto far = distances(from);
        int most = 0;
        for (const auto& [node, distance] : far) { most = std::max(most, distance); }
        for (const auto& [node, distance] : far) { columns_[node] = reversed ? most - distance : distance; }
    }

    [[nodiscard]] std::size_t weight(std::size_t node, std::size_t from) const {
        std::size_t out = 1 + leaves_.at(node).size();
        for (const std::size_t other : links_.at(node)) {
            if (other != from) { out += weight(other, node); }
        }
        return out;
    }
    void place_subtree(std::size_t node, std::size_t from, int column, int step) {
        columns_[node] = column;
        for (const std::size_t other : links_[node]) {
            if (other != from) { place_subtree(other, node, column + step, step); }
        }
    }

    // From its middle to both sides where they come out even, else to the right.
    void place_tree() {
        std::map<std::size_t, std::size_t> degree;
        std::vector<std::size_t> rest = core_;
        for (const std::size_t node : core_) { degree[node] = links_[node].size(); }
        while (rest.size() > 2) {
            std::vector<std::size_t> inner;
            std::vector<std::size_t> outer;
            for (const std::size_t node : rest) { (degree[node] <= 1 ? outer : inner).push_back(node); }
            for (const std::size_t node : outer) {
                for (const std::size_t other : links_[node]) { --degree[other]; }
            }
            rest = std::move(inner);
        }
        if (rest.size() == 2) {
            place_subtree(rest[0], rest[1], 0, -1);
            place_subtree(rest[1], rest[0], 1, 1);
            return;
        }
        const std::size_t root = rest[0];
        std::vector<std::size_t> weights;
        for (const std::size_t child : links_[root]) { weights.push_back(weight(child, root)); }
        const std::size_t total = std::accumulate(weights.begin(), weights.end(), std::size_t{0});
        std::size_t left = 0;
        std::size_t split = 0;
        std::size_t lighter = 0;
        for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
            left += weights[i];
            if (std::min(left, total - left) > lighter) {
                lighter = std::min(left, total - left);
                split = i + 1;
            }
        }
        if (lighter * 3 < total) { split = 0; }
        columns_[root] = 0;
        for (std::size_t i = 0; i < links_[root].size(); ++i) {
            const int side = i < split ? -1 : 1;
            place_subtree(links_[root][i], root, side, side);
        }
    }

    void place_leaves() {
        int low = 0;
        int high = 0;
        for (const std::size_t node : core_) {
            low = std::min(low, columns_[node]);
            high = std::max(high, columns_[node]);
        }
        const bool both = low == high;
        for (const std::size_t node : core_) {
            const auto& leaves = leaves_[node];
            const std::size_t split = both ? split_of(node) : 0;
            for (std::size_t i = 0; i < leaves.size(); ++i) {
                const int column = columns_[node];
                int side = column == low && !both ? -1 : 1;
                if (column < 0) { side = -1; }
                if (column == high && !both) { side = 1; }
                const std::size_t leaf = both ? grouped_[i] : leaves[i];
                if (both) { side = i < split ? -1 : 1; }
                columns_[leaf] = column + side;
                if (column + side < low || column + side > high) {
                    owners_[leaf] = node;
                    beside_.push_back(leaf);
                }
            }
        }
    }

    // Leaves by their colour, in halves; where one can, no colour is on both sides.
    std::size_t split_of(std::size_t node) {
        grouped_.clear();
        std::vector<std::uint8_t> colours;
        for (const std::size_t leaf : leaves_[node]) {
            if (std::find(colours.begin(), colours.end(), colour(leaf)) == colours.end()) {
                colours.push_back(colour(leaf));
            }
        }
        for (const std::uint8_t wanted : colours) {
            for (const std::size_t leaf : leaves_[node]) {
                if (colour(leaf) == wanted) { grouped_.push_back(leaf); }
            }
        }
        std::vector<std::size_t> before{0};
        for (const std::size_t leaf : grouped_) { before.push_back(before.back() + size(leaf)); }
        const std::size_t total = before.back();
        auto worse = [&](std::size_t at) { return std::max(before[at], total - before[at]); };
        std::size_t best = 0;
        std::size_t best_between = kNowhere;
        for (std::size_t at = 0; at <= grouped_.size(); ++at) {
            if (worse(at) <= worse(best)) { best = at; }
            const bool between = at > 0 && at < grouped_.size() && colour(grouped_[at - 1]) != colour(grouped_[at]);
            if (between && (best_between == kNowhere || worse(at) <= worse(best_between))) { best_between = at; }
        }
        const bool even = best_between != kNowhere && worse(best_between) * 3 <= total * 2;
        return even ? best_between : best;
    }
    [[nodiscard]] std::uint8_t colour(std::size_t leaf) const { return model_.hosts[leaf].colour; }
    [[nodiscard]] std::size_t size(std::size_t leaf) const {
        const HostNode& host = model_.hosts[leaf];
        return 2 + 2 * host.nics.size() + host.facts.size() + host.processes.size() + host.leases.size();
    }

    const Model& model_;
    const std::vector<std::vector<std::size_t>>& near_;
    std::vector<std::size_t> nodes_;
    std::vector<std::size_t> core_;
    std::map<std::size_t, std::vector<std::size_t>> links_;   // within the core
    std::map<std::size_t, std::vector<std::size_t>> leaves_;  // hosts at it alone
    std::size_t edges_ = 0;
    std::map<std::size_t, int> columns_;
    std::map<std::size_t, std::size_t> owners_;
    std::vector<std::size_t> grouped_;
    std::vector<std::size_t> beside_;  // what has an owner, in order
    bool stacked_ = false;
    std::vector<std::size_t> order_;  // of what is stacked
};

class Arranger {
public:
    explicit Arranger(const Model& model)
        : model_(model), hosts_(model.hosts.size()), near_(hosts_ + model.switches.size()), item_(near_.size()) {}

    Columns run() {
        find_neighbours();
        auto parts = find_parts();
        std::stable_sort(parts.begin(), parts.end(),
                         [&](const auto& a, const auto& b) { return has_roots(a) && !has_roots(b); });
        for (const auto& part : parts) {
            if (part.size() == 1 && part[0] < hosts_ && !model_.hosts[part[0]].root) {
                out_.lone.push_back(part[0]);
            } else {
                place_part(part);
            }
        }
        std::sort(out_.lone.begin(), out_.lone.end());
        fill_bands();
        return std::move(out_);
    }

private:
    struct Part {
        std::vector<std::size_t> order;  // nodes, the columns' first order
        std::map<std::size_t, int> columns;
        std::map<std::size_t, std::size_t> owners;
        std::vector<std::size_t> beside;
        bool stacked = false;
        bool framed = false;
        std::set<std::size_t> nodes;
    };

    [[nodiscard]] std::size_t node_of(const End& end) const { return end.on_switch ? hosts_ + end.node : end.node; }
    [[nodiscard]] bool is_roots(std::size_t node) const { return node >= hosts_ || model_.hosts[node].root; }
    [[nodiscard]] bool has_roots(const std::vector<std::size_t>& part) const {
        return std::any_of(part.begin(), part.end(), [&](std::size_t node) { return is_roots(node); });
    }

    void find_neighbours() {
        for (const auto& wire : model_.wires) {
            const std::size_t a = node_of(wire.a);
            const std::size_t b = node_of(wire.b);
            if (a == b) { continue; }
            if (std::find(near_[a].begin(), near_[a].end(), b) == near_[a].end()) {
                near_[a].push_back(b);
                near_[b].push_back(a);
            }
        }
        for (auto& near : near_) { std::sort(near.begin(), near.end()); }
    }

    [[nodiscard]] std::vector<std::vector<std::size_t>> find_parts() const {
        std::vector<std::vector<std::size_t>> parts;
        std::vector<bool> seen(near_.size());
        auto collect = [&](std::size_t from) {
            if (seen[from]) { return; }
            std::vector<std::size_t> part{from};
            seen[from] = true;
            for (std::size_t i = 0; i < part.size(); ++i) {
                for (const std::size_t other : near_[part[i]]) {
                    if (!seen[other]) {
                        seen[other] = true;
                        part.push_back(other);
                    }
                }
            }
            std::sort(part.begin(), part.end());
            parts.push_back(std::move(part));
        };
        for (std::size_t node = hosts_; node < near_.size(); ++node) { collect(node); }
        for (std::size_t node = 0; node < hosts_; ++node) { collect(node); }
        return parts;
    }

    void place_part(const std::vector<std::size_t>& nodes) {
        Layers layers(model_, near_, nodes);
        Part part;
        part.columns = layers.run();
        part.owners = layers.owners();
        part.beside = layers.beside();
        part.stacked = layers.stacked();
        part.framed = has_roots(nodes);
        part.nodes = {nodes.begin(), nodes.end()};
        // What is the root's own starts at column 0; without it, at the left.
        int low = part.columns.begin()->second;
        bool any = false;
        for (const auto& [node, column] : part.columns) {
            if (part.framed && !is_roots(node)) { continue; }
            low = any ? std::min(low, column) : column;
            any = true;
        }
        for (auto& [node, column] : part.columns) { column -= low; }
        part.order = part.stacked ? layers.stack_order() : walk(part);
        parts_.push_back(std::move(part));
    }

    // Depth first, so that a tree has no crossings.
    [[nodiscard]] std::vector<std::size_t> walk(const Part& part) const {
        std::vector<std::size_t> starts(part.nodes.begin(), part.nodes.end());
        std::stable_sort(starts.begin(), starts.end(), [&](std::size_t a, std::size_t b) {
            return std::abs(part.columns.at(a)) < std::abs(part.columns.at(b));
        });
        std::vector<std::size_t> order;
        std::set<std::size_t> seen;
        std::vector<std::size_t> todo(starts.rbegin(), starts.rend());
        while (!todo.empty()) {
            const std::size_t node = todo.back();
            todo.pop_back();
            if (!seen.insert(node).second) { continue; }
            order.push_back(node);
            todo.insert(todo.end(), near_[node].rbegin(), near_[node].rend());
        }
        return order;
    }

    void fill_bands() {
        bool any = false;
        for (const auto& part : parts_) {
            for (const auto& [node, column] : part.columns) {
                out_.first = any ? std::min(out_.first, column) : column;
                out_.last = any ? std::max(out_.last, column) : column;
                any = true;
                if (is_roots(node)) { out_.last_framed = std::max(out_.last_framed, column); }
            }
        }
        for (const auto& part : parts_) {
            // Without anything of the root's own: from the left.
            const int shift = part.framed ? 0 : out_.first;
            add_band(part, std::min(shift, out_.last - widest(part)));
        }
    }
    static int widest(const Part& part) {
        int most = 0;
        for (const auto& [node, column] : part.columns) { most = std::max(most, column); }
        return most;
    }

    void add_band(const Part& part, int shift) {
        Band band;
        band.framed = part.framed;
        band.columns.resize(static_cast<std::size_t>(out_.last - out_.first + 1));
        for (const std::size_t node : part.order) {
            if (!part.owners.contains(node)) { add_node(band, part, node, shift); }
        }
        for (const std::size_t node : part.beside) { add_node(band, part, node, shift); }
        for (const auto& [leaf, owner] : part.owners) { out_.items[item_[leaf]].owner = item_[owner]; }
        for (std::size_t w = 0; w < model_.wires.size(); ++w) {
            if (part.nodes.contains(node_of(model_.wires[w].a))) { add_hops(band, w); }
        }
        if (!part.stacked) { sort_columns(band); }
        out_.bands.push_back(std::move(band));
    }

    void add_node(Band& band, const Part& part, std::size_t node, int shift) {
        Item item;
        item.kind = node < hosts_ ? ItemKind::host : ItemKind::sw;
        item.node = node < hosts_ ? node : node - hosts_;
        item.column = part.columns.at(node) + shift;
        item_[node] = out_.items.size();
        if (part.owners.contains(node)) {
            band.beside.push_back(out_.items.size());
        } else {
            band.columns[index(item.column)].push_back(out_.items.size());
        }
        out_.items.push_back(item);
    }
    [[nodiscard]] std::size_t index(int column) const { return static_cast<std::size_t>(column - out_.first); }

    void add_hops(Band& band, std::size_t w) {
        const Cable& wire = model_.wires[w];
        std::size_t at = item_[node_of(wire.a)];
        std::size_t to = item_[node_of(wire.b)];
        std::optional<End> at_end = wire.a;
        std::optional<End> to_end = wire.b;
        if (out_.items[at].column > out_.items[to].column) {
            std::swap(at, to);
            std::swap(at_end, to_end);
        }
        while (out_.items[at].column + 1 < out_.items[to].column) {
            const std::size_t bend = out_.items.size();
            out_.items.push_back({ItemKind::bend, w, out_.items[at].column + 1, kNowhere});
            band.columns[index(out_.items[bend].column)].push_back(bend);
            out_.hops.push_back({w, at, bend, at_end, {}});
            at = bend;
            at_end.reset();
        }
        out_.hops.push_back({w, at, to, at_end, to_end});
    }

    void sort_columns(Band& band) const {
        std::map<std::size_t, std::vector<std::size_t>> left;
        std::map<std::size_t, std::vector<std::size_t>> right;
        for (const auto& hop : out_.hops) {
            if (out_.items[hop.from].column == out_.items[hop.to].column) { continue; }
            if (out_.items[hop.from].owner != kNowhere || out_.items[hop.to].owner != kNowhere) { continue; }
            right[hop.from].push_back(hop.to);
            left[hop.to].push_back(hop.from);
        }
        // From two beginnings: as the walk found them, and in the file's order.
        auto best = band.columns;
        std::size_t fewest = crossings(best, right);
        auto written = band.columns;
        for (auto& column : written) {
            std::stable_sort(column.begin(), column.end(), [&](std::size_t a, std::size_t b) {
                const Item& one = out_.items[a];
                const Item& other = out_.items[b];
                return std::pair(one.kind, one.node) < std::pair(other.kind, other.node);
            });
        }
        for (auto columns : {written, band.columns}) {
            for (int sweep = 0; sweep <= kSweeps && fewest > 0; ++sweep) {
                const std::size_t now = crossings(columns, right);
                if (now < fewest) {
                    fewest = now;
                    best = columns;
                }
                const bool forth = sweep % 2 == 0;
                const std::size_t count = columns.size();
                for (std::size_t i = 1; i < count; ++i) {
                    sort_by(columns[forth ? i : count - 1 - i], columns[forth ? i - 1 : count - i],
                            forth ? left : right);
                }
            }
        }
        band.columns = std::move(best);
    }

    using Near = std::map<std::size_t, std::vector<std::size_t>>;
    static std::map<std::size_t, std::size_t> ranks(const std::vector<std::size_t>& column) {
        std::map<std::size_t, std::size_t> out;
        for (std::size_t i = 0; i < column.size(); ++i) { out[column[i]] = i; }
        return out;
    }

    // By the mean place of their neighbours; those without any stay where they are.
    static void sort_by(std::vector<std::size_t>& column, const std::vector<std::size_t>& beside,
                        const Near& near) {
        const auto rank = ranks(beside);
        std::vector<std::pair<double, std::size_t>> keyed;
        double last = 0;
        for (const std::size_t item : column) {
            const auto found = near.find(item);
            if (found != near.end() && !found->second.empty()) {
                double sum = 0;
                for (const std::size_t other : found->second) { sum += static_cast<double>(rank.at(other)); }
                last = sum / static_cast<double>(found->second.size());
            }
            keyed.emplace_back(last, item);
        }
        std::stable_sort(keyed.begin(), keyed.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = 0; i < column.size(); ++i) { column[i] = keyed[i].second; }
    }

    static std::size_t crossings(const std::vector<std::vector<std::size_t>>& columns, const Near& right) {
        std::size_t out = 0;
        for (std::size_t c = 0; c + 1 < columns.size(); ++c) {
            const auto rank = ranks(columns[c + 1]);
            std::vector<std::size_t> ends;  // in the order of their beginnings
            for (const std::size_t item : columns[c]) {
                const auto found = right.find(item);
                if (found == right.end()) { continue; }
                std::vector<std::size_t> here;
                here.reserve(found->second.size());
                for (const std::size_t other : found->second) { here.push_back(rank.at(other)); }
                for (const std::size_t end : here) {
                    out += static_cast<std::size_t>(std::count_if(
                        ends.begin(), ends.end(), [end](std::size_t earlier) { return earlier > end; }));
                }
                ends.insert(ends.end(), here.begin(), here.end());
            }
        }
        return out;
    }

    const Model& model_;
    const std::size_t hosts_;
    std::vector<std::vector<std::size_t>> near_;  // by node, without itself
    std::vector<std::size_t> item_;               // by node
    std::vector<Part> parts_;
    Columns out_;
};

}  // namespace

Columns arrange(const Model& model) { return Arranger(model).run(); }

}  // namespace warren::drawing
