# shellcheck shell=bash
# Starts what the benches compare, in processes of their own, and measures it. Sourced by the scripts beside it, from the
# repository's folder; PROVIDER_BINARY, LOAD_BINARY and JAVA come from make.
# shellcheck disable=SC2034  # much of this is for the scripts that source it
. benches/wait.sh
. benches/envoy.sh
. benches/ai-gateways.sh

java="${JAVA:-java}"
load_binary="${LOAD_BINARY:-target/release/load}"
provider_binary="${PROVIDER_BINARY:-target/release/simulated-provider}"
rounds="${ROUNDS:-5}"
seconds="${ROUND_SECONDS:-3}"
only="${ONLY:-.}"
results="${RESULTS:-benches/results}"
work="$(mktemp -d)"
mkdir -p "$results"
ulimit -n "$(ulimit -Hn)"

command -v curl >/dev/null || {
  echo "Missing for the benches: curl" >&2
  exit 1
}

declare -A pid hold url header control plain tls

finish() {
  local name
  for name in "${!pid[@]}"; do stop "$name"; done
  rm -rf "$work"
}
trap finish EXIT

# stop NAME...: ends what was started under this name
stop() {
  local name
  for name in "$@"; do
    local input="${hold[$name]:-}"
    if [[ -n "$input" ]]; then exec {input}>&-; fi
    if [[ -n "${pid[$name]}" ]]; then
      kill "${pid[$name]}" 2>/dev/null || true
      wait "${pid[$name]}" 2>/dev/null || true
    fi
    unset "pid[$name]" "hold[$name]"
  done
}

# upstream NAME [OPTION...]: sets control, plain and tls of the name; its certificate is $work/NAME.pem
upstream() {
  local name="$1"
  shift
  "$load_binary" upstream --certificate "$work/$name.pem" "$@" >"$work/$name.out" &
  pid[$name]=$!
  tls[$name]="$(first_line "$work/$name.out" tls)"
  plain[$name]="$(first_line "$work/$name.out" plain)"
  control[$name]="$(first_line "$work/$name.out" control)"
}

# tell NAME PATH: an upstream's control
tell() {
  curl -sSf -o /dev/null -X PUT "${control[$1]}/$2"
}

# deployments ARGUMENT...: writes folders for gateways
deployments() {
  "$java" -cp "$(<tests/gateway/build/driver-classpath.txt)" org.modelfailover.gateway.bench.BenchDeployments "$@"
}

# gateway NAME FOLDER: sets url and pid of the name
gateway() {
  rm -f "$work/$1.in"
  mkfifo "$work/$1.in"
  GATEWAY_LOG="$work/$1.log" tests/gateway/driver "$2" 0 <"$work/$1.in" >"$work/$1.out" &
  pid[$1]=$!
  # Kept open: the driver stops when its input ends.
  local input
  exec {input}>"$work/$1.in"
  hold[$1]="$input"
  url[$1]="$(first_line "$work/$1.out" ready 60)/chat/completions"
}

# asked NAME FOLDER: a gateway that answers questions about itself, with the JVM's options in the array options; sets url and
# pid of the name. Its class, the file of its class path and the folder that it runs in can be others than these
footprint_gateway=org.modelfailover.gateway.bench.FootprintGateway
footprint_classpath=tests/gateway/build/driver-classpath.txt
footprint_home=.
options=()
asked() {
  rm -f "$work/$1.in"
  mkfifo "$work/$1.in"
  (
    classpath="$(<"$footprint_classpath")"
    cd "$footprint_home" || exit
    exec "$java" "${options[@]}" -cp "$classpath" "$footprint_gateway" "$2" "$work/$1.log"
  ) <"$work/$1.in" >"$work/$1.out" &
  pid[$1]=$!
  local input
  exec {input}>"$work/$1.in"
  hold[$1]="$input"
  url[$1]="$(first_line "$work/$1.out" ready 60)/chat/completions"
}

