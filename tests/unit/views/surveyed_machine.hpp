// A survey written by hand, of machines that no test can make here.
#pragma once

#include <string>

#include "engine/survey.hpp"

namespace warren {

struct SurveyedMachine {
    Survey survey;

    SurveyedNamespace& ns(const std::string& name) {
        SurveyedNamespace& found = survey.namespaces[name];
        found.state.name = name;
        found.named = !name.empty();
        return found;
    }
    Link& link(const std::string& in, const std::string& name, LinkKind kind, const std::string& word) {
        SurveyedNamespace& place = ns(in);
        place.links[name].kind = word;
        Link& made = place.state.links[name];
        made.name = name;
        made.kind = kind;
        made.mac = MacAddress::derived(in + name);
        made.carrier = true;
        made.index = static_cast<int>(place.state.links.size());
        return made;
    }
};

}  // namespace warren
