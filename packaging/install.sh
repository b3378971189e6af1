#!/usr/bin/env bash
# Puts Model Failover into a WSO2 API Manager home, or takes it out again.
# Needs bash 3.2 or later and the usual tools (cp, mv, cmp, mktemp, sed); nothing else.
set -euo pipefail

readonly EXIT_USAGE=2 EXIT_NOT_A_HOME=3 EXIT_UNSUPPORTED=4 EXIT_NOT_WRITABLE=5 EXIT_INCOMPLETE=6

readonly SPECIFICATION=modelFailover_v2.json
readonly DEFINITION=modelFailover_v2.j2

usage() {
    cat <<'USAGE'
Usage: install.sh [--dry-run] APIM_HOME
       install.sh [--dry-run] --uninstall APIM_HOME
       install.sh --help

Installs Model Failover into a WSO2 API Manager 4.5, 4.6 or 4.7 home:
  all-in-one (api-manager.sh)    the bundle and the policy files
  universal gateway (gateway.sh) the bundle
  control plane (api-cp.sh)      the policy files

  --uninstall  removes exactly the files that an installation puts there
  --dry-run    says what would be done, and changes nothing
  --help       this text

Exit codes: 0 done, or nothing to do; 2 wrong usage; 3 not an API Manager home, or a node that needs
nothing; 4 a version that is not supported; 5 a directory is not writable; 6 the unpacked archive is
incomplete.
USAGE
}

say() { printf '%s\n' "$*"; }
warn() { printf 'Warning: %s\n' "$*" >&2; }
die() {
    local code=$1
    shift
    printf 'Error: %s\n' "$*" >&2
    exit "$code"
}

# Says what is done; with --dry-run, what would be.
report() {
    if [ "$dry_run" = yes ]; then say "would: $*"; else say "$*"; fi
}

home='' action=install dry_run=no
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h)
            usage
            exit 0
            ;;
        --uninstall) action=uninstall ;;
        --dry-run) dry_run=yes ;;
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
home=$(cd "$home" && pwd)
readonly dropins=$home/repository/components/dropins
readonly policies=$home/repository/resources/operation_policies

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
product_version() {
    local file found
    for file in updates/product.txt bin/version.txt; do
        [ -f "$home/$file" ] || continue
        found=$(sed -n 's/^.*[^0-9.]\([0-9][0-9]*\.[0-9][0-9]*\(\.[0-9][0-9]*\)*\).*$/\1/p' "$home/$file" | sed -n 1p)
        if [ -n "$found" ]; then
            printf '%s' "$found"
            return
        fi
    done
}

version=$(product_version)
readonly version
case $version in
    4.5 | 4.5.* | 4.6 | 4.6.* | 4.7 | 4.7.*) supported=yes ;;
    '') supported=unknown ;;
    [0-3].* | 4.[0-4] | 4.[0-4].*) supported=no ;;
    *) supported=unknown ;;
esac
say "API Manager ${version:-(version not found)}, $node, in $home"
if [ "$action" = install ]; then
    case $supported in
        no) die $EXIT_UNSUPPORTED "API Manager $version is not supported; 4.5.0 is the first with AI API policies of this kind" ;;
        unknown) warn "${version:-this version} has not been tried; this is made for 4.5, 4.6 and 4.7" ;;
    esac
fi

# --- What is there ----------------------------------------------------------------------------------

# Our bundles in a directory, one path per line; nothing when there are none.
bundles_in() {
    local file
    for file in "$1"/model-failover-[0-9]*.jar; do
        if [ -f "$file" ]; then printf '%s\n' "$file"; fi
    done
}

require_writable() {
    local dir=$1
    # A directory that is not there yet is made, so its nearest parent counts.
    while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
    if [ ! -w "$dir" ] || [ ! -x "$dir" ]; then
        die $EXIT_NOT_WRITABLE "$dir is not writable for $(id -un)"
    fi
}

changed=no temporary=''
trap 'if [ -n "$temporary" ]; then rm -f "$temporary"; fi' EXIT

