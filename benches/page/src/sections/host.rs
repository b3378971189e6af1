//! With what API Manager does around the policy.

use super::{Section, head, row, source};
use crate::plot::{Group, Plot, QUARTILES};
use crate::results::Results;
use crate::spread::{Spread, cell};

const PARTIES: [&str; 3] = ["policy", "without", "mediator"];

pub(super) fn section(results: &Results) -> Section {
    let table = results.table("host");
    let mut text = source(table, "host");
    let mut plots = Vec::new();
    if let Some(table) = table {
        text += "\nThe same AI API with API Manager's handlers, and as many properties in its contexts as those set, with the \
            policy, by the gateway's own way, and with the mediator that API Manager puts into each AI API. Engine and transport are Apache's: WSO2's own are not to be had as packages.\n\n";
        text += &head(&["", "with the policy", "without", "with AIAPIMediator"]);
        for (name, column) in [
            ("requests/s", "requests_per_second"),
            ("p50 µs", "p50_us"),
            ("p99 µs", "p99_us"),
            ("CPU µs a request", "cpu_us_per_request"),
            ("bytes in the heap a request", "bytes"),
        ] {
            let figure = |party| cell(table, &[("party", party)], column);
            let [policy, without, mediator] = PARTIES.map(figure);
            text += &row(&[name.to_owned(), policy, without, mediator]);
        }
        let group = |title: &str, column, factor: f64| {
            let bars = PARTIES.map(|party| {
                let spread = Spread::of_column(&table.with(&[("party", party)]), column);
                (party.to_owned(), spread.map(|spread| spread.times(factor)))
            });
            Group::new(title, bars)
        };
        plots.push(Plot {
            name: "host",
            title: "What a request costs with API Manager's handlers around it".to_owned(),
            subtitle: "0.5 KiB in and out, 16 clients; less is better".to_owned(),
            lines: QUARTILES,
            groups: vec![
                group("Microseconds of CPU", "cpu_us_per_request", 1.0),
                group("Kilobytes in the gateway's heap", "bytes", 1e-3),
            ],
        });
    }
    Section {
        title: "With API Manager's handlers",
        command: "make bench-host",
        text,
        plots: plots.into_iter().filter(Plot::any).collect(),
    }
}
