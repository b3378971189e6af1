# The Rust side builds into target/, the Java side into */build/, the rest into build/.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))/release
LIBRARY := $(TARGET)/libmodel_failover.$(if $(filter Darwin,$(shell uname -s)),dylib,so)
BUNDLE := $(CURDIR)/java-shim/build/libs/model-failover-$(VERSION).jar
DRIVER_CLASSPATH := tests/gateway/build/driver-classpath.txt
CARGO_FLAGS ?= --locked
GRADLE_FLAGS ?=

# JAVA_HOME, JAVA, GRADLE, CARGO and a PATH with them; for help and clean nothing is looked for.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
ifneq ($(shell tools/toolchain.sh build/toolchain.mk >&2 && echo found),found)
$(error the toolchain is not complete)
endif
include build/toolchain.mk
endif

GRADLEW = $(GRADLE) --no-daemon -q -PtestJava=$(JAVA) -PnativeLibrary=$(LIBRARY) -Dprovider.binary=$(PROVIDER_BINARY) $(GRADLE_FLAGS)
export PROVIDER_BINARY := $(TARGET)/simulated-provider

.PHONY: help demo test test-java test-newer-java test-rust test-fuzz fuzz test-gateway test-sdk test-host test-apimanager test-comparison test-bundle test-install test-monitoring
.PHONY: soak attack lint fmt dist dist-all bench bench-healthy bench-failures bench-start bench-isolation bench-smoke bench-page bench-streams load compare providers clean native natives python bundle driver
.NOTPARALLEL:

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'One test of each kind:'
	@echo '  make test-rust ONLY=wire TEST=a_missing_model           Rust: a crate by its folder, a part of a name'
	@echo '  make test-gateway GRADLE_FLAGS=-Ponly=FaultTest         the gateway: a part of a class name'
	@echo '  make test-gateway GRADLE_FLAGS="-Ponly=Scenario -Dgateway.scenario=hints-3"   a scenario by its id'
	@echo '  make test-sdk GRADLE_FLAGS="-Dsdk=python -Dfault=stall" an SDK, a fault'

demo: driver ## failover in front of you, step by step; KEEP=1 leaves everything up, ONLY=words picks steps
	@KEEP=$(KEEP) ONLY="$(ONLY)" $(JAVA) -Dprovider.binary=$(PROVIDER_BINARY) -cp "$$(cat $(DRIVER_CLASSPATH))" \
	    org.modelfailover.gateway.demo.Story

TESTS = $(GRADLEW) -PcomparisonCheck -Dsoak.seconds=40 -Dnative.test.library.dir=$(TARGET)/../debug -Dsdk.python=$(CURDIR)/build/python/bin/python
test: test-rust test-fuzz test-java test-install test-monitoring ## all tests

# One Gradle for all of them: it takes seconds to start.
test-java: natives python ## all tests in Java
	$(TESTS) --continue :gateway:gatewayTest :sdk:sdkTest :host:hostTest :apimanager:apimanagerTest \
	    :apimanager:wso2EngineTest :comparison:compare :bundle:bundleTest :robustness:soak

test-newer-java: ## the tests in Java once more, on the newest JDK that is installed
ifeq ($(NEWER_JAVA),)
	@echo "No JDK is installed that is newer than $(JAVA)"
else
	$(MAKE) test-java JAVA=$(NEWER_JAVA)
endif

# A package by the name of its folder.
PACKAGE = $(or $(filter bounds load isolation page,$(ONLY)),$(if $(filter provider,$(ONLY)),simulated-provider,failover-$(ONLY)))
test-rust: ## the native executor and the simulated provider; ONLY=wire takes one crate, TEST=word a part of tests' names
ifeq ($(ONLY),)
	$(CARGO) test --workspace $(CARGO_FLAGS) $(TEST)
	$(CARGO) test $(CARGO_FLAGS) -p failover-suspension --features loom --test interleavings $(TEST)
	$(CARGO) test --release $(CARGO_FLAGS) -p bounds $(TEST)
else
	$(CARGO) test $(CARGO_FLAGS) $(if $(filter bounds,$(ONLY)),--release) -p $(PACKAGE) $(TEST)
endif

test-fuzz: ## a few seconds of fuzzing, from what is known to be hard
	tools/fuzz.sh 20

fuzz: ## the readers of what peers send under libFuzzer, MINUTES=30 in all; WRITE=1 writes docs/fuzzing.md
	$(if $(WRITE),PAGE=docs/fuzzing.md) tools/fuzz.sh $$(($(or $(MINUTES),30) * 60))

test-gateway: natives ## the shim and the native library inside an embedded gateway
	$(TESTS) :gateway:gatewayTest

test-sdk: native python ## the providers' own client libraries through the gateway
	$(TESTS) :sdk:sdkTest

test-host: ## the policy's files, judged by API Manager's own code
	$(TESTS) :host:hostTest

test-apimanager: native ## the gateway with API Manager's own handlers, signers and providers; docs/providers.md still holds
	$(TESTS) :apimanager:apimanagerTest :apimanager:wso2EngineTest

test-comparison: native ## docs/comparison.md still says what happens
	$(TESTS) :comparison:compare

test-bundle: native ## the OSGi bundle with the hosts' package versions
	$(TESTS) :bundle:bundleTest

