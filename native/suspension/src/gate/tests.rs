use std::sync::atomic::AtomicUsize;
use std::sync::{Barrier, PoisonError};
use std::thread;

use super::*;

const T0: Moment = Moment(1_000);
const MINUTE: Duration = Duration::from_secs(60);

fn gate() -> Arc<Gate> {
    Arc::new(Gate::default())
}

fn probe(gate: &Arc<Gate>, now: Moment) -> Permit {
    match gate.admit(now) {
        Admission::Probe(permit) => permit,
        other => panic!("expected a probe permit, got {other:?}"),
    }
}

#[test]
fn a_new_candidate_is_open() {
    assert!(matches!(gate().admit(T0), Admission::Open));
}

#[test]
fn a_suspended_candidate_gets_nothing_until_its_time_is_over() {
    let gate = gate();
    let until = T0.plus(MINUTE);
    assert!(gate.suspend(until));
    for now in [T0, Moment(until.0 - 1)] {
        assert!(matches!(gate.admit(now), Admission::Suspended { until: u } if u == until));
    }
    assert!(matches!(gate.admit(until), Admission::Probe(_)));
}

#[test]
fn a_suspension_is_lengthened_but_never_shortened() {
    let gate = gate();
    assert!(gate.suspend(T0.plus(MINUTE)));
    assert!(!gate.suspend(T0.plus(MINUTE / 2)));
    assert_eq!(
        gate.state(T0),
        State::Suspended {
            until: T0.plus(MINUTE)
        }
    );
    assert!(gate.suspend(T0.plus(MINUTE * 2)));
    assert_eq!(
        gate.state(T0),
        State::Suspended {
            until: T0.plus(MINUTE * 2)
        }
    );
}

#[test]
fn a_successful_probe_returns_all_traffic() {
    let gate = gate();
    gate.suspend(T0);
    let permit = probe(&gate, T0);
    assert!(matches!(gate.admit(T0), Admission::Probing));
    assert!(permit.succeeded());
    assert!(matches!(gate.admit(T0), Admission::Open));
    assert_eq!(gate.failed_probes(), 0);
}

#[test]
fn failed_probes_in_a_row_are_counted_and_forgotten_by_a_success() {
    let gate = gate();
    gate.suspend(T0);
    let mut now = T0;
    for expected in 1..=3 {
        now = probe(&gate, now).failed(now, |failed| {
            assert_eq!(failed, expected);
            MINUTE * failed
        });
        assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
    }
    probe(&gate, now).succeeded();
    assert_eq!(gate.failed_probes(), 0);
}

#[test]
fn a_dropped_permit_goes_back() {
    let gate = gate();
    gate.suspend(T0);
    drop(probe(&gate, T0));
    assert!(matches!(gate.admit(T0), Admission::Probe(_)));
}

#[test]
fn a_permit_goes_back_when_its_holder_panics() {
    let gate = gate();
    gate.suspend(T0);
    let permit = probe(&gate, T0);
    let _ = thread::spawn(move || {
        let _permit = permit;
        panic!("the probing request panicked");
    })
    .join();
    assert!(matches!(gate.admit(T0), Admission::Probe(_)));
}

#[test]
fn a_stale_permit_does_not_reach_into_the_next_cycle() {
    let gate = gate();
    gate.suspend(T0);
    let stale = probe(&gate, T0);
    gate.clear();
    gate.suspend(T0.plus(MINUTE));
    assert!(
        !stale.succeeded(),
        "a stale success must not lift a new suspension"
    );
    assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
}

fn failure(at: u64, request: u64) -> Failure {
    Failure {
        began: Moment(at),
        now: Moment(at + 100),
        request,
    }
}

fn open(suspected: Suspected) -> Suspicion {
    match suspected {
        Suspected::Open(suspicion) => suspicion,
        Suspected::Confirmed => panic!("expected an open suspicion"),
    }
}

