#!/usr/bin/env bash
# The LiteLLM proxy that the benches compare with: prints where it is. From PyPI, into a Python environment of 750 MB; where
# it can't be had, nothing is printed and the benches leave it out.
#
# usage: tools/litellm.sh FOLDER
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! tools/python.sh "$1" benches/litellm-requirements.txt >&2; then
    echo "No LiteLLM from PyPI for this machine: left out" >&2
    exit 0
fi
echo "$(cd "$1" && pwd)/bin/litellm"
