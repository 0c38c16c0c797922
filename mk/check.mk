# Tests, by how much they need.

.PHONY: quick unit
quick: unit ##the ten seconds without root: unit tests, simulation, corpus replay, layers, purity

unit: $(UNITS)
	@test/run-units $(UNITS)
