// The lessons of `warren learn`: networks built by plain commands, step by step.
//
// A lesson is a table: of each step what it is about, the commands as somebody types them, and what must be seen of each
// on the machine afterwards. It knows nothing of the dialogue (cli/learn.cpp), which runs the commands or waits for
// somebody else to. docs/learn tells the same lessons at length.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lesson/checks.hpp"

namespace warren::lesson {

// Where a lesson is given.
struct Setting {
    std::string directory = "/run/warren-learn";  // its Open vSwitch, pid files, leases
    bool own_ovs = true;                          // the machine runs no Open vSwitch: the lesson starts one
    bool netdev = true;                           // the kernel has no Open vSwitch datapath
};

struct Action {
    std::string command;  // for sh
    Check seen;           // done where this is so
    bool trial = false;   // changes nothing: is run whatever is so already, to show what it prints
};

struct Step {
    std::string title;
    std::string why;
    std::vector<Action> actions;
    std::string remark = {};  // what to see in the result, what to try, what goes wrong
};

// What is taken away in the end, in this order: COMMAND is run where THERE is so.
struct Removal {
    std::string command;
    Check there;
};

struct Lesson {
    int number = 0;
    std::string title;
    std::set<std::string> programs;  // that it needs
    std::set<std::string> names;     // of namespaces, interfaces and bridges: must be free before, are its own then
    std::vector<Step> steps;
    std::vector<Removal> removals;
    std::string then;  // what to do next
};

inline constexpr int kLessons = 2;
[[nodiscard]] Lesson lesson(int number, const Setting& setting);

}  // namespace warren::lesson
