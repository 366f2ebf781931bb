# What there is to do here; "make help" lists it. Everything also works in a
# tree without version control.

GO          ?= go
SHARED      ?= ../shared
FUZZTIME    ?= 10s
IMAGE       ?= gosupervisor
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
COMMIT      := $(shell git describe --always --exclude '*' --abbrev=12 --dirty=+changes 2>/dev/null || echo unknown)
LDFLAGS     := -s -w -X gosupervisor/version.commit=$(COMMIT)
# As PID 1 the program is to lose no signal (early/entry.go), to ask for one is to take no
# thread (early/ask.go), and at rest the runtime is not to look for garbage (early/monitor.go).
# They know these processors and the runtime of this Go release: the tag builds them, and
# -checklinkname=0 lets them at its variables. Elsewhere it starts, and rests, as usual.
FIRST       := $(and $(filter amd64 arm64,$(shell $(GO) env GOARCH)),$(filter go1.26 go1.26.%,$(shell $(GO) env GOVERSION)))
LDFLAGS     += $(if $(FIRST),-E pid1_entry -checklinkname=0)
TAGS        := $(if $(FIRST),-tags=pid1)
# These packages go without inlining, which is smaller: nobody waits for them, or they
# spend their time in the kernel, as the loop's does. The core is asked by the loop alone.
SMALL       := $(patsubst %,-gcflags=%=-l,regexp/... encoding/... net/netip net/url net fmt time reflect os/... path/... \
               gosupervisor/conf gosupervisor/ctl gosupervisor/ctl/api gosupervisor/ctl/client gosupervisor/ctl/openssl gosupervisor/ctl/promtext \
               gosupervisor/daemon gosupervisor/daemon/core gosupervisor/daemon/metrics gosupervisor/daemon/page gosupervisor/daemon/initd gosupervisor/daemon/fcgi \
               gosupervisor/daemon/socket gosupervisor/proc/cgroup gosupervisor/proc/usage gosupervisor/proc/child gosupervisor/pidproxy \
               gosupervisor/relay gosupervisor/applet syscall golang.org/x/sys/unix github.com/...)
LDFLAGS     += -funcalign 16
NAMES       := supervisorctl echo_supervisord_conf pidproxy
QUICKSTART  := examples/quickstart/supervisord.conf

.DEFAULT_GOAL := build
.PHONY: build test race model fuzz integration parity lint bench gobench cover generate rootfs image quickstart check clean help

build: ## the static binary and its names, in bin/
	CGO_ENABLED=0 $(GO) build $(TAGS) $(SMALL) -trimpath -buildvcs=false -ldflags="$(LDFLAGS)" -o bin/supervisord .
	cd bin && for name in $(NAMES); do ln -sf supervisord $$name; done

quickstart: build ## start the example in the background and show its status
	@examples/quickstart/run.sh

check: ## install what the tests need (as root, with apt-get), then run them all
	@.ci/check

test: ## the tests of every package
	$(GO) test ./...

race: ## the same under the race detector
	$(GO) test -race ./...

model: ## the exhaustive search through the life of a process
	$(GO) test -count=1 -v -run Model ./proc

fuzz: ## every fuzz target, for FUZZTIME each
	@set -e; for package in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz' || true); do \
	    echo "$$package $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package; \
	  done; done

integration: build ## the built binary from outside: real services, containers, namespaces
	cd integration && $(GO) test -timeout 20m ./...

parity: build ## ours beside the original, scenario by scenario
	python3 .ci/parity.py $(SHARED)/scenarios

lint: ## gofmt, go vet, staticcheck
	@test -z "$$(gofmt -l .)" || { echo "not formatted:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) vet $(TAGS) ./early
	$(GO) run $(STATICCHECK) ./...
	cd integration && $(GO) vet ./... && $(GO) run $(STATICCHECK) ./...

bench: build ## beside the peers that are installed, as root; RUN=expression for some rows, OUT=file for the document
	cd integration && $(GO) build -o ../bin/bench ./bench
	bin/bench -bin bin $(if $(RUN),-run '$(RUN)') $(if $(OUT),-o $(OUT))

gobench: ## benchmarks of the packages, into bench.out, for benchstat
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./... | tee bench.out

cover: ## what the tests reach
	$(GO) test -coverprofile=cover.out ./...
	$(GO) tool cover -func=cover.out | tail -n 1

generate: ## the documents that are made from the code
	$(GO) generate ./...

rootfs: build ## the file tree of the image, in dist/rootfs
	rm -rf dist/rootfs
	mkdir -p dist/rootfs/usr/bin dist/rootfs/etc/supervisor/conf.d dist/rootfs/run
	chmod 1777 dist/rootfs/run
	cp bin/supervisord dist/rootfs/usr/bin/
	dist/rootfs/usr/bin/supervisord --install dist/rootfs/usr/bin
	cp examples/image/supervisord.conf dist/rootfs/etc/

image: ## the container image, also where no registry can be reached
	@.ci/image $(IMAGE)

clean: ## remove what was built
	rm -rf bin dist *.out

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-12s %s\n", $$1, $$2 }' Makefile
