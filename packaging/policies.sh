#!/bin/sh
# The policy in the database of a control plane, through the Publisher's REST API. Needs curl and jq.
set -eu
unset CDPATH

usage() {
    cat <<'USAGE'
Usage: policies.sh list                       every modelFailover policy: id, name, version
       policies.sh apis                       which APIs use which version of it
       policies.sh upload [SPEC.json DEF.j2]  adds the policy of this archive, or the one that is named
       policies.sh replace                    takes v2 away and adds the one of this archive
       policies.sh delete NAME VERSION        takes one version away; refused while an API uses it
       policies.sh --help

Environment:
  APIM    the control plane, https://localhost:9443 by default
  TOKEN   an access token with the scopes apim:api_view and apim:common_operation_policy_manage
  CURL    more options for curl, such as --cacert FILE

Exit codes: 0 done; 1 the server has refused, with its answer; 2 wrong usage; 3 an API uses that version;
4 there is no such policy.
USAGE
}

die() {
    code=$1
    shift
    printf 'Error: %s\n' "$*" >&2
    exit "$code"
}

case ${1:-} in
    list | apis | upload | replace | delete) ;;
    --help | -h)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
esac
for tool in curl jq; do
    command -v $tool >/dev/null || die 2 "$tool is not there"
done
[ -n "${TOKEN:-}" ] || die 2 "TOKEN is not set: an access token with the scopes that --help names"
base=${APIM:-https://localhost:9443}/api/am/publisher/v4

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The token is in nobody's list of processes.
(umask 077 && printf 'header = "Authorization: Bearer %s"\n' "$TOKEN" >"$work/curl")

# call PATH CURL-ARGUMENT…: the answer's body; an answer that is no 2xx ends the script.
call() {
    path=$1
    shift
    # shellcheck disable=SC2086 # several options in one word
    status=$(curl -sS ${CURL:-} -K "$work/curl" -o "$work/answer" -w '%{http_code}' "$@" "$base$path") ||
        die 1 "$base can't be reached"
    case $status in
        2*) cat "$work/answer" ;;
        *) die 1 "$base$path answered $status: $(cat "$work/answer")" ;;
    esac
}

# pages PATH: the members of "list" of all pages, one JSON object a line.
pages() {
    offset=0
    while :; do
        case $1 in *\?*) join='&' ;; *) join='?' ;; esac
        call "$1${join}limit=100&offset=$offset" >"$work/page"
        jq -c '.list[]' "$work/page"
        count=$(jq '.list | length' "$work/page")
        [ "$count" -eq 100 ] || break
        offset=$((offset + 100))
    done
}

# Those of a name, any version, as "id name version".
policies_named() {
    pages /operation-policies >"$work/policies"
    jq -r --arg name "$1" 'select(.name == $name) | "\(.id) \(.name) \(.version)"' "$work/policies"
}

# "version name-of-API version-of-API id" for every use of a policy's name, sorted.
uses_of() {
    pages /apis >"$work/apis"
    jq -r .id "$work/apis" >"$work/ids"
    while IFS= read -r id; do
        call "/apis/$id" >"$work/api"
        jq -r --arg name "$1" '
            [.operations[]?.operationPolicies, .apiPolicies] as $flows
            | [$flows[]? | .request?, .response?, .fault? | .[]? | select(.policyName == $name) | .policyVersion]
            | unique[] as $version | $version' "$work/api" |
            while IFS= read -r version; do
                printf '%s %s\n' "$version" "$(jq -r '"\(.name) \(.version) \(.id)"' "$work/api")"
            done
    done <"$work/ids" | sort
}

archive() {
    script=$0
    while [ -L "$script" ]; do
        link=$(readlink "$script")
        case $link in
            /*) script=$link ;;
            *) script=$(dirname "$script")/$link ;;
        esac
    done
    here=$(cd -- "$(dirname "$script")" && pwd)/operation_policies
    specification=$here/specifications/modelFailover_v2.json
    definition=$here/definitions/modelFailover_v2.j2
}

# upload SPECIFICATION DEFINITION
upload() {
    for file in "$1" "$2"; do [ -f "$file" ] || die 2 "no such file: $file"; done
    call /operation-policies -F "policySpecFile=@$1;filename=policy.json" \
        -F "synapsePolicyDefinitionFile=@$2;filename=policy.j2" >"$work/added"
    jq -r '"added \(.name) \(.version): \(.id)"' "$work/added"
}

# id_of NAME VERSION
id_of() {
    policies_named "$1" >"$work/named"
    awk -v version="$2" '$3 == version { print $1; exit }' "$work/named"
}

case $1 in
    list) policies_named modelFailover ;;
    apis)
        uses_of modelFailover >"$work/uses"
        if [ -s "$work/uses" ]; then cat "$work/uses"; else echo "No API uses modelFailover."; fi
        ;;
    upload)
        archive
        if [ $# -eq 3 ]; then
            specification=$2 definition=$3
        elif [ $# -ne 1 ]; then
            usage >&2
            exit 2
        fi
        upload "$specification" "$definition"
        ;;
    replace)
        archive
        for file in "$specification" "$definition"; do [ -f "$file" ] || die 2 "no such file: $file"; done
        id=$(id_of modelFailover v2)
        if [ -n "$id" ]; then
            call "/operation-policies/$id" -X DELETE >/dev/null
            echo "deleted modelFailover v2: $id"
        fi
        upload "$specification" "$definition" || die 1 "v2 is not there now; run: policies.sh upload"
        echo "APIs that use v2 keep the copy that they were saved with, until the policy is attached again."
        ;;
    delete)
        [ $# -eq 3 ] || {
            usage >&2
            exit 2
        }
        id=$(id_of "$2" "$3")
        [ -n "$id" ] || die 4 "there is no $2 $3"
        uses_of "$2" | awk -v version="$3" '$1 == version' >"$work/uses"
        if [ -s "$work/uses" ]; then
            cat "$work/uses" >&2
            die 3 "these APIs use $2 $3"
        fi
        call "/operation-policies/$id" -X DELETE >/dev/null
        echo "deleted $2 $3: $id"
        ;;
esac
