//! The decision about each request that comes.

use std::sync::Arc;

use bytes::Bytes;
use failover_policy::KeyType;
use failover_wire::ModelRequest;
use failover_wire::media_type::is_json;
use failover_wire::request::Model;
use failover_wire::request::coding::{self, Undecodable};

use crate::attached::AttachedPolicy;
use crate::call::Call;
use crate::control;
use crate::memory::Buffered;
use crate::refusal::Refusal;
use crate::sendable::{self, HeaderLengths};

/// A request as it has come.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Path and query behind the API's.
    pub path: &'a str,
    /// Content-Type.
    pub content_type: Option<&'a str>,
    /// Content-Encoding, when the body is still packed.
    pub content_encoding: Option<&'a str>,
    /// What the client says of failing over: the value of `x-failover`.
    pub control: Option<&'a str>,
    /// How long the headers are that the client wants to be sent on.
    pub headers: HeaderLengths,
    /// The body.
    pub body: Bytes,
    /// Bytes that were counted for the body already.
    pub reserved: u64,
}

impl Arrival<'_> {
    fn is_declared_json(&self) -> bool {
        self.content_type.is_some_and(is_json)
    }
}

/// What is to be done with a request.
#[derive(Debug)]
pub enum Decision {
    /// It is not this policy's: it goes on untouched.
    PassOn,
    /// It can't be handled and must not go on.
    Refuse(Refusal),
    /// It is taken over.
    Handle(Box<Call>),
}

impl AttachedPolicy {
    /// Decides about a request by its path and body, and admits the first candidate. A call that takes it over
    /// owns the bytes that were counted for the body, adjusted to the length that it has without its codings; with any
    /// other decision they stay whose they were.
    pub fn prepare(self: &Arc<Self>, key_type: KeyType, arrival: Arrival<'_>) -> Decision {
        let Some(target) = self.candidates(key_type).first() else {
            return Decision::PassOn;
        };
        let limit = self.policy.settings.max_request_body;
        if arrival.body.len() as u64 > limit {
            return Decision::Refuse(Refusal::TooLarge { limit });
        }
        let unpacked = match self.unpacked(&arrival) {
            Ok(unpacked) => unpacked,
            Err(decision) => return decision,
        };
        let body = unpacked.as_ref().map_or(&arrival.body, |(body, _)| body);
        let asked = ModelRequest::read(
            self.provider.as_deref(),
            arrival.path,
            arrival.content_type,
            body,
        );
        let asked = match asked {
            Ok(Some(asked)) => asked,
            Ok(None) => return Decision::PassOn,
            Err(e) => return Decision::Refuse(Refusal::Malformed(e.to_string())),
        };
        match asked.model() {
            Model::Named(model) if *model != target.model => return Decision::PassOn,
            Model::NoName => return Decision::PassOn,
            Model::Named(_) | Model::Absent => {}
        }
        if let Err(refusal) = sendable::check(arrival.path, arrival.headers) {
            return Decision::Refuse(refusal);
        }
        let left_out = match arrival.control {
            Some(control) if self.policy.settings.client_control => {
                match control::left_out(control, self.candidates(key_type)) {
                    Ok(left_out) => left_out,
                    Err(refusal) => return Decision::Refuse(refusal),
                }
            }
            _ => Vec::new(),
        };
        let (body, more) = unpacked.map_or((arrival.body, 0), |(body, buffered)| {
            (body, buffered.forget())
        });
        let Some(body) = self.share.request(body, arrival.reserved + more) else {
            return Decision::Refuse(Refusal::NoMemory);
        };
        self.budget.request();
        let first = self.admit(key_type, |index, _| !left_out.contains(&index));
        let mut call = Call::new(Arc::clone(self), key_type, arrival.path, body, asked, first);
        call.left_out = left_out;
        Decision::Handle(Box::new(call))
    }

    /// The body without its codings, with the bytes that are counted for it, which are no fewer than it has. `None`: it
    /// has no coding.
    ///
    /// # Errors
    /// What is to be done with a request that can't be read.
    fn unpacked(&self, arrival: &Arrival<'_>) -> Result<Option<(Bytes, Buffered)>, Decision> {
        let Some(encoding) = arrival
            .content_encoding
            .filter(|_| !arrival.body.is_empty())
        else {
            return Ok(None);
        };
        let mut buffered = self.share.nothing();
        let bounds = coding::Bounds {
            limit: self.policy.settings.max_request_body,
            room: &mut |bytes| self.share.resize(&mut buffered, bytes as u64),
        };
        match coding::decoded(encoding, &arrival.body, bounds) {
            Ok(body) => Ok(body.map(|body| (body.into(), buffered))),
            Err(e @ Undecodable::TooLarge(_)) => {
                Err(Decision::Refuse(Refusal::UnpacksToTooMuch(e)))
            }
            Err(Undecodable::NoMemory) => Err(Decision::Refuse(Refusal::NoMemory)),
            // Nobody has said that there is a model in it.
            Err(_) if !arrival.is_declared_json() => Err(Decision::PassOn),
            Err(e @ Undecodable::Unknown(_)) => Err(Decision::Refuse(Refusal::UnknownCoding(e))),
            Err(e @ Undecodable::Broken(_)) => {
                Err(Decision::Refuse(Refusal::Malformed(e.to_string())))
            }
        }
    }
}
