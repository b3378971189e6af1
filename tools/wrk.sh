#!/usr/bin/env bash
# The benchmarks' load generator: there, or installed by apt, or named.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

command -v wrk >/dev/null && exit 0
if may_apt && apt_update && apt_install wrk; then exit 0; fi
echo "Missing for the benchmarks: wrk (sudo apt-get install wrk, brew install wrk)" >&2
exit 1
