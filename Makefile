# The front door; CMake does the work. Variables: BUILD (build directory), PREFIX, DESTDIR, CMAKE_FLAGS, JOBS,
# SECONDS_EACH (fuzz).
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
CMAKE_FLAGS ?=
SECONDS_EACH ?= 60

.PHONY: all build demo test check sanitize fuzz install clean help
all: build

help:
	@echo "make            build $(BUILD)/warren"
	@echo "make demo       install what is missing, build, run both scenarios, take them down (as root)"
	@echo "make test       install what is missing, build, run all tests (as root: those that build networks too)"
	@echo "make check      formatting, clang-tidy on what changed, layers"
	@echo "make sanitize   the tests once more under AddressSanitizer and UndefinedBehaviorSanitizer"
	@echo "make fuzz       each fuzz target for SECONDS_EACH ($(SECONDS_EACH)) seconds from its corpus; fails on any finding"
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

check:
	@scripts/check-format
	@scripts/check-layers
	@scripts/check-tidy $(BUILD)

sanitize:
	@scripts/install-packages build run test
	@scripts/build $(BUILD)-sanitize -DWARREN_TESTS=ON -DWARREN_SANITIZE=address,undefined -DCMAKE_BUILD_TYPE=Debug $(CMAKE_FLAGS)
	@scripts/run-tests $(BUILD)-sanitize $(JOBS)

fuzz:
	@scripts/install-packages build fuzz
	@scripts/fuzz $(BUILD)-fuzz $(SECONDS_EACH)

install:
	@[ -x $(BUILD)/warren ] && [ -e $(BUILD)/warren.1 ] || scripts/build $(BUILD) $(CMAKE_FLAGS) -- warren man
	@DESTDIR="$(DESTDIR)" cmake --install $(BUILD) --strip --prefix "$(PREFIX)"

clean:
	rm -rf $(BUILD) $(BUILD)-sanitize $(BUILD)-fuzz $(BUILD)-clang
