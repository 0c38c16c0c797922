.PHONY: bench do-bench
bench: ##measurements as ratios against a baseline beside them, as root: ARGS=--json
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s do-bench ARGS='$(ARGS)'

do-bench: all $(TOOLS_T) $(BENCHES)
	@BUILD=$(BUILD) bench/run $(ARGS)
