// Follows a database by RFC 7047's monitor. Called by engine/watch.
#include "ovs/news.hpp"

#include "ovs/ovsdb.hpp"

namespace warren::ovs {
namespace {

constexpr const char* kMonitor = "news";

// What is drawn; not what changes by itself (statistics, configuration numbers).
json::object requests() {
    auto columns = [](std::initializer_list<const char*> names) {
        json::array list;
        for (const char* name : names) { list.emplace_back(name); }
        return json::object{{"columns", std::move(list)}};
    };
    json::object out;
    out["Bridge"] = columns({"name", "ports"});
    out["Port"] = columns({"name", "tag", "trunks", "interfaces"});
    out["Interface"] = columns({"name", "type", "options", "ofport", "error", "admin_state", "link_state"});
    return out;
}

}  // namespace

News::News(std::unique_ptr<Client> client) : client_(std::move(client)) {}
News::News(News&&) noexcept = default;
News& News::operator=(News&&) noexcept = default;
News::~News() = default;

Result<News> News::follow(const std::string& path, std::chrono::milliseconds timeout) {
    WARREN_ASSIGN(auto client, Client::connect(path, timeout));
    auto kept = std::make_unique<Client>(std::move(client));
    WARREN_TRY(kept->monitor(kMonitor, requests(), timeout));
    return News(std::move(kept));
}

int News::fd() const { return client_->fd(); }

Result<bool> News::take() {
    bool any = false;
    for (;;) {
        WARREN_ASSIGN(const auto update, client_->next_update(kMonitor, std::chrono::milliseconds(0)));
        if (!update) { return any; }
        any = true;
    }
}

}  // namespace warren::ovs
