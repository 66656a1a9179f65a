// The network as text for other programs that draw: Graphviz's DOT and Mermaid's flowcharts. Called by `warren draw`.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "views/draw.hpp"
#include "views/draw_places.hpp"

namespace warren {
namespace {

using namespace drawing;

// A text of lines, each quoted by itself, with SEPARATOR between them in one pair of quotes.
std::string quoted_lines(const std::string& text, const char* separator, std::string (*quoted)(std::string_view)) {
    std::string out = "\"";
    for (std::size_t at = 0; at <= text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string line = quoted(text.substr(at, end - at));
        out += (at == 0 ? "" : separator) + line.substr(1, line.size() - 2);
        at = end + 1;
    }
    return out + "\"";
}

// Readable upon white; by ANSI number, as the SVG has them.
const char* colour_name(std::uint8_t colour) {
    switch (colour) {
        case 31:
            return "#d55e00";
        case 32:
            return "#009e73";
        case 33:
            return "#e69f00";
        case 34:
            return "#0072b2";
        case 35:
            return "#cc79a7";
        case 36:
            return "#56b4e9";
        case 91:
            return "#882255";
        case 92:
            return "#999933";
        case 93:
            return "#ddcc77";
        case 94:
            return "#6657be";
        case 95:
            return "#aa4499";
        case 96:
            return "#44aa99";
        default:
            return "#5e6e80";
    }
}
constexpr const char* kFault = "#a40e26";

std::string clean(std::string_view text) {
    std::string out;
    for (const char32_t c : code_points(text)) { append_utf8(out, c); }
    return out;
}

std::string nic_text(const Nic& nic, const std::string& line_end) {
    std::string out = nic.name;
    for (const auto& address : nic.addresses) { out += line_end + address; }
    if (!nic.note.empty()) { out += line_end + "(" + nic.note + ")"; }
    return out;
}

std::string wire_text(const Model& model, const Cable& wire, const std::string& line_end) {
    std::string out;
    for (const End& end : {wire.a, wire.b}) {
        for (const auto& badge : badges(model, end)) {
            if (badge.fault || (!out.empty() && out == badge.text)) { continue; }
            out += (out.empty() ? "" : line_end) + badge.text;
        }
    }
    if (wire.stroke == Stroke::dashed) { out += (out.empty() ? "" : line_end) + "down"; }
    return out;
}

std::string node_id(std::size_t section, const End& end) {
    return fmt::format("{}{}_{}_{}", end.on_switch ? 's' : 'h', section, end.node, end.index);
}

// Graphviz: a cluster for each namespace and switch, with a node for each interface and port.
class Dot {
public:
    std::string run(const Models& models) {
        out_ =
            "graph warren {\n"
            "  graph [rankdir=LR, nodesep=0.15, ranksep=0.9, fontname=\"sans-serif\", compound=true];\n"
            "  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"monospace\", fontsize=10, "
            "height=0.2, margin=\"0.08,0.03\"];\n"
            "  edge [fontname=\"sans-serif\", fontsize=9];\n";
        for (std::size_t s = 0; s < models.size(); ++s) { add_section(models[s], s); }
        return out_ + "}\n";
    }

private:
    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char c : clean(text)) {
            if (c == '"' || c == '\\') { out += '\\'; }
            out += c;
        }
        return out + "\"";
    }
    // A text of lines, each quoted by itself.
    static std::string lines(const std::string& text) { return quoted_lines(text, "\\n", quoted); }

    void add_section(const Model& model, std::size_t s) {
        out_ += fmt::format(
            "  subgraph cluster_place{} {{\n    label={};\n    style=rounded; color=\"#b6c0ca\"; "
            "bgcolor=\"#f6f8fa\";\n",
            s, quoted(model.place));
        for (std::size_t i = 0; i < model.switches.size(); ++i) { add_switch(model, s, i); }
        for (std::size_t i = 0; i < model.hosts.size(); ++i) {
            if (model.hosts[i].root) { add_host(model, s, i); }
        }
        out_ += "  }\n";
        for (std::size_t i = 0; i < model.hosts.size(); ++i) {
            if (!model.hosts[i].root) { add_host(model, s, i); }
        }
        for (const auto& wire : model.wires) { add_wire(model, s, wire); }
    }

