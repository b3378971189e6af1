//! JSONPaths of a provider, found in JSON.
//!
//! A path that names one place needs no tree: the document is passed over once for each of its steps ([`super::values`]). Every other path
//! is a query of serde_json_path's, which needs one. It gets a tree of bounded size ([`super::outline`]) and, where the
//! document is larger, finds nothing, since it can't know. Queries whose time is not proportional to the tree, such as
//! those with two `..`, are refused when they are compiled, at deployment.

use serde_json::Value;
use serde_json_path::{JsonPath, PathElement};

use super::outline;

/// A compiled JSONPath.
#[derive(Debug, Clone)]
pub struct Path {
    kind: Kind,
    name: String,
    text: String,
}

/// Whatever the spelling.
impl PartialEq for Path {
    fn eq(&self, other: &Path) -> bool {
        self.kind == other.kind
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    /// From the root to one place.
    Steps(Vec<Step>),
    /// Everything else: RFC 9535.
    Query(JsonPath),
}

/// One step downwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To a member of an object.
    Key(String),
    /// To an element of an array.
    Index(usize),
}

/// Why it can't be told which places a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlaces {
    NotJson,
    /// The document has more values than a query looks through.
    TooLarge,
    TooMany,
}

/// The most places that one path may stand for in a request.
pub(super) const MOST_PLACES: usize = 64;

/// The most steps of a path to one place. A document is read once for each.
const MOST_STEPS: usize = 16;

/// The most commas of a query: `[*,*]` names everything twice, and twice that behind the next.
const MOST_COMMAS: usize = 4;

impl Path {
    /// Compiles a path. Beyond RFC 9535 it takes what Jayway's JsonPath takes of simple paths: names like
    /// `a-b` behind a dot, and a path without `$`.
    ///
    /// # Errors
    /// What is wrong with it, in words for an administrator: also when a search for it could take more time than the
    /// document is long.
    pub fn parse(text: &str) -> Result<Path, String> {
        let text = text.trim();
        let name = text
            .rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
            .find(|name| !name.is_empty() && name.parse::<i64>().is_err())
            .ok_or("it names nothing")?
            .to_owned();
        let rooted = if text.starts_with('$') {
            text.to_owned()
        } else {
            format!("$.{text}")
        };
        let kind = match steps(&rooted[1..]) {
            Some(steps) if steps.len() > MOST_STEPS => {
                return Err(format!("it has more than {MOST_STEPS} steps"));
            }
            Some(steps) => Kind::Steps(steps),
            None => {
                let query = JsonPath::parse(&rooted).map_err(|e| e.to_string())?;
                cheap(&rooted)?;
                Kind::Query(query)
            }
        };
        Ok(Path {
            kind,
            name,
            text: text.to_owned(),
        })
    }

    /// The path as it was given.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The last name in the path.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its steps, when it stands for one place.
    pub(crate) fn steps(&self) -> Option<&[Step]> {
        match &self.kind {
            Kind::Steps(steps) => Some(steps),
            Kind::Query(_) => None,
        }
    }

    /// Whether it is `$.model`.
    pub(crate) fn is_top_level_model(&self) -> bool {
        matches!(self.steps(), Some([Step::Key(key)]) if key == "model")
    }

    /// The first scalar that it stands for.
    pub(crate) fn scalar_in<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        let scalar = |v: &&Value| !(v.is_object() || v.is_array() || v.is_null());
        match &self.kind {
            Kind::Steps(steps) => steps
                .iter()
                .try_fold(value, |value, step| match step {
                    Step::Key(key) => value.get(key),
                    Step::Index(index) => value.get(index),
                })
                .filter(scalar),
            Kind::Query(query) => query.query(value).all().into_iter().find(scalar),
        }
    }

    /// All places that it stands for in a document.
    pub(crate) fn places(&self, document: &str) -> Result<Vec<Vec<Step>>, NoPlaces> {
        let query = match &self.kind {
            Kind::Steps(steps) => return Ok(vec![steps.clone()]),
            Kind::Query(query) => query,
        };
        let tree = outline::read(document.as_bytes()).map_err(|_| NoPlaces::NotJson)?;
        if !tree.whole {
            return Err(NoPlaces::TooLarge);
        }
        let nodes = query.query_located(&tree.value);
        if nodes.len() > MOST_PLACES {
            return Err(NoPlaces::TooMany);
        }
        let step = |element: &PathElement<'_>| match element {
            PathElement::Name(name) => Step::Key((*name).to_owned()),
            PathElement::Index(index) => Step::Index(*index),
        };
        let places = nodes.locations();
        Ok(places
            .map(|place| place.iter().map(step).collect())
            .collect())
    }
}

/// Whether the time of a query is proportional to the tree.
fn cheap(query: &str) -> Result<(), String> {
    let outside = outside_of_quotes(query);
    let count = |sign: &str| outside.matches(sign).count();
    if count("..") > 1 {
        return Err("it has more than one `..`".to_owned());
    }
    if count("$") > 1 {
        return Err("it goes back to `$`".to_owned());
    }
    if count(",") > MOST_COMMAS {
        return Err(format!("it has more than {MOST_COMMAS} `,`"));
    }
    Ok(())
}

fn outside_of_quotes(query: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let outside = query.chars().filter(|c| {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if open == *c => quote = None,
            (None, '\'' | '"') => quote = Some(*c),
            (None, _) => return true,
            _ => {}
        }
        false
    });
    outside.collect()
}

/// The steps of `.a['b'][0]`; `None` for anything more.
fn steps(mut text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    while !text.is_empty() {
        let step;
        if let Some(rest) = text.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let name = &rest[..end];
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
            if name.is_empty() || !name.chars().all(plain) {
                return None;
            }
            step = Step::Key(name.to_owned());
            text = &rest[end..];
        } else {
            let (inside, rest) = text.strip_prefix('[')?.split_once(']')?;
            step = match inside.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Key(quoted(inside)?.to_owned()),
            };
            text = rest;
        }
        steps.push(step);
    }
    (!steps.is_empty()).then_some(steps)
}

/// What stands in quotes, if it needs no unescaping.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let name = text[1..].strip_suffix(quote)?;
    (!name.contains([quote, '\\', ','])).then_some(name)
}

#[cfg(test)]
mod tests;
