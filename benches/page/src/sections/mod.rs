//! The page's sections, one for each bench.

mod allocations;
mod crossings;
mod failures;
mod healthy;
mod host;
mod instructions;
mod isolation;
mod start;
mod streams;

use crate::plot::Plot;
use crate::results::{Results, Table};

/// What a bench came to.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// The command that measures it again.
    pub(crate) command: &'static str,
    pub(crate) text: String,
    pub(crate) plots: Vec<Plot>,
}

/// All sections; one that has not been measured says so.
pub(crate) fn all(results: &Results) -> Vec<Section> {
    vec![
        healthy::section(results),
        failures::section(results),
        host::section(results),
        streams::section(results),
        start::section(results),
        isolation::section(results),
        crossings::section(results),
        instructions::section(results),
        allocations::section(results),
    ]
}

/// Where the figures are from, or that there are none.
fn source(table: Option<&Table>, file: &str) -> String {
    let Some(table) = table else {
        return "Not measured yet.\n".to_owned();
    };
    let mut text = format!("[{file}.csv](../benches/results/{file}.csv): ");
    text += &table.head.join("; ");
    text + ".\n"
}

/// A row of a table in Markdown.
fn row<T: AsRef<str>>(cells: &[T]) -> String {
    let cells: Vec<&str> = cells.iter().map(AsRef::as_ref).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table in Markdown.
fn head(cells: &[&str]) -> String {
    row(cells) + &row(&vec!["---"; cells.len()])
}
