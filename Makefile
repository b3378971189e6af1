# The Rust side builds into target/, the Java side into */build/, the rest into build/.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))/release
DEBUG := $(TARGET)/../debug
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

.PHONY: help demo test test-cluster bench-cluster test-java test-newer-java test-rust test-fuzz fuzz test-gateway test-sdk test-host test-apimanager test-tracing test-comparison test-bundle test-install test-instructions test-monitoring
.PHONY: soak attack lint fmt dist release dist-all test-reproducible bench bench-healthy bench-failures bench-host bench-start bench-isolation bench-instructions bench-jni bench-allocations bench-smoke bench-page bench-streams load programs crossings compare providers clean native natives python bundle driver
.NOTPARALLEL:

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo 'One test of each kind:'
	@echo '  make test-rust ONLY=wire TEST=a_missing_model           Rust: a crate by its folder, a part of a name'
	@echo '  make test-gateway GRADLE_FLAGS=-Ponly=FaultTest         the gateway: a part of a class name'
	@echo '  make test-gateway GRADLE_FLAGS="-Ponly=Scenario -Dgateway.scenario=hints-3"   a scenario by its id'
	@echo '  make test-sdk GRADLE_FLAGS="-Dsdk=python -Dfault=stall" an SDK, a fault'

demo: driver ## failover in front of you, step by step; CLUSTER=1 two gateways with one Redis, KEEP=1 leaves everything up, ONLY=words picks steps
	@KEEP=$(KEEP) ONLY="$(ONLY)" $(if $(filter 1,$(CLUSTER)),$(WITH_REDIS)) $(JAVA) -Dprovider.binary=$(PROVIDER_BINARY) -cp "$$(cat $(DRIVER_CLASSPATH))" \
	    org.modelfailover.gateway.demo.$(if $(filter 1,$(CLUSTER)),ClusterStory,Story)

TESTS = $(GRADLEW) -PcomparisonCheck -Dsoak.seconds=40 -Dnative.test.library.dir=$(DEBUG) -Dsdk.python=$(CURDIR)/build/python/bin/python
test: test-rust test-fuzz test-java test-install test-monitoring test-instructions bench-smoke ## all tests

# Where there is none to be had, REDIS is empty, and what needs one is skipped.
WITH_REDIS = REDIS="$$(tools/redis.sh build/redis)"

# One Gradle for all of them: it takes seconds to start.
test-java: natives python ## all tests in Java
	$(WITH_REDIS) $(TESTS) --continue :gateway:gatewayTest :sdk:sdkTest :host:hostTest :apimanager:apimanagerTest \
	    :apimanager:wso2EngineTest :tracing:tracingTest :comparison:compare :bundle:bundleTest :robustness:soak

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
	$(WITH_REDIS) $(CARGO) test --workspace $(CARGO_FLAGS) $(TEST)
	$(CARGO) test $(CARGO_FLAGS) -p failover-suspension --features loom --test interleavings $(TEST)
	$(CARGO) test --release $(CARGO_FLAGS) -p bounds $(TEST)
else
	$(WITH_REDIS) $(CARGO) test $(CARGO_FLAGS) $(if $(filter bounds,$(ONLY)),--release) -p $(PACKAGE) $(TEST)
endif

test-fuzz: ## a few seconds of fuzzing, from what is known to be hard
	tools/fuzz.sh 20

fuzz: ## the readers of what peers send under libFuzzer, MINUTES=30 in all; WRITE=1 writes docs/fuzzing.md
	$(if $(WRITE),PAGE=docs/fuzzing.md) tools/fuzz.sh $$(($(or $(MINUTES),30) * 60))

test-gateway: natives ## the shim and the native library inside an embedded gateway
	$(WITH_REDIS) $(TESTS) :gateway:gatewayTest

FAKETIME = $(shell find "$$(tools/debian.sh build/faketime libfaketime usr/lib)" -name libfaketimeMT.so.1)
test-cluster: natives ## three gateways with one store, and what can become of both, minutes; SEEDS=20000 plays so many worlds
	CLUSTER_SEEDS=$(or $(SEEDS),2000) $(WITH_REDIS) REDIS_REQUIRED=1 $(CARGO) test --release $(CARGO_FLAGS) -p failover-cluster
	$(WITH_REDIS) REDIS_REQUIRED=1 $(TESTS) -Dgateway.cluster=true -Dgateway.faketime="$(FAKETIME)" "-Ponly=Cluster(Faults)?Test" :gateway:gatewayTest

