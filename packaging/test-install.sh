#!/usr/bin/env bash
# Tests build-dist.sh and install.sh against scratch API Manager homes of each kind.
# Usage: test-install.sh [BUNDLE_JAR [SHELL]]      SHELL runs install.sh: bash, dash, or busybox, with its tools
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
finished=no
end() {
    local code=$? command=$BASH_COMMAND
    if [ "$finished" = no ]; then printf 'FAILED: broken off (%s) at: %s\n' "$code" "$command"; fi
    chmod -R u+w "$work"
    rm -rf "$work"
}
trap end EXIT
bundle=${1:-$work/bundle.jar}
sh=$(command -v "${2:-bash}")
if [ "${2:-}" = busybox ]; then
    mkdir "$work/busybox"
    for tool in $("$sh" --list); do ln -s "$sh" "$work/busybox/$tool"; done
    # Its tools after those of which a test has made others.
    cat >"$work/shell" <<SCRIPT
#!/bin/sh
case \$PATH in
    "$work"/*) PATH=\${PATH%%:*}:$work/busybox:\${PATH#*:} ;;
    *) PATH=$work/busybox:\$PATH ;;
esac
export PATH
exec "$work/busybox/sh" "\$@"
SCRIPT
    chmod +x "$work/shell"
    sh=$work/shell
fi
[ -f "$bundle" ] || printf 'stands for the bundle\n' >"$bundle"

passed=0 failed=0
pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$1"
    shift
    if [ $# -gt 0 ]; then printf '%s\n' "$@" | sed 's/^/    /'; fi
}
equal() { # NAME EXPECTED ACTUAL
    if [ "$2" = "$3" ]; then pass; else fail "$1" "expected:" "$2" "but was:" "$3"; fi
}
contains() { # NAME PART WHOLE
    case $3 in
        *"$2"*) pass ;;
        *) fail "$1" "expected to find: $2" "in:" "$3" ;;
    esac
}
lacks() { # NAME PART WHOLE
    case $3 in
        *"$2"*) fail "$1" "expected not to find: $2" "in:" "$3" ;;
        *) pass ;;
    esac
}

# Runs a command; its output is in $output, its exit code in $code.
run() {
    code=0
    output=$("$@" 2>&1) || code=$?
}

# --- Homes ------------------------------------------------------------------------------------------

# home NAME START_SCRIPT PRODUCT_TXT: what the distributions have in common.
home() {
    local home=$work/homes/$1
    mkdir -p "$home/bin" "$home/updates" "$home/repository/conf" "$home/repository/components/dropins" \
        "$home/repository/components/lib" "$home/repository/resources/operation_policies/specifications" \
        "$home/repository/resources/operation_policies/definitions"
    : >"$home/bin/$2"
    : >"$home/repository/conf/deployment.toml"
    : >"$home/repository/components/dropins/other-1.0.jar"
    printf '%s\n' "$3" >"$home/updates/product.txt"
    local kind
    for kind in specifications/modelFailover_v1.json definitions/modelFailover_v1.j2 specifications/addHeader_v3.json; do
        printf 'v1\n' >"$home/repository/resources/operation_policies/$kind"
    done
    printf '%s' "$home"
}

files() { (cd "$1" && find . \( -type f -o -type l \) | LC_ALL=C sort); }
# Names, contents and modes of everything below a home.
state() { (cd "$1" && find . -printf '%y %m %p\n' | LC_ALL=C sort && find . -type f -exec cksum {} + | LC_ALL=C sort); }
# Without what install.sh remembers.
added() { LC_ALL=C comm -13 <(printf '%s\n' "$1") <(files "$2" | grep -v '^\./repository/model-failover/'); }

# --- The archive ------------------------------------------------------------------------------------

mkdir "$work/in" "$work/old" "$work/again"
bash "$here/build-dist.sh" 1.2.3 "$bundle" "$work/in" >/dev/null
bash "$here/build-dist.sh" 1.2.2 "$bundle" "$work/old" >/dev/null
sleep 2.1 # the resolution of times in a zip
bash "$here/build-dist.sh" 1.2.3 "$bundle" "$work/again" >/dev/null
for ending in tar.gz zip; do
    run cmp "$work/in/model-failover-1.2.3.$ending" "$work/again/model-failover-1.2.3.$ending"
    equal "two builds give the same $ending" 0 "$code"
done
expected="./CHANGELOG.md
./LICENSE
./NOTICE
./README-INSTALL.md
./SHA256SUMS
./apictl/modelFailover.zip
./apictl/modelFailover/modelFailover.j2
./apictl/modelFailover/modelFailover.json
./apictl/modelFailoverSettings.zip
./apictl/modelFailoverSettings/modelFailoverSettings.j2
./apictl/modelFailoverSettings/modelFailoverSettings.json
./dropins/model-failover-1.2.3.jar
./images/Dockerfile
./images/values.yaml
./install.sh
./installer/check.sh
./installer/files.sh
./installer/install.sh
./installer/restore.sh
./monitoring/alerts.yml
./monitoring/alerts_test.yml
./monitoring/grafana-dashboard.json
./monitoring/jmx_exporter.yml
./operation_policies/definitions/modelFailoverSettings_v1.j2
./operation_policies/definitions/modelFailover_v2.j2
./operation_policies/specifications/modelFailoverSettings_v1.json
./operation_policies/specifications/modelFailover_v2.json
./policies.sh"
mkdir "$work/unpacked"
tar -xzf "$work/in/model-failover-1.2.3.tar.gz" -C "$work/unpacked"
dist=$work/unpacked/model-failover-1.2.3
equal "the tar.gz holds exactly the files of the archive" "$expected" "$(files "$dist")"
equal "the directory beside the archives is the same" "$expected" "$(files "$work/in/model-failover-1.2.3")"
run bash -c "cd '$dist' && sha256sum --quiet -c SHA256SUMS"
equal "the checksums of the archive hold" 0 "$code"
if [ -x "$dist/install.sh" ]; then pass; else fail "install.sh is executable after tar -x"; fi
for arguments in "" "1.2.3" "v1 $bundle $work/bad" "1/2 $bundle $work/bad" "1.2.3 $work/none.jar $work/bad"; do
    # shellcheck disable=SC2086  # several arguments in one word
    run bash "$here/build-dist.sh" $arguments
    equal "build-dist.sh refuses '$arguments'" 1 "$code"
done

install=$dist/install.sh
jar="./repository/components/dropins/model-failover-1.2.3.jar"
policy="./repository/resources/operation_policies/definitions/modelFailoverSettings_v1.j2
./repository/resources/operation_policies/definitions/modelFailover_v2.j2
./repository/resources/operation_policies/specifications/modelFailoverSettings_v1.json
./repository/resources/operation_policies/specifications/modelFailover_v2.json"

# --- Install, again, uninstall, on each kind of node ------------------------------------------------

# round_trip NAME HOME EXPECTED_FILES
round_trip() {
    local name=$1 home=$2 expected=$3 before before_state installed
    before=$(files "$home")
    before_state=$(state "$home")

    run "$sh" "$install" --dry-run "$home"
    equal "$name: a dry run succeeds" 0 "$code"
    contains "$name: a dry run says what it would do" "would: install $home/repository" "$output"
    equal "$name: a dry run changes nothing" "$before_state" "$(state "$home")"

    run "$sh" "$install" "$home"
    equal "$name: installs" 0 "$code"
    equal "$name: exactly these files are new" "$expected" "$(added "$before" "$home")"
    contains "$name: says to restart" "Restart this node" "$output"
    lacks "$name: no warnings" "Warning" "$output"
    installed=$(state "$home")

    run "$sh" "$install" "$home"
    equal "$name: installs again" 0 "$code"
    contains "$name: says that it is there" "already installed: $home" "$output"
    contains "$name: says that nothing was done" "Nothing to do." "$output"
    equal "$name: the second time changes nothing" "$installed" "$(state "$home")"

    run "$sh" "$install" --dry-run --uninstall "$home"
    equal "$name: a dry uninstall succeeds" 0 "$code"
    contains "$name: a dry uninstall says what it would do" "would: remove $home" "$output"
    equal "$name: a dry uninstall changes nothing" "$installed" "$(state "$home")"

    run "$sh" "$install" --uninstall "$home"
    equal "$name: uninstalls" 0 "$code"
    equal "$name: everything is as before" "$before_state" "$(state "$home")"

    run "$sh" "$install" --uninstall "$home"
    equal "$name: uninstalls again" 0 "$code"
    contains "$name: says that it is not there" "not installed here" "$output"
}

all_in_one=$(home "all in one" api-manager.sh wso2am-4.6.0)
round_trip "all-in-one" "$all_in_one" "$jar
$policy"
gateway=$(home gateway gateway.sh wso2am-universal-gw-4.7.0)
round_trip "gateway" "$gateway" "$jar"
control_plane=$(home control-plane api-cp.sh wso2am-acp-4.5.0)
round_trip "control plane" "$control_plane" "$policy"
odd=$(home "it's \"odd\" \$HOME" api-manager.sh wso2am-4.6.0)
round_trip "a home with quotes" "$odd" "$jar
$policy"

run "$sh" "$install" "$all_in_one"
contains "all-in-one: names version and kind" "API Manager 4.6.0, all-in-one" "$output"
contains "all-in-one: tells about the built-in version" "modelFailover v1 stays" "$output"
contains "all-in-one: tells that the file drop only adds" "only add" "$output"
for file in "$jar" $policy; do
    equal "all-in-one: $file can be read by all" 644 "$(stat -c %a "$all_in_one/$file")"
done
run cmp "$bundle" "$all_in_one/$jar"
equal "all-in-one: the bundle is the one given" 0 "$code"
run cmp "$here/../policy-definitions/modelFailover/modelFailover_v2.json" \
    "$all_in_one/repository/resources/operation_policies/specifications/modelFailover_v2.json"
equal "all-in-one: the specification is the source" 0 "$code"
run "$sh" "$install" "$gateway"
contains "gateway: says where the policy files go" "belong on the control plane" "$output"
run "$sh" "$install" "$control_plane"
contains "control plane: says where the bundle goes" "on every gateway node" "$output"
run bash -c "cd '$gateway' && '$sh' '$install' --uninstall . && '$sh' '$install' ."
equal "a relative home" 0 "$code"

# --- Other copies that are there already ------------------------------------------------------------

older=$(home older api-manager.sh wso2am-4.6.0)
before=$(files "$older")
"$sh" "$work/old/model-failover-1.2.2/install.sh" "$older" >/dev/null
specification=$older/repository/resources/operation_policies/specifications/modelFailover_v2.json
printf 'edited\n' >>"$specification"
run "$sh" "$install" "$older"
equal "a policy that somebody has changed is refused: exit code" 7 "$code"
contains "a policy that somebody has changed is named" "$specification was changed by somebody" "$output"
run "$sh" "$install" --force "$older"
equal "an update by force succeeds" 0 "$code"
contains "an update keeps what was changed by hand" "keep a copy of $specification in $older/repository/model-failover/kept/" "$output"
run cat "$older"/repository/model-failover/kept/*-modelFailover_v2.json
contains "the copy is the changed one" "edited" "$output"
run bash -c "'$sh' '$work/old/model-failover-1.2.2/install.sh' --force '$older' >/dev/null && printf 'edited\n' >>'$specification' && '$sh' '$install' --force '$older'"
contains "an update names the older bundle" "remove $older/repository/components/dropins/model-failover-1.2.2.jar" "$output"
contains "an update names the policy file that differs" "replace $specification, which differs" "$output"
contains "an update warns of the policy in the database" "This applies here" "$output"
equal "an update leaves one bundle" "$jar
$policy" "$(added "$before" "$older")"
printf 'other bytes\n' >"$older/$jar"
run "$sh" "$install" "$older"
contains "the same version with other bytes is replaced" "replace $older/repository" "$output"
run cmp "$bundle" "$older/$jar"
equal "the bundle is the new one" 0 "$code"
cp "$bundle" "$older/repository/components/lib/model-failover-1.0.0.jar"
run "$sh" "$install" "$older"
contains "a second copy in lib is named" "lib/model-failover-1.0.0.jar is a second copy" "$output"
: >"$older/repository/components/dropins/model-failover-tools.jar"
run "$sh" "$install" --uninstall "$older"
equal "uninstall leaves what is not ours" "./repository/components/dropins/model-failover-tools.jar
./repository/components/lib/model-failover-1.0.0.jar" "$(added "$before" "$older")"

# --- Homes of other shapes --------------------------------------------------------------------------

bare=$(home bare api-manager.sh wso2am-4.6.0)
rm -r "$bare/repository/resources/operation_policies"
before=$(files "$bare")
run "$sh" "$install" "$bare"
equal "without operation_policies it installs" 0 "$code"
equal "without operation_policies only the bundle comes" "$jar" "$(added "$before" "$bare")"
contains "without operation_policies it says so" "only the bundle is installed" "$output"

no_dropins=$(home no-dropins gateway.sh wso2am-universal-gw-4.6.0)
rm -r "$no_dropins/repository/components/dropins"
run "$sh" "$install" "$no_dropins"
equal "a missing dropins directory is made" "0 yes" "$code $([ -f "$no_dropins/$jar" ] && echo yes)"

refused() { # NAME HOME CODE MESSAGE
    local before=''
    if [ -d "$2" ]; then before=$(state "$2"); fi
    run "$sh" "$install" "$2"
    equal "$1: exit code" "$3" "$code"
    contains "$1: message" "$4" "$output"
    if [ -d "$2" ]; then equal "$1: nothing changed" "$before" "$(state "$2")"; fi
}
refused "a home that is not there" "$work/nowhere" 3 "is not a directory"
mkdir "$work/empty"
refused "an empty directory" "$work/empty" 3 "it has no repository/components"
no_toml=$(home no-toml api-manager.sh wso2am-4.6.0)
rm "$no_toml/repository/conf/deployment.toml"
refused "a home without deployment.toml" "$no_toml" 3 "it has no repository/conf/deployment.toml"
refused "another product" "$(home mi micro-integrator.sh wso2mi-4.3.0)" 3 "none of api-manager.sh"
refused "a traffic manager" "$(home tm traffic-manager.sh wso2am-tm-4.6.0)" 3 "needs neither"
refused "a version before 4.5" "$(home v44 api-manager.sh wso2am-4.4.0)" 4 "4.4.0 is not supported"
refused "version 3.2.1" "$(home v32 api-manager.sh wso2am-3.2.1)" 4 "3.2.1 is not supported"

newer=$(home newer api-manager.sh wso2am-4.10.0)
run "$sh" "$install" "$newer"
equal "a later version installs" 0 "$code"
contains "a later version is warned about" "Warning: 4.10.0 has not been tried" "$output"
by_text=$(home by-text api-manager.sh '')
printf 'WSO2 API Manager 4.5.0\n' >"$by_text/bin/version.txt"
run "$sh" "$install" "$by_text"
contains "bin/version.txt is read when product.txt does not tell" "API Manager 4.5.0, all-in-one" "$output"
run "$sh" "$install" "$(home no-version api-manager.sh '')"
contains "an unknown version is warned about" "Warning: this version has not been tried" "$output"
equal "an unknown version installs" 0 "$code"

# --- Directories that are not writable --------------------------------------------------------------

chmod -R a+rX "$work"
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(setpriv --reuid 65534 --regid 65534 --clear-groups); fi
locked=$(home locked api-manager.sh wso2am-4.6.0)
chmod -R a+rwX "$locked"
chmod 555 "$locked/repository/resources/operation_policies/definitions"
before=$(state "$locked")
run ${as_user[@]+"${as_user[@]}"} "$sh" "$install" "$locked"
equal "a directory that is not writable: exit code" 5 "$code"
contains "a directory that is not writable is named" "$locked/repository/resources/operation_policies/definitions is not writable" "$output"
equal "a directory that is not writable: nothing changed" "$before" "$(state "$locked")"

# --- How it is called --------------------------------------------------------------------------------

called=$(home called gateway.sh wso2am-universal-gw-4.6.0)
run bash -c "cd '$work/homes' && export CDPATH=/usr:. && '$sh' '$install' called"
equal "a relative home with CDPATH exported" 0 "$code"
"$sh" "$install" --uninstall "$called" >/dev/null
ln -s "$install" "$work/link-to-install"
run "$sh" "$work/link-to-install" "$called"
equal "called through a link" 0 "$code"
"$sh" "$install" --uninstall "$called" >/dev/null
(cd "$work" && ln -s unpacked/model-failover-1.2.3/install.sh relative-link)
run "$work/relative-link" "$called"
equal "called through a relative link" 0 "$code"
"$sh" "$install" --uninstall "$called" >/dev/null
bracketed=$(home bracketed api-manager.sh '')
printf 'WSO2 API Manager 4.6.0 (build 21.0.5)\n' >"$bracketed/bin/version.txt"
run "$sh" "$install" --dry-run "$bracketed"
contains "a second number in brackets is not the version" "API Manager 4.6.0, all-in-one" "$output"
lacks "a second number in brackets: no warning" "Warning" "$output"
run bash -c "umask 077 && rm -r '$called/repository/components/dropins' && '$sh' '$install' '$called'"
equal "a dropins folder that is made can be read by the server" 755 "$(stat -c %a "$called/repository/components/dropins")"
run "$sh" "$install" --uninstall "$called"
equal "a dropins folder that was made goes again" no "$([ -d "$called/repository/components/dropins" ] && echo yes || echo no)"

# --- JDKs --------------------------------------------------------------------------------------------

# jdk VERSION: a home of a JDK that only tells its version
jdk() {
    mkdir -p "$work/jdk-$1/bin"
    printf '#!/bin/sh\necho '\''openjdk version "%s" 2025-01-01'\'' >&2\n' "$1" >"$work/jdk-$1/bin/java"
    chmod +x "$work/jdk-$1/bin/java"
    printf '%s' "$work/jdk-$1"
}
for version in 4.5.0 4.6.0 4.7.0; do
    for jdk in 1.8.0_402 11.0.22 17.0.9 21.0.5 25.0.2 26; do
        at=$(home "jdk $version $jdk" gateway.sh "wso2am-universal-gw-$version")
        run env JAVA_HOME="$(jdk $jdk)" "$sh" "$install" "$at"
        case $version-$jdk in
            *-1.8* | *-26 | 4.5.0-25* | 4.6.0-25*)
                equal "$version on JDK $jdk is refused" 4 "$code"
                contains "$version on JDK $jdk: the reason" "is not supported" "$output"
                equal "$version on JDK $jdk: nothing is installed" "no" "$([ -e "$at/$jar" ] && echo yes || echo no)"
                run env JAVA_HOME="$(jdk $jdk)" "$sh" "$install" --force "$at"
                equal "$version on JDK $jdk by force" 0 "$code"
                ;;
            *) equal "$version on JDK $jdk" 0 "$code" ;;
        esac
    done
done

# --- Upgrade, roll back, uninstall: byte for byte -----------------------------------------------------

mkdir "$work/first"
bash "$here/build-dist.sh" 0.1.0 "$bundle" "$work/first" >/dev/null
old_jar=./repository/components/dropins/model-failover-0.1.0.jar
# life NAME HOME [AS…]: everything that an administrator does with a home, as the user that AS… makes of him
life() {
    local name=$1 home=$2 pristine old
    shift 2
    pristine=$(state "$home")
    # As the script of 0.1.0 did it, which remembered nothing.
    "$@" cp "$work/first/model-failover-0.1.0/dropins/model-failover-0.1.0.jar" "$home/$old_jar"
    "$@" cp "$work/first/model-failover-0.1.0/operation_policies/specifications/modelFailover_v2.json" \
        "$home/repository/resources/operation_policies/specifications/"
    "$@" cp "$work/first/model-failover-0.1.0/operation_policies/definitions/modelFailover_v2.j2" \
        "$home/repository/resources/operation_policies/definitions/"
    old=$(state "$home")
    run "$@" "$sh" "$install" "$home"
    equal "$name: upgraded from 0.1.0" 0 "$code"
    equal "$name: one bundle is left" "$jar" "$(files "$home" | grep '^\./repository/components/dropins/model')"
    run "$@" "$sh" "$install" --dry-run --rollback "$home"
    contains "$name: a dry rollback says what it would do" "would: put back $home/${old_jar#./}" "$output"
    run "$@" "$sh" "$install" --rollback "$home"
    equal "$name: rolled back" 0 "$code"
    equal "$name: rolled back byte for byte" "$old" "$(state "$home")"
    run "$@" "$sh" "$install" --rollback "$home"
    contains "$name: a second rollback has nothing to do" "Nothing to do" "$output"
    run "$@" "$sh" "$install" --configure "$home"
    equal "$name: upgraded again, with --configure" 0 "$code"
    contains "$name: the table is there" "[apim.ai.model_failover]" "$(cat "$home/repository/conf/deployment.toml")"
    run "$@" "$sh" "$install" --configure "$home"
    contains "$name: --configure twice" "Nothing to do" "$output"
    run "$@" "$sh" "$install" --uninstall "$home"
    equal "$name: uninstalled" 0 "$code"
    equal "$name: restored byte for byte" "$pristine" "$(state "$home")"
}
chmod a+rx "$work" "$work/homes"
chmod -R a+rX "$work"
for version in 4.5.0 4.6.0 4.7.0; do
    at=$(home "life-$version" api-manager.sh "wso2am-$version")
    # Without a newline at its end.
    printf '[server]\noffset = 1' >"$at/repository/conf/deployment.toml"
    chmod 640 "$at/repository/conf/deployment.toml"
    life "$version" "$at"
    if [ "$(id -u)" = 0 ]; then
        chown -R 65534:65534 "$at"
        life "$version as the server's user" "$at" setpriv --reuid 65534 --regid 65534 --clear-groups
        life "$version by root for the server's user" "$at"
        run "$sh" "$install" "$at"
        equal "$version: root leaves nothing of its own" "" "$(find "$at" ! -user 65534)"
    fi
done

two=$(home two gateway.sh wso2am-universal-gw-4.6.0)
"$sh" "$work/old/model-failover-1.2.2/install.sh" "$two" >/dev/null
before=$(state "$two")
"$sh" "$install" "$two" >/dev/null
"$sh" "$install" --rollback "$two" >/dev/null
equal "a rollback to an installation of this script" "1.2.2" "$(cat "$two/repository/model-failover/version")"
equal "a rollback brings its bundle back" "./repository/components/dropins/model-failover-1.2.2.jar" "$(files "$two" | grep '^\./repository/components/dropins/model')"
"$sh" "$install" "$two" >/dev/null
run "$sh" "$work/old/model-failover-1.2.2/install.sh" "$two"
equal "a downgrade is refused: exit code" 7 "$code"
contains "a downgrade is refused: message" "1.2.3 is installed, and this is 1.2.2" "$output"
run "$sh" "$work/old/model-failover-1.2.2/install.sh" --force "$two"
equal "a downgrade by force" 0 "$code"
equal "a downgrade by force leaves the old one alone" "./repository/components/dropins/model-failover-1.2.2.jar" "$(files "$two" | grep '^\./repository/components/dropins/model')"
"$sh" "$install" --uninstall "$two" >/dev/null

changed=$(home changed gateway.sh wso2am-universal-gw-4.6.0)
"$sh" "$install" --configure "$changed" >/dev/null
printf '[mine]\nkey = 1\n' >>"$changed/repository/conf/deployment.toml"
"$sh" "$install" --uninstall "$changed" >/dev/null
equal "what somebody has added to deployment.toml stays" $'\n[mine]\nkey = 1' "$(cat "$changed/repository/conf/deployment.toml")"

changed=$(home changed-policy api-manager.sh wso2am-4.6.0)
"$sh" "$install" "$changed" >/dev/null
printf 'edited\n' >>"$changed/repository/resources/operation_policies/definitions/modelFailover_v2.j2"
before=$(state "$changed")
run "$sh" "$install" --uninstall "$changed"
equal "a changed policy is not taken away: exit code" 7 "$code"
equal "a changed policy is not taken away: nothing changed" "$before" "$(state "$changed")"
run "$sh" "$install" --uninstall --force "$changed"
equal "a changed policy is taken away by force" 0 "$code"
run cat "$changed"/repository/model-failover/kept/*
contains "its copy stays" "edited" "$output"

# --- A full disk, and a kill in the middle ------------------------------------------------------------

# killed NAME COMMAND NTH: the NTH call of a tool is the last thing that happens
mkdir "$work/killing"
for tool in mv cp rm mktemp chmod; do
    real=$(command -v "$tool")
    cat >"$work/killing/$tool" <<SCRIPT
#!/bin/sh
count=\$(cat "$work/killing/count")
echo \$((count - 1)) >"$work/killing/count"
if [ "\$count" -le 1 ]; then kill -9 \$PPID; exit 1; fi
exec $real "\$@"
SCRIPT
    chmod +x "$work/killing/$tool"
done
killed_home=$(home killed api-manager.sh wso2am-4.6.0)
cp "$work/first/model-failover-0.1.0/dropins/model-failover-0.1.0.jar" "$killed_home/$old_jar"
before=$(state "$killed_home")
for at in $(seq 1 2 61); do
    echo "$at" >"$work/killing/count"
    run env PATH="$work/killing:$PATH" TMPDIR="$work" "$sh" "$install" "$killed_home"
    [ "$code" != 0 ] || break
    if [ ! -f "$killed_home/$old_jar" ]; then
        equal "killed at step $at: one whole bundle is there" 0 "$(cmp "$bundle" "$killed_home/$jar" >/dev/null 2>&1 && echo 0)"
    fi
    run "$sh" "$install" --rollback "$killed_home"
    rollback=$(state "$killed_home")
    if [ "$rollback" != "$before" ]; then
        # What a rollback leaves of a run that never began to change anything.
        "$sh" "$install" "$killed_home" >/dev/null
        "$sh" "$install" --rollback "$killed_home" >/dev/null
        equal "killed at step $at, run again and rolled back" "$before" "$(state "$killed_home")"
    else
        pass
    fi
done
if [ "$at" -gt 15 ] && [ "$code" = 0 ]; then pass; else fail "the kills reach the end" "at $at: $code $output"; fi
rm -rf "$work/killing"

full=$(home full gateway.sh wso2am-universal-gw-4.6.0)
cp "$work/first/model-failover-0.1.0/dropins/model-failover-0.1.0.jar" "$full/$old_jar"
mkdir "$work/full"
printf '#!/bin/sh\ncase "$*" in *dropins/model-failover-1.2.3.jar*dropins*) echo "cp: No space left on device" >&2; exit 1 ;; esac\nexec %s "$@"\n' \
    "$(command -v cp)" >"$work/full/cp"
chmod +x "$work/full/cp"
run env PATH="$work/full:$PATH" "$sh" "$install" "$full"
equal "a full disk: exit code" 1 "$code"
equal "a full disk: the old bundle is still there" "$old_jar" "$(files "$full" | grep '^\./repository/components/dropins/model')"

# --- Check -------------------------------------------------------------------------------------------

checked=$(home checked api-manager.sh wso2am-4.6.0)
mkdir -p "$checked/repository/resources/security"
: >"$checked/repository/resources/security/client-truststore.jks"
run "$sh" "$install" --check "$checked"
equal "--check before an installation: exit code" 8 "$code"
contains "--check before an installation: says what is missing" "FAULT bundle: none" "$output"
"$sh" "$install" "$checked" >/dev/null
before=$(state "$checked")
run "$sh" "$install" --check "$checked"
contains "--check: the home" "ok    home: API Manager 4.6.0, all-in-one" "$output"
contains "--check: the policy" "ok    policy: $checked/repository/resources/operation_policies/definitions/modelFailover_v2.j2" "$output"
contains "--check: the truststore" "ok    truststore: $checked/repository/resources/security/client-truststore.jks" "$output"
contains "--check: ports" "port 8243" "$output"
equal "--check changes nothing" "$before" "$(state "$checked")"
if [ "$(head -c 2 "$bundle")" = PK ]; then
    equal "--check: exit code" 0 "$code"
    contains "--check: the library loads" "ok    library: linux-" "$output"
    contains "--check: the settings are read" "deployment.toml, 0 not at their defaults" "$output"
    printf '[apim.ai.model_failover]\nconnect_timeout = "soon"\n' >"$checked/repository/conf/deployment.toml"
    run "$sh" "$install" --check "$checked"
    contains "--check: a setting that can't be read" "FAULT settings: " "$output"
    equal "--check: a fault's exit code" 8 "$code"
fi
if [ "$(id -u)" = 0 ]; then
    chown -R 65534:65534 "$checked"
    chown 0:0 "$checked/$jar"
    chmod 600 "$checked/$jar"
    run "$sh" "$install" --check "$checked"
    contains "--check: a bundle that the server can't read" "FAULT bundle: $checked/repository/components/dropins/model-failover-1.2.3.jar can't be read" "$output"
fi
cp "$bundle" "$checked/repository/components/dropins/model-failover-1.0.0.jar"
run "$sh" "$install" --check "$checked"
contains "--check: two bundles" "FAULT bundle: more than one" "$output"

# --- The page: its commands as written -----------------------------------------------------------------

paged=$(home paged api-manager.sh wso2am-4.6.0)
mkdir "$paged/repository/resources/security"
: >"$paged/repository/resources/security/client-truststore.jks"
before=$(state "$paged")
mapfile -t commands < <(sed -n 's/^ *\(sh install\.sh .*\)/\1/p' "$dist/README-INSTALL.md")
[ ${#commands[@]} -ge 4 ] || fail "README-INSTALL.md has commands" "${commands[@]}"
for command in "${commands[@]}"; do
    contains "README-INSTALL.md: the home in: $command" " /opt/wso2am-4.6.0" "$command"
    wanted=0
    # What stands for the bundle has no library to try.
    case $command in *--check*) [ "$(head -c 2 "$bundle")" = PK ] || wanted=8 ;; esac
    run bash -c "cd '$dist' && sh() { '$sh' \"\$@\"; } && ${command//\/opt\/wso2am-4.6.0/$paged}"
    equal "README-INSTALL.md: $command" "$wanted" "$code"
done
equal "README-INSTALL.md: at its end the home is as before" "$before" "$(state "$paged")"
equal "README-INSTALL.md: install.sh and policies.sh are all that it runs" "" \
    "$(grep -E '^ +sh ' "$dist/README-INSTALL.md" | grep -vE '^ +sh (install|policies)\.sh ' || true)"

# --- A copy that fails half-way ---------------------------------------------------------------------

mkdir "$work/fake"
printf '#!/bin/sh\necho "mv: no space" >&2\nexit 1\n' >"$work/fake/mv"
chmod +x "$work/fake/mv"
half=$(home half gateway.sh wso2am-universal-gw-4.6.0)
before=$(state "$half")
run env PATH="$work/fake:$PATH" "$sh" "$install" "$half"
equal "a failing copy: exit code" 1 "$code"
equal "a failing copy leaves nothing behind" "$before" "$(state "$half")"

# --- The command line and the archive itself --------------------------------------------------------

run "$sh" "$install" --help
equal "--help: exit code" 0 "$code"
contains "--help: tells how" "install.sh [--dry-run] [--force] [--configure] APIM_HOME" "$output"
run "$sh" "$install"
equal "no home: exit code" 2 "$code"
contains "no home: message" "APIM_HOME is missing" "$output"
run "$sh" "$install" --fast "$all_in_one"
equal "an unknown option: exit code" 2 "$code"
run "$sh" "$install" "$all_in_one" "$gateway"
equal "two homes: exit code" 2 "$code"
run "$sh" "$install" ""
equal "an empty home: exit code" 2 "$code"

broken=$work/broken
cp -R "$dist" "$broken"
rm "$broken/operation_policies/definitions/modelFailover_v2.j2"
run "$sh" "$broken/install.sh" "$all_in_one"
equal "an incomplete archive: exit code" 6 "$code"
contains "an incomplete archive: message" "has no definitions/modelFailover_v2.j2" "$output"
rm "$broken"/dropins/*.jar
run "$sh" "$broken/install.sh" "$all_in_one"
equal "an archive without the bundle: exit code" 6 "$code"
run "$sh" "$broken/install.sh" --uninstall "$all_in_one"
equal "uninstall needs only the scripts" 0 "$code"
rm "$broken/installer/check.sh"
run "$sh" "$broken/install.sh" --check "$all_in_one"
equal "an archive without a part of the script: exit code" 6 "$code"
contains "an archive without a part of the script: message" "has no installer/check.sh" "$output"

left_over=$(find "$work/homes" -name '.model-failover.*')
equal "no temporary file is left" "" "$left_over"

finished=yes
printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
