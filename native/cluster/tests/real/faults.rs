//! What goes wrong with the store, and what must hold all the same: each node goes on by what it knows, at most one
//! probe a node, and afterwards they agree again.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use failover_suspension::State;

use crate::gateways::{Gateway, options};
use crate::servers::{Server, until};

const MINUTE: Duration = Duration::from_secs(60);

fn started(arguments: &[&str]) -> Option<(Server, Gateway, Gateway)> {
    let server = Server::start(arguments)?.ready();
    let options = options(&[server.address()]);
    let (a, b) = (Gateway::start("a", &options), Gateway::start("b", &options));
    let (a, b) = (a.linked(), b.linked());
    b.gate("m");
    a.suspend("m", MINUTE);
    until("b has it suspended", || !b.left("m").is_zero());
    Some((server, a, b))
}

/// No request waits: what a gate says comes at once, however the store is.
fn at_once<T>(ask: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let said = ask();
    let took = begun.elapsed();
    assert!(
        took < Duration::from_millis(50),
        "a request waited for {took:?}"
    );
    said
}

/// While the store is away: nothing is shortened, and each probes for itself, once.
fn each_goes_on_alone(a: &Gateway, b: &Gateway) {
    for gateway in [a, b] {
        assert!(!gateway.left("m").is_zero(), "what was known stays known");
        at_once(|| gateway.suspend("alone", Duration::from_millis(1)));
        sleep(Duration::from_millis(5));
        let mut permits = Vec::new();
        until("it probes alone", || {
            permits.extend(at_once(|| gateway.probe("alone")));
            !permits.is_empty()
        });
        sleep(Duration::from_millis(30));
        assert!(gateway.probe("alone").is_none(), "one probe a node");
        drop(permits);
        gateway.gate("alone").clear();
    }
}

fn agree_again(a: &Gateway, b: &Gateway) {
    until("both are linked again", || {
        a.cluster.status().up && b.cluster.status().up
    });
    assert!(!a.left("m").is_zero() && !b.left("m").is_zero());
    b.suspend("again", MINUTE);
    a.gate("again");
    until("a knows what b does", || !a.left("again").is_zero());
    a.gate("m").clear();
    until("b has it cleared", || b.state("m") == State::Healthy);
}

#[test]
fn killed_and_started_again_with_nothing() {
    let Some((mut server, a, b)) = started(&[]) else {
        return;
    };
    server.kill();
    until("both see it", || {
        !a.cluster.status().up && !b.cluster.status().up
    });
    each_goes_on_alone(&a, &b);
    server.begin();
    agree_again(&a, &b);
    let c = Gateway::start("c", a.cluster.options()).linked();
    c.gate("again");
    until("what it had lost was told to it again", || {
        !c.left("again").is_zero()
    });
}

#[test]
fn stopped_so_that_it_neither_answers_nor_closes() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    server.pause();
    each_goes_on_alone(&a, &b);
    until("both see it", || {
        !a.cluster.status().up && !b.cluster.status().up
    });
    each_goes_on_alone(&a, &b);
    server.go_on();
    agree_again(&a, &b);
}

#[test]
fn its_clients_are_paused() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    server.cli(&["CLIENT", "PAUSE", "3000"]);
    each_goes_on_alone(&a, &b);
    sleep(Duration::from_secs(3));
    agree_again(&a, &b);
}

#[test]
fn everything_is_flushed() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    a.gate("held").hold();
    b.gate("held");
    until("b holds it", || b.state("held") == State::Held);
    server.cli(&["FLUSHALL"]);
    sleep(Duration::from_millis(1500));
    assert!(
        !a.left("m").is_zero() && !b.left("m").is_zero(),
        "absence is no clear"
    );
    assert_eq!(b.state("held"), State::Held);
    let c = Gateway::start("c", a.cluster.options()).linked();
    until("a new node is told what was flushed", || {
        !c.left("m").is_zero() && c.state("held") == State::Held
    });
    agree_again(&a, &b);
}

#[test]
fn no_memory_is_left() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    a.suspend("more", MINUTE);
    until("a sees that it is refused", || {
        a.cluster.status().error.contains("OOM")
    });
    assert!(a.cluster.status().up, "it is there all the same");
    each_goes_on_alone(&a, &b);
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    b.gate("more");
    until("it is tried again until it is done", || {
        !b.left("more").is_zero()
    });
    agree_again(&a, &b);
}

