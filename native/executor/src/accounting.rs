//! What the host wants to know of an answer, by the names of the API's AI service provider.

use failover_wire::stream::Tokens;
use failover_wire::{ModelRequest, Provider};

use crate::gateway::Metadata;

/// Reads answers for the host's throttling and analytics; says nothing where no provider is known.
#[derive(Clone, Copy)]
pub(crate) struct Accounting<'c> {
    pub(crate) provider: Option<&'c Provider>,
    pub(crate) asked: &'c ModelRequest,
    pub(crate) path: &'c str,
    /// `count_stream_tokens`
    pub(crate) counts_streams: bool,
}

impl Accounting<'_> {
    /// What a whole answer of this model says of itself.
    pub(crate) fn of_answer(&self, model: &str, body: &[u8]) -> Metadata {
        match self.provider {
            Some(provider) => provider.metadata(&self.asked.path_for(self.path, model), body),
            None => Metadata::new(),
        }
    }

    /// What a stream of this model has used so far. `named`: the model that it is said to be of.
    pub(crate) fn of_stream(
        &self,
        model: &str,
        named: Option<&str>,
        tokens: Option<Tokens>,
    ) -> Metadata {
        match self.provider {
            Some(provider) if self.counts_streams => {
                let path = self.asked.path_for(self.path, model);
                provider.stream_metadata(&path, named, tokens)
            }
            _ => Metadata::new(),
        }
    }
}
