//! What the gateway knows of an API's AI service provider: where a request names its model, and where an answer says
//! what it has used.
//!
//! The attributes are those of the host's `LLMProviderMetadata`, and what comes out for the gateway is the map that its
//! `BuiltInLLMProviderService.getResponseMetadata` makes.

use std::sync::Arc;

use fancy_regex::{Regex, RegexBuilder};
use serde_json::Value;

use crate::json::{Path, Step, outline, values as values_at};
use crate::request::{decoded, without_query};
use crate::stream::{Observer, Tokens};

const REQUEST_MODEL: &str = "requestModel";
/// The name that older providers have for it.
const MODEL: &str = "model";
const RESPONSE_MODEL: &str = "responseModel";
const PROMPT: &str = "promptTokenCount";
const COMPLETION: &str = "completionTokenCount";
const TOTAL: &str = "totalTokenCount";
const REMAINING: &str = "remainingTokenCount";

/// A client chooses the path that is searched, and may make the search no longer than this many backtracks; a name has
/// been found after a few for each of its letters.
const MOST_BACKTRACKS: usize = 100_000;

/// One attribute of a provider, as the host has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// `requestModel`, `responseModel`, `promptTokenCount` and so on.
    pub name: String,
    /// `payload`, `pathParams` or `header`, in any case.
    pub source: String,
    /// A JSONPath, a Java regular expression or a header's name.
    pub identifier: String,
}

/// An AI service provider, compiled.
#[derive(Debug)]
pub struct Provider {
    name: String,
    api_version: String,
    /// Its own attributes in the payload, and behind them where the known formats have their counts, for answers in
    /// another one than the attributes are for.
    places: Vec<(String, Path)>,
    /// How many of those are its own.
    own: usize,
    path: Vec<(String, Regex)>,
    model: ModelPlace,
    usage_on_request: bool,
}

/// Where a request names its model.
#[derive(Debug)]
pub(crate) enum ModelPlace {
    /// Where requests name it without a provider's saying so.
    Usual,
    /// In the path: this part of it, decoded.
    Path(Regex),
    /// In the body.
    Body(Path),
    /// In the body, which stays as it is, and in the path as the deployment.
    BodyAndDeployment(Path),
}

/// Reads a stream by the provider's attributes, and where they find no count by the names that the known formats have
/// for it: the last value of each.
#[derive(Debug)]
pub struct Observed {
    provider: Arc<Provider>,
    last: Vec<Option<String>>,
}

enum Compiled {
    Payload(Path),
    Path(Regex),
    /// Neither the model's place nor the map have a use for a header.
    Header,
}

impl Provider {
    /// Compiles a provider. `connector` is its connector type, such as `openAi_2.0.0`. The texts say for an
    /// administrator which attributes can't be used; it is then as if the provider had none of that name.
    pub fn new(
        name: String,
        api_version: String,
        connector: &str,
        attributes: impl IntoIterator<Item = Attribute>,
    ) -> (Provider, Vec<String>) {
        let mut provider = Provider {
            name,
            api_version,
            places: Vec::new(),
            own: 0,
            path: Vec::new(),
            model: ModelPlace::Usual,
            usage_on_request: !connector.starts_with("mistralAi"),
        };
        let attributes: Vec<Attribute> = attributes.into_iter().collect();
        let model = [REQUEST_MODEL, MODEL]
            .into_iter()
            .find(|name| attributes.iter().any(|a| a.name == *name));
        let mut warnings = Vec::new();
        for attribute in attributes {
            let is_model = model == Some(&attribute.name);
            match compiled(&attribute) {
                Ok(Compiled::Header) if is_model => {
                    warnings.push(
                        provider.warning(&attribute, "a request's model can't be in a header"),
                    );
                }
                Ok(Compiled::Header) => {}
                Ok(Compiled::Payload(path)) => {
                    if is_model {
                        provider.model = match connector.starts_with("azureOpenAi_1") {
                            true => ModelPlace::BodyAndDeployment(path.clone()),
                            false => ModelPlace::Body(path.clone()),
                        };
                    }
                    provider.places.push((attribute.name, path));
                }
                Ok(Compiled::Path(pattern)) => {
                    if is_model {
                        provider.model = ModelPlace::Path(pattern.clone());
                    }
                    provider.path.push((attribute.name, pattern));
                }
                Err(why) => warnings.push(provider.warning(&attribute, &why)),
            }
        }
        provider.own = provider.places.len();
        provider.places.extend(usual());
        (provider, warnings)
    }

    fn payload(&self) -> &[(String, Path)] {
        &self.places[..self.own]
    }

    fn warning(&self, attribute: &Attribute, why: &str) -> String {
        format!(
            "AI service provider {:?} {:?}: the attribute {:?} ({:?} in {:?}) can't be used: {why}",
            self.name, self.api_version, attribute.name, attribute.identifier, attribute.source
        )
    }

