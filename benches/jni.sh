#!/usr/bin/env bash
# What crossing JNI costs a request, under JMH, and beside it what other circuit breakers of the JVM take of one.
#
# usage: benches/jni.sh
# ROUNDS says in how many JVMs each is measured, ROUND_SECONDS how long an iteration takes, of which there are five;
# WARMUP for how long before, in seconds. ONLY chooses by a regular expression over "Crossings.name" and "Breakers.name".
# RESULTS is the folder of the CSV; PROBE_LIBRARY, a native library with the feature test-natives, and JAVA come from make.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
java="${JAVA:-java}"
rounds="${ROUNDS:-3}"
seconds="${ROUND_SECONDS:-1}"
results="${RESULTS:-benches/results}"
mkdir -p "$results"
result="$results/jni.csv"
out="$(mktemp)"
trap 'rm -f "$out"' EXIT

# JMH hands the options on to the JVMs that it measures in. An iteration has no fraction of a second but in ms.
"$java" "-Dmodel.failover.native=${PROBE_LIBRARY:-build/jni/release/libmodel_failover.so}" -Xms512m -Xmx512m \
  -cp "$(<benches/jni/build/classpath.txt)" org.openjdk.jmh.Main \
  -f "$rounds" -wi 2 -w "$(awk -v s="${WARMUP:-4}" 'BEGIN { printf "%.0f", s * 500 }')ms" \
  -i 5 -r "$(awk -v s="$seconds" 'BEGIN { printf "%.0f", s * 1000 }')ms" \
  -foe true -rf csv -rff "$out" ${ONLY:+"$ONLY"} >&2
{
  echo "# $(date -u +%F), $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $("$java" -version 2>&1 | sed -n 2p)"
  echo "# benches/jni.sh: JMH, $rounds JVMs, 5 iterations of $seconds s; nanoseconds with the bounds of a 99.9 % confidence interval"
  echo "group,name,low_ns,ns,high_ns"
  tail -n +2 "$out" | tr -d '"' | awk -F, '{
    n = split($1, name, "."); error = $6 == "NaN" ? 0 : $6
    printf "%s,%s,%.1f,%.1f,%.1f\n", name[n - 1], name[n], $5 - error, $5, $5 + error }'
} | tee "$result"
