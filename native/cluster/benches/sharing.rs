//! What sharing costs and how fast it is, on one machine: lines of CSV for `benches/cluster.sh`.
//!
//! `BENCH_SECONDS` is how long each rate is counted (5), `BENCH_SAMPLES` how many suspensions are timed (500),
//! `BENCH_NODES` for how many nodes rates are counted.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout
)]

#[path = "../tests/real/gateways.rs"]
mod gateways;
#[path = "../tests/real/servers.rs"]
mod servers;

use std::hint::black_box;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use failover_suspension::{Cache, Gate};

use gateways::{Gateway, key, options};
use servers::{Server, until};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn line(measure: &str, nodes: usize, candidates: usize, value: f64, unit: &str) {
    println!("{measure},{nodes},{candidates},{value:.3},{unit}");
}

fn main() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let server = server.ready();
    println!("measure,nodes,candidates,value,unit");
    healthy(&server);
    propagation(&server);
    let nodes = std::env::var("BENCH_NODES").unwrap_or_else(|_| "1 2 3 6".to_owned());
    for nodes in nodes.split_whitespace().filter_map(|n| n.parse().ok()) {
        for candidates in [10, 100, 1000] {
            rate(&server, nodes, candidates);
        }
    }
}

/// What a request for a healthy candidate does at its gate: whether it may go there, and that it was answered.
fn healthy(server: &Server) {
    let options = options(&[server.address()]);
    let gateway = Gateway::start("a", &options).linked();
    let shared = gateway.gate("m");
    let cache = Cache::new();
    let alone = cache.gate(&key("m"), gateway.now());
    let mut best = [f64::MAX; 2];
    for _ in 0..7 {
        for (place, gate) in [&alone, &shared].into_iter().enumerate() {
            best[place] = best[place].min(of_a_request(gate, &gateway));
        }
    }
    line("healthy_alone", 1, 1, best[0], "ns");
    line("healthy_shared", 1, 1, best[1], "ns");
}

fn of_a_request(gate: &Arc<Gate>, gateway: &Gateway) -> f64 {
    const TIMES: u32 = 2_000_000;
    let now = gateway.now();
    let begun = Instant::now();
    for _ in 0..TIMES {
        if black_box(gate).is_open() {
            black_box(gate).answered(black_box(now));
        }
    }
    begun.elapsed().as_nanos() as f64 / f64::from(TIMES)
}

/// From a suspension at one node to the others.
fn propagation(server: &Server) {
    for nodes in [2, 3] {
        let options = options(&[server.address()]);
        let mut all = Vec::new();
        for node in 0..nodes {
            let name = char::from(b'a' + node as u8).to_string();
            all.push(Gateway::start(&name, &options).linked());
        }
        let gates: Vec<_> = all.iter().map(|g| g.gate("p")).collect();
        sleep(Duration::from_millis(300));
        let mut took = Vec::new();
        for _ in 0..number("BENCH_SAMPLES", 500) {
            let begun = Instant::now();
            all[0].suspend("p", Duration::from_secs(60));
            while gates.iter().any(|gate| gate.view().until.is_none()) {
                std::thread::yield_now();
            }
            took.push(begun.elapsed().as_secs_f64() * 1000.0);
            gates[0].clear();
            until("all have it cleared", || {
                gates.iter().all(|gate| gate.view().until.is_none())
            });
            until("all is told", || {
                all.iter().all(|g| g.cluster.status().backlog == 0)
            });
        }
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        line("propagation_p50", nodes, 1, at(0.5), "ms");
        line("propagation_p99", nodes, 1, at(0.99), "ms");
        line("propagation_max", nodes, 1, at(1.0), "ms");
    }
}

/// Commands at the store in a second: while all is healthy, and while a tenth of the candidates is suspended anew each
/// second.
fn rate(server: &Server, nodes: usize, candidates: usize) {
    server.cli(&["FLUSHALL"]);
    let options = options(&[server.address()]);
    let mut all = Vec::new();
    for node in 0..nodes {
        let name = char::from(b'a' + node as u8).to_string();
        all.push(Gateway::start(&name, &options).linked());
    }
    let models: Vec<String> = (0..candidates).map(|model| format!("m{model}")).collect();
    let gates: Vec<Vec<_>> = all
        .iter()
        .map(|g| models.iter().map(|model| g.gate(model)).collect())
        .collect();
    until("all is read", || {
        all.iter().all(|g| g.cluster.status().backlog == 0)
    });
    let length = Duration::from_secs(number("BENCH_SECONDS", 5));
    let before = counted(server);
    sleep(length);
    let per_second = |before: [f64; 3]| {
        let after = counted(server);
        let since = |place: usize| (after[place] - before[place]) / length.as_secs_f64();
        [since(0), since(1) / 1024.0, since(2) * 1000.0]
    };
    let [commands, traffic, cpu] = per_second(before);
    line("healthy_commands", nodes, candidates, commands, "1/s");
    line("healthy_traffic", nodes, candidates, traffic, "KiB/s");
    line("healthy_cpu", nodes, candidates, cpu, "ms/s");
    let before = counted(server);
    let ends = Instant::now() + length;
    let mut next = 0;
    while Instant::now() < ends {
        for _ in 0..candidates.div_ceil(10) {
            let node = next % nodes;
            let until = all[node].now().plus(Duration::from_secs(60 + next as u64));
            gates[node][next % candidates].suspend(until);
            next += 1;
        }
        sleep(Duration::from_secs(1));
    }
    let [commands, traffic, cpu] = per_second(before);
    line("storm_commands", nodes, candidates, commands, "1/s");
    line("storm_traffic", nodes, candidates, traffic, "KiB/s");
    line("storm_cpu", nodes, candidates, cpu, "ms/s");
    let memory = server.cli(&["INFO", "memory"]);
    let used = field(&memory, "used_memory_dataset:");
    line("memory", nodes, candidates, used / 1024.0, "KiB");
}

fn field(text: &str, name: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found
        .and_then(|value| value.trim().parse().ok())
        .unwrap_or(f64::NAN)
}

/// Commands, bytes both ways, and seconds of the server's processor.
fn counted(server: &Server) -> [f64; 3] {
    let stats = server.cli(&["INFO", "stats"]);
    let cpu = server.cli(&["INFO", "cpu"]);
    [
        field(&stats, "total_commands_processed:"),
        field(&stats, "total_net_input_bytes:") + field(&stats, "total_net_output_bytes:"),
        field(&cpu, "used_cpu_user:") + field(&cpu, "used_cpu_sys:"),
    ]
}
