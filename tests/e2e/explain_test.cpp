// explain is an oracle: what its script makes with the plain tools is what `up` makes. For each example and for a
// hundred labs made by chance both are looked at with ip, bridge, ethtool, ovs-vsctl and /proc, and compared.
//
// Not compared, since it is Warren's own way and nothing that a lab is: its marks (aliases, external_ids, the number
// of its routes' protocol), where its files lie (/run/warren, /run/by-hand), its keeper and what that keeps, comments
// in resolv.conf, and how a process is kept (in the foreground under the keeper, in the background by hand). Nor is the
// MTU of an Open vSwitch bridge's own device, which is down: it depends on whether its ports came at once or one by one.
#include <filesystem>
#include <regex>
#include <sstream>

#include <sys/stat.h>

#include <fmt/format.h>

#include "harness.hpp"
#include "random_file.hpp"

namespace warren::e2e {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

std::string replaced(const std::string& text, const std::regex& what, const char* with) {
    return std::regex_replace(text, what, with);
}

// A line of snapshot() without what is Warren's own; nothing where the whole line is.
std::optional<std::string> without_marks(std::string line) {
    static const std::regex kLeftOut(
        "^(process |open file of |keeper |mount |file /run/|"
        "sysctl net/ipv[46]/(conf|neigh)/(?!all/|default/|lo/))");
    if (std::regex_search(line, kLeftOut)) { return std::nullopt; }
    static const std::regex kAlias(" ifalias warren:[^ ]*");
    static const std::regex kMarks(R"re("?\{warren-(host|lab)=[^}]*\}"?)re");
    static const std::regex kProtocol(R"re("protocol":"(87|boot)",)re");
    static const std::regex kPlace("/run/(warren|by-hand)/");
    line = replaced(line, kAlias, "");
    // Of a patch port that ovs-vswitchd saw before its peer: the complaint stays when the peer is there.
    static const std::regex kComplaint(R"re("""No usable peer [^"]*""")re");
    if (line.starts_with("ovs ")) { line = replaced(replaced(line, kMarks, "{}"), kComplaint, "[]"); }
    line = replaced(line, kProtocol, "");
    line = replaced(line, kPlace, "/run/LABS/");
    return line;
}

std::map<std::uint64_t, std::string> named_inodes() {
    std::map<std::uint64_t, std::string> names;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/run/netns", none)) {
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0) { names[status.st_ino] = entry.path().filename(); }
    }
    return names;
}

// The words of a DHCP server or client that say what it does, whoever keeps it.
std::string told(const std::vector<std::string>& words) {
    std::string text = fs::path(words.front()).filename();
    for (std::size_t i = 1; i < words.size(); ++i) {
        const std::string& word = words[i];
        if (text.starts_with("ovs")) { break; }  // who starts them chooses where their files are
        if (text.starts_with("dnsmasq") &&
            (word == "--keep-in-foreground" || word.starts_with("--log-facility="))) {
            continue;
        }
        const bool dhclient = text.starts_with("dhclient");
        if (dhclient && (word == "-d" || word == "-nw" || word == "-q")) { continue; }
        if (dhclient && word == "-e") {
            ++i;
            continue;
        }
        if (text.starts_with("udhcpc") && (word == "-f" || word == "-b")) { continue; }
        text += " " + word;
    }
    static const std::regex kPlace("/run/(warren|by-hand)/");
    return replaced(text, kPlace, "/run/LABS/");
}

void add_processes(Lines& lines) {
    const auto names = named_inodes();
    for (const int pid : processes_with("")) {
        struct stat status {};
        if (::stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &status) != 0) { continue; }
        std::vector<std::string> words;
        std::istringstream text(read_text(fmt::format("/proc/{}/cmdline", pid)));
        for (std::string word; std::getline(text, word, '\0');) { words.push_back(word); }
        if (words.empty() || words.front().find("_tests") != std::string::npos) { continue; }
        if (words.size() > 1 && words[1] == "keeper") { continue; }
        const auto name = names.find(status.st_ino);
        lines.push_back(
            fmt::format("process in {}: {}", name == names.end() ? "the machine's" : name->second, told(words)));
    }
}

