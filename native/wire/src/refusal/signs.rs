//! What a provider's words mean: a table, read once.
//!
//! A row holds when everything that it names is there; the first row that holds decides. So the table goes from the
//! sure to the vague: codes that mean one thing, then words, then codes that mean little. Words that also stand in the
//! request are an echo and count for nothing: a caller can't put a reason into a provider's mouth.

use std::fmt;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::evidence::Evidence;

/// What a refusal is about (`behaviour.md` §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The request alone is over a limit of the candidate.
    OverLimit,
    /// The prompt does not fit into the model.
    ContextLength,
    /// A content filter or safety system refused.
    ContentFilter,
    /// The model or deployment is not there, or not for this account.
    ModelNotFound,
    /// The key is refused, the account has no credit, is closed, or its location is not served.
    Account,
    /// Too many requests, or too much load.
    Limit,
    /// The request's own fault.
    Request,
}

/// A row of the table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRow {
    /// What it is a sign of.
    pub reason: Reason,
    /// Codes of which one is there, in lower case; one that ends with `*` is a beginning.
    #[serde(default)]
    pub codes: Vec<String>,
    /// A regular expression that one sentence matches: lower case, without quotation marks.
    pub words: Option<String>,
    /// Names of parameters of which one is blamed; `*` is any.
    #[serde(default)]
    pub params: Vec<String>,
    /// The statuses with which it holds; none: any. An error in band that names no status holds with all.
    #[serde(default)]
    pub statuses: Vec<u16>,
    /// Whether more must be requested than the limit that is named.
    #[serde(default)]
    pub over: bool,
    /// Who says so, and where that is written down.
    pub source: String,
}

/// A row that can't be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSign {
    /// Its place among those given, from 0.
    pub index: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for BadSign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signs[{}] {}", self.index, self.message)
    }
}

#[derive(Deserialize)]
struct Table {
    #[serde(rename = "sign")]
    signs: Vec<SignRow>,
}

const TABLE: &str = include_str!("signs.toml");

/// The most memory that the words of a table may take up when compiled, in bytes.
const MAX_COMPILED: usize = 8 << 20;

/// A table, ready to be asked.
#[derive(Debug)]
pub struct Signs {
    rows: Vec<Row>,
    /// The words of those rows that have any, in their order.
    words: RegexSet,
}

#[derive(Debug)]
struct Row {
    row: SignRow,
    /// Its words, with their place in the set.
    words: Option<(usize, Regex)>,
}

impl Signs {
    /// The table that comes with the policy, with `own` rows before it.
    ///
    /// # Errors
    /// The first of `own` that can't be used.
    pub fn new(own: &[SignRow]) -> Result<Signs, BadSign> {
        for (index, row) in own.iter().enumerate() {
            check(row).map_err(|message| BadSign { index, message })?;
        }
        let all = |message: String| BadSign {
            index: own.len(),
            message,
        };
        let builtin: Table = toml::from_str(TABLE).map_err(|e| all(e.to_string()))?;
        let mut patterns = Vec::new();
        let rows = own.iter().cloned().chain(builtin.signs).map(|row| {
            let words = match &row.words {
                Some(pattern) => {
                    let regex = regex(pattern).map_err(|e| all(e.to_string()))?;
                    patterns.push(pattern.clone());
                    Some((patterns.len() - 1, regex))
                }
                None => None,
            };
            Ok(Row { row, words })
        });
        let rows = rows.collect::<Result<_, BadSign>>()?;
        let words = RegexSetBuilder::new(patterns)
            .unicode(false)
            .multi_line(true)
            .size_limit(MAX_COMPILED)
            .build()
            .map_err(|e| all(e.to_string()))?;
        Ok(Signs { rows, words })
    }

    /// What the evidence is a sign of. `request`: the body that was sent, in which the provider's words are looked
    /// for.
    pub fn reason(&self, evidence: &Evidence, request: &[u8]) -> Option<Reason> {
        if evidence.is_silent() {
            return None;
        }
        let matched = self.words.matches(evidence.message.as_bytes());
        let holds = |row: &&Row| {
            row.row.may_hold(evidence)
                && row.words.as_ref().is_none_or(|(at, words)| {
                    matched.matched(*at) && are_its_own(words, &evidence.message, request)
                })
        };
        self.rows.iter().find(holds).map(|row| row.row.reason)
    }
}

fn regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .unicode(false)
        .size_limit(MAX_COMPILED)
        .build()
}

/// What is wrong with a row, in words for an operator.
fn check(row: &SignRow) -> Result<(), String> {
    if row.codes.is_empty() && row.words.is_none() && row.params.is_empty() && !row.over {
        return Err("names neither codes nor words nor params".to_owned());
    }
    if let Some(words) = &row.words {
        regex(words).map_err(|e| format!("has words that are no regular expression: {e}"))?;
    }
    if let Some(status) = row.statuses.iter().find(|s| !(400..=599).contains(*s)) {
        return Err(format!("names {status}, which is no status of an error"));
    }
    Ok(())
}

impl SignRow {
    /// Whether everything but its words is there.
    fn may_hold(&self, evidence: &Evidence) -> bool {
        let is = |wanted: &String, found: &String| match wanted.strip_suffix('*') {
            Some(beginning) => found.starts_with(beginning),
            None => wanted == found,
        };
        let any = |wanted: &[String], found: &[String]| {
            wanted.is_empty() || wanted.iter().any(|w| found.iter().any(|f| is(w, f)))
        };
        any(&self.codes, &evidence.codes)
            && any(&self.params, &evidence.params)
            && (self.statuses.is_empty()
                || evidence.status.is_none_or(|s| self.statuses.contains(&s)))
            && (!self.over || asks_for_more(&evidence.message))
    }
}

/// Whether the provider says these words of its own: in a sentence of which the request does not say the same.
fn are_its_own(words: &Regex, message: &str, request: &[u8]) -> bool {
    message
        .lines()
        .filter_map(|line| words.find(line.as_bytes()))
        .any(|found| !is_in(request, found.as_bytes()))
}

/// Whether a request says this, whatever its case, its quotation marks and its white space.
fn is_in(request: &[u8], said: &[u8]) -> bool {
    let said = String::from_utf8_lossy(said);
    let pattern: Vec<String> = said.split(' ').map(regex::escape).collect();
    let pattern = pattern.join(r#"[\s\\"'`*]+"#);
    let same = RegexBuilder::new(&pattern)
        .unicode(false)
        .case_insensitive(true)
        .size_limit(MAX_COMPILED)
        .build();
    same.is_ok_and(|same| same.is_match(request))
}

/// Whether a sentence names a limit and a request for more than that.
fn asks_for_more(message: &str) -> bool {
    message.lines().any(|line| {
        let number = |word: &str| {
            let at = line.find(word)? + word.len();
            let digits: String = line[at..]
                .trim_start_matches([':', ' ', '='])
                .chars()
                .take_while(|c| c.is_ascii_digit() || *c == ',')
                .filter(char::is_ascii_digit)
                .collect();
            digits.parse::<u64>().ok()
        };
        matches!((number("limit"), number("requested")), (Some(limit), Some(requested)) if requested > limit)
    })
}
