// The pure floors by size: reading, expanding, comparing. Linear in the hosts, or nearly.
#include <string>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/diagnostics.hpp"
#include "lab/lab_file.hpp"
#include "plan/changes.hpp"
#include "plan/plan.hpp"
#include "state/expand.hpp"

namespace {

using namespace warren;

constexpr int kPorts = 500;

std::string text_of(std::int64_t hosts) {
    std::string text = "lab: bench\nswitches:\n";
    for (std::int64_t s = 0; s * kPorts < hosts; ++s) { text += fmt::format("  s{}: {{}}\n", s); }
    text += "hosts:\n";
    for (std::int64_t h = 0; h < hosts; ++h) {
        text += fmt::format("  h{0}: {{interfaces: {{eth0: {{to: 's{1}:p{0}', address: 10.{2}.{3}.{4}/8}}}}}}\n", h,
                            h / kPorts, (h + 1) >> 16, ((h + 1) >> 8) & 255, (h + 1) & 255);
    }
    return text;
}

Lab lab_of(std::int64_t hosts) {
    Diagnostics diagnostics("bench.yaml");
    return read_lab(text_of(hosts), diagnostics);
}

void sizes(benchmark::internal::Benchmark* bench) {
    bench->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond)->Complexity(benchmark::oN);
}

void finish(benchmark::State& state) {
    state.SetComplexityN(state.range(0));
    state.counters["per host"] =
        benchmark::Counter(static_cast<double>(state.range(0)),
                           benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void read_file(benchmark::State& state) {
    const std::string text = text_of(state.range(0));
    for (auto step : state) {
        Diagnostics diagnostics("bench.yaml");
        benchmark::DoNotOptimize(read_lab(text, diagnostics));
    }
    finish(state);
}
BENCHMARK(read_file)->Apply(sizes);

void expand_lab(benchmark::State& state) {
    const Lab lab = lab_of(state.range(0));
    for (auto step : state) { benchmark::DoNotOptimize(expand(lab, Site{})); }
    finish(state);
}
BENCHMARK(expand_lab)->Apply(sizes);

void diff_from_nothing(benchmark::State& state) {
    const State wanted = expand(lab_of(state.range(0)), Site{});
    for (auto step : state) { benchmark::DoNotOptimize(diff(State{}, wanted, "bench")); }
    finish(state);
}
BENCHMARK(diff_from_nothing)->Apply(sizes);

void diff_of_equals(benchmark::State& state) {
    const State wanted = expand(lab_of(state.range(0)), Site{});
    for (auto step : state) { benchmark::DoNotOptimize(diff(wanted, wanted, "bench")); }
    finish(state);
}
BENCHMARK(diff_of_equals)->Apply(sizes);

void tell_changes(benchmark::State& state) {
    const State wanted = expand(lab_of(state.range(0)), Site{});
    const auto difference = diff(State{}, wanted, "bench");
    for (auto step : state) { benchmark::DoNotOptimize(changes(difference.plan, State{}, wanted)); }
    finish(state);
}
BENCHMARK(tell_changes)->Apply(sizes);

}  // namespace

BENCHMARK_MAIN();
