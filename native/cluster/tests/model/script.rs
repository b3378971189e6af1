//! Held to each other by `tests/real`; here what the store must do whoever asks.

use failover_cluster::{Node, Operation, Request, Token, Verdict};
use failover_suspension::{Gate, Ground, Moment};

use std::sync::Arc;
use std::time::Duration;

use crate::store::Store;

fn request(epoch: u64, operation: Operation) -> Request {
    // The only way to a ticket is a node.
    let gate = Arc::new(Gate::default());
    let mut node = Node::new("n".to_owned(), 1);
    node.meet("c", &gate, Moment(1));
    node.linked();
    let request = node.next(Moment(1)).unwrap();
    Request {
        epoch,
        operation,
        ..request
    }
}

fn suspend(seconds: u64) -> Operation {
    Operation::Suspend {
        left: Duration::from_secs(seconds),
        failed: 0,
        ground: Ground::Said,
        token: None,
    }
}

#[test]
fn what_was_said_before_a_clear_brings_nothing_back() {
    let mut store = Store::default();
    store.exchange("a", &request(0, suspend(60)), 0);
    let clear = Operation::Clear {
        age: Duration::ZERO,
        operator: false,
    };
    let (cleared, _) = store.exchange("b", &request(0, clear.clone()), 10);
    assert_eq!((cleared.verdict, cleared.state.epoch), (Verdict::Done, 1));
    let (late, message) = store.exchange("a", &request(0, suspend(60)), 20);
    assert_eq!((late.verdict, message), (Verdict::Late, None));
    assert!(late.state.left.is_zero());
    store.exchange("a", &request(1, suspend(60)), 30);
    let (again, _) = store.exchange("b", &request(0, clear), 40);
    assert_eq!(
        again.verdict,
        Verdict::Late,
        "a clear that is done twice clears once"
    );
    assert!(!again.state.left.is_zero());
}

#[test]
fn an_old_success_does_not_clear_a_younger_suspension() {
    let mut store = Store::default();
    store.exchange("a", &request(0, suspend(60)), 1000);
    let clear = |age| Operation::Clear {
        age: Duration::from_millis(age),
        operator: false,
    };
    let (reply, _) = store.exchange("b", &request(0, clear(700)), 1500);
    assert_eq!(reply.verdict, Verdict::Newer);
    let (reply, _) = store.exchange("b", &request(0, clear(300)), 1500);
    assert_eq!(reply.verdict, Verdict::Done);
}

#[test]
fn a_permit_is_for_one_and_for_a_second_unless_it_is_used() {
    let mut store = Store::default();
    let mut ask = |token, now| {
        let ask = Operation::Ask(Token(token));
        store.exchange("a", &request(0, ask), now).0.verdict
    };
    assert_eq!(ask(1, 0), Verdict::Done);
    assert_eq!(ask(2, 999), Verdict::Taken);
    assert_eq!(ask(2, 1000), Verdict::Done);
    store.exchange("a", &request(0, Operation::Take(Token(2))), 1500);
    let ask = Operation::Ask(Token(3));
    let (reply, _) = store.exchange("a", &request(0, ask.clone()), 6499);
    assert_eq!(reply.verdict, Verdict::Taken);
    let (reply, _) = store.exchange("a", &request(0, ask), 6500);
    assert_eq!(reply.verdict, Verdict::Done, "its node is dead");
    assert_eq!(store.used_permit("c", 6500), None);
}
