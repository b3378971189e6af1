#!/bin/sh
# Puts Model Failover into a WSO2 API Manager home, examines it there, or takes it out again.
# Needs a POSIX shell (also dash and BusyBox) and the usual tools: awk, cmp, cp, ls, mktemp, mv, sed; nothing else.
set -eu

EXIT_USAGE=2 EXIT_NOT_A_HOME=3 EXIT_UNSUPPORTED=4 EXIT_NOT_WRITABLE=5 EXIT_INCOMPLETE=6 EXIT_KEPT=7 EXIT_CHECK=8

SPECIFICATION=modelFailover_v2.json
DEFINITION=modelFailover_v2.j2

# What is made here is the server's to read, whatever the umask of the shell.
umask 022
unset CDPATH

usage() {
    cat <<'USAGE'
Usage: install.sh [--dry-run] [--force] [--configure] APIM_HOME
       install.sh --check APIM_HOME
       install.sh [--dry-run] --rollback APIM_HOME
       install.sh [--dry-run] [--force] --uninstall APIM_HOME
       install.sh --help

Installs Model Failover into a WSO2 API Manager 4.5, 4.6 or 4.7 home:
  all-in-one (api-manager.sh)    the bundle and the policy files
  universal gateway (gateway.sh) the bundle
  control plane (api-cp.sh)      the policy files

  --check      examines an installation, one line each, and changes nothing
  --rollback   puts back what the last installation replaced
  --uninstall  takes the bundle and the policy files away, and what --configure has added
  --configure  adds an empty table [apim.ai.model_failover] to deployment.toml, which is not touched otherwise
  --force      also over a newer bundle, over policy files that somebody has changed, and with a JDK
               that is not supported; what is replaced is kept in repository/model-failover
  --dry-run    says what would be done, and changes nothing
  --help       this text

Exit codes: 0 done, or nothing to do; 2 wrong usage; 3 not an API Manager home, or a node that needs
nothing; 4 a version or a JDK that is not supported; 5 a directory is not writable; 6 the unpacked
archive is incomplete; 7 something is kept unless --force is given; 8 --check has found a fault.
USAGE
}

say() { printf '%s\n' "$*"; }
warn() { printf 'Warning: %s\n' "$*" >&2; }
die() {
    code=$1
    shift
    printf 'Error: %s\n' "$*" >&2
    exit "$code"
}

# Says what is done; with --dry-run, what would be.
report() {
    if [ "$dry_run" = yes ]; then say "would: $*"; else say "$*"; fi
}

home='' action=install dry_run=no force=no configure=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --uninstall) action=uninstall ;;
        --check) action=check ;;
        --rollback) action=rollback ;;
        --dry-run) dry_run=yes ;;
        --force) force=yes ;;
        --configure) configure=yes ;;
        -*)
            usage >&2
            die $EXIT_USAGE "unknown option $1"
            ;;
        *)
            [ -z "$home" ] || die $EXIT_USAGE "more than one APIM_HOME: $home and $1"
            [ -n "$1" ] || die $EXIT_USAGE "APIM_HOME is empty"
            home=$1
            ;;
    esac
    shift
done
if [ -z "$home" ]; then
    usage >&2
    die $EXIT_USAGE "APIM_HOME is missing"
fi

# --- The home -------------------------------------------------------------------------------------

[ -d "$home" ] || die $EXIT_NOT_A_HOME "$home is not a directory"
home=$(cd -- "$home" && pwd)
dropins=$home/repository/components/dropins
policies=$home/repository/resources/operation_policies
toml=$home/repository/conf/deployment.toml
# What this script remembers: what it has put there, and what it has replaced.
state=$home/repository/model-failover

for needed in repository/components repository/conf/deployment.toml; do
    [ -e "$home/$needed" ] || die $EXIT_NOT_A_HOME "$home is not an API Manager home: it has no $needed"
done

# The start script tells what the node is: every distribution, the traffic manager's too, ships an
# operation_policies directory.
wants_bundle=no wants_policy=no
if [ -f "$home/bin/api-manager.sh" ]; then
    node="all-in-one" wants_bundle=yes wants_policy=yes
elif [ -f "$home/bin/gateway.sh" ]; then
    node="universal gateway" wants_bundle=yes
elif [ -f "$home/bin/api-cp.sh" ]; then
    node="control plane" wants_policy=yes