test-sdk: native python ## the providers' own client libraries through the gateway
	$(TESTS) :sdk:sdkTest

test-host: ## the policy's files, judged by API Manager's own code
	$(TESTS) :host:hostTest

test-apimanager: native ## the gateway with API Manager's own handlers, signers and providers; docs/providers.md still holds
	$(TESTS) :apimanager:apimanagerTest :apimanager:wso2EngineTest

test-tracing: native ## the spans of attempts, with the real OpenTelemetry in two versions
	$(TESTS) :tracing:tracingTest

test-comparison: native ## docs/comparison.md still says what happens
	$(TESTS) :comparison:compare

test-bundle: native ## the OSGi bundle with the hosts' package versions
	$(TESTS) :bundle:bundleTest

test-instructions: programs ## the parts of a request take no more instructions and allocations than was written down
	ISOLATION=$(TARGET) benches/instructions.sh --check

PROMETHEUS = $(shell tools/debian.sh build/prometheus prometheus usr/bin/promtool)
test-monitoring: natives ## alerts, dashboard and exporter rules; a gateway scraped by Prometheus, its page in Chromium
	packaging/test-monitoring.sh "$(PROMETHEUS)"
	$(TESTS) -Dgateway.prometheus="$(PROMETHEUS)" -Dgateway.chromium="$$(tools/chromium.sh)" "-Ponly=(Prometheus|Page|Agents)Test" :gateway:gatewayTest

test-install: bundle ## the archive's install.sh on a home shaped like API Manager's, policies.sh on a stand-in for its REST API
	@printf '%s\n' bash dash busybox | xargs -n 1 -P 3 sh -c '! command -v $$0 >/dev/null || { \
	    packaging/test-install.sh $(BUNDLE) $$0 >build/test-install-$$0.log 2>&1; code=$$?; \
	    [ $$code = 0 ] || cat build/test-install-$$0.log; echo "under $$0: $$(tail -n 1 build/test-install-$$0.log)"; exit $$code; }'
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
release: ## the release without its tests, for four platforms, in build/release/
	tools/cross.sh build/native
	build/cross/bin/python packaging/inventory.py build/inventory
	$(GRADLEW) -PnativeLibraries=$(CURDIR)/build/native -PthirdParty=$(CURDIR)/build/inventory/THIRD-PARTY.txt :java-shim:jar
	packaging/build-dist.sh $(VERSION) java-shim/build/release/$(notdir $(BUNDLE)) build/release build/inventory build/native

dist-all: release ## the release, tested: archives, checksums, SBOMs, in build/release/
	packaging/test-release.sh build/release $(VERSION)

test-reproducible: release ## the release built again in another folder has the same bytes; PLATFORMS=linux-x86_64 takes a library alone
	packaging/test-reproducible.sh $(if $(PLATFORMS),build/native $(PLATFORMS),build/release)

bench: driver ## throughput with and without the policy
	tools/wrk.sh
	benches/throughput.sh

# Where there is no Envoy for this machine, ENVOY is empty and it is left out; likewise LiteLLM and Portkey.
ENVOY_THERE = ENVOY="$${ENVOY-$$(tools/envoy.sh build/envoy)}"
OTHERS = LITELLM="$${LITELLM-$$(tools/litellm.sh build/litellm)}" PORTKEY="$${PORTKEY-$$(tools/portkey.sh build/portkey)}"
MEASURE = LOAD_BINARY=$(TARGET)/load ROUNDS=$(ROUNDS) ROUND_SECONDS=$(SECONDS) ONLY='$(ONLY)'
BENCH = $(ENVOY_THERE) $(MEASURE)
bench-healthy: load ## CPU, throughput and delay when nothing fails, beside send, Envoy, LiteLLM and Portkey; ROUNDS=5 SECONDS=3 ONLY=regex
	$(OTHERS) $(BENCH) benches/healthy.sh

bench-failures: load ## what a failure costs: first failure, failover on every request, suspended, recovery, silent
	$(OTHERS) $(BENCH) benches/failures.sh

