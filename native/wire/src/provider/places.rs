//! The data.

use fancy_regex::Regex;

use crate::json::Path;

/// What is known of a provider.
#[derive(Debug)]
pub struct Provider {
    /// Where a request names its model.
    pub model: ModelPlace,
    /// Whether its streams report their usage only to who asks for it, so that asking helps.
    pub usage_on_request: bool,
    /// What is told of its answers.
    pub account: Account,
}

/// Where a request names its model.
#[derive(Debug)]
pub enum ModelPlace {
    /// Where requests name it without a provider's saying so.
    Usual,
    /// In the path: this part of it, decoded. A client chooses the path, so the pattern must bound its backtracking.
    Path(Regex),
    /// In the body.
    Body(Path),
    /// In the body, which stays as it is, and in the path as the deployment.
    BodyAndDeployment(Path),
}

/// What is told of a provider's answers, where it stands, and by which names. Where a fact stands at several places,
/// the last of them that says anything counts, the body after the path.
#[derive(Debug)]
pub struct Account {
    /// What is told of every answer.
    pub always: Vec<(Fact, String)>,
    /// What stands in the request's path, decoded: the first match. The patterns must bound their backtracking.
    pub in_path: Vec<(Fact, Regex)>,
    /// What stands in the answer's body.
    pub in_body: Vec<(Fact, Path)>,
    /// What the facts are called that every format has.
    pub names: Names,
    /// The largest count that whoever is told can read; a larger one is left out, a sum is cut to it.
    pub largest_count: u64,
}

/// What an answer can say of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// The model that answered.
    Model,
    /// The tokens of the prompt.
    PromptTokens,
    /// The tokens of the answer.
    CompletionTokens,
    /// The tokens of both.
    TotalTokens,
    /// Another count, by its name.
    Count(String),
    /// Anything else, by its name.
    Text(String),
}

impl Fact {
    /// Whether it is a whole number from 0 on.
    pub(super) fn is_count(&self) -> bool {
        !matches!(self, Fact::Model | Fact::Text(_))
    }
}

/// What whoever is told calls the facts that every format has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names {
    /// [`Fact::Model`].
    pub model: &'static str,
    /// [`Fact::PromptTokens`].
    pub prompt: &'static str,
    /// [`Fact::CompletionTokens`].
    pub completion: &'static str,
    /// [`Fact::TotalTokens`].
    pub total: &'static str,
}

impl Names {
    /// What a fact is called.
    pub(super) fn name(&self, fact: Fact) -> String {
        match fact {
            Fact::Model => self.model.to_owned(),
            Fact::PromptTokens => self.prompt.to_owned(),
            Fact::CompletionTokens => self.completion.to_owned(),
            Fact::TotalTokens => self.total.to_owned(),
            Fact::Count(name) | Fact::Text(name) => name,
        }
    }
}
