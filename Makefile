# SPDX-License-Identifier: Apache-2.0
# Rules, and the list of folders; what is built from what is listed in each folder's local.mk.
#
#   make              everything into build/
#   make run          a chat on a throw-away home in build/run (set-up included)
#   make check        every test (set-up included)
#   make bench        the budgets, each against a floor measured in the same run
#   make fuzz         every fuzz target, FUZZ_SECONDS each
#   make lint         static analysis and man page syntax
#   make install      DESTDIR= PREFIX=/usr/local; make uninstall with the same takes it away again
#   make repro        build twice in two places and compare the bytes
#   make SAN=address,undefined check    the same under sanitizers, in a build folder of its own
#   make V=1 ...      shows the commands whole

ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
endif

V        ?=
Q        := $(if $(V),,@)
say       = @$(if $(V),:,echo "$(1)")
CC       ?= cc
PREFIX   ?= /usr/local
SAN      ?=
empty    :=
comma    := ,
space    := $(empty) $(empty)
BUILD    ?= build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
FUZZ_SECONDS ?= 60
VERSION  := 0.1.0
export SOURCE_DATE_EPOCH ?= 1767225600

OPT      ?= -O2
WARN     := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wno-format-nonliteral -Wno-unused-parameter
HARDEN   := -fstack-protector-strong -fPIE $(if $(SAN),,-D_FORTIFY_SOURCE=2)
CFLAGS   += -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) -ffile-prefix-map=$(CURDIR)=. -ffunction-sections -fdata-sections
CPPFLAGS += -I. -D_GNU_SOURCE -DALPI_VERSION='"$(VERSION)"'
LDFLAGS  += -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed -Wl,--gc-sections -Wl,--build-id=none
ifneq ($(SAN),)
CFLAGS   += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(SAN)
endif

# Where a program goes: the command into bin, the daemons into libexec.
BIN      := $(BUILD)/bin
LIBEXEC  := $(BUILD)/libexec/alpi
OBJ      := $(BUILD)/obj
LIB      := $(BUILD)/lib

# Filled by the fragments. A program NAME has NAME.SRCS (its main file first), NAME.LIBS and NAME.DIR.
PROGS    :=
LIBSRCS  :=
UNIT     :=
FUZZ     :=
TOOLS    :=

include proto/local.mk common/local.mk
include init/local.mk plan/local.mk engined/local.mk toolrunner/local.mk hostd/local.mk alpd/local.mk scheduled/local.mk gatewayd/local.mk cli/local.mk unpack/local.mk
include tests/local.mk

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps test-deps clean check unit flow run bench fuzz lint install uninstall repro

# ---- compile ---------------------------------------------------------------------------------

