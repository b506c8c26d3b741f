# SPDX-License-Identifier: GPL-2.0
# One Makefile, not recursive. `make help` lists what it can do.
#
#   O=dir        build there instead of build/
#   V=1          show commands
#   SAN=list     build the tool with these sanitizers, e.g. SAN=address,undefined

VERSION := 0.1.0

# A tree of its own for each set of sanitizers: objects of two must not be mixed.
comma := ,
O ?= build$(if $(SAN),-$(subst $(comma),-,$(SAN)))
V ?= 0
SAN ?=
prefix ?= /usr/local

CC ?= gcc
first_found = $(firstword $(foreach c,$(1),$(if $(shell command -v $(c)),$(c))) $(1))
CLANG ?= $(call first_found,clang-16 clang-19 clang)
BPFTOOL ?= $(call first_found,bpftool /usr/sbin/bpftool)

ARCH := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/; s/ppc64le/powerpc/; s/s390x/s390/')

CPPFLAGS += -D_GNU_SOURCE -DIORACE_VERSION='"$(VERSION)"' -Iinclude -Iuser -I$(O)
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -Wall -Wextra -Werror
LDLIBS := -lbpf -ldw -lelf -lz -ljansson -laio -luring -lpthread
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDFLAGS += -fsanitize=$(SAN)
endif

BPF_CFLAGS := -g -O2 -mcpu=v3 --target=bpf -D__TARGET_ARCH_$(ARCH) -Wall -Werror \
	-Wno-unused-function -Ivmlinux -Iinclude -Ibpf

ifeq ($(V),1)
Q :=
say = @true
else
Q := @
say = @printf '  %-8s %s\n'
endif

.DELETE_ON_ERROR:
.SUFFIXES:

# ---- rooms, lowest first -------------------------------------------------------------------------

base := \
	user/base/buf.c \
	user/base/cli.c \
	user/base/cli_help.c \
	user/base/err.c \
	user/base/escape.c \
	user/base/loop.c \
	user/base/units.c

model := \
	user/model/agreement.c \
	user/model/comparison.c \
	user/model/conflict.c \
	user/model/names.c \
	user/model/range_lock.c \
	user/model/range_set.c \
	user/model/stress_block.c \
	user/model/stress_graph.c \
	user/model/stress_judge.c \
	user/model/stress_view.c \
	user/model/tally.c \
	user/model/verdict.c

live := \
	user/live/features.c \
	user/live/forgetter.c \
	user/live/hooks.c \
	user/live/plan.c \
	user/live/range_lock.c \
	user/live/range_lock_type.c \
	user/live/tracer.c

symbol := \
	user/symbol/cgroups.c \
	user/symbol/mounts.c \
	user/symbol/paths.c \
	user/symbol/stacks.c

report := \
	user/report/compare.c \
	user/report/csv.c \
	user/report/draw.c \
	user/report/facts.c \
	user/report/html.c \
	user/report/json_text.c \
	user/report/jsonl.c \
	user/report/junit.c \
	user/report/markup.c \
	user/report/reporters.c \
	user/report/sarif.c \
	user/report/tap.c \
	user/report/text.c \
	user/report/text_parts.c \
	user/report/text_stress.c \
	user/report/text_summary.c

stress := \
	user/stress/engine.c \
	user/stress/engine_libaio.c \
	user/stress/engine_uring.c \
	user/stress/handover.c \
	user/stress/history.c \
	user/stress/reader.c \
	user/stress/scratch.c \
	user/stress/shape.c \
	user/stress/stress.c \
	user/stress/sweep.c \
	user/stress/tallied.c \
	user/stress/worker.c

run := \
	user/run/workload.c \
	user/run/outputs.c \
	user/run/proofs.c \
	user/run/run.c

cmd := \
	user/cmd/check.c \
	user/cmd/doctor.c \
	user/cmd/exit.c \
	user/cmd/filters.c \
	user/cmd/main.c \
	user/cmd/report.c \
	user/cmd/stress.c \
	user/cmd/tracing.c \
	user/cmd/watch.c

tool_sources := $(base) $(model) $(live) $(symbol) $(report) $(stress) $(run) $(cmd)
tool_objects := $(tool_sources:%.c=$(O)/%.o)

# What unit tests link: every room that needs no kernel and no main.
pure_objects := $(patsubst %.c,$(O)/%.o,$(base) $(model) $(symbol) $(report) \
	user/live/forgetter.c user/live/hooks.c user/live/plan.c user/live/range_lock_type.c \
	user/stress/handover.c user/stress/history.c \
	user/stress/reader.c user/stress/shape.c user/stress/tallied.c)

.PHONY: all
all: $(O)/iorace ## build the tool (default)

# ---- kernel side ---------------------------------------------------------------------------------

