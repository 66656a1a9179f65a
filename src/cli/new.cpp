// warren new TOPOLOGY: print the lab file of a topology.
#include "cli/cli.hpp"
#include "lab/lab_file.hpp"

namespace warren::cli {

void add_new(Cli& cli) {
    static LabSource source;
    const std::string teaches =
        "warren new tree,2,2 > lab.yaml             four hosts under three switches\n"
        "warren new linear,k=3,n=2 --switch ovs\n"
        "warren up --topo single,3                  the same without a file\n\n" +
        topologies_text() +
        "\n"
        "Names, addresses and port numbers are Mininet's: h1, s1, h1-eth0, s1-eth1, 10.0.0.1/8. A topology with\n"
        "loops has 'stp: true': its switches listen and learn for about 30 s before they forward, for which 'up'\n"
        "does not wait and 'warren check' does. The VLANs of 'tenants' need Open vSwitch, or bridges with VLAN\n"
        "filtering ('warren doctor').";
    auto& verb = cli.verb("new", "Print the lab file of a topology", teaches, [] {
        int status = 0;
        const auto lab = load_lab(source, status);
        if (lab) { fmt::print("{}", write_lab(*lab)); }
        return status;
    });
    verb.add_option("TOPOLOGY", source.topology, "its name and parameters")->required();
    verb.add_option("--name", source.options.name, "the lab's name (tree-2-2)");
    add_topology_options(verb, source.options);
}

}  // namespace warren::cli
