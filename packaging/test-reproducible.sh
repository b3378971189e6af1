#!/usr/bin/env bash
# Builds the release again, from a copy of the sources in another folder and under another umask, and compares every byte.
#
# usage: packaging/test-reproducible.sh FOLDER               with what make release has written there
#        packaging/test-reproducible.sh FOLDER PLATFORM…     the libraries of these platforms alone, with FOLDER's
set -euo pipefail

folder=$(cd "$1" && pwd)
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
copy=$work/sources/in/another/folder

mkdir -p "$copy"
git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf - | tar -xf - -C "$copy"
unset CARGO_TARGET_DIR MAKEFLAGS MAKELEVEL
umask 077

if [ $# -gt 0 ]; then
    (cd "$copy" && tools/cross.sh again "$@")
    again=$copy/again
    compared=()
    for platform in "$@"; do compared+=("$platform/libmodel_failover.so" "$platform/libmodel_failover.so.debug"); done
else
    make -s -C "$copy" release
    again=$copy/build/release
    mapfile -t compared < <(cd "$folder" && sed 's/^[0-9a-f]* *//' SHA256SUMS)
fi

differing=0
for file in "${compared[@]}"; do
    if cmp "$folder/$file" "$again/$file"; then
        printf 'the same: %s\n' "$file"
    else
        differing=$((differing + 1))
    fi
done
[ "$differing" -eq 0 ] || {
    printf '%s of %s differ\n' "$differing" "${#compared[@]}"
    exit 1
}