$(O)/iorace.bpf.o: bpf/iorace.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(O)/iorace.bpf.d -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

# The same for kernels without bpf_rdonly_cast(), see bpf/compat.bpf.h.
$(O)/iorace_by_helper.bpf.o: bpf/iorace.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -DIOR_FIELDS_BY_HELPER \
		-MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(O)/%.skel.h: $(O)/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F)_bpf > $@

# ---- tool ----------------------------------------------------------------------------------------

$(O)/user/live/tracer.o: $(O)/iorace.skel.h $(O)/iorace_by_helper.skel.h

$(O)/%.o: %.c
	$(say) CC $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/iorace: $(tool_objects)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

# ---- unit tests: no root, no kernel feature ------------------------------------------------------

unit_tests := $(sort $(wildcard tests/unit/test_*.c))
unit_programs := $(unit_tests:%.c=$(O)/%)

# An archive, so that a test links what it names and may stand in for the rest.
$(O)/pure.a: $(pure_objects)
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rc $@ $^

$(O)/tests/unit/%.o: CPPFLAGS += -Ibpf -Itests/unit

$(unit_programs): %: %.o $(O)/pure.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka -lbpf -ldw -ljansson -pthread -o $@

# It copies the stacks of its coroutines, which no sanitizer can follow.
ifneq ($(SAN),)
unit_programs := $(filter-out $(O)/tests/unit/test_inflight_model,$(unit_programs))
endif

.PHONY: unit
unit: $(unit_programs) ## unit tests; with SAN=address,undefined too
	$(Q)tests/unit/run $(unit_programs)

# The table that many CPUs share and the history that workers share, under ThreadSanitizer.
tsan_programs = $(filter $(O)/tests/unit/test_inflight% $(O)/tests/unit/test_stress_reader,\
	$(unit_programs))

.PHONY: unit-tsan unit-tsan-run
unit-tsan: ## what is shared without locks, under ThreadSanitizer
	$(Q)$(MAKE) --no-print-directory SAN=thread O=$(O)-thread unit-tsan-run

unit-tsan-run: $(tsan_programs)
	$(Q)tests/unit/run $(tsan_programs)

# ---- end-to-end drivers --------------------------------------------------------------------------

mkops_objects := \
	$(O)/tests/e2e/mkops.o \
	$(O)/tests/e2e/mkops_hold.o \
	$(O)/tests/e2e/mkops_io.o \
	$(O)/tests/e2e/mkops_random.o \
	$(O)/tests/e2e/mkops_remap.o \
	$(O)/tests/e2e/mkops_say.o \
	$(O)/tests/e2e/mkops_script.o \
	$(O)/tests/e2e/mkops_watch.o \
	$(O)/tests/e2e/mkops_worker.o

$(O)/mkops: $(mkops_objects)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -laio -luring -lpthread -o $@

$(O)/tests/e2e/gatedisk.o: CPPFLAGS += $(shell pkg-config --cflags fuse3 2>/dev/null)

$(O)/gatedisk: $(O)/tests/e2e/gatedisk.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(shell pkg-config --libs fuse3 2>/dev/null) \
		-lpthread -o $@

$(O)/hammer: $(O)/tests/storm/hammer.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lpthread -o $@

$(O)/refuse.so: tests/e2e/refuse.c
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared $< -ldl -o $@

.PHONY: drivers
drivers: $(O)/mkops $(O)/gatedisk $(O)/hammer $(O)/refuse.so ## what tests drive the kernel with

.PHONY: e2e
e2e: all drivers ## end-to-end tests on the running kernel (root)
	BUILD=$(O) IORACE=$(CURDIR)/$(O)/iorace tests/e2e/run -j 2

.PHONY: limits
limits: all ## start, detach, memory: what the tool itself takes (root)
	$(Q)tests/limits/run $(O)/iorace

.PHONY: storm
storm: all drivers ## conflicts as fast as the machine can, counted exactly (root, 5 minutes)
	$(Q)mkdir -p $(O)/bench
	$(Q)BUILD=$(O) IORACE=$(CURDIR)/$(O)/iorace tests/storm/run \
		--json $(O)/bench/storm.json --markdown $(O)/bench/storm.md

# ---- what the programs read, against the kernel's BTF ------------------------------------------

$(O)/btf-fields: $(O)/tests/vm/btf_fields.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -lbpf -lelf -lz -o $@

$(O)/btf_bogus.bpf.o: tests/vm/btf_bogus.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@

.PHONY: coverage-page
coverage-page: $(O)/iorace ## write docs/coverage.md: what each kernel lets us see
	$(Q)BUILD=$(abspath $(O)) tests/vm/coverage-page >$(O)/coverage.md
	$(Q)mv $(O)/coverage.md docs/coverage.md

