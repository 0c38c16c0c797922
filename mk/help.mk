.PHONY: help clean
help: ##this list
	@echo "Roamcast: Proxy Mobile IPv6 with multicast. The front door:"
	@awk '/^[a-z][a-z-]*:.*##/ {name = $$0; sub(/:.*/, "", name); text = $$0; sub(/.*##/, "", text); printf "  make %-14s %s\n", name, text}' $(MAKEFILE_LIST)
	@echo "Options: V=1 shows commands, BUILD=dir, CC=clang, SAN=address,undefined."

clean: ##remove what was built
	rm -rf $(BUILD) build-clang build-san