elif [ -f "$home/bin/traffic-manager.sh" ]; then
    die $EXIT_NOT_A_HOME "$home is a traffic manager: it needs neither the bundle nor the policy files"
else
    die $EXIT_NOT_A_HOME "$home is not an API Manager home:" \
        "bin has none of api-manager.sh, gateway.sh and api-cp.sh"
fi

# updates/product.txt holds one line such as wso2am-4.6.0 or wso2am-universal-gw-4.6.0;
# bin/version.txt holds the product's name and version and is what `api-manager.sh --version` prints.
# What follows the first version, in brackets or not, is something else's.
product_version() {
    for file in updates/product.txt bin/version.txt; do
        [ -f "$home/$file" ] || continue
        found=$(awk 'match($0, /[0-9]+\.[0-9]+(\.[0-9]+)*/) { print substr($0, RSTART, RLENGTH); exit }' "$home/$file")
        if [ -n "$found" ]; then
            printf '%s' "$found"
            return
        fi
    done
}

version=$(product_version)
case $version in
    4.5 | 4.5.* | 4.6 | 4.6.* | 4.7 | 4.7.*) supported=yes ;;
    '') supported=unknown ;;
    [0-3].* | 4.[0-4] | 4.[0-4].*) supported=no ;;
    *) supported=unknown ;;
esac

# The JDK that the server's start script takes: JAVA_HOME, or else the java on the PATH.
java=''
if [ -n "${JAVA_HOME:-}" ]; then
    if [ -x "$JAVA_HOME/bin/java" ]; then java=$JAVA_HOME/bin/java; fi
elif command -v java >/dev/null; then
    java=$(command -v java)
fi
java_version() {
    [ -n "$java" ] || return 0
    "$java" -version 2>&1 | sed -n 's/.*version "\(1\.\)\{0,1\}\([0-9][0-9]*\).*/\2/p' | sed -n 1p
}
jdk=$(java_version)
case $version in
    4.5 | 4.5.* | 4.6 | 4.6.*) newest_jdk=21 ;;
    *) newest_jdk=25 ;;
esac
jdk_fault=''
if [ -n "$jdk" ]; then
    if [ "$jdk" -lt 11 ]; then
        jdk_fault="JDK $jdk ($java) is not supported: the bundle needs 11 or later"
    elif [ "$supported" = yes ] && [ "$jdk" -gt "$newest_jdk" ]; then
        jdk_fault="JDK $jdk ($java) is not supported: API Manager $version runs on $newest_jdk at most"
    fi
fi

[ "$action" = check ] || say "API Manager ${version:-(version not found)}, $node, in $home"
if [ "$action" = install ]; then
    case $supported in
        no) die $EXIT_UNSUPPORTED "API Manager $version is not supported; 4.5.0 is the first with AI API policies of this kind" ;;
        unknown) warn "${version:-this version} has not been tried; this is made for 4.5, 4.6 and 4.7" ;;
    esac
    if [ -n "$jdk_fault" ] && [ "$wants_bundle" = yes ]; then
        [ "$force" = yes ] || die $EXIT_UNSUPPORTED "$jdk_fault; set JAVA_HOME to the server's JDK, or give --force"
        warn "$jdk_fault"
    fi
fi

# --- What is there ----------------------------------------------------------------------------------

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
        die $EXIT_NOT_WRITABLE "$dir is not writable for $(id -un)"
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

# --- Install ----------------------------------------------------------------------------------------

# The archive, also when this script is called through a link.
find_archive() {
    script=$0
    case $script in
        */*) ;;
        *) [ -e "$script" ] || script=$(command -v -- "$script") ;;
    esac
    while [ -L "$script" ]; do
        link=$(readlink "$script")
        case $link in
            /*) script=$link ;;
            *) script=$(dirname "$script")/$link ;;
        esac
    done
    here=$(cd -- "$(dirname "$script")" && pwd)
    bundle=$(bundles_in "$here/dropins")
}

require_archive() {
    find_archive
    case $bundle in
        '') die $EXIT_INCOMPLETE "$here/dropins has no model-failover-<version>.jar; unpack the archive again" ;;
        *'
'*) die $EXIT_INCOMPLETE "$here/dropins has more than one bundle; unpack the archive again" ;;
    esac
    for file in "specifications/$SPECIFICATION" "definitions/$DEFINITION"; do
        [ -f "$here/operation_policies/$file" ] ||
            die $EXIT_INCOMPLETE "$here/operation_policies has no $file; unpack the archive again"
    done
    target=$dropins/${bundle##*/}
}