#[test]
fn keys_are_evicted() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-random"]);
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    sleep(Duration::from_millis(1500));
    assert!(!a.left("m").is_zero() && !b.left("m").is_zero());
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    agree_again(&a, &b);
}

#[test]
fn its_disk_is_full() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    // Whatever keeps it from saving: it refuses to write from then on.
    server.cli(&["CONFIG", "SET", "save", "1 1"]);
    fs::remove_dir_all(&server.folder).unwrap();
    server.cli(&["SET", "x", "1"]);
    until("it refuses to write", || {
        server.cli(&["SET", "x", "2"]).contains("MISCONF")
    });
    a.suspend("more", MINUTE);
    until("a sees that it is refused", || {
        a.cluster.status().error.contains("MISCONF")
    });
    each_goes_on_alone(&a, &b);
    fs::create_dir_all(&server.folder).unwrap();
    server.cli(&["CONFIG", "SET", "save", ""]);
    server.cli(&["CONFIG", "SET", "stop-writes-on-bgsave-error", "no"]);
    b.gate("more");
    until("it is tried again until it is done", || {
        !b.left("more").is_zero()
    });
    agree_again(&a, &b);
}

#[test]
fn it_wants_another_password_after_a_restart() {
    let Some((server, a, b)) = started(&[]) else {
        return;
    };
    let mut server = server.with(&["--requirepass", "changed"]);
    server.kill();
    server.begin();
    server.login = ["-a", "changed"].map(str::to_owned).to_vec();
    server.wait_until_ready();
    until("both say so", || {
        let said = |g: &Gateway| g.cluster.status().error.contains("NOAUTH");
        said(&a) && said(&b)
    });
    each_goes_on_alone(&a, &b);
    server.cli(&["CONFIG", "SET", "requirepass", ""]);
    agree_again(&a, &b);
}

#[test]
fn a_node_dies_while_it_has_the_permit() {
    let Some((_server, a, b)) = started(&[]) else {
        return;
    };
    a.suspend("x", Duration::from_millis(100));
    b.gate("x");
    until("b knows", || b.gate("x").view().until.is_some());
    let mut held = None;
    until("a has the permit", || {
        held = held.take().or_else(|| a.probe("x"));
        held.is_some()
    });
    until("a has said that it uses it", || {
        a.cluster.status().backlog == 0
    });
    assert!(b.probe("x").is_none());
    // As kill -9 does: nothing is given back any more.
    std::mem::forget(held);
    let died = Instant::now();
    drop(a.cluster);
    until("b has the permit", || b.probe("x").is_some());
    let took = died.elapsed();
    assert!(
        took < Duration::from_secs(8),
        "the permit was lost for {took:?}"
    );
}

#[test]
fn a_thousand_candidates() {
    let Some((_server, a, b)) = started(&[]) else {
        return;
    };
    let all: Vec<String> = (0..1000).map(|model| format!("c{model}")).collect();
    for model in &all {
        b.gate(model);
    }
    let gates: Vec<_> = all
        .iter()
        .map(|model| (a.gate(model), b.gate(model)))
        .collect();
    at_once(|| a.now());
    for (gate, _) in &gates {
        gate.suspend(a.now().plus(MINUTE));
    }
    until("b knows of all", || {
        gates.iter().all(|(_, gate)| gate.view().until.is_some())
    });
    for (_, gate) in &gates {
        gate.clear();
    }
    until("a has all of them cleared", || {
        gates.iter().all(|(gate, _)| gate.view().until.is_none())
    });
    assert_eq!(a.cluster.status().dropped + b.cluster.status().dropped, 0);
}

/// The operators' own clocks: what a node's wall clock says is never asked for, and its monotonic one began at another
/// time than the others' in all of these tests.
#[test]
fn too_many_changes_at_once_are_dropped_and_made_good() {
    let Some((_server, a, b)) = started(&[]) else {
        return;
    };
    let gates: Vec<_> = (0..20).map(|model| a.gate(&format!("d{model}"))).collect();
    for model in 0..20 {
        b.gate(&format!("d{model}"));
    }
    for round in 1..1000u64 {
        for gate in &gates {
            gate.suspend(a.now().plus(MINUTE + Duration::from_millis(round * 10)));
        }
    }
    until("b knows of all, for as long", || {
        let ends = |g: &Gateway, model: &str| g.left(model);
        (0..20).all(|model| {
            let model = format!("d{model}");
            ends(&a, &model).abs_diff(ends(&b, &model)) < Duration::from_millis(500)
        })
    });
}
