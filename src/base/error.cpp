// The text of an Error. Called wherever one is shown.
#include "base/error.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace warren {

std::string errno_text(int code) {
    char buffer[128];
    return strerror_r(code, buffer, sizeof buffer);
}

std::string Error::message() const {
    std::string text = "cannot " + attempt;
    if (!reason.empty()) {
        text += ": " + reason;
        if (code != 0) { text += " (" + errno_text(code) + ")"; }
    } else if (code != 0) {
        text += ": " + errno_text(code);
    }
    if (!hint.empty()) { text += "; " + hint; }
    return text;
}

tl::unexpected<Error> failure(std::string attempt, std::string reason, std::string hint) {
    return tl::unexpected(Error{std::move(attempt), 0, std::move(reason), std::move(hint), Error::Kind::failed});
}

tl::unexpected<Error> errno_failure(std::string attempt, std::string hint) {
    return errno_failure(errno, std::move(attempt), std::move(hint));
}

tl::unexpected<Error> errno_failure(int code, std::string attempt, std::string hint) {
    return tl::unexpected(Error{std::move(attempt), code, {}, std::move(hint), Error::Kind::failed});
}

tl::unexpected<Error> usage_failure(std::string attempt, std::string reason, std::string hint) {
    return tl::unexpected(Error{std::move(attempt), 0, std::move(reason), std::move(hint), Error::Kind::usage});
}

tl::unexpected<Error> lacking_failure(std::string attempt, std::string reason, std::string hint) {
    return tl::unexpected(Error{std::move(attempt), 0, std::move(reason), std::move(hint), Error::Kind::lacking});
}

}  // namespace warren
