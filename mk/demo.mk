.PHONY: demo do-demo
ARGS ?=
demo: ##a whole domain before your eyes, as root: ARGS=--json, ARGS=--video
	@tools/deps $(if $(findstring --video,$(ARGS)),all,demo) >&2
	@$(MAKE) --no-print-directory -s do-demo ARGS='$(ARGS)'

do-demo: all
	@$(BUILD)/roamcast demo $(ARGS)
