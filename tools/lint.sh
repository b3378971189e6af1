#!/usr/bin/env bash
# Formats, clippy, cargo-deny, shellcheck, and the list of API Manager versions. Every part runs, also after one that
# failed; a tool that is neither there nor installable by apt is named and fails. cargo-deny alone may be missing, unless
# DENY_REQUIRED=1: to build it takes longer than everything else together.
#
# usage: tools/lint.sh "GRADLE COMMAND" "CARGO FLAGS"     (make lint; CARGO comes from the PATH)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit
. tools/apt.sh

read -ra gradle <<<"$1"
read -ra cargo_flags <<<"$2"
failed=()

part() {
    local name=$1
    shift
    echo "== $name"
    "$@" || failed+=("$name")
}

missing() {
    echo "== $1: MISSING: $2"
    failed+=("$1, which is missing")
}

unchecked() {
    if [ "${DENY_REQUIRED:-}" = 1 ]; then missing "$1" "$2"; else echo "== $1: not checked: $2"; fi
}

# Which package of rustfmt and clippy belongs to the cargo that apt installed.
rust_packages() {
    case $(dpkg -S "$(readlink -f "$(command -v cargo)")" 2>/dev/null) in
    cargo:*) echo rustfmt rust-clippy ;;
    cargo-web:*) echo rustfmt-web rust-web-clippy ;;
    cargo-1.*) dpkg -S "$(readlink -f "$(command -v cargo)")" | sed 's/^cargo-\([0-9.]*\):.*/rustfmt-\1 rust-\1-clippy/' ;;
    esac
}

have_fmt() { cargo fmt --version >/dev/null 2>&1; }
have_clippy() { cargo clippy --version >/dev/null 2>&1; }
have_shellcheck() { command -v shellcheck >/dev/null; }

wanted=()
if ! have_fmt || ! have_clippy; then read -ra wanted <<<"$(rust_packages)"; fi
if ! have_shellcheck; then wanted+=(shellcheck); fi
if [ ${#wanted[@]} -gt 0 ] && may_apt; then
    apt_update && apt_install "${wanted[@]}"
fi

if have_fmt; then
    part "rustfmt" cargo fmt --all --check
    part "rustfmt (fuzz)" cargo fmt --manifest-path fuzz/Cargo.toml --check
else
    missing "rustfmt" "rustup component add rustfmt, or the package that belongs to this cargo"
fi

if have_clippy; then
    part "clippy" cargo clippy --workspace --all-targets "${cargo_flags[@]}" -- -D warnings
    part "clippy (loom)" cargo clippy -p failover-suspension --features loom --all-targets "${cargo_flags[@]}" -- -D warnings
    part "clippy (test-natives)" cargo clippy -p failover-jni --features test-natives --all-targets "${cargo_flags[@]}" -- -D warnings
else
    missing "clippy" "rustup component add clippy, or the package that belongs to this cargo"
fi

if cargo deny --version >/dev/null 2>&1; then
    part "cargo-deny: licences, sources, bans" cargo deny -L error check licenses sources bans
    if timeout 60 cargo deny fetch db >/dev/null 2>&1; then
        part "cargo-deny: advisories" cargo deny check advisories
    else
        unchecked "cargo-deny: advisories" "the advisory database can't be fetched from here"
    fi
else
    unchecked "cargo-deny" "cargo install --locked cargo-deny, which takes minutes"
fi

part "google-java-format (make fmt puts it right)" "${gradle[@]}" checkJavaFormat

part "versions of API Manager" tools/versions.sh

scripts() {
    find . \( -name target -o -name build -o -name .git -o -name .gradle -o -name node_modules \) -prune \
        -o -type f \( -name '*.sh' -o -path './.ci/run' \) -print | sort
}
if have_shellcheck; then
    mapfile -t files < <(scripts)
    part "shellcheck" shellcheck -x "${files[@]}"
else
    missing "shellcheck" "your distribution's package shellcheck"
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'lint: failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "lint: clean"
