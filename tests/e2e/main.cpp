// Runs the end-to-end tests: each process in a machine of its own (sandbox.hpp). ctest starts one for each test.
#include <cstdio>
#include <string_view>

#include <gtest/gtest.h>

#include "harness.hpp"
#include "sandbox.hpp"

int main(int argc, char** argv) {
    bool listing = false;  // the build asks for the tests' names
    for (int i = 1; i < argc; ++i) { listing = listing || std::string_view(argv[i]) == "--gtest_list_tests"; }
    if (!listing) { warren::e2e::set_skip_reason(warren::e2e::enter_sandbox()); }
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