# A changed compiler or flag rebuilds everything.
FLAGS_NOW := $(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(shell mkdir -p $(BUILD) && printf '%s\n' '$(subst ','"'"',$(FLAGS_NOW))' | cmp -s - $(BUILD)/flags || \
	printf '%s\n' '$(subst ','"'"',$(FLAGS_NOW))' > $(BUILD)/flags)

define compile
	@mkdir -p $(@D)
	$(call say,compile $<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
endef

$(OBJ)/%.o: %.c $(BUILD)/flags | deps
	$(compile)

$(OBJ)/tests/%.o: tests/%.c $(BUILD)/flags | test-deps
	$(compile)

define archive
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rcsD $@ $(filter %.o,$^)
endef

$(LIB)/libcommon.a: $(LIBSRCS:%.c=$(OBJ)/%.o)
	$(archive)

# Everything of a program but its main file is an archive too, so that tests can link it.
define program_rules
$(1)_MAIN := $$(firstword $$($(1).SRCS))
$(1)_REST := $$(wordlist 2,999,$$($(1).SRCS))
$$(LIB)/lib$(1).a: $$($(1)_REST:%.c=$$(OBJ)/%.o)
	$$(archive)
$$($(1).DIR)/$(1): $$($(1)_MAIN:%.c=$$(OBJ)/%.o) $$(if $$($(1)_REST),$$(LIB)/lib$(1).a) $$(if $$(filter none,$$($(1).COMMON)),,$$(LIB)/libcommon.a)
	@mkdir -p $$(@D)
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$($(1).LIBS:%=-l%)
all: $$($(1).DIR)/$(1)
endef
$(foreach p,$(PROGS),$(eval $(call program_rules,$(p))))

# The man pages are also in the program, for the tool alpi_knowledge.
PAGES := README.md $(wildcard docs/*.[1578])
$(BUILD)/gen/engined/pages.inc: docs/pages.sh $(PAGES) | deps
	@mkdir -p $(@D)
	$(Q)docs/pages.sh $(PAGES) > $@
$(OBJ)/engined/knowledge.o: CPPFLAGS += -I$(BUILD)/gen
$(OBJ)/engined/knowledge.o: $(BUILD)/gen/engined/pages.inc

# UNIT and FUZZ rows read test:program[:more libraries]; "common" for modules of common/ alone.
part = $(word $(1),$(subst :, ,$(2)))
libs_of = $(if $(filter common,$(1)),,$(LIB)/lib$(1).a) $(LIB)/libcommon.a
ldlibs_of = $(sort $(common.LIBS) $(if $(filter common,$(1)),,$($(1).LIBS)))

define unit_rules
$$(BUILD)/tests/test_$(call part,1,$(1)): $$(OBJ)/tests/unit/test_$(call part,1,$(1)).o $$(OBJ)/tests/check.o $(call libs_of,$(call part,2,$(1)))
	@mkdir -p $$(@D)
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(foreach l,$(call ldlibs_of,$(call part,2,$(1))) cmocka,-l$$(l))
unit-bins: $$(BUILD)/tests/test_$(call part,1,$(1))
endef
$(foreach t,$(UNIT),$(eval $(call unit_rules,$(t))))

# Every fuzz target also exists as a plain program that replays its corpus, with any compiler.
define fuzz_rules
$$(BUILD)/tests/replay_$(call part,1,$(1)): $$(OBJ)/tests/fuzz/fuzz_$(call part,1,$(1)).o $$(OBJ)/tests/fuzz/replay.o $(call libs_of,$(call part,2,$(1)))
	@mkdir -p $$(@D)
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(foreach l,$(call ldlibs_of,$(call part,2,$(1))),-l$$(l))
unit-bins: $$(BUILD)/tests/replay_$(call part,1,$(1))
$$(BUILD)/fuzz/fuzz_$(call part,1,$(1)): $$(OBJ)/tests/fuzz/fuzz_$(call part,1,$(1)).o $(call libs_of,$(call part,2,$(1)))
	@mkdir -p $$(@D)
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(foreach l,$(call ldlibs_of,$(call part,2,$(1))),-l$$(l))
fuzz-bins: $$(BUILD)/fuzz/fuzz_$(call part,1,$(1))
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz_rules,$(t))))

# TOOLS rows read path:program: what the tests and the bench run beside the daemons. NAME.MORE lists further files of one.
define tool_rules
$$(BUILD)/tests/$(notdir $(call part,1,$(1))): $$(OBJ)/tests/$(call part,1,$(1)).o $$($(notdir $(call part,1,$(1))).MORE:%.c=$$(OBJ)/tests/%.o) $(call libs_of,$(call part,2,$(1)))
	@mkdir -p $$(@D)
	$$(call say,link $$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$(filter %.o,$$^) $$(filter %.a,$$^) $$(foreach l,$(call ldlibs_of,$(call part,2,$(1))),-l$$(l))
tool-bins: $$(BUILD)/tests/$(notdir $(call part,1,$(1)))
endef
$(foreach t,$(TOOLS),$(eval $(call tool_rules,$(t))))
unit-bins: tool-bins

.PHONY: unit-bins fuzz-bins tool-bins
-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

# ---- the commands ----------------------------------------------------------------------------

deps:
	@packaging/deps.sh $(BUILD)

test-deps: deps
	@packaging/deps.sh $(BUILD) test

run: all
	@packaging/run.sh $(BUILD)

check: all unit-bins
	@tests/run.sh $(BUILD)

unit: unit-bins
	@tests/run.sh $(BUILD) unit

flow: all tool-bins
	@tests/run.sh $(BUILD) flow

bench: all tool-bins
	@tests/bench/run.sh $(BUILD)

fuzz: test-deps
	@packaging/deps.sh $(BUILD) lint
	@packaging/deps.sh $(BUILD) fuzz
	@tests/fuzz/run.sh $(FUZZ_SECONDS) $(foreach t,$(FUZZ),$(call part,1,$(t)))

lint: test-deps
	@packaging/deps.sh $(BUILD) lint
	@packaging/lint.sh

install: all
	@packaging/install.sh $(BUILD) "$(DESTDIR)" "$(PREFIX)"

uninstall:
	@packaging/uninstall.sh "$(DESTDIR)" "$(PREFIX)"

repro: deps
	@packaging/repro.sh

clean:
	rm -rf build
