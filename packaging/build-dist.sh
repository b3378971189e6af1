#!/usr/bin/env bash
# Assembles model-failover-<version>/ and packs it as .tar.gz and .zip.
# Usage: build-dist.sh VERSION BUNDLE_JAR OUT_DIR [INVENTORY_DIR NATIVE_DIR]
# With the last two it is a release: packaging/inventory.py's files go in, the names of the libraries' functions into an
# archive of their own, and SHA256SUMS beside all of them.
# Needs GNU tar, gzip and the JDK's jar tool (on the PATH or in JAVA_HOME). The same input gives the same bytes;
# SOURCE_DATE_EPOCH, seconds since 1970, sets the time of every file.
set -euo pipefail

die() {
    printf 'build-dist.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 3 ] || [ $# -eq 5 ] || die "usage: build-dist.sh VERSION BUNDLE_JAR OUT_DIR [INVENTORY_DIR NATIVE_DIR]"
readonly version=$1 bundle=$2 out=$3 inventory=${4:-} native=${5:-}
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
readonly policies=$here/../policy-definitions
readonly terms=("$here/../LICENSE" "$here/../NOTICE" "$here/../CHANGELOG.md")
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

# sums FOLDER: the checksums of the files in it, for sha256sum -c
sums() {
    (cd "$1" && find . -type f ! -name SHA256SUMS | sort | sed 's/^\.\///' | tr '\n' '\0' | xargs -0 sha256sum >"$stage/sums")
    mv "$stage/sums" "$1/SHA256SUMS"
    chmod 644 "$1/SHA256SUMS"
}

# tarball NAME: of the folder NAME in the stage
tarball() {
    (cd "$stage" && tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -cf - "$1") |
        gzip -n -9 >"$out_dir/$1.tar.gz"
}

mkdir -p "$root/dropins" "$root/operation_policies/specifications" "$root/operation_policies/definitions"
sed "s/@VERSION@/$version/g" "$here/README-INSTALL.md" >"$root/README-INSTALL.md"
cp "$here/install.sh" "$here/policies.sh" "$root/"
cp -R "$here/images" "$here/installer" "$here/monitoring" "$root/"
if [ -n "$inventory" ]; then
    mkdir "$root/sbom"
    cp "$inventory/THIRD-PARTY.txt" "$root/"
    cp "$inventory"/*.cdx.json "$root/sbom/"
fi
cp "${terms[@]}" "$root/"
cp "$bundle" "$root/dropins/$name.jar"

# add_policy NAME VERSION: for the file drop, and for apictl.
add_policy() {
    local from=$policies/$1/${1}_$2
    cp "$from.json" "$root/operation_policies/specifications/"
    cp "$from.j2" "$root/operation_policies/definitions/"
    mkdir -p "$root/apictl/$1"
    # apictl and the import of a zip take the specification only inside "data".
    {
        printf '{\n  "type": "operation_policy_specification",\n  "version": "v4.5.0",\n  "data": '
        sed '1!s/^/  /' "$from.json"
        printf '}\n'
    } >"$root/apictl/$1/$1.json"
    cp "$from.j2" "$root/apictl/$1/$1.j2"
}
add_policy modelFailover v2
add_policy modelFailoverSettings v1

find "$root" -type f -exec chmod 644 {} +
chmod 755 "$root/install.sh" "$root/policies.sh"
set_times "$root"
for name_of_policy in modelFailover modelFailoverSettings; do
    (cd "$root/apictl" && zip_sorted "$root/apictl/$name_of_policy.zip" "$name_of_policy")
    chmod 644 "$root/apictl/$name_of_policy.zip"
done
sums "$root"
set_times "$root"

rm -rf "${out_dir:?}/$name" "$out_dir/$name.tar.gz" "$out_dir/$name.zip"
tarball "$name"
(cd "$stage" && zip_sorted "$out_dir/$name.zip" "$name")
cp -pR "$root" "$out_dir/$name"

made=("$name.tar.gz" "$name.zip")
if [ -n "$native" ]; then
    for symbols in "$native"/*/libmodel_failover.so.debug; do
        platform=$(basename "$(dirname "$symbols")")
        mkdir -p "$stage/$name-symbols/$platform"
        cp "$symbols" "$(dirname "$symbols")/libmodel_failover.so" "$stage/$name-symbols/$platform/"
    done
    set_times "$stage/$name-symbols"
    tarball "$name-symbols"
    cp "$inventory"/*.cdx.json "$out_dir/"
    made+=("$name-symbols.tar.gz" sbom-java.cdx.json sbom-rust.cdx.json)
    (cd "$out_dir" && sha256sum "${made[@]}" >SHA256SUMS)
    made+=(SHA256SUMS)
fi
for file in "${made[@]}"; do printf '%s\n' "$out_dir/$file"; done
