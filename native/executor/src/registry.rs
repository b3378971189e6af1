//! What outlives the policies that are deployed, and how a policy comes to share it.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use failover_policy::{KeyType, Policy};
use failover_suspension::{Cache, Key};
use failover_wire::Provider;
use failover_wire::refusal::Signs;
use once_cell::sync::Lazy;

use crate::attached::AttachedPolicy;
use crate::body::Share;
use crate::budget::Budget;
use crate::candidate::CandidateState;
use crate::clock::Clock;
use crate::memory::Memory;

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
    pub fn attach(
        &self,
        policy: Arc<Policy>,
        scope: &Scope,
        provider: Option<Provider>,
    ) -> AttachedPolicy {
        let candidates = |key_type| {
            let candidates = policy.section(key_type).map_or(&[][..], |s| s.candidates());
            let candidate = |c: &failover_policy::Candidate| CandidateState {
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
            candidates.iter().map(candidate).collect()
        };
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(Budget::new(self.clock.now())));
        AttachedPolicy {
            production: candidates(KeyType::Production),
            sandbox: candidates(KeyType::Sandbox),
            tenant: scope.tenant.clone(),
            api: format!("{}:{}", scope.api, scope.version),
            budget: Arc::clone(budget),
            clock: self.clock,
            share: Share::new(&self.memory, self.memory.limit(&policy.settings)),
            policy,
            provider: provider.map(Arc::new),
            signs: self.signs(),
        }
    }

    /// Takes an operator's own signs for policies that are attached from now on, each a TOML document. Returns what is
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