// What snapshot() leaves out: of links how IPv6 addresses are made, bridges' settings, checksum offload, broadcast
// addresses, VLANs; permanent neighbours; settings of namespaces; hosts' own files.
void add_details(const std::string& ns, Lines& lines) {
    const std::string in = ns.empty() ? "" : "-n " + ns + " ";
    const std::string exec = ns.empty() ? "" : "ip netns exec " + ns + " ";
    const std::string where = ns.empty() ? "machine" : ns;
    for (const auto& link : elements(json::parse(must_sh("ip " + in + "-j -d addr")))) {
        const std::string name(at(link, "ifname").as_string());
        std::string line = where + " details of " + name;
        for (const char* key : {"inet6_addr_gen_mode", "broadcast"}) {
            line += std::string(" ") + json::serialize(at(link, key));
        }
        const json::value data = at(at(link, "linkinfo"), "info_data");
        for (const char* key : {"stp_state", "vlan_filtering", "vlan_default_pvid", "forward_delay"}) {
            if (const auto value = at(data, key); !value.is_null()) {
                line += fmt::format(" {} ", key) + json::serialize(value);
            }
        }
        if (name != "lo") {
            line += " " + must_sh(exec + "ethtool -k " + name + " 2>/dev/null | grep -m1 tx-checksumming || true");
        }
        lines.push_back(line);
        for (const auto& address : elements(at(link, "addr_info"))) {
            lines.push_back(where + " address of " + name);
            for (const char* key : {"local", "prefixlen", "scope", "broadcast", "dynamic"}) {
                lines.back() += std::string(" ") + json::serialize(at(address, key));
            }
        }
    }
    const auto each_line = [&](const std::string& what, const std::string& script) {
        std::istringstream output(must_sh(script));
        for (std::string line; std::getline(output, line);) { lines.push_back(where + " " + what + " " + line); }
    };
    each_line("neighbour", "ip " + in + "neigh show nud permanent | sed 's/ proto [0-9]*//'");
    each_line("qdisc",
              "tc " + in + "qdisc show | sed '/noqueue/d; s, refcnt [0-9]*,,; s, direct_packets_stat [0-9]*,,'");
    each_line("filter", "for d in $(tc " + in +
                            "qdisc show | sed -n 's/^qdisc htb 5743: dev \\([^ ]*\\) .*/\\1/p'); do tc " + in +
                            "filter show dev $d parent 5743:; done");
    if (has_vlan_filtering()) { each_line("vlan", "bridge " + in + "vlan show"); }
    if (ns.empty()) { return; }
    each_line("setting", exec +
                             "grep -H . /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/ip_default_ttl "
                             "/proc/sys/net/ipv4/tcp_syncookies /proc/sys/net/ipv4/tcp_rmem "
                             "/proc/sys/net/ipv6/conf/all/forwarding; " +
                             exec + "sh -c 'grep -sH . /proc/sys/net/bridge/bridge-nf-call-* || true'");
    each_line("file", "cd /etc/netns/" + ns + " 2>/dev/null && grep -H '^[^#]' * || true");
}

// Addresses that a server gave: which of its range a client gets depends on who asks first.
void hide_leases(Lines& lines) {
    static const std::regex kLease(R"re(^.* address of .* "(.*)" [0-9]+ "global" .* true$)re");
    std::vector<std::string> leases;
    for (const auto& line : lines) {
        std::smatch found;
        if (std::regex_match(line, found, kLease)) { leases.push_back(found[1]); }
    }
    for (auto& line : lines) {
        for (const auto& lease : leases) {
            for (const auto& [from, to] :
                 {std::pair("\"" + lease + "\"", "\"LEASE\""), std::pair(" " + lease + "/", " LEASE/")}) {
                for (auto found = line.find(from); found != std::string::npos; found = line.find(from)) {
                    line.replace(found, from.size(), to);
                }
            }
        }
    }
    std::sort(lines.begin(), lines.end());
}

std::set<std::string> ovs_bridges() {
    std::istringstream names(
        must_sh("for s in $(find /run -name db.sock); do ovs-vsctl --timeout=5 --db=unix:$s list-br; done"));
    std::set<std::string> bridges;
    for (std::string name; names >> name;) { bridges.insert(name); }
    return bridges;
}

Lines observed() {
    static const std::regex kOwnDevice("^(.* link ([^ ]+)) mtu [0-9]+ (.* kind tun down)$");
    const auto bridges = ovs_bridges();
    Lines lines;
    for (auto& line : snapshot()) {
        auto plain = without_marks(std::move(line));
        if (!plain) { continue; }
        std::smatch device;
        if (std::regex_match(*plain, device, kOwnDevice) && bridges.contains(device[2])) {
            plain = device[1].str() + " " + device[3].str();
        }
        lines.push_back(std::move(*plain));
    }
    add_processes(lines);
    add_details("", lines);
    for (const auto& [inode, name] : named_inodes()) { add_details(name, lines); }
    std::sort(lines.begin(), lines.end());
    return lines;
}

Lines observed_without_leases() {
    Lines lines = observed();
    hide_leases(lines);
    return lines;
}

