.PHONY: bench do-bench bench-tools
bench: ##measurements as ratios against a baseline beside them, as root: ARGS=--json
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s do-bench ARGS='$(ARGS)'

# what is built on the way is not part of the measurements
do-bench:
	@$(MAKE) --no-print-directory -s bench-tools >&2
	@BUILD=$(BUILD) bench/run $(ARGS)

bench-tools: all $(TOOLS_T) $(BENCHES)
