.PHONY: demo
ARGS ?=
demo: ##a whole domain before your eyes, as root: ARGS=--json, ARGS=--video
	@tools/deps $(if $(findstring --video,$(ARGS)),all,demo) >&2
	@$(MAKE) --no-print-directory -s all >&2
	@$(BUILD)/roamcast demo $(ARGS)
