#!/usr/bin/env bash
# What many event streams at once cost, and how much later their chunks come. Each stream has a chunk a second. Four ways to
# the same provider: through the Model Failover policy, by the gateway's own way (send), through Envoy, and directly. Parties
# take turns in each round, each in a process of its own that ends with its turn. Everything shares the machine's cores.
#
# usage: benches/streams.sh
# STREAMS says how many streams at once, one number after the other; of a larger one than the machine has files for, as many
# as it has. ROUNDS and ROUND_SECONDS say how often and how long is measured; ONLY chooses by a regular expression over
# "streams,party"; WARMUP is for how many rounds of short streams each party runs before, SETTLE for how many seconds it rests
# then, REST for how many the streams go on behind what is measured. RESULTS is the folder of the CSV,
# ENVOY names the program, JAVA_OPTS adds to the gateway's options.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. benches/parties.sh
rounds="${ROUNDS:-3}"
seconds="${ROUND_SECONDS:-15}"
warmup="${WARMUP:-3}"
rest="${REST:-7}"
settle="${SETTLE:-2}"
read -ra sizes <<<"${STREAMS:-1000 10000}"
result="$results/streams.csv"
# The heap has its size and its pages from the start, so that what grows is something else.
read -ra options <<<"-Xms2g -Xmx2g -XX:+AlwaysPreTouch ${JAVA_OPTS:-}"
model=gpt-4o

# Two sockets for each stream in the gateway, and what a JVM has open anyway.
files="$(ulimit -n)"
most=1000000
if [[ "$files" != unlimited ]]; then most=$(((files - 400) / 2 / 100 * 100)); fi

# answers DIRECTIVES: from now on the model answers so
answers() {
  curl -sSf -o /dev/null -X PUT "$provider/_control/faults" -d "{\"model\":\"$model\",\"directives\":\"stamp~$1\"}"
}

# start PARTY
start() {
  case "$1" in
  policy) asked policy "$work/failover" ;;
  send) asked send "$work/send" ;;
  envoy) envoy envoy ;;
  esac
}

# footprint PARTY: heap, direct buffers, resident beside the heap in bytes; threads, busy workers. Only the JVM has them all
footprint() {
  case "$1" in
  envoy) echo "0,0,$(awk '/^VmRSS/ { print $2 * 1024 }' "/proc/${pid[envoy]}/status"),$(find "/proc/${pid[envoy]}/task" -mindepth 1 -maxdepth 1 | wc -l)," ;;
  *) ask "$1" footprint ;;
  esac
}

open_streams() { # PARTY STREAMS CHUNKS RAMP MEASURE
  local options=(--model "$model" --streams "$2" --chunks "$3" --ramp "$4" --measure "$5")
  if [[ -n "${pid[$1]:-}" ]]; then options+=(--cpu-of "${pid[$1]}"); fi
  "$load_binary" streams "${url[$1]}" "${options[@]}" 2>>"$work/clients.log"
}

# measure PARTY STREAMS ROUND: prints a line for the result
measure() {
  local party="$1" streams="$2" ramp chunks idle loaded gateway=,,,,,, few
  ramp=$((streams / 1000 + 1))
  # The rest is for the last ones to begin, and for the look at the gateway while all are open.
  chunks="$(awk -v s="$seconds" -v ramp="$ramp" -v rest="$rest" 'BEGIN { printf "%.0f", s + ramp + rest + 0.5 }')"
  start "$party"
  answers "interval=5ms~tokens=20"
  few=$((streams < 1000 ? streams : 1000))
  for _ in $(seq "$warmup"); do open_streams "$party" "$few" 20 1s 0s >/dev/null; done
  answers "interval=1s~tokens=$chunks"
  if [[ "$party" != direct ]]; then
    # What the last ones leave is tidied up.
    sleep "$settle"
    idle="$(footprint "$party")"
  fi
  : >"$work/streams.out"
  open_streams "$party" "$streams" "$chunks" "${ramp}s" "${seconds}s" >"$work/streams.out" &
  local clients=$!
  await_line "$work/streams.out" measured $((chunks + 60))
  if [[ "$party" != direct ]]; then
    loaded="$(footprint "$party")"
    gateway="$(paste -d, <(echo "$idle") <(echo "$loaded") | awk -F, -v n="$streams" -v envoy="$([[ "$party" == envoy ]] && echo 1)" '{
      heap = $6 - $1; direct = $7 - $2; native = $8 - $3 - direct
      if (envoy) printf ",,%.0f,%.0f,%d,%d,", native / n, native / n, $4, $9
      else printf "%.0f,%.0f,%.0f,%.0f,%d,%d,%d", heap / n, direct / n, native / n, (heap + direct + native) / n, $4, $9, $10 }')"
  fi
  wait "$clients"
  echo "$party,$streams,$3,$(first_line "$work/streams.out" CSV 60),$gateway"
  if [[ "$party" != direct ]]; then stop "$party"; fi
}

"$provider_binary" --quiet >"$work/provider.out" &
pid[provider]=$!
provider="$(first_line "$work/provider.out" 'listening on' 60)"
deployments "$work" "$provider/v1"
url[direct]="$provider/v1/chat/completions"
names=(policy send)
if has_envoy; then
  ENVOY_TIMEOUT=0s envoy_healthy "${provider#http://}" plain "" >"$work/envoy.yaml"
  names+=(envoy)
fi
names+=(direct)
{
  head_of "benches/streams.sh, $rounds rounds of $seconds s, parties in turn$(left_out ENVOY): at most $files open files, so $most streams" \
    "heap, direct, native, total: bytes for each stream, beyond what the idle gateway takes; of Envoy what is resident alone" \
    "cpu_us_per_chunk: the gateway's processor time from schedstat, without the JIT's threads"
  echo "party,streams,round,whole,failed,lost,reordered,chunks,p50_us,p90_us,p99_us,p999_us,max_us,cpu_us_per_chunk,heap,direct,native,total,threads_idle,threads,workers_busy"
} >"$result"
for size in "${sizes[@]}"; do
  streams=$((size < most ? size : most))
  for round in $(seq "$rounds"); do
    for party in "${names[@]}"; do
      if grep -Eq "$only" <<<"$streams,$party"; then measure "$party" "$streams" "$round" | tee -a "$result"; fi
    done
  done
done

echo
echo "p99 of a chunk's delay in microseconds, median and quartiles:"
quartiles 2 11 <"$result"
if ! awk -F, '!/^#/ && seen++ && ($5 + $6 + $7 > 0 || $4 == 0) { print; wrong = 1 } END { exit wrong }' "$result" >&2; then
  echo "streams or chunks went wrong:" >&2
  sort "$work/clients.log" | uniq -c | sort -rn | head -n 20 >&2
  exit 1
fi
