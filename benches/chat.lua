-- One chat request of about 450 bytes for wrk; prints what was measured as one CSV line.
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["ApiKey"] = "production-bench"
wrk.body = '{"model":"gpt-4o","temperature":0.2,"messages":[{"role":"system","content":"You answer in short '
  .. 'sentences and say so when you do not know."},{"role":"user","content":"Tell me how the telephone changed the '
  .. 'way in which people speak with each other over long distances, and what the first users thought of it. '
  .. 'Please keep it to about ten sentences, and name two inventors and the years of their patents, with the '
  .. 'countries in which they lived."}]}'

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format("CSV %.0f,%.0f,%.0f,%d", summary.requests / summary.duration * 1e6,
    latency:percentile(50), latency:percentile(99), failed))
end
