// changes, the files: name servers and names in the lab file's words; what nobody explains by its path. Called by
// changes() after all else has been told.
#include <algorithm>

#include <fmt/format.h>

#include "plan/teller.hpp"

namespace warren::plan_detail {
namespace {

using Kind = Change::Kind;

std::string base_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

const File* find_file(const State& state, const std::string& path) {
    const auto found = state.files.find(path);
    return found == state.files.end() ? nullptr : &found->second;
}

std::set<std::string> lines_of(const std::string& text) {
    std::set<std::string> lines;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\n', start), text.size());
        if (end > start && text[start] != '#') { lines.insert(text.substr(start, end - start)); }
        start = end + 1;
    }
    return lines;
}

// Lines of A that B has not, tabs as spaces.
std::string only_in(const std::set<std::string>& a, const std::set<std::string>& b) {
    std::string result;
    for (const std::string& line : a) {
        if (b.contains(line)) { continue; }
        result += (result.empty() ? "" : ", ") + line;
    }
    std::replace(result.begin(), result.end(), '\t', ' ');
    return result;
}

std::string servers_of(const File* file) {
    constexpr std::string_view kKey = "nameserver ";
    std::string result;
    if (file == nullptr) { return result; }
    for (const std::string& line : lines_of(file->content)) {
        if (line.starts_with(kKey)) { result += (result.empty() ? "" : ", ") + line.substr(kKey.size()); }
    }
    return result;
}

class Files {
public:
    Files(Teller& teller, const std::set<std::string>& told) : teller_(teller), told_(told) {}

    void run() {
        struct Touched {
            const std::string& path;
            Kind kind;
        };
        std::vector<Touched> rest;
        for (const Step& step : teller_.plan.steps) {
            const auto* put = std::get_if<PutFile>(&step);
            const auto* del = std::get_if<DelFile>(&step);
            if (put == nullptr && del == nullptr) { continue; }
            const std::string& path = put != nullptr ? put->path : del->path;
            if (del != nullptr && teller_.wanted.files.contains(path)) { continue; }  // told as what comes
            const Kind kind = del != nullptr                          ? Kind::removed
                              : teller_.observed.files.contains(path) ? Kind::changed
                                                                      : Kind::added;
            if (!is_of_whole_host(path)) { name_servers(path); }
            rest.push_back({path, kind});
        }
        const bool explained = !teller_.out.empty();
        for (const Touched& touched : rest) { file(touched.path, touched.kind, explained); }
        if (!teller_.out.empty()) { return; }
        for (const auto& [path, kind] : quiet_) { plain(path, kind); }
    }

private:
    // Files that make up the /etc of a host that comes or goes: /etc/netns/NAMESPACE, LAB/etc/of-HOST/…,
    // LAB/etc/with-HOST/….
    [[nodiscard]] bool is_of_whole_host(const std::string& path) const {
        for (std::size_t start = 0; start < path.size();) {
            const std::size_t end = std::min(path.find('/', start), path.size());
            const std::string part = path.substr(start, end - start);
            const std::size_t dash = part.find('-');
            if (teller_.whole(part)) { return true; }
            if (dash != std::string::npos && teller_.whole_host(part.substr(dash + 1))) { return true; }
            start = end + 1;
        }
        return false;
    }

    void file(const std::string& path, Kind kind, bool explained) {
        const File* before = find_file(teller_.observed, path);
        const File* after = find_file(teller_.wanted, path);
        if (before == nullptr && after == nullptr) { return; }
        const File& any = after != nullptr ? *after : *before;
        // Hosts that begin or cease to reach each other share other files, to which other links lead. A link in
        // /etc/netns that is missing follows from nothing.
        const bool follows = path.find("/etc/of-") != std::string::npos ||
                             path.find("/etc/with-") != std::string::npos ||
                             (!any.link_target.empty() && kind == Kind::changed);
        if (told_.contains(path) || any.directory || is_of_whole_host(path) ||
            (explained && (follows || is_script(path)))) {
            quiet_.emplace_back(path, kind);
            return;
        }
        if (base_of(path) == "hosts" && names(path, before, after)) { return; }
        plain(path, kind);
    }

    // What the lab's DHCP clients run: comes with the first of them and goes with the last.
    [[nodiscard]] bool is_script(const std::string& path) const {
        const auto has_clients = [](const State& state) {
            return std::any_of(state.processes.begin(), state.processes.end(),
                               [](const auto& process) { return process.second.role == ProcessRole::dhcp_client; });
        };
        return base_of(path) == "dhcp-script" && has_clients(teller_.observed) != has_clients(teller_.wanted);
    }

    void plain(const std::string& path, Kind kind) {
        teller_.say(kind, "file " + path, kind == Kind::changed ? "content" : "");
    }

    void name_servers(const std::string& path) {
        constexpr std::string_view kOwn = "of-";
        const std::string directory = base_of(parent_of(path));
        if (!directory.starts_with(kOwn) || base_of(path) != "resolv.conf") { return; }
        const std::string was = is_clients(path) ? "" : servers_of(find_file(teller_.observed, path));
        const std::string will = servers_of(find_file(teller_.wanted, path));
        teller_.say_if_changed(directory.substr(kOwn.size()), "dns", was, will);
    }

    // A DHCP client wrote it.
    [[nodiscard]] bool is_clients(const std::string& path) const {
        const std::string entry = "WARREN_RESOLV_CONF=" + path;
        return std::any_of(teller_.observed.processes.begin(), teller_.observed.processes.end(),
                           [&](const auto& process) {
                               const auto& environment = process.second.environment;
                               return std::find(environment.begin(), environment.end(), entry) != environment.end();
                           });
    }

    // /etc/hosts follows from hosts and their addresses; by itself it is told where somebody wrote into it.
    bool names(const std::string& path, const File* before, const File* after) {
        if (before == nullptr || after == nullptr || !after->link_target.empty()) { return false; }
        const auto was = lines_of(before->content);
        const auto will = lines_of(after->content);
        if (was == will) { return false; }
        teller_.say_if_changed(users_of(parent_of(path)), "/etc/hosts", only_in(was, will), only_in(will, was));
        return true;
    }

    // "a, b and 3 more": the hosts whose /etc files are in DIRECTORY.
    [[nodiscard]] std::string users_of(const std::string& directory) const {
        std::vector<std::string> hosts;
        for (const auto& [path, file] : teller_.wanted.files) {
            if (file.link_target != directory && file.link_target != directory + "/hosts") { continue; }
            const std::string of = base_of(parent_of(path));
            const std::string host = of.starts_with("of-") ? of.substr(3) : teller_.host_of(base_of(path));
            if (!host.empty()) { hosts.push_back(host); }
        }
        constexpr std::size_t kNamed = 3;
        const std::size_t named = hosts.size() <= kNamed ? hosts.size() : kNamed - 1;
        std::string text =
            fmt::format("{}", fmt::join(hosts.begin(), hosts.begin() + static_cast<std::ptrdiff_t>(named), ", "));
        if (named < hosts.size()) { text += fmt::format(" and {} more", hosts.size() - named); }
        return text;
    }

    Teller& teller_;
    const std::set<std::string>& told_;
    std::vector<std::pair<std::string, Kind>> quiet_;
};

}  // namespace

void tell_files(Teller& teller, const std::set<std::string>& told) { Files(teller, told).run(); }

}  // namespace warren::plan_detail