.PHONY: btf-fields
btf-fields: $(O)/btf-fields $(O)/btf_bogus.bpf.o $(O)/iorace.bpf.o ## has this kernel what we read?
	$(Q)tests/vm/test_btf_fields.sh $(O)
	$(Q)$(O)/btf-fields $(O)/iorace.bpf.o tests/vm/btf-fields.txt

# ---- house rules ---------------------------------------------------------------------------------

shell_scripts = $(shell grep -rlIE '^\#!/bin/(ba)?sh' contrib tests)

.PHONY: lint
lint: ## layers, lengths, names, layout, errors that print and go on; shellcheck
	$(Q)tests/lint/selftest
	$(Q)tests/lint/lint
	$(Q)tests/matrix/selftest
	$(Q)tests/matrix/matrix check
	$(Q)$(MAKE) --no-print-directory format-check
	$(Q)tests/range-lock/selftest
	$(Q)shellcheck -S warning $(shell_scripts)

# ---- golden reports ------------------------------------------------------------------------------

$(O)/golden: $(O)/tests/golden/golden.o $(O)/pure.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -ldw -ljansson -o $@

.PHONY: golden golden-check
golden: $(O)/golden ## write the golden reports anew: review the diff
	$(O)/golden tests/golden

golden-check: $(O)/golden ## the reports and their JSON Schema
	$(Q)tests/golden/compare.sh $(O)/golden
	$(Q)tests/golden/check_schema.py

# ---- what one calls ------------------------------------------------------------------------------

.PHONY: deps
deps:
	$(Q)contrib/deps build test

.PHONY: demo
demo: ## two workloads that race and one that does not (root; installs what is missing)
	$(Q)contrib/deps build test
	$(Q)$(MAKE) --no-print-directory all
	$(Q)contrib/demo $(abspath $(O))/iorace

.PHONY: test
test: ## the test suite, with virtual machines (root, some 20 minutes; installs what is missing)
	$(Q)contrib/deps build test vm
	$(Q)$(MAKE) --no-print-directory all drivers
	$(Q)O=$(O) tests/suite

.PHONY: check
check: all ## lint, unit tests, golden reports: no root, seconds
	$(Q)O=$(O) tests/suite lint unit golden

.PHONY: vm
vm: all drivers ## more in virtual machines: tests/vm/results.txt (root, long)
	$(Q)contrib/deps build test vm
	$(Q)O=$(O) tests/suite vm
	$(Q)tests/vm/results $(O)/test-logs/vm.log >$(O)/vm-results.txt
	$(Q)mv $(O)/vm-results.txt tests/vm/results.txt

# ---- the truth table -----------------------------------------------------------------------------

.PHONY: matrix
matrix: all drivers ## what is atomic and what is not, on each kernel: docs/truth-table.md (root)
	$(Q)BUILD=$(abspath $(O)) tests/matrix/all $(KERNELS)

# ---- range locks on kernels that have one --------------------------------------------------------

.PHONY: range-lock-test
range-lock-test: ## patched XFS and ext4 modules, right and wrong: docs/range-lock.md (30 minutes)
	$(Q)contrib/deps build test vm range-lock
	$(Q)$(MAKE) --no-print-directory all drivers
	$(Q)BUILD=$(abspath $(O)) tests/range-lock/all $(VARIANTS)

# ---- benchmark -----------------------------------------------------------------------------------

bench_sources := \
	tests/bench/ladder.c \
	tests/bench/load.c \
	tests/bench/loads.c \
	tests/bench/measure.c \
	tests/bench/process.c \
	tests/bench/rungs.c \
	tests/bench/show.c
bench_objects := $(bench_sources:%.c=$(O)/%.o)

# The shipped programs with parts taken out; each line adds a bit of tests/bench/pieces.bpf.c.
bench_pieces := slot:0 task:1 lock:3 clock:7 count:15
bench_pieces_objects := $(foreach p,$(bench_pieces),\
	$(O)/tests/bench/pieces-$(firstword $(subst :, ,$(p))).bpf.o)

$(O)/tests/bench/pieces-%.bpf.o: tests/bench/pieces.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) \
		-DBENCH_PIECES=$(patsubst $*:%,%,$(filter $*:%,$(bench_pieces))) \
		-MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(O)/tests/bench/rivals.bpf.o: tests/bench/rivals.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(O)/tests/bench/rungs.o: $(O)/iorace.skel.h $(O)/iorace_by_helper.skel.h \
	$(O)/tests/bench/rivals.skel.h

$(O)/tests/bench/ladder: $(bench_objects) $(pure_objects) $(O)/user/live/features.o
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -luring -lpthread -o $@

