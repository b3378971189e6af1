//! What is aimed at, and how far it is.

use crate::results::{Results, Row};
use crate::spread::{Spread, figure};

/// A figure that is aimed at.
struct Goal {
    what: String,
    aim: Aim,
    /// Has its unit behind it.
    unit: &'static str,
    measured: Option<Spread>,
}

#[derive(Clone, Copy)]
enum Aim {
    AtLeast(f64),
    AtMost(f64),
}

/// All goals in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let mut text = "| goal | aim | measured | |\n|---|---|---|---|\n".to_owned();
    let goals = healthy(results)
        .into_iter()
        .chain(failures(results))
        .chain(streams(results))
        .chain(isolation(results));
    for goal in goals {
        text += &goal.row();
    }
    text += "\nNot measured by these benches: the policy beside `<call>` in WSO2's own engine, crossings of JNI, Rust and \
        Java allocations a request, the library's size.\n";
    text
}

impl Goal {
    fn row(&self) -> String {
        let Goal { what, unit, .. } = self;
        let (word, limit) = match self.aim {
            Aim::AtLeast(limit) => ("at least", limit),
            Aim::AtMost(limit) => ("at most", limit),
        };
        let aim = format!("{word} {}{unit}", figure(limit));
        let Some(measured) = self.measured else {
            return format!("| {what} | {aim} | – | not measured |\n");
        };
        format!(
            "| {what} | {aim} | {measured}{unit} | {} |\n",
            self.verdict(measured.median)
        )
    }

    fn verdict(&self, measured: f64) -> String {
        let (met, short) = match self.aim {
            Aim::AtLeast(limit) => (measured >= limit, limit - measured),
            Aim::AtMost(limit) => (measured <= limit, measured - limit),
        };
        if met {
            return "met".to_owned();
        }
        format!("not met, by {}{}", figure(short), self.unit)
    }
}

const CPU: &str = "cpu_us_per_request";

fn healthy(results: &Results) -> Vec<Goal> {
    let table = results.table("healthy");
    let rows = |way, size, connections, rate, party| -> Vec<Row<'_>> {
        table.map_or_else(Vec::new, |table| {
            table.with(&[
                ("way", way),
                ("request", size),
                ("answer", size),
                ("connections", connections),
                ("rate", rate),
                ("party", party),
            ])
        })
    };
    let mut goals = Vec::new();
    for (way, title, least) in [("plain", "plain", 1.05), ("tls", "TLS", 1.1)] {
        for (size, bytes) in [("512", "0.5 KiB"), ("10240", "10 KiB")] {
            for connections in ["16", "64"] {
                let (send, policy) = (
                    rows(way, size, connections, "", "send"),
                    rows(way, size, connections, "", "policy"),
                );
                let what = format!("{title} HTTP/1.1, {bytes}, {connections} clients");
                goals.push(Goal {
                    what: format!("{what}: CPU of send ÷ policy"),
                    aim: Aim::AtLeast(least),
                    unit: "",
                    measured: Spread::of_ratios(&send, &policy, CPU),
                });
                goals.push(Goal {
                    what: format!("{what}: throughput of policy ÷ send"),
                    aim: Aim::AtLeast(least),
                    unit: "",
                    measured: Spread::of_ratios(&policy, &send, "requests_per_second"),
                });
            }
        }
    }
    for (way, title) in [("plain", "plain"), ("tls", "TLS")] {
        let both = ["policy", "send"].map(|party| rows(way, "512", "64", "2000", party));
        goals.push(Goal {
            what: format!("{title} HTTP/1.1, 2,000 requests a second: p99 of policy ÷ send"),
            aim: Aim::AtMost(1.0),
            unit: "",
            measured: Spread::of_ratios(&both[0], &both[1], "p99_us"),
        });
    }
    let both = ["http2", "tls"].map(|way| rows(way, "512", "16", "", "policy"));
    goals.push(Goal {
        what: "HTTP/2 beside HTTP/1.1 over TLS, 0.5 KiB, 16 clients: CPU of policy".to_owned(),
        aim: Aim::AtMost(1.0),
        unit: "",
        measured: Spread::of_ratios(&both[0], &both[1], CPU),
    });
    goals
}

