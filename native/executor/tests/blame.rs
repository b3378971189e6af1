//! *A request that a candidate can't serve never takes it from those whom it serves* (`behaviour.md` §4), as a property
//! that random policies, providers and interleavings try to break.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use failover_executor::NetError;
use failover_suspension::State;
use proptest::prelude::*;
use proptest::sample::select;
use support::*;

const NAMES: [&str; 4] = ["a@one", "b@two", "c@three", "d@four"];

/// What a provider does with a request that it can't serve, as a failure of which nobody knows whose it is, or one
/// that is the request's.
#[derive(Debug, Clone, Copy)]
enum Bad {
    Status(u16),
    Refused(&'static str),
    InBand(&'static str),
    InBandCode(u16),
    Reset,
    Protocol,
    TimedOut,
    Torn,
    Stalled,
    Empty,
    Page,
    EmptyStream,
    ErrorFirst,
    CutStream,
    StalledStream,
}

impl Bad {
    fn act(self) -> Act {
        let text = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"The\"}}]}\n\n";
        match self {
            Bad::Status(code) => status(code),
            Bad::Refused(code) => reason(400, code),
            Bad::InBand(code) => reason(200, code),
            Bad::InBandCode(code) => answer(
                200,
                &format!("{{\"error\":{{\"message\":\"No.\",\"code\":{code}}}}}"),
            ),
            Bad::Reset => fails(NetError::Reset),
            Bad::Protocol => fails(NetError::Protocol),
            Bad::TimedOut => silent(),
            Bad::Torn => ok("").pieces([now("{\"choices\":["), breaks(0.5)]),
            Bad::Stalled => ok("").pieces([now("{\"choices\":["), hangs()]),
            Bad::Empty => answer(200, ""),
            Bad::Page => answer(200, "<html>busy</html>"),
            Bad::EmptyStream => events([now(ROLE)]),
            Bad::ErrorFirst => events([now("data: {\"error\":{\"message\":\"No.\"}}\n\n")]),
            Bad::CutStream => events([now(text), breaks(0.5)]),
            Bad::StalledStream => events([now(text), hangs()]),
        }
    }
}

/// A failure that can be the candidate's.
fn unsure() -> impl Strategy<Value = Bad> {
    prop_oneof![
        select(vec![
            403, 408, 424, 425, 499, 500, 501, 502, 504, 520, 307, 600
        ])
        .prop_map(Bad::Status),
        select(vec!["odd", ""]).prop_map(Bad::InBand),
        select(vec![403, 500, 502]).prop_map(Bad::InBandCode),
        select(vec![
            Bad::Reset,
            Bad::Protocol,
            Bad::TimedOut,
            Bad::Torn,
            Bad::Stalled,
            Bad::Empty,
            Bad::Page,
            Bad::EmptyStream,
            Bad::ErrorFirst,
        ]),
    ]
}

/// Any failure but those that are the candidate's for sure.
fn any_failure() -> impl Strategy<Value = Bad> {
    prop_oneof![
        4 => unsure(),
        1 => select(vec![400, 404, 405, 409, 410, 413, 415, 418, 422, 451]).prop_map(Bad::Status),
        1 => select(vec!["invalid_value", "content_filter", "context_length_exceeded"])
            .prop_map(Bad::Refused),
        1 => select(vec!["invalid_value", "content_filter", "context_length_exceeded"])
            .prop_map(Bad::InBand),
        1 => select(vec![Bad::CutStream, Bad::StalledStream]),
    ]
}

fn on_virtual_time(
    work: impl Future<Output = Result<(), TestCaseError>>,
) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(work)
}

/// Requests are told apart by what they say.
fn request(text: &str, stream: bool) -> String {
    match stream {
        true => says("a", text).replacen('{', "{\"stream\":true,", 1),
        false => says("a", text),
    }
}

/// Whether the gateway refused a request because it would not call anybody.
fn is_a_suspensions_refusal(heard: &Heard) -> bool {
    heard.failure.as_ref().is_some_and(|f| f.status == 503)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The target answers every request but one. However often that is sent, alone or at once, and whatever it is
    /// answered by each candidate, every other request is the target's.
    #[test]
    fn one_request_takes_no_candidate_from_the_others(
        others in prop::collection::vec(prop::option::of(any_failure()), 0..4),
        bad in prop::collection::vec(any_failure(), 1..4),
        pauses in prop::collection::vec(0u64..4_000, 1..12),
        stream in any::<bool>(),
        retries in 0u32..3,
        reject in any::<bool>(),
    ) {
        on_virtual_time(async move {
            let names = &NAMES[..=others.len().min(3)];
            let api = api(names)
                .set("targetRetries", &retries.to_string())
                .set("whenAllSuspended", if reject { "reject" } else { "probe" })
                .set("requestTimeout", "5")
                .set("idleTimeout", "5")
                .bind();
            let bad = Arc::new(bad);
            let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
            api.world.net.answers(names[0], move |body| {
                let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                match body.contains("poison") {
                    true => bad[n % bad.len()].act(),
                    false => ok("target").after(0.1),
                }
            });
            for (name, other) in names[1..].iter().zip(others) {
                api.world.net.answers(name, move |body| match other {
                    Some(bad) if body.contains("poison") => bad.act(),
                    _ => ok("other").after(0.3),
                });
            }
            let steady = api.clone();
            api.send(&request("good", false)).await;
            let background = tokio::spawn(async move {
                for n in 0.. {
                    wait(3.0).await;
                    let heard = steady.send(&request(&format!("good {n}"), false)).await;
                    assert!(!is_a_suspensions_refusal(&heard), "{:?}", heard.failure);
                }
            });
            let mut poison = Vec::new();
            for pause in pauses {
                wait(pause as f64 / 1000.0).await;
                poison.push(api.start(&request("poison", stream)));
                prop_assert!(
                    matches!(api.state(names[0]), State::Healthy | State::Suspected),
                    "the target is {:?}", api.state(names[0])
                );
                let heard = api.send(&request("another", stream)).await;
                prop_assert!(!is_a_suspensions_refusal(&heard), "refused: {:?}", heard.failure);
                prop_assert_eq!(heard.status(), 200);
            }
            for request in poison {
                let heard = request.end().await;
                prop_assert!(!is_a_suspensions_refusal(&heard), "refused: {:?}", heard.failure);
            }
            prop_assert_eq!(api.state(names[0]), State::Healthy);
            prop_assert!(!background.is_finished(), "a request of the others was refused");
            background.abort();
            Ok(())
        })?;
    }

    /// A dead target that answered nobody lately is suspended at the first request that a fallback serves; one that
    /// did, at the second different one.
    #[test]
    fn a_dead_candidate_is_suspended_at_the_second_request_at_the_latest(
        fallbacks in 1usize..4,
        bad in unsure(),
        idle in any::<bool>(),
        stream in any::<bool>(),
        again in 0usize..4,
        took in 0.0f64..4.0,
    ) {
        on_virtual_time(async move {
            let names = &NAMES[..=fallbacks];
            let api = api(names).set("requestTimeout", "5").bind();
            let dead = Arc::new(std::sync::atomic::AtomicBool::new(false));
            let is_dead = Arc::clone(&dead);
            api.world.net.answers(names[0], move |_| {
                match is_dead.load(std::sync::atomic::Ordering::Relaxed) {
                    true => bad.act(),
                    false => ok("target"),
                }
            });
            for name in &names[1..] {
                api.world.net.answers(name, move |_| ok("fallback").after(took));
            }
            api.send(&request("good", stream)).await;
            if idle {
                wait(11.1).await;
            }
            dead.store(true, std::sync::atomic::Ordering::Relaxed);
            api.send(&request("first", stream)).await;
            if idle {
                prop_assert!(api.is_suspended(names[0]), "{:?} at an idle target", bad);
                return Ok(());
            }
            prop_assert!(!api.is_suspended(names[0]), "it may have been the request");
            for _ in 0..again {
                // Within ten seconds of the last answer, sent again: still one request.
                if api.elapsed() + secs(took) < secs(5.0) && !matches!(bad, Bad::TimedOut | Bad::Stalled) {
                    api.send(&request("first", stream)).await;
                    prop_assert!(!api.is_suspended(names[0]), "the same, sent again");
                }
            }
            let heard = api.send(&request("second", stream)).await;
            prop_assert!(heard.text().contains("fallback"));
            prop_assert!(api.is_suspended(names[0]), "{:?} twice", bad);
            Ok(())
        })?;
    }

    /// Every candidate fails whatever it is asked, one request at a time the same: nobody is refused, all are asked.
    #[test]
    fn no_request_is_refused_because_of_a_suspicion(
        candidates in 1usize..=4,
        bad in prop::collection::vec(unsure(), 4),
        starts in prop::collection::vec(0u64..3_000, 1..12),
    ) {
        on_virtual_time(async move {
            let names = &NAMES[..candidates];
            let api = api(names)
                .set("requestTimeout", "5")
                .set("whenAllSuspended", "reject")
                .bind();
            for (name, bad) in names.iter().zip(bad) {
                api.world.net.answers(name, move |_| bad.act().after(0.7));
            }
            let mut running = Vec::new();
            for pause in starts {
                wait(pause as f64 / 1000.0).await;
                running.push(api.start(&request("the same", false)));
            }
            for request in running {
                let heard = request.end().await;
                prop_assert!(!is_a_suspensions_refusal(&heard), "refused: {:?}", heard.failure);
                prop_assert_eq!(heard.report().attempts.iter().filter(|a| a.suspended.is_some()).count(), 0);
            }
            Ok(())
        })?;
    }
}
