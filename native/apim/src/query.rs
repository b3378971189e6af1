//! The query of a URL or path, taken apart only where credentials demand it: everything else stays as it is spelt.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::percent::escaped;

/// As they are in paths and queries (RFC 3986 section 3.4).
const PLAIN: &[u8] = b"-._~:@!$&'()*+,=/?";

/// The same and the semicolon, which separates no parameters in a path.
const PLAIN_IN_PATH: &[u8] = b"-._~:@!$&'()*+,=/?;";

/// The path in a spelling that every parser reads in the same way. Security mediators parse it, and leave the endpoint's
/// key out when they can't; some take a semicolon for an ampersand.
pub(crate) fn well_formed(path: &str) -> String {
    let (before, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    escaped(before, PLAIN_IN_PATH) + &escaped(query, PLAIN)
}

/// The path without the parameters of certain names, in any spelling; the others stay as they are spelt. One that holds
/// such a name for somebody who takes a semicolon for an ampersand holds none any more.
pub(crate) fn without(path: &str, unwanted: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let is_unwanted = |parameter: &str| unwanted(&name(parameter));
    let mut kept: Vec<Cow<'_, str>> = Vec::new();
    let mut changed = false;
    for parameter in parameters(path) {
        if is_unwanted(parameter) {
            changed = true;
        } else if parameter.contains(';') && parameter.split(';').any(is_unwanted) {
            kept.push(parameter.replace(';', "%3B").into());
            changed = true;
        } else {
            kept.push(parameter.into());
        }
    }
    if changed {
        joined(before_query(path), &kept).into()
    } else {
        path.into()
    }
}

/// The path with a number sign as a part of it: no request line has a fragment, and what is put in behind one would be
/// lost.
pub(crate) fn without_fragment(path: &str) -> Cow<'_, str> {
    match path.contains('#') {
        true => path.replace('#', "%23").into(),
        false => path.into(),
    }
}

/// The client's path with what security mediators have added to it, and without those parameters of the client's that
/// have the name of one they added: the provider must not take the client's for the endpoint's. What they have not
/// touched stays as it is spelt.
///
/// `parsed` is the client's path as the mediators were given it, `made` what they made of it.
pub(crate) fn with_added(clients: &str, parsed: &str, made: &str) -> String {
    if parsed == made {
        return clients.to_owned();
    }
    let (before, after) = (count(parsed), count(made));
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut added = Vec::new();
    for parameter in parameters(made) {
        let name = name(parameter).into_owned();
        let had = before.get(&name).copied().unwrap_or(0);
        let count = seen.entry(name).or_default();
        *count += 1;
        if *count > had {
            added.push(Cow::from(parameter));
        }
    }
    let only_added = before_query(parsed) == before_query(made)
        && before
            .iter()
            .all(|(name, had)| after.get(name) >= Some(had));
    let is_added = |name: &str| after.get(name) > before.get(name);
    // They have changed more than they are there for: then theirs counts.
    let rest = without(if only_added { clients } else { made }, is_added);
    let mut all: Vec<Cow<'_, str>> = parameters(&rest).map(Cow::from).collect();
    all.extend(added);
    joined(before_query(&rest), &all)
}

/// How many parameters of each name there are.
fn count(path: &str) -> HashMap<String, usize> {
    let mut names = HashMap::new();
    for parameter in parameters(path) {
        *names.entry(name(parameter).into_owned()).or_default() += 1;
    }
    names
}

fn before_query(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

/// The parameters of a path's query, as they are spelt.
fn parameters(path: &str) -> impl Iterator<Item = &str> {
    let query = path.split_once('?').map(|(_, query)| query);
    let query = query.filter(|query| !query.is_empty());
    query.into_iter().flat_map(|query| query.split('&'))
}

fn joined(path: &str, parameters: &[Cow<'_, str>]) -> String {
    match parameters {
        [] => path.to_owned(),
        _ => format!("{path}?{}", parameters.join("&")),
    }
}

/// The name of a parameter, unescaped.
fn name(parameter: &str) -> Cow<'_, str> {
    let name = parameter.split('=').next().unwrap_or(parameter);
    if name.contains('+') {
        let spaced = name.replace('+', " ");
        return percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
            .into();
    }
    percent_decode_str(name).decode_utf8_lossy()
}
