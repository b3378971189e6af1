//! A policy bound to the API it is attached to, and the decision about each request.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use failover_policy::{KeyType, Policy};
use failover_suspension::{Admission, Cache, Gate, Key, Permit};
use failover_wire::media_type::is_json;
use failover_wire::refusal::Signs;
use failover_wire::request::Model;
use failover_wire::request::coding::{self, Undecodable};
use failover_wire::{ModelRequest, Provider};
use once_cell::sync::Lazy;

use crate::body::Share;
use crate::budget::Budget;
use crate::call::Call;
use crate::clock::Clock;
use crate::memory::{Held, Memory};
use crate::sendable::{self, CLIENTS_HEADERS, CLIENTS_PATH, HeaderLengths, LONGEST_LINE};

/// The API that a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The tenant's domain.
    pub tenant: String,
    /// The API's name.
    pub api: String,
    /// The API's version.
    pub version: String,
}

/// What outlives the policies: the suspension cache, the retry budgets, the memory, the clock.
#[derive(Debug, Default)]
pub struct Registry {
    cache: Cache,
    clock: Clock,
    memory: Arc<Memory>,
    budgets: Mutex<HashMap<Scope, Arc<Budget>>>,
    signs: Mutex<Option<KnownSigns>>,
}

/// Made once for the same rows: they are read at every deployment.
#[derive(Debug)]
struct KnownSigns {
    rows: Vec<String>,
    signs: Arc<Signs>,
    said: Vec<String>,
}

impl Registry {
    /// Binds a policy to its API. Candidates that other policies of the API name too share their state. `provider`:
    /// whose models they are, if that is known.
    pub fn bind(&self, policy: Arc<Policy>, scope: &Scope, provider: Option<Provider>) -> Bound {
        let slots = |key_type| {
            let candidates = policy.section(key_type).map_or(&[][..], |s| s.candidates());
            let slot = |c: &failover_policy::Candidate| Slot {
                model: c.model.clone(),
                endpoint_id: c.endpoint_id.clone(),
                gate: self.cache.gate(
                    &Key {
                        tenant: scope.tenant.clone(),
                        api: scope.api.clone(),
                        version: scope.version.clone(),
                        endpoint_id: c.endpoint_id.clone(),
                        model: c.model.clone(),
                    },
                    self.clock.now(),
                ),
                refuses_usage: AtomicBool::new(false),
            };
            candidates.iter().map(slot).collect()
        };
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(Budget::new(self.clock.now())));
        Bound {
            production: slots(KeyType::Production),
            sandbox: slots(KeyType::Sandbox),
            api: format!("{}:{}", scope.api, scope.version),
            budget: Arc::clone(budget),
            clock: self.clock,
            share: Share::new(&self.memory, self.memory.limit(&policy.settings)),
            policy,
            provider: provider.map(Arc::new),
            signs: self.signs(),
        }
    }

    /// Takes an operator's own signs for policies that are bound from now on, each a TOML document. Returns what is
    /// wrong with them; a row that can't be used is left out.
    pub fn use_signs(&self, rows: &[String]) -> Vec<String> {
        let mut known = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.rows == rows) {
            return known.said.clone();
        }
        if rows.is_empty() {
            *known = None;
            return Vec::new();
        }
        let (signs, said) = Signs::with(rows);
        *known = Some(KnownSigns {
            rows: rows.to_vec(),
            signs: Arc::new(signs),
            said: said.clone(),
        });
        said
    }

    fn signs(&self) -> Arc<Signs> {
        static BUILT_IN: Lazy<Arc<Signs>> = Lazy::new(|| Arc::new(Signs::with(&[]).0));
        let known = self.signs.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.as_ref().map_or(&*BUILT_IN, |own| &own.signs))
    }

    /// The suspension cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What all bodies together take up.
    pub fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// The clock that the cache's moments are of.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// A candidate with its state.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) model: String,
    pub(crate) endpoint_id: String,
    pub(crate) gate: Arc<Gate>,
    /// Whether it has refused to be asked for a stream's usage.
    pub(crate) refuses_usage: AtomicBool,
}

/// The right to call a candidate now.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// Its index in the section.
    pub(crate) index: usize,
    /// Set when this is the one request that probes it.
    pub(crate) permit: Option<Permit>,
}

/// A policy bound to its API. Shared by all requests of the attachment.
#[derive(Debug)]
pub struct Bound {
    pub(crate) policy: Arc<Policy>,
    pub(crate) api: String,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Clock,
    pub(crate) provider: Option<Arc<Provider>>,
    /// What the words of its providers mean.
    pub(crate) signs: Arc<Signs>,
    pub(crate) share: Share,
    production: Vec<Slot>,
    sandbox: Vec<Slot>,
}

/// A request as it has come.
#[derive(Debug)]
pub struct Arrival<'a> {
    /// Path and query behind the API's.
    pub path: &'a str,
    /// Content-Type.
    pub content_type: Option<&'a str>,
    /// Content-Encoding, when the body is still packed.
    pub content_encoding: Option<&'a str>,
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

