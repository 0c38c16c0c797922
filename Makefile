# Roamcast. `make help` lists what there is.
#
# One non-recursive makefile: every folder of src/ is a library, in the order of LAYERS, and may use only
# the folders before it (tools/layers says which). A file x_test.c beside x.c is a unit test; it links the
# libraries up to its own folder, which proves the order.

BUILD   ?= build
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang
AR      ?= ar
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PREFIX  ?= /usr
DESTDIR ?=
SAN     ?=
WERROR  ?= -Werror
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)

VERSION := 0.1.0
LAYERS  := base wire fx seam mld policy proxy mldproxy lma mag conf store dp io show lab
ENGINES := base wire fx seam mld policy proxy mldproxy lma mag
PROGRAMS:= roamcastd roamcast

PKGS    := libevent_core libevent_extra libmnl yaml-0.1 jansson sqlite3 libcap-ng libbpf
# The front targets install first and then call make again.
ifneq ($(filter-out deps help clean check demo bench bench-mld bench-handover,$(or $(MAKECMDGOALS),all)),)
NEEDED  := $(PKGS) $(if $(filter unit do-check do-quick,$(MAKECMDGOALS)),cmocka)
MISSING := $(shell for p in $(NEEDED); do pkg-config --exists $$p 2>/dev/null || printf '%s ' $$p; done)
ifneq ($(MISSING),)
$(error these libraries are missing: $(MISSING)- `make deps` installs them on Debian)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
endif

WARN    := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum -Wvla -Wundef \
           -Wimplicit-fallthrough -Wpointer-arith -Wwrite-strings $(WERROR)
OPT     ?= $(if $(SAN),-O1 -g,-O2 -g)
CFLAGS_ := -std=gnu11 $(OPT) $(WARN) -D_GNU_SOURCE -DROAMCAST_VERSION='"$(VERSION)"' -Isrc -I$(BUILD)/gen \
           -fno-strict-aliasing -fstack-protector-strong $(PKG_CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) $(CFLAGS)
LDFLAGS_:= $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)
LIBS    := $(PKG_LIBS) -lm

srcs     = $(filter-out %_test.c,$(wildcard src/$(1)/*.c))
objs     = $(patsubst %.c,$(BUILD)/%.o,$(call srcs,$(1)))
upto     = $(if $(filter $(1),$(LAYERS)),$(shell for l in $(LAYERS); do echo $$l; [ $$l = $(1) ] && break; done),$(LAYERS))
reverse  = $(if $(1),$(call reverse,$(wordlist 2,$(words $(1)),$(1))) $(firstword $(1)))
libs     = $(foreach l,$(call reverse,$(1)),$(if $(call srcs,$(l)),$(BUILD)/lib/$(l).a))

BPF_SRC  := $(wildcard src/bpf/*.bpf.c)
BPF_SKEL := $(patsubst src/bpf/%.bpf.c,$(BUILD)/gen/%.skel.h,$(BPF_SRC))
BINS     := $(foreach p,$(PROGRAMS),$(if $(wildcard src/$(p)/*.c),$(BUILD)/$(p)))
UNITS    := $(patsubst src/%_test.c,$(BUILD)/unit/%,$(wildcard src/*/*_test.c))
TOOLS_T  := $(patsubst test/tools/%.c,$(BUILD)/tools/%,$(wildcard test/tools/*.c))
BENCHES  := $(patsubst bench/%.c,$(BUILD)/bench/%,$(wildcard bench/*.c))
FUZZERS  := $(patsubst test/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard test/fuzz/fuzz_*.c))

.PHONY: all
all: $(BINS) ##build the programs into build/

# ---- rules -------------------------------------------------------------------------------------------
$(BUILD)/src/%.o: src/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_) -MMD -MP -c -o $@ $<

$(call objs,dp): $(BPF_SKEL)

define lib_rule
$(BUILD)/lib/$(1).a: $(call objs,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$(Q)$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call lib_rule,$(l))))

define prog_rule
$(BUILD)/$(1): $(call objs,$(1)) $(call libs,$(LAYERS))
	@echo "  LINK  $$@"
	$(Q)$(CC) $(CFLAGS_) $(LDFLAGS_) -o $$@ $$^ $(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call prog_rule,$(p))))

# A unit test may read the statics of its own x.c? No: it tests the header's face.
define unit_rule
$(BUILD)/unit/$(1): src/$(1)_test.c $(call libs,$(call upto,$(patsubst %/,%,$(dir $(1)))))
	@mkdir -p $$(@D)
	@echo "  TEST  $(1)"
	$(Q)$(CC) $(CFLAGS_) $(LDFLAGS_) -MMD -MP -MF $$@.d -o $$@ $$(filter-out %.h,$$^) $(LIBS) -lcmocka
endef
$(foreach u,$(UNITS:$(BUILD)/unit/%=%),$(eval $(call unit_rule,$(u))))

$(BUILD)/tools/%: test/tools/%.c $(call libs,$(LAYERS))
	@mkdir -p $(@D)
	@echo "  TOOL  $@"
	$(Q)$(CC) $(CFLAGS_) $(LDFLAGS_) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

$(BUILD)/bench/%: bench/%.c $(call libs,$(LAYERS))
	@mkdir -p $(@D)
	@echo "  BENCH $@"
	$(Q)$(CC) $(CFLAGS_) $(LDFLAGS_) -MMD -MP -MF $@.d -o $@ $(filter-out %.h,$^) $(LIBS)

# The simulation: all of test/sim/ is one program over the engines alone.
$(BUILD)/sim: $(wildcard test/sim/*.c test/sim/*.h) $(call libs,$(ENGINES))
	@echo "  LINK  $@"
	$(Q)$(CC) $(CFLAGS_) -Itest/sim $(LDFLAGS_) -o $@ $(filter-out %.h,$^) -lm

# Fuzz targets: with libFuzzer (clang) to search, or with a driver that replays the corpus.
$(BUILD)/fuzz/%: test/fuzz/%.c $(wildcard test/fuzz/driver/*.c) $(call libs,$(ENGINES))
	@mkdir -p $(@D)
	@echo "  FUZZ  $@"
	$(Q)$(CC) $(CFLAGS_) $(LDFLAGS_) $(if $(LIBFUZZER),-fsanitize=fuzzer) -MMD -MP -MF $@.d -o $@ $(filter-out %.h $(if $(LIBFUZZER),test/fuzz/driver/%),$^) -lm

$(BUILD)/gen/%.bpf.o: src/bpf/%.bpf.c $(wildcard src/bpf/*.h)
	@mkdir -p $(@D)
	@echo "  BPF   $<"
	$(Q)$(CLANG) -target bpf -O2 -g -Wall -Wextra $(WERROR) -Wno-unused-parameter -Isrc -I/usr/include/$(shell gcc -dumpmachine) -c -o $@.tmp $<
	$(Q)$(BPFTOOL) gen object $@ $@.tmp
$(BUILD)/gen/%.skel.h: $(BUILD)/gen/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $(notdir $*)_bpf > $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
include mk/*.mk
