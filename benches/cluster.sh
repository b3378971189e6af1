#!/usr/bin/env bash
# What gateways pay that share suspensions, and how soon they know of each other: the healthy path, the time from a
# suspension at one node to the others, and what a Redis on this machine has to do for nodes and candidates.
#
# usage: benches/cluster.sh
# ROUND_SECONDS says how long each rate is counted, SAMPLES how many suspensions are timed, NODES for how many gateways
# rates are counted, RESULTS is the folder of the CSV. CARGO and CARGO_FLAGS come from make, BENCH_FLAGS says what is built, and how; REDIS names the folder of
# redis-server.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo="${CARGO:-cargo}"
export BENCH_SECONDS="${ROUND_SECONDS:-5}" BENCH_SAMPLES="${SAMPLES:-500}" REDIS_REQUIRED=1
export BENCH_NODES="${NODES:-1 2 3 6}"
results="${RESULTS:-benches/results}"
mkdir -p "$results"
result="$results/cluster.csv"
out="$(mktemp)"
trap 'rm -f "$out"' EXIT

# shellcheck disable=SC2086  # the flags are lists of words
"$cargo" bench -q ${CARGO_FLAGS:-} ${BENCH_FLAGS:-} -p failover-cluster --bench sharing >"$out"
{
  echo "# $(date -u +%F), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
  echo "# benches/cluster.sh: nodes, store and clock on one machine; rates over $BENCH_SECONDS s, $BENCH_SAMPLES suspensions timed;"
  echo "# healthy: nothing happens; storm: each second a tenth of the candidates is suspended, or for longer"
  cat "$out"
} | tee "$result"
grep -q '^memory,' "$result"
