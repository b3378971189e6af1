# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # install.sh sets them, and reads them
# What is in the home, and how it is changed: whole files, one after the other, each kept before. Sourced by install.sh.

# Our bundles in a directory, one path per line; nothing when there are none.
bundles_in() {
    for file in "$1"/model-failover-[0-9]*.jar; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}

# 1.2.3 of …/model-failover-1.2.3.jar
version_of() {
    file=${1##*/model-failover-}
    printf '%s' "${file%.jar}"
}

# older_than 1.9.0 1.10.0; what follows a - is older than nothing (1.0.0-rc1 before 1.0.0).
older_than() {
    awk -v a="$1" -v b="$2" 'BEGIN {
        ra = rb = ""
        if (i = index(a, "-")) { ra = substr(a, i + 1); a = substr(a, 1, i - 1) }
        if (i = index(b, "-")) { rb = substr(b, i + 1); b = substr(b, 1, i - 1) }
        n = split(a, x, "."); m = split(b, y, ".")
        for (i = 1; i <= n || i <= m; i++) if (x[i] + 0 != y[i] + 0) exit !(x[i] + 0 < y[i] + 0)
        if (ra == rb) exit 1
        if (ra == "") exit 1
        if (rb == "") exit 0
        exit !(ra < rb)
    }'
}

require_writable() {
    dir=$1
    # A directory that is not there yet is made, so its nearest parent counts.
    while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
    if [ ! -w "$dir" ] || [ ! -x "$dir" ]; then
        die "$EXIT_NOT_WRITABLE" "$dir is not writable for $(id -un)"
    fi
}

# user:group, as numbers
# shellcheck disable=SC2012 # stat has other options on each system; of this line only the numbers count
owner_of() { ls -ldn "$1" | awk '{ print $3 ":" $4 }'; }

changed=no temporary=''
own() {
    # Root installs for the user to whom the home belongs.
    if [ "$(id -u)" = 0 ]; then chown "$(owner_of "$home")" "$1" 2>/dev/null || true; fi
}

make_dir() {
    [ ! -d "$1" ] || return 0
    make_dir "$(dirname "$1")"
    case $1 in
        "$state" | "$state"/*) ;;
        *)
            printf '%s\n' "${1#"$home"/}" >>"$state/made-directories"
            own "$state/made-directories"
            ;;
    esac
    mkdir "$1"
    own "$1"
}

# Copies beside the target and renames, so that a starting server sees the old file or the new one.
# The temporary name does not end in .jar, .json or .j2: the server reads only those.
put() {
    make_dir "$(dirname "$2")"
    temporary=$(mktemp "$(dirname "$2")/.model-failover.XXXXXX")
    cp "$1" "$temporary"
    chmod 644 "$temporary"
    own "$temporary"
    mv -f "$temporary" "$2"
    temporary=''
}

# Mode and owner of deployment.toml are not ours to choose.
put_toml() {
    temporary=$(mktemp "$home/repository/conf/.model-failover.XXXXXX")
    cp -p "$toml" "$temporary"
    cat "$1" >"$temporary"
    mv -f "$temporary" "$toml"
    temporary=''
}

# What a killed run has left half-written.
sweep() {
    for dir in "$dropins" "$policies/specifications" "$policies/definitions" "$home/repository/conf"; do
        for file in "$dir"/.model-failover.??????; do
            if [ -f "$file" ]; then rm -f "$file"; fi
        done
    done
    if [ -d "$state" ]; then find "$state" -name '.model-failover.??????' -type f -exec rm -f {} +; fi
}

# A run that failed before it has changed anything leaves nothing behind.
forget_if_unchanged() {
    [ -d "$state/next" ] && [ ! -f "$state/next/version" ] || return 0
    if [ -f "$state/next/absent" ]; then
        while IFS= read -r file; do
            if [ -f "$home/$file" ]; then return 0; fi
        done <"$state/next/absent"
    fi
    if [ -d "$state/next/files" ]; then
        (cd "$state/next/files" && find . -type f) >"$work/files"
        while IFS= read -r file; do
            cmp -s "$state/next/files/$file" "$home/$file" || return 0
        done <"$work/files"
    fi
    rm -rf "$state/next"
    if [ ! -f "$state/version" ]; then forget; fi
}

end() {
    code=$?
    trap - EXIT
    if [ -n "$temporary" ]; then rm -f "$temporary"; fi
    if [ "$code" != 0 ] && [ "$action" = install ]; then forget_if_unchanged; fi
    rm -rf "$work"
    exit "$code"
}

# Keeps a file that is about to change under $state/next, unless a run that was killed has done so: what is there then is
# ours. A file that is not there is noted, so that a rollback takes it away.
keep() {
    relative=${1#"$home"/}
    [ "$dry_run" = no ] || return 0
    if [ -f "$state/next/files/$relative" ] || grep -qxF "$relative" "$state/next/absent" 2>/dev/null; then return 0; fi
    make_dir "$state/next"
    if [ -f "$1" ]; then
        put "$1" "$state/next/files/$relative"
    else
        printf '%s\n' "$relative" >>"$state/next/absent"
        own "$state/next/absent"
    fi
}

# Whether the file is what an installation has put there.
is_as_installed() {
    [ -f "$state/installed/${1##*/}" ] && cmp -s "$1" "$state/installed/${1##*/}"
}

# keep_for_good FILE: a copy that no later run takes away.
keep_for_good() {
    kept=$state/kept/$(date +%Y%m%d-%H%M%S)-${1##*/}
    report "keep a copy of $1 in $kept"
    [ "$dry_run" = yes ] || put "$1" "$kept"
}

install_file() {
    if [ -f "$2" ] && cmp -s "$1" "$2"; then
        say "already installed: $2"
        return
    fi
    changed=yes
    if [ -e "$2" ]; then report "replace $2, which differs"; else report "install $2"; fi
    [ "$dry_run" = no ] || return 0
    keep "$2"
    put "$1" "$2"
}

take_away() {
    changed=yes
    report "remove $1"
    [ "$dry_run" = yes ] || rm -f "$1"
}
