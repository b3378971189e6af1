#!/usr/bin/env bash
# What a healthy request allocates in the gateway's heap, with the policy and by the gateway's own way (send), and how large
# the native library is. What the request allocates on the native side is counted by benches/instructions.sh.
#
# usage: benches/allocations.sh
# ROUNDS, ROUND_SECONDS, WARMUP, ONLY (over "request,party") and RESULTS as for benches/healthy.sh. LIBRARIES are the
# libraries whose size is told, name=file each; they come from make bench-allocations.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
warmup="${WARMUP:-10}"
result="$results/allocations.csv"
sizes="$results/size.csv"
options=(-Xms1g -Xmx1g)

{
  echo "# $(date -u +%F), $(rustc --version), $(rustc -vV | sed -n 's/^host: //p')"
  echo "# benches/allocations.sh: release is what make dist packs, dist what make dist-all ships; stripped by strip"
  echo "profile,bytes,stripped_bytes"
  for library in ${LIBRARIES:-}; do
    strip -o "$work/stripped" "${library#*=}"
    echo "${library%%=*},$(stat -c %s "${library#*=}"),$(stat -c %s "$work/stripped")"
  done
} | tee "$sizes"

upstream provider
deployments "$work" "${plain[provider]}/v1"
{
  head_of "benches/allocations.sh, $rounds rounds of $seconds s, 16 connections, parties in turn" \
    "bytes: what all threads of the gateway have allocated in its heap, for each request that the provider saw"
  echo "request,party,round,requests,bytes"
} >"$result"
asked policy "$work/failover"
asked send "$work/send"
for party in policy send; do clients "${url[$party]}" --connections 16 --measure "${warmup}s" >/dev/null; done
for size in 512 10240; do
  for round in $(seq "$rounds"); do
    for party in policy send; do
      if ! grep -Eq "$only" <<<"$size,$party"; then continue; fi
      tell provider "answer/$size"
      before="$(ask "$party" allocated)"
      clients "${url[$party]}" --request "$size" --connections 16 --settle 0s --measure "${seconds}s" >"$work/line"
      after="$(ask "$party" allocated)"
      IFS=, read -r requests _ <<<"$(curl -sSf "${control[provider]}/calls")"
      if [[ "$requests" == 0 ]]; then
        echo "no request of $party reached the provider" >&2
        exit 1
      fi
      echo "$size,$party,$round,$requests,$(((after - before) / requests))" | tee -a "$result"
    done
  done
done
echo
echo "Bytes for each request, median and quartiles:"
quartiles 2 5 <"$result"