.PHONY: bench bench-programs bench-run bench-page
bench: ## what tracing costs, and rivals beside it (root, 7 minutes; installs what is missing)
	$(Q)contrib/deps build bench
	$(Q)$(MAKE) --no-print-directory bench-run

bench-programs: $(O)/tests/bench/ladder $(bench_pieces_objects)

bench-run: bench-programs
	$(Q)O=$(abspath $(O)) tests/bench/run

bench-page: bench ## the same, storm and limits, all in docs/bench.md (root, 13 minutes)
	$(Q)-$(MAKE) --no-print-directory storm >$(O)/bench/storm.txt
	$(Q)-$(MAKE) --no-print-directory limits >$(O)/bench/limits.txt
	$(Q)tests/bench/page $(O)/bench >$(O)/bench/page.md
	$(Q)mv $(O)/bench/page.md docs/bench.md

# ---- what no clock measures: instructions, look-ups, cache lines --------------------------------

guard_programs := $(O)/guard-paths $(O)/guard-verifier $(O)/guard-records
guard_common := $(O)/tests/guard/programs.o $(O)/pure.a

$(O)/tests/guard/%.o: CPPFLAGS += -Itests
$(O)/tests/guard/programs.o: $(O)/iorace.skel.h

$(O)/guard-paths: $(O)/tests/guard/paths.o $(O)/tests/guard/machine.o $(guard_common)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

$(O)/guard-verifier: $(O)/tests/guard/verifier.o $(guard_common)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@

# By the compiler whose figures are on record, at once, with flags of its own.
guard_records_sources := tests/guard/records.c $(base) $(model) $(report)

$(O)/guard-records: $(guard_records_sources)
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -O2 -std=gnu11 $^ -ljansson -o $@

# The same made worse, for the guard's own test: tests/guard/mutant.bpf.c numbers them.
guard_mutants := call:1 insns:2 lines:3 refused:4
guard_mutants_objects := $(foreach m,$(guard_mutants),\
	$(O)/tests/guard/mutant-$(firstword $(subst :, ,$(m)))/iorace.bpf.o)

$(O)/tests/guard/mutant-%/iorace.bpf.o: tests/guard/mutant.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) \
		-DGUARD_MUTANT=$(patsubst $*:%,%,$(filter $*:%,$(guard_mutants))) \
		-MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

guard_mutants_objects += $(O)/tests/guard/mutant-stack/tests/guard/one_stack.bpf.o

$(O)/tests/guard/one_stack.bpf.o $(O)/tests/guard/mutant-stack/tests/guard/one_stack.bpf.o: \
		tests/guard/one_stack.bpf.c
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) $(if $(findstring mutant,$@),-mllvm -no-stack-coloring) \
		-MMD -MP -MF $(@:.o=.d) -MT $@ -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm $@.tmp

$(O)/tests/guard/mutant-slow/guard-records: $(guard_records_sources)
	$(say) LINK $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) -O0 -std=gnu11 $^ -ljansson -o $@

.PHONY: guard guard-selftest guard-write guard-write-vm guard-programs
guard-programs: $(guard_programs) $(O)/iorace.bpf.o $(O)/iorace_by_helper.bpf.o \
	$(O)/tests/guard/one_stack.bpf.o

guard: guard-programs ## did an op get dearer? Counts, no clock (root, clang 16)
	$(Q)tests/guard/run $(GUARD_FLAGS) $(O) $(CLANG)

guard-selftest: guard-programs $(guard_mutants_objects) $(O)/tests/guard/mutant-slow/guard-records
	$(Q)tests/guard/selftest $(O) $(CLANG)

guard-write: guard-programs ## put the counts on record: review the diff
	$(Q)tests/guard/run --write $(O) $(CLANG)

guard-write-vm: guard-programs ## the same of the kernels in virtual machines
	$(Q)tests/guard/kernels --write $(O) $(CLANG) $(KERNELS)

CLANG_FORMAT ?= $(call first_found,clang-format-14 clang-format)
formatted = $(sort $(shell find bpf include tests user vmlinux -name '*.[ch]' \
	-not -path "tests/lint/samples/*"))

.PHONY: format format-check
format: ## lay out C as .clang-format says (version 14: others differ)
	$(CLANG_FORMAT) -i $(formatted)

format-check: ## say how many lines of which files `make format` would change
	$(Q)tests/lint/format-check $(CLANG_FORMAT) $(formatted)

# ---- the rest ------------------------------------------------------------------------------------

.PHONY: install
install: all ## install to $(prefix), default /usr/local
	install -D -m 755 $(O)/iorace $(DESTDIR)$(prefix)/sbin/iorace

.PHONY: clean
clean: ## remove what was built
	rm -rf $(O)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

-include $(shell find $(O) -name '*.d' 2>/dev/null)
