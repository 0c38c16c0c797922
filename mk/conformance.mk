.PHONY: conformance bench-mld
conformance: ##an MLD proxy held to RFC 3810 and 4605, as root: ARGS='--list', '--adapter NAME'
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s all >&2
	@BUILD=$(BUILD) test/conformance/run $(ARGS)

bench-mld: ##the plain MLD proxy measured, as root: ARGS=--json, ARGS=--quick
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s all $(BUILD)/bench/mld_load >&2
	@BUILD=$(BUILD) bench/mld $(ARGS)
