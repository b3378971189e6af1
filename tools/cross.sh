#!/usr/bin/env bash
# Builds the native library for every platform of the release: Linux on x86_64 and aarch64, each for glibc 2.17 and for
# musl. Zig links, so that neither a cross compiler nor the other platform's C library has to be installed.
#
# usage: tools/cross.sh OUT [PLATFORM…]      writes OUT/PLATFORM/libmodel_failover.so and its names, ….so.debug
#
# Needs rustup, for llvm-objcopy and the standard libraries of the other platforms: the one that is there, or one of its
# own in build/rustup. cargo-zigbuild and zig come from PyPI into build/cross.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

# Another Rust gives other bytes.
rust=1.95.0
rustup=1.28.2
declare -A rustup_sha256=(
    [x86_64]=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c
    [aarch64]=e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c
)

all=(linux-x86_64 linux-x86_64-musl linux-aarch64 linux-aarch64-musl)
[ $# -ge 1 ] || {
    echo "usage: tools/cross.sh OUT [${all[*]}]" >&2
    exit 2
}
out=$1
shift
[ $# -gt 0 ] || set -- "${all[@]}"

tools/python.sh build/cross tools/cross-requirements.txt
PATH=$PWD/build/cross/bin:$PATH

own_rustup() {
    export RUSTUP_HOME=$PWD/build/rustup CARGO_HOME=$PWD/build/rustup/cargo
    PATH=$CARGO_HOME/bin:$PATH
    if ! command -v curl >/dev/null && may_apt; then
        apt_update && apt_install curl ca-certificates
    fi
    [ ! -x "$CARGO_HOME/bin/rustup" ] || return 0
    echo "rustup: installing into build/rustup" >&2
    local cpu init=$RUSTUP_HOME/rustup-init
    cpu=$(uname -m)
    mkdir -p "$RUSTUP_HOME"
    curl --proto '=https' --tlsv1.2 -sSf -o "$init" \
        "https://static.rust-lang.org/rustup/archive/$rustup/$cpu-unknown-linux-gnu/rustup-init"
    echo "${rustup_sha256[$cpu]}  $init" | sha256sum --quiet -c
    chmod +x "$init"
    RUSTUP_INIT_SKIP_PATH_CHECK=yes "$init" -y -q --no-modify-path --profile minimal --default-toolchain "$rust" >&2
    rm "$init"
}
if command -v rustup >/dev/null && [[ $(command -v cargo) = */.cargo/bin/* || -n ${RUSTUP_HOME:-} ]]; then
    :
elif [ -x "${HOME:-/root}/.cargo/bin/rustup" ]; then
    PATH=$HOME/.cargo/bin:$PATH
else
    own_rustup
fi

triple() {
    case $1 in
    linux-*-musl) echo "$(arch "$1")-unknown-linux-musl" ;;
    linux-*) echo "$(arch "$1")-unknown-linux-gnu" ;;
    esac
}
arch() {
    case $1 in
    linux-x86_64*) echo x86_64 ;;
    linux-aarch64*) echo aarch64 ;;
    *)
        echo "tools/cross.sh: no such platform: $1 (there are: ${all[*]})" >&2
        return 1
        ;;
    esac
}

export RUSTUP_TOOLCHAIN=$rust
if ! rustup toolchain list | grep -q "^$rust-"; then rustup -q toolchain install "$rust" --profile minimal >&2; fi
# Rust's own, because it knows all platforms.
objcopy=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/llvm-objcopy
[ -x "$objcopy" ] || rustup -q component add llvm-tools >&2

# No path of this machine is in the result: the same sources give the same bytes in any folder.
home=${CARGO_HOME:-$HOME/.cargo}
export CFLAGS="-ffile-prefix-map=$home=cargo -ffile-prefix-map=$PWD=."
# A library that a JVM loads shares the JVM's C library: -crt-static, which says something for musl alone.
export RUSTFLAGS="--remap-path-prefix=$PWD=. --remap-path-prefix=$home=cargo -C target-feature=-crt-static"

# All in one run: linking takes most of the time, of one core each.
targets=()
for platform in "$@"; do
    target=$(triple "$platform")
    [ -n "$target" ] || exit 2
    if ! rustup target list --installed | grep -qx "$target"; then rustup -q target add "$target" >&2; fi
    case $target in *-gnu) target+=.2.17 ;; esac
    targets+=(--target "$target")
done
echo "cross: $*" >&2
cargo-zigbuild zigbuild --quiet --locked --profile dist -p failover-jni --lib "${targets[@]}"

for platform in "$@"; do
    mkdir -p "$out/$platform"
    # The names go into a file beside it, where a native stack trace finds them by the library's debug link.
    full=$(cd "${CARGO_TARGET_DIR:-target}/$(triple "$platform")/dist" && pwd)/libmodel_failover.so
    "$objcopy" --strip-debug "$full" "$full.named"
    "$objcopy" --only-keep-debug "$full.named" "$out/$platform/libmodel_failover.so.debug"
    (cd "$out/$platform" && "$objcopy" --strip-all --add-gnu-debuglink=libmodel_failover.so.debug \
        "$full.named" libmodel_failover.so)
    rm "$full.named"
done
