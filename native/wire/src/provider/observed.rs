//! A stream, read where its provider has what it says.

use std::sync::Arc;

use serde_json::Value;

use super::places::{Fact, Provider};
use crate::stream::{Observer, Tokens};

/// Reads a stream by the provider's places, and where they have no count by those that the known formats have for it:
/// the last value of each.
#[derive(Debug)]
pub struct Observed {
    provider: Arc<Provider>,
    last: Vec<Option<String>>,
}

impl Observed {
    /// Has seen nothing yet.
    pub fn for_provider(provider: Arc<Provider>) -> Observed {
        let last = vec![None; provider.account.places().count()];
        Observed { provider, last }
    }

    fn last(&self, wanted: &Fact) -> Option<&str> {
        let places = self.provider.account.places().zip(&self.last);
        places
            .filter(|((fact, _), _)| fact == wanted)
            .find_map(|(_, last)| last.as_deref())
    }

    fn count(&self, fact: &Fact) -> Option<u64> {
        self.last(fact)?.parse().ok()
    }
}

impl Observer for Observed {
    fn observe(&mut self, event: &Value) {
        let account = &self.provider.account;
        for (last, (fact, path)) in self.last.iter_mut().zip(account.places()) {
            let value = path.scalar_in(event);
            if let Some(value) = value.and_then(|value| account.text_of(fact, value)) {
                *last = Some(value);
            }
        }
    }

    fn tokens(&self) -> Option<Tokens> {
        let prompt = self.count(&Fact::PromptTokens);
        let completion = self.count(&Fact::CompletionTokens);
        let total = self.count(&Fact::TotalTokens);
        prompt.or(completion).or(total)?;
        let [prompt, completion] = [prompt, completion].map(Option::unwrap_or_default);
        Some(Tokens {
            prompt,
            completion,
            total: total.unwrap_or(prompt.saturating_add(completion)),
        })
    }

    fn model(&self) -> Option<&str> {
        self.last(&Fact::Model)
    }
}
