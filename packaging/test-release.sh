#!/usr/bin/env bash
# Tests what make dist-all has made: what is in it, what its libraries need, that it can be put together twice with the
# same bytes, and that each library loads where that can be done on this machine.
# Usage: test-release.sh FOLDER VERSION
set -euo pipefail

release=$(cd "$1" && pwd) version=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=model-failover-$version
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

failed=0
pass() { printf 'ok      %s\n' "$*"; }
fail() {
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$*"
}
skip() { printf 'skipped %s\n' "$*"; }
check() { # NAME COMMAND…
    local what=$1
    shift
    if "$@" >"$work/output" 2>&1; then pass "$what"; else fail "$what: $(cat "$work/output")"; fi
}

cd "$release"
check "the checksums hold" sha256sum --quiet -c SHA256SUMS
tar -xzf "$name.tar.gz" -C "$work"
check "the checksums inside hold" bash -c "cd '$work/$name' && sha256sum --quiet -c SHA256SUMS"
for file in CHANGELOG.md LICENSE NOTICE THIRD-PARTY.txt sbom/sbom-rust.cdx.json sbom/sbom-java.cdx.json; do
    check "$file is inside" test -s "$work/$name/$file"
done
jar=$work/$name/dropins/$name.jar
mkdir "$work/jar"
python3 -m zipfile -e "$jar" "$work/jar"
size=$(stat -c %s "$jar")
check "the bundle has at most 12 MiB: $size bytes" test "$size" -le $((12 * 1024 * 1024))

# the highest of the versions that readelf names, such as 2.17
highest() { readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -V | tail -n 1; }
needed() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

for platform in linux-x86_64 linux-x86_64-musl linux-aarch64 linux-aarch64-musl; do
    library=$work/jar/native/$platform/libmodel_failover.so
    if ! python3 -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.argv[1]), open(sys.argv[2], "wb"))' \
        "$library.xz" "$library" 2>"$work/output"; then
        fail "$platform: no library in the bundle that can be unpacked: $(tail -n 1 "$work/output")"
        continue
    fi
    case $platform in *x86_64*) machine=X86-64 ;; *) machine=AArch64 ;; esac
    check "$platform: made for it" bash -c "readelf -h '$library' | grep -q '$machine'"
    check "$platform: shows JNI_OnLoad" bash -c "readelf --dyn-syms -W '$library' | grep -q ' JNI_OnLoad'"
    check "$platform: no static TLS" bash -c "! readelf -dW '$library' | grep -q STATIC_TLS"
    case $platform in
        *-musl) allowed='^libc\.so$' ;;
        *)
            allowed='^(lib(c|m|pthread|dl)\.so\.[0-9]+|ld-linux.*)$'
            check "$platform: glibc $(highest "$library")" \
                test "$(printf '2.17\n%s\n' "$(highest "$library")" | sort -V | tail -n 1)" = 2.17
            ;;
    esac
    others=$(needed "$library" | grep -vE "$allowed" | tr '\n' ' ' || true)
    check "$platform: needs $(needed "$library" | tr '\n' ' ')" test -z "$others"
    check "$platform: no path of the machine that built it" bash -c "! strings '$library' | grep -E '^/(root|home|work|build)/'"
done

# --- The same bytes from the same inputs -------------------------------------------------------------

tar -xzf "$name-symbols.tar.gz" -C "$work"
"$here/../build/cross/bin/python" "$here/inventory.py" "$work/inventory"
sleep 2.1 # the resolution of times in a zip
(umask 077 && bash "$here/build-dist.sh" "$version" "$jar" "$work/again" "$work/inventory" "$work/$name-symbols") >/dev/null
check "put together again in another folder it has the same bytes" cmp SHA256SUMS "$work/again/SHA256SUMS"

# --- Loaded ------------------------------------------------------------------------------------------

loads() { # NAME COMMAND…: a JVM that runs the bundle's own check
    local what=$1
    shift
    if "$@" -cp "$jar" org.modelfailover.executor.SelfCheck >"$work/output" 2>&1 && grep -q '^ok library' "$work/output"; then
        pass "$what: $(sed -n 's/^ok library: \([^ ]*\).*/\1/p' "$work/output")"
    else
        fail "$what: $(cat "$work/output")"
    fi
}
loads "loaded in $("$java" -version 2>&1 | sed -n 1p)" "$java"
for other in /usr/lib/jvm/*/bin/java; do
    case $("$other" -version 2>&1) in
        *'"25'*) loads "loaded in JDK 25" "$other" --enable-native-access=ALL-UNNAMED ;;
    esac
done
# What tools/foreign.sh has got: an aarch64 JRE and glibc for qemu, and a musl.
foreign=$here/../build/foreign
if [ -x "$foreign/java-aarch64" ]; then
    loads "loaded in an aarch64 JRE under qemu" "$foreign/java-aarch64"
else
    skip "aarch64 in a JRE: run tools/foreign.sh before"
fi
if [ -x "$foreign/musl-dlopen" ]; then
    check "x86_64 musl: dlopen finds JNI_OnLoad" "$foreign/musl-dlopen" "$work/jar/native/linux-x86_64-musl/libmodel_failover.so"
else
    skip "musl by dlopen: run tools/foreign.sh before"
fi
skip "aarch64 musl: symbols and needed libraries only"

[ "$failed" -eq 0 ] || {
    printf '%s failed\n' "$failed"
    exit 1
}
