//! The parts of a request by themselves.

use super::{Section, head, row, source};
use crate::plot::{CONFIDENCE, Group, Plot};
use crate::results::{Results, Row, Table};
use crate::spread::{Spread, figure};

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("isolation");
    let mut text = source(table, "isolation");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\n*decision* is ours alone, of a candidate that is healthy and of one that is suspended, for which the clock \
            is read; *call and \
            answer* is what every circuit breaker does for a call that is answered: may it be made, and that it was \
            answered. *chunk* is one event of a recorded stream, in its format, through framing and judgement.\n\n";
        text += &head(&["", "", "ns", "95 % confidence"]);
        for found in table.rows() {
            let number = |column| found.number(column).map_or_else(String::new, figure);
            text += &row(&[
                found.text("group").to_owned(),
                found.text("name").replace(';', ","),
                number("ns"),
                format!("{} – {}", number("low_ns"), number("high_ns")),
            ]);
        }
        plots = vec![
            plot(
                table,
                "isolation-breakers",
                "What a circuit breaker takes of a call that is answered",
                "Nanoseconds; less is better",
                "call and answer",
            ),
            plot(
                table,
                "isolation-chunks",
                "What a chunk of a stream takes, by its format",
                "Nanoseconds; less is better",
                "chunk",
            ),
        ];
    }
    Section {
        title: "Parts by themselves",
        command: "make bench-isolation",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}

fn plot(table: &Table, name: &'static str, title: &str, subtitle: &str, group: &str) -> Plot {
    let spread = |row: Row<'_>| {
        Some(Spread {
            low: row.number("low_ns")?,
            median: row.number("ns")?,
            high: row.number("high_ns")?,
        })
    };
    let rows = table.with(&[("group", group)]);
    let bars = rows
        .into_iter()
        .map(|row| (row.text("name").to_owned(), spread(row)));
    Plot {
        name,
        title: title.to_owned(),
        subtitle: subtitle.to_owned(),
        lines: CONFIDENCE,
        groups: vec![Group::new(group, bars)],
    }
}
