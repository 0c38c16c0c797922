# The eBPF programs: 32-bit operations in half the instructions, and atomic ones that answer (Linux 5.12).
$(BUILD)/gen/%.bpf.o: CLANG += -mcpu=v3
