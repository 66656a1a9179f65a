// Makes a lab's what somebody typed: its marks on the namespaces, links and Open vSwitch rows that a lab describes
// (`warren adopt --take`). What is different afterwards is `up`'s to change. Used by engine.cpp.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "engine/look.hpp"
#include "engine/sockets.hpp"
#include "engine/survey.hpp"
#include "lab/lab.hpp"
#include "plan/plan.hpp"

namespace warren {

// Not for several threads. Keeps references to what it is made from.
class Taking {
public:
    Taking(const Lab& lab, const Look& look, const Survey& found) : lab_(lab), look_(look), found_(found) {}
    // An error that names all that cannot be taken. Changes nothing.
    [[nodiscard]] Result<void> check();
    // What take() will end, in words; after check().
    [[nodiscard]] std::vector<std::string> said() const;
    // Marks it, ends the DHCP servers and clients whose place the lab's own take, and hands on their leases.
    [[nodiscard]] Result<void> take();
    // After `up`: the kernel is told to make no more addresses on the links by itself, as on any of a lab's.
    void settle();
    // After a failure: everything as it was. What cannot be is in the answer, "" nothing.
    [[nodiscard]] std::string undo();

private:
    struct Ending {
        const SurveyedNamespace* ns;
        const SurveyedProcess* process;
        std::string network;  // whose server it is
    };
    void check_namespace(const Namespace& wanted);
    void check_links(const Namespace& wanted, const SurveyedNamespace& ns);
    void check_switches();
    void check_processes(const SurveyedNamespace& ns);
    void refuse(std::string reason) { refused_.push_back(std::move(reason)); }
    [[nodiscard]] Result<void> mark_links();
    [[nodiscard]] Result<void> set_alias(const std::string& ns, const std::string& link, const std::string& alias);
    [[nodiscard]] Result<void> end(const Ending& ending);
    [[nodiscard]] Result<void> remove_routes_of(const Ending& client);
    [[nodiscard]] Result<void> hand_on_leases(const Ending& ending) const;
    [[nodiscard]] Result<void> start_again(const Ending& ending) const;
    [[nodiscard]] Result<void> put_back_layer_three(const std::string& name);

    const Lab& lab_;
    const Look& look_;
    const Survey& found_;
    Sockets sockets_;
    std::map<std::string, std::string> network_served_;  // by the namespace of its DHCP server
    std::vector<std::string> refused_;
    std::vector<Ending> endings_;
    Plan rows_;
    // What was done.
    std::vector<std::pair<std::string, std::string>> marked_;  // namespace, link
    bool rows_marked_ = false;
    std::vector<const Ending*> ended_;
    std::set<std::pair<std::string, SurveyedRoute>> removed_;  // by namespace
};

}  // namespace warren
