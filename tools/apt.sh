# shellcheck shell=bash
# Installing by apt: after saying so, and only where it may. Sourced by the scripts beside it.

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# Debian or Ubuntu, as root or with a sudo that asks for no password.
may_apt() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null
}

apt_update() {
    echo "apt: updating the package lists" >&2
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update >&2
}

# The upstream version that apt would install, nothing when it knows no such package.
apt_version() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([0-9.]*\).*/\1/p'
}

# Whatever stands in the way of a package stays: apt then refuses, and the user decides.
apt_install() {
    echo "apt: installing $*" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 \
        -o Dpkg::Use-Pty=0 install -y --no-install-recommends --no-remove "$@" >/dev/null
}