    pub(crate) fn model_place(&self) -> &ModelPlace {
        &self.model
    }

    /// Whether its streams report their usage only to who asks, so that asking helps. Mistral's report it anyway, and
    /// its API refuses fields that it does not know.
    pub(crate) fn reports_usage_on_request(&self) -> bool {
        self.usage_on_request
    }

    /// What a whole answer says: the gateway's map, with `name` and `apiVersion` always in it. Values are text: numbers
    /// as they are written, strings bare. Left out is what is neither, and a count that its readers can't read; a
    /// total that the provider does not report is the sum. A body that is no JSON says nothing.
    ///
    /// `request_path` is the one that was called, with or without its query.
    pub fn metadata(&self, request_path: &str, body: &[u8]) -> Vec<(String, String)> {
        let mut map = self.map(request_path);
        // Read once: an image or embeddings have megabytes.
        let mut values = values(&self.places, body).into_iter();
        map.put_all(self.payload(), values.by_ref());
        if !map.has(PROMPT) && !map.has(COMPLETION) {
            map.put_all(&self.places[self.own..], values);
        }
        map.complete()
    }

    /// What a stream has said, as [`Provider::metadata`] has it for a whole answer: `model` and `tokens` are the
    /// stream's.
    pub fn stream_metadata(
        &self,
        request_path: &str,
        model: Option<&str>,
        tokens: Option<Tokens>,
    ) -> Vec<(String, String)> {
        let mut map = self.map(request_path);
        let response_model = self
            .payload()
            .iter()
            .find(|(name, _)| name == RESPONSE_MODEL);
        if let (Some(model), Some((_, place))) = (model, response_model) {
            // A request's model in the payload is the answer's in the host's map.
            for (name, _) in self.payload().iter().filter(|(_, path)| path == place) {
                map.put(name, model.to_owned());
            }
        }
        if let Some(tokens) = tokens {
            for (name, count) in [
                (PROMPT, tokens.prompt),
                (COMPLETION, tokens.completion),
                (TOTAL, tokens.total),
            ] {
                map.put(name, written(count));
            }
        }
        map.0
    }

    /// `name`, `apiVersion` and what the path says.
    fn map(&self, request_path: &str) -> Map {
        let mut map = Map(Vec::with_capacity(8));
        map.put("name", self.name.clone());
        map.put("apiVersion", self.api_version.clone());
        if self.path.is_empty() {
            return map;
        }
        if let Some((path, _)) = decoded(without_query(request_path)) {
            for (name, pattern) in &self.path {
                if let Ok(Some(found)) = pattern.find(&path) {
                    map.put(name, found.as_str().to_owned());
                }
            }
        }
        map
    }
}

/// The values of attributes in a body, in their order; none when it is no JSON.
fn values(attributes: &[(String, Path)], body: &[u8]) -> Vec<Option<String>> {
    let found = || -> Option<Vec<Option<String>>> {
        let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
        let places: Vec<&[Step]> = attributes.iter().filter_map(|(_, p)| p.steps()).collect();
        // Only a query needs a tree. In a part of one it might find what is none of its places in the whole.
        let tree = match places.len() < attributes.len() {
            true => outline::read(body).ok().filter(|outline| outline.whole),
            false => None,
        };
        let found = values_at(std::str::from_utf8(body).ok()?, &places).ok()?;
        let mut last = found.iter().map(|values| values.last());
        Some(
            attributes
                .iter()
                .map(|(name, path)| match path.steps() {
                    Some(_) => text_of_json(name, last.next()??),
                    None => text_of(name, path.scalar_in(&tree.as_ref()?.value)?),
                })
                .collect(),
        )
    };
    found().unwrap_or_default()
}

fn values_in(attributes: &[(String, Path)], value: &Value) -> impl Iterator<Item = Option<String>> {
    attributes
        .iter()
        .map(|(name, path)| text_of(name, path.scalar_in(value)?))
}

impl Observed {
    /// Observes for this provider.
    pub fn by(provider: Arc<Provider>) -> Observed {
        let last = vec![None; provider.places.len()];
        Observed { provider, last }
    }

    fn last(&self, wanted: &str) -> Option<&str> {
        let named = self.provider.places.iter().zip(&self.last);
        named
            .filter(|((name, _), _)| name == wanted)
            .find_map(|(_, last)| last.as_deref())
    }

    fn count(&self, name: &str) -> Option<u64> {
        self.last(name)?.parse().ok()
    }
}

impl Observer for Observed {
    fn observe(&mut self, event: &Value) {
        for (last, value) in self
            .last
            .iter_mut()
            .zip(values_in(&self.provider.places, event))
        {
            if value.is_some() {
                *last = value;
            }
        }
    }