fn failures(results: &Results) -> Vec<Goal> {
    let table = results.table("failures");
    let rows = |case, connections, party| -> Vec<Row<'_>> {
        table.map_or_else(Vec::new, |table| {
            table.with(&[
                ("case", case),
                ("connections", connections),
                ("party", party),
            ])
        })
    };
    let mut goals = Vec::new();
    for (case, title) in [
        ("first-503", "503"),
        ("first-refused", "refused"),
        ("first-reset", "reset"),
    ] {
        let (policy, healthy) = (rows(case, "1", "policy"), rows(case, "1", "policy-healthy"));
        goals.push(Goal {
            what: format!("first failure, {title}: added to p50"),
            aim: Aim::AtMost(200.0),
            unit: " µs",
            measured: Spread::of_differences(&policy, &healthy, "p50_us"),
        });
    }
    let every = ["policy", "envoy"].map(|party| rows("every", "16", party));
    goals.push(Goal {
        what: "a failover on every request: CPU of policy ÷ envoy".to_owned(),
        aim: Aim::AtMost(1.0),
        unit: "",
        measured: Spread::of_ratios(&every[0], &every[1], CPU),
    });
    for (connections, title) in [("1", "1 client"), ("16", "16 clients")] {
        let both = ["policy", "policy-healthy"].map(|party| rows("suspended", connections, party));
        goals.push(Goal {
            what: format!(
                "suspended target, {title}: CPU of policy ÷ that with a target that answers"
            ),
            aim: Aim::AtMost(1.02),
            unit: "",
            measured: Spread::of_ratios(&both[0], &both[1], CPU),
        });
    }
    let windows = results.table("recovery").and_then(|table| {
        Spread::of(
            table
                .rows()
                .filter_map(|row| Some(row.number("calls_failing")? / row.number("windows")?)),
        )
    });
    goals.push(Goal {
        what: "recovery at a fixed rate: calls of the target in a window".to_owned(),
        aim: Aim::AtMost(1.0),
        unit: "",
        measured: windows,
    });
    let silent = rows("silent", "16", "policy");
    goals.push(Goal {
        what: "silent target: p99 beyond the limit of 1 s".to_owned(),
        aim: Aim::AtMost(20.0),
        unit: " ms",
        measured: Spread::of(
            silent
                .iter()
                .filter_map(|row| Some(row.number("p99_us")? / 1e3 - 1e3)),
        ),
    });
    goals
}

fn streams(results: &Results) -> Vec<Goal> {
    let table = results.table("streams");
    let number = |way, column| {
        let rows = table?.with(&[("streams", "1000"), ("way", way)]);
        rows.first()?.number(column)
    };
    let added = number("failover", "p50_us").zip(number("direct", "p50_us"));
    vec![
        Goal {
            what: "1,000 streams: added to a chunk's p50".to_owned(),
            aim: Aim::AtMost(0.5),
            unit: " ms",
            measured: Spread::of(added.map(|(with, without)| (with - without) / 1e3)),
        },
        Goal {
            what: "1,000 streams: memory for each".to_owned(),
            aim: Aim::AtMost(56.0),
            unit: " KiB",
            measured: Spread::of(number("failover", "total").map(|bytes| bytes / 1024.0)),
        },
        Goal {
            what: "1,000 chunks a second".to_owned(),
            aim: Aim::AtMost(0.17),
            unit: " cores",
            measured: Spread::of(number("failover", "cpu_percent").map(|percent| percent / 100.0)),
        },
    ]
}

fn isolation(results: &Results) -> Vec<Goal> {
    let table = results.table("isolation");
    let nanos = |group, name| {
        let rows = table?.with(&[("group", group), ("name", name)]);
        Spread::of_column(&rows, "ns")
    };
    vec![
        Goal {
            what: "decision of a healthy candidate, with the clock".to_owned(),
            aim: Aim::AtMost(5.0),
            unit: " ns",
            measured: nanos("decision", "healthy; with the clock"),
        },
        Goal {
            what: "chat event through framing and judgement".to_owned(),
            aim: Aim::AtMost(500.0),
            unit: " ns",
            measured: nanos("chunk", "chat"),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(aim: Aim) -> Goal {
        Goal {
            what: "ratio".to_owned(),
            aim,
            unit: " µs",
            measured: None,
        }
    }

    #[test]
    fn a_goal_says_by_how_much_it_is_missed() {
        assert_eq!(
            goal(Aim::AtLeast(1.05)).verdict(0.83),
            "not met, by 0.22 µs"
        );
        assert_eq!(
            goal(Aim::AtMost(200.0)).verdict(230.0),
            "not met, by 30.0 µs"
        );
        assert_eq!(goal(Aim::AtMost(200.0)).verdict(150.0), "met");
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let row = goal(Aim::AtMost(1.0)).row();
        assert_eq!(row, "| ratio | at most 1.00 µs | – | not measured |\n");
    }
}
