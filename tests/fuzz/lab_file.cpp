// Lab files: any text is either refused with places and printable words, or is a lab that is written, read again
// and expanded as the same.
#include <string>

#include "fuzz.hpp"
#include "lab/lab_file.hpp"
#include "state/expand.hpp"

namespace {

using namespace warren;

void check_texts(const Diagnostics& diagnostics, std::string_view text) {
    for (const auto& item : diagnostics.items()) {
        FUZZ_REQUIRE(!item.message.empty());
        FUZZ_REQUIRE(item.position.line >= 1 && item.position.column >= 1);
        FUZZ_REQUIRE(static_cast<std::size_t>(item.position.line) <= text.size() + 1);
        FUZZ_REQUIRE(static_cast<std::size_t>(item.position.column) <= text.size() + 1);
        for (const auto* part : {&item.message, &item.hint}) {
            FUZZ_REQUIRE(part->size() <= 600);
            for (const char c : *part) { FUZZ_REQUIRE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }
        }
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    Diagnostics diagnostics("fuzz");
    const Lab lab = read_lab(text, diagnostics);
    check_texts(diagnostics, text);
    FUZZ_REQUIRE(diagnostics.empty() == diagnostics.text().empty());
    if (!diagnostics.empty()) { return 0; }
    const std::string written = write_lab(lab);
    Diagnostics again("written");
    const Lab copy = read_lab(written, again);
    if (!again.empty()) { std::fprintf(stderr, "%s\n%s\n", written.c_str(), again.text().c_str()); }
    FUZZ_REQUIRE(again.empty());
    FUZZ_REQUIRE(copy == lab);
    FUZZ_REQUIRE(write_lab(copy) == written);
    Site site;
    site.dhcp_client = "/sbin/dhclient";
    site.ovs_kernel_datapath = size % 2 == 0;
    FUZZ_REQUIRE(expand(lab, site) == expand(copy, site));
    return 0;
}
