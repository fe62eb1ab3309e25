# make            builds the program (target/release/imagespam-milter)
# make demo       a throw-away Postfix with the daemon behind it, and messages through it
# make test       formatting, clippy, unit, protocol, Postfix and Sendmail tests
# make bench      speed beside its peers and bare loops, as a table: BENCHMARKS.md
# make deb        the Debian package, in build/deb
# make release    package, source, bill of materials and checksums, in build/release
# make install    for packagers: DESTDIR=… PREFIX=/usr UNITDIR=…

PREFIX ?= /usr/local
UNITDIR ?= /usr/lib/systemd/system
ORT := build/onnxruntime
CARGO ?= cargo
PYTHON ?= python3
export ORT_DYLIB_PATH := $(abspath $(ORT)/libonnxruntime.so)

.PHONY: all
all:
	$(CARGO) build --release --locked

# Installs what is missing where it may; see the scripts.
.PHONY: tools
tools:
	tests/install-tools
	packaging/get-onnxruntime $(ORT)

.PHONY: demo
demo: tools all
	tests/postfix/demo

.PHONY: test
test: tools
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) test --locked

# What scan says of the pictures under DATA, and pictures a second beside the bare ONNX Runtime. PYTHON needs models/requirements.txt.
.PHONY: figures
figures: all
	packaging/get-onnxruntime $(ORT)
	$(PYTHON) models/figures.py target/release/imagespam-milter $(DATA)

# PICTURES=FOLDER: other pictures than those of Debian packages. As root, for the peers.
.PHONY: bench
bench: tools
	benches/run BENCHMARKS.md $(PICTURES)

.PHONY: deb
deb: tools
	packaging/deb build/deb

.PHONY: release
release: tools
	packaging/release build/release

.PHONY: install
install: all
	packaging/get-onnxruntime $(ORT)
	install -D -m 755 target/release/imagespam-milter $(DESTDIR)$(PREFIX)/sbin/imagespam-milter
	install -D -m 644 $(ORT)/libonnxruntime.so $(DESTDIR)/usr/lib/imagespam-milter/libonnxruntime.so
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/models/resnet50-thin models/resnet50-thin/*
	[ -e $(DESTDIR)/etc/imagespam-milter/imagespam-milter.toml ] || \
	  install -D -m 644 conf/imagespam-milter.toml $(DESTDIR)/etc/imagespam-milter/imagespam-milter.toml
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/*
	sed -i 's|/usr/local/sbin|$(PREFIX)/sbin|' $(DESTDIR)$(UNITDIR)/imagespam-milter*.service
	target/release/imagespam-milter manuals build/manuals
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man8 build/manuals/*.8
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man5 build/manuals/*.5
	install -D -m 644 build/manuals/imagespam-milter.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/imagespam-milter
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions build/manuals/_imagespam-milter
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d build/manuals/imagespam-milter.fish
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/doc/imagespam-milter README.md CHANGELOG.md docs/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/dovecot conf/dovecot/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/grafana conf/grafana/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/exim conf/exim/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/rspamd conf/rspamd/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/sieve conf/sieve/*
	install -D -m 644 -t $(DESTDIR)/usr/share/imagespam-milter/spamassassin conf/spamassassin/*
	chmod 755 $(DESTDIR)/usr/share/imagespam-milter/dovecot/imagespam-report