# ask NAME QUESTION: of a gateway that was started by asked; prints what it says behind the question's first word
ask() {
  local word="${2%% *}" said
  said="$(grep -c "^$word " "$work/$1.out" || true)"
  echo "$2" >&"${hold[$1]}"
  for _ in $(seq 30000); do
    if (($(grep -c "^$word " "$work/$1.out" || true) > said)); then
      sed -n "s/^$word //p" "$work/$1.out" | tail -n 1
      return
    fi
    sleep 0.02
  done
  echo "no answer to $2" >&2
  return 1
}

# envoy NAME: with the configuration $work/NAME.yaml; sets url and pid of the name
envoy() {
  local at="$work/$1.admin" listener
  rm -f "$at"
  "$ENVOY" -c "$work/$1.yaml" --use-dynamic-base-id --log-level off --admin-address-path "$at" >"$work/$1.out" 2>&1 &
  pid[$1]=$!
  for _ in $(seq 200); do
    if [[ -s "$at" ]]; then
      listener="$(curl -s "http://$(<"$at")/listeners" | sed -n 's/^gateway:://p')"
      if [[ -n "$listener" ]]; then break; fi
    fi
    sleep 0.1
  done
  url[$1]="http://$listener/v1/chat/completions"
}

# has_envoy: whether Envoy is among the parties
has_envoy() {
  [[ -n "${ENVOY:-}" ]]
}

# left_out NAME...: which of these programs are not there, for the head of a CSV
left_out() {
  local name missing=()
  for name in "$@"; do
    if [[ -z "${!name:-}" ]]; then missing+=("$name"); fi
  done
  if ((${#missing[@]})); then
    local words="${missing[*]}"
    echo ", without ${words// / and }" | sed 's/ENVOY/Envoy/; s/LITELLM/LiteLLM/; s/PORTKEY/Portkey/'
  fi
}

# clients URL [OPTION...]: prints requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request, also when every
# request has failed
clients() {
  "$load_binary" clients "$@" 2>>"$work/clients.log" | sed -n 's/^CSV //p' || true
}

# head_of METHOD...: what is written above the columns: the machine, and a line for each argument
head_of() {
  echo "# $(date -u +%F), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $("$java" -version 2>&1 | sed -n 2p)"
  local line
  for line in "$@"; do echo "# $line"; done
}

# check FILE COLUMN: fails when a measurement has failed requests, which are in the column, or no answers, which are four
# columns before; tells what failed
check() {
  if awk -F, -v column="$2" '!/^#/ && seen++ && ($column > 0 || $(column - 4) == 0) { print; wrong = 1 } END { exit wrong }' "$1" >&2; then
    return
  fi
  echo "requests failed, or none was answered:" >&2
  sort "$work/clients.log" | uniq -c | sort -rn | head -n 20 >&2
  return 1
}

# quartiles COLUMNS VALUE < CSV: for each group of lines that agree in the first COLUMNS, the median of the column
# VALUE with its quartiles
quartiles() {
  grep -v '^#' | tail -n +2 | sort -t, -k"1,$1" -s | awk -F, -v columns="$1" -v value="$2" '
    function at(share,  place, low) {
      place = 1 + (n - 1) * share; low = int(place)
      return v[low] + (place - low) * (v[low < n ? low + 1 : n] - v[low])
    }
    function tell(  i, j, t) {
      for (i = 2; i <= n; i++) { t = v[i]; for (j = i - 1; j && v[j] > t; j--) v[j + 1] = v[j]; v[j + 1] = t }
      if (n) printf "%-50s %11.1f  [%.1f – %.1f]\n", group, at(0.5), at(0.25), at(0.75)
      n = 0
    }
    {
      key = $1
      for (i = 2; i <= columns; i++) key = key " " $i
      if (key != group) { tell(); group = key }
      if ($value != "") v[++n] = $value + 0
    }
    END { tell() }'
}
