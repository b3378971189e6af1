#!/usr/bin/env bash
# A Chromium for the tests: prints its path, installed by apt when it is missing.
#
# usage: tools/chromium.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

if ! command -v chromium >/dev/null; then
    if ! may_apt; then
        echo "Missing for a test: chromium (sudo apt-get install chromium)" >&2
        exit 1
    fi
    apt_update
    apt_install chromium
fi
command -v chromium