# Copies beside the target and renames, so that a starting server sees the old file or the new one.
# The temporary name does not end in .jar, .json or .j2: the server reads only those.
put() {
    local from=$1 to=$2 dir
    dir=$(dirname "$to")
    changed=yes
    [ "$dry_run" = no ] || return 0
    mkdir -p "$dir"
    temporary=$(mktemp "$dir/.model-failover.XXXXXX")
    cp "$from" "$temporary"
    chmod 644 "$temporary"
    mv -f "$temporary" "$to"
    temporary=''
}

take_away() {
    changed=yes
    report "remove $1"
    [ "$dry_run" = yes ] || rm -f "$1"
}

policy_files_changed=no
install_file() {
    local from=$1 to=$2
    if [ ! -e "$to" ]; then
        report "install $to"
    elif cmp -s "$from" "$to"; then
        say "already installed: $to"
        return
    else
        report "replace $to, which differs"
        if [ "${3:-}" = policy ]; then policy_files_changed=yes; fi
    fi
    put "$from" "$to"
}

# --- Install ----------------------------------------------------------------------------------------

install_bundle() {
    local other
    while IFS= read -r other; do
        [ -n "$other" ] || continue
        if [ "$other" != "$dropins/$(basename "$bundle")" ]; then take_away "$other"; fi
    done <<<"$(bundles_in "$dropins")"
    install_file "$bundle" "$dropins/$(basename "$bundle")"
    while IFS= read -r other; do
        [ -n "$other" ] || continue
        warn "$other is a second copy of the bundle; remove it"
    done <<<"$(bundles_in "$home/repository/components/lib")"
}

install_policy() {
    install_file "$here/operation_policies/specifications/$SPECIFICATION" "$policies/specifications/$SPECIFICATION" policy
    install_file "$here/operation_policies/definitions/$DEFINITION" "$policies/definitions/$DEFINITION" policy
}

next_steps_after_install() {
    say
    say "Next:"
    if [ "$wants_bundle" = yes ]; then
        say "- Restart this node. Every gateway node needs the bundle and a restart."
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
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    bundle=$(bundles_in "$here/dropins")
    case $bundle in
        '') die $EXIT_INCOMPLETE "$here/dropins has no model-failover-<version>.jar; unpack the archive again" ;;
        *$'\n'*) die $EXIT_INCOMPLETE "$here/dropins has more than one bundle; unpack the archive again" ;;
    esac
    local file
    for file in "specifications/$SPECIFICATION" "definitions/$DEFINITION"; do
        [ -f "$here/operation_policies/$file" ] ||
            die $EXIT_INCOMPLETE "$here/operation_policies has no $file; unpack the archive again"
    done

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

    if [ "$wants_bundle" = yes ]; then install_bundle; fi
    if [ "$wants_policy" = yes ]; then install_policy; fi
    if [ "$changed" = no ]; then
        say "Nothing to do."
        return
    fi
    next_steps_after_install
}

# --- Uninstall --------------------------------------------------------------------------------------

do_uninstall() {
    local file dir
    local ours
    ours=$(
        bundles_in "$dropins"
        for file in "$policies/specifications/$SPECIFICATION" "$policies/definitions/$DEFINITION"; do
            if [ -f "$file" ]; then printf '%s\n' "$file"; fi
        done
    )
    if [ -z "$ours" ]; then
        say "Nothing to do: Model Failover is not installed here."
        return
    fi
    while IFS= read -r file; do
        dir=$(dirname "$file")
        require_writable "$dir"
    done <<<"$ours"
    while IFS= read -r file; do take_away "$file"; done <<<"$ours"

    say
    say "Next:"
    say "- An API whose policy is modelFailover v2 does not deploy on a gateway without the bundle:"
    say "  take the policy off those APIs and redeploy them first, then restart this node."
    if [ "$wants_policy" = yes ]; then
        say "- The database keeps modelFailover v2; delete it in the Publisher (Policies) or with"
        say "  apictl delete policy api -n modelFailover -v v2 -e <environment>."
    fi
}

"do_$action"
