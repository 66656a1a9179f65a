// A measured transfer, for people and for programs.
#pragma once

#include <string>

#include "probe/throughput.hpp"

namespace warren {

struct Transfer {
    std::string lab;
    std::string from;  // the host that sent
    std::string to;
    std::string address;  // of who listened
    bool udp = false;
    int parallel = 1;
    probe::Throughput result;
};
[[nodiscard]] std::string transfer_text(const Transfer& transfer);
[[nodiscard]] std::string transfer_json(const Transfer& transfer);

}  // namespace warren
