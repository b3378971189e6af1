//! Goals of streams, of the parts of a request, and of what it allocates.

use super::{Aim, Goal};
use crate::results::{Results, Row};
use crate::spread::Spread;

pub(super) fn all(results: &Results) -> Vec<Goal> {
    let mut goals = host(results);
    goals.extend(streams(results));
    goals.extend(isolation(results));
    goals.extend(memory(results));
    goals
}

fn host(results: &Results) -> Vec<Goal> {
    let rows = |party| -> Vec<Row<'_>> {
        let table = results.table("host");
        table.map_or_else(Vec::new, |table| table.with(&[("party", party)]))
    };
    let (with, without) = (rows("policy"), rows("without"));
    vec![Goal::new(
        "with API Manager's handlers: CPU of the API without the policy ÷ with it",
        Aim::AtLeast(1.0),
        "",
        Spread::of_ratios(&without, &with, "cpu_us_per_request"),
    )]
}

fn streams(results: &Results) -> Vec<Goal> {
    let rows = |party| -> Vec<Row<'_>> {
        let table = results.table("streams");
        table.map_or_else(Vec::new, |table| {
            table.with(&[("streams", "1000"), ("party", party)])
        })
    };
    let (policy, direct) = (rows("policy"), rows("direct"));
    let of = |column, factor| Spread::of_column(&policy, column).map(|s| s.times(factor));
    vec![
        Goal::new(
            "1,000 streams: added to a chunk's p50",
            Aim::AtMost(0.5),
            " ms",
            Spread::of_differences(&policy, &direct, "p50_us").map(|s| s.times(1e-3)),
        ),
        Goal::new(
            "1,000 streams: memory for each",
            Aim::AtMost(56.0),
            " KiB",
            of("total", 1.0 / 1024.0),
        ),
        Goal::new(
            "1,000 chunks a second",
            Aim::AtMost(0.17),
            " cores",
            of("cpu_us_per_chunk", 1e-3),
        ),
    ]
}

fn isolation(results: &Results) -> Vec<Goal> {
    let nanos = |file, group, name| {
        let rows = results
            .table(file)?
            .with(&[("group", group), ("name", name)]);
        let row = rows.first()?;
        Some(Spread {
            low: row.number("low_ns")?,
            median: row.number("ns")?,
            high: row.number("high_ns")?,
        })
    };
    let crossing = |name| nanos("jni", "Crossings", name);
    let crossings = crossing("prepareAndStart").zip(crossing("answer"));
    vec![
        Goal::new(
            "decision of a healthy candidate",
            Aim::AtMost(5.0),
            " ns",
            nanos("isolation", "decision", "healthy"),
        ),
        Goal::new(
            "through JNI, all crossings of a healthy request",
            Aim::AtMost(2.0),
            " µs",
            crossings.map(|(down, up)| Spread {
                low: (down.low + up.low) * 1e-3,
                median: (down.median + up.median) * 1e-3,
                high: (down.high + up.high) * 1e-3,
            }),
        ),
        Goal::new(
            "chat event through framing and judgement",
            Aim::AtMost(500.0),
            " ns",
            nanos("isolation", "chunk", "chat"),
        ),
    ]
}

fn memory(results: &Results) -> Vec<Goal> {
    let of = |file, values: &[(&str, &str)], column, factor| {
        let rows = results.table(file)?.with(values);
        Spread::of_column(&rows, column).map(|s| s.times(factor))
    };
    let mut goals = vec![
        Goal::new(
            "Rust allocations of a healthy request",
            Aim::AtMost(30.0),
            "",
            of(
                "instructions",
                &[
                    ("case", "healthy request over HTTP/1.1"),
                    ("what", "allocations"),
                ],
                "count",
                1.0,
            ),
        ),
        Goal::new(
            "Java allocations of a healthy request, 0.5 KiB",
            Aim::AtMost(20.0),
            " KB",
            of(
                "allocations",
                &[("request", "512"), ("party", "policy")],
                "bytes",
                1e-3,
            ),
        ),
    ];
    for (profile, title) in [("release", "make dist"), ("dist", "make dist-all")] {
        goals.push(Goal::new(
            format!("the native library of `{title}`, stripped"),
            Aim::AtMost(7.0),
            " MB",
            of("size", &[("profile", profile)], "stripped_bytes", 1e-6),
        ));
    }
    goals
}
