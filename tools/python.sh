#!/usr/bin/env bash
# A Python environment with what a requirements file names; made once, and again when the file has
# changed.
#
# usage: tools/python.sh FOLDER REQUIREMENTS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

folder=$1
requirements=$2
made=$folder/made-from.txt

if cmp -s "$requirements" "$made"; then exit 0; fi

has_venv() {
    python3 -c 'import ensurepip, venv' 2>/dev/null
}
if ! has_venv && may_apt; then
    apt_update && apt_install python3 python3-venv
fi
if ! has_venv; then
    echo "Missing for the tests: Python 3 with venv (sudo apt-get install python3-venv)" >&2
    exit 1
fi

rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
cp "$requirements" "$made"
