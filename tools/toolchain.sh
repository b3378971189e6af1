#!/usr/bin/env bash
# Finds what the build needs and writes it down for the Makefile: a JDK, a Gradle that runs on it,
# Rust, and a C compiler. What is there already is used. What is missing is installed by apt on
# Debian and Ubuntu where this user may; elsewhere it is named, with the line that installs it.
#
# usage: tools/toolchain.sh FILE.mk
#
# JAVA_HOME, GRADLE and CARGO, when set, are tried first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/apt.sh

file=$1
min_jdk=17
min_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
asked="JAVA_HOME=${JAVA_HOME:-} GRADLE=${GRADLE:-} CARGO=${CARGO:-} PATH=$PATH RUST=$min_rust"

# at_least 1.88 1.95.0
at_least() {
    [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# The answer of the last run holds as long as nothing was asked differently and the tools are there.
still_true() {
    [ -f "$file" ] && [ "$file" -nt tools/toolchain.sh ] && [ "$(head -n 1 "$file")" = "# $asked" ] &&
        sed -n 's/.* tool //p' "$file" | while read -r tool; do [ -x "$tool" ] || exit 1; done
}

absolute() {
    local found
    found=$(command -v "$1") && echo "$(cd "$(dirname "$found")" && pwd)/$(basename "$found")"
}

# ---------------------------------------------------------------------------------------- finding

rust_version() {
    [ -x "$1/cargo" ] && [ -x "$1/rustc" ] &&
        PATH="$1:$PATH" "$1/cargo" --version >/dev/null 2>&1 &&
        PATH="$1:$PATH" "$1/rustc" --version 2>/dev/null | awk '{ print $2 }'
}

# Sets rust_bin, the directory that holds cargo and rustc.
find_rust() {
    local dir version
    rust_bin=
    rust_seen=
    while read -r dir; do
        version=$(rust_version "$dir") || continue
        if at_least "$min_rust" "$version"; then
            rust_bin=$dir
            return
        fi
        rust_seen="$version in $dir"
    done < <(
        [ -z "${CARGO:-}" ] || dirname "$CARGO"
        dirname "$(absolute cargo || echo /nowhere/cargo)"
        echo "${HOME:-/root}/.cargo/bin"
        # Ubuntu's newer ones stand beside the release's own.
        printf '%s\n' /usr/lib/rust-*/bin | sort -Vr
        printf '%s\n' /usr/bin /usr/local/bin /opt/homebrew/bin
    )
}

jdk_version() {
    [ -x "$1/bin/javac" ] && "$1/bin/javac" -version 2>&1 | sed -n 's/^javac \([0-9]*\).*/\1/p'
}

# The JDKs that are new enough: the one asked for, the one on the PATH, the others from old to new.
jdks() {
    local dir version
    {
        echo "${JAVA_HOME:-}"
        if command -v javac >/dev/null; then
            dirname "$(dirname "$(readlink -f "$(command -v javac)")")"
        fi
        {
            printf '%s\n' /usr/lib/jvm/* "${HOME:-/root}"/.sdkman/candidates/java/*
            printf '%s\n' /Library/Java/JavaVirtualMachines/*/Contents/Home
            printf '%s\n' /opt/homebrew/opt/openjdk*/libexec/openjdk.jdk/Contents/Home
        } | while read -r dir; do
            [ ! -d "$dir" ] || [ -L "$dir" ] || echo "$(jdk_version "$dir" || true) $dir"
        done | sort -n | sed 's/^[0-9]* //'
    } | awk 'NF && !seen[$0]++' | while read -r dir; do
        version=$(jdk_version "$dir") || continue
        [ -z "$version" ] || [ "$version" -lt "$min_jdk" ] || echo "$dir"
    done
}

gradles() {
    {
        [ -z "${GRADLE:-}" ] || absolute "$GRADLE" || true
        absolute gradle || true
        printf '%s\n' "${HOME:-/root}/.sdkman/candidates/gradle/current/bin/gradle" /opt/gradle*/bin/gradle
    } | while read -r gradle; do [ ! -x "$gradle" ] || echo "$gradle"; done | awk '!seen[$0]++'
}

# Which JDKs a Gradle runs on can't be told from its version (Debian patches its 4.4.1), so it
# compiles a class.
gradle_runs_on() {
    local probe status=0
    probe=$(mktemp -d)
    mkdir -p "$probe/src/main/java"
    echo "apply plugin: 'java'" >"$probe/build.gradle"
    : >"$probe/settings.gradle"
    echo 'class Probe { }' >"$probe/src/main/java/Probe.java"
    JAVA_HOME=$2 "$1" --no-daemon --offline -q -p "$probe" classes >"$probe/log" 2>&1 || status=1
    [ -f "$probe/build/classes/java/main/Probe.class" ] || status=1
    rm -rf "$probe"
    return $status
}

# Sets java_home and gradle to the first pair that works together. Debian's Gradle, made for its
# release's JDK, warns at every step on the newest ones: there the oldest that will do goes first,
# unless JAVA_HOME says otherwise.
find_java_and_gradle() {
    local home candidate order
    java_home=
    gradle=
    jdks=$(jdks)
    gradles=$(gradles)
    while read -r candidate; do
        [ -n "$candidate" ] || continue
        order=$jdks
        if [ -z "${JAVA_HOME:-}" ] && [[ $(readlink -f "$candidate") = /usr/share/gradle/* ]]; then
            order=$(while read -r home; do echo "$(jdk_version "$home") $home"; done <<<"$jdks" |
                sort -s -n -k 1,1 | sed 's/^[0-9]* //')
        fi
        while read -r home; do
            [ -n "$home" ] || continue
            if gradle_runs_on "$candidate" "$home"; then
                java_home=$home
                gradle=$candidate
                return
            fi
        done <<<"$order"
    done <<<"$gradles"
}

# Sets missing to the tools that are not there: jdk, gradle, rust, cc.
look() {
    missing=()
    find_java_and_gradle
    if [ -z "$jdks" ] || { [ -n "$gradles" ] && [ -z "$java_home" ]; }; then missing+=(jdk); fi
    if [ -z "$gradles" ]; then missing+=(gradle); fi
    find_rust
    [ -n "$rust_bin" ] || missing+=(rust)
    # Rust links with it, and the TLS library's assembler files need it.
    command -v cc >/dev/null || missing+=(cc)
}

is_missing() {
    [[ " ${missing[*]:-} " = *" $1 "* ]]
}

# ------------------------------------------------------------------------------------- installing

jdk_package() {
    local package
    for package in openjdk-17-jdk-headless openjdk-21-jdk-headless openjdk-25-jdk-headless; do
        if [ -n "$(apt_version $package)" ]; then
            echo $package
            return
        fi
    done
    echo default-jdk-headless
}

# Debian's rustc-web is the current Rust for an older release, Ubuntu's rustc-1.xx likewise.
rust_packages() {
    local suffix
    while read -r suffix; do
        if at_least "$min_rust" "$(apt_version "rustc$suffix")" && [ -n "$(apt_version "cargo$suffix")" ]; then
            echo "rustc$suffix cargo$suffix"
            return
        fi
    done < <(
        printf '%s\n' '' -web
        apt-cache pkgnames rustc-1. | grep -E '^rustc-1\.[0-9]+$' | sed 's/^rustc//' | sort -Vr
    )
    return 1
}

apt_packages() {
    local rust
    packages=(ca-certificates)
    if is_missing jdk; then packages+=("$(jdk_package)"); fi
    if is_missing gradle; then packages+=(gradle); fi
    if is_missing cc; then packages+=(gcc libc6-dev); fi
    if is_missing rust; then
        rust=$(rust_packages) || return 1
        # shellcheck disable=SC2206 # two names
        packages+=($rust)
    fi
}

describe_missing() {
    local tool
    for tool in ${missing[@]+"${missing[@]}"}; do
        case $tool in
        jdk)
            if [ -z "$jdks" ]; then
                echo "a JDK $min_jdk or later (with javac)"
            else
                echo "a JDK $min_jdk or later that the Gradle here runs on, or a Gradle for the JDK here:"
                printf '%s\n%s\n' "$gradles" "$jdks" | sed 's/^/    /'
            fi
            ;;
        gradle) echo "Gradle (4.4.1 as Debian has it, or 7.3 and later)" ;;
        rust) echo "Rust $min_rust or later with cargo${rust_seen:+ (seen: $rust_seen)}" ;;
        cc) echo "a C compiler (cc)" ;;
        esac
    done
}

how_to_install() {
    local tool
    if command -v apt-get >/dev/null && apt_packages; then
        echo "sudo apt-get update && sudo apt-get install ${packages[*]}"
        return
    fi
    for tool in "${missing[@]}"; do
        case $tool-$(command -v brew >/dev/null && echo brew) in
        jdk-brew) echo "brew install openjdk@17" ;;
        gradle-brew) echo "brew install gradle" ;;
        cc-brew) echo "xcode-select --install" ;;
        jdk-*) echo "sdk install java            # SDKMAN!, or your distribution's OpenJDK 17 or later" ;;
        gradle-*) echo "sdk install gradle          # SDKMAN!" ;;
        cc-*) echo "your distribution's gcc or clang" ;;
        rust-*) echo "rustup update stable        # https://rustup.rs" ;;
        esac
    done
}

# -------------------------------------------------------------------------------------------------

if still_true; then exit 0; fi

look
if [ ${#missing[@]} -gt 0 ] && may_apt; then
    echo "Missing for the build:" >&2
    describe_missing | sed 's/^/  /' >&2
    if apt_update && apt_packages; then
        apt_install "${packages[@]}" && look
    fi
fi

if [ ${#missing[@]} -gt 0 ]; then
    {
        echo "Missing for the build:"
        describe_missing | sed 's/^/  /'
        echo "To install:"
        how_to_install | sed 's/^/  /'
    } >&2
    exit 1
fi

# Ahead of the PATH only what is not found through it already.
front=$java_home/bin
if [ "$(absolute cargo || true)" != "$rust_bin/cargo" ]; then front+=:$rust_bin; fi

# The newest JDK, for the tests: Gradle need not run on it.
newer=
while read -r home; do
    if [ "$home" != "$java_home" ] && at_least "$(jdk_version "${newer:-$java_home}")" "$(jdk_version "$home")"; then
        newer=$home
    fi
done <<<"$jdks"

mkdir -p "$(dirname "$file")"
cat >"$file" <<MK
# $asked
# Written by tools/toolchain.sh.
# tool $java_home/bin/javac
# tool $gradle
# tool $rust_bin/cargo
export JAVA_HOME := $java_home
export PATH := $front:\$(PATH)
CARGO := $rust_bin/cargo
GRADLE := $gradle
export JAVA := $java_home/bin/java
NEWER_JAVA := ${newer:+$newer/bin/java}
MK
{
    echo "JDK     $(jdk_version "$java_home")  $java_home"
    echo "Gradle  $gradle"
    echo "Rust    $(rust_version "$rust_bin")  $rust_bin"
} >&2
