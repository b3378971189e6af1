#!/usr/bin/env bash
# Tests policies.sh against a stand-in for the Publisher's REST API (Python), which keeps policies and APIs in memory
# and answers in the shapes of the product's own definition of that API.
# Usage: test-policies.sh
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for tool in curl jq python3; do
    command -v $tool >/dev/null || {
        echo "test-policies.sh: skipped: $tool is not there"
        exit 0
    }
done
work=$(mktemp -d)
server=''
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$work"' EXIT

passed=0 failed=0
expect() { # NAME CODE PART
    if [ "$code" = "$2" ] && [[ $output = *"$3"* ]]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s: expected %s and "%s", but was %s and:\n%s\n' "$1" "$2" "$3" "$code" "$output"
    fi
}
run() {
    code=0
    output=$("$@" 2>&1) || code=$?
}

cat >"$work/server.py" <<'PYTHON'
import http.server, json, re, sys, urllib.parse

policies = [{"id": "id-v1", "name": "modelFailover", "version": "v1"}]
policies += [{"id": "id-%d" % i, "name": "other%d" % i, "version": "v1"} for i in range(120)]
flow = lambda version: {"request": [{"policyName": "modelFailover", "policyVersion": version}], "response": [], "fault": []}
apis = [
    {"id": "api-1", "name": "Chat", "version": "1.0.0", "operations": [{"operationPolicies": flow("v1")}, {"operationPolicies": flow("v1")}]},
    {"id": "api-2", "name": "Draw", "version": "2.0.0", "operations": [{}], "apiPolicies": flow("v2")},
    {"id": "api-3", "name": "Plain", "version": "1.0.0", "operations": [{"operationPolicies": None}], "apiPolicies": None},
]

class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, status, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self, method):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != "Bearer good":
            return self.answer(401, {"description": "Make sure you have provided the correct security credentials"})
        url = urllib.parse.urlparse(self.path)
        path = url.path.replace("/api/am/publisher/v4", "", 1)
        query = dict(urllib.parse.parse_qsl(url.query))
        page = lambda all: {"list": all[int(query["offset"]):][:int(query["limit"])]}
        if method == "GET" and path == "/operation-policies":
            return self.answer(200, page(policies))
        if method == "GET" and path == "/apis":
            return self.answer(200, page([{"id": api["id"]} for api in apis]))
        if method == "GET" and path.startswith("/apis/"):
            return self.answer(200, next(api for api in apis if api["id"] == path[6:]))
        if method == "DELETE":
            policies[:] = [policy for policy in policies if policy["id"] != path.rsplit("/", 1)[1]]
            return self.answer(200)
        if method == "POST" and path == "/operation-policies":
            text = body.decode()
            name = re.search('"name": *"(modelFailover[A-Za-z]*)"', text)[1]
            version = re.search('"version": *"(v[0-9])"', text)[1]
            if not re.search('name="policySpecFile"; filename="[^"]*.json"', text) or not re.search(
                'name="synapsePolicyDefinitionFile"; filename="[^"]*.j2"', text):
                return self.answer(400, {"description": "a file is missing"})
            if any((policy["name"], policy["version"]) == (name, version) for policy in policies):
                return self.answer(409, {"description": "Existing common operation policy found for the same name."})
            policies.append({"id": "id-new-" + version, "name": name, "version": version})
            return self.answer(201, policies[-1])
        self.answer(404)

    do_GET = lambda self: self.handle_one("GET")
    do_POST = lambda self: self.handle_one("POST")
    do_DELETE = lambda self: self.handle_one("DELETE")

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
mkfifo "$work/port"
python3 "$work/server.py" >"$work/port" &
server=$!
read -r port <"$work/port"
export APIM=http://127.0.0.1:$port TOKEN=good

# As it lies in the archive.
mkdir -p "$work/archive/operation_policies/specifications" "$work/archive/operation_policies/definitions"
cp "$here/policies.sh" "$work/archive/"
cp "$here"/../policy-definitions/modelFailover*/*.json "$work/archive/operation_policies/specifications/"
cp "$here"/../policy-definitions/modelFailover*/*.j2 "$work/archive/operation_policies/definitions/"
policies=$work/archive/policies.sh

run "$policies" --help
expect "--help" 0 "policies.sh replace"
run "$policies"
expect "no word" 2 "Usage"
run env -u TOKEN "$policies" list
expect "no token" 2 "TOKEN is not set"
run env TOKEN=bad "$policies" list
expect "a wrong token" 1 "answered 401"
run env APIM=http://127.0.0.1:1 "$policies" list
expect "no server" 1 "can't be reached"
run "$policies" list
expect "list" 0 "id-v1 modelFailover v1"
run "$policies" apis
expect "apis" 0 "v1 Chat 1.0.0 api-1
v2 Draw 2.0.0 api-2"
run "$policies" upload
expect "upload" 0 "added modelFailover v2: id-new-v2"
run "$policies" upload
expect "upload twice" 1 "Existing common operation policy"
run "$policies" list
expect "both versions, the second on another page" 0 "id-v1 modelFailover v1
id-new-v2 modelFailover v2"
run "$policies" replace
expect "replace" 0 "deleted modelFailover v2: id-new-v2
added modelFailover v2: id-new-v2"
run "$policies" delete modelFailover v1
expect "v1 is in use" 3 "v1 Chat 1.0.0 api-1"
run "$policies" delete modelFailover v3
expect "no such version" 4 "there is no modelFailover v3"
run "$policies" delete other7 v1
expect "the version that was named goes" 0 "deleted other7 v1: id-7"
run "$policies" list
expect "and no other" 0 "id-v1 modelFailover v1"
ln -s "$policies" "$work/linked"
run sh "$work/linked" replace
expect "through a link, by sh" 0 "added modelFailover v2"

# The page's commands as written. By now v2 is there, which an upload does not replace; and APIs use both versions.
mapfile -t commands < <(sed -n 's/^.*\(sh policies\.sh [^`]*\).*/\1/p' "$here/README-INSTALL.md")
[ ${#commands[@]} -ge 5 ] || failed=$((failed + 1))
for command in "${commands[@]}"; do
    run bash -c "cd '$work/archive' && $command"
    case $command in
        *modelFailoverSettings*) expect "README-INSTALL.md: $command" 0 "added modelFailoverSettings v1" ;;
        *upload) expect "README-INSTALL.md: $command" 1 "Existing common operation policy" ;;
        *replace) expect "README-INSTALL.md: $command" 0 "added modelFailover v2" ;;
        *delete*) expect "README-INSTALL.md: $command" 3 "these APIs use modelFailover" ;;
        *) expect "README-INSTALL.md: $command" 0 "v1 Chat" ;;
    esac
done

printf '%s passed, %s failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
