.PHONY: install
install: all ##into $(DESTDIR)$(PREFIX): programs, man pages, documents, examples, unit, completion
	install -D -m 755 $(BUILD)/roamcastd $(DESTDIR)$(PREFIX)/sbin/roamcastd
	install -D -m 755 $(BUILD)/roamcast $(DESTDIR)$(PREFIX)/bin/roamcast
	for m in man/*.8; do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man8/$${m##*/}; done
	for m in man/*.5; do install -D -m 644 $$m $(DESTDIR)$(PREFIX)/share/man/man5/$${m##*/}; done
	for e in examples/*.yaml; do install -D -m 644 $$e $(DESTDIR)$(PREFIX)/share/doc/roamcast/examples/$${e##*/}; done
	for d in README.md LICENSE docs/*.md; do install -D -m 644 $$d $(DESTDIR)$(PREFIX)/share/doc/roamcast/$$d; done
	install -D -m 644 systemd/roamcastd.service $(DESTDIR)/lib/systemd/system/roamcastd.service
	install -D -m 644 completion/roamcast.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/roamcast
