# shellcheck shell=bash
# What the benches wait with. Sourced by the scripts beside it.

# first_line FILE PREFIX [SECONDS]: waits, 30 seconds at most, for a line that begins with PREFIX and prints what
# follows it
first_line() {
  local line
  for _ in $(seq $((${3:-30} * 10))); do
    line="$(sed -n "s/^$2 //p" "$1" | head -n 1)"
    if [[ -n "$line" ]]; then
      echo "$line"
      return
    fi
    sleep 0.1
  done
  echo "no '$2' in time:" >&2
  cat "$1" >&2
  return 1
}

# await_line FILE LINE SECONDS: waits for a line
await_line() {
  for _ in $(seq $(($3 * 50))); do
    if grep -qx "$2" "$1"; then return; fi
    sleep 0.02
  done
  echo "no '$2' in time:" >&2
  cat "$1" >&2
  return 1
}
