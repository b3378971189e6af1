#!/usr/bin/env bash
# The alert rules and their tests, the expressions of the dashboard, and that both name no metric that there is not.
#
# usage: test-monitoring.sh FOLDER_OF_PROMTOOL
set -euo pipefail
promtool=$1/promtool
cd "$(dirname "${BASH_SOURCE[0]}")/monitoring"
families=../../native/metrics/src/families.rs
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$promtool" check rules alerts.yml
"$promtool" test rules alerts_test.yml

# Grafana's variables stand in the expressions; as rules promtool parses them.
python3 - grafana-dashboard.json >"$work/dashboard.yml" <<'PYTHON'
import json
import sys

dashboard = json.load(open(sys.argv[1]))
print("groups:\n  - name: dashboard\n    rules:")
number = 0
for panel in dashboard["panels"]:
    for target in panel["targets"]:
        expression = target["expr"].replace("$__rate_interval", "1m")
        expression = expression.replace("$tenant", ".*").replace("$api", ".*")
        print(f"      - record: dashboard:{number}\n        expr: {json.dumps(expression)}")
        number += 1
PYTHON
"$promtool" check rules "$work/dashboard.yml"

wrong=0
while read -r name; do
    case $name in
        # The exporter's own.
        model_failover_gateway_* | model_failover_candidate_) continue ;;
    esac
    family=${name%_total}
    family=${family%_bucket}
    if ! grep -q "\"$family\"" "$families"; then
        echo "no such metric: $name" >&2
        wrong=1
    fi
done < <(grep -oh 'model_failover_[a-z_]*' alerts.yml grafana-dashboard.json jmx_exporter.yml | sort -u)
while read -r anchor; do
    if ! grep -q "](#$anchor)" ../../docs/runbook.md; then
        echo "not in the runbook: $anchor" >&2
        wrong=1
    fi
done < <(sed -n 's/.*docs\/runbook.md#\([a-z-]*\).*/\1/p' alerts.yml | sort -u)
exit "$wrong"
