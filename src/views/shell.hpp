// Words of shell commands, quoted where the shell would take them apart. Used by explain*.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace warren::shell {

// The word as bash reads it back: bare where that is safe, else in single quotes.
[[nodiscard]] std::string quoted(std::string_view word);
// The words as one command, folded with "\" at the line's end where it would be long.
[[nodiscard]] std::string command(const std::vector<std::string>& words);
// A command that writes CONTENT to the file PATH, in place.
[[nodiscard]] std::string write_file(const std::string& path, const std::string& content);
// TEXT as lines of a comment.
[[nodiscard]] std::string comment(std::string_view text);

}  // namespace warren::shell
