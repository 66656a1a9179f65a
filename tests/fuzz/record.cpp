// A lab's record: any file is refused, or is the same when written and read again. The first byte says whether the
// rest is the whole file, or the JSON below a first line with a right checksum.
#include <string>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.hpp"
#include "base/net_types.hpp"
#include "engine/record.hpp"
#include "fuzz.hpp"

namespace {

using namespace warren;

struct Directory {
    std::string place = "/dev/shm/warren-fuzz-record-XXXXXX";
    // By which the program is told of it: chance in a name would be chance in what the fuzzer learns of it.
    std::string path;
    std::string head;  // "warren-record FORMAT ", of this version
    Fd fd;
    Directory() {
        FUZZ_REQUIRE(::mkdtemp(place.data()) != nullptr);
        fd = open_file(place, O_PATH | O_DIRECTORY).value();
        path = fmt::format("/proc/self/fd/{}", fd.get());
        FUZZ_REQUIRE(write_record(path, Record{}).has_value());
        const auto content = read_file(path + "/record");
        FUZZ_REQUIRE(content.has_value());
        head = content->substr(0, content->rfind(' ', content->find('\n')) + 1);
    }
    ~Directory() { (void)remove_tree(place); }
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Directory kDirectory;
    fuzz::Input input(data, size);
    const bool whole = input.byte() % 2 == 1;
    const std::string body(input.rest());
    const std::string content = whole ? body : fmt::format("{}{:x}\n{}", kDirectory.head, stable_hash(body), body);
    FUZZ_REQUIRE(write_file_atomic(kDirectory.path + "/record", content).has_value());
    const auto record = read_record(kDirectory.path);
    if (!record) {
        FUZZ_REQUIRE(!record.error().message().empty());
        return 0;
    }
    FUZZ_REQUIRE(record->has_value());
    FUZZ_REQUIRE(write_record(kDirectory.path, **record).has_value());
    const auto again = read_record(kDirectory.path);
    FUZZ_REQUIRE(again.has_value() && *again == *record);
    return 0;
}
