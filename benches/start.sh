#!/usr/bin/env bash
# What a thousand APIs with the policy take: time to deploy them into a gateway that runs, memory, threads. Beside them
# as many without the policy; each gateway is a process of its own.
#
# usage: benches/start.sh
# APIS says how many, ROUNDS how often, RESULTS is the folder of the CSV.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
apis="${APIS:-1000}"
result="$results/start.csv"
# The heap has its size and its pages from the start, so that what grows is something else.
options=(-Xms1g -Xmx1g -XX:+AlwaysPreTouch)

measure() { # PARTY ROUND
  local origin took idle loaded answered
  asked "$1" "$work/one/$1"
  origin="${url[$1]%/assistant/*}"
  idle="$(ask "$1" footprint)"
  took="$(ask "$1" "deploy $work/many/$1")"
  loaded="$(ask "$1" footprint)"
  answered="$(clients "$origin/bench$(printf %04d $((apis - 1)))/1.0.0/chat/completions" --connections 1 --measure 300ms)"
  stop "$1"
  if [[ "${answered%%,*}" == 0.0 ]]; then
    echo "the last API does not answer" >&2
    return 1
  fi
  paste -d, <(echo "$idle") <(echo "$loaded") | awk -F, -v OFS=, -v party="$1" -v round="$2" -v n="$apis" -v took="$took" '{
    print party, round, n, took, sprintf("%.0f", ($6 - $1) / n), sprintf("%.0f", ($8 - $3) / n), $4, $9 }' | tee -a "$result"
}

upstream provider
deployments "$work/one" "${plain[provider]}/v1"
deployments --many "$apis" "$work/many" "${plain[provider]}/v1"
{
  head_of "benches/start.sh, $rounds rounds, parties in turn" \
    "deploy_ms: for all; heap_bytes, outside_bytes: for each API, in the heap after a collection, and resident outside of it; the JVM's own code and metadata among the latter"
  echo "party,round,apis,deploy_ms,heap_bytes,outside_bytes,threads_before,threads_after"
} >"$result"
for round in $(seq "$rounds"); do
  for party in send failover; do measure "$party" "$round"; done
done
echo
echo "Milliseconds to deploy $apis APIs, median and quartiles:"
quartiles 1 4 <"$result"
echo "Bytes of heap for each:"
quartiles 1 5 <"$result"