    fn tokens(&self) -> Option<Tokens> {
        let [prompt, completion, total] = [PROMPT, COMPLETION, TOTAL].map(|name| self.count(name));
        prompt.or(completion).or(total)?;
        let [prompt, completion] = [prompt, completion].map(Option::unwrap_or_default);
        Some(Tokens {
            prompt,
            completion,
            total: total.unwrap_or(prompt.saturating_add(completion)),
        })
    }

    fn model(&self) -> Option<&str> {
        self.last(RESPONSE_MODEL)
    }
}

/// The names that the table of wire formats has for the counts; Azure OpenAI 2.0.0, for one, is described by those of
/// Responses alone.
fn usual() -> Vec<(String, Path)> {
    let places: [(&str, &[&str]); 3] = [
        (
            PROMPT,
            &[
                "usage.prompt_tokens",
                "usage.input_tokens",
                "usage.inputTokens",
                "usageMetadata.promptTokenCount",
            ],
        ),
        (
            COMPLETION,
            &[
                "usage.completion_tokens",
                "usage.output_tokens",
                "usage.outputTokens",
                "usageMetadata.candidatesTokenCount",
            ],
        ),
        (
            TOTAL,
            &[
                "usage.total_tokens",
                "usage.totalTokens",
                "usageMetadata.totalTokenCount",
            ],
        ),
    ];
    let all = places
        .iter()
        .flat_map(|(name, places)| places.iter().map(move |p| (name, p)));
    all.filter_map(|(name, place)| {
        Some(((*name).to_owned(), Path::parse(&format!("$.{place}")).ok()?))
    })
    .collect()
}

fn compiled(attribute: &Attribute) -> Result<Compiled, String> {
    let source = attribute.source.as_str();
    if source.eq_ignore_ascii_case("payload") {
        Path::parse(&attribute.identifier).map(Compiled::Payload)
    } else if source.eq_ignore_ascii_case("pathParams") {
        RegexBuilder::new(&attribute.identifier)
            .backtrack_limit(MOST_BACKTRACKS)
            .build()
            .map(Compiled::Path)
            .map_err(|e| e.to_string())
    } else if source.eq_ignore_ascii_case("header") {
        Ok(Compiled::Header)
    } else {
        Err("its source is none of payload, pathParams and header".to_owned())
    }
}

/// The host's map.
struct Map(Vec<(String, String)>);

impl Map {
    fn put(&mut self, name: &str, value: String) {
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some(entry) => entry.1 = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn put_all(
        &mut self,
        attributes: &[(String, Path)],
        values: impl Iterator<Item = Option<String>>,
    ) {
        for ((name, _), value) in attributes.iter().zip(values) {
            if let Some(value) = value {
                self.put(name, value);
            }
        }
    }

    /// With the total, so that quotas by it count what has no total of its own.
    fn complete(mut self) -> Vec<(String, String)> {
        let count = |name: &str| {
            let entry = self.0.iter().find(|(known, _)| known == name)?;
            entry.1.parse::<u64>().ok()
        };
        if let (Some(prompt), Some(completion), None) =
            (count(PROMPT), count(COMPLETION), count(TOTAL))
        {
            self.put(TOTAL, written(prompt.saturating_add(completion)));
        }
        self.0
    }
}

/// The longest text, in bytes, that is taken for what an answer says of itself: a stream keeps it to its end, and the
/// gateway's analytics longer. The longest identifiers of models, Bedrock's, have 2048.
const LONGEST: usize = 2048;

/// The text of a value that was found in a body.
fn text_of_json(name: &str, json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        // Escaped, each byte can take six.
        _ if json.len() > 6 * LONGEST + 2 => None,
        b'{' | b'[' | b'n' => None,
        b'"' => readable(name, serde_json::from_str::<String>(json).ok()?),
        _ => readable(name, json),
    }
}

/// The same of one that was parsed.
fn text_of(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => readable(name, text.as_str()),
        value => readable(name, value.to_string()),
    }
}

/// A count that was made here, as large as the analytics' `Integer.parseInt` takes it.
fn written(count: u64) -> String {
    count.min(i32::MAX as u64).to_string()
}

/// A value that its readers can read: the throttling's `Long.parseLong` and the analytics' `Integer.parseInt` take a
/// count, and none wants a document.
fn readable(name: &str, value: impl AsRef<str> + Into<String>) -> Option<String> {
    let text = value.as_ref();
    let is_count = [PROMPT, COMPLETION, TOTAL, REMAINING].contains(&name);
    let fits =
        text.len() <= LONGEST && (!is_count || text.parse().is_ok_and(|count: i32| count >= 0));
    fits.then(|| value.into())
}

#[cfg(test)]
mod tests;
