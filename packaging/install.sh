#!/bin/sh
# Puts Model Failover into a WSO2 API Manager home, examines it there, or takes it out again.
# Needs a POSIX shell (also dash and BusyBox) and the usual tools: awk, cmp, cp, ls, mktemp, mv, sed; nothing else.
set -eu

EXIT_USAGE=2 EXIT_NOT_A_HOME=3 EXIT_UNSUPPORTED=4 EXIT_NOT_WRITABLE=5 EXIT_INCOMPLETE=6 EXIT_KEPT=7 EXIT_CHECK=8

POLICY_FILES='specifications/modelFailover_v2.json definitions/modelFailover_v2.j2
specifications/modelFailoverSettings_v1.json definitions/modelFailoverSettings_v1.j2'

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
            die "$EXIT_USAGE" "unknown option $1"
            ;;
        *)
            [ -z "$home" ] || die "$EXIT_USAGE" "more than one APIM_HOME: $home and $1"
            [ -n "$1" ] || die "$EXIT_USAGE" "APIM_HOME is empty"
            home=$1
            ;;
    esac
    shift
done
if [ -z "$home" ]; then
    usage >&2
    die "$EXIT_USAGE" "APIM_HOME is missing"
fi

# The unpacked archive, also when this script is called through a link.
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
}

find_archive
for part in files install restore check; do
    [ -f "$here/installer/$part.sh" ] || die "$EXIT_INCOMPLETE" "$here has no installer/$part.sh; unpack the archive again"
done

# --- The home -------------------------------------------------------------------------------------

[ -d "$home" ] || die "$EXIT_NOT_A_HOME" "$home is not a directory"
home=$(cd -- "$home" && pwd)
dropins=$home/repository/components/dropins
policies=$home/repository/resources/operation_policies
toml=$home/repository/conf/deployment.toml
# What this script remembers: what it has put there, and what it has replaced.
state=$home/repository/model-failover

for needed in repository/components repository/conf/deployment.toml; do
    [ -e "$home/$needed" ] || die "$EXIT_NOT_A_HOME" "$home is not an API Manager home: it has no $needed"
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
    die "$EXIT_NOT_A_HOME" "$home is a traffic manager: it needs neither the bundle nor the policy files"
else
    die "$EXIT_NOT_A_HOME" "$home is not an API Manager home:" \
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
        no) die "$EXIT_UNSUPPORTED" "API Manager $version is not supported; 4.5.0 is the first with AI API policies of this kind" ;;
        unknown) warn "${version:-this version} has not been tried; this is made for 4.5, 4.6 and 4.7" ;;
    esac
    if [ -n "$jdk_fault" ] && [ "$wants_bundle" = yes ]; then
        [ "$force" = yes ] || die "$EXIT_UNSUPPORTED" "$jdk_fault; set JAVA_HOME to the server's JDK, or give --force"
        warn "$jdk_fault"
    fi
fi

# --- What is to be done -----------------------------------------------------------------------------

# shellcheck source=packaging/installer/files.sh
. "$here/installer/files.sh"
# shellcheck source=packaging/installer/install.sh
. "$here/installer/install.sh"
# shellcheck source=packaging/installer/restore.sh
. "$here/installer/restore.sh"
# shellcheck source=packaging/installer/check.sh
. "$here/installer/check.sh"

work=$(mktemp -d)
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
"do_$action"
