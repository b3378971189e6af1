#!/usr/bin/env bash
# The Portkey gateway that the benches compare with: prints where its program for Node is. From npm; where that can't be
# had, nothing is printed and the benches leave it out.
#
# usage: tools/portkey.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

if ! command -v npm >/dev/null && may_apt; then
    { apt_update && apt_install nodejs npm; } || true
fi
if ! cmp -s benches/portkey/package-lock.json "$folder/made-from.json"; then
    cp benches/portkey/package.json benches/portkey/package-lock.json "$folder"
    # No scripts: none of the packages needs one to run.
    if ! (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent >&2); then
        echo "No Portkey from npm for this machine: left out" >&2
        exit 0
    fi
    cp benches/portkey/package-lock.json "$folder/made-from.json"
fi
echo "$folder/node_modules/@portkey-ai/gateway/build/start-server.js"
