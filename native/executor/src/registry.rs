//! What outlives the policies that are deployed, and how a policy comes to share it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use failover_metrics::{ApiNumbers, CandidateNumbers};
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
use crate::outcome::WORDS;

/// The API that a policy is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    numbers: Mutex<Numbers>,
    attached: Mutex<Vec<Weak<AttachedPolicy>>>,
    told_apart_by: Arc<AtomicU64>,
}

/// What is counted, which outlives the policies as well.
#[derive(Debug, Default)]
struct Numbers {
    candidates: HashMap<Key, Arc<CandidateNumbers>>,
    apis: HashMap<Scope, Arc<ApiNumbers>>,
}

impl Numbers {
    fn candidate(&mut self, key: &Key) -> Arc<CandidateNumbers> {
        if let Some(known) = self.candidates.get(key) {
            return Arc::clone(known);
        }
        let numbers = Arc::new(CandidateNumbers::new(WORDS));
        self.candidates.insert(key.clone(), Arc::clone(&numbers));
        numbers
    }
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
    ) -> Arc<AttachedPolicy> {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut candidates = |key_type| {
            let candidates = policy.section(key_type).map_or(&[][..], |s| s.candidates());
            let candidate = |c: &failover_policy::Candidate| {
                let key = Key {
                    tenant: scope.tenant.clone(),
                    api: scope.api.clone(),
                    version: scope.version.clone(),
                    endpoint_id: c.endpoint_id.clone(),
                    model: c.model.clone(),
                };
                CandidateState {
                    model: c.model.clone(),
                    endpoint_id: c.endpoint_id.clone(),
                    gate: self.cache.gate(&key, self.clock.now()),
                    numbers: numbers.candidate(&key),
                    refuses_usage: AtomicBool::new(false),
                }
            };
            candidates.iter().map(candidate).collect()
        };
        let (production, sandbox) = (
            candidates(KeyType::Production),
            candidates(KeyType::Sandbox),
        );
        // Models that were configured once do not pile up.
        numbers.candidates.retain(|key, counted| {
            Arc::strong_count(counted) > 1 || self.cache.find(key).is_some()
        });
        let of_api = Arc::clone(numbers.apis.entry(scope.clone()).or_default());
        drop(numbers);
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        let budget = budgets
            .entry(scope.clone())
            .or_insert_with(|| Arc::new(Budget::new(self.clock.now())));
        let attached = Arc::new(AttachedPolicy {
            production,
            sandbox,
            scope: scope.clone(),
            numbers: of_api,
            api: format!("{}:{}", scope.api, scope.version),
            budget: Arc::clone(budget),
            clock: self.clock,
            share: Share::new(&self.memory, self.memory.limit(&policy.settings)),
            told_apart_by: Arc::clone(&self.told_apart_by),
            policy,
            provider: provider.map(Arc::new),
            signs: self.signs(),
        });
        let mut all = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&attached));
        attached
    }

    /// Tells requests apart as other gateways do, from now on. What is marked already was told apart in another way.
    pub fn tell_apart_by(&self, key: u64) {
        if self.told_apart_by.swap(key, Ordering::Relaxed) != key {
            self.cache.forget_marks();
        }
    }

    /// The policies that are attached now.
    pub(crate) fn attached(&self) -> Vec<Arc<AttachedPolicy>> {
        let all = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(Weak::upgrade).collect()
    }

    /// What is counted of a candidate, if it was ever attached.
    pub fn numbers(&self, candidate: &Key) -> Option<Arc<CandidateNumbers>> {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.candidates.get(candidate).cloned()
    }

    /// What is counted of an API.
    pub(crate) fn api_numbers(&self, scope: &Scope) -> Option<Arc<ApiNumbers>> {
        let numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.apis.get(scope).cloned()
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
