// Places hosts, switches and wires. Called by draw.cpp, once for each way of layout that it tries.
//
// Three columns: hosts, switches one below the other, hosts. A switch's port stands in the same line as the
// interface that it is wired to, so that most wires are straight. The others bend in channels: between two
// switches inside the frame, at the right; between two hosts, or from a host to a switch further away, outside.
#include "views/draw_layout.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "views/draw_channels.hpp"

namespace warren::drawing {
namespace {

constexpr std::size_t kMostBoxes = 12;  // more hosts than this have a line each
constexpr std::size_t kTallColumn = 4;  // more boxes than this at one switch stand on both sides
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

class Placer {
public:
    Placer(const Model& model, const LayoutOptions& options) : model_(model), options_(options) {}

    Layout run() {
        index();
        choose_sides();
        make_boxes();
        out_.frame = !model_.switches.empty();
        cursor_ = {out_.frame ? 1 : 0, out_.frame ? 1 : 0};
        for (std::size_t sw = 0; sw < model_.switches.size(); ++sw) { place_switch(sw); }
        place_rest();
        choose_channels();
        choose_columns();
        return std::move(out_);
    }

private:
    struct Plug {
        std::size_t nic = 0;
        std::size_t wire = 0;
        End far;
    };
    // A box's row that a wire ends at.
    struct Socket {
        std::size_t box = kNone;
        std::size_t row = 0;
    };
    struct HostPlace {
        std::vector<Plug> plugs;
        std::size_t first = kNone;  // switches, in the order of the stack
        std::size_t last = kNone;
        Side side = Side::left;
        std::size_t order = 0;
    };
    struct Content {
        std::size_t host = 0;       // the first in the box
        std::size_t first = kNone;  // switches
        std::size_t last = kNone;
        bool placed = false;
        std::size_t next_start = 0;  // while it is open
    };

    void index() {
        hosts_.resize(model_.hosts.size());
        far_.clear();
        for (std::size_t w = 0; w < model_.wires.size(); ++w) {
            const Cable& wire = model_.wires[w];
            far_[wire.a] = {w, wire.b};
            far_[wire.b] = {w, wire.a};
        }
        for (std::size_t h = 0; h < hosts_.size(); ++h) {
            for (std::size_t n = 0; n < model_.hosts[h].nics.size(); ++n) {
                const auto found = far_.find({false, h, n});
                if (found == far_.end()) { continue; }
                hosts_[h].plugs.push_back({n, found->second.first, found->second.second});
                if (!found->second.second.on_switch) { continue; }
                const std::size_t sw = found->second.second.node;
                hosts_[h].first = hosts_[h].first == kNone ? sw : std::min(hosts_[h].first, sw);
                hosts_[h].last = hosts_[h].last == kNone ? sw : std::max(hosts_[h].last, sw);
            }
        }
        out_.switches.resize(model_.switches.size());
        for (std::size_t s = 0; s < model_.switches.size(); ++s) {
            out_.switches[s].port_y.assign(model_.switches[s].ports.size(), -1);
            out_.switches[s].port_side.assign(model_.switches[s].ports.size(), Side::left);
        }
    }

    [[nodiscard]] bool compact() const { return model_.hosts.size() > kMostBoxes; }
    // Fits one line of a box of many.
    [[nodiscard]] bool plain(std::size_t host) const {
        const HostNode& node = model_.hosts[host];
        return compact() && node.nics.size() == 1 && node.nics[0].addresses.size() <= 2 && !node.server &&
               node.faults.empty() && hosts_[host].plugs.size() == 1 && hosts_[host].plugs[0].far.on_switch;
    }

