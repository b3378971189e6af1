//! Every order in which threads can meet at a gate, tried by loom:
//! `cargo test -p failover-suspension --features loom --test interleavings`.

use std::sync::Arc;
use std::time::Duration;

use failover_suspension::{Admission, Failure, Gate, Moment, Permit, State, Suspected, Suspicion};
use loom::thread;

const NOW: Moment = Moment(1_000);
const LATER: Moment = Moment(61_000);

fn due() -> Arc<Gate> {
    let gate = Arc::new(Gate::default());
    gate.suspend(NOW);
    gate
}

fn permit(gate: &Arc<Gate>) -> Option<Permit> {
    match gate.admit(NOW) {
        Admission::Probe(permit) => Some(permit),
        _ => None,
    }
}

#[test]
fn one_of_three_gets_the_permit() {
    loom::model(|| {
        let gate = due();
        let others: Vec<_> = (0..2)
            .map(|_| {
                let gate = Arc::clone(&gate);
                thread::spawn(move || permit(&gate))
            })
            .collect();
        let mut permits: Vec<Option<Permit>> = vec![permit(&gate)];
        permits.extend(others.into_iter().map(|t| t.join().unwrap()));
        assert_eq!(permits.iter().flatten().count(), 1);
    });
}

#[test]
fn two_suspensions_leave_the_longer_one() {
    loom::model(|| {
        let gate = Arc::new(Gate::default());
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || other.suspend(LATER));
        gate.suspend(Moment(5_000));
        thread.join().unwrap();
        assert_eq!(gate.state(NOW), State::Suspended { until: LATER });
    });
}

#[test]
fn a_probe_that_ends_while_another_request_fails_leaves_no_permit_behind() {
    loom::model(|| {
        let gate = due();
        let probe = permit(&gate).unwrap();
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || other.suspend(LATER));
        probe.succeeded();
        thread.join().unwrap();
        let state = gate.state(NOW);
        assert!(
            matches!(state, State::Healthy | State::Suspended { .. }),
            "{state:?}"
        );
    });
}

#[test]
fn a_clear_beside_a_failing_probe_leaves_no_permit_behind() {
    loom::model(|| {
        let gate = due();
        let probe = permit(&gate).unwrap();
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || other.clear());
        probe.failed(NOW, |_| Duration::from_secs(60));
        thread.join().unwrap();
        assert_ne!(gate.state(NOW), State::Probing);
    });
}

#[test]
fn a_dropped_permit_is_free_for_exactly_one() {
    loom::model(|| {
        let gate = due();
        let first = permit(&gate);
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || permit(&other));
        drop(first);
        let second = permit(&gate);
        let third = thread.join().unwrap();
        assert!(second.is_none() || third.is_none(), "two permits at once");
        drop((second, third));
        assert!(permit(&gate).is_some(), "the permit is lost");
    });
}

fn suspicion(gate: &Arc<Gate>, request: u64) -> Suspicion {
    let failure = Failure {
        began: Moment(500),
        now: NOW,
        request,
    };
    match gate.suspect(failure) {
        Suspected::Open(suspicion) => suspicion,
        Suspected::Confirmed => panic!("confirmed by one that was under way at the same time"),
    }
}

#[test]
fn suspicions_that_end_in_any_order_leave_none_behind() {
    loom::model(|| {
        let gate = Arc::new(Gate::default());
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || drop(suspicion(&other, 1)));
        drop(suspicion(&gate, 2));
        thread.join().unwrap();
        assert_eq!(gate.state(NOW), State::Healthy);
    });
}

#[test]
fn an_answer_beside_a_suspicion_leaves_the_candidate_open() {
    loom::model(|| {
        let gate = Arc::new(Gate::default());
        let suspicion = suspicion(&gate, 1);
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || other.answered(NOW));
        let suspended = suspicion.confirm(Duration::from_secs(60));
        thread.join().unwrap();
        let state = gate.state(NOW);
        match suspended {
            Some(until) => assert_eq!(state, State::Suspended { until }),
            None => assert_eq!(state, State::Healthy),
        }
    });
}

#[test]
fn a_suspicion_beside_a_suspension_and_its_probe_leaves_none_behind() {
    loom::model(|| {
        let gate = due();
        let suspicion = suspicion(&gate, 1);
        let other = Arc::clone(&gate);
        let thread = thread::spawn(move || permit(&other).map(Permit::succeeded));
        drop(suspicion);
        thread.join().unwrap();
        assert!(matches!(gate.state(NOW), State::Healthy), "{gate:?}");
    });
}