class Explain : public E2e {
protected:
    void SetUp() override {
        E2e::SetUp();
        if (testing::Test::IsSkipped()) { return; }
        // Any `ip netns add` leaves /run/netns, a mount of its own.
        must_sh("ip netns add first && ip netns del first");
        remember_machine();
    }

    static void run_script(const std::string& name, const std::vector<std::string>& arguments) {
        std::vector<std::string> words{"explain"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        const std::string script = write_file(name, must_warren(words));
        EXPECT_THAT(read_text(script), Not(HasSubstr("\nwarren ")));
        must_sh("bash -n " + script);
        const Ran ran = sh("bash " + script);
        ASSERT_TRUE(ran.ok()) << testing::PrintToString(ran) << read_text(script);
    }

    // FILE by hand and by `up`: what LOOK() sees is the same. LOOK() is asked again while a lease may be under way.
    void compare(const std::string& file, Lines (*look)()) {
        must_warren({"up", file});
        const Lines by_warren = look();
        must_warren({"down", "--all"});
        ASSERT_NO_FATAL_FAILURE(run_script("by-hand.sh", {file}));
        Lines differ;
        (void)comes_true([&] { return (differ = difference(by_warren, look())).empty(); },
                         std::chrono::seconds(15));
        EXPECT_THAT(differ, IsEmpty()) << "- up, + by hand\n" << read_text(file);
        ASSERT_NO_FATAL_FAILURE(run_script("down.sh", {"--down", file}));
        // What was ended may have been reaped a moment later.
        (void)comes_true([] { return processes_with("dnsmasq").empty() && processes_with("dhclient").empty(); });
    }
};

class ExplainExample : public Explain, public testing::WithParamInterface<std::string> {};

TEST_P(ExplainExample, ByHandIsWhatUpMakes) {
    compare(example(GetParam()), observed);
    expect_same_machine();
}

std::vector<std::string> examples() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(std::string(WARREN_SOURCE_DIR) + "/examples")) {
        if (entry.path().extension() == ".yaml") { names.push_back(entry.path().filename()); }
    }
    std::sort(names.begin(), names.end());
    return names;
}

INSTANTIATE_TEST_SUITE_P(Each, ExplainExample, testing::ValuesIn(examples()), [](const auto& each) {
    std::string name = fs::path(each.param).stem();
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
});

constexpr int kLabs = 100;
constexpr int kShards = 25;

class ExplainRandom : public Explain, public testing::WithParamInterface<int> {};

TEST_P(ExplainRandom, ByHandIsWhatUpMakes) {
    for (int seed = GetParam(); seed < kLabs; seed += kShards) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        compare(write_file(fmt::format("random-{}.yaml", seed), random_file(seed, has_vlan_filtering())),
                observed_without_leases);
        if (HasFatalFailure()) { return; }
    }
    expect_same_machine();
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExplainRandom, testing::Range(0, kShards));

TEST_F(Explain, UdhcpcByHandGetsWhatItGetsFromUp) {
    if (!has_program("udhcpc")) { GTEST_SKIP() << "udhcpc is not installed"; }
    hide_program("/usr/sbin/dhclient");
    remember_machine();
    compare(example("tenants.yaml"), observed);
    expect_same_machine();
}

TEST_F(Explain, LeaseWithRoutersMtuAndNamesIsTakenAsUpTakesIt) {
    compare(write_file(
                "lease.yaml",
                "lab: lease\nswitches: {br0: {}}\n"
                "networks:\n  net: {switch: br0, subnet: 10.1.0.0/24, dhcp: {gateway: 10.1.0.1, dns: [10.1.0.3],\n"
                "    options: {26: '1400', 15: 'lab.example', 121: '10.9.0.0/16,10.1.0.5'}}}\n"
                "  other: {switch: br0, subnet: 10.2.0.0/24}\n"
                "hosts:\n  a: {interfaces: {eth0: {network: net, address: dhcp}}}\n"),
            observed);
    expect_same_machine();
}

