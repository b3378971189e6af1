//! Medians with their quartiles.

use std::fmt;

use crate::results::{Row, Table};

/// What a figure came to over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of these values; `None` without any.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Some(Spread {
            low: at(&values, 1)?,
            median: at(&values, 2)?,
            high: at(&values, 3)?,
        })
    }

    /// Of a column of these rows.
    pub(crate) fn of_column(rows: &[Row<'_>], column: &str) -> Option<Spread> {
        Spread::of(rows.iter().filter_map(|row| row.number(column)))
    }

    /// Of `numerator`'s value divided by `denominator`'s, round by round.
    pub(crate) fn of_ratios(
        numerator: &[Row<'_>],
        denominator: &[Row<'_>],
        column: &str,
    ) -> Option<Spread> {
        Spread::of(pairs(numerator, denominator, column).map(|(a, b)| a / b))
    }

    /// Of `one`'s value less `other`'s, round by round.
    pub(crate) fn of_differences(
        one: &[Row<'_>],
        other: &[Row<'_>],
        column: &str,
    ) -> Option<Spread> {
        Spread::of(pairs(one, other, column).map(|(a, b)| a - b))
    }

    /// The same in another unit.
    pub(crate) fn times(self, factor: f64) -> Spread {
        Spread {
            low: self.low * factor,
            median: self.median * factor,
            high: self.high * factor,
        }
    }
}

/// The column's values of the same round. A round in which nothing was answered has none.
fn pairs<'a>(
    one: &'a [Row<'_>],
    other: &'a [Row<'_>],
    column: &'a str,
) -> impl Iterator<Item = (f64, f64)> + 'a {
    let value = move |row: &Row<'_>| row.number(column).filter(|value| *value > 0.0);
    one.iter().filter_map(move |a| {
        let b = other.iter().find(|b| b.text("round") == a.text("round"))?;
        Some((value(a)?, value(b)?))
    })
}

/// The value so many quarters from the least of sorted values, between two where none stands there.
fn at(sorted: &[f64], quarters: usize) -> Option<f64> {
    let place = sorted.len().checked_sub(1)? * quarters;
    let low = *sorted.get(place / 4)?;
    let high = *sorted.get(place.div_ceil(4))?;
    #[expect(clippy::cast_precision_loss, reason = "0 to 3")]
    let share = (place % 4) as f64 / 4.0;
    Some(low + (high - low) * share)
}

/// A figure with as many digits as mean something.
pub(crate) fn figure(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        v if v < 0.1 => 3,
        v if v < 10.0 => 2,
        v if v < 100.0 => 1,
        _ => 0,
    };
    grouped(&format!("{value:.digits$}"))
}

/// With a comma before each thousand.
fn grouped(number: &str) -> String {
    let (sign, rest) = number.split_at(number.find(|c: char| c != '-').unwrap_or(0));
    let (whole, part) = rest.split_at(rest.find('.').unwrap_or(rest.len()));
    let mut text = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text + part
}

/// `median [low – high]`, or the median alone where all are the same.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, median, high] = [self.low, self.median, self.high].map(figure);
        if low == high {
            return write!(f, "{median}");
        }
        write!(f, "{median} [{low} – {high}]")
    }
}

/// What a column came to in the rows with these values; a dash without any.
pub(crate) fn cell(table: &Table, values: &[(&str, &str)], column: &str) -> String {
    let rows = table.with(values);
    Spread::of_column(&rows, column).map_or_else(|| "–".to_owned(), |spread| spread.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_lie_between_values_where_none_stands_there() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0]);
        let expected = Spread {
            low: 1.75,
            median: 2.5,
            high: 3.25,
        };
        assert_eq!(spread, Some(expected));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_figure_has_no_more_digits_than_it_needs() {
        let figures = [0.0, 0.0123, 1.234, 56.78, 1234.5, -1_234_567.0].map(figure);
        assert_eq!(
            figures,
            ["0", "0.012", "1.23", "56.8", "1,234", "-1,234,567"]
        );
    }

    #[test]
    fn one_round_has_no_quartiles_to_show() {
        assert_eq!(
            Spread::of([5.0]).map(|s| s.to_string()),
            Some("5.00".to_owned())
        );
    }
}
