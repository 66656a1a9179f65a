// What a command costs for each host, in counts, which a busy machine does not change: docs/performance.md states them.
#include <map>
#include <string>

#include "harness.hpp"

namespace warren::e2e {
namespace {

// Of one command, as strace(1) saw it.
struct Counts {
    std::size_t requests = 0;      // netlink messages sent
    std::size_t sends = 0;         // system calls that sent them
    std::size_t files = 0;         // opened
    std::size_t transactions = 0;  // of OVSDB
    std::size_t programs = 0;      // started, and the command itself
    std::size_t threads = 0;
};

std::size_t times(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) {
        ++count;
    }
    return count;
}

class Counted : public E2e {
protected:
    void SetUp() override {
        if (!has_program("strace")) { GTEST_SKIP() << "strace is not installed"; }
        E2e::SetUp();
    }

    // With its threads and what it starts, which must end; or of its main thread alone, where it starts daemons.
    static Counts count(const std::string& arguments, bool all = true) {
        must_sh("ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace" + std::string(all ? " -f --seccomp-bpf" : "") +
                " -qq -v -s 1000000 -e trace=sendto,sendmsg,open,openat,execve,clone,clone3,vfork -o "
                "/mnt/trace " WARREN_PROGRAM " " +
                arguments);
        Counts counts;
        const std::string trace = read_text("/mnt/trace");
        for (std::size_t at = 0; at < trace.size();) {
            const std::size_t end = std::min(trace.find('\n', at), trace.size());
            const std::string_view line(trace.data() + at, end - at);
            at = end + 1;
            const std::size_t requests = times(line, "nlmsg_type=");
            counts.requests += requests;
            if (requests > 0) { ++counts.sends; }
            counts.transactions += times(line, "\"transact\\\"");
            counts.files += times(line, " open(") + times(line, " openat(");
            counts.programs += times(line, " execve(");
            counts.threads += times(line, "CLONE_THREAD");
        }
        return counts;
    }
};

std::string lab_of(int hosts, const std::string& kind, const std::string& first_address = "10.0.0.1/16") {
    std::string text = "lab: counted\nswitches: {s1: {kind: " + kind + "}}\nhosts:\n";
    for (int h = 1; h <= hosts; ++h) {
        const std::string number = std::to_string(h);
        const std::string address =
            h == 1 ? first_address : "10.0." + std::to_string(h / 250) + "." + std::to_string(h % 250 + 2) + "/16";
        text += "  h" + number + ": {interfaces: {eth0: {to: 's1:p" + number + "', address: " + address + "}}}\n";
    }
    return text;
}

// What 40 hosts more cost, divided by 40: what does not depend on their number falls out.
struct PerHost {
    PerHost(const Counts& few, const Counts& many) {
        const auto each = [](std::size_t a, std::size_t b) {
            return (static_cast<double>(b) - static_cast<double>(a)) / 40;
        };
        requests = each(few.requests, many.requests);
        sends = each(few.sends, many.sends);
        files = each(few.files, many.files);
        transactions = each(few.transactions, many.transactions);
        programs = each(few.programs, many.programs);
        threads = each(few.threads, many.threads);
    }
    double requests, sends, files, transactions, programs, threads;
};

void PrintTo(const PerHost& cost, std::ostream* os) {
    *os << cost.requests << " requests in " << cost.sends << " sends, " << cost.files << " files, "
        << cost.transactions << " transactions, " << cost.programs << " programs, " << cost.threads << " threads";
}

class EachHost : public Counted {
protected:
    // PREPARE: what is done before, with the file of the same number of hosts.
    static PerHost of(const std::string& kind, const std::string& verb, bool prepare) {
        std::map<int, Counts> counts;
        for (const int hosts : {20, 60}) {
            const std::string file = write_file("lab.yaml", lab_of(hosts, kind));
            if (prepare) { must_warren({"up", file}); }
            counts[hosts] = count(verb == "up" || verb == "plan" ? verb + " " + file : verb, kind == "bridge");
            if (verb != "down") { must_warren({"down"}); }
        }
        return {counts[20], counts[60]};
    }
};

TEST_F(EachHost, OfAnUpCostsWhatTheKernelAsksFor) {
    const PerHost cost = of("bridge", "up", false);
    // lo; the pair; the names and the switching on of both ends; the host end's index; its address
    EXPECT_LE(cost.requests, 8) << testing::PrintToString(cost);
    EXPECT_LE(cost.sends, 5.2) << testing::PrintToString(cost);
    EXPECT_LE(cost.files, 2) << testing::PrintToString(cost);  // the name's place, and the namespace for the pair
    EXPECT_EQ(cost.programs, 0);
    EXPECT_EQ(cost.threads, 0);
    expect_same_machine();
}

TEST_F(EachHost, OfAPlanIsReadOnce) {
    const PerHost cost = of("bridge", "plan", true);
    EXPECT_LE(cost.requests, 4) << testing::PrintToString(cost);  // links, addresses, routes, neighbours
    EXPECT_LE(cost.sends, 4) << testing::PrintToString(cost);
    EXPECT_LE(cost.files, 1) << testing::PrintToString(cost);
    EXPECT_EQ(cost.programs, 0);
    EXPECT_EQ(cost.threads, 0);
    expect_same_machine();
}

TEST_F(EachHost, OfADownGoesWithTheOthers) {
    const PerHost cost = of("bridge", "down", true);
    EXPECT_LE(cost.requests, 5) << testing::PrintToString(
        cost);  // read once; into the group that is deleted at once
    EXPECT_LE(cost.sends, 4.2) << testing::PrintToString(cost);
    EXPECT_LE(cost.files, 1) << testing::PrintToString(cost);
    EXPECT_EQ(cost.programs, 0);
    EXPECT_EQ(cost.threads, 0);
    expect_same_machine();
}

TEST_F(EachHost, OnOpenVSwitchIsPartOfOneTransaction) {
    EXPECT_EQ(of("ovs", "up", false).transactions, 0);
    EXPECT_EQ(of("ovs", "down", true).transactions, 0);
    expect_same_machine();
}

TEST_F(Counted, AChangeOfOneHostWritesToOneHost) {
    must_warren({"up", write_file("before.yaml", lab_of(60, "bridge"))});
    const std::string after = write_file("after.yaml", lab_of(60, "bridge", "10.0.9.9/16"));
    const Counts nothing = count("plan " + after);
    const Counts change = count("up " + after);
    // To find the device, and an address less and one more.
    EXPECT_LE(change.requests, nothing.requests + 4);
    must_warren({"down"});
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
