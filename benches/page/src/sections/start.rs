//! Many APIs in one gateway.

use super::{Section, head, row, source};
use crate::results::Results;
use crate::spread::{Spread, cell};

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("start");
    let mut text = source(table, "start");
    if let Some(table) = table {
        text += "\n";
        text += &head(&["", "with the policy", "without"]);
        let both =
            |column| ["failover", "send"].map(|party| cell(table, &[("party", party)], column));
        for (name, column) in [
            ("APIs", "apis"),
            ("ms to deploy all", "deploy_ms"),
            ("bytes of heap for each", "heap_bytes"),
            ("bytes outside of the heap for each", "outside_bytes"),
            ("threads before", "threads_before"),
            ("threads after", "threads_after"),
        ] {
            let [with, without] = both(column);
            text += &row(&[name.to_owned(), with, without]);
        }
        let (with, without) = (
            table.with(&[("party", "failover")]),
            table.with(&[("party", "send")]),
        );
        let more = Spread::of_differences(&with, &without, "deploy_ms");
        if let (Some(more), Some(apis)) = (more, with.first().and_then(|row| row.number("apis"))) {
            text += &format!(
                "\nThe policy's share: {} ms for each API.\n",
                more.times(1.0 / apis)
            );
        }
    }
    Section {
        title: "A gateway with many APIs",
        command: "make bench-start",
        text,
        plots: Vec::new(),
    }
}