bench-host: load ## CPU and allocations with API Manager's own handlers around the policy, and without the policy
	$(GRADLEW) :apimanager:writeBenchClasspath
	$(MEASURE) benches/host.sh

bench-start: load ## time, memory and threads of APIS=1000 APIs with the policy
	$(MEASURE) APIS=$(or $(APIS),1000) benches/start.sh

bench-isolation: ## decision, request scan, chunks and hints by themselves, beside other circuit breakers; ONLY=regex
	CARGO=$(CARGO) CARGO_FLAGS="$(CARGO_FLAGS)" ROUND_SECONDS=$(SECONDS) ONLY='$(ONLY)' benches/isolation.sh

bench-instructions: programs ## instructions and allocations of the parts of a request, counted; make test-instructions holds them to it
	ISOLATION=$(TARGET) benches/instructions.sh

bench-cluster: ## what sharing suspensions costs, how soon others know, what Redis has to do; SECONDS=5
	$(WITH_REDIS) CARGO=$(CARGO) CARGO_FLAGS="$(CARGO_FLAGS)" ROUND_SECONDS=$(SECONDS) benches/cluster.sh

bench-jni: crossings ## what crossing JNI costs a request, under JMH, beside circuit breakers of the JVM; ONLY=regex
	PROBE_LIBRARY=$(PROBE_LIBRARY) ROUNDS=$(ROUNDS) ROUND_SECONDS=$(SECONDS) ONLY='$(ONLY)' benches/jni.sh

# The one that is shipped takes minutes to link.
bench-allocations: load ## what a healthy request allocates in the gateway's heap, and the native library's size
	$(CARGO) build --profile dist $(CARGO_FLAGS) -p failover-jni --lib
	$(MEASURE) LIBRARIES='release=$(LIBRARY) dist=$(TARGET)/../dist/$(notdir $(LIBRARY))' benches/allocations.sh

# What cargo test has built, or the little that it has not: together, because the features of crates are those of all that is
# built.
SMOKE_FLAGS = --workspace --bench decision --bench bytes
bench-smoke: driver natives ## each bench for seconds: that they work, not how fast anything is
	$(CARGO) build $(CARGO_FLAGS) $(SMOKE_FLAGS) --bin load --bin page
	$(GRADLEW) :jni:writeClasspath :apimanager:writeBenchClasspath
	$(WITH_REDIS) ENVOY="$${ENVOY-$$(tools/envoy.sh build/envoy installed)}" LOAD_BINARY=$(DEBUG)/load PAGE_BINARY=$(DEBUG)/page \
	    PROBE_LIBRARY=$(DEBUG)/$(notdir $(LIBRARY)) CARGO=$(CARGO) CARGO_FLAGS="$(CARGO_FLAGS)" \
	    BENCH_FLAGS="--profile dev $(SMOKE_FLAGS)" benches/smoke.sh

bench-page: ## writes docs/performance.md and its plots from benches/results and benches/notes.md
	$(CARGO) run -q $(CARGO_FLAGS) -p page -- benches/results benches/notes.md docs/performance.md

bench-streams: load ## what up to ten thousand event streams at once cost, and how late their chunks come; STREAMS="1000 10000"
	$(BENCH) STREAMS='$(STREAMS)' benches/streams.sh

providers: native ## writes docs/providers.md: what the policy does for each AI service provider
	$(GRADLEW) -PwriteProviders -Ponly=ProvidersTableTest :apimanager:apimanagerTest

compare: native ## writes docs/comparison.md: this policy beside the built-in one
	$(GRADLEW) :comparison:compare

clean: ## removes everything that was built
	rm -rf target build .gradle java-shim/build tests/*/build benches/*/build

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

programs:
	$(CARGO) build --release $(CARGO_FLAGS) -p isolation --bins

# In a folder of its own: cargo gives the library one name, with what only tests call and without it.
PROBE_LIBRARY := $(CURDIR)/build/jni/release/$(notdir $(LIBRARY))
crossings:
	$(CARGO) build --release $(CARGO_FLAGS) -p failover-jni --features test-natives --target-dir build/jni
	$(GRADLEW) :jni:writeClasspath