    // To the right; a second one that spans the same switches to the left, where it parts no switch from its hosts.
    void choose_sides_of_multihomed() {
        std::vector<int> singles(model_.switches.size());
        for (const auto& host : hosts_) {
            if (host.first != kNone && host.first == host.last) { ++singles[host.first]; }
        }
        std::array<std::vector<std::pair<std::size_t, std::size_t>>, 2> spans;
        for (auto& host : hosts_) {
            if (host.first == kNone || host.first == host.last) { continue; }
            auto clash = [&](Side side) {
                const auto& taken = spans.at(static_cast<std::size_t>(side));
                return std::any_of(taken.begin(), taken.end(), [&](const auto& span) {
                    return std::max(span.first, host.first) < std::min(span.second, host.last);
                });
            };
            bool parts = false;
            for (std::size_t s = host.first + 1; s < host.last; ++s) { parts = parts || singles[s] != 0; }
            host.side = clash(Side::right) && !clash(Side::left) && !parts ? Side::left : Side::right;
            spans.at(static_cast<std::size_t>(host.side)).emplace_back(host.first, host.last);
        }
    }

    void choose_sides() {
        std::vector<std::size_t> order;
        std::vector<bool> seen(hosts_.size());
        std::set<std::size_t> busy_right;  // switches that have hosts there
        choose_sides_of_multihomed();
        for (std::size_t h = 0; h < hosts_.size(); ++h) {
            HostPlace& host = hosts_[h];
            if (host.first == kNone) { continue; }
            if (model_.hosts[h].server && host.first == host.last) { host.side = Side::right; }
            if (host.side == Side::left) { continue; }
            for (std::size_t s = host.first; s <= host.last; ++s) { busy_right.insert(s); }
        }
        for (std::size_t s = 0; s < model_.switches.size(); ++s) {
            std::vector<std::size_t> single;
            for (std::size_t h = 0; h < hosts_.size(); ++h) {
                if (hosts_[h].first == s && hosts_[h].last == s && hosts_[h].side == Side::left) {
                    single.push_back(h);
                }
            }
            if (single.size() <= kTallColumn || busy_right.contains(s)) { continue; }
            for (std::size_t i = (single.size() + 1) / 2; i < single.size(); ++i) {
                hosts_[single[i]].side = Side::right;
            }
        }
        if (!options_.both_sides) {
            for (auto& host : hosts_) { host.side = Side::left; }
        }
        // Hosts behind others, on direct links, follow them; others alternate.
        for (std::size_t h = 0; h < hosts_.size(); ++h) {
            if (hosts_[h].first != kNone) { follow(h, false, order, seen); }
        }
        for (std::size_t h = 0; h < hosts_.size(); ++h) {
            if (!hosts_[h].plugs.empty()) { follow(h, true, order, seen); }
        }
        for (std::size_t h = 0; h < hosts_.size(); ++h) { follow(h, true, order, seen); }
        order_ = std::move(order);
    }

    void follow(std::size_t from, bool alternate, std::vector<std::size_t>& order, std::vector<bool>& seen) {
        if (seen[from]) { return; }
        seen[from] = true;
        std::vector<std::size_t> queue{from};
        for (std::size_t i = 0; i < queue.size(); ++i) {
            const HostPlace& host = hosts_[queue[i]];
            order.push_back(queue[i]);
            for (const auto& plug : host.plugs) {
                if (plug.far.on_switch || seen[plug.far.node]) { continue; }
                HostPlace& next = hosts_[plug.far.node];
                if (next.first != kNone) { continue; }
                seen[plug.far.node] = true;
                next.first = host.first;
                next.last = host.first;
                next.side = host.side;
                if (alternate && options_.both_sides) {
                    next.side = host.side == Side::left ? Side::right : Side::left;
                }
                queue.push_back(plug.far.node);
            }
        }
    }

    void make_boxes() {
        std::map<std::pair<std::size_t, Side>, std::vector<std::size_t>> groups;
        for (const std::size_t h : order_) {
            if (plain(h)) {
                auto& group = groups[{hosts_[h].first, hosts_[h].side}];
                group.push_back(h);
                if (group.size() > 1) { continue; }  // the box stands where the first of them does
            }
            contents_.push_back({h, hosts_[h].first, hosts_[h].last});
        }
        for (std::size_t b = 0; b < contents_.size(); ++b) {
            const std::size_t h = contents_[b].host;
            const auto group = groups.find({hosts_[h].first, hosts_[h].side});
            out_.boxes.push_back(plain(h) && group->second.size() > 1
                                     ? group_box(model_, group->second)
                                     : host_box(model_, h, nics_in_order(h), options_.split));
            Box& box = out_.boxes.back();
            box.side = hosts_[h].side;
            for (std::size_t i = 0; i < box.ends.size(); ++i) { sockets_[box.ends[i]] = {b, box.starts[i]}; }
        }
    }

