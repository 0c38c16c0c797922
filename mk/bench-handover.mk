.PHONY: bench-handover
test-tools: $(BUILD)/bench/handover_probe
bench-handover: ##handovers measured, as root: ARGS=--json, ARGS=--quick, ARGS=--help
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s all $(BUILD)/bench/handover_probe >&2
	@BUILD=$(BUILD) bench/handover $(ARGS)
