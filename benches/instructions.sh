#!/usr/bin/env bash
# How many instructions the parts of a request take, under Valgrind's Callgrind, and what a healthy request allocates on
# the native side. Neither depends on the machine's load, so that both can be held to what was written down.
#
# Each case runs N times and 2 N times; the difference is what N of them take, without the program's start.
#
# usage: benches/instructions.sh           writes the CSV
#        benches/instructions.sh --check   compares with the CSV that is committed: no more than MARGIN percent more
#
# RESULTS is the folder of the CSV; ISOLATION is where the programs are. With another release of the compiler than the
# file's, OTHER_MARGIN counts; for another kind of processor there is nothing to compare with, which is said.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh
programs="${ISOLATION:-target/release}"
margin="${MARGIN:-10}"
other_margin="${OTHER_MARGIN:-30}"

if ! command -v valgrind >/dev/null && may_apt; then
  apt_update && apt_install valgrind
fi
if ! command -v valgrind >/dev/null; then
  echo "Missing to count instructions: valgrind (sudo apt-get install valgrind)" >&2
  exit 1
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# counted FILE TIMES CASE: how many instructions it takes that often, into the file
counted() {
  if ! valgrind --tool=callgrind --callgrind-out-file=/dev/null "$programs/instructions" "$2" "$3" >/dev/null 2>"$1.log"; then
    cat "$1.log" >&2
    return 1
  fi
  sed -n 's/^==[0-9]*== Collected : //p' "$1.log" >"$1"
}
export programs
export -f counted

count=0
while read -r times name; do
  printf '%s\0%s\0%s\0' "$work/$count.once" "$times" "$name" "$work/$count.twice" "$((2 * times))" "$name"
  echo "$times $name" >>"$work/cases"
  count=$((count + 1))
done < <("$programs/instructions") | xargs -0 -n 3 -P "$(nproc)" bash -c 'counted "$@"' counted
"$programs/allocations" >"$work/allocations"

{
  count=0
  while read -r times name; do
    awk -v times="$times" -v name="$name" -v once="$(<"$work/$count.once")" -v twice="$(<"$work/$count.twice")" \
      'BEGIN { printf "%s,instructions,%.0f\n", name, (twice - once) / times }'
    count=$((count + 1))
  done <"$work/cases"
  sed 's/^\([a-z]*\) /healthy request over HTTP\/1.1,\1,/' "$work/allocations"
} >"$work/counts"

compiler="$(rustc -vV | sed -n 's/^release: \([0-9]*\.[0-9]*\).*/\1/p')"
processor="$(rustc -vV | sed -n 's/^host: \([^-]*\).*/\1/p')"
if [[ "${1:-}" != --check ]]; then
  result="${RESULTS:-benches/results}/instructions.csv"
  mkdir -p "$(dirname "$result")"
  {
    echo "# rustc $compiler, $processor, $(valgrind --version)"
    echo "# benches/instructions.sh: Callgrind, N and 2 N times, the difference for each; a chunk is one event of a recorded stream"
    echo "case,what,count"
    cat "$work/counts"
  } | tee "$result"
  exit
fi

committed=benches/results/instructions.csv
read -r its_compiler its_processor < <(sed -n '1s/^# rustc \([0-9.]*\), \([^,]*\),.*/\1 \2/p' "$committed")
if [[ "$its_processor" != "$processor" ]]; then
  echo "instructions: counted, not compared: $committed is of $its_processor, this is $processor"
  exit
fi
if [[ "$its_compiler" != "$compiler" ]]; then
  echo "instructions: $committed is of rustc $its_compiler, this is $compiler: up to $other_margin % more are taken for the compiler's"
  margin="$other_margin"
fi
awk -F, -v margin="$margin" -v file="$committed" '
  /^#/ || $1 == "case" { next }
  FNR == NR { was[$1 "," $2] = $3; next }
  {
    seen[$1 "," $2] = 1
    if (!(($1 "," $2) in was)) { printf "instructions: %s: %s %s, none in %s\n", $1, $3, $2, file; wrong = 1; next }
    percent = ($3 / was[$1 "," $2] - 1) * 100
    if (percent > margin) { printf "instructions: %s: %s committed, %s found: %s %+.0f %%\n", $1, was[$1 "," $2], $3, $2, percent; wrong = 1 }
    if (percent < -margin) printf "instructions: %s: %s committed, %s found: %s %+.0f %%, better written down\n", $1, was[$1 "," $2], $3, $2, percent
    cases++
  }
  END {
    for (key in was) if (!(key in seen)) { split(key, k, ","); printf "instructions: %s: %s %s in %s, not counted\n", k[1], was[key], k[2], file; wrong = 1 }
    if (wrong) print "instructions: if that is meant, make bench-instructions writes them down"
    else printf "instructions: %d counts, none more than %s %% above %s\n", cases, margin, file
    exit wrong
  }' "$committed" "$work/counts"