    // The switches in their order, then other hosts.
    [[nodiscard]] std::size_t rank(std::size_t host, std::size_t nic) const {
        const auto found = far_.find({false, host, nic});
        if (found == far_.end()) { return kNone; }
        return found->second.second.on_switch ? found->second.second.node : kNone - 1;
    }
    [[nodiscard]] std::vector<std::size_t> nics_in_order(std::size_t host) const {
        std::vector<std::size_t> nics(model_.hosts[host].nics.size());
        std::iota(nics.begin(), nics.end(), std::size_t{0});
        std::stable_sort(nics.begin(), nics.end(),
                         [&](std::size_t a, std::size_t b) { return rank(host, a) < rank(host, b); });
        return nics;
    }

    int& cursor(Side side) { return cursor_.at(static_cast<std::size_t>(side)); }
    int& next_port(Side side) { return next_port_.at(static_cast<std::size_t>(side)); }
    std::size_t& open(Side side) { return open_.at(static_cast<std::size_t>(side)); }

    // Gives rows FROM…TO of a box the lines from Y on.
    int set_rows(Box& box, std::size_t from, std::size_t to, int y) {
        for (std::size_t row = from; row < to; ++row) { box.rows[row].y = y++; }
        return y;
    }
    [[nodiscard]] std::size_t end_of_run(std::size_t b, std::size_t start) const {
        const auto& starts = out_.boxes[b].starts;
        if (start + 1 < starts.size()) { return starts[start + 1]; }
        return out_.boxes[b].rows.size();
    }
    [[nodiscard]] const End* far_end(const End& end) const {
        const auto found = far_.find(end);
        return found == far_.end() ? nullptr : &found->second.second;
    }

    void give_port(const End& port, Side side, int y) {
        SwitchBox& sw = out_.switches[port.node];
        sw.port_y[port.index] = y;
        sw.port_side[port.index] = side;
        next_port(side) = std::max(next_port(side), y + 1);
    }
    [[nodiscard]] bool has_port(const End& port) const { return out_.switches[port.node].port_y[port.index] >= 0; }

    // Below the switch before it, and no higher than its own hosts can stand.
    int top_of(std::size_t s) {
        if (s == 0) { return 1; }
        int hosts = std::numeric_limits<int>::max();
        for (std::size_t b = 0; b < contents_.size(); ++b) {
            if (contents_[b].first == s && contents_[b].last == s) {
                hosts = std::min(hosts, cursor(out_.boxes[b].side));
            }
        }
        const int above = out_.switches[s - 1].y + out_.switches[s - 1].height;
        return hosts == std::numeric_limits<int>::max() ? above : std::max(above, hosts);
    }

    void place_switch(std::size_t s) {
        const int top = top_of(s);
        next_port_ = {top + 1, top + 1};
        for (std::size_t p = 0; p < model_.switches[s].ports.size(); ++p) {
            const End* far = far_end({true, s, p});
            if (far != nullptr && far->on_switch) { give_port({true, s, p}, Side::right, next_port(Side::right)); }
        }
        for (const Side side : {Side::left, Side::right}) { reach_open(s, side); }
        place_singles(s);
        for (const Side side : {Side::left, Side::right}) {
            for (std::size_t b = 0; b < contents_.size(); ++b) {
                if (!ready(b, s, side)) { continue; }
                if (contents_[b].last == s) {
                    place_whole(b, s);
                } else if (contents_[b].first == s) {
                    open_box(b, s);
                }
            }
        }
        // Ports whose hosts stand elsewhere, or that have nothing behind them.
        for (std::size_t p = 0; p < model_.switches[s].ports.size(); ++p) {
            const End port{true, s, p};
            if (has_port(port)) { continue; }
            const End* far = far_end(port);
            const Side side = far == nullptr ? Side::left : hosts_[far->node].side;
            give_port(port, side, next_port(side));
        }
        const int bottom = std::max({next_port(Side::left), next_port(Side::right), top + 2});
        out_.switches[s].y = top;
        out_.switches[s].height = bottom - top + 1;
    }

