//! A policy attached to its API, and who of its candidates may be called.

use std::sync::Arc;

use failover_policy::{Policy, Stage};
use failover_suspension::Admission;
use failover_wire::Provider;
use failover_wire::refusal::Signs;

use crate::body::Share;
use crate::budget::Budget;
use crate::candidate::{Slot, Ticket};
use crate::clock::Clock;

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
    pub(crate) production: Vec<Slot>,
    pub(crate) sandbox: Vec<Slot>,
}

impl Bound {
    /// The candidates of a section, target first.
    pub(crate) fn slots(&self, stage: Stage) -> &[Slot] {
        match stage {
            Stage::Production => &self.production,
            Stage::Sandbox => &self.sandbox,
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

    /// The ticket of the first of the wanted candidates that may be called now. One under suspicion comes after all
    /// others.
    pub(crate) fn admit(
        &self,
        stage: Stage,
        wanted: impl Fn(usize, &Slot) -> bool,
    ) -> Option<Ticket> {
        let now = self.clock.now();
        let mut suspected = None;
        for (index, slot) in self.slots(stage).iter().enumerate() {
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
