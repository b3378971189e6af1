//! The script and what the simulator has in its place do the same.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use failover_suspension::Ground;

use super::*;
use crate::words::{Operation, Ticket, Token};

#[path = "../../tests/real/servers.rs"]
mod servers;
#[path = "../../tests/model/store.rs"]
mod simulated;

fn any(random: &mut fastrand::Rng) -> Operation {
    let token = Token(random.u64(0..3));
    match random.u32(0..12) {
        0 => Operation::Read,
        1 => Operation::Raise,
        2..5 => Operation::Suspend {
            left: Duration::from_secs([10, 20, 40][random.usize(0..3)]),
            failed: random.u32(0..4),
            ground: [Ground::Said, Ground::Inferred][random.usize(0..2)],
            token: random.bool().then_some(token),
        },
        5 => Operation::Clear {
            age: Duration::from_secs([0, 5, 100][random.usize(0..3)]),
            operator: random.bool(),
        },
        6 => Operation::Ask(token),
        7 => Operation::Take(token),
        8 => Operation::Back(token),
        9 => Operation::Hold {
            version: random.u64(0..6),
            held: random.bool(),
        },
        10 => Operation::Mark(random.u64(0..5)),
        _ => Operation::Answer,
    }
}

/// Times that have passed a little differently at both.
fn without_moments(mut reply: Reply) -> Reply {
    let seconds = |time: Duration| Duration::from_secs(time.as_millis().div_ceil(1000) as u64);
    reply.wait = seconds(reply.wait);
    reply.state.left = seconds(reply.state.left);
    reply.state.length = seconds(reply.state.length);
    reply
}

#[tokio::test]
async fn the_simulated_store_does_what_the_script_does() {
    let Some(server) = servers::Server::start(&[]) else {
        return;
    };
    let server = server.ready();
    let options = Options {
        servers: vec![server.address()],
        topology: Topology::Single,
        tls: None,
        user: None,
        password: None,
        database: 0,
        prefix: "p".to_owned(),
        group: "g".to_owned(),
        node: "n".to_owned(),
    };
    let (store, mut pushes) = Store::connect(&options).await.unwrap();
    let begun = std::time::Instant::now();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..60 {
        let mut simulated = simulated::Store::default();
        for step in 0..40 {
            let request = Request {
                ticket: Ticket {
                    candidate: 0,
                    serial: 0,
                },
                candidate: format!("c{round}"),
                epoch: random.u64(0..4),
                operation: any(&mut random),
            };
            let real = store.exchange(&request).await.unwrap();
            let now = begun.elapsed().as_millis() as u64;
            let (expected, message) = simulated.exchange("n", &request, now);
            assert_eq!(
                without_moments(real),
                without_moments(expected.clone()),
                "step {step} of {round}: {request:?}"
            );
            if message.is_some() {
                let heard = tokio::time::timeout(Duration::from_secs(5), pushes.next()).await;
                let Ok(Heard::Message(heard)) = heard else {
                    panic!("nothing was published: {request:?}");
                };
                assert_eq!(heard.candidate, request.candidate);
                assert_eq!(heard.state.stamp(), expected.state.stamp());
            }
        }
    }
}
