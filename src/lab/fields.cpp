// Values of a lab file, each strictly in one form, and the words for what is wrong with them. Called by the reader.
#include "lab/fields.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace warren {
namespace {

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Nothing for what does not fit; TEXT is digits only.
std::optional<std::uint64_t> decimal(std::string_view text) {
    std::uint64_t value = 0;
    for (const char c : text) {
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (UINT64_MAX - digit) / 10) { return std::nullopt; }
        value = value * 10 + digit;
    }
    return value;
}

std::string kind_text(const YamlNode& node) {
    if (node.kind == YamlNode::Kind::map) { return "a mapping"; }
    if (node.kind == YamlNode::Kind::list) { return "a list"; }
    return node.is_null() ? "nothing" : quoted_for_message(node.text);
}

// Why TEXT, meant as a number, is not one in the format's only form.
std::string number_hint(const std::string& text, bool quoted) {
    if (quoted && all_digits(text)) { return "write it without quotes"; }
    if (all_digits(text)) {
        const std::size_t start = std::min(text.find_first_not_of('0'), text.size() - 1);
        return "numbers are decimal, without leading zeros: " + text.substr(start);
    }
    if (text.starts_with("0x") || text.starts_with("0X") || text.starts_with("0o") || text.starts_with("0b")) {
        return "numbers are decimal";
    }
    if (text.find_first_not_of("0123456789eE.+-_") == std::string::npos &&
        text.find_first_of("0123456789") != std::string::npos) {
        return "whole numbers are written in decimal digits alone";
    }
    return "";
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
    const std::size_t end = text.find_first_not_of("0123456789");
    if (end == std::string_view::npos || end == 0 || end > 9 || (end > 1 && text[0] == '0')) {
        return std::nullopt;
    }
    const auto count = static_cast<std::int64_t>(*decimal(text.substr(0, end)));
    const std::string_view unit = text.substr(end);
    if (unit == "ms") { return std::chrono::milliseconds(count); }
    if (unit == "s") { return std::chrono::seconds(count); }
    if (unit == "m") { return std::chrono::minutes(count); }
    if (unit == "h") { return std::chrono::hours(count); }
    return std::nullopt;
}

std::string duration_text(std::chrono::milliseconds time) {
    const auto count = time.count();
    if (count % 3600000 == 0 && count != 0) { return fmt::format("{}h", count / 3600000); }
    if (count % 60000 == 0 && count != 0) { return fmt::format("{}m", count / 60000); }
    if (count % 1000 == 0) { return fmt::format("{}s", count / 1000); }
    return fmt::format("{}ms", count);
}

bool ValueReader::is_scalar(const YamlNode& node, std::string_view what, std::string_view wanted) {
    if (node.kind == YamlNode::Kind::refused) { return false; }
    if (node.kind == YamlNode::Kind::scalar && !node.is_null()) { return true; }
    mistake(node.at, fmt::format("{} must be {}, not {}", what, wanted, kind_text(node)));
    return false;
}

std::optional<std::string> ValueReader::text(const YamlNode& node, std::string_view what) {
    if (!is_scalar(node, what, "a word")) { return std::nullopt; }
    if (node.text.find('\0') != std::string::npos) {
        mistake(node.at, fmt::format("{} holds a NUL byte", what));
        return std::nullopt;
    }
    if (node.text.empty()) {
        mistake(node.at, fmt::format("{} is empty", what));
        return std::nullopt;
    }
    return node.text;
}

std::optional<bool> ValueReader::boolean(const YamlNode& node, std::string_view what) {
    if (!is_scalar(node, what, "true or false")) { return std::nullopt; }
    if (!node.quoted && node.text == "true") { return true; }
    if (!node.quoted && node.text == "false") { return false; }
    std::string lower = node.text;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    std::string hint;
    if (node.quoted && (node.text == "true" || node.text == "false")) {
        hint = "write it without quotes";
    } else if (lower == "yes" || lower == "on" || lower == "y" || lower == "true" || lower == "1") {
        hint = "write true";
    } else if (lower == "no" || lower == "off" || lower == "n" || lower == "false" || lower == "0") {
        hint = "write false";
    }
    mistake(node.at, fmt::format("{} must be true or false, not {}", what, kind_text(node)), hint);
    return std::nullopt;
}

