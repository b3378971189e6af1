//! The values at some places of a document, found in one walk that keeps nothing else.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::path::{MOST_PLACES, Step};

/// A place that is looked for: its number, and the steps that are left.
type Wanted<'p> = (usize, &'p [Step]);

/// The text of the values at these places, lent from the document: none where there is nothing, several where the
/// last key is repeated: the last of them, and of the others no more than [`MOST_PLACES`]. Of other repeated keys the
/// last one counts. The document is read once for each step of the longest way to a place, and never kept.
pub(crate) fn values<'a>(
    document: &'a str,
    places: &[&[Step]],
) -> Result<Vec<Vec<&'a str>>, serde_json::Error> {
    let mut found = vec![Vec::new(); places.len()];
    let wanted: Vec<Wanted<'_>> = places.iter().copied().enumerate().collect();
    walk(document, &wanted, &mut found)?;
    Ok(found)
}

fn walk<'a>(
    text: &'a str,
    wanted: &[Wanted<'_>],
    found: &mut [Vec<&'a str>],
) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.deserialize_any(Walk { wanted, found })?;
    deserializer.end()
}

struct Walk<'w, 'p, 'f, 'a> {
    wanted: &'w [Wanted<'p>],
    found: &'f mut [Vec<&'a str>],
}

impl<'a> Walk<'_, '_, '_, 'a> {
    fn take(
        &mut self,
        value: &'a RawValue,
        wanted: &[Wanted<'_>],
    ) -> Result<(), serde_json::Error> {
        let mut deeper = Vec::new();
        for (number, rest) in wanted {
            if rest.is_empty() {
                let found = &mut self.found[*number];
                // No more than are needed to know that they are too many, and the one that counts.
                found.truncate(MOST_PLACES);
                found.push(value.get());
            } else {
                self.found[*number].clear();
                deeper.push((*number, *rest));
            }
        }
        if deeper.is_empty() || !value.get().starts_with(['{', '[']) {
            return Ok(());
        }
        walk(value.get(), &deeper, self.found)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(next) = map.next_key_seed(KeyOf(self.wanted))? {
            if next.is_empty() {
                map.next_value::<IgnoredAny>()?;
            } else {
                self.take(map.next_value()?, &next)
                    .map_err(serde::de::Error::custom)?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        let mut at = 0;
        while let Some(value) = seq.next_element::<&RawValue>()? {
            let next = steps_by(self.wanted, |step| *step == Step::Index(at));
            self.take(value, &next).map_err(serde::de::Error::custom)?;
            at += 1;
        }
        Ok(())
    }
}

/// What is left of the wanted places behind a step.
fn steps_by<'p>(wanted: &[Wanted<'p>], is: impl Fn(&Step) -> bool) -> Vec<Wanted<'p>> {
    wanted
        .iter()
        .filter_map(|(number, steps)| {
            let (first, rest) = steps.split_first()?;
            is(first).then_some((*number, rest))
        })
        .collect()
}

struct KeyOf<'w, 'p>(&'w [Wanted<'p>]);

impl<'de, 'p> DeserializeSeed<'de> for KeyOf<'_, 'p> {
    type Value = Vec<Wanted<'p>>;

    fn deserialize<D: serde::Deserializer<'de>>(self, key: D) -> Result<Self::Value, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for KeyOf<'_, 'p> {
    type Value = Vec<Wanted<'p>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(steps_by(
            self.0,
            |step| matches!(step, Step::Key(k) if k == key),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::path::Path;

    #[test]
    fn with_repeated_keys_the_last_counts_and_all_at_the_last_step_are_found() {
        let document = r#"{"a":{"b":1,"c":2}, "a":{"b":3, "b" : 4}, "x":[0,{"b":5}]}"#;
        let paths: Vec<Path> = ["$.a.b", "$.a.c", "$.x[1].b", "$.x", "$.x.b", "$.a[0]"]
            .into_iter()
            .map(|p| Path::parse(p).unwrap())
            .collect();
        let places: Vec<&[Step]> = paths.iter().filter_map(Path::steps).collect();
        assert_eq!(
            values(document, &places).unwrap(),
            [
                vec!["3", "4"],
                vec![],
                vec!["5"],
                vec![r#"[0,{"b":5}]"#],
                vec![],
                vec![]
            ]
        );
    }

    #[test]
    fn a_scalar_document_and_a_torn_one_are_errors() {
        for document in ["1", "\"x\"", "{\"a\":1", "{\"a\":1} x", "nonsense"] {
            assert!(values(document, &[]).is_err(), "{document}");
        }
    }
}
