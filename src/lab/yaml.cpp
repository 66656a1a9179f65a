// libyaml's events made into a tree. Called by read_lab(); the only source that knows libyaml.
#include "lab/yaml.hpp"

#include <cstdint>
#include <unordered_map>

#include <fmt/format.h>
#include <yaml.h>

namespace warren {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

Position position(const yaml_mark_t& mark) {
    return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

std::string text_of(const yaml_char_t* text, std::size_t size) {
    return {reinterpret_cast<const char*>(text), size};
}

struct Event {
    yaml_event_t raw{};
    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { yaml_event_delete(&raw); }
    [[nodiscard]] Position at() const { return position(raw.start_mark); }
};

struct Parser {
    yaml_parser_t raw{};
    bool ready = false;
    Parser() : ready(yaml_parser_initialize(&raw) != 0) {}
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;
    ~Parser() {
        if (ready) { yaml_parser_delete(&raw); }
    }
};

// Bytes of the UTF-8 sequence at TEXT, 0 where it is not a valid one (RFC 3629: no surrogates, no overlong form).
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    const std::size_t length = first < 0x80   ? 1
                               : first < 0xc2 ? 0
                               : first < 0xe0 ? 2
                               : first < 0xf0 ? 3
                               : first < 0xf5 ? 4
                                              : 0;
    if (length == 0 || length > text.size()) { return 0; }
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xc0U) != 0x80U) { return 0; }
    }
    if ((first == 0xe0 && byte(1) < 0xa0) || (first == 0xed && byte(1) > 0x9f) ||
        (first == 0xf0 && byte(1) < 0x90) || (first == 0xf4 && byte(1) > 0x8f)) {
        return 0;
    }
    return length;
}

// libyaml refuses these without naming a place, so they are looked for first. True: none there.
bool check_characters(std::string_view text, Diagnostics& diagnostics) {
    if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
        diagnostics.add({1, 1}, "the file is UTF-16", "save it as UTF-8");
        return false;
    }
    Position at{1, 1};
    for (std::size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const std::size_t length = byte < 0x80 ? 1 : utf8_length(text.substr(i));
        if (byte == '%' && at.column == 1) {
            diagnostics.add(at, "a line that begins with '%', a directive of YAML",
                            "directives are not part of the format: take it out");
            return false;
        }
        if (length == 0) {
            diagnostics.add(at, fmt::format("byte 0x{:02x} is not valid UTF-8", byte), "save the file as UTF-8");
            return false;
        }
        const bool c1 = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0 && text[i + 1] != '\x85';
        if ((byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') || byte == 0x7f || c1) {
            diagnostics.add(
                at,
                byte == 0 ? "a NUL byte"
                          : fmt::format("control character U+{:04X}",
                                        c1 ? static_cast<unsigned char>(text[i + 1]) : byte),
                byte == 0 ? "is this a text file?" : "take it out, or write it \"\\xNN\" in double quotes");
            return false;
        }
        i += length;
        if (byte == '\n') {
            ++at.line;
            at.column = 1;
        } else {
            ++at.column;
        }
    }
    return true;
}

class Composer {
public:
    Composer(std::string_view text, Diagnostics& diagnostics) : text_(text), diagnostics_(diagnostics) {
        yaml_parser_set_encoding(&parser_.raw, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&parser_.raw, reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size());
    }

    std::optional<YamlNode> run() {
        std::optional<YamlNode> root;
        for (;;) {
            Event event;
            if (!next(event)) { return std::nullopt; }
            switch (event.raw.type) {
                case YAML_STREAM_START_EVENT:
                case YAML_DOCUMENT_END_EVENT:
                    break;
                case YAML_STREAM_END_EVENT:
                    if (!root) { diagnostics_.add({1, 1}, "the file is empty", "a lab begins with 'lab: NAME'"); }
                    return root;
                case YAML_DOCUMENT_START_EVENT:
                    if (root) {
                        diagnostics_.add(event.at(), "a second document",
                                         "one file holds one lab: take out the '---'");
                        return root;
                    }
                    break;
                default: {
                    YamlNode node;
                    if (!compose(event, node, 1)) { return std::nullopt; }
                    root = std::move(node);
                }
            }
        }
    }

private:
    bool next(Event& event) {
        if (yaml_parser_parse(&parser_.raw, &event.raw) != 0) { return true; }
        const yaml_parser_t& raw = parser_.raw;
        const Position at = position(raw.problem_mark);
        std::string problem = raw.problem != nullptr ? raw.problem : "it cannot be read";
        if (raw.context != nullptr) { problem = fmt::format("{} ({})", problem, raw.context); }
        const bool tab = raw.problem_mark.index < text_.size() && text_[raw.problem_mark.index] == '\t';
        diagnostics_.add(at, "not valid YAML: " + problem, tab ? "indent with blanks, not with tabs" : "");
        return false;
    }

