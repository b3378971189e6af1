//! Many event streams at once.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot};
use crate::results::{Results, Table};
use crate::spread::{Spread, figure};

/// The file's name of a way, and the page's.
const WAYS: [(&str, &str); 3] = [
    ("failover", "policy"),
    ("send", "send"),
    ("direct", "direct"),
];

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
        "way",
        "delay p50 ms",
        "p99 ms",
        "KiB for each stream",
        "cores for 1,000 chunks/s",
        "failed, lost, out of order",
    ]);
    for streams in table.values("streams") {
        for (way, name) in WAYS {
            for found in table.with(&[("streams", streams), ("way", way)]) {
                let number = |column, factor: f64| {
                    let value = found.number(column).map(|value| figure(value * factor));
                    value.unwrap_or_else(|| "–".to_owned())
                };
                let wrong = ["failed", "lost", "reordered"].map(|column| found.text(column));
                let each = 10.0 / streams.parse().unwrap_or(1.0);
                text += &row(&[
                    number("streams", 1.0),
                    name.to_owned(),
                    number("p50_us", 0.001),
                    number("p99_us", 0.001),
                    number("total", 1.0 / 1024.0),
                    number("cpu_percent", each),
                    wrong.join(", "),
                ]);
            }
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
        let bars = WAYS.map(|(way, name)| {
            let rows = table.with(&[("streams", streams), ("way", way)]);
            let spread = Spread::of_column(&rows, column).map(|spread| spread.times(factor));
            (name.to_owned(), spread)
        });
        Group::new(format!("{streams} streams"), bars)
    };
    Plot {
        name,
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        groups: table.values("streams").into_iter().map(group).collect(),
    }
}
