#!/usr/bin/env bash
# What a failure costs. A provider that fails is the target, one that answers the first fallback; both on plain HTTP/1.1,
# but for the failed TLS handshake. Parties: the policy, Envoy (a composite cluster, one retry), and both with a target that
# answers (policy-healthy, envoy-healthy), which is what they are compared with; where every request fails over, LiteLLM's
# proxy and Portkey's gateway too. Each case has processes of its own, so that
# all are equally warm.
#
#   first-503, first-refused, first-reset, first-tls   one client; no knowledge of failures is kept, so that every request
#                                                      is a first failure
#   every                                              the same with 16 clients and 503: a failover on every request
#   suspended                                          the target is suspended for an hour; 1 and 16 clients
#   recovery                                           5,000 requests a second, suspended for 2 s; the target fails, and
#                                                      answers again
#   silent                                             the target never answers, the limit is 1 s; 16 clients
#
# usage: benches/failures.sh
# ROUNDS, ROUND_SECONDS, WARMUP, RESULTS, ENVOY, LITELLM and PORTKEY as for benches/healthy.sh; ONLY chooses among the cases. RATE and WINDOWS
# are those of the recovery.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
warmup="${WARMUP:-10}"
result="$results/failures.csv"
recovery="$results/recovery.csv"
rate="${RATE:-5000}"

chosen() {
  grep -Eq "$only" <<<"$1"
}

# calls: requests and connections that the provider that fails has seen, and the time between the first two requests
calls() {
  curl -sSf "${control[fails]}/calls"
}

# ask_for PARTY OPTION...: its clients
ask_for() {
  local more=()
  if [[ -n "${header[$1]:-}" ]]; then more=(--header "${header[$1]}"); fi
  clients "${url[$1]}" "${more[@]}" "${@:2}"
}

# round CASE CONNECTIONS PARTY ROUND: measures once and prints the line
round() {
  tell fails "fault/$fault"
  local line seen requests connections
  line="$(ask_for "$3" --connections "$2" --measure "${seconds}s" --cpu-of "${pid[$3]}")"
  seen="$(calls)"
  IFS=, read -r requests connections _ <<<"$seen"
  echo "$1,$2,$3,$4,$line,$requests,$connections" | tee -a "$result"
}

# measure CASE CONNECTIONS PARTY...: rounds, parties in turn
measure() {
  local case="$1" connections="$2" turn party
  shift 2
  for turn in $(seq "$rounds"); do
    for party in "$@"; do round "$case" "$connections" "$party" "$turn"; done
  done
}

# warm PARTY...: with a target that fails as it will
warm() {
  local party
  tell fails "fault/$fault"
  for party in "$@"; do ask_for "$party" --connections 16 --measure "${warmup}s" >/dev/null; done
}

# failing CASE FAULT CONNECTIONS WAY: Envoy and the policy, with no knowledge kept
failing() {
  chosen "$1" || return 0
  fault="$2"
  local address="${plain[fails]#http://}" names=(policy-healthy policy)
  if [[ "$4" != plain ]]; then address="127.0.0.1:${tls[fails]##*:}"; fi
  gateway policy-healthy "$work/plain/failover"
  gateway policy "$work/$4/failing"
  if has_envoy; then
    envoy_healthy "${plain[provider]#http://}" plain "" >"$work/envoy-healthy.yaml"
    envoy_failover "$address" "$4" "$work/provider.pem" "${plain[provider]#http://}" >"$work/envoy.yaml"
    envoy envoy-healthy
    envoy envoy
    names+=(envoy-healthy envoy)
  fi
  if [[ "$1" == every ]] && has_ai_gateways; then
    ai_gateways -healthy "${plain[provider]}"
    ai_gateways "" "${plain[provider]}" "${plain[fails]}"
  fi
  warm "${names[@]}"
  measure "$1" "$3" "${names[@]}"
  stop "${names[@]}"
}

suspended() {
  chosen suspended || return 0
  fault=503
  gateway policy-healthy "$work/plain/failover"
  gateway policy "$work/plain/suspended"
  # The one request that finds the target failing is among those.
  warm policy-healthy policy
  local connections
  for connections in 1 16; do measure suspended "$connections" policy-healthy policy; done
  stop policy-healthy policy
}

silent() {
  chosen silent || return 0
  fault=silent
  gateway policy "$work/plain/silent"
  # At least three answers of each client.
  local seconds=4
  warm policy
  measure silent 16 policy
  stop policy
}

# Windows of two seconds while the target fails; then it answers, and the time between the probe's call and the next is
# how long it takes until requests come again.
recovering() {
  chosen recovery || return 0
  fault=503
  gateway policy "$work/plain/recovering"
  warm policy
  {
    head_of "benches/failures.sh, $rounds rounds, $rate requests a second over 64 connections, windows of 2 s" \
      "calls_failing: of the target while it failed, in so many windows; after_probe_us: between the probe that was answered and the next call"
    echo "round,windows,calls_failing,after_probe_us,requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request"
  } >"$recovery"
  local turn seen between line windows="${WINDOWS:-3}"
  for turn in $(seq "$rounds"); do
    tell fails fault/503
    clients "${url[policy]}" --connections 1 --measure 200ms >/dev/null
    # Suspended now, and for whole windows while the load is on.
    clients "${url[policy]}" --connections 64 --rate "$rate" --settle 100ms --measure "$((2 * windows + 4))s" \
      --cpu-of "${pid[policy]}" >"$work/recovery.out" &
    local load=$!
    sleep 0.3
    tell fails fault/503
    sleep $((2 * windows))
    IFS=, read -r seen _ <<<"$(calls)"
    tell fails fault/none
    wait "$load"
    IFS=, read -r _ _ between <<<"$(calls)"
    line="$(<"$work/recovery.out")"
    echo "$turn,$windows,$seen,$between,$line" | tee -a "$recovery"
  done
  stop policy
}

upstream provider
upstream fails
deployments "$work/plain" "${plain[provider]}/v1" "${plain[fails]}/v1"
deployments "$work/tls" "${plain[provider]}/v1" "${tls[fails]}/v1" "$work/provider.pem"

{
  head_of "benches/failures.sh, $rounds rounds of $seconds s, parties in turn$(left_out ENVOY LITELLM PORTKEY)" \
    "target_requests, target_connections: what the provider that fails has seen, also while nothing counted"
  echo "case,connections,party,round,requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request,target_requests,target_connections"
} >"$result"
failing first-503 503 1 plain
failing first-refused refused 1 plain
failing first-reset reset 1 plain
failing first-tls untrusted 1 tls
failing every 503 16 plain
suspended
silent
recovering

echo
echo "p50 in microseconds, median and quartiles:"
quartiles 3 6 <"$result"
check "$result" 9
