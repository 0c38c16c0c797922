# Fuzzing: test/fuzz/fuzz_X.c with the seeds in test/fuzz/corpus/X/.

FUZZ_BUILD := $(BUILD)-fuzz
T    ?= mh
SECS ?= 60

.PHONY: fuzz corpus
fuzz: ##search for crashes with libFuzzer (clang): T=mh, mld, nd or ip6, SECS=60
	@$(MAKE) --no-print-directory BUILD=$(FUZZ_BUILD) CC=$(CLANG) LIBFUZZER=1 SAN=address,undefined \
		CFLAGS='$(CFLAGS) -fsanitize=fuzzer-no-link' $(FUZZ_BUILD)/fuzz/fuzz_$(T)
	@mkdir -p $(FUZZ_BUILD)/found/$(T)
	$(FUZZ_BUILD)/fuzz/fuzz_$(T) -max_total_time=$(SECS) -max_len=2048 -timeout=5 -print_final_stats=1 \
		-artifact_prefix=$(FUZZ_BUILD)/found/$(T)- $(FUZZ_BUILD)/found/$(T) test/fuzz/corpus/$(T)

# What was found once is looked at again in every quick run.
corpus: $(FUZZERS) ##replay the seeds of all fuzz targets
	@passed=0; failed=0; \
	for f in $(FUZZERS); do \
		t=$${f##*/fuzz_}; \
		if out=$$($$f test/fuzz/corpus/$$t 2>$$f.log); then :; else \
			echo "corpus/$$t: $$(tail -n 1 $$f.log)" >&2; out="$${out:-0 passed, 1 failed}"; \
		fi; \
		passed=$$((passed + $$(echo "$$out" | awk '{print $$1}'))); \
		failed=$$((failed + $$(echo "$$out" | awk '{print $$3}'))); \
	done; \
	echo "$$passed passed, $$failed failed"; [ $$failed -eq 0 ]