PROMETHEUS = $(shell tools/debian.sh build/prometheus prometheus usr/bin)
test-monitoring: natives ## alerts, dashboard and exporter rules; a gateway scraped by Prometheus, its page in Chromium
	packaging/test-monitoring.sh "$(PROMETHEUS)"
	$(TESTS) -Dgateway.prometheus="$(PROMETHEUS)" -Dgateway.chromium="$$(tools/chromium.sh)" "-Ponly=(Prometheus|Page|Agents)Test" :gateway:gatewayTest

test-install: bundle ## the archive's install.sh on a home shaped like API Manager's, policies.sh on a stand-in for its REST API
	packaging/test-install.sh $(BUNDLE)
	packaging/test-policies.sh

SOAK_SECONDS = $(shell awk 'BEGIN { print int($(or $(MINUTES),1) * 60) }')
PAGE = $(if $(WRITE),-D$@.page=$(CURDIR)/docs/$(1))
soak: native ## random faults, aborts, redeployments and restarts for MINUTES=1; SEED=… repeats a run, WRITE=1 writes docs/soak.md
	$(GRADLEW) -Dsoak.seconds=$(SOAK_SECONDS) $(if $(SEED),-Dsoak.seed=$(SEED)) $(call PAGE,soak.md) :robustness:soak

attack: native ## what one client or provider can do to the others, some minutes; ONLY=word picks, WRITE=1 writes docs/robustness.md
	$(GRADLEW) $(if $(ONLY),-Dattack.only="$(ONLY)") $(call PAGE,robustness.md) :robustness:attack

lint: ## formats, clippy, cargo-deny (DENY_REQUIRED=1: must be there), shellcheck, one list of API Manager versions
	tools/lint.sh "$(GRADLEW)" "$(CARGO_FLAGS)"

fmt: ## formats the Rust and the Java sources
	$(CARGO) fmt --all
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml
	$(GRADLEW) formatJava

dist: bundle ## the installable archive, in build/dist/
	packaging/build-dist.sh $(VERSION) $(BUNDLE) build/dist

# In a folder of its own, so that make dist stays what it is for this machine.
dist-all: ## the release, for four platforms: archives, checksums, SBOMs, in build/release/
	tools/cross.sh build/native
	build/cross/bin/python packaging/inventory.py build/inventory
	$(GRADLEW) -PnativeLibraries=$(CURDIR)/build/native -PthirdParty=$(CURDIR)/build/inventory/THIRD-PARTY.txt :java-shim:jar
	packaging/build-dist.sh $(VERSION) java-shim/build/release/$(notdir $(BUNDLE)) build/release build/inventory build/native
	packaging/test-release.sh build/release $(VERSION)

bench: driver ## throughput with and without the policy
	tools/wrk.sh
	benches/throughput.sh

# Where there is no Envoy for this machine, ENVOY is empty and it is left out.
BENCH = ENVOY="$${ENVOY-$$(tools/envoy.sh build/envoy)}" LOAD_BINARY=$(TARGET)/load ROUNDS=$(ROUNDS) ROUND_SECONDS=$(SECONDS) ONLY='$(ONLY)'
bench-healthy: load ## CPU, throughput and delay when nothing fails, beside send and Envoy; ROUNDS=5 SECONDS=3 ONLY=regex
	$(BENCH) benches/healthy.sh

bench-failures: load ## what a failure costs: first failure, failover on every request, suspended, recovery, silent
	$(BENCH) benches/failures.sh

bench-start: load ## time, memory and threads of APIS=1000 APIs with the policy
	$(BENCH) APIS=$(or $(APIS),1000) benches/start.sh

bench-isolation: ## decision, request scan, chunks and hints by themselves, beside other circuit breakers; ONLY=regex
	CARGO=$(CARGO) CARGO_FLAGS="$(CARGO_FLAGS)" ROUND_SECONDS=$(SECONDS) ONLY='$(ONLY)' benches/isolation.sh

bench-smoke: load ## each bench for seconds: that they work, not how fast anything is
	$(CARGO) bench --no-run $(CARGO_FLAGS) -p isolation
	$(CARGO) build $(CARGO_FLAGS) -p page
	$(BENCH) CARGO=$(CARGO) CARGO_FLAGS="$(CARGO_FLAGS)" PAGE_BINARY=$(TARGET)/../debug/page benches/smoke.sh

bench-page: ## writes docs/performance.md and its plots from benches/results
	$(CARGO) run -q $(CARGO_FLAGS) -p page -- benches/results docs/performance.md

bench-streams: load ## what ten thousand event streams at once cost, and their added latency
	LOAD_BINARY=$(TARGET)/load benches/streams.sh

providers: native ## writes docs/providers.md: what the policy does for each AI service provider
	$(GRADLEW) -PwriteProviders -Ponly=ProvidersTableTest :apimanager:apimanagerTest

compare: native ## writes docs/comparison.md: this policy beside the built-in one
	$(GRADLEW) :comparison:compare

clean: ## removes everything that was built
	rm -rf target build .gradle java-shim/build tests/*/build

# One by one: built together, the library would be given what the provider alone needs of what both use.
native:
	$(CARGO) build --release $(CARGO_FLAGS) -p failover-jni
	$(CARGO) build --release $(CARGO_FLAGS) -p simulated-provider

natives: native
	$(CARGO) build $(CARGO_FLAGS) -p failover-jni --features test-natives

python:
	tools/python.sh build/python tests/sdk/python/requirements.txt

bundle: native
	$(GRADLEW) :java-shim:jar

driver: native
	$(GRADLEW) :gateway:writeDriverClasspath

load: driver
	$(CARGO) build --release $(CARGO_FLAGS) -p load
