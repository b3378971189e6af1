#!/usr/bin/env bash
# Each bench for seconds, and the page from what they leave: that they work, whatever the figures. They fail by themselves
# when a request fails or nobody answers; here it is looked at whether everything was measured that is to be.
#
# usage: benches/smoke.sh
# CARGO, PAGE_BINARY and what the benches take come from make bench-smoke. Programs are as the tests have built them, without
# what makes them fast. Without ENVOY, LITELLM and PORTKEY they are not among the parties.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
export RESULTS="$folder/results" ROUNDS=1 WARMUP=0.2 ROUND_SECONDS=0.3
mkdir -p "$RESULTS"

# run BENCH: its output is shown only when it fails
run() {
  local began=$SECONDS
  if ! "benches/$1.sh" >"$folder/$1.out" 2>&1; then
    cat "$folder/$1.out" >&2
    echo "bench-smoke: $1 failed" >&2
    return 1
  fi
  echo "bench-smoke: $1 works ($((SECONDS - began)) s)"
}

# expect FILE REGEX LINES: so many lines at least
expect() {
  local lines
  lines="$(grep -Ec "$2" "$RESULTS/$1.csv" || true)"
  if ((lines < $3)); then
    echo "bench-smoke: $1.csv: $lines lines like $2, not $3:" >&2
    cat "$RESULTS/$1.csv" >&2
    return 1
  fi
}

# Most of the time they wait for each other's programs to start, so that three at a time take hardly longer than one.
requests() {
  ONLY='^[a-z0-9]*,512,512,16,$|^plain,512,1048576,1,$|^tls,512,512,64,2000$' run healthy
  for way in plain tls http2; do expect healthy "^$way,.*,policy,1,[0-9.]+,.*,0,[0-9.]+$" 1; done
  expect healthy ',send,' 3
  expect healthy ',direct,' 5

  RATE=500 WINDOWS=1 ONLY='first-tls|suspended|recovery' run failures
  expect failures '^first-tls,1,policy,.*,0,[0-9.]+,0,[1-9]' 1
  # Suspended: nobody calls it while that is so.
  expect failures '^suspended,16,policy,.*,0,[0-9.]+,0,' 1
  # Once in a window; a second one may have begun.
  expect recovery '^1,1,[12],' 1
}

gateways() {
  STREAMS=100 WARMUP=1 SETTLE=0.2 REST=2 JAVA_OPTS='-Xms256m -Xmx256m' run streams
  for party in policy send; do
    expect streams "^$party,100,1,100,0,0,0,[1-9][0-9]*,.*,[0-9.]+(,[0-9-]+){4},[0-9]+,[0-9]+,[0-9]+$" 1
  done
  expect streams '^direct,100,1,100,0,0,0,' 1

  APIS=5 run start
  expect start '^failover,1,5,[0-9]' 1

  ONLY='policy|without' run host
  for party in policy without; do expect host "^$party,1,[0-9.]+,.*,0,[0-9.]+,[1-9][0-9]*$" 1; done
}

parts() {
  ROUND_SECONDS=0.1 SAMPLES=10 WARM=0.05 ONLY='decision|chunk/chat|hint/openai|call and answer' run isolation
  expect isolation '^decision,' 2
  expect isolation '^(chunk|hint),' 2
  expect isolation '^call and answer,' 4

  ROUND_SECONDS=0.1 ONLY='Crossings|resilience4j' run jni
  expect jni '^Crossings,(anything|prepareNotOurs|prepareAndCancel|prepareAndStart|answer),' 5
  expect jni '^Breakers,resilience4j,' 1

  ROUND_SECONDS=1 SAMPLES=5 NODES=2 BENCH_FLAGS='--profile dev' run cluster
  expect cluster '^(healthy|propagation|storm|memory)' 29

  ONLY='^512,' run allocations
  for party in policy send; do expect allocations "^512,$party,1,[1-9][0-9]*,[1-9][0-9]*$" 1; done
}

lanes=()
for lane in requests gateways parts; do
  # Not in the list of an if: there errors would not end it.
  (
    set -e
    "$lane"
  ) &
  lanes+=($!)
done
failed=0
for lane in "${lanes[@]}"; do wait "$lane" || failed=1; done
if ((failed)); then exit 1; fi

"$PAGE_BINARY" "$RESULTS" benches/notes.md "$folder/performance.md"
grep -q 'performance/healthy-cpu.svg' "$folder/performance.md"
test -s "$folder/performance/healthy-cpu.svg"
echo "bench-smoke: the page is made"
