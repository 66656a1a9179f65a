// Text of shell commands. Called by explain*.cpp; knows no lab.
#include "views/shell.hpp"

#include <algorithm>
#include <cctype>

namespace warren::shell {
namespace {

constexpr std::size_t kColumns = 100;

bool is_safe(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("_./:=,@%+-").find(c) != std::string_view::npos;
}

}  // namespace

std::string quoted(std::string_view word) {
    if (!word.empty() && std::all_of(word.begin(), word.end(), is_safe)) { return std::string(word); }
    std::string text = "'";
    for (const char c : word) {
        if (c == '\'') {
            text += "'\\''";
        } else {
            text += c;
        }
    }
    return text + "'";
}

std::string command(const std::vector<std::string>& words) {
    std::string text;
    std::size_t column = 0;
    for (const auto& word : words) {
        const std::string next = quoted(word);
        if (column > 0 && column + next.size() > kColumns) {
            text += " \\\n    ";
            column = 4;
        } else if (!text.empty()) {
            text += ' ';
            ++column;
        }
        text += next;
        column += next.size();
    }
    return text;
}

std::string write_file(const std::string& path, const std::string& content) {
    if (content.empty()) { return ": >" + quoted(path); }
    if (content.back() != '\n') { return "printf %s " + quoted(content) + " >" + quoted(path); }
    std::string end = "EOF";
    while (content.find(end + "\n") != std::string::npos) { end += "_"; }
    return "cat >" + quoted(path) + " <<'" + end + "'\n" + content + end;
}

std::string comment(std::string_view text) {
    std::string out;
    std::size_t column = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        const std::string_view word = text.substr(0, end);
        if (column == 0) {
            out += '#';
            column = 1;
        } else if (column + 1 + word.size() > kColumns) {
            out += "\n#";
            column = 1;
        }
        if (!word.empty()) {
            out += ' ';
            out += word;
            column += 1 + word.size();
        }
        if (end < text.size() && text[end] == '\n') {
            out += '\n';
            column = 0;
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out + "\n";
}

}  // namespace warren::shell