std::optional<std::uint64_t> ValueReader::number(const YamlNode& node, std::string_view what, std::uint64_t least,
                                                 std::uint64_t most) {
    if (!is_scalar(node, what, "a number")) { return std::nullopt; }
    const bool signed_digits = node.text.size() > 1 && node.text[0] == '-' && all_digits(node.text.substr(1));
    if (node.quoted || (!all_digits(node.text) && !signed_digits) ||
        (node.text.size() > 1 && node.text[0] == '0')) {
        mistake(node.at, fmt::format("{} must be a number, not {}", what, quoted_for_message(node.text)),
                number_hint(node.text, node.quoted));
        return std::nullopt;
    }
    const auto value = signed_digits ? std::nullopt : decimal(node.text);
    if (!value || *value < least || *value > most) {
        mistake(node.at, fmt::format("{} {} is outside {}..{}", what, node.text.substr(0, 40), least, most));
        return std::nullopt;
    }
    return value;
}

std::optional<Vlan> ValueReader::vlan(const YamlNode& node, std::string_view what) {
    const auto value = number(node, what, 1, kMaxVlan);
    return value ? std::optional(static_cast<Vlan>(*value)) : std::nullopt;
}

std::optional<IpAddress> ValueReader::ip(const YamlNode& node, std::string_view what) {
    const auto value = text(node, what);
    return value ? ip(*value, node.at, what) : std::nullopt;
}

std::optional<IpAddress> ValueReader::ip(std::string_view text, Position at, std::string_view what) {
    if (const auto address = IpAddress::parse(text)) { return address; }
    std::string hint = "as in 10.0.0.1 or fd00::1";
    if (const auto with_length = Prefix::parse(text)) {
        hint = "without the prefix length: " + with_length->address.to_string();
    }
    mistake(at, fmt::format("{}: {} is not an IP address", what, quoted_for_message(text)), hint);
    return std::nullopt;
}

std::optional<Prefix> ValueReader::prefix(const YamlNode& node, std::string_view what) {
    const auto value = text(node, what);
    return value ? prefix(*value, node.at, what) : std::nullopt;
}

std::optional<Prefix> ValueReader::prefix(std::string_view text, Position at, std::string_view what) {
    if (const auto prefix = Prefix::parse(text)) { return prefix; }
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (address && slash == std::string_view::npos) {
        mistake(at, fmt::format("{}: {} has no prefix length", what, quoted_for_message(text)),
                fmt::format("as in {}/{}", text, address->is_v4() ? 24 : 64));
    } else if (address) {
        mistake(at,
                fmt::format("{}: prefix length {} is not one of 0..{}", what,
                            quoted_for_message(text.substr(slash + 1)), address->bits()),
                fmt::format("as in {}/{}", address->to_string(), address->is_v4() ? 24 : 64));
    } else {
        mistake(at, fmt::format("{}: {} is not an IP address with a prefix length", what, quoted_for_message(text)),
                "as in 10.0.0.1/24 or fd00::1/64");
    }
    return std::nullopt;
}

std::optional<MacAddress> ValueReader::mac(const YamlNode& node, std::string_view what) {
    const auto value = text(node, what);
    if (!value) { return std::nullopt; }
    const auto mac = MacAddress::parse(*value);
    if (!mac) {
        mistake(node.at, fmt::format("{}: {} is not a MAC address", what, quoted_for_message(*value)),
                "as in 02:00:00:00:00:01");
    }
    return mac;
}