TEST_F(Explain, ChangeBetweenTwoFilesIsWhatUpChanges) {
    const std::string before = write_file("before.yaml",
                                          "lab: change\nswitches: {s: {kind: ovs}}\n"
                                          "networks: {net: {switch: s, vlan: 7, subnet: 10.1.0.0/24, dhcp: {}}}\n"
                                          "hosts:\n  a: {interfaces: {eth0: {network: net, address: dhcp}}}\n"
                                          "  b: {interfaces: {eth0: {to: s, vlan: 7, address: 10.1.0.200/24}}}\n"
                                          "  c: {interfaces: {eth0: {to: s, address: 10.3.0.1/24}}}\n");
    const std::string after = write_file(
        "after.yaml",
        "lab: change\nswitches: {s: {kind: ovs}, t: {kind: ovs}}\nlinks: [{ends: [s, t]}]\n"
        "networks: {net: {switch: s, vlan: 8, subnet: 10.1.0.0/24, dhcp: {gateway: 10.1.0.1}}}\n"
        "hosts:\n  a: {interfaces: {eth0: {network: net, address: dhcp}}}\n"
        "  b: {interfaces: {eth0: {to: s, trunk: [7, 8], mtu: 1400, address: 10.1.0.201/24}}, gateway: 10.1.0.9}\n"
        "  d: {interfaces: {eth0: {to: t, address: 10.3.0.1/24}}, run: [{name: sleeper, command: sleep 1000}]}\n");
    must_warren({"up", before});
    must_warren({"up", after});
    const Lines by_warren = observed_without_leases();
    must_warren({"down"});
    ASSERT_NO_FATAL_FAILURE(run_script("before.sh", {before}));
    EXPECT_TRUE(comes_true([] { return !must_sh("ip -n a -4 addr show dynamic").empty(); }));
    const std::string kept = must_sh("ip -n b -j link show eth0 | grep -o '\"ifindex\":[0-9]*'");
    ASSERT_NO_FATAL_FAILURE(run_script("change.sh", {"--from", before, after}));
    EXPECT_EQ(must_sh("ip -n b -j link show eth0 | grep -o '\"ifindex\":[0-9]*'"), kept) << "b was made anew";
    Lines differ;
    (void)comes_true([&] { return (differ = difference(by_warren, observed_without_leases())).empty(); },
                     std::chrono::seconds(15));
    EXPECT_THAT(differ, IsEmpty());
    ASSERT_NO_FATAL_FAILURE(run_script("down.sh", {"--down", after}));
    expect_same_machine();
}

TEST_F(Explain, ChangesNothingAndNeedsNoLab) {
    const auto before = snapshot();
    must_warren({"explain", "--topo", "tree,2,2"});
    const auto groups = elements(at(warren_json({"explain", example("hello.yaml")}), "groups"));
    ASSERT_FALSE(groups.empty());
    for (const auto& group : groups) {
        EXPECT_FALSE(at(group, "title").as_string().empty());
        EXPECT_FALSE(elements(at(group, "commands")).empty());
    }
    EXPECT_EQ(warren({"explain", "--from", example("hello.yaml"), example("tenants.yaml")}).status, 2);
    EXPECT_EQ(warren({"explain"}).status, 2);
    EXPECT_THAT(difference(before, snapshot()), IsEmpty());
}

TEST_F(Explain, UpTellsWhatItDoes) {
    const std::string told = must_warren({"up", example("hello.yaml"), "--explain"});
    EXPECT_THAT(told, HasSubstr("ip netns add h1\n"));
    EXPECT_THAT(told, HasSubstr("# == Veth pairs =="));
    EXPECT_THAT(told, HasSubstr("hello: up"));
    EXPECT_THAT(must_warren({"up", example("hello.yaml"), "--explain"}), Not(HasSubstr("ip ")));
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Explain, StepByStepShowsTheDiagramAndGoesOnWithEnter) {
    const Ran up = warren({"up", example("hello.yaml"), "--step"}, {}, std::string(20, '\n'));
    ASSERT_TRUE(up.ok()) << testing::PrintToString(up);
    const auto asked = up.out.find("ip netns add h1");
    ASSERT_NE(asked, std::string::npos);
    EXPECT_NE(up.out.find("10.0.0.1/24", up.out.find("ip -n h1 addr add 10.0.0.1/24") + 40), std::string::npos)
        << "the diagram after it: " << up.out;
    EXPECT_TRUE(warren({"check"}).ok());
    must_warren({"down"});
    expect_same_machine();
}

TEST_F(Explain, StepByStepGoesBackWhereItIsStopped) {
    for (const char* answers : {"q\n", "\n\nq\n", "\n\n\n", ""}) {
        const Ran up = warren({"up", example("hello.yaml"), "--step"}, {}, answers);
        EXPECT_EQ(up.status, 1) << testing::PrintToString(up);
        EXPECT_THAT(up.err, HasSubstr("what was there before is there again"));
        EXPECT_THAT(must_warren({"list"}), Not(HasSubstr("hello")));
    }
    EXPECT_EQ(warren({"up", "-", "--step"}, {}, "lab: x\n").status, 2);
    EXPECT_EQ(warren({"up", example("hello.yaml"), "--step", "-o", "json"}).status, 2);
    expect_same_machine();
}

}  // namespace
}  // namespace warren::e2e
