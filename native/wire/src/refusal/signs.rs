//! What a provider's words mean: a table, read once.
//!
//! A row holds when everything that it names is there; the first row that holds decides. So the table goes from the
//! sure to the vague: codes that mean one thing, then words, then codes that mean little. Words that also stand in the
//! request are an echo and count for nothing: a client can't put a reason into a provider's mouth.

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::evidence::{Code, Evidence, plain};

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
    #[serde(default)]
    pub source: String,
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

impl Default for Signs {
    /// One that knows nothing.
    fn default() -> Signs {
        Signs {
            rows: Vec::new(),
            words: RegexSet::empty(),
        }
    }
}

#[derive(Debug)]
struct Row {
    row: SignRow,
    /// Its words, with their place in the set.
    words: Option<(usize, Regex)>,
}

impl Signs {
    /// The table that comes with the policy, with an operator's own rows before it, each a TOML document. Also returns
    /// what is wrong with rows that can't be used, and are left out.
    pub fn with(own: &[String]) -> (Signs, Vec<String>) {
        let mut said = Vec::new();
        let mut rows = Vec::new();
        for (index, text) in own.iter().enumerate() {
            let row = toml::from_str::<SignRow>(text).map_err(|e| e.message().to_owned());
            match row.and_then(|row| check(&row).map(|()| row)) {
                Ok(row) => rows.push(row),
                Err(message) => said.push(format!("signs[{index}] {message}; it is left out")),
            }
        }
        match Signs::new(rows) {
            Ok(signs) => (signs, said),
            Err(message) => {
                said.push(format!("signs are too large and left out: {message}"));
                (Signs::new(Vec::new()).unwrap_or_default(), said)
            }
        }
    }

    fn new(own: Vec<SignRow>) -> Result<Signs, String> {
        let builtin: Table = toml::from_str(TABLE).map_err(|e| e.to_string())?;
        let mut patterns = Vec::new();
        let rows = own.into_iter().chain(builtin.signs).map(|row| {
            let words = match &row.words {
                Some(pattern) => {
                    let regex = regex(pattern).map_err(|e| e.to_string())?;
                    patterns.push(pattern.clone());
                    Some((patterns.len() - 1, regex))
                }
                None => None,
            };
            Ok(Row { row, words })
        });
        let rows = rows.collect::<Result<_, String>>()?;
        let words = RegexSetBuilder::new(patterns)
            .unicode(false)
            .multi_line(true)
            .size_limit(MAX_COMPILED)
            .build()
            .map_err(|e| e.to_string())?;
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
            row.row.may_hold(evidence, request)
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
    fn may_hold(&self, evidence: &Evidence, request: &[u8]) -> bool {
        let is = |wanted: &String, found: &Code| {
            let same = match wanted.strip_suffix('*') {
                Some(beginning) => found.text.starts_with(beginning),
                None => *wanted == found.text,
            };
            same && !(found.quoted && is_in(request, &found.text))
        };
        let any = |wanted: &[String], found: &[Code]| {
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
        .any(|found| !is_in(request, &String::from_utf8_lossy(found.as_bytes())))
}

/// Whether a request says this, whatever its case, its quotation marks and its white space. By Knuth, Morris and
/// Pratt: the request is read once and not copied.
fn is_in(request: &[u8], said: &str) -> bool {
    let said: Vec<char> = said.chars().collect();
    // For each beginning of it, the longest shorter one that it ends with.
    let mut shorter = vec![0; said.len()];
    for at in 1..said.len() {
        let mut matched = shorter[at - 1];
        while matched > 0 && said[matched] != said[at] {
            matched = shorter[matched - 1];
        }
        shorter[at] = matched + usize::from(said[matched] == said[at]);
    }
    let (mut matched, mut found) = (0, said.is_empty());
    for chunk in request.utf8_chunks() {
        plain(chunk.valid(), |c| {
            // Where a sentence ends there is white space.
            let c = if c == '\n' { ' ' } else { c };
            while matched > 0 && (matched == said.len() || said[matched] != c) {
                matched = shorter[matched - 1];
            }
            matched += usize::from(said.get(matched) == Some(&c));
            found |= matched == said.len();
        });
    }
    found
}

/// Whether a sentence names a limit and a request for more than that, and not that others have used it up.
fn asks_for_more(message: &str) -> bool {
    message.lines().any(|line| {
        let number = |words: &[&str]| {
            words
                .iter()
                .flat_map(|word| {
                    line.match_indices(word)
                        .map(|(at, w)| &line[at + w.len()..])
                })
                .find_map(number_at)
        };
        let asked = number(&["requested", "needs", "requires"]);
        let limit = number(&["limit is", "limit of", "limit"]);
        let used = number(&["used"]);
        matches!((limit, asked), (Some(limit), Some(asked)) if asked > limit) && used.is_none()
    })
}

/// The number with which a text begins, after a colon or the like.
fn number_at(text: &str) -> Option<u64> {
    let digits: String = text
        .trim_start_matches([':', ' ', '='])
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}
