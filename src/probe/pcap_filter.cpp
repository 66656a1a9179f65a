// libpcap, loaded by name: it brings D-Bus and more with it, which would double the program's start. Called by capture.cpp.
#include "probe/pcap_filter.hpp"

#include <cstring>
#include <regex>

#include <dlfcn.h>
#include <sys/time.h>

namespace warren::probe {
namespace {

// What of pcap.h is used: the binary interface of libpcap.so.0.8, the same since 0.8 (2004).
struct Program {
    unsigned int length = 0;
    sock_filter* code = nullptr;  // struct bpf_insn has the same fields
};
struct PacketHeader {
    timeval time{};
    std::uint32_t captured = 0;
    std::uint32_t length = 0;
};
constexpr int kEthernet = 1;  // DLT_EN10MB
constexpr std::uint32_t kNoNetmask = 0xffffffff;

struct Library {
    void* (*open_dead)(int, int) = nullptr;
    int (*compile)(void*, Program*, const char*, int, std::uint32_t) = nullptr;
    char* (*error)(void*) = nullptr;
    void (*free_code)(Program*) = nullptr;
    void (*close)(void*) = nullptr;
    int (*match)(const Program*, const PacketHeader*, const unsigned char*) = nullptr;
};

template <class Function>
bool find(void* handle, const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(::dlsym(handle, name));
    return function != nullptr;
}

// Null where there is none. It stays loaded.
const Library* library() {
    static const Library* const kLoaded = []() -> const Library* {
        static Library found;
        void* handle = ::dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) { handle = ::dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL); }  // not Debian
        if (handle == nullptr) { return nullptr; }
        const bool all =
            find(handle, "pcap_open_dead", found.open_dead) && find(handle, "pcap_compile", found.compile) &&
            find(handle, "pcap_geterr", found.error) && find(handle, "pcap_freecode", found.free_code) &&
            find(handle, "pcap_close", found.close) && find(handle, "pcap_offline_filter", found.match);
        return all ? &found : nullptr;
    }();
    return kLoaded;
}

}  // namespace

Result<PcapFilter> PcapFilter::compile(const std::string& expression, std::uint32_t snaplen) {
    PcapFilter filter;
    const sock_filter all = BPF_STMT(BPF_RET | BPF_K, snaplen);
    filter.code_ = {all};
    if (expression.empty()) { return filter; }
    const std::string attempt = "compile the filter '" + expression + "'";
    const Library* pcap = library();
    if (pcap == nullptr) {
        return lacking_failure(attempt, "libpcap is not installed", "install libpcap0.8 (Debian), or libpcap");
    }
    const std::unique_ptr<void, void (*)(void*)> handle(pcap->open_dead(kEthernet, static_cast<int>(snaplen)),
                                                        pcap->close);
    if (!handle) { return failure(attempt, "libpcap has no memory"); }
    const std::shared_ptr<Program> program(new Program, [pcap](Program* old) {
        pcap->free_code(old);
        delete old;
    });
    if (pcap->compile(handle.get(), program.get(), expression.c_str(), 1, kNoNetmask) != 0) {
        return usage_failure(attempt, pcap->error(handle.get()));
    }
    if (std::regex_search(expression, std::regex("\\b(vlan|mpls|pppoes|ether\\[|link\\[)"))) {
        filter.program_ = program;
    } else {
        filter.code_.assign(program->code, program->code + program->length);
    }
    return filter;
}

bool PcapFilter::matches(const std::uint8_t* frame, std::size_t captured, std::size_t length) const {
    if (program_ == nullptr) { return true; }
    PacketHeader header;
    header.captured = static_cast<std::uint32_t>(captured);
    header.length = static_cast<std::uint32_t>(length);
    return library()->match(static_cast<const Program*>(program_.get()), &header, frame) != 0;
}

}  // namespace warren::probe
