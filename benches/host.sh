#!/usr/bin/env bash
# What the policy costs where API Manager's own handlers stand around it, with as many properties in the contexts as those
# set: beside the same AI API without the policy, by the gateway's own way, and with API Manager's AIAPIMediator in its
# sequences. Engine and transport are Apache's; WSO2's own are not to be had as packages.
#
# usage: benches/host.sh
# ROUNDS, ROUND_SECONDS, WARMUP, ONLY (over the party's name) and RESULTS as for benches/healthy.sh.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
warmup="${WARMUP:-15}"
result="$results/host.csv"
footprint_gateway=org.modelfailover.apimanager.bench.HostGateway
footprint_classpath=tests/apimanager/build/bench-classpath.txt
# Some of the host's classes look for their files by carbon.home, others by the working directory.
footprint_home="$PWD/tests/apimanager/carbon-home"
options=(-Xms1g -Xmx1g "-Dcarbon.home=$footprint_home" "-Djava.io.tmpdir=$work")

upstream provider
tell provider answer/512
(
  cd "$footprint_home"
  exec "$java" "-Dcarbon.home=$footprint_home" -cp "$(<"$OLDPWD/$footprint_classpath")" \
    org.modelfailover.apimanager.bench.HostDeployments "$work" "${plain[provider]}/v1"
)
mapfile -t names < <(printf '%s\n' policy without mediator | grep -E "$only")
for party in "${names[@]}"; do asked "$party" "$work/$party"; done
for party in "${names[@]}"; do clients "${url[$party]}" --connections 16 --measure "${warmup}s" >/dev/null; done
{
  head_of "benches/host.sh, $rounds rounds of $seconds s, 0.5 KiB in and out, 16 connections, parties in turn" \
    "cpu_us_per_request: the gateway's processor time from schedstat, without the JIT's threads; bytes: what its threads have allocated in its heap for each request that the provider saw"
  echo "party,round,requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request,bytes"
} >"$result"
for round in $(seq "$rounds"); do
  for party in "${names[@]}"; do
    tell provider answer/512
    before="$(ask "$party" allocated)"
    line="$(clients "${url[$party]}" --connections 16 --measure "${seconds}s" --cpu-of "${pid[$party]}")"
    after="$(ask "$party" allocated)"
    IFS=, read -r requests _ <<<"$(curl -sSf "${control[provider]}/calls")"
    echo "$party,$round,$line,$(((after - before) / (requests > 0 ? requests : 1)))" | tee -a "$result"
  done
done
echo
echo "CPU microseconds a request, median and quartiles:"
quartiles 1 8 <"$result"
check "$result" 7