/// Why a request is answered by the gateway itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// 400: the body is declared as JSON and is none.
    #[error("The request body is {0}")]
    Malformed(String),
    /// 413.
    #[error(
        "The request body is larger than {limit} bytes, the most that can be kept for a fallback"
    )]
    TooLarge {
        /// `max_request_body`.
        limit: u64,
    },
    /// 413: little that unpacks to too much.
    #[error("The request body is {0}")]
    UnpacksToTooMuch(Undecodable),
    /// 415: the body is declared as JSON, in a coding that is not known.
    #[error("The request body is {0}")]
    UnknownCoding(Undecodable),
    /// 503: there is no room for its body.
    #[error("The gateway holds as many bodies as max_memory allows")]
    NoMemory,
    /// 400: a path that could mean another one than it says.
    #[error("The request's path has {0}")]
    Path(&'static str),
    /// 414.
    #[error(
        "The request's path and query are longer than {CLIENTS_PATH} bytes, more than providers take"
    )]
    LongPath,
    /// 431.
    #[error(
        "The request has a header of more than {LONGEST_LINE} bytes, or more than {CLIENTS_HEADERS} bytes of headers, \
         more than providers take"
    )]
    LongHeaders,
}

impl Refusal {
    /// The HTTP status for the caller.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::Malformed(_) => 400,
            Refusal::TooLarge { .. } | Refusal::UnpacksToTooMuch(_) => 413,
            Refusal::UnknownCoding(_) => 415,
            Refusal::NoMemory => 503,
            Refusal::Path(_) => 400,
            Refusal::LongPath => 414,
            Refusal::LongHeaders => 431,
        }
    }
}

impl Bound {
    /// The candidates of a section, target first.
    pub(crate) fn slots(&self, key_type: KeyType) -> &[Slot] {
        match key_type {
            KeyType::Production => &self.production,
            KeyType::Sandbox => &self.sandbox,
        }
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Counts more bytes of a body, of which `own` are counted already, for this API; `false` when there is no room
    /// for them. Whoever counts owes a [`Memory::release`], or hands the debt over with [`Bound::prepare`].
    pub fn count(&self, own: u64, bytes: u64) -> bool {
        self.share.count(own, bytes)
    }

    /// Decides about a request by its path and body, and takes the first candidate's ticket. A call that takes it over
    /// owns the bytes that were counted for the body, adjusted to the length that it has without its codings; with any
    /// other decision they stay whose they were.
    pub fn prepare(self: &Arc<Self>, key_type: KeyType, arrival: Arrival<'_>) -> Decision {
        let Some(target) = self.slots(key_type).first() else {
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
        let (body, more) = unpacked.map_or((arrival.body, 0), |(body, held)| (body, held.forget()));
        let Some(body) = self.share.request(body, arrival.reserved + more) else {
            return Decision::Refuse(Refusal::NoMemory);
        };
        self.budget.request();
        let first = self.admit(key_type, |_, _| true);
        Decision::Handle(Box::new(Call::new(
            Arc::clone(self),
            key_type,
            arrival.path,
            body,
            asked,
            first,
        )))
    }

    /// The body without its codings, with the bytes that are counted for it, which are no fewer than it has. `None`: it
    /// has no coding.
    ///
    /// # Errors
    /// What is to be done with a request that can't be read.
    fn unpacked(&self, arrival: &Arrival<'_>) -> Result<Option<(Bytes, Held)>, Decision> {
        let Some(encoding) = arrival
            .content_encoding
            .filter(|_| !arrival.body.is_empty())
        else {
            return Ok(None);
        };
        let mut held = self.share.nothing();
        let bounds = coding::Bounds {
            limit: self.policy.settings.max_request_body,
            room: &mut |bytes| self.share.resize(&mut held, bytes as u64),
        };
        match coding::decoded(encoding, &arrival.body, bounds) {
            Ok(body) => Ok(body.map(|body| (body.into(), held))),
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

    /// The ticket of the first of the wanted candidates that may be called now. One under suspicion comes after all
    /// others.
    pub(crate) fn admit(
        &self,
        key_type: KeyType,
        wanted: impl Fn(usize, &Slot) -> bool,
    ) -> Option<Ticket> {
        let now = self.clock.now();
        let mut suspected = None;
        for (index, slot) in self.slots(key_type).iter().enumerate() {
            if !wanted(index, slot) {
                continue;
            }
            let permit = match slot.gate.admit(now) {
                Admission::Open => None,
                Admission::Probe(permit) => Some(permit),
                Admission::Suspected => {
                    suspected.get_or_insert(index);
                    continue;
                }
                Admission::Suspended { .. } | Admission::Probing | Admission::Held => continue,
            };
            return Some(Ticket { index, permit });
        }
        suspected.map(|index| Ticket {
            index,
            permit: None,
        })
    }
}
