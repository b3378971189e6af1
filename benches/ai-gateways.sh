# shellcheck shell=bash
# The AI gateways that the benches compare with: LiteLLM's proxy and Portkey's gateway, each a process as it comes. Sourced
# by the scripts beside it.
# shellcheck disable=SC2034,SC2154  # url, pid, header and names are theirs, work is that of parties.sh

# LiteLLM refuses to start without a key that is long enough.
litellm_key="sk-$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"

# has_ai_gateways: whether there is one of them
has_ai_gateways() {
  [[ -n "${LITELLM:-}${PORTKEY:-}" ]]
}

# ai_gateways SUFFIX PROVIDER [TARGET]: starts those that are there as litellmSUFFIX and portkeySUFFIX, sets url, pid and
# header of the names, and adds them to the array names. Both go to the provider; with a target to that first, and to the
# provider when it answers 503.
ai_gateways() {
  if [[ -n "${LITELLM:-}" ]]; then
    litellm "litellm$1" "${@:2}"
    names+=("litellm$1")
  fi
  if [[ -n "${PORTKEY:-}" ]]; then
    portkey "portkey$1" "${@:2}"
    names+=("portkey$1")
  fi
}

litellm() { # NAME PROVIDER [TARGET]
  local port
  port="$(free_port)"
  litellm_config "${@:2}" >"$work/$1.yaml"
  # Prices come with the package; nothing is asked of anybody else.
  LITELLM_MASTER_KEY="$litellm_key" LITELLM_LOCAL_MODEL_COST_MAP=True LITELLM_LOG=CRITICAL \
    "$LITELLM" --config "$work/$1.yaml" --host 127.0.0.1 --port "$port" --telemetry False >"$work/$1.out" 2>&1 &
  pid[$1]=$!
  url[$1]="http://127.0.0.1:$port/v1/chat/completions"
  header[$1]="authorization:Bearer $litellm_key"
  listening "$1" "$port"
}

litellm_config() { # PROVIDER [TARGET]
  cat <<YAML
model_list:
- model_name: gpt-4o
  litellm_params: {model: openai/gpt-4o, api_base: "${2:-$1}/v1", api_key: sk-bench}
- model_name: fallback
  litellm_params: {model: openai/gpt-4o-mini, api_base: "$1/v1", api_key: sk-bench}
router_settings:
  num_retries: 0
  # No knowledge of failures is kept, so that every request fails over.
  disable_cooldowns: true
  fallbacks: [{gpt-4o: [fallback]}]
litellm_settings: {telemetry: false, num_retries: 0}
YAML
}

portkey() { # NAME PROVIDER [TARGET]
  local port to='"provider":"openai","api_key":"sk-bench","custom_host"'
  port="$(free_port)"
  NODE_ENV=production node "$PORTKEY" "--port=$port" --headless >"$work/$1.out" 2>&1 &
  pid[$1]=$!
  url[$1]="http://127.0.0.1:$port/v1/chat/completions"
  if [[ -n "${3:-}" ]]; then
    header[$1]='x-portkey-config:{"strategy":{"mode":"fallback","on_status_codes":[503]},"targets":'
    header[$1]+="[{$to:\"$3/v1\"},{$to:\"$2/v1\",\"override_params\":{\"model\":\"gpt-4o-mini\"}}]}"
  else
    header[$1]="x-portkey-config:{$to:\"$2/v1\"}"
  fi
  listening "$1" "$port"
}

# free_port: one on which nobody listens now; neither program can choose one itself and say which
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 10000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
}

# listening NAME PORT: waits until it does; it can take a minute to start
listening() {
  for _ in $(seq 1200); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then return; fi
    if ! kill -0 "${pid[$1]}" 2>/dev/null; then break; fi
    sleep 0.1
  done
  echo "$1 does not listen:" >&2
  cat "$work/$1.out" >&2
  return 1
}
