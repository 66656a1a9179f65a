// The keeper's protocol and the records of its processes: any line is refused, or is what it is when written and
// read again.
#include <string>

#include "fuzz.hpp"
#include "services/keeper_protocol.hpp"

namespace {

using namespace warren;

template <class Value, class Decode>
void survives(const Result<Value>& value, Decode decode) {
    if (!value) {
        FUZZ_REQUIRE(!value.error().message().empty());
        return;
    }
    const std::string line = encode(*value);
    FUZZ_REQUIRE(!line.empty() && line.find('\n') == line.size() - 1);
    const auto again = decode(line);
    FUZZ_REQUIRE(again.has_value());
    FUZZ_REQUIRE(encode(*again) == line);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const std::uint8_t which = input.byte();
    const std::string text(input.rest());
    if (which % 3 == 0) {
        survives(decode_request(text), [](const std::string& line) { return decode_request(line); });
    }
    if (which % 3 == 1) {
        survives(decode_answer(text), [](const std::string& line) { return decode_answer(line); });
    }
    if (which % 3 == 2) {
        survives(decode_record(text, "record"),
                 [](const std::string& line) { return decode_record(line, "record"); });
    }
    return 0;
}
