//! What is told of an answer, read where its provider has it.

use std::sync::LazyLock;

use serde_json::Value;

use super::places::{Account, Fact, Provider};
use crate::json::{Path, Step, outline, values as values_at};
use crate::stream::Tokens;
use crate::uri_path::{decoded, without_query};

/// The longest text, in bytes, that is taken for what an answer says of itself: a stream keeps it to its end, and who is
/// told longer. The longest identifiers of models, Bedrock's, have 2048.
const LONGEST: usize = 2048;

/// Where the known formats have their counts, for answers in another format than the provider's places are for: Azure
/// OpenAI 2.0.0, for one, is described by the places of Responses alone.
static USUAL: LazyLock<Vec<(Fact, Path)>> = LazyLock::new(|| {
    let places = [
        (Fact::PromptTokens, "$.usage.prompt_tokens"),
        (Fact::PromptTokens, "$.usage.input_tokens"),
        (Fact::PromptTokens, "$.usage.inputTokens"),
        (Fact::PromptTokens, "$.usageMetadata.promptTokenCount"),
        (Fact::CompletionTokens, "$.usage.completion_tokens"),
        (Fact::CompletionTokens, "$.usage.output_tokens"),
        (Fact::CompletionTokens, "$.usage.outputTokens"),
        (
            Fact::CompletionTokens,
            "$.usageMetadata.candidatesTokenCount",
        ),
        (Fact::TotalTokens, "$.usage.total_tokens"),
        (Fact::TotalTokens, "$.usage.totalTokens"),
        (Fact::TotalTokens, "$.usageMetadata.totalTokenCount"),
    ];
    let parsed = places.map(|(fact, place)| Some((fact, Path::parse(place).ok()?)));
    parsed.into_iter().flatten().collect()
});

impl Provider {
    /// What a whole answer says, by the names of its account, with what is always told. Values are text: numbers as they
    /// are written, strings bare. Left out is what is neither, and a count that its readers can't read; a total that the
    /// provider does not report is the sum. A body that is no JSON says nothing.
    ///
    /// `request_path` is the one that was called, with or without its query.
    pub fn metadata(&self, request_path: &str, body: &[u8]) -> Vec<(String, String)> {
        let account = &self.account;
        let mut told = Told::before_the_body(account, request_path);
        // Read once: an image or embeddings have megabytes.
        let mut values = values(account, body).into_iter();
        told.put_all(&account.in_body, values.by_ref());
        if !told.has(&Fact::PromptTokens) && !told.has(&Fact::CompletionTokens) {
            told.put_all(&USUAL, values);
        }
        told.with_total().named()
    }

    /// What a stream has said, as [`Provider::metadata`] has it for a whole answer: `model` and `tokens` are the
    /// stream's.
    pub fn stream_metadata(
        &self,
        request_path: &str,
        model: Option<&str>,
        tokens: Option<Tokens>,
    ) -> Vec<(String, String)> {
        let account = &self.account;
        let mut told = Told::before_the_body(account, request_path);
        let response_model = account.in_body.iter().find(|(f, _)| *f == Fact::Model);
        if let (Some(model), Some((_, place))) = (model, response_model) {
            // What else is said to stand there is what stands there.
            for (fact, _) in account.in_body.iter().filter(|(_, path)| path == place) {
                told.put(fact, model.to_owned());
            }
        }
        if let Some(tokens) = tokens {
            for (fact, count) in [
                (Fact::PromptTokens, tokens.prompt),
                (Fact::CompletionTokens, tokens.completion),
                (Fact::TotalTokens, tokens.total),
            ] {
                told.put_count(&fact, count);
            }
        }
        told.named()
    }
}

impl Account {
    /// Its own places in the body, and behind them the usual ones.
    pub(super) fn places(&self) -> impl Iterator<Item = &(Fact, Path)> {
        self.in_body.iter().chain(USUAL.iter())
    }

    /// The text of a value that was found in a body.
    fn text_of_json(&self, fact: &Fact, json: &str) -> Option<String> {
        match json.as_bytes().first()? {
            // Escaped, each byte can take six.
            _ if json.len() > 6 * LONGEST + 2 => None,
            b'{' | b'[' | b'n' => None,
            b'"' => self.readable(fact, serde_json::from_str::<String>(json).ok()?),
            _ => self.readable(fact, json),
        }
    }

