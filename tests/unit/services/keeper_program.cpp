// Lets the test binary be the program that Keeper::ensure() and DHCP clients start: `BINARY keeper DIRECTORY LAB`
// runs the keeper, a link to it named "dhcp-script" the script, both before main().
#include <cstdlib>
#include <string>
#include <vector>

#include <unistd.h>

#include "base/fd.hpp"
#include "services/keeper.hpp"

namespace {

std::vector<std::string> own_arguments() {
    std::vector<std::string> words;
    const auto text = warren::read_file("/proc/self/cmdline");
    if (!text) { return words; }
    for (std::size_t from = 0; from < text->size();) {
        words.emplace_back(text->c_str() + from);
        from += words.back().size() + 1;
    }
    return words;
}

bool become_program() {
    auto words = own_arguments();
    if (words.empty()) { return false; }
    if (words[0].substr(words[0].rfind('/') + 1) == "dhcp-script") {
        std::vector<char*> argv;
        for (auto& word : words) { argv.push_back(word.data()); }
        ::_exit(warren::run_dhcp_script(static_cast<int>(argv.size()), argv.data()));
    }
    if (words.size() == 4 && words[1] == "keeper") { ::_exit(warren::run_keeper(words[2], words[3]) ? 0 : 1); }
    return false;
}

[[maybe_unused]] const bool kBecame = become_program();

}  // namespace
