#!/usr/bin/env bash
# What a request costs when nothing fails: through the Model Failover policy, by the gateway's own way (send), through
# Envoy, LiteLLM's proxy and Portkey's gateway, and to the provider directly. Three ways to the provider: plain HTTP/1.1, TLS with HTTP/1.1, TLS with HTTP/2;
# send knows no HTTP/2. Parties take turns in each round; clients speak plain HTTP/1.1 to each gateway. Everything shares
# the machine's cores. send is not asked for answers over 32 KiB: in Synapse 3.0.1 it answers one on each connection and
# hangs then, so that those can be compared with the provider alone.
#
# usage: benches/healthy.sh
# ROUNDS and ROUND_SECONDS say how many and how long; ONLY chooses by a regular expression over
# "way,request,answer,connections,rate"; WARMUP is how long each party runs before, in seconds. RESULTS is the folder of
# the CSV. ENVOY, LITELLM and PORTKEY name the programs; who has none is left out. The latter two cost milliseconds a request,
# and are asked for what tells enough of that: plain HTTP/1.1, up to 10 KiB, 1 and 16 connections.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
warmup="${WARMUP:-10}"
result="$results/healthy.csv"

# What LiteLLM and Portkey are asked for.
short='^plain,(512,512|10240,10240),(1|16),$'
sizes=(512:512 10240:10240 102400:512 1048576:512 512:102400 512:1048576)
cells() { # WAY: way,request,answer,connections,rate of all that is measured
  local size connections
  for size in "${sizes[@]}"; do
    for connections in 1 16 64 256; do echo "$1,${size/:/,},$connections,"; done
  done
  for size in "${sizes[@]:0:2}"; do echo "$1,${size/:/,},64,2000"; done
}

# parties WAY: starts them and sets their names
parties() {
  local provider="${plain[provider]}"
  local address="${provider#http://}"
  if [[ "$1" != plain ]]; then
    provider="${tls[provider]}"
    address="127.0.0.1:${provider##*:}"
  fi
  deployments "$work/$1" "$provider/v1" "$provider/v1" "$work/provider.pem"
  names=(policy)
  if [[ "$1" == http2 ]]; then
    gateway policy "$work/$1/http2"
  else
    gateway policy "$work/$1/failover"
    gateway send "$work/$1/send"
    names+=(send)
  fi
  if has_envoy; then
    envoy_healthy "$address" "$1" "$work/provider.pem" >"$work/envoy.yaml"
    envoy envoy
    names+=(envoy)
  fi
  if [[ "$1" == plain && "$(printf '%s\n' "${chosen[@]}" | grep -Ec "$short")" != 0 ]]; then ai_gateways "" "$provider"; fi
  url[direct]="$provider/v1/chat/completions"
  pid[direct]=
  names+=(direct)
}

measure() { # PARTY WAY REQUEST ANSWER CONNECTIONS RATE SECONDS
  local options=(--request "$3" --answer "$4" --connections "$5" --measure "${7}s")
  if [[ -n "$6" ]]; then options+=(--rate "$6"); fi
  if [[ -n "${pid[$1]}" ]]; then options+=(--cpu-of "${pid[$1]}"); fi
  if [[ -n "${header[$1]:-}" ]]; then options+=(--header "${header[$1]}"); fi
  if [[ "$1" == direct ]]; then
    if [[ "$2" != plain ]]; then options+=(--trusted "$work/provider.pem"); fi
    if [[ "$2" == http2 ]]; then options+=(--http2); fi
  fi
  clients "${url[$1]}" "${options[@]}"
}

upstream provider
{
  head_of "benches/healthy.sh, $rounds rounds of $seconds s, parties in turn$(left_out ENVOY LITELLM PORTKEY)" \
    "cpu_us_per_request: the gateway's processor time from schedstat, without the JIT's threads; direct has none" \
    "rate: requests a second, timed from when they were due; without it as many as are answered"
  echo "way,request,answer,connections,rate,party,round,requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request"
} >"$result"
for way in plain tls http2; do
  mapfile -t chosen < <(cells "$way" | grep -E "$only")
  if [[ ${#chosen[@]} -eq 0 ]]; then continue; fi
  parties "$way"
  tell provider answer/512
  for party in "${names[@]}"; do measure "$party" "$way" 512 2 16 "" "$warmup" >/dev/null; done
  for cell in "${chosen[@]}"; do
    IFS=, read -r _ request answer connections rate <<<"$cell"
    tell provider "answer/$answer"
    for round in $(seq "$rounds"); do
      for party in "${names[@]}"; do
        if [[ "$party" == send && "$answer" -gt 32768 ]]; then continue; fi
        if [[ "$party" == litellm || "$party" == portkey ]] && ! grep -Eq "$short" <<<"$cell"; then continue; fi
        line="$(measure "$party" "$way" "$request" "$answer" "$connections" "$rate" "$seconds")"
        echo "$cell,$party,$round,$line" | tee -a "$result"
      done
    done
  done
  stop "${names[@]}"
done

echo
echo "CPU microseconds a request, median and quartiles:"
quartiles 6 13 <"$result"
check "$result" 12
