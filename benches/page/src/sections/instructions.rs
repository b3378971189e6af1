//! What does not depend on the machine's load.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot};
use crate::results::Results;
use crate::spread::{Spread, figure};

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("instructions");
    let mut text = source(table, "instructions");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nThese stay the same on a loaded machine, so that `make test` holds them to this table: no more than a tenth \
            above it. *call* is all that the executor does for a request of 0.5 KiB without a network: prepared, resolved, \
            judged, answered; the healthy request goes over a connection on loopback.\n\n";
        text += &head(&["", "", "count"]);
        for found in table.rows() {
            text += &row(&[
                found.text("case").to_owned(),
                found.text("what").to_owned(),
                found.number("count").map_or_else(String::new, figure),
            ]);
        }
        let rows = table.with(&[("what", "instructions")]);
        let bars = rows.iter().map(|row| {
            let count = Spread::of(row.number("count"));
            (row.text("case").to_owned(), count)
        });
        plots.push(Plot {
            name: "instructions",
            title: "How many instructions the parts of a request take".to_owned(),
            subtitle: "Instructions each time; less is better".to_owned(),
            lines: "",
            groups: vec![Group::new("Counted under Callgrind", bars)],
        });
    }
    Section {
        title: "Instructions",
        command: "make bench-instructions",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}
