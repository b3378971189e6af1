//! When nothing fails.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot, QUARTILES};
use crate::results::{Results, Table};
use crate::spread::{Spread, cell};

const PARTIES: [&str; 4] = ["policy", "send", "envoy", "direct"];
const WAYS: [(&str, &str); 3] = [
    ("plain", "Plain HTTP/1.1"),
    ("tls", "TLS, HTTP/1.1"),
    ("http2", "TLS, HTTP/2"),
];
const CPU: &str = "cpu_us_per_request";

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("healthy");
    let mut text = source(table, "healthy");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nThe ways are those from the gateway to the provider; clients speak plain HTTP/1.1. The engine's \
            `<send>` speaks no HTTP/2, and its answers over 32 KiB hang in Synapse 3.0.1 after the first on a connection: \
            for those the provider itself is what the policy is compared with. Ratios are taken round by round; over 1, the \
            policy is the cheaper one.\n\n";
        text += &compared(table);
        text += &others(table);
        plots = all_plots(table);
        plots.extend(ai_gateways(table));
    }
    Section {
        title: "A healthy provider",
        command: "make bench-healthy",
        text,
        plots,
    }
}

fn compared(table: &Table) -> String {
    let mut text = head(&[
        "way",
        "in, out",
        "clients",
        "policy, requests/s",
        "send",
        "envoy",
        "direct",
        "policy, CPU µs",
        "send",
        "envoy",
        "CPU, send ÷ policy",
    ]);
    for (way, title) in WAYS {
        for [request, answer, connections, rate] in cells(table, way) {
            let with = |party| {
                [
                    ("way", way),
                    ("request", request),
                    ("answer", answer),
                    ("connections", connections),
                    ("rate", rate),
                    ("party", party),
                ]
            };
            if !rate.is_empty() {
                continue;
            }
            let mut line = vec![
                title.to_owned(),
                format!("{}, {}", size(request), size(answer)),
                connections.to_owned(),
            ];
            line.extend(PARTIES.map(|party| cell(table, &with(party), "requests_per_second")));
            line.extend(["policy", "send", "envoy"].map(|party| cell(table, &with(party), CPU)));
            let (send, policy) = (table.with(&with("send")), table.with(&with("policy")));
            let ratio = Spread::of_ratios(&send, &policy, CPU);
            line.push(ratio.map_or_else(|| "–".to_owned(), |ratio| ratio.to_string()));
            text += &row(&line);
        }
    }
    text
}

/// Those that take part in few cells.
const OTHERS: [&str; 2] = ["portkey", "litellm"];

fn others(table: &Table) -> String {
    let mut text = String::new();
    for [request, answer, connections, rate] in cells(table, "plain") {
        let with = |party| {
            [
                ("way", "plain"),
                ("request", request),
                ("answer", answer),
                ("connections", connections),
                ("rate", rate),
                ("party", party),
            ]
        };
        for party in OTHERS {
            if table.with(&with(party)).is_empty() {
                continue;
            }
            let figure = |column| cell(table, &with(party), column);
            text += &row(&[
                party.to_owned(),
                format!("{}, {}", size(request), size(answer)),
                connections.to_owned(),
                figure("requests_per_second"),
                figure("p50_us"),
                figure("p99_us"),
                figure(CPU),
            ]);
        }
    }
    if text.is_empty() {
        return text;
    }
    let names = [
        "plain HTTP/1.1",
        "in, out",
        "clients",
        "requests/s",
        "p50 µs",
        "p99 µs",
        "CPU µs",
    ];
    format!("\nOther AI gateways:\n\n{}{text}", head(&names))
}

fn ai_gateways(table: &Table) -> Option<Plot> {
    let bars = |size, connections| {
        ["policy", "send", "envoy", "portkey", "litellm"].map(|party| {
            let rows = table.with(&[
                ("way", "plain"),
                ("request", size),
                ("answer", size),
                ("connections", connections),
                ("rate", ""),
                ("party", party),
            ]);
            (party.to_owned(), Spread::of_column(&rows, CPU))
        })
    };
    let there = |(party, spread): &(String, Option<Spread>)| {
        spread.is_some() && OTHERS.contains(&party.as_str())
    };
    if !bars("512", "16").iter().any(there) {
        return None;
    }
    Some(Plot {
        name: "healthy-others",
        title: "What a request costs in other AI gateways".to_owned(),
        subtitle: "Microseconds of CPU a request, plain HTTP/1.1, 16 clients; less is better"
            .to_owned(),
        lines: QUARTILES,
        groups: vec![
            Group::new("0.5 KiB in and out", bars("512", "16")),
            Group::new("10 KiB in and out", bars("10240", "16")),
        ],
    })
}

/// Request, answer, connections and rate of all that was measured this way.
fn cells<'a>(table: &'a Table, way: &str) -> Vec<[&'a str; 4]> {
    let mut cells = Vec::new();
    for row in table.with(&[("way", way)]) {
        let cell = ["request", "answer", "connections", "rate"].map(|column| row.text(column));
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    cells
}

fn size(bytes: &str) -> String {
    match bytes.parse::<u64>() {
        Ok(bytes) if bytes >= 1 << 20 => format!("{} MiB", bytes >> 20),
        Ok(512) => "0.5 KiB".to_owned(),
        Ok(bytes) => format!("{} KiB", bytes >> 10),
        Err(_) => bytes.to_owned(),
    }
}

fn all_plots(table: &Table) -> Vec<Plot> {
    let plot = |name, title: &str, subtitle: &str, size, rate: &str, column, factor| Plot {
        name,
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        lines: QUARTILES,
        groups: WAYS
            .map(|(way, title)| {
                let connections = if rate.is_empty() { "16" } else { "64" };
                let bars = PARTIES.map(|party| {
                    let rows = table.with(&[
                        ("way", way),
                        ("request", size),
                        ("answer", size),
                        ("connections", connections),
                        ("rate", rate),
                        ("party", party),
                    ]);
                    let spread =
                        Spread::of_column(&rows, column).map(|spread| spread.times(factor));
                    (party.to_owned(), spread)
                });
                Group::new(format!("{title} to the provider"), bars)
            })
            .into(),
    };
    let plots = [
        plot(
            "healthy-cpu",
            "What a request of 0.5 KiB costs the gateway",
            "Microseconds of CPU a request, 16 clients; less is better",
            "512",
            "",
            CPU,
            1.0,
        ),
        plot(
            "healthy-cpu-10k",
            "What a request of 10 KiB, with as long an answer, costs the gateway",
            "Microseconds of CPU a request, 16 clients; less is better",
            "10240",
            "",
            CPU,
            1.0,
        ),
        plot(
            "healthy-throughput",
            "How many requests of 0.5 KiB go through",
            "Requests a second, 16 clients; more is better",
            "512",
            "",
            "requests_per_second",
            1.0,
        ),
        plot(
            "healthy-p99",
            "How long the slowest hundredth waits at 2,000 requests a second",
            "Milliseconds from when a request was due, p99; less is better",
            "512",
            "2000",
            "p99_us",
            0.001,
        ),
    ];
    plots.into_iter().filter(Plot::any).collect()
}