    // Hosts at this switch alone. As many on either side face each other.
    void place_singles(std::size_t s) {
        std::array<std::vector<std::size_t>, 2> singles;
        for (std::size_t b = 0; b < contents_.size(); ++b) {
            const Side side = out_.boxes[b].side;
            if (ready(b, s, side) && contents_[b].last == contents_[b].first) {
                singles.at(static_cast<std::size_t>(side)).push_back(b);
            }
        }
        const bool facing = singles[0].size() == singles[1].size();
        for (std::size_t i = 0; i < std::max(singles[0].size(), singles[1].size()); ++i) {
            if (facing) {
                const int top = std::max(top_for_box(Side::left), top_for_box(Side::right));
                cursor_ = {top, top};
            }
            for (const auto& side : singles) {
                if (i < side.size()) { place_whole(side[i], s); }
            }
        }
    }
    [[nodiscard]] int top_for_box(Side side) { return std::max(cursor(side), next_port(side) - 1); }

    [[nodiscard]] bool ready(std::size_t b, std::size_t s, Side side) {
        const Content& content = contents_[b];
        return out_.boxes[b].side == side && !content.placed && content.first != kNone && content.first <= s &&
               open(side) == kNone;
    }

    // The whole box here; ports of this switch stand in line with it, others are reached by bends.
    void place_whole(std::size_t b, std::size_t s) {
        Box& box = out_.boxes[b];
        Content& content = contents_[b];
        content.placed = true;
        box.y = top_for_box(box.side);
        int y = box.y + 1;
        for (std::size_t start = 0; start < box.starts.size(); ++start) {
            const End* far = far_end(box.ends[start]);
            if (far != nullptr && far->on_switch && far->node == s && !has_port(*far)) {
                y = std::max(y, next_port(box.side));
                give_port(*far, box.side, y);
            }
            y = set_rows(box, box.starts[start], end_of_run(b, start), y);
        }
        if (box.starts.empty()) { y = set_rows(box, 0, box.rows.size(), y); }
        close_box(b, y);
    }

    void close_box(std::size_t b, int y) {
        Box& box = out_.boxes[b];
        box.height = y - box.y + 1;
        cursor(box.side) = y + 1;
    }

    // A box that goes on down to further switches: while it is open nothing else stands in its column.
    void open_box(std::size_t b, std::size_t s) {
        Box& box = out_.boxes[b];
        contents_[b].placed = true;
        box.y = top_for_box(box.side);
        cursor(box.side) = box.y + 1;
        open(box.side) = b;
        reach_open(s, box.side);
    }

    void reach_open(std::size_t s, Side side) {
        if (open(side) == kNone) { return; }
        const std::size_t b = open(side);
        Box& box = out_.boxes[b];
        Content& content = contents_[b];
        int y = cursor(side);
        for (; content.next_start < box.starts.size(); ++content.next_start) {
            const End* far = far_end(box.ends[content.next_start]);
            if (far != nullptr && far->on_switch) {
                if (far->node > s) { break; }
                y = std::max(y, next_port(side));
                give_port(*far, side, y);
            }
            y = set_rows(box, box.starts[content.next_start], end_of_run(b, content.next_start), y);
        }
        cursor(side) = y;
        if (content.next_start < box.starts.size()) { return; }
        close_box(b, y);
        open(side) = kNone;
    }

    // Hosts that are at no switch, below everything: those wired to each other face each other.
    void place_rest() {
        if (out_.frame) { out_.frame_height = out_.switches.back().y + out_.switches.back().height + 1; }
        const int below = std::max({out_.frame_height, cursor(Side::left), cursor(Side::right)});
        bool any = false;
        for (const Side side : {Side::left, Side::right}) {
            for (std::size_t b = 0; b < contents_.size(); ++b) {
                if (contents_[b].placed || out_.boxes[b].side != side) { continue; }
                if (contents_[b].first == kNone && !any) {
                    cursor_ = {below, below};
                    any = true;
                }
                place_facing(b);
            }
        }
        out_.height = std::max({out_.frame_height, cursor(Side::left), cursor(Side::right)});
    }

