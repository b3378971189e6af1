//! What a request leaves for the garbage collector, and how large the library is.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot, QUARTILES};
use crate::results::Results;
use crate::spread::{Spread, cell, figure};

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("allocations");
    let mut text = source(table, "allocations");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\n";
        text += &head(&["in and out", "with the policy, bytes", "without (send)"]);
        let mut groups = Vec::new();
        for (request, size) in [("512", "0.5 KiB"), ("10240", "10 KiB")] {
            let with = |party| [("request", request), ("party", party)];
            let figures = ["policy", "send"].map(|party| cell(table, &with(party), "bytes"));
            text += &row(&[size, &figures[0], &figures[1]]);
            let bars = ["policy", "send"].map(|party| {
                let spread = Spread::of_column(&table.with(&with(party)), "bytes");
                (party.to_owned(), spread.map(|spread| spread.times(1e-3)))
            });
            groups.push(Group::new(format!("{size} in and out"), bars));
        }
        plots.push(Plot {
            name: "allocations-heap",
            title: "What a request allocates in the gateway's heap".to_owned(),
            subtitle: "Kilobytes a request; less is better".to_owned(),
            lines: QUARTILES,
            groups,
        });
    }
    if let Some(sizes) = results.table("size") {
        text += "\nThe native library: ";
        text += &source(Some(sizes), "size");
        text += "\n";
        text += &head(&["profile", "bytes", "stripped"]);
        for found in sizes.rows() {
            let number = |column| found.number(column).map_or_else(String::new, figure);
            text += &row(&[
                found.text("profile").to_owned(),
                number("bytes"),
                number("stripped_bytes"),
            ]);
        }
    }
    Section {
        title: "Allocations and size",
        command: "make bench-allocations",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}
