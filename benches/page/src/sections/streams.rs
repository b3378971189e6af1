//! Many event streams at once.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot, QUARTILES};
use crate::results::{Results, Table};
use crate::spread::{Spread, figure};

const PARTIES: [&str; 4] = ["policy", "send", "envoy", "direct"];

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("streams");
    let mut text = source(table, "streams");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nEach stream has a chunk a second. Delay is from when the provider wrote a chunk to when the client had it.\n\n";
        text += &compared(table);
        plots = vec![
            plot(
                table,
                "streams-delay",
                "How late the slowest hundredth of the chunks comes",
                "Milliseconds, p99; less is better",
                "p99_us",
                0.001,
            ),
            plot(
                table,
                "streams-memory",
                "What an open stream takes of the gateway's memory",
                "KiB for each stream; less is better",
                "total",
                1.0 / 1024.0,
            ),
            plot(
                table,
                "streams-cpu",
                "What a chunk of a stream costs the gateway",
                "Microseconds of CPU a chunk; less is better",
                "cpu_us_per_chunk",
                1.0,
            ),
        ];
    }
    Section {
        title: "Many streams",
        command: "make bench-streams",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}

fn compared(table: &Table) -> String {
    let mut text = head(&[
        "streams",
        "party",
        "delay p50 ms",
        "p99 ms",
        "p99.9 ms",
        "KiB for each stream",
        "cores for 1,000 chunks/s",
        "failed, lost, out of order",
    ]);
    for streams in table.values("streams") {
        for party in PARTIES {
            let rows = table.with(&[("streams", streams), ("party", party)]);
            if rows.is_empty() {
                continue;
            }
            let cell = |column, factor: f64| {
                let spread = Spread::of_column(&rows, column).map(|spread| spread.times(factor));
                spread.map_or_else(|| "–".to_owned(), |spread| spread.to_string())
            };
            let wrong = ["failed", "lost", "reordered"].map(|column| {
                let sum: f64 = rows.iter().filter_map(|row| row.number(column)).sum();
                sum.to_string()
            });
            text += &row(&[
                cell("streams", 1.0),
                party.to_owned(),
                cell("p50_us", 0.001),
                cell("p99_us", 0.001),
                cell("p999_us", 0.001),
                cell("total", 1.0 / 1024.0),
                cell("cpu_us_per_chunk", 0.001),
                wrong.join(", "),
            ]);
        }
    }
    text
}

fn plot(
    table: &Table,
    name: &'static str,
    title: &str,
    subtitle: &str,
    column: &str,
    factor: f64,
) -> Plot {
    let group = |streams: &str| {
        let bars = PARTIES.map(|party| {
            let rows = table.with(&[("streams", streams), ("party", party)]);
            let spread = Spread::of_column(&rows, column).map(|spread| spread.times(factor));
            (party.to_owned(), spread)
        });
        let streams = streams.parse().map_or_else(|_| streams.to_owned(), figure);
        Group::new(
            format!("{streams} streams at once, a chunk a second each"),
            bars,
        )
    };
    Plot {
        name,
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        lines: QUARTILES,
        groups: table.values("streams").into_iter().map(group).collect(),
    }
}
