#!/usr/bin/env bash
# Redis for the tests: prints a folder with redis-server and redis-cli, unpacked from Debian's packages where none is
# installed.
#
# usage: tools/redis.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "$1" && cd "$1" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
    dirname "$(command -v redis-server)"
    exit 0
fi
if [ ! -x "$folder/bin/redis-cli" ]; then
    if ! may_apt; then
        echo "Missing for a test: redis (sudo apt-get install redis-server)" >&2
        exit 1
    fi
    # redis-server is the same program as redis-check-rdb.
    tools=$(tools/debian.sh "$folder/redis-tools" redis-tools usr/bin/redis-cli)
    libraries=
    for package in libjemalloc2 liblzf1; do
        unpacked=$(tools/debian.sh "$folder/$package" "$package" usr/lib)
        libraries=$(dirname "$(find "$unpacked" -name '*.so.*' | head -1)"):$libraries
    done
    mkdir -p "$folder/bin"
    for program in redis-server:redis-check-rdb redis-sentinel:redis-check-rdb redis-cli:redis-cli; do
        cat >"$folder/bin/${program%%:*}.new" <<EOF
#!/usr/bin/env bash
export LD_LIBRARY_PATH=$libraries
exec -a ${program%%:*} "$tools/${program##*:}" "\$@"
EOF
        chmod +x "$folder/bin/${program%%:*}.new"
        mv "$folder/bin/${program%%:*}.new" "$folder/bin/${program%%:*}"
    done
fi
echo "$folder/bin"