    void place_facing(std::size_t b) {
        Box& box = out_.boxes[b];
        Content& content = contents_[b];
        content.placed = true;
        auto facing_y = [&](std::size_t start) {
            const End* far = far_end(box.ends[start]);
            if (far == nullptr || far->on_switch) { return 0; }
            const Socket& socket = sockets_.at(*far);
            return out_.boxes[socket.box].side != box.side && contents_[socket.box].placed
                       ? out_.boxes[socket.box].rows[socket.row].y
                       : 0;
        };
        box.y = cursor(box.side);
        if (!box.starts.empty()) { box.y = std::max(box.y, facing_y(0) - 1); }
        int y = box.y + 1;
        for (std::size_t start = 0; start < box.starts.size(); ++start) {
            y = set_rows(box, box.starts[start], end_of_run(b, start), std::max(y, facing_y(start)));
        }
        if (box.starts.empty()) { y = set_rows(box, 0, box.rows.size(), y); }
        close_box(b, y);
    }

    [[nodiscard]] int y_of(const End& end) const {
        if (end.on_switch) { return out_.switches[end.node].port_y[end.index]; }
        const Socket& socket = sockets_.at(end);
        return out_.boxes[socket.box].rows[socket.row].y;
    }
    [[nodiscard]] Side side_of(const End& end) const {
        if (end.on_switch) { return out_.switches[end.node].port_side[end.index]; }
        return hosts_[end.node].side;
    }

    void choose_channels() {
        std::vector<std::size_t> order(model_.wires.size());
        for (std::size_t w = 0; w < order.size(); ++w) { order[w] = w; }
        auto length = [&](std::size_t w) { return std::abs(y_of(model_.wires[w].a) - y_of(model_.wires[w].b)); };
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return length(a) < length(b); });
        channel_.assign(model_.wires.size(), kNone);
        for (const std::size_t w : order) {
            const Cable& wire = model_.wires[w];
            const int a = y_of(wire.a);
            const int b = y_of(wire.b);
            if (wire.a.on_switch) {
                channel_[w] = inner_.add({a, b, true});
            } else if (!wire.b.on_switch && side_of(wire.a) == side_of(wire.b)) {
                channel_[w] = outer(side_of(wire.a)).add({a, b, true});
            } else if (a != b) {
                const bool across = !wire.b.on_switch && side_of(wire.a) == Side::right;
                channel_[w] = outer(wire.b.on_switch ? side_of(wire.a) : Side::left)
                                  .add(across ? Channels::Bend{b, a, false} : Channels::Bend{a, b, false});
            }
        }
    }
    Channels& outer(Side side) { return outer_.at(static_cast<std::size_t>(side)); }

    void choose_columns() {
        std::array<int, 2> width{0, 0};
        for (const auto& box : out_.boxes) {
            int& most = width.at(static_cast<std::size_t>(box.side));
            most = std::max(most, columns(box.title) + 6);
            for (const auto& row : box.rows) { most = std::max(most, columns(row.text) + 4); }
        }
        std::array<int, 2> badge{0, 0};
        int between = 0;
        for (std::size_t s = 0; s < model_.switches.size(); ++s) { measure_switch(s, badge, between); }
        out_.switch_width = std::max(out_.switch_width, between);
        const int gap = options_.gap;
        auto zone = [&](Side side) {
            const int text = badge.at(static_cast<std::size_t>(side));
            return text == 0 ? gap : text + (gap > 1 ? 5 : 4);
        };
        auto ways = [&](Side side) { return outer(side).count() == 0 ? 0 : outer(side).count() * 2; };
        const int left_edge = std::max(0, width[0] - 1);  // of the left boxes
        int right = 0;                                    // first column of the right boxes
        if (out_.frame) {
            const bool left_hosts = width[0] > 0;
            out_.frame_x = left_hosts ? left_edge + gap + 1 + ways(Side::left) : 0;
            out_.switch_x = out_.frame_x + zone(Side::left) + 1;
            const int inside = inner_.count() == 0 ? 0 : inner_.count() * 2;
            const int frame_end = std::max(out_.switch_x + out_.switch_width + zone(Side::right) + inside,
                                           out_.frame_x + columns(model_.place) + 5);
            out_.frame_width = frame_end - out_.frame_x + 1;
            right = frame_end + gap + 1 + ways(Side::right);
            channel_x_ = {left_edge + 2, right - 2};
            inner_x_ = out_.switch_x + out_.switch_width + zone(Side::right) - 1;
        } else {
            right = left_edge + 2 * gap + 1 + ways(Side::left) + ways(Side::right);
            channel_x_ = {left_edge + 2, right - 2};
        }
        out_.width = width[1] > 0 ? right + width[1] : std::max(right, out_.frame_x + out_.frame_width);
        for (auto& box : out_.boxes) {
            box.width = width.at(static_cast<std::size_t>(box.side));
            box.x = box.side == Side::left ? 0 : right;
        }
        for (std::size_t w = 0; w < model_.wires.size(); ++w) { add_path(w); }
    }

