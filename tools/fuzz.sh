#!/usr/bin/env bash
# Builds the fuzz targets with libFuzzer's instrumentation, which the stable compiler can do too, and runs each for its
# share of the time. What was found stays in build/fuzz/: new inputs in corpus/TARGET, failures in failed/TARGET.
#
# usage: tools/fuzz.sh SECONDS [TARGET...]     (make fuzz MINUTES=…, make test-fuzz; CARGO comes from the PATH)
#
# FUZZ_JOBS targets run at a time; as many as there are cores, if it is not set.
# PAGE names a file for the figures of a run.
# To run one failure again: FUZZ_TARGET=TARGET build/fuzz/run FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

seconds=$1
shift
mapfile -t all < <(sed -n 's/^    ("\([a-z]*\)", .*),$/\1/p' fuzz/src/main.rs)
targets=("${@:-${all[@]}}")
if [ $# -eq 0 ]; then targets=("${all[@]}"); fi
out=$PWD/build/fuzz
jobs=${FUZZ_JOBS:-$(nproc 2>/dev/null || echo 1)}

# libFuzzer is C++.
if ! command -v c++ >/dev/null && may_apt; then
    apt_update && apt_install g++
fi
if ! command -v c++ >/dev/null; then
    echo "Missing for fuzzing: a C++ compiler (c++), your distribution's g++ or clang" >&2
    exit 1
fi

# What cargo-fuzz sets, but for the sanitizers, which the stable compiler has not. `--target` keeps it from build scripts.
flags=(--cfg fuzzing -Cpasses=sancov-module)
for flag in -level=4 -inline-8bit-counters -pc-table -trace-compares; do
    flags+=("-Cllvm-args=-sanitizer-coverage$flag")
done
read -ra cargo_flags <<<"${FUZZ_CARGO_FLAGS:--q}"
host=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="${flags[*]}" cargo build --manifest-path fuzz/Cargo.toml --release --locked --target "$host" \
    --target-dir "$out/target" "${cargo_flags[@]}"
mkdir -p "$out"
cp "$out/target/$host/release/fuzz" "$out/run"

# seed TARGET NAME HEAD...: what comes on the input, behind bytes that say how it is read.
seed() {
    local target=$1 name=$2
    shift 2
    mkdir -p "$out/seeds/$target"
    { printf '%b' "$@" && cat; } >"$out/seeds/$target/$name"
}

rm -rf "$out/seeds"
mkdir -p "$out/seeds"
cp -R fuzz/seeds/. "$out/seeds/"
for file in native/wire/tests/recorded/*; do
    name=$(basename "$file")
    case $name in
    *.sse)
        seed streams "$name" '\x00\x0a\x01' <"$file"
        seed rescue "$name" '\x00\x08\x01\x80' <"$file"
        seed rescue "again-$name" '\x00\x88\x01\x80' <"$file"
        ;;
    *.json)
        seed streams "$name" '\x01\x0a\x01' <"$file"
        seed rescue "$name" '\x01\x08\x01\x80' <"$file"
        ;;
    *.base64)
        sed '/^#/d' "$file" | base64 -d | seed streams "$name" '\x02\x0a\x01'
        # What is in the frames, for the target to pack.
        sed -n 's/^# //p' "$file" | seed streams "unpacked-$name" '\x03\x0a\x01'
        sed -n 's/^# //p' "$file" | seed rescue "$name" '\x03\x08\x01\x80'
        ;;
    esac
done

# shellcheck disable=SC2317 # xargs calls it.
# one TARGET: runs it and says what it did, in one line.
one() {
    local target=$1 log=$out/$1.log status=0
    mkdir -p "$out/corpus/$target" "$out/failed/$target" "$out/seeds/$target"
    # A unit that takes 10 s or 1 GiB is a failure too.
    FUZZ_TARGET=$target "$out/run" -max_total_time="$share" -timeout=10 -rss_limit_mb=1024 -max_len=16384 -len_control=20 \
        -dict=fuzz/dictionary -artifact_prefix="$out/failed/$target/" -print_final_stats=1 -verbosity=1 \
        "$out/corpus/$target" "$out/seeds/$target" >"$log" 2>&1 || status=$?
    local executions corpus
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    corpus=$(find "$out/corpus/$target" -type f | wc -l)
    printf '%-10s %12s executions in %s s, %s inputs found\n' "$target" "${executions:-?}" "$share" "$corpus"
    if [ "$status" -ne 0 ]; then
        echo "$target FAILED:"
        grep -A 3 -E 'panicked at|ERROR: libFuzzer' "$log" | head -n 20
        sed -n "s|.*Test unit written to |FUZZ_TARGET=$target build/fuzz/run |p" "$log"
    fi
    return "$status"
}

share=$((seconds * jobs / ${#targets[@]}))
if [ "$share" -lt 1 ]; then share=1; fi
export out share
export -f one
status=0
printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I {} bash -c 'one {}' | tee "$out/figures" || status=1

if [ -n "${PAGE:-}" ] && [ "$status" -eq 0 ]; then
    {
        cat <<END
# Fuzzing

\`make fuzz MINUTES=$((seconds / 60)) WRITE=1\` wrote this page on $(date +%F), with $jobs targets at a time. \`MINUTES=600\` takes a night;
what is found stays in \`build/fuzz/corpus\`, and the next run goes on from there.

libFuzzer feeds each reader of what peers send with what recordings and seeds become by chance, led by the code that it
reaches. A unit that panics, takes 10 s or 1 GiB, or breaks what its target states (\`fuzz/README.md\`) is a failure, and
then there is no page.

| target | executions | inputs that reach new code |
|---|---|---|
END
        sort "$out/figures" | awk '{ printf "| `%s` | %s | %s |\n", $1, $2, $7 }'
    } >"$PAGE"
fi
exit $status
