# The front door; CMake does the work. Variables: BUILD (build directory), PREFIX, DESTDIR, CMAKE_FLAGS, JOBS,
# SECONDS_EACH (fuzz), ARGS (bench).
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
SANITIZE ?= address,undefined
SANITIZED = $(BUILD)-$(if $(filter thread,$(SANITIZE)),thread,sanitize)
CLANG = -DCMAKE_CXX_COMPILER=clang++-16 -DCMAKE_BUILD_TYPE=Debug
CMAKE_FLAGS ?=
SECONDS_EACH ?= 60

.PHONY: all build demo test test-kernel docs check sanitize soak fuzz bench install clean help
all: build

help:
	@echo "make            build $(BUILD)/warren"
	@echo "make demo       install what is missing, build, run both scenarios, take them down (as root)"
	@echo "make test       install what is missing, build, run all tests (as root: those that build networks too)"
	@echo "make test-kernel  tests of what this machine's kernel may lack, under a whole kernel that is a process"
	@echo "make docs       run the documents' command blocks and write into them what these print (as root)"
	@echo "make check      formatting, clang-tidy on what changed, layers"
	@echo "make sanitize   the tests once more under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make soak       hours of the tests of tests/fault, and all tests under AddressSanitizer and ThreadSanitizer"
	@echo "make fuzz       each fuzz target for SECONDS_EACH ($(SECONDS_EACH)) seconds from its corpus; fails on any finding"
	@echo "make bench      the times of Warren, of the kernel's floor and of its peers in one run, each with its target"
	@echo "make install    into PREFIX ($(PREFIX)), below DESTDIR"

build:
	@scripts/build $(BUILD) $(CMAKE_FLAGS)

demo:
	@scripts/install-packages build run
	@scripts/build $(BUILD) $(CMAKE_FLAGS) -- warren
	@scripts/demo $(BUILD)/warren

test:
	@scripts/install-packages build run test
	@scripts/build $(BUILD) -DWARREN_TESTS=ON $(CMAKE_FLAGS)
	@scripts/run-tests $(BUILD) $(JOBS)

# User Mode Linux, with the kernel datapath of Open vSwitch, bridges that filter VLANs, netem: tests/kernel-tests.
test-kernel:
	@scripts/install-packages build run test kernel
	@scripts/build $(BUILD) -DWARREN_TESTS=ON $(CMAKE_FLAGS) -- warren e2e_tests
	@scripts/test-kernel $(BUILD)

# A test does the same without writing (tests/e2e/docs_test.cpp); scripts/run-docs --help tells how documents are written.
docs:
	@scripts/install-packages build run test
	@scripts/build $(BUILD) -DWARREN_TESTS=ON $(CMAKE_FLAGS) -- e2e_tests
	@WARREN_REGENERATE=1 $(BUILD)/tests/e2e_tests --gtest_brief=1 --gtest_filter='Each/Documents.*'

check:
	@scripts/check-format
	@scripts/check-layers
	@scripts/check-tidy $(BUILD)

# SANITIZE=thread for the other one. The faults take their time there, and all steps of the rollbacks: 'make soak' runs
# them.
FEWER = -LE fault -E 'Rollback.*/([234678]|1[0-24-6])$$'
sanitize:
	@scripts/install-packages build run test fuzz
	@scripts/build $(SANITIZED) $(CLANG) -DWARREN_TESTS=ON -DWARREN_SANITIZE=$(SANITIZE) \
		-DWARREN_FUZZ=$(if $(filter thread,$(SANITIZE)),OFF,ON) $(CMAKE_FLAGS)
	@WARREN_STRIDE=$${WARREN_STRIDE:-4} scripts/run-tests $(SANITIZED) $(JOBS) $(if $(SOAK),,$(FEWER))

# Hours: every crash point each time that it is reached, more random changes, and all tests under both sanitizers.
soak:
	@scripts/install-packages build run test
	@scripts/build $(BUILD) -DWARREN_TESTS=ON $(CMAKE_FLAGS)
	@WARREN_STRIDE=1 WARREN_CHANGES=400 scripts/run-tests $(BUILD) $(JOBS) -L fault --timeout 7200
	@$(MAKE) sanitize SOAK=1
	@$(MAKE) sanitize SOAK=1 SANITIZE=thread
	@$(MAKE) fuzz SECONDS_EACH=1800

fuzz:
	@scripts/install-packages build fuzz
	@scripts/fuzz $(BUILD)-sanitize $(SECONDS_EACH)

# ARGS: bench/run --help tells.
bench:
	@scripts/install-packages build run bench
	@scripts/build $(BUILD)-bench -DWARREN_BENCH=ON -DWARREN_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo $(CMAKE_FLAGS)
	@bench/run --build $(BUILD)-bench $(ARGS)

install:
	@[ -x $(BUILD)/warren ] && [ -e $(BUILD)/warren.1 ] || scripts/build $(BUILD) $(CMAKE_FLAGS) -- warren man
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --strip --prefix "$(PREFIX)"

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-thread $(BUILD)-bench
