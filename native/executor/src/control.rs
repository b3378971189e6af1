//! What a client may say of its own request, in the header `x-failover` (`behaviour.md` §2): `off`, or candidates that
//! are left out. Where `client_control` is not set, nothing of it counts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::candidate::CandidateState;
use crate::refusal::Refusal;

/// The longest value that is read, in bytes. Each of its items is compared with each candidate.
const MOST: usize = 4 * 1024;

/// The candidates that a client leaves out, by their index in the section.
///
/// # Errors
/// [`Refusal::Control`] when nobody is left to ask, or the value is longer than anybody needs.
pub(crate) fn left_out(value: &str, candidates: &[CandidateState]) -> Result<Vec<usize>, Refusal> {
    if value.len() > MOST {
        return Err(Refusal::Control("is longer than 4096 bytes"));
    }
    if value.trim().eq_ignore_ascii_case("off") {
        return Ok((1..candidates.len()).collect());
    }
    let items: Vec<Item<'_>> = value.split(',').filter_map(Item::read).collect();
    let out: Vec<usize> = candidates
        .iter()
        .enumerate()
        .filter(|(_, candidate)| items.iter().any(|item| item.names(candidate)))
        .map(|(index, _)| index)
        .collect();
    match out.len() == candidates.len() {
        true => Err(Refusal::Control("leaves no model to ask")),
        false => Ok(out),
    }
}

/// A model, an endpoint, or a model at an endpoint; percent-encoded as in the answer's `x-failover-*` headers.
struct Item<'a> {
    model: Option<Cow<'a, str>>,
    endpoint: Option<Cow<'a, str>>,
}

impl<'a> Item<'a> {
    /// `None`: it names nobody.
    fn read(text: &'a str) -> Option<Self> {
        let (model, parameter) = match text.split_once(';') {
            Some((model, parameter)) => (model, Some(parameter)),
            None => (text, None),
        };
        let endpoint = match parameter {
            // Of a parameter that is not known nobody can say whom it means.
            Some(parameter) => Some(parameter.trim().strip_prefix("endpoint=")?),
            None => None,
        };
        let known = |text: &'a str| {
            let text = text.trim();
            (!text.is_empty()).then(|| percent_decode_str(text).decode_utf8_lossy())
        };
        let item = Item {
            model: known(model),
            endpoint: endpoint.and_then(known),
        };
        (item.model.is_some() || item.endpoint.is_some()).then_some(item)
    }

    fn names(&self, candidate: &CandidateState) -> bool {
        let is =
            |wanted: &Option<Cow<'_, str>>, has: &str| wanted.as_ref().is_none_or(|w| w == has);
        is(&self.model, &candidate.model) && is(&self.endpoint, &candidate.endpoint_id)
    }
}
