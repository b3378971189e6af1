#!/usr/bin/env bash
# What do many event streams at once cost the embedded gateway, and how much later do their chunks come? Each stream has
# a chunk a second. Three ways to the same provider: directly, through the gateway's own pass-through (send), and through
# the Model Failover policy (failover); each gateway is a process of its own. Everything shares the machine's cores:
# gateway, provider and clients.
#
# usage: benches/streams.sh [streams:chunks ...]
# WAYS chooses among direct, send and failover, JAVA_OPTS adds to the gateway's options.
# PROVIDER_BINARY, LOAD_BINARY and JAVA come from make bench-streams.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/wait.sh
runs=("${@:-}")
if [[ $# -eq 0 ]]; then runs=(1000:30 10000:60); fi
read -ra ways <<<"${WAYS:-direct send failover}"
java="${JAVA:-java}"
provider_binary="${PROVIDER_BINARY:-target/release/simulated-provider}"
load_binary="${LOAD_BINARY:-target/release/load}"
classpath="$(<tests/gateway/build/driver-classpath.txt)"
result="benches/results/streams.csv"
# The heap has its size and its pages from the start, so that what grows is something else.
options=(-Xms2g -Xmx2g -XX:+AlwaysPreTouch)
model=gpt-4o

# Two sockets for each stream in the gateway, and what a JVM has open anyway.
ulimit -n "$(ulimit -Hn)"
files="$(ulimit -n)"
most=1000000
if [[ "$files" != unlimited ]]; then most=$(((files - 400) / 2 / 100 * 100)); fi

command -v curl >/dev/null || {
  echo "Missing for the benchmark: curl" >&2
  exit 1
}

work="$(mktemp -d)"
finish() {
  kill "${provider_pid:-}" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

"$provider_binary" --quiet >"$work/provider.out" &
provider_pid=$!
provider="$(first_line "$work/provider.out" 'listening on' 60)"
"$java" -cp "$classpath" org.modelfailover.gateway.bench.BenchDeployments "$work" "$provider/v1"

# answers DIRECTIVES: from now on the model answers so
answers() {
  curl -sSf -o /dev/null -X PUT "$provider/_control/faults" -d "{\"model\":\"$model\",\"directives\":\"stamp~$1\"}"
}

# start WAY: a gateway, warm enough to have its threads; sets url
start() {
  if [[ "$1" == direct ]]; then
    url="$provider/v1/chat/completions"
    return
  fi
  # It ends when its input does, and that with this script.
  coproc GATEWAY {
    # shellcheck disable=SC2086  # JAVA_OPTS is a list of words
    exec "$java" "${options[@]}" ${JAVA_OPTS:-} -cp "$classpath" \
      org.modelfailover.gateway.bench.FootprintGateway "$work/$1" "$work/$1.log"
  }
  read -r _ url <&"${GATEWAY[0]}"
  url+="/chat/completions"
}

# ask QUESTION: of the gateway that runs
ask() {
  echo "$1" >&"${GATEWAY[1]}"
  local answer
  read -r _ answer <&"${GATEWAY[0]}"
  echo "$answer"
}

clients() { # STREAMS CHUNKS RAMP MEASURE
  "$load_binary" streams "$url" --model "$model" --streams "$1" --chunks "$2" --ramp "$3" --measure "$4"
}

# measure WAY STREAMS CHUNKS: prints a line for the result
measure() {
  local way="$1" streams="$2" chunks="$3" seconds ramp idle cpu loaded gateway=,,,,,,
  ramp=$((streams / 1000 + 2))
  seconds=$((chunks - ramp - 12))
  start "$way"
  answers "interval=5ms~tokens=20"
  for _ in 1 2 3; do clients 1000 20 1s 0s >/dev/null; done
  answers "interval=1s~tokens=$chunks"
  if [[ "$way" != direct ]]; then
    # What the last ones leave is tidied up.
    sleep 2
    idle="$(ask footprint)"
  fi
  : >"$work/clients.out"
  clients "$streams" "$chunks" "${ramp}s" "${seconds}s" >"$work/clients.out" &
  local clients=$!
  first_line "$work/clients.out" open 60 >/dev/null
  if [[ "$way" != direct ]]; then cpu="$(ask cpu)"; fi
  sleep "$seconds"
  if [[ "$way" != direct ]]; then
    cpu=$((($(ask cpu) - cpu) / 10 / seconds))
    sleep 1
    loaded="$(ask footprint)"
    gateway="$(paste -d, <(echo "$idle") <(echo "$loaded") | awk -F, -v n="$streams" -v cpu="$cpu" '{
      heap = $6 - $1; direct = $7 - $2; native = $8 - $3 - direct
      printf "%.0f,%.0f,%.0f,%.0f,%d,%d,%d,%d", heap / n, direct / n, native / n, (heap + direct + native) / n, $4, $9, $10, cpu }')"
  fi
  wait "$clients"
  echo "$way,$streams,$(first_line "$work/clients.out" CSV 60),$gateway"
  if [[ "$way" != direct ]]; then
    eval "exec ${GATEWAY[1]}>&-"
    wait "$GATEWAY_PID" || true
  fi
}

mkdir -p benches/results
{
  echo "# $(date -u +%F), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $("$java" -version 2>&1 | sed -n 2p)"
  echo "# benches/streams.sh ${runs[*]}: at most $files open files, so $most streams"
  echo "# heap, direct, native, total: bytes for each stream, beyond what the idle gateway takes; cpu_percent: of one core"
  echo "way,streams,whole,failed,lost,reordered,chunks,p50_us,p90_us,p99_us,p999_us,max_us,heap,direct,native,total,threads_idle,threads,workers_busy,cpu_percent"
} >"$result"
for run in "${runs[@]}"; do
  streams="${run%:*}"
  if ((streams > most)); then streams="$most"; fi
  for way in "${ways[@]}"; do
    measure "$way" "$streams" "${run#*:}" | tee -a "$result"
  done
done

echo
grep -v '^#' "$result" | awk -F, '
  NR == 1 { printf "%-9s %8s %9s %9s %11s %11s %12s %9s %6s\n", "way", "streams", "p50 ms", "p99 ms", "added p50", "added p99",
            "KiB/stream", "threads", "CPU %" ; next }
  $1 == "direct" { p50[$2] = $8; p99[$2] = $10 }
  {
    printf "%-9s %8d %9.2f %9.2f", $1, $2, $8 / 1000, $10 / 1000
    if ($1 != "direct") {
      if ($2 in p50) printf " %11.2f %11.2f", ($8 - p50[$2]) / 1000, ($10 - p99[$2]) / 1000
      else printf " %11s %11s", "-", "-"
      printf " %12.1f %9d %6d", $16 / 1024, $18, $20
    }
    print ""
    wrong += $4 + $5 + $6
  }
  END { if (wrong) { print wrong " streams or chunks went wrong" > "/dev/stderr"; exit 1 } }'
