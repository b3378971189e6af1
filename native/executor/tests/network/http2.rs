//! HTTP/2: calls that share a connection do not share each other's fate.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use failover_executor::{Answer, Handshake, NetError};
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::certificates::{Authority, Certified};
use crate::frames::{Act, Frames};
use crate::servers::{Server, Setup};
use crate::{Client, hello, text, trusting};

fn certified() -> (Client, Certified) {
    let authority = Authority::new("ours");
    let client = Client::of_http2(trusting(authority.trusted()));
    (client, authority.server(&["localhost"]))
}

async fn server(certified: &Certified, max_streams: u32) -> Server {
    let setup = Setup {
        alpn: &["h2"],
        max_streams,
        ..Setup::default()
    };
    Server::set_up(certified, setup).await
}

#[tokio::test]
async fn clients_who_stop_reading_hold_up_nobody_else() {
    let (client, certified) = certified();
    let server = server(&certified, 200).await;
    let endless = server.url().replace("/v1", "/endless");
    // As many as leave one place.
    let mut slow: Vec<Answer> = Vec::new();
    for _ in 0..99 {
        slow.push(client.send(&endless).await.unwrap());
    }
    // The server sends what it may.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for _ in 0..100 {
        let answer = timeout(Duration::from_secs(5), client.ask(&server.url())).await;
        assert_eq!(answer.expect("held up"), hello());
    }
    assert_eq!(server.connections(), 1);
    // Those who read on get on.
    for answer in &mut slow[..3] {
        let mut read = 0;
        while read < 1024 * 1024 {
            read += answer.body.next().await.unwrap().unwrap().len();
        }
    }
}