std::optional<std::chrono::milliseconds> ValueReader::duration(const YamlNode& node, std::string_view what) {
    if (!is_scalar(node, what, "a duration")) { return std::nullopt; }
    const auto time = parse_duration(node.text);
    if (!time || time->count() == 0) {
        mistake(node.at, fmt::format("{}: {} is not a duration", what, quoted_for_message(node.text)),
                all_digits(node.text) ? fmt::format("with its unit, as in {}s", node.text)
                                      : "as in 200ms, 5s, 2m or 1h");
        return std::nullopt;
    }
    return time;
}

void ValueReader::one_or_list(const YamlNode& node, std::string_view what,
                              const std::function<void(const YamlNode&)>& read) {
    if (node.kind == YamlNode::Kind::list) {
        list(node, what, read);
    } else {
        read(node);
    }
}

void ValueReader::list(const YamlNode& node, std::string_view what,
                       const std::function<void(const YamlNode&)>& read) {
    if (node.kind == YamlNode::Kind::refused) { return; }
    if (node.kind != YamlNode::Kind::list) {
        mistake(node.at, fmt::format("{} must be a list, not {}", what, kind_text(node)));
        return;
    }
    if (node.items.empty()) { mistake(node.at, fmt::format("{} is an empty list", what), "leave the key out"); }
    for (const auto& item : node.items) { read(item); }
}

void ValueReader::map(const YamlNode& node, std::string_view what,
                      const std::function<void(const YamlEntry&)>& read) {
    if (node.kind == YamlNode::Kind::refused || node.is_null()) { return; }
    if (node.kind != YamlNode::Kind::map) {
        mistake(node.at, fmt::format("{} must be a mapping, not {}", what, kind_text(node)));
        return;
    }
    for (const auto& entry : node.entries) { read(entry); }
}

void ValueReader::unknown_key(const YamlEntry& entry, const KeyTable& table, std::string_view what) {
    if (std::find(table.later.begin(), table.later.end(), entry.key) != table.later.end()) {
        mistake(entry.key_at,
                fmt::format("{} of {} is not built in this version yet", quoted_for_message(entry.key), what),
                "take it out");
        return;
    }
    std::string hint;
    if (const auto near = nearest_.find(entry.key, table.keys)) {
        hint = fmt::format("did you mean '{}'?", *near);
    } else {
        hint = fmt::format("known: {}", fmt::join(table.keys, ", "));
    }
    mistake(entry.key_at, fmt::format("unknown key {} in {}", quoted_for_message(entry.key), what), hint);
}

void ValueReader::unknown_word(Position at, std::string_view what, const std::string& word,
                               const std::vector<std::string_view>& known) {
    mistake(at, fmt::format("{}: unknown word {}", what, quoted_for_message(word)),
            fmt::format("known: {}", fmt::join(known, ", ")));
}

Fields::Fields(ValueReader& values, const YamlNode& node, std::string_view object, const std::string& what,
               Places& places)
    : values_(values), node_(node), what_(what), places_(places) {
    const KeyTable& table = keys_of(object);
    values.map(node, what, [&](const YamlEntry& entry) {
        if (std::find(table.keys.begin(), table.keys.end(), entry.key) == table.keys.end()) {
            values.unknown_key(entry, table, what);
        }
    });
}

const YamlNode* Fields::find(std::string_view key) {
    for (const auto& entry : node_.entries) {
        if (entry.key != key) { continue; }
        places_.put(std::string(key), entry.key_at, entry.value.at);
        return &entry.value;
    }
    return nullptr;
}

const YamlNode* Fields::need(std::string_view key, const std::string& hint) {
    const YamlNode* node = find(key);
    if (node == nullptr && (node_.kind == YamlNode::Kind::map || node_.is_null())) {
        values_.mistake(node_.at, fmt::format("{} has no '{}'", what_, key), hint);
    }
    return node;
}

}  // namespace warren