    // How wide the boxes of switches must be, and the badges at them.
    void measure_switch(std::size_t s, std::array<int, 2>& badge, int& between) {
        const SwitchNode& sw = model_.switches[s];
        out_.switch_width = std::max(out_.switch_width, columns(switch_title(sw)) + 6);
        std::map<int, int> lines;
        for (std::size_t p = 0; p < sw.ports.size(); ++p) {
            int& badges = badge.at(static_cast<std::size_t>(out_.switches[s].port_side[p]));
            badges = std::max(badges, columns(sw.ports[p].badge));
            int& line = lines[out_.switches[s].port_y[p]];
            line += columns(tab_text(sw.ports[p])) + (line == 0 ? 4 : 2);
            between = std::max(between, line);
        }
    }

    void add_path(std::size_t w) {
        const Cable& wire = model_.wires[w];
        auto edge = [&](const End& end) {
            if (end.on_switch) {
                return side_of(end) == Side::left ? out_.switch_x : out_.switch_x + out_.switch_width - 1;
            }
            const Box& box = out_.boxes[sockets_.at(end).box];
            return box.side == Side::left ? box.x + box.width - 1 : box.x;
        };
        Path path{w, edge(wire.a), y_of(wire.a), edge(wire.b), y_of(wire.b), 0};
        path.bend = path.x2;
        if (channel_[w] != kNone) {
            const int channel = static_cast<int>(channel_[w]) * 2;
            if (wire.a.on_switch) {
                path.bend = inner_x_ + channel;
            } else {
                const bool at_right =
                    side_of(wire.a) == Side::right && (wire.b.on_switch || side_of(wire.b) == Side::right);
                path.bend = at_right ? channel_x_[1] - channel : channel_x_[0] + channel;
            }
        }
        out_.paths.push_back(path);
    }

    const Model& model_;
    const LayoutOptions options_;
    Layout out_;
    std::vector<HostPlace> hosts_;
    std::vector<std::size_t> order_;  // of the hosts
    std::vector<Content> contents_;   // of the boxes
    std::map<End, std::pair<std::size_t, End>> far_;
    std::map<End, Socket> sockets_;
    std::array<int, 2> cursor_{};     // first free line of each side
    std::array<int, 2> next_port_{};  // first free line at each edge of the switch being placed
    std::array<std::size_t, 2> open_{kNone, kNone};
    std::array<Channels, 2> outer_;
    Channels inner_;
    std::vector<std::size_t> channel_;  // by wire
    std::array<int, 2> channel_x_{};
    int inner_x_ = 0;
};

}  // namespace

std::string switch_title(const SwitchNode& sw) {
    return sw.place.empty() ? sw.title : sw.title + " in " + sw.place;
}
std::string tab_text(const Port& port) { return port.name + (port.note.empty() ? "" : " (" + port.note + ")"); }

Layout lay_out(const Model& model, const LayoutOptions& options) { return Placer(model, options).run(); }

}  // namespace warren::drawing
