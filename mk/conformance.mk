.PHONY: conformance
conformance: ##an MLD proxy held to RFC 3810 and 4605, as root: ARGS='--list', '--adapter NAME'
	@tools/deps test >&2
	@$(MAKE) --no-print-directory -s all >&2
	@BUILD=$(BUILD) test/conformance/run $(ARGS)

