#!/usr/bin/env bash
# What the parts of a request cost by themselves, under criterion: the decision whether a candidate may be called (beside
# failsafe, recloser and tower-resilience), reading a request and a stream's chunk, a provider's hints.
#
# usage: benches/isolation.sh
# ROUND_SECONDS says how long each is measured, ONLY chooses by a regular expression over "group/name", RESULTS is the
# folder of the CSV. CARGO and CARGO_FLAGS come from make, BENCH_FLAGS says what is built, and how.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
cargo="${CARGO:-cargo}"
seconds="${ROUND_SECONDS:-3}"
results="${RESULTS:-benches/results}"
mkdir -p "$results"
result="$results/isolation.csv"
out="$(mktemp)"
trap 'rm -f "$out"' EXIT

# shellcheck disable=SC2086  # the flags are lists of words
"$cargo" bench ${CARGO_FLAGS:-} ${BENCH_FLAGS:--p isolation --bench decision --bench bytes} -- --noplot --warm-up-time "${WARM:-0.5}" --measurement-time "$seconds" \
  --sample-size "${SAMPLES:-50}" "${ONLY:-}" >"$out"
{
  echo "# $(date -u +%F), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
  echo "# benches/isolation.sh: criterion, $seconds s each; nanoseconds with the bounds of a 95 % confidence interval"
  echo "group,name,low_ns,ns,high_ns"
  # A name that is long has its time on the next line.
  awk '
    function nanos(value, unit) { return value * (unit == "ps" ? 0.001 : unit == "ns" ? 1 : unit == "ms" ? 1e6 : unit == "s" ? 1e9 : 1e3) }
    /time: +\[/ {
      name = $0; sub(/ *time: .*/, "", name); if (name != "") id = name
      times = $0; sub(/.*\[/, "", times); sub(/\].*/, "", times); split(times, t, " ")
      group = id; sub(/\/.*/, "", group); sub(/^[^\/]*\//, "", id); gsub(/,/, ";", id)
      printf "%s,%s,%.3f,%.3f,%.3f\n", group, id, nanos(t[1], t[2]), nanos(t[3], t[4]), nanos(t[5], t[6]); next
    }
    /^[a-z].*\// { id = $0; sub(/: .*/, "", id) }' "$out"
} | tee "$result"
if ! grep -q '^[a-z].*/\|^[a-z ]*,.*,[0-9]' "$result"; then
  echo "nothing was measured" >&2
  exit 1
fi