# Downgrades, and policy files that are not what an installation has put there, need --force.
require_no_loss() {
    ours=$(version_of "$bundle")
    if [ "$wants_bundle" = yes ]; then
        bundles_in "$dropins" >"$work/bundles"
        while IFS= read -r file; do
            theirs=$(version_of "$file")
            if older_than "$ours" "$theirs" && [ "$force" = no ]; then
                die $EXIT_KEPT "$theirs is installed, and this is $ours: give --force to go back to it"
            fi
        done <"$work/bundles"
    fi
    [ "$wants_policy" = yes ] || return 0
    for file in "specifications/$SPECIFICATION" "definitions/$DEFINITION"; do
        there=$policies/$file
        if [ -f "$there" ] && ! cmp -s "$there" "$here/operation_policies/$file" && ! is_as_installed "$there"; then
            [ "$force" = yes ] || die $EXIT_KEPT "$there was changed by somebody: give --force to replace it; a copy is kept"
            keep_for_good "$there"
        fi
    done
}

policy_differs() {
    for file in "specifications/$SPECIFICATION" "definitions/$DEFINITION"; do
        if [ -f "$policies/$file" ] && ! cmp -s "$policies/$file" "$here/operation_policies/$file"; then return 0; fi
    done
    return 1
}

# The new bundle is there before an old one goes: on a full disk the old one stays.
install_bundle() {
    install_file "$bundle" "$target"
    bundles_in "$dropins" >"$work/bundles"
    while IFS= read -r file; do
        if [ "$file" != "$target" ]; then
            keep "$file"
            take_away "$file"
        fi
    done <"$work/bundles"
    bundles_in "$home/repository/components/lib" >"$work/bundles"
    while IFS= read -r file; do warn "$file is a second copy of the bundle; remove it"; done <"$work/bundles"
}

install_policy() {
    install_file "$here/operation_policies/specifications/$SPECIFICATION" "$policies/specifications/$SPECIFICATION"
    install_file "$here/operation_policies/definitions/$DEFINITION" "$policies/definitions/$DEFINITION"
}

configure_toml() {
    if grep -q '^[[:space:]]*\[apim\.ai\.model_failover\]' "$toml"; then
        say "already there: [apim.ai.model_failover] in $toml"
        return
    fi
    changed=yes
    report "add an empty table [apim.ai.model_failover] to $toml"
    [ "$dry_run" = no ] || return 0
    keep "$toml"
    {
        cat "$toml"
        printf '\n# model-failover: begin\n[apim.ai.model_failover]\n'
        printf '# Every setting has its default; docs/settings.md of Model Failover lists them.\n# model-failover: end\n'
    } >"$work/toml"
    [ -f "$state/deployment.toml" ] || put "$toml" "$state/deployment.toml"
    put_toml "$work/toml"
}

# What --configure has added; the rest of the file is as it was, or as somebody has changed it since.
unconfigure_toml() {
    grep -q '^# model-failover: begin$' "$toml" || return 0
    changed=yes
    report "take the table [apim.ai.model_failover] out of $toml"
    [ "$dry_run" = no ] || return 0
    {
        cat "$state/deployment.toml" 2>/dev/null || true
        printf '\n# model-failover: begin\n[apim.ai.model_failover]\n'
        printf '# Every setting has its default; docs/settings.md of Model Failover lists them.\n# model-failover: end\n'
    } >"$work/toml"
    if [ -f "$state/deployment.toml" ] && cmp -s "$work/toml" "$toml"; then
        put_toml "$state/deployment.toml"
    else
        awk '/^# model-failover: begin$/ { out = 1 } !out { print } /^# model-failover: end$/ { out = 0 }' \
            "$toml" >"$work/rest"
        put_toml "$work/rest"
    fi
}

