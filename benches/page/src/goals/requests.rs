//! Goals of whole requests.

use super::{Aim, Goal};
use crate::results::{Results, Row};
use crate::spread::Spread;

pub(super) fn all(results: &Results) -> Vec<Goal> {
    let mut goals = healthy(results);
    goals.extend(failures(results));
    goals
}

const CPU: &str = "cpu_us_per_request";

fn healthy(results: &Results) -> Vec<Goal> {
    let table = results.table("healthy");
    let rows = |way, size, connections, rate, party| -> Vec<Row<'_>> {
        table.map_or_else(Vec::new, |table| {
            table.with(&[
                ("way", way),
                ("request", size),
                ("answer", size),
                ("connections", connections),
                ("rate", rate),
                ("party", party),
            ])
        })
    };
    let mut goals = Vec::new();
    for (way, title, least) in [("plain", "plain", 1.05), ("tls", "TLS", 1.1)] {
        for (size, bytes) in [("512", "0.5 KiB"), ("10240", "10 KiB")] {
            for connections in ["16", "64"] {
                let (send, policy) = (
                    rows(way, size, connections, "", "send"),
                    rows(way, size, connections, "", "policy"),
                );
                let what = format!("{title} HTTP/1.1, {bytes}, {connections} clients");
                goals.push(Goal::new(
                    format!("{what}: CPU of send ÷ policy"),
                    Aim::AtLeast(least),
                    "",
                    Spread::of_ratios(&send, &policy, CPU),
                ));
                goals.push(Goal::new(
                    format!("{what}: throughput of policy ÷ send"),
                    Aim::AtLeast(least),
                    "",
                    Spread::of_ratios(&policy, &send, "requests_per_second"),
                ));
            }
        }
    }
    for (way, title) in [("plain", "plain"), ("tls", "TLS")] {
        let both = ["policy", "send"].map(|party| rows(way, "512", "64", "2000", party));
        goals.push(Goal::new(
            format!("{title} HTTP/1.1, 2,000 requests a second: p99 of policy ÷ send"),
            Aim::NotMeasurablyOver(1.0),
            "",
            Spread::of_ratios(&both[0], &both[1], "p99_us"),
        ));
    }
    let both = ["http2", "tls"].map(|way| rows(way, "512", "16", "", "policy"));
    goals.push(Goal::new(
        "HTTP/2 beside HTTP/1.1 over TLS, 0.5 KiB, 16 clients: CPU of policy",
        Aim::AtMost(1.0),
        "",
        Spread::of_ratios(&both[0], &both[1], CPU),
    ));
    goals
}

fn failures(results: &Results) -> Vec<Goal> {
    let table = results.table("failures");
    let rows = |case, connections, party| -> Vec<Row<'_>> {
        table.map_or_else(Vec::new, |table| {
            table.with(&[
                ("case", case),
                ("connections", connections),
                ("party", party),
            ])
        })
    };
    let mut goals = Vec::new();
    for (case, title) in [
        ("first-503", "503"),
        ("first-refused", "refused"),
        ("first-reset", "reset"),
    ] {
        let (policy, healthy) = (rows(case, "1", "policy"), rows(case, "1", "policy-healthy"));
        goals.push(Goal::new(
            format!("first failure, {title}: added to p50"),
            Aim::AtMost(200.0),
            " µs",
            Spread::of_differences(&policy, &healthy, "p50_us"),
        ));
    }
    let every = ["policy", "envoy"].map(|party| rows("every", "16", party));
    goals.push(Goal::new(
        "a failover on every request: CPU of policy ÷ envoy",
        Aim::AtMost(1.0),
        "",
        Spread::of_ratios(&every[0], &every[1], CPU),
    ));
    for (connections, title) in [("1", "1 client"), ("16", "16 clients")] {
        let both = ["policy", "policy-healthy"].map(|party| rows("suspended", connections, party));
        goals.push(Goal::new(
            format!("suspended target, {title}: CPU of policy ÷ that with a target that answers"),
            Aim::NotMeasurablyOver(1.0),
            "",
            Spread::of_ratios(&both[0], &both[1], CPU),
        ));
    }
    let windows = results.table("recovery").and_then(|table| {
        Spread::of(
            table
                .rows()
                .filter_map(|row| Some(row.number("calls_failing")? / row.number("windows")?)),
        )
    });
    goals.push(Goal::new(
        "recovery at a fixed rate: calls of the target in a window",
        Aim::AtMost(1.0),
        "",
        windows,
    ));
    let silent = rows("silent", "16", "policy");
    goals.push(Goal::new(
        "silent target: p99 beyond the limit of 1 s",
        Aim::AtMost(20.0),
        " ms",
        Spread::of(
            silent
                .iter()
                .filter_map(|row| Some(row.number("p99_us")? / 1e3 - 1e3)),
        ),
    ));
    goals
}
