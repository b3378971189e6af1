# shellcheck shell=bash
# The configuration of the Envoy that the benches compare with. Sourced by the scripts beside it.

# envoy_cluster NAME HOST:PORT WAY CERTIFICATE: WAY is plain, tls or http2
envoy_cluster() {
  cat <<YAML
  - name: $1
    type: STATIC
    connect_timeout: 5s
    circuit_breakers: {thresholds: [{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000, max_retries: 100000}]}
    load_assignment:
      cluster_name: $1
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: ${2%:*}, port_value: ${2#*:}}}}}]}]
YAML
  if [[ "$3" != plain ]]; then
    cat <<YAML
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: localhost
        common_tls_context:
          tls_params: {tls_maximum_protocol_version: TLSv1_3}
          alpn_protocols: [$([[ "$3" == http2 ]] && echo h2 || echo http/1.1)]
          validation_context: {trusted_ca: {filename: $4}}
YAML
  fi
  if [[ "$3" == http2 ]]; then
    cat <<YAML
    typed_extension_protocol_options:
      envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
        "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
        explicit_http_config: {http2_protocol_options: {}}
YAML
  fi
}

# envoy_head CLUSTER RETRIES: what goes before the clusters. ENVOY_TIMEOUT is that of a whole answer
envoy_head() {
  cat <<YAML
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: gateway
    address: {socket_address: {address: 127.0.0.1, port_value: 0}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: gateway
          generate_request_id: false
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {prefix: /}
                route:
                  cluster: $1
                  timeout: ${ENVOY_TIMEOUT:-30s}
                  retry_policy: {retry_on: "5xx,reset,connect-failure", num_retries: $2, retry_back_off: {base_interval: 0.001s}}
  clusters:
YAML
}

# envoy_healthy HOST:PORT WAY CERTIFICATE: one cluster, no failover
envoy_healthy() {
  envoy_head provider 0
  envoy_cluster provider "$1" "$2" "$3"
}

# envoy_failover BAD_HOST:PORT BAD_WAY BAD_CERTIFICATE HOST:PORT: the first attempt at one cluster, the second at another
envoy_failover() {
  envoy_head both 1
  cat <<YAML
  - name: both
    connect_timeout: 5s
    lb_policy: CLUSTER_PROVIDED
    circuit_breakers: {thresholds: [{max_connections: 100000, max_pending_requests: 100000, max_requests: 100000, max_retries: 100000}]}
    cluster_type:
      name: envoy.clusters.composite
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.clusters.composite.v3.ClusterConfig
        clusters: [{name: fails}, {name: provider}]
YAML
  envoy_cluster fails "$1" "$2" "$3"
  envoy_cluster provider "$4" plain ""
}
