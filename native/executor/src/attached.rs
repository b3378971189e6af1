//! A policy attached to its API, and who of its candidates may be called.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use failover_metrics::ApiNumbers;
use failover_policy::{KeyType, Policy};
use failover_suspension::Admission;
use failover_wire::Provider;
use failover_wire::refusal::Signs;

use crate::body::Share;
use crate::budget::Budget;
use crate::candidate::{Admitted, CandidateState};
use crate::clock::Clock;
use crate::registry::Scope;

/// A policy attached to its API, shared by all of its requests.
#[derive(Debug)]
pub struct AttachedPolicy {
    pub(crate) policy: Arc<Policy>,
    pub(crate) api: String,
    pub(crate) scope: Scope,
    pub(crate) numbers: Arc<ApiNumbers>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Clock,
    pub(crate) provider: Option<Arc<Provider>>,
    /// What the words of its providers mean.
    pub(crate) signs: Arc<Signs>,
    pub(crate) share: Share,
    /// See [`crate::consequence::fingerprint`].
    pub(crate) told_apart_by: Arc<AtomicU64>,
    pub(crate) production: Vec<CandidateState>,
    pub(crate) sandbox: Vec<CandidateState>,
}

impl AttachedPolicy {
    /// The candidates of a section, target first.
    pub(crate) fn candidates(&self, key_type: KeyType) -> &[CandidateState] {
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
    /// for them. Whoever counts owes a [`Memory::release`], or hands the debt over with [`AttachedPolicy::prepare`].
    pub fn count(&self, own: u64, bytes: u64) -> bool {
        self.share.count(own, bytes)
    }

    /// Admits the first of the wanted candidates that may be called now. One under suspicion comes after all
    /// others.
    pub(crate) fn admit(
        &self,
        key_type: KeyType,
        wanted: impl Fn(usize, &CandidateState) -> bool,
    ) -> Option<Admitted> {
        // The clock costs more than all else here, and nearly all candidates are open.
        let mut read = None;
        let mut suspected = None;
        for (index, candidate) in self.candidates(key_type).iter().enumerate() {
            if !wanted(index, candidate) {
                continue;
            }
            if candidate.gate.is_open() {
                return Some(Admitted {
                    index,
                    permit: None,
                });
            }
            let now = *read.get_or_insert_with(|| self.clock.now());
            let permit = match candidate.gate.admit(now) {
                Admission::Open => None,
                Admission::Probe(permit) => Some(permit),
                Admission::Suspected => {
                    suspected.get_or_insert(index);
                    continue;
                }
                Admission::Suspended { .. } | Admission::Probing | Admission::Held => continue,
            };
            return Some(Admitted { index, permit });
        }
        suspected.map(|index| Admitted {
            index,
            permit: None,
        })
    }
}