#[test]
fn a_candidate_under_suspicion_is_called_when_nobody_else_is_open() {
    let gate = gate();
    let suspicion = open(gate.suspect(failure(1_000, 1)));
    assert!(matches!(gate.admit(T0), Admission::Suspected));
    drop(suspicion);
    assert!(matches!(gate.admit(T0), Admission::Open));
    assert!(gate.is_marked());
}

#[test]
fn an_idle_candidate_is_suspended_from_the_failure_on_when_another_serves_the_request() {
    let gate = gate();
    gate.answered(Moment(1_000));
    let suspicion = open(gate.suspect(failure(20_000, 1)));
    let until = Moment(20_100).plus(MINUTE);
    assert_eq!(suspicion.confirm(MINUTE), Some(until));
    assert_eq!(gate.state(Moment(20_200)), State::Suspended { until });
}

#[test]
fn one_that_answered_somebody_lately_or_since_is_not_suspended() {
    let lately = gate();
    lately.answered(Moment(12_000));
    let suspicion = open(lately.suspect(failure(20_000, 1)));
    assert_eq!(suspicion.confirm(MINUTE), None);
    let since = gate();
    let suspicion = open(since.suspect(failure(20_000, 1)));
    since.answered(Moment(20_300));
    assert_eq!(suspicion.confirm(MINUTE), None);
    let streaming = gate();
    let flowing = streaming.flows();
    let suspicion = open(streaming.suspect(failure(20_000, 1)));
    assert_eq!(suspicion.confirm(MINUTE), None);
    drop(flowing);
    for gate in [lately, since, streaming] {
        assert!(matches!(gate.admit(T0), Admission::Open));
    }
}

#[test]
fn the_same_request_is_never_two_however_often_it_is_sent() {
    let gate = gate();
    for time in 0..100 {
        drop(open(gate.suspect(failure(time * 1_000, 7))));
    }
    assert!(matches!(gate.admit(T0), Admission::Open));
}

#[test]
fn a_second_request_that_fails_without_an_answer_between_confirms_the_first() {
    let gate = gate();
    drop(open(gate.suspect(failure(1_000, 1))));
    assert!(matches!(
        gate.suspect(failure(2_000, 2)),
        Suspected::Confirmed
    ));
}

#[test]
fn an_answer_takes_the_mark_away() {
    let gate = gate();
    gate.answered(Moment(900));
    drop(open(gate.suspect(failure(1_000, 1))));
    gate.answered(Moment(1_200));
    assert!(!gate.is_marked());
    drop(open(gate.suspect(failure(2_000, 2))));
}

#[test]
fn a_gateway_that_has_just_started_knows_who_answered_and_who_failed() {
    let gate = gate();
    gate.answered(Moment(0));
    assert_eq!(open(gate.suspect(failure(0, 1))).confirm(MINUTE), None);
    let failure = |request| Failure {
        began: Moment(0),
        now: Moment(0),
        request,
    };
    let gate = Arc::new(Gate::default());
    drop(open(gate.suspect(failure(1))));
    assert!(matches!(gate.suspect(failure(2)), Suspected::Confirmed));
}

#[test]
fn two_that_were_under_way_at_the_same_time_are_not_two() {
    let gate = gate();
    let first = open(gate.suspect(failure(1_000, 1)));
    let second = open(gate.suspect(failure(1_050, 2)));
    drop((first, second));
    assert!(matches!(gate.admit(T0), Admission::Open));
}

#[test]
fn an_answer_ends_every_open_suspicion_and_late_guards_change_nothing() {
    let gate = gate();
    let stale: Vec<_> = (0..3)
        .map(|n| open(gate.suspect(failure(1_000, n))))
        .collect();
    gate.answered(Moment(1_500));
    assert!(matches!(gate.admit(T0), Admission::Open));
    let fresh = open(gate.suspect(failure(2_000, 9)));
    drop(stale);
    assert!(matches!(gate.admit(T0), Admission::Suspected));
    drop(fresh);
    assert!(matches!(gate.admit(T0), Admission::Open));
}