    // Makes NODE of EVENT and all that belongs to it. False: the rest cannot be read.
    bool compose(const Event& event, YamlNode& node, int depth) {
        node.at = event.at();
        if (depth > kMaxYamlDepth) {
            diagnostics_.add(node.at, fmt::format("nested deeper than {} levels", kMaxYamlDepth),
                             "a lab needs no more than 8");
            return false;
        }
        if (++values_ > kMaxYamlValues) {
            diagnostics_.add(node.at, fmt::format("more than {} keys and values", kMaxYamlValues),
                             "make several labs of it");
            return false;
        }
        if (diagnostics_.full()) {
            diagnostics_.add(node.at, "the rest is not read");
            return false;
        }
        const yaml_event_t& raw = event.raw;
        switch (raw.type) {
            case YAML_ALIAS_EVENT:
                diagnostics_.add(node.at, fmt::format("alias '*{}'", anchor_name(raw.data.alias.anchor)),
                                 "aliases are not part of the format: write the value out, or use 'defaults:'");
                node.kind = YamlNode::Kind::refused;
                return true;
            case YAML_SCALAR_EVENT:
                refuse_properties(node.at, raw.data.scalar.anchor, raw.data.scalar.tag);
                node.text = text_of(raw.data.scalar.value, raw.data.scalar.length);
                node.quoted = raw.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
                return true;
            case YAML_MAPPING_START_EVENT:
                refuse_properties(node.at, raw.data.mapping_start.anchor, raw.data.mapping_start.tag);
                node.kind = YamlNode::Kind::map;
                return compose_map(node, depth);
            case YAML_SEQUENCE_START_EVENT:
                refuse_properties(node.at, raw.data.sequence_start.anchor, raw.data.sequence_start.tag);
                node.kind = YamlNode::Kind::list;
                return compose_list(node, depth);
            default:
                diagnostics_.add(node.at, "not valid YAML");
                return false;
        }
    }

    bool compose_list(YamlNode& node, int depth) {
        for (;;) {
            Event event;
            if (!next(event)) { return false; }
            if (event.raw.type == YAML_SEQUENCE_END_EVENT) { return true; }
            if (!compose(event, node.items.emplace_back(), depth + 1)) { return false; }
        }
    }

    bool compose_map(YamlNode& node, int depth) {
        std::unordered_map<std::string, Position> seen;
        for (;;) {
            YamlNode key;
            {
                Event event;
                if (!next(event)) { return false; }
                if (event.raw.type == YAML_MAPPING_END_EVENT) { return true; }
                if (!compose(event, key, depth + 1)) { return false; }
            }
            YamlEntry entry;
            {
                Event event;
                if (!next(event) || !compose(event, entry.value, depth + 1)) { return false; }
            }
            if (!accept_key(key, seen)) { continue; }
            entry.key = std::move(key.text);
            entry.key_at = key.at;
            node.entries.push_back(std::move(entry));
        }
    }

    bool accept_key(const YamlNode& key, std::unordered_map<std::string, Position>& seen) {
        if (key.kind == YamlNode::Kind::refused) { return false; }
        if (key.kind != YamlNode::Kind::scalar) {
            diagnostics_.add(key.at, "a key must be a single word, not a list or a mapping");
            return false;
        }
        if (key.text == "<<" && !key.quoted) {
            diagnostics_.add(key.at, "merge key '<<'",
                             "merge keys are not part of the format: write the keys out, or use 'defaults:'");
            return false;
        }
        const auto [found, added] = seen.try_emplace(key.text, key.at);
        if (!added) {
            diagnostics_.add(key.at, fmt::format("{} is written twice", quoted_for_message(key.text)),
                             fmt::format("the first is in line {}", found->second.line));
        }
        return added;
    }

    static std::string anchor_name(const yaml_char_t* name) { return reinterpret_cast<const char*>(name); }

    void refuse_properties(Position at, const yaml_char_t* anchor, const yaml_char_t* tag) {
        if (anchor != nullptr) {
            diagnostics_.add(at, fmt::format("anchor '&{}'", anchor_name(anchor)),
                             "anchors are not part of the format: write the value out, or use 'defaults:'");
        }
        if (tag != nullptr) {
            diagnostics_.add(at, fmt::format("tag {}", quoted_for_message(anchor_name(tag))),
                             "tags are not part of the format: take it out");
        }
    }

    std::string_view text_;
    Diagnostics& diagnostics_;
    Parser parser_;
    std::size_t values_ = 0;
};

}  // namespace

bool YamlNode::is_null() const {
    return kind == Kind::scalar && !quoted &&
           (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL");
}

std::optional<YamlNode> compose_yaml(std::string_view text, Diagnostics& diagnostics) {
    if (!check_characters(text, diagnostics)) { return std::nullopt; }
    if (text.starts_with(kByteOrderMark)) { text.remove_prefix(kByteOrderMark.size()); }
    return Composer(text, diagnostics).run();
}

std::string quoted_for_message(std::string_view text) {
    constexpr std::size_t kLongest = 60;
    std::string out = "'";
    for (std::size_t i = 0; i < text.size();) {
        if (i >= kLongest) {
            out += "...";
            break;
        }
        const std::size_t length = utf8_length(text.substr(i));
        const auto byte = static_cast<unsigned char>(text[i]);
        const bool control = byte < 0x20 || byte == 0x7f ||
                             (byte == 0xc2 && length == 2 && static_cast<unsigned char>(text[i + 1]) < 0xa0);
        if (length == 0 || control) {
            out += fmt::format("\\x{:02x}", length == 2 ? static_cast<unsigned char>(text[i + 1]) : byte);
        } else {
            out += text.substr(i, length);
        }
        i += length == 0 ? 1 : length;
    }
    return out + "'";
}

}  // namespace warren