    void add_switch(const Model& model, std::size_t s, std::size_t i) {
        const SwitchNode& sw = model.switches[i];
        std::string label = sw.title + (sw.place.empty() ? "" : "\n" + sw.place);
        out_ += fmt::format(
            "    subgraph cluster_s{}_{} {{\n      label={};\n      style=filled; color={}; "
            "fillcolor=\"#e2e8f0\";\n",
            s, i, lines(label), sw.missing ? quoted(kFault) : "\"#647487\"");
        for (std::size_t p = 0; p < sw.ports.size(); ++p) {
            add_node(node_id(s, {true, i, p}), sw.ports[p].name, sw.ports[p].colour, !sw.ports[p].note.empty());
        }
        if (sw.ports.empty()) { add_invisible(fmt::format("s{}_{}_none", s, i)); }
        out_ += "    }\n";
    }

    void add_host(const Model& model, std::size_t s, std::size_t i) {
        const HostNode& host = model.hosts[i];
        std::string label = title_of(host);
        for (const auto& fact : fact_lines(host)) { label += "\n" + fact.text; }
        out_ += fmt::format(
            "  subgraph cluster_h{}_{} {{\n      label={};\n      style=\"rounded,filled\"; "
            "color=\"{}\"; fillcolor=\"{}{}\";\n",
            s, i, lines(label), host.missing ? kFault : colour_name(host.colour), colour_name(host.colour), "22");
        for (std::size_t n = 0; n < host.nics.size(); ++n) {
            add_node(node_id(s, {false, i, n}), nic_text(host.nics[n], "\n"), host.nics[n].colour,
                     !host.nics[n].note.empty());
        }
        if (host.nics.empty()) { add_invisible(fmt::format("h{}_{}_none", s, i)); }
        out_ += "  }\n";
    }

    void add_node(const std::string& id, const std::string& text, std::uint8_t colour, bool fault) {
        out_ += fmt::format("      {} [label={}, color=\"{}\"{}];\n", id, lines(text),
                            fault ? kFault : colour_name(colour), fault ? ", style=\"rounded,filled,dashed\"" : "");
    }
    void add_invisible(const std::string& id) {
        out_ += fmt::format("      {} [label=\"\", style=invis, width=0.1];\n", id);
    }

    void add_wire(const Model& model, std::size_t s, const Cable& wire) {
        const bool down = wire.stroke == Stroke::dashed;
        const std::string colour = down ? kFault : colour_name(wire.colour);
        std::string more = fmt::format("color=\"{}\"", colour);
        if (wire.kind == CableKind::internal && !down) { more = fmt::format("color=\"{0}:invis:{0}\"", colour); }
        if (down) { more += ", style=dashed"; }
        if (wire.kind == CableKind::patch && !down) { more += ", style=dotted"; }
        if (wire.trunk) { more += ", penwidth=3"; }
        const std::string text = wire_text(model, wire, "\n");
        if (!text.empty()) { more += ", label=" + lines(text); }
        out_ += fmt::format("  {} -- {} [{}];\n", node_id(s, wire.a), node_id(s, wire.b), more);
    }

    std::string out_;
};

// Mermaid: the same as subgraphs. All texts are in quotes, with what could end them written as entities.
class Mermaid {
public:
    std::string run(const Models& models) {
        out_ = "flowchart LR\n";
        for (std::size_t s = 0; s < models.size(); ++s) { add_section(models[s], s); }
        for (const auto& [colour, ids] : coloured_) {
            out_ += fmt::format("  classDef c{} fill:{}22,stroke:{}\n", colour, colour_name(colour),
                                colour_name(colour));
            out_ += fmt::format("  class {} c{}\n", fmt::join(ids, ","), colour);
        }
        if (!faults_.empty()) {
            out_ += fmt::format("  classDef fault stroke:{},stroke-dasharray:4 3\n", kFault);
            out_ += fmt::format("  class {} fault\n", fmt::join(faults_, ","));
        }
        return out_ + links_style();
    }

private:
    static std::string quoted(std::string_view text) {
        std::string out = "\"";
        for (const char32_t c : code_points(text)) {
            const bool plain = c >= 0x80 || (c >= U'0' && c <= U'9') || (c >= U'A' && c <= U'Z') ||
                               (c >= U'a' && c <= U'z') ||
                               std::u32string_view(U" .,:/-_()+=").find(c) != std::u32string_view::npos;
            if (plain) {
                append_utf8(out, c);
            } else {
                out += fmt::format("#{};", static_cast<unsigned>(c));
            }
        }
        return out + "\"";
    }
    static std::string lines(const std::string& text) { return quoted_lines(text, "<br/>", quoted); }