#[test]
fn more_suspicions_than_can_be_counted_end_with_the_last_that_was() {
    let gate = gate();
    let many: Vec<_> = (0..40)
        .map(|_| open(gate.suspect(failure(1_000, 1))))
        .collect();
    assert!(matches!(gate.admit(T0), Admission::Suspected));
    drop(many);
    assert!(matches!(gate.admit(T0), Admission::Open));
}

#[test]
fn an_early_probe_is_single_too() {
    let gate = gate();
    assert!(
        gate.probe_early().is_none(),
        "a healthy candidate needs no probe"
    );
    gate.suspend(T0.plus(MINUTE));
    let permit = gate.probe_early().unwrap();
    assert!(gate.probe_early().is_none());
    assert!(matches!(gate.admit(T0.plus(MINUTE)), Admission::Probing));
    drop(permit);
    assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
}

#[test]
fn a_hold_lasts_until_it_is_released_and_outlives_a_clear() {
    let gate = gate();
    gate.hold();
    gate.clear();
    assert!(matches!(gate.admit(T0), Admission::Held));
    assert!(gate.probe_early().is_none());
    gate.suspend(T0.plus(MINUTE));
    gate.release();
    assert!(matches!(gate.admit(T0), Admission::Suspended { .. }));
}

#[test]
fn however_many_threads_race_one_gets_the_permit() {
    for _ in 0..200 {
        let gate = gate();
        gate.suspend(T0);
        let permits = AtomicUsize::new(0);
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    if let Admission::Probe(permit) = gate.admit(T0) {
                        permits.fetch_add(1, Ordering::Relaxed);
                        std::mem::forget(permit);
                    }
                });
            }
        });
        assert_eq!(permits.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn who_is_open_is_admitted_without_a_permit_and_nobody_else() {
    let gate = gate();
    let agree = |what: &str, expected: bool| {
        assert_eq!(gate.is_open(), expected, "{what}");
        let admitted = matches!(gate.admit(T0), Admission::Open);
        assert_eq!(admitted, expected, "{what}");
    };
    agree("new", true);
    gate.hold();
    agree("held", false);
    gate.release();
    agree("released", true);
    gate.suspend(T0.plus(MINUTE));
    agree("suspended", false);
    gate.clear();
    agree("cleared", true);
    let suspicion = gate.suspect(failure(1_000, 1));
    assert_eq!(gate.is_open(), matches!(gate.admit(T0), Admission::Open));
    drop(suspicion);
    gate.suspend(T0);
    assert!(!gate.is_open(), "due: one request is to find out");
}

/// Peers who write down what they hear.
#[derive(Debug, Default)]
struct Heard {
    changes: std::sync::Mutex<Vec<Change>>,
    away: std::sync::atomic::AtomicBool,
}

impl Peers for Heard {
    fn changed(&self, change: Change) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push(change);
    }

    fn reachable(&self) -> bool {
        !self.away.load(Ordering::Relaxed)
    }
}

impl Heard {
    fn take(&self) -> Vec<Change> {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut changes)
    }
}

fn shared() -> (Arc<Gate>, Arc<Heard>) {
    let (gate, heard) = (gate(), Arc::new(Heard::default()));
    gate.share(Some(Arc::clone(&heard) as Arc<dyn Peers>));
    (gate, heard)
}

fn asked(gate: &Arc<Gate>, now: Moment) -> bool {
    matches!(gate.admit(now), Admission::Probing)
}

#[test]
fn peers_hear_of_every_change_once_and_of_nothing_that_they_told_themselves() {
    let (gate, heard) = shared();
    assert!(matches!(gate.admit(T0), Admission::Open));
    gate.answered(T0);
    assert_eq!(heard.take(), [], "a healthy candidate is no news");
    gate.suspend(T0.plus(MINUTE));
    gate.suspend(T0.plus(MINUTE / 2));
    assert_eq!(heard.take(), [Change::Suspended(Ground::Said)]);
    gate.hold();
    gate.release();
    gate.clear();
    assert_eq!(
        heard.take(),
        [
            Change::Held(true),
            Change::Held(false),
            Change::Cleared { operator: true }
        ]
    );
    gate.learn_suspended(T0.plus(MINUTE), 3);
    gate.learn_held(true);
    gate.learn_marked(Some(7), T0);
    assert!(gate.is_marked() && gate.failed_probes() == 3);
    gate.learn_held(false);
    gate.learn_cleared();
    assert_eq!(heard.take(), []);
    assert_eq!(gate.state(T0), State::Healthy);
}