    /// The same of one that was parsed.
    pub(super) fn text_of(&self, fact: &Fact, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.readable(fact, text.as_str()),
            value => self.readable(fact, value.to_string()),
        }
    }

    /// A value that who is told can read.
    fn readable(&self, fact: &Fact, value: impl AsRef<str> + Into<String>) -> Option<String> {
        let text = value.as_ref();
        let is_told = |count: i64| u64::try_from(count).is_ok_and(|c| c <= self.largest_count);
        let fits = text.len() <= LONGEST && (!fact.is_count() || text.parse().is_ok_and(is_told));
        fits.then(|| value.into())
    }
}

/// The values at an account's places in a body, in their order; none when it is no JSON.
fn values(account: &Account, body: &[u8]) -> Vec<Option<String>> {
    let found = || -> Option<Vec<Option<String>>> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let places: Vec<&[Step]> = account.places().filter_map(|(_, p)| p.steps()).collect();
        // Only a query needs a tree. In a part of one it might find another place than in the whole.
        let tree = match places.len() < account.places().count() {
            true => outline::read(body).ok().filter(|outline| outline.whole),
            false => None,
        };
        let found = values_at(std::str::from_utf8(body).ok()?, &places).ok()?;
        let mut last = found.iter().map(|values| values.last());
        Some(
            account
                .places()
                .map(|(fact, path)| match path.steps() {
                    Some(_) => account.text_of_json(fact, last.next()??),
                    None => account.text_of(fact, path.scalar_in(&tree.as_ref()?.value)?),
                })
                .collect(),
        )
    };
    found().unwrap_or_default()
}

/// What is told, each fact once.
struct Told<'a> {
    account: &'a Account,
    facts: Vec<(Fact, String)>,
}

impl Told<'_> {
    /// What is always told, and what the path says.
    fn before_the_body<'a>(account: &'a Account, request_path: &str) -> Told<'a> {
        let facts = Vec::with_capacity(8);
        let mut told = Told { account, facts };
        for (fact, value) in &account.always {
            told.put(fact, value.clone());
        }
        if account.in_path.is_empty() {
            return told;
        }
        if let Some((path, _)) = decoded(without_query(request_path)) {
            for (fact, pattern) in &account.in_path {
                if let Ok(Some(found)) = pattern.find(&path) {
                    told.put(fact, found.as_str().to_owned());
                }
            }
        }
        told
    }

    fn put(&mut self, fact: &Fact, value: String) {
        match self.facts.iter_mut().find(|(known, _)| known == fact) {
            Some(entry) => entry.1 = value,
            None => self.facts.push((fact.clone(), value)),
        }
    }

    /// A count that was made here.
    fn put_count(&mut self, fact: &Fact, count: u64) {
        self.put(fact, count.min(self.account.largest_count).to_string());
    }

    fn put_all(&mut self, places: &[(Fact, Path)], values: impl Iterator<Item = Option<String>>) {
        for ((fact, _), value) in places.iter().zip(values) {
            if let Some(value) = value {
                self.put(fact, value);
            }
        }
    }

    fn has(&self, fact: &Fact) -> bool {
        self.facts.iter().any(|(known, _)| known == fact)
    }

    /// With the total, so that quotas by it count what has no total of its own.
    fn with_total(mut self) -> Self {
        let count = |fact: &Fact| {
            let entry = self.facts.iter().find(|(known, _)| known == fact)?;
            entry.1.parse::<u64>().ok()
        };
        if let (Some(prompt), Some(completion), None) = (
            count(&Fact::PromptTokens),
            count(&Fact::CompletionTokens),
            count(&Fact::TotalTokens),
        ) {
            self.put_count(&Fact::TotalTokens, prompt.saturating_add(completion));
        }
        self
    }

    fn named(self) -> Vec<(String, String)> {
        let names = &self.account.names;
        let facts = self.facts.into_iter();
        facts.map(|(f, value)| (names.name(f), value)).collect()
    }
}

#[cfg(test)]
mod tests;