# The end of a change: what was kept is from now on what --rollback puts back.
remember() {
    [ "$dry_run" = no ] || return 0
    if [ -f "$state/version" ] && [ ! -f "$state/next/version" ]; then
        if [ -d "$state/installed" ]; then cp -Rp "$state/installed" "$state/next/installed"; fi
        put "$state/version" "$state/next/version"
    fi
    if [ "$wants_policy" = yes ]; then
        put "$here/operation_policies/specifications/$SPECIFICATION" "$state/installed/$SPECIFICATION"
        put "$here/operation_policies/definitions/$DEFINITION" "$state/installed/$DEFINITION"
    fi
    rm -rf "$state/previous"
    mv "$state/next" "$state/previous"
    printf '%s\n' "$ours" >"$work/version"
    put "$work/version" "$state/version"
}

next_steps_after_install() {
    say
    say "Next:"
    if [ "$wants_bundle" = yes ]; then
        say "- Restart this node. Every gateway node needs the bundle and a restart."
        say "- install.sh --check examines the installation, --rollback takes it back."
    else
        say "- Restart this node."
        say "- Run install.sh on every gateway node: this one gets no bundle."
    fi
    if [ "$wants_policy" = yes ]; then
        say "- The policy files are read at start and only add: a modelFailover v2 that is in the"
        say "  database already stays as it is. To replace it, delete it in the Publisher (Policies)"
        say "  and restart, or see README-INSTALL.md."
        if [ "$policy_files_changed" = yes ]; then
            say "  This applies here: other policy files were there before."
        fi
    else
        say "- The policy files belong on the control plane: run install.sh there, or import"
        say "  apictl/modelFailover.zip."
    fi
    if [ -f "$policies/specifications/modelFailover_v1.json" ] && [ "$wants_policy" = yes ]; then
        say "- The built-in modelFailover v1 stays. The Publisher lists one version per policy name:"
        say "  see \"Beside the built-in policy\" in README-INSTALL.md."
    fi
}

do_install() {
    require_archive
    if [ "$wants_policy" = yes ] && [ ! -d "$policies" ]; then
        [ "$wants_bundle" = yes ] ||
            die $EXIT_NOT_A_HOME "$home has no repository/resources/operation_policies;" \
                "import apictl/modelFailover.zip instead"
        warn "$home has no repository/resources/operation_policies: only the bundle is installed"
        wants_policy=no
    fi
    # All checks come before the first change.
    if [ "$wants_bundle" = yes ]; then require_writable "$dropins"; fi
    if [ "$wants_policy" = yes ]; then
        require_writable "$policies/specifications"
        require_writable "$policies/definitions"
    fi
    if [ "$configure" = yes ]; then require_writable "$home/repository/conf"; fi
    require_writable "$state"

    require_no_loss
    policy_files_changed=no
    if [ "$wants_policy" = yes ] && policy_differs; then policy_files_changed=yes; fi
    if [ "$dry_run" = no ]; then sweep; fi
    if [ "$wants_bundle" = yes ]; then install_bundle; fi
    if [ "$wants_policy" = yes ]; then install_policy; fi
    if [ "$configure" = yes ] && [ "$wants_bundle" = yes ]; then configure_toml; fi
    if [ "$changed" = no ] && [ ! -d "$state/next" ]; then
        say "Nothing to do."
        return
    fi
    remember
    next_steps_after_install
}

# --- Roll back, uninstall ---------------------------------------------------------------------------

# Directories that an installation has made go when they are empty.
remove_made_directories() {
    [ -f "$state/made-directories" ] || return 0
    sort -r "$state/made-directories" >"$work/made"
    while IFS= read -r dir; do rmdir "$home/$dir" 2>/dev/null || true; done <"$work/made"
}

forget() {
    [ "$dry_run" = no ] || return 0
    remove_made_directories
    rm -rf "$state/next" "$state/previous" "$state/installed"
    rm -f "$state/version" "$state/made-directories" "$state/deployment.toml"
    if [ -d "$state" ] && ! rmdir "$state" 2>/dev/null; then
        say "kept: $state/kept has the files that were replaced by force; remove it when they are not needed"
    fi
}

