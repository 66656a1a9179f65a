// News of the bridges, ports and interfaces in an Open vSwitch database.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/error.hpp"

namespace warren::ovs {

class Client;

// Any thread, one at a time.
class News {
public:
    // Of the database that listens at PATH.
    [[nodiscard]] static Result<News> follow(const std::string& path, std::chrono::milliseconds timeout);
    News(News&&) noexcept;
    News& operator=(News&&) noexcept;
    ~News();

    // Readable when there may be news.
    [[nodiscard]] int fd() const;
    // Takes all that there is; whether there was any. An error: the database has gone, and there will be none.
    [[nodiscard]] Result<bool> take();

private:
    explicit News(std::unique_ptr<Client> client);
    std::unique_ptr<Client> client_;
};

}  // namespace warren::ovs
