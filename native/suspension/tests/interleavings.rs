//! Every order in which threads can meet at a gate, tried by loom:
//! `cargo test -p failover-suspension --features loom --test interleavings`.

use std::sync::Arc;
use std::time::Duration;

use failover_suspension::{Admission, Gate, Moment, Permit, State};
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