do_rollback() {
    from=$state/previous
    if [ -d "$state/next" ]; then from=$state/next; fi
    if [ ! -d "$from" ]; then
        say "Nothing to do: no installation is remembered here, or it was rolled back already."
        return
    fi
    require_writable "$state"
    if [ "$wants_bundle" = yes ]; then require_writable "$dropins"; fi
    if [ -d "$from/files" ]; then
        (cd "$from/files" && find . -type f) | sed 's/^\.\///' >"$work/files"
        while IFS= read -r file; do
            report "put back $home/$file"
            [ "$dry_run" = no ] || continue
            if [ "$home/$file" = "$toml" ]; then
                put_toml "$from/files/$file"
            else
                put "$from/files/$file" "$home/$file"
            fi
        done <"$work/files"
    fi
    if [ -f "$from/absent" ]; then
        while IFS= read -r file; do
            if [ -f "$home/$file" ]; then take_away "$home/$file"; fi
        done <"$from/absent"
    fi
    if [ "$dry_run" = no ]; then
        sweep
        if [ -f "$from/version" ]; then
            rm -rf "$state/installed"
            if [ -d "$from/installed" ]; then mv "$from/installed" "$state/installed"; fi
            put "$from/version" "$state/version"
            rm -rf "$from"
        elif [ "$from" = "$state/next" ] && [ -f "$state/version" ]; then
            rm -rf "$from"
        else
            forget
        fi
    fi
    say
    say "Next:"
    say "- Restart this node. Policies in the database stay as they are."
}

do_uninstall() {
    {
        bundles_in "$dropins"
        for file in "$policies/specifications/$SPECIFICATION" "$policies/definitions/$DEFINITION"; do
            if [ -f "$file" ]; then printf '%s\n' "$file"; fi
        done
    } >"$work/ours"
    if [ ! -s "$work/ours" ] && [ ! -e "$state/version" ]; then
        say "Nothing to do: Model Failover is not installed here."
        return
    fi
    while IFS= read -r file; do
        require_writable "$(dirname "$file")"
        case $file in *.jar) continue ;; esac
        if [ -d "$state/installed" ] && ! is_as_installed "$file"; then
            [ "$force" = yes ] || die $EXIT_KEPT "$file was changed by somebody: give --force to take it away; a copy is kept"
            keep_for_good "$file"
        fi
    done <"$work/ours"
    while IFS= read -r file; do take_away "$file"; done <"$work/ours"
    unconfigure_toml
    if [ "$dry_run" = no ]; then sweep; fi
    forget

    say
    say "Next:"
    say "- An API whose policy is modelFailover v2 does not deploy on a gateway without the bundle:"
    say "  take the policy off those APIs and redeploy them first, then restart this node."
    if [ "$wants_policy" = yes ]; then
        say "- The database keeps modelFailover v2: delete it in the Publisher (Policies), or with"
        say "  policies.sh delete modelFailover v2. Not with apictl delete policy: it does not send the"
        say "  version, and may delete the built-in v1."
    fi
}

# --- Check ------------------------------------------------------------------------------------------

faults=0
good() { say "ok    $*"; }
bad() {
    faults=$((faults + 1))
    say "FAULT $*"
}
hint() { say "note  $*"; }

# readable_by_server FILE: by the user to whom the home belongs. Below the home only; what is above it is its affair.
readable_by_server() {
    user=$(owner_of "$home")
    part=$1
    needs=r
    while [ "$part" != "$home" ]; do
        # shellcheck disable=SC2012 # as above
        ls -ldn "$part" | awk -v user="${user%:*}" -v group="${user#*:}" -v needs="$needs" '{
            at = $3 == user ? 2 : $4 == group ? 5 : 8
            bits = substr($1, at, 3)
            exit !(user == 0 || (needs == "r" ? bits ~ /^r/ : bits ~ /[xst]$/))
        }' || return 1
        part=$(dirname "$part")
        needs=x
    done
}

check_readable() {
    if readable_by_server "$2"; then
        good "$1: $2"
    else
        bad "$1: $2 can't be read by the user to whom the home belongs ($(owner_of "$home"))"
    fi
}

check_bundle() {
    bundles_in "$dropins" >"$work/bundles"
    case $(wc -l <"$work/bundles" | tr -d ' ') in
        0) bad "bundle: none in $dropins; run install.sh $home" ;;
        1)
            jar=$(cat "$work/bundles")
            check_readable bundle "$jar"
            check_library
            ;;
        *) bad "bundle: more than one in $dropins: $(sed 's/.*\///' "$work/bundles" | tr '\n' ' ')" ;;
    esac
    bundles_in "$home/repository/components/lib" >"$work/bundles"
    if [ -s "$work/bundles" ]; then bad "bundle: a second copy in $(cat "$work/bundles")"; fi
}

