//! What nodes know of each other while all is well (`behaviour.md` §4).

use std::thread::sleep;
use std::time::Duration;

use failover_suspension::State;

use crate::gateways::{Gateway, options};
use crate::servers::{Server, until};

const MINUTE: Duration = Duration::from_secs(60);

fn two() -> Option<(Server, Gateway, Gateway)> {
    let server = Server::start(&[])?.ready();
    let options = options(&[server.address()]);
    let gateways = (Gateway::start("a", &options), Gateway::start("b", &options));
    Some((server, gateways.0.linked(), gateways.1.linked()))
}

#[test]
fn what_one_node_suspends_is_suspended_at_the_other_for_as_long() {
    let Some((_server, a, b)) = two() else { return };
    b.gate("m");
    a.suspend("m", MINUTE);
    until("b has it suspended", || !b.left("m").is_zero());
    let off = a.left("m").abs_diff(b.left("m"));
    assert!(
        off < Duration::from_millis(200),
        "the same time is left at both, but it is {off:?} apart"
    );
    let by = b.cluster.suspended_by(&crate::gateways::key("m")).unwrap();
    assert!(by.starts_with("a#"), "operators see who suspended it: {by}");
}

#[test]
fn a_node_that_starts_knows_before_its_first_request() {
    let Some((_server, a, _b)) = two() else {
        return;
    };
    a.suspend("m", MINUTE);
    until("the store has it", || a.cluster.status().backlog == 0);
    let c = Gateway::start("c", a.cluster.options()).linked();
    until("c has read what there is", || {
        c.cluster.status().backlog == 0
    });
    // The first time that anybody speaks of the candidate there.
    let first = c.gate("m").state(c.now());
    assert!(matches!(first, State::Suspended { .. }), "{first:?}");
}

#[test]
fn one_of_two_nodes_gets_the_permit_and_its_success_is_everybodys() {
    let Some((_server, a, b)) = two() else { return };
    b.gate("m");
    a.suspend("m", Duration::from_millis(300));
    until("b has it suspended", || !b.left("m").is_zero());
    sleep(Duration::from_millis(350));
    let mut permits = Vec::new();
    until("one has the permit", || {
        permits.extend(a.probe("m"));
        permits.extend(b.probe("m"));
        !permits.is_empty()
    });
    for _ in 0..30 {
        permits.extend(a.probe("m"));
        permits.extend(b.probe("m"));
        sleep(Duration::from_millis(50));
    }
    assert_eq!(
        permits.len(),
        1,
        "one probe for the window, over both nodes"
    );
    permits.pop().unwrap().succeeded();
    until("both are healthy again", || {
        a.state("m") == State::Healthy && b.state("m") == State::Healthy
    });
}

#[test]
fn failed_probes_count_over_the_nodes() {
    let Some((_server, a, b)) = two() else { return };
    b.gate("m");
    a.suspend("m", Duration::from_millis(100));
    for expected in 1..=4 {
        let mut permit = None;
        until("somebody probes", || {
            permit = a.probe("m").map(|p| (p, &a));
            permit = permit.take().or_else(|| b.probe("m").map(|p| (p, &b)));
            permit.is_some()
        });
        let (permit, at) = permit.unwrap();
        permit.failed(at.now(), |_| Duration::from_millis(100));
        until("both have counted it", || {
            a.gate("m").failed_probes() == expected && b.gate("m").failed_probes() == expected
        });
    }
}

#[test]
fn holds_releases_and_clears_reach_the_others() {
    let Some((_server, a, b)) = two() else { return };
    b.gate("m").hold();
    until("a holds it", || {
        a.gate("m");
        a.state("m") == State::Held
    });
    a.suspend("m", MINUTE);
    a.gate("m").release();
    until("b has released it, and the suspension goes on", || {
        matches!(b.state("m"), State::Suspended { .. })
    });
    b.gate("m").clear();
    until("a has it cleared", || a.state("m") == State::Healthy);
}

#[test]
fn a_mark_of_one_node_makes_two_with_a_failure_at_another() {
    use failover_suspension::{Failure, Suspected};
    let Some((_server, a, b)) = two() else { return };
    assert_eq!(
        a.key.load(std::sync::atomic::Ordering::Relaxed),
        b.key.load(std::sync::atomic::Ordering::Relaxed),
        "both tell requests apart in the same way"
    );
    let fails = |at: &Gateway, request| {
        let now = at.now();
        at.gate("m").suspect(Failure {
            began: now,
            now,
            request,
        })
    };
    b.gate("m");
    drop(fails(&a, 1));
    until("b has the mark", || b.gate("m").is_marked());
    sleep(Duration::from_millis(5));
    assert!(
        matches!(fails(&b, 1), Suspected::Open(_)),
        "the same request again"
    );
    until("both have that", || a.gate("m").is_marked());
    sleep(Duration::from_millis(50));
    assert!(matches!(fails(&b, 2), Suspected::Confirmed), "another one");
    b.gate("m").answered(b.now());
    until("the answer has taken it away at a too", || {
        !a.gate("m").is_marked()
    });
}
