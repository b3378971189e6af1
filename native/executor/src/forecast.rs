//! What would become of a request, if it came now: the rule of [`AttachedPolicy::admit`] and of what follows when it
//! admits nobody, without taking anything.

use std::time::Duration;

use failover_metrics::{Forecast, PassedOver, State as Shown};
use failover_policy::{KeyType, WhenAllSuspended};
use failover_suspension::{Moment, State};

use crate::attached::AttachedPolicy;
use crate::client;

/// A state as operators see it.
pub(crate) fn shown(state: State) -> Shown {
    match state {
        State::Healthy => Shown::Healthy,
        State::Suspected => Shown::Suspected,
        State::Suspended { .. } => Shown::Suspended,
        State::Probing => Shown::Probing,
        State::Due => Shown::Due,
        State::Held => Shown::Held,
    }
}

/// How long a suspension lasts.
pub(crate) fn left(state: State, now: Moment) -> Duration {
    match state {
        State::Suspended { until } => now.until(until),
        _ => Duration::ZERO,
    }
}

impl AttachedPolicy {
    /// Where a request for the target of a section would go at `now`.
    pub(crate) fn forecast(&self, key_type: KeyType, now: Moment) -> Forecast {
        let candidates = self.candidates(key_type);
        let states: Vec<State> = candidates.iter().map(|c| c.gate.admits(now)).collect();
        let (goes_to, probes) = self.chosen(&states, now);
        let passed_over = |(place, state): (usize, &State)| PassedOver {
            place,
            state: shown(*state),
            left_ms: left(*state, now).as_millis() as u64,
        };
        // One that is open is taken whatever stands behind it.
        let before = match goes_to {
            Some(place) if is_open(&states[place]) => place,
            _ => states.len(),
        };
        let others = states[..before].iter().enumerate();
        let others = others.filter(|(place, _)| Some(*place) != goes_to);
        let waits = || ends_first(states.iter().copied(), now).map(|(wait, _)| wait);
        let forecast = Forecast {
            goes_to,
            probes,
            passed_over: others.map(passed_over).collect(),
            retry_after: match goes_to {
                Some(_) => None,
                None => client::all_suspended(waits()).retry_after,
            },
            words: String::new(),
        };
        let names = candidates.iter();
        let names: Vec<(&str, &str)> = names.map(|c| (&*c.model, &*c.endpoint_id)).collect();
        forecast.say(&names)
    }

    fn chosen(&self, states: &[State], now: Moment) -> (Option<usize>, bool) {
        if let Some(place) = states.iter().position(is_open) {
            return (Some(place), states[place] == State::Due);
        }
        if let Some(place) = states.iter().position(|s| *s == State::Suspected) {
            return (Some(place), false);
        }
        let early = self.policy.settings.when_all_suspended == WhenAllSuspended::Probe;
        match ends_first(states.iter().copied(), now) {
            Some((_, place)) if early && states[place] != State::Probing => (Some(place), true),
            _ => (None, false),
        }
    }
}

/// Whether a request is admitted whatever the others are.
fn is_open(state: &State) -> bool {
    matches!(state, State::Healthy | State::Due)
}

/// The shortest wait among the suspended candidates, and whose it is.
pub(crate) fn ends_first(
    states: impl Iterator<Item = State>,
    now: Moment,
) -> Option<(Duration, usize)> {
    states
        .enumerate()
        .filter_map(|(index, state)| match state {
            State::Suspended { until } => Some((now.until(until), index)),
            State::Due | State::Probing => Some((Duration::ZERO, index)),
            State::Healthy | State::Suspected | State::Held => None,
        })
        .min()
}