#[tokio::test]
async fn above_the_servers_limit_of_streams_there_are_more_connections_and_no_queue() {
    let (client, certified) = certified();
    let server = server(&certified, 10).await;
    let slow = server.url().replace("/v1", "/slow");
    let started = Instant::now();
    let all = join_all((0..35).map(|_| client.send(&slow))).await;
    let answers: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(server.connections(), 4);
    assert_eq!(client.ask(&server.url()).await, hello());
    assert_eq!(server.connections(), 4);
    drop(answers);
    for _ in 0..200 {
        assert_eq!(client.ask(&server.url()).await, hello());
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_burst_without_a_connection_makes_one_handshake_and_then_what_the_limit_asks_for() {
    let (client, certified) = certified();
    let quick = server(&certified, 100).await;
    let url = quick.url();
    let answers = join_all((0..100).map(|_| client.ask(&url))).await;
    assert!(answers.into_iter().all(|a| a == hello()));
    assert_eq!(quick.connections(), 1);
    let held = server(&certified, 100).await;
    let slow = held.url().replace("/v1", "/slow");
    let answers = join_all((0..350).map(|_| client.send(&slow))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(held.connections(), 4);
}

#[tokio::test]
async fn a_burst_to_a_server_of_http_1_is_no_queue_either() {
    let (client, certified) = certified();
    let server = Server::start(&certified).await;
    let slow = server.url().replace("/v1", "/slow");
    let started = Instant::now();
    let answers = join_all((0..50).map(|_| client.send(&slow))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(server.connections(), 50);
}

#[tokio::test]
async fn a_burst_that_finds_no_connection_fails_at_once_for_all() {
    let (client, certified) = certified();
    let authority = Authority::new("others");
    let unknown = server(&authority.server(&["localhost"]), 100).await;
    drop(certified);
    let url = unknown.url();
    let answers = join_all((0..50).map(|_| client.ask(&url))).await;
    let unknown_issuer = Err(NetError::Tls(Handshake::UnknownIssuer));
    assert!(answers.into_iter().all(|a| a == unknown_issuer));
    assert_eq!(unknown.connections(), 1);
}

#[tokio::test]
async fn whoever_leaves_a_burst_takes_nobody_along() {
    let (client, certified) = certified();
    let server = server(&certified, 100).await;
    let url = server.url();
    let leaving = timeout(Duration::from_micros(200), client.ask(&url));
    let (left, stayed) = tokio::join!(leaving, client.ask(&url));
    drop(left);
    assert_eq!(stayed, hello());
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_a_server_has_certainly_not_processed_is_asked_again_once() {
    let (client, certified) = certified();
    for refusal in [Act::REFUSE, Act::GoAway] {
        let server = Frames::start(&certified, move |connection, request| {
            match (connection, request) {
                (1, 2) => refusal,
                _ => Act::Answer,
            }
        })
        .await;
        for _ in 0..5 {
            assert_eq!(client.ask(&server.url()).await, hello());
        }
        assert_eq!(server.counts().1, 6);
        // On a new connection at that.
        assert_eq!(server.counts().0, 2);
        let always = Frames::start(&certified, move |_, _| refusal).await;
        assert_eq!(client.ask(&always.url()).await, Err(NetError::Reset));
        assert_eq!(always.counts(), (2, 2));
    }
}

#[tokio::test]
async fn other_resets_and_a_new_connection_that_breaks_are_not_asked_again() {
    let (client, certified) = certified();
    for act in [Act::Reset(2), Act::Reset(8), Act::Close] {
        let server = Frames::start(&certified, move |_, _| act).await;
        assert_eq!(client.ask(&server.url()).await, Err(NetError::Reset));
        assert_eq!(server.counts(), (1, 1));
    }
}

#[tokio::test]
async fn a_connection_that_ends_when_the_next_request_comes_costs_no_call() {
    let (client, certified) = certified();
    let server = Frames::start(&certified, |_, request| match request {
        1 | 2 => Act::Answer,
        _ => Act::Close,
    })
    .await;
    for _ in 0..30 {
        assert_eq!(client.ask(&server.url()).await, hello());
    }
    let asked = server.counts().1;
    assert!(asked > 40, "only {asked} requests: none met the moment");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none_whatever_the_reason() {
    let (client, certified) = certified();
    for code in [2, 7, 8] {
        let server = Frames::start(&certified, move |_, _| Act::BreakOff(code)).await;
        assert_eq!(client.ask(&server.url()).await, Err(NetError::BrokenOff));
        assert_eq!(server.counts(), (1, 1));
    }
}

#[tokio::test]
async fn goaways_under_load_cost_no_call() {
    let (client, certified) = certified();
    let server = Frames::start(&certified, |_, request| match request {
        20 => Act::GoAway,
        _ => Act::Answer,
    })
    .await;
    let client = Arc::new(client);
    let workers = (0..64).map(|_| {
        let (client, url) = (Arc::clone(&client), server.url());
        tokio::spawn(async move {
            for _ in 0..30 {
                assert_eq!(client.ask(&url).await, hello());
            }
        })
    });
    for worker in join_all(workers).await {
        worker.unwrap();
    }
    let (connections, _) = server.counts();
    assert!(connections > 90, "{connections} connections");
}

#[tokio::test]
async fn a_connection_that_has_died_under_a_request_is_found_out() {
    let (client, certified) = certified();
    let server = Frames::start(&certified, |_, _| Act::FallSilent).await;
    let started = Instant::now();
    assert_eq!(client.ask(&server.url()).await, Err(NetError::Reset));
    let took = started.elapsed();
    assert!(
        took > Duration::from_secs(9) && took < Duration::from_secs(25),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_client_who_leaves_ends_a_stream_and_not_the_connection() {
    let (client, certified) = certified();
    let server = server(&certified, 2).await;
    let endless = server.url().replace("/v1", "/endless");
    for _ in 0..20 {
        let mut answer = client.send(&endless).await.unwrap();
        let first: Bytes = answer.body.next().await.unwrap().unwrap();
        assert!(!first.is_empty());
    }
    let slow = server.url().replace("/v1", "/slow");
    for _ in 0..20 {
        let waiting = timeout(Duration::from_millis(5), async {
            text(client.send(&slow).await?).await
        });
        assert!(waiting.await.is_err());
    }
    assert_eq!(client.ask(&server.url()).await, hello());
    let connections = server.connections();
    assert!(connections <= 2, "{connections} connections");
}

#[tokio::test]
async fn a_signed_host_is_the_only_authority() {
    let (client, certified) = certified();
    let server = server(&certified, 100).await;
    client.ask(&server.url()).await.unwrap();
    let mut upstream = Client::upstream(&server.url());
    let signed = http::HeaderValue::from_static("signed.example");
    upstream.headers.insert(http::header::HOST, signed);
    client.deliver(upstream).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].authority, format!("localhost:{}", server.port));
    assert_eq!(seen[1].authority, "signed.example");
    assert!(!seen[1].headers.contains_key("host"));
}
