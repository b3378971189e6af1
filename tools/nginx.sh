#!/usr/bin/env bash
# An nginx for the tests: prints the folder it is in. Unpacked from Debian's package rather than
# installed, because that would start a server of its own.
#
# usage: tools/nginx.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

installed=$(PATH=$PATH:/usr/sbin command -v nginx || true)
if [ -n "$installed" ]; then
    dirname "$installed"
    exit 0
fi
if [ ! -x "$folder/usr/sbin/nginx" ]; then
    if ! may_apt; then
        echo "Missing for a test against nginx: nginx (sudo apt-get install nginx)" >&2
        exit 1
    fi
    apt_update
    echo "apt: downloading nginx" >&2
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download nginx >&2 && dpkg -x nginx_*.deb .)
fi
echo "$folder/usr/sbin"
