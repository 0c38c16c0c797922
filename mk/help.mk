.PHONY: help clean
help: ##this list
	@awk 'FNR==1{} /^[a-z][a-z-]*:.*##/ {split($$0,a,":"); sub(/.*##/,""); printf "  make %-18s %s\n", a[1], $$0}' $(MAKEFILE_LIST)

clean: ##remove what was built
	rm -rf $(BUILD)
