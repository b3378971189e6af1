//! The gates of a gateway, by key.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::gate::{Gate, State};
use crate::moment::Moment;
use crate::peers::Peers;

/// Names a candidate of an API. Shared by all Failover policies of that API version and both sections.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The tenant's domain.
    pub tenant: String,
    /// The API's name.
    pub api: String,
    /// The API's version.
    pub version: String,
    /// The endpoint's id.
    pub endpoint_id: String,
    /// The model's name.
    pub model: String,
}

/// A candidate as [`Cache::list`] shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which candidate.
    pub key: Key,
    /// Its state.
    pub state: State,
    /// Failed probes in a row.
    pub failed_probes: u32,
    /// Whether a failure that may have been its own has left a mark.
    pub marked: bool,
}

/// Finds those who share a candidate.
pub trait Introduction: fmt::Debug + Send + Sync {
    /// Those of this candidate. What is known of it already, `gate` knows afterwards.
    fn meet(&self, key: &Key, gate: &Arc<Gate>) -> Arc<dyn Peers>;
}

/// Every candidate's gate. Looked up when a policy is bound to its API, never by a request; outlives the policies,
/// so that a redeployment of the API forgets nothing.
#[derive(Debug, Default)]
pub struct Cache {
    gates: Mutex<Gates>,
}

#[derive(Debug, Default)]
struct Gates {
    by_key: HashMap<Key, Arc<Gate>>,
    introduction: Option<Arc<dyn Introduction>>,
}

impl Cache {
    /// An empty cache.
    pub fn new() -> Self {
        Self::default()
    }

    fn gates(&self) -> MutexGuard<'_, Gates> {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate of this candidate, made when it is new. Gates that no policy uses and that know nothing are dropped
    /// here, so that models that were configured once do not pile up.
    pub fn gate(&self, key: &Key, now: Moment) -> Arc<Gate> {
        let mut gates = self.gates();
        let gates = &mut *gates;
        if let Some(gate) = gates.by_key.get(key) {
            return Arc::clone(gate);
        }
        gates.by_key.retain(|_, gate| {
            Arc::strong_count(gate) > 1 || gate.state(now) != State::Healthy || gate.is_marked()
        });
        let gate = Arc::new(Gate::default());
        if let Some(introduction) = &gates.introduction {
            gate.share(Some(introduction.meet(key, &gate)));
        }
        gates.by_key.insert(key.clone(), Arc::clone(&gate));
        gate
    }

    /// Shares the candidates with other gateways from now on; `None`: with nobody.
    pub fn share(&self, introduction: Option<Arc<dyn Introduction>>) {
        let mut gates = self.gates();
        for (key, gate) in &gates.by_key {
            gate.share(introduction.as_ref().map(|i| i.meet(key, gate)));
        }
        gates.introduction = introduction;
    }

    /// Forgets all marks: requests are told apart in another way from now on.
    pub fn forget_marks(&self) {
        for gate in self.gates().by_key.values() {
            gate.set_mark(None);
        }
    }

    /// The gate of this candidate, if it is known.
    pub fn find(&self, key: &Key) -> Option<Arc<Gate>> {
        self.gates().by_key.get(key).cloned()
    }

    /// Every candidate that a policy uses and its state at `now`, in the order of their keys.
    pub fn list(&self, now: Moment) -> Vec<Status> {
        let mut list: Vec<Status> = self
            .gates()
            .by_key
            .iter()
            .filter(|(_, gate)| Arc::strong_count(gate) > 1)
            .map(|(key, gate)| Status {
                key: key.clone(),
                state: gate.state(now),
                failed_probes: gate.failed_probes(),
                marked: gate.is_marked(),
            })
            .collect();
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(model: &str) -> Key {
        Key {
            tenant: "carbon.super".into(),
            api: "AssistantAPI".into(),
            version: "1.0.0".into(),
            endpoint_id: "e1".into(),
            model: model.into(),
        }
    }

    #[test]
    fn the_same_key_is_the_same_gate_also_after_its_users_are_gone() {
        let cache = Cache::new();
        cache.gate(&key("m"), Moment(0)).suspend(Moment(500));
        cache.gate(&key("other"), Moment(0));
        assert_eq!(
            cache.gate(&key("m"), Moment(0)).state(Moment(0)),
            State::Suspended { until: Moment(500) }
        );
    }

    #[test]
    fn unused_gates_that_know_nothing_do_not_pile_up() {
        let cache = Cache::new();
        for model in 0..1000 {
            cache.gate(&key(&model.to_string()), Moment(0));
        }
        assert!(cache.gates().by_key.len() <= 2);
    }

    #[test]
    fn the_list_shows_every_candidate_that_is_in_use() {
        let cache = Cache::new();
        let gates = [
            cache.gate(&key("b"), Moment(0)),
            cache.gate(&key("a"), Moment(0)),
        ];
        cache.gate(&key("undeployed"), Moment(0)).hold();
        gates[0].hold();
        let list = cache.list(Moment(0));
        assert_eq!(list.len(), 2);
        assert_eq!(
            (list[0].key.model.as_str(), list[0].state),
            ("a", State::Healthy)
        );
        assert_eq!(
            (list[1].key.model.as_str(), list[1].state),
            ("b", State::Held)
        );
    }
}
