# shellcheck shell=sh
# shellcheck disable=SC2154,SC2034 # install.sh sets them, and reads them
# Examines an installation. Sourced by install.sh.

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
    for file in $POLICY_FILES; do
        there=$policies/$file
        if [ ! -f "$there" ]; then
            hint "policy: no $there; right where it was imported by apictl or REST"
            continue
        fi
        name=${file##*/}
        version=${name##*_}
        case $file in
            *.json)
                grep -q "\"name\": *\"${name%_*}\"" "$there" && grep -q "\"version\": *\"${version%.json}\"" "$there"
                ;;
            *) grep -q '"org\.modelfailover\.synapse\.' "$there" ;;
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
        exit "$EXIT_CHECK"
    fi
    say "No fault found."
}
