//! When the target fails.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot, QUARTILES};
use crate::results::{Results, Row, Table};
use crate::spread::{Spread, cell};

const CASES: [(&str, &str, &str); 8] = [
    ("first-503", "1", "first failure: 503"),
    ("first-refused", "1", "first failure: connection refused"),
    ("first-reset", "1", "first failure: connection reset"),
    ("first-tls", "1", "first failure: TLS handshake"),
    ("every", "16", "a failover on every request"),
    ("suspended", "1", "suspended target, 1 client"),
    ("suspended", "16", "suspended target, 16 clients"),
    ("silent", "16", "silent target, limit 1 s"),
];

/// With a target that answers, and with one that fails.
const PARTIES: [&str; 8] = [
    "policy-healthy",
    "policy",
    "envoy-healthy",
    "envoy",
    "litellm-healthy",
    "litellm",
    "portkey-healthy",
    "portkey",
];

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("failures");
    let mut text = source(table, "failures");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nThe target fails, the first fallback answers. *Added* is the delay beyond that of the same party with \
            a target that answers, round by round. Envoy has the same two providers in a composite cluster, and one retry, after \
            up to a millisecond; LiteLLM and Portkey have a fallback each.\n\n";
        text += &compared(table);
        plots.push(added(table));
        plots.push(every(table));
    }
    if let Some(table) = results.table("recovery") {
        text += "\nRecovery: a target is suspended for two seconds at a time, while requests come at a fixed rate. ";
        text += &source(Some(table), "recovery");
        text += &windows(table);
    }
    Section {
        title: "A provider that fails",
        command: "make bench-failures",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}

fn rows<'a>(table: &'a Table, case: &str, connections: &str, party: &str) -> Vec<Row<'a>> {
    table.with(&[
        ("case", case),
        ("connections", connections),
        ("party", party),
    ])
}

fn compared(table: &Table) -> String {
    let mut text = head(&[
        "case",
        "party",
        "requests/s",
        "p50 µs",
        "p99 µs",
        "added p50 µs",
        "CPU µs",
        "calls of the target a round",
    ]);
    for (case, connections, title) in CASES {
        for party in PARTIES {
            let rows = rows(table, case, connections, party);
            if rows.is_empty() {
                continue;
            }
            let values = [
                ("case", case),
                ("connections", connections),
                ("party", party),
            ];
            let figure = |column| cell(table, &values, column);
            let added = beyond(table, case, connections, party);
            let added = added.filter(|_| !party.ends_with("-healthy"));
            text += &row(&[
                title.to_owned(),
                party.to_owned(),
                figure("requests_per_second"),
                figure("p50_us"),
                figure("p99_us"),
                added.map_or_else(|| "–".to_owned(), |added| added.to_string()),
                figure("cpu_us_per_request"),
                figure("target_requests"),
            ]);
        }
    }
    text
}

/// What is added to a healthy request's median, microseconds.
fn beyond(table: &Table, case: &str, connections: &str, party: &str) -> Option<Spread> {
    let healthy = rows(table, case, connections, &format!("{party}-healthy"));
    Spread::of_differences(&rows(table, case, connections, party), &healthy, "p50_us")
}

fn added(table: &Table) -> Plot {
    Plot {
        name: "failures-added",
        title: "What the first failure adds to a request".to_owned(),
        subtitle: "Microseconds beyond a healthy request, p50, one client; less is better"
            .to_owned(),
        lines: QUARTILES,
        groups: CASES[..4]
            .iter()
            .map(|(case, connections, title)| {
                let bars = ["policy", "envoy"]
                    .map(|party| (party.to_owned(), beyond(table, case, connections, party)));
                Group::new(*title, bars)
            })
            .collect(),
    }
}

fn every(table: &Table) -> Plot {
    Plot {
        name: "failures-every",
        title: "What a request costs whose target fails every time".to_owned(),
        subtitle: "Microseconds of CPU a request, 16 clients; less is better".to_owned(),
        lines: QUARTILES,
        groups: vec![Group::new(
            "The target answers 503, the fallback answers",
            ["policy", "envoy", "portkey", "litellm"].map(|party| {
                let rows = rows(table, "every", "16", party);
                let cpu = Spread::of_column(&rows, "cpu_us_per_request");
                (party.to_owned(), cpu)
            }),
        )],
    }
}

fn windows(table: &Table) -> String {
    let all: Vec<Row<'_>> = table.rows().collect();
    let mut text = "\n".to_owned() + &head(&["", "median and quartiles"]);
    let calls = Spread::of(
        all.iter()
            .filter_map(|row| Some(row.number("calls_failing")? / row.number("windows")?)),
    );
    let again = Spread::of_column(&all, "after_probe_us");
    let figures = [
        ("calls of the target in a window, while it fails", calls),
        ("µs from the call that was answered to the next one", again),
        ("requests/s", Spread::of_column(&all, "requests_per_second")),
        ("p99 µs", Spread::of_column(&all, "p99_us")),
    ];
    for (name, spread) in figures {
        let figure = spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string());
        text += &row(&[name.to_owned(), figure]);
    }
    text
}