#[test]
fn a_suspension_that_is_learned_lengthens_and_never_shortens() {
    let (gate, _) = shared();
    gate.suspend(T0.plus(MINUTE));
    assert!(!gate.learn_suspended(T0.plus(MINUTE / 2), 2));
    assert_eq!(gate.view().until, Some(T0.plus(MINUTE)));
    assert!(gate.learn_suspended(T0.plus(MINUTE * 2), 1));
    assert_eq!(gate.failed_probes(), 2, "the most that anybody has counted");
}

#[test]
fn the_first_request_of_a_window_asks_and_none_probes_without_leave() {
    let (gate, heard) = shared();
    gate.suspend(T0);
    heard.take();
    for _ in 0..5 {
        assert!(asked(&gate, T0));
        assert_eq!(gate.admits(T0), State::Probing);
    }
    assert_eq!(heard.take(), [Change::Due(T0)]);
    gate.give_leave(T0, T0.plus(Duration::from_millis(600)));
    assert_eq!(gate.admits(T0), State::Due);
    let permit = probe(&gate, T0);
    assert_eq!(heard.take(), [Change::Probing]);
    drop(permit);
    assert_eq!(heard.take(), [Change::GivenBack]);
    assert!(asked(&gate, T0), "a leave is good for one probe");
    assert_eq!(heard.take(), [Change::Due(T0)]);
}

#[test]
fn a_leave_that_is_over_or_of_another_window_is_none() {
    let (gate, heard) = shared();
    gate.suspend(T0);
    assert!(asked(&gate, T0));
    let over = T0.plus(Duration::from_millis(600));
    gate.give_leave(T0, over);
    assert!(asked(&gate, over));
    gate.give_leave(T0, over.plus(MINUTE));
    let next = over.plus(Duration::from_millis(1));
    gate.learn_suspended(next, 0);
    heard.take();
    assert!(asked(&gate, next), "the window has moved");
    assert_eq!(heard.take(), [Change::Due(next)]);
    gate.refuse_leave(next, next.plus(MINUTE));
    assert!(asked(&gate, next));
    assert_eq!(heard.take(), [], "not before it may be asked again");
    assert!(asked(&gate, next.plus(MINUTE)));
    assert_eq!(heard.take(), [Change::Due(next)]);
}

#[test]
fn a_gate_whose_peers_are_away_gives_its_own_permit() {
    let (gate, heard) = shared();
    gate.suspend(T0);
    assert!(asked(&gate, T0));
    heard.away.store(true, Ordering::Relaxed);
    probe(&gate, T0).failed(T0, |_| MINUTE);
    assert!(heard.take().contains(&Change::Suspended(Ground::Inferred)));
}

#[test]
fn who_has_nobody_else_to_go_to_probes_without_being_asked() {
    let (gate, heard) = shared();
    gate.suspend(T0.plus(MINUTE));
    heard.take();
    assert!(gate.probe_early().is_some());
    assert_eq!(heard.take(), [Change::Probing, Change::GivenBack]);
}

#[test]
fn however_many_threads_race_one_gets_the_leave() {
    for _ in 0..200 {
        let (gate, _) = shared();
        gate.suspend(T0);
        gate.give_leave(T0, T0.plus(MINUTE));
        let barrier = Arc::new(Barrier::new(4));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (gate, barrier) = (Arc::clone(&gate), Arc::clone(&barrier));
                thread::spawn(move || {
                    barrier.wait();
                    match gate.admit(T0) {
                        Admission::Probe(permit) => Some(permit),
                        _ => None,
                    }
                })
            })
            .collect();
        let permits: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(permits.iter().flatten().count(), 1);
    }
}
