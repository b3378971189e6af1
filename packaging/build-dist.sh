#!/usr/bin/env bash
# Assembles model-failover-<version>/ and packs it as .tar.gz and .zip.
# Usage: build-dist.sh VERSION BUNDLE_JAR OUT_DIR
# Needs GNU tar, gzip and the JDK's jar tool (on the PATH or in JAVA_HOME). The same input gives the same bytes;
# SOURCE_DATE_EPOCH, seconds since 1970, sets the time of every file.
set -euo pipefail

die() {
    printf 'build-dist.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 3 ] || die "usage: build-dist.sh VERSION BUNDLE_JAR OUT_DIR"
readonly version=$1 bundle=$2 out=$3
case $version in
    [0-9]*) ;;
    *) die "the version must start with a digit: '$version'" ;;
esac
case $version in
    *[!0-9A-Za-z.+-]*) die "the version may hold letters, digits, '.', '+' and '-': '$version'" ;;
esac
[ -f "$bundle" ] || die "no such bundle: $bundle"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here
readonly policy=$here/../policy-definitions/modelFailover
readonly terms=("$here/../LICENSE" "$here/../NOTICE")
jar=jar
if [ -n "${JAVA_HOME:-}" ]; then jar=$JAVA_HOME/bin/jar; fi
command -v "$jar" >/dev/null || die "the JDK's jar tool is not there: set JAVA_HOME"
tar --version 2>/dev/null | grep -q 'GNU tar' || die "GNU tar is needed"

export LC_ALL=C TZ=UTC
umask 022
readonly epoch=${SOURCE_DATE_EPOCH:-1767225600}

mkdir -p "$out"
out_dir=$(cd "$out" && pwd)
readonly out_dir name=model-failover-$version
stage=$(mktemp -d)
readonly stage
trap 'rm -rf "$stage"' EXIT
readonly root=$stage/$name

# zip_sorted ARCHIVE TOP: the files under TOP (relative to the current directory), by name, without directory entries.
# The files are named one by one, since jar takes a directory's files in the order of the disk.
zip_sorted() {
    local archive=$1 top=$2 file
    local files=()
    while IFS= read -r file; do files+=("$file"); done < <(find "$top" -type f | sort)
    "$jar" -J-Duser.timezone=UTC -c -f "$archive" --no-manifest "${files[@]}"
}

set_times() { find "$1" -exec touch -d "@$epoch" {} +; }

mkdir -p "$root/dropins" "$root/operation_policies/specifications" "$root/operation_policies/definitions" \
    "$root/apictl/modelFailover"
sed "s/@VERSION@/$version/g" "$here/README-INSTALL.md" >"$root/README-INSTALL.md"
cp "$here/install.sh" "$root/install.sh"
cp "${terms[@]}" "$root/"
cp "$bundle" "$root/dropins/$name.jar"
cp "$policy/modelFailover_v2.json" "$root/operation_policies/specifications/"
cp "$policy/modelFailover_v2.j2" "$root/operation_policies/definitions/"

# apictl and the import of a zip take the specification only inside "data".
{
    printf '{\n  "type": "operation_policy_specification",\n  "version": "v4.5.0",\n  "data": '
    sed '1!s/^/  /' "$policy/modelFailover_v2.json"
    printf '}\n'
} >"$root/apictl/modelFailover/modelFailover.json"
cp "$policy/modelFailover_v2.j2" "$root/apictl/modelFailover/modelFailover.j2"

find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root/install.sh"
set_times "$root"
(cd "$root/apictl" && zip_sorted "$root/apictl/modelFailover.zip" modelFailover)
chmod 644 "$root/apictl/modelFailover.zip"
set_times "$root"

rm -rf "${out_dir:?}/$name" "$out_dir/$name.tar.gz" "$out_dir/$name.zip"
(cd "$stage" && tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - "$name") |
    gzip -n -9 >"$out_dir/$name.tar.gz"
(cd "$stage" && zip_sorted "$out_dir/$name.zip" "$name")
cp -pR "$root" "$out_dir/$name"

printf '%s\n' "$out_dir/$name.tar.gz" "$out_dir/$name.zip"
