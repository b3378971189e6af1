//! What API Manager knows of an API's *AI service provider*: where a request names its model, and where an answer says
//! what it has used.
//!
//! The attributes are those of the host's `LLMProviderMetadata`, and what is told of an answer is the map that its
//! `BuiltInLLMProviderService.getResponseMetadata` makes.

use failover_wire::Provider;
use failover_wire::provider::{Account, Fact, JsonPath, ModelPlace, Names};
use fancy_regex::{Regex, RegexBuilder};

const REQUEST_MODEL: &str = "requestModel";
/// The name that older providers have for it.
const MODEL: &str = "model";
const REMAINING: &str = "remainingTokenCount";
const NAMES: Names = Names {
    model: "responseModel",
    prompt: "promptTokenCount",
    completion: "completionTokenCount",
    total: "totalTokenCount",
};

/// What the analytics' `Integer.parseInt` takes, the narrower of a count's two readers; the throttling's is
/// `Long.parseLong`.
const LARGEST_COUNT: u64 = i32::MAX as u64;

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

/// Where an attribute stands.
enum Place {
    Payload(JsonPath),
    Path(Regex),
    /// Neither the model's place nor the map have a use for a header.
    Header,
}

/// Compiles a provider. `connector` is its connector type, such as `openAi_2.0.0`. The texts say for an administrator
/// which attributes can't be used; it is then as if the provider had none of that name.
pub fn compile(
    name: String,
    api_version: String,
    connector: &str,
    attributes: impl IntoIterator<Item = Attribute>,
) -> (Provider, Vec<String>) {
    let attributes: Vec<Attribute> = attributes.into_iter().collect();
    let request_model = [REQUEST_MODEL, MODEL]
        .into_iter()
        .find(|name| attributes.iter().any(|a| a.name == *name));
    let mut model = ModelPlace::Usual;
    let (mut in_path, mut in_body, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    for attribute in attributes {
        let is_model = request_model == Some(&attribute.name);
        let unusable = |why: &str| warning(&name, &api_version, &attribute, why);
        match place(&attribute) {
            Ok(Place::Header) if is_model => {
                warnings.push(unusable("a request's model can't be in a header"));
            }
            Ok(Place::Header) => {}
            Ok(Place::Payload(path)) => {
                if is_model {
                    model = in_payload(connector, path.clone());
                }
                in_body.push((fact(attribute.name), path));
            }
            Ok(Place::Path(pattern)) => {
                if is_model {
                    model = ModelPlace::Path(pattern.clone());
                }
                in_path.push((fact(attribute.name), pattern));
            }
            Err(why) => warnings.push(unusable(&why)),
        }
    }
    let always = vec![
        (fact("name".to_owned()), name),
        (fact("apiVersion".to_owned()), api_version),
    ];
    let account = Account {
        always,
        in_path,
        in_body,
        names: NAMES,
        largest_count: LARGEST_COUNT,
    };
    let provider = Provider {
        model,
        // Mistral's report it anyway, and its API refuses fields that it does not know.
        usage_on_request: !connector.starts_with("mistralAi"),
        account,
    };
    (provider, warnings)
}

/// Azure OpenAI 1.0.0 has the model in the body, and is asked for it by the deployment in its path, as in the host's
/// `AIAPIMediator`.
fn in_payload(connector: &str, path: JsonPath) -> ModelPlace {
    match connector.starts_with("azureOpenAi_1") {
        true => ModelPlace::BodyAndDeployment(path),
        false => ModelPlace::Body(path),
    }
}

fn fact(attribute: String) -> Fact {
    match attribute.as_str() {
        name if name == NAMES.model => Fact::Model,
        name if name == NAMES.prompt => Fact::PromptTokens,
        name if name == NAMES.completion => Fact::CompletionTokens,
        name if name == NAMES.total => Fact::TotalTokens,
        REMAINING => Fact::Count(attribute),
        _ => Fact::Text(attribute),
    }
}

fn place(attribute: &Attribute) -> Result<Place, String> {
    let source = attribute.source.as_str();
    if source.eq_ignore_ascii_case("payload") {
        JsonPath::parse(&attribute.identifier).map(Place::Payload)
    } else if source.eq_ignore_ascii_case("pathParams") {
        // Its first match in the decoded path counts, as in the host's `AIAPIMediator`.
        RegexBuilder::new(&attribute.identifier)
            .backtrack_limit(MOST_BACKTRACKS)
            .build()
            .map(Place::Path)
            .map_err(|e| e.to_string())
    } else if source.eq_ignore_ascii_case("header") {
        Ok(Place::Header)
    } else {
        Err("its source is none of payload, pathParams and header".to_owned())
    }
}

fn warning(name: &str, api_version: &str, attribute: &Attribute, why: &str) -> String {
    format!(
        "AI service provider {name:?} {api_version:?}: the attribute {:?} ({:?} in {:?}) can't be used: {why}",
        attribute.name, attribute.identifier, attribute.source
    )
}

#[cfg(test)]
mod tests;