    void add_section(const Model& model, std::size_t s) {
        const bool any = !model.switches.empty() ||
                         std::any_of(model.hosts.begin(), model.hosts.end(), [](const auto& h) { return h.root; });
        if (any) { out_ += fmt::format("  subgraph place{}[{}]\n", s, quoted(model.place)); }
        for (std::size_t i = 0; i < model.switches.size(); ++i) {
            const SwitchNode& sw = model.switches[i];
            const std::string id = fmt::format("s{}_{}", s, i);
            begin(id, sw.title + (sw.place.empty() ? "" : "\n" + sw.place));
            for (std::size_t p = 0; p < sw.ports.size(); ++p) {
                add_node(node_id(s, {true, i, p}), sw.ports[p].name, sw.ports[p].colour, !sw.ports[p].note.empty());
            }
            end(id, sw.ports.empty(), 0, sw.missing);
        }
        for (const bool root : {true, false}) {
            if (!root && any) { out_ += "  end\n"; }
            for (std::size_t i = 0; i < model.hosts.size(); ++i) {
                if (model.hosts[i].root == root) { add_host(model, s, i); }
            }
        }
        for (const auto& wire : model.wires) { add_wire(model, s, wire); }
    }

    void add_host(const Model& model, std::size_t s, std::size_t i) {
        const HostNode& host = model.hosts[i];
        const std::string id = fmt::format("h{}_{}", s, i);
        std::string label = title_of(host);
        for (const auto& fact : fact_lines(host)) { label += "\n" + fact.text; }
        begin(id, label);
        for (std::size_t n = 0; n < host.nics.size(); ++n) {
            add_node(node_id(s, {false, i, n}), nic_text(host.nics[n], "\n"), host.nics[n].colour,
                     !host.nics[n].note.empty());
        }
        end(id, host.nics.empty(), host.colour, host.missing);
    }

    void begin(const std::string& id, const std::string& label) {
        out_ += fmt::format("  subgraph {}[{}]\n", id, lines(label));
    }
    void end(const std::string& id, bool empty, std::uint8_t colour, bool missing) {
        if (empty) { out_ += fmt::format("    {}_none[\"(nothing)\"]\n", id); }
        out_ += "  end\n";
        if (missing) {
            faults_.push_back(id);
        } else if (colour != 0) {
            coloured_[colour].push_back(id);
        }
    }
    void add_node(const std::string& id, const std::string& text, std::uint8_t colour, bool fault) {
        out_ += fmt::format("    {}[{}]\n", id, lines(text));
        if (fault) {
            faults_.push_back(id);
        } else if (colour != 0) {
            coloured_[colour].push_back(id);
        }
    }

    void add_wire(const Model& model, std::size_t s, const Cable& wire) {
        const bool down = wire.stroke == Stroke::dashed;
        const char* arrow = down || wire.kind == CableKind::patch            ? "-.-"
                            : wire.kind == CableKind::internal || wire.trunk ? "==="
                                                                             : "---";
        const std::string text = wire_text(model, wire, "\n");
        out_ += fmt::format("  {} {}{} {}\n", node_id(s, wire.a), arrow,
                            text.empty() ? "" : "|" + lines(text) + "|", node_id(s, wire.b));
        strokes_[down ? kFault : colour_name(wire.colour)].push_back(wires_++);
    }
    [[nodiscard]] std::string links_style() const {
        std::string out;
        for (const auto& [colour, wires] : strokes_) {
            out += fmt::format("  linkStyle {} stroke:{}\n", fmt::join(wires, ","), colour);
        }
        return out;
    }

    std::string out_;
    std::map<std::uint8_t, std::vector<std::string>> coloured_;
    std::vector<std::string> faults_;
    std::map<std::string, std::vector<std::size_t>> strokes_;
    std::size_t wires_ = 0;
};

}  // namespace

std::string draw_dot(const Models& models) { return Dot().run(models); }
std::string draw_mermaid(const Models& models) { return Mermaid().run(models); }

}  // namespace warren