# The bundle itself tries, in the JDK of the server and with its temporary folder.
check_library() {
    if [ -z "$java" ]; then
        hint "library and settings: not tried, no java was found; set JAVA_HOME to the server's JDK"
        return
    fi
    if [ -n "$jdk_fault" ]; then bad "JDK: $jdk_fault"; else good "JDK: $jdk ($java)"; fi
    tmp=$work
    if [ -d "$home/tmp" ] && [ -w "$home/tmp" ]; then tmp=$home/tmp; fi
    "$java" "-Djava.io.tmpdir=$tmp" -cp "$jar" org.modelfailover.executor.SelfCheck "$toml" >"$work/self" 2>"$work/self-error" ||
        true
    if [ ! -s "$work/self" ]; then
        bad "library: $(sed -n 1p "$work/self-error")"
        return
    fi
    while IFS= read -r line; do
        case $line in
            'ok '*) good "${line#ok }" ;;
            'note '*) hint "${line#note }" ;;
            *) bad "${line#fault }" ;;
        esac
    done <"$work/self"
}

check_policy() {
    for file in "specifications/$SPECIFICATION" "definitions/$DEFINITION"; do
        there=$policies/$file
        if [ ! -f "$there" ]; then
            hint "policy: no $there; right where it was imported by apictl or REST"
            continue
        fi
        case $file in
            *.json) grep -q '"name": *"modelFailover"' "$there" && grep -q '"version": *"v2"' "$there" ;;
            *) grep -q 'org\.modelfailover\.synapse\.ModelFailoverMediator' "$there" ;;
        esac || {
            bad "policy: $there is not the policy's file"
            continue
        }
        check_readable policy "$there"
        if [ -d "$state/installed" ] && ! is_as_installed "$there"; then hint "policy: $there was changed since it was installed"; fi
    done
}

# setting TABLE KEY: a plain value of deployment.toml, without quotes
setting() {
    awk -v table="[$1]" -v key="$2" '
        /^[ \t]*\[/ { here = $0; gsub(/[ \t\r]/, "", here) }
        here == table && $0 ~ "^[ \t]*" key "[ \t]*=" {
            sub(/^[^=]*=[ \t]*/, ""); sub(/[ \t]*(#.*)?\r?$/, ""); gsub(/^["\047]|["\047]$/, ""); print; exit
        }' "$toml"
}

check_truststore() {
    name=$(setting truststore file_name)
    for file in ${name:+"$name"} client-truststore.jks client-truststore.p12; do
        case $file in
            /*) there=$file ;;
            *) there=$home/repository/resources/security/$file ;;
        esac
        if [ -f "$there" ]; then
            check_readable truststore "$there"
            return
        fi
    done
    bad "truststore: ${name:-client-truststore.jks} is not in $home/repository/resources/security"
}

# Whether somebody listens on a port, as Linux tells it.
listens() {
    awk -v port="$(printf '%04X' "$1")" '$4 == "0A" && $2 ~ ":" port "$" { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

check_ports() {
    offset=$(setting server offset)
    case $offset in '' | *[!0-9]*) offset=0 ;; esac
    for port in 8280 8243; do
        port=$((port + offset))
        if [ ! -r /proc/net/tcp ]; then
            hint "port $port: not looked at"
        elif listens $port; then
            good "port $port: somebody listens; right when it is this gateway"
        else
            good "port $port: free; right when the gateway is not running"
        fi
    done
}

do_check() {
    case $supported in
        yes) good "home: API Manager $version, $node, in $home" ;;
        no) bad "home: API Manager $version is not supported" ;;
        *) hint "home: ${version:-this version} has not been tried" ;;
    esac
    check_readable settings "$toml"
    if [ "$wants_bundle" = yes ]; then
        check_bundle
        check_truststore
        check_ports
    fi
    if [ "$wants_policy" = yes ]; then check_policy; fi
    if [ -d "$state/next" ]; then bad "installation: the last run was broken off; run install.sh again, or --rollback"; fi
    if [ "$faults" -gt 0 ]; then
        say "$faults found"
        exit $EXIT_CHECK
    fi
    say "No fault found."
}

work=$(mktemp -d)
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"do_$action"
