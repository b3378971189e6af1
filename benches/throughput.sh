#!/usr/bin/env bash
# How many requests a second go through the embedded gateway with the Model Failover policy and a healthy target, and
# how many without the policy, by the gateway's own way to the same provider? The two are measured in turn; what
# counts is the ratio of the medians. Everything shares the machine's cores: gateway, provider and wrk.
#
# usage: benches/throughput.sh [rounds] [seconds per round] [connections]
# PROVIDER_BINARY and JAVA come from make bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
rounds="${1:-7}"
seconds="${2:-5}"
connections="${3:-16}"
result="benches/results/throughput.csv"

"$provider_binary" --quiet >"$work/provider.out" &
pid[provider]=$!
provider="$(first_line "$work/provider.out" 'listening on')"
deployments "$work" "$provider/v1"
for way in send failover; do gateway "$way" "$work/$way"; done

measure() { # URL SECONDS
  wrk -t1 -c"$connections" -d"$2" -s benches/chat.lua "$1" | sed -n 's/^CSV //p'
}

median() { # FILE COLUMN
  cut -d, -f"$2" "$1" | sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

for way in send failover; do measure "${url[$way]}" 10 >/dev/null; done
{
  head_of "benches/throughput.sh $rounds $seconds $connections: wrk, one thread, $connections connections, ways in turn"
  echo "way,round,requests_per_second,p50_us,p99_us,failed"
} >"$result"
for round in $(seq "$rounds"); do
  for way in send failover; do
    line="$(measure "${url[$way]}" "$seconds")"
    echo "$line" >>"$work/$way.csv"
    echo "$way,$round,$line" | tee -a "$result"
  done
done

echo
printf '%-10s %12s %10s %10s\n' way requests/s 'p50 ms' 'p99 ms'
for way in send failover; do
  printf '%-10s %12.0f %10.2f %10.2f\n' "$way" "$(median "$work/$way.csv" 1)" \
    "$(median "$work/$way.csv" 2 | awk '{ print $1 / 1000 }')" "$(median "$work/$way.csv" 3 | awk '{ print $1 / 1000 }')"
done
awk -v a="$(median "$work/failover.csv" 1)" -v b="$(median "$work/send.csv" 1)" \
  'BEGIN { printf "ratio of the medians (failover / send): %.2f\n", a / b }'
failed="$(cat "$work"/*.csv | awk -F, '{ s += $4 } END { print s }')"
if [[ "$failed" != 0 ]]; then
  echo "$failed requests failed" >&2
  exit 1
fi
