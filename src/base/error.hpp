// What the world refused: the one error type of everything below the command line.
//
// Mistakes in a lab file are Diagnostics (diagnostics.hpp); our own bugs assert.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace warren {

// A refusal by the kernel, a daemon or the file system. Plain value, any thread.
struct Error {
    enum class Kind {
        failed,   // it did not work: exit status 1
        usage,    // asked for wrongly: exit status 2
        lacking,  // this machine cannot: exit status 3
    };

    std::string attempt;  // what was attempted, on what: "create veth eth0-r in namespace red"
    int code = 0;         // errno, 0 where there is none
    std::string reason;   // the kernel's or daemon's own words; empty: strerror(code)
    std::string hint;     // what helps; may be empty
    Kind kind = Kind::failed;

    // "cannot ATTEMPT: REASON; HINT"
    [[nodiscard]] std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;

// Makes the unexpected side of a Result. `errno_error` takes errno as it is at the call.
[[nodiscard]] tl::unexpected<Error> failure(std::string attempt, std::string reason = {}, std::string hint = {});
[[nodiscard]] tl::unexpected<Error> errno_failure(std::string attempt, std::string hint = {});
[[nodiscard]] tl::unexpected<Error> errno_failure(int code, std::string attempt, std::string hint = {});
[[nodiscard]] tl::unexpected<Error> usage_failure(std::string attempt, std::string reason, std::string hint = {});
[[nodiscard]] tl::unexpected<Error> lacking_failure(std::string attempt, std::string reason, std::string hint);

// strerror without its thread trouble.
[[nodiscard]] std::string errno_text(int code);

}  // namespace warren

// Returns the error of a Result from the enclosing function, else goes on.
#define WARREN_TRY(expression)                                                      \
    do {                                                                            \
        if (auto warren_try_ = (expression); !warren_try_) {                        \
            return tl::unexpected<::warren::Error>(std::move(warren_try_).error()); \
        }                                                                           \
    } while (false)

#define WARREN_CONCAT2(a, b) a##b
#define WARREN_CONCAT(a, b) WARREN_CONCAT2(a, b)
// WARREN_ASSIGN(auto fd, open_it()): unwraps the value or returns the error.
#define WARREN_ASSIGN(declaration, expression)                                                              \
    auto WARREN_CONCAT(warren_result_, __LINE__) = (expression);                                            \
    if (!WARREN_CONCAT(warren_result_, __LINE__)) {                                                         \
        return tl::unexpected<::warren::Error>(std::move(WARREN_CONCAT(warren_result_, __LINE__)).error()); \
    }                                                                                                       \
    declaration = std::move(*WARREN_CONCAT(warren_result_, __LINE__))
