//! What crossing JNI costs.

use super::{Section, head, row, source};
use crate::plot::{CONFIDENCE, Group, Plot};
use crate::results::{Results, Row, Table};
use crate::spread::{Spread, figure};

/// The benchmarks of `benches/jni`: their names, what stands beside their bars, what they do.
const CROSSINGS: [[&str; 3]; 5] = [
    [
        "anything",
        "an empty crossing",
        "a crossing that does next to nothing",
    ],
    [
        "prepareNotOurs",
        "prepare, not ours",
        "`prepare` of a request for another model",
    ],
    [
        "prepareAndCancel",
        "prepare, cancel",
        "`prepare` of a request that is ours, and `cancel`",
    ],
    [
        "prepareAndStart",
        "prepare, start",
        "`prepare`, and `start` with `resolve` and `resolved` in it",
    ],
    ["answer", "answer", "`answer`, of 0.5 KiB"],
];
const BREAKERS: [[&str; 3]; 3] = [
    ["resilience4j", "resilience4j", "resilience4j"],
    ["failsafe", "Failsafe", "Failsafe"],
    ["guavaCache", "Guava cache", "a Guava cache"],
];

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("jni");
    let mut text = source(table, "jni");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nA healthy request crosses with `prepare`, `start`, within that `resolve` and `resolved`, and `answer`. \
            Each figure has in it what is done on the other side: the body of 0.5 KiB copied and read, the call handed to the \
            runtime. The circuit breakers are asked whether a call may be made, and told that it was answered; the cache is \
            looked up as the built-in policy does.\n\n";
        text += &head(&["", "ns", "99.9 % confidence"]);
        for [name, _, title] in CROSSINGS.into_iter().chain(BREAKERS) {
            for found in table.with(&[("name", name)]) {
                let number = |column| found.number(column).map_or_else(String::new, figure);
                text += &row(&[
                    title.to_owned(),
                    number("ns"),
                    format!("{} – {}", number("low_ns"), number("high_ns")),
                ]);
            }
        }
        plots.push(Plot {
            name: "jni-crossings",
            title: "What a request costs where it crosses JNI".to_owned(),
            subtitle: "Nanoseconds, with the work on the other side; less is better".to_owned(),
            lines: CONFIDENCE,
            groups: vec![
                group(table, "A request of 0.5 KiB", &CROSSINGS),
                group(
                    table,
                    "Circuit breakers of the JVM, for one call",
                    &BREAKERS,
                ),
            ],
        });
    }
    Section {
        title: "Crossing JNI",
        command: "make bench-jni",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}

fn group(table: &Table, title: &str, names: &[[&str; 3]]) -> Group {
    let bars = names.iter().map(|[name, short, _]| {
        let rows = table.with(&[("name", name)]);
        ((*short).to_owned(), rows.first().and_then(spread))
    });
    Group::new(title, bars)
}

fn spread(row: &Row<'_>) -> Option<Spread> {
    Some(Spread {
        low: row.number("low_ns")?,
        median: row.number("ns")?,
        high: row.number("high_ns")?,
    })
}
