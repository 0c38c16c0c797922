# Tests, by how much they need. What counts ends with a line `N passed, N failed`.

.PHONY: check quick do-check do-quick unit layers purity sim documents test-tools deps
check: ##everything, as root: installs what it needs, builds, runs all tests
	@tools/deps test
	@$(MAKE) --no-print-directory do-check

quick: ##ten seconds without root: unit tests, simulation, fuzz corpus, layers, purity
	@$(MAKE) --no-print-directory do-quick

deps: ##install what building, testing and the demonstration need (Debian 12)
	@tools/deps all

do-check: ; @test/run-all check
do-quick: ; @test/run-all quick

unit: $(UNITS) ##the unit tests alone
	@test/run-units $(UNITS)

layers:
	@tools/layers

purity: $(foreach l,$(ENGINES),$(BUILD)/lib/$(l).a)
	@tools/purity $^

RUNS ?= 300
SEED ?=
sim: $(BUILD)/sim ##simulated domains in virtual time: RUNS=n, or SEED=n to repeat one
	@$(BUILD)/sim $(if $(SEED),--seed $(SEED) --verbose,--runs $(RUNS))

documents: all ##hold man pages, links and the map from the RFCs against the tree
	@test/documents

test-tools: all $(TOOLS_T)
