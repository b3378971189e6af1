#!/usr/bin/env bash
# A program of a Debian package for the tests: prints the folder it is in. Unpacked rather than installed, because
# installing would start a service.
#
# usage: tools/debian.sh FOLDER PACKAGE PROGRAM_IN_PACKAGE
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
package=$2
program=$folder/$3
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

if [ ! -x "$program" ]; then
    if ! may_apt; then
        echo "Missing for a test: $package (sudo apt-get install $package)" >&2
        exit 1
    fi
    apt_update
    echo "apt: downloading $package" >&2
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User=root download "$package" >&2 && dpkg -x "$package"_*.deb .)
fi
dirname "$program"
