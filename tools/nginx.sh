#!/usr/bin/env bash
# An nginx for the tests: prints the folder it is in, which need not be on the PATH.
#
# usage: tools/nginx.sh FOLDER
set -euo pipefail

installed=$(PATH=$PATH:/usr/sbin command -v nginx || true)
if [ -n "$installed" ]; then
    dirname "$installed"
    exit 0
fi
exec "$(dirname "${BASH_SOURCE[0]}")/debian.sh" "$1" nginx usr/sbin/nginx
