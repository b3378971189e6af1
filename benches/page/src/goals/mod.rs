//! What is aimed at, and how far it is.

mod parts;
mod requests;

use crate::results::Results;
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
    /// The median is no more, or the lower quartile is not: then it may be the rounds' own spread.
    NotMeasurablyOver(f64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Met,
    Missed,
    NotMeasured,
}

/// All goals in Markdown.
pub(crate) fn table(results: &Results) -> String {
    let goals: Vec<Goal> = requests::all(results)
        .into_iter()
        .chain(parts::all(results))
        .collect();
    let verdicts: Vec<Verdict> = goals.iter().map(Goal::verdict).collect();
    let so_many = |verdict| verdicts.iter().filter(|v| **v == verdict).count();
    let mut text = format!(
        "Of {} goals {} are met, {} are not, and {} have not been measured.\n\n",
        goals.len(),
        so_many(Verdict::Met),
        so_many(Verdict::Missed),
        so_many(Verdict::NotMeasured)
    );
    text += "| goal | aim | measured | |\n|---|---|---|---|\n";
    for goal in goals {
        text += &goal.row();
    }
    text
}

impl Goal {
    fn new(
        what: impl Into<String>,
        aim: Aim,
        unit: &'static str,
        measured: Option<Spread>,
    ) -> Goal {
        Goal {
            what: what.into(),
            aim,
            unit,
            measured,
        }
    }

    fn row(&self) -> String {
        let Goal { what, unit, .. } = self;
        let (word, limit) = match self.aim {
            Aim::AtLeast(limit) => ("at least", limit),
            Aim::AtMost(limit) => ("at most", limit),
            Aim::NotMeasurablyOver(limit) => ("not measurably over", limit),
        };
        let aim = format!("{word} {}{unit}", figure(limit));
        let Some(measured) = self.measured else {
            return format!("| {what} | {aim} | – | not measured |\n");
        };
        let verdict = match self.verdict() {
            Verdict::Missed => {
                let short = (measured.median - limit).abs();
                format!("**not met**, by {}{unit}", figure(short))
            }
            Verdict::Met | Verdict::NotMeasured => "met".to_owned(),
        };
        format!("| {what} | {aim} | {measured}{unit} | {verdict} |\n")
    }

    fn verdict(&self) -> Verdict {
        let Some(measured) = self.measured else {
            return Verdict::NotMeasured;
        };
        let met = match self.aim {
            Aim::AtLeast(limit) => measured.median >= limit,
            Aim::AtMost(limit) => measured.median <= limit,
            Aim::NotMeasurablyOver(limit) => measured.median.min(measured.low) <= limit,
        };
        if met { Verdict::Met } else { Verdict::Missed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(aim: Aim, measured: &[f64]) -> Goal {
        Goal::new("ratio", aim, " µs", Spread::of(measured.iter().copied()))
    }

    #[test]
    fn a_goal_says_by_how_much_it_is_missed() {
        assert_eq!(
            goal(Aim::AtLeast(1.05), &[0.83]).row(),
            "| ratio | at least 1.05 µs | 0.83 µs | **not met**, by 0.22 µs |\n"
        );
        assert!(
            goal(Aim::AtMost(200.0), &[230.0])
                .row()
                .contains("by 30.0 µs")
        );
        assert_eq!(goal(Aim::AtMost(200.0), &[150.0]).verdict(), Verdict::Met);
    }

    #[test]
    fn more_than_the_limit_within_the_spread_of_the_rounds_is_not_measurable() {
        let aim = Aim::NotMeasurablyOver(1.0);
        assert_eq!(goal(aim, &[0.98, 1.02, 1.03]).verdict(), Verdict::Met);
        assert_eq!(goal(aim, &[1.02, 1.03, 1.04]).verdict(), Verdict::Missed);
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let goal = goal(Aim::AtMost(1.0), &[]);
        assert_eq!(goal.verdict(), Verdict::NotMeasured);
        assert_eq!(
            goal.row(),
            "| ratio | at most 1.00 µs | – | not measured |\n"
        );
    }
}
