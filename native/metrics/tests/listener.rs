//! The listener, over real sockets.

#![allow(clippy::unwrap_used)]

mod pictures;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use failover_metrics::{Listener, Operation, Options, Token};
use pictures::Still;

const TOKEN: &str = "s3cret";

fn start(token: Option<&str>, drills: bool) -> (Listener, Arc<Still>) {
    let still = Arc::new(Still::default());
    let options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: token.and_then(|t| Token::new(t.to_owned())),
        drills,
    };
    let source = Arc::clone(&still);
    (Listener::start(options, source).unwrap(), still)
}

fn connect(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.address()).unwrap();
    let limit = Some(Duration::from_secs(20));
    stream.set_read_timeout(limit).unwrap();
    stream
}

/// The whole answer to a request of these lines; a connection has one.
fn ask(listener: &Listener, head: &str, body: &str) -> String {
    let mut stream = connect(listener);
    let host = listener.address();
    let length = body.len();
    let request =
        format!("{head} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn with_token(request: &str, token: &str) -> String {
    format!("{request} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nX: 1\r\nY: ")
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

const OTHER: &str = r#"{"tenant":"carbon.super","api":"AssistantAPI","version":"1.0.0","endpoint":"e1","model":"other""#;

#[test]
fn it_shows_metrics_the_state_and_the_page() {
    let (listener, _) = start(None, false);
    let metrics = ask(&listener, "GET /metrics", "");
    assert_eq!(status(&metrics), 200);
    assert!(metrics.contains("model_failover_requests_total{"));
    assert!(metrics.contains("text/plain; version=0.0.4"));
    let state = ask(&listener, "GET /state", "");
    assert!(state.contains(r#""name":"AssistantAPI""#), "{state}");
    let page = ask(&listener, "GET /", "");
    assert!(page.contains("default-src 'none'") && page.contains("<!doctype html>"));
    assert_eq!(status(&ask(&listener, "GET /elsewhere", "")), 404);
    assert_eq!(status(&ask(&listener, "DELETE /metrics", "")), 405);
}

#[test]
fn the_state_comes_again_and_again() {
    let (listener, _) = start(None, false);
    let mut stream = connect(&listener);
    write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 64 * 1024];
    while seen.matches("data: {").count() < 2 {
        let read = stream.read(&mut buffer).unwrap();
        assert_ne!(read, 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(seen.contains("text/event-stream"));
}

#[test]
fn with_a_token_nothing_but_the_page_is_shown_without_it() {
    let (listener, _) = start(Some(TOKEN), false);
    assert_eq!(status(&ask(&listener, "GET /", "")), 200);
    for path in ["/metrics", "/state", "/events"] {
        let get = format!("GET {path}");
        let without = ask(&listener, &get, "");
        assert_eq!(status(&without), 401, "{path}");
        assert!(without.to_lowercase().contains("www-authenticate: bearer"));
        for wrong in ["", "s3cre", "s3cretx", "S3CRET"] {
            let answer = ask(&listener, &with_token(&get, wrong), "");
            assert_eq!(status(&answer), 401, "{wrong}");
        }
    }
    let answer = ask(&listener, &with_token("GET /metrics", TOKEN), "");
    assert_eq!(status(&answer), 200);
    let printed = format!("{listener:?}");
    assert!(!printed.contains(TOKEN), "{printed}");
}

#[test]
fn a_candidate_is_steered_with_the_token() {
    let (listener, still) = start(Some(TOKEN), true);
    let body = format!("{OTHER}}}");
    for word in ["hold", "release", "clear"] {
        let post = format!("POST /candidates/{word}");
        assert_eq!(status(&ask(&listener, &post, &body)), 401);
        let answer = ask(&listener, &with_token(&post, TOKEN), &body);
        assert_eq!(status(&answer), 204, "{answer}");
    }
    let drill = with_token("POST /candidates/drill", TOKEN);
    let body = format!(r#"{OTHER},"seconds":20,"percent":50}}"#);
    assert_eq!(status(&ask(&listener, &drill, &body)), 204);
    let steered = still.steered.lock().unwrap();
    let operations: Vec<Operation> = steered.iter().map(|(_, o)| *o).collect();
    let length = Duration::from_secs(20);
    assert_eq!(
        operations,
        [
            Operation::Hold,
            Operation::Release,
            Operation::Clear,
            Operation::Drill {
                length,
                percent: 50
            }
        ]
    );
}

#[test]
fn what_can_t_be_done_is_said() {
    let (listener, still) = start(Some(TOKEN), false);
    let post = |word: &str, body: &str| {
        let head = with_token(&format!("POST /candidates/{word}"), TOKEN);
        status(&ask(&listener, &head, body))
    };
    let known = format!("{OTHER}}}");
    assert_eq!(post("hold", &known.replace("other", "nobody")), 404);
    assert_eq!(post("hold", "{}"), 400);
    assert_eq!(post("hold", "no JSON"), 400);
    assert_eq!(post("ruin", &known), 404);
    assert_eq!(post("drill", &format!(r#"{OTHER},"seconds":20}}"#)), 403);
    assert_eq!(post("hold", &"x".repeat(10_000)), 413);
    assert!(still.steered.lock().unwrap().is_empty());

    let (listener, _) = start(Some(TOKEN), true);
    let drill = with_token("POST /candidates/drill", TOKEN);
    for wrong in ["", r#","seconds":0"#, r#","seconds":5,"percent":101"#] {
        let answer = ask(&listener, &drill, &format!("{OTHER}{wrong}}}"));
        assert_eq!(status(&answer), 400, "{wrong}");
    }
}

#[test]
fn without_a_token_nothing_is_steered() {
    let (listener, still) = start(None, true);
    let answer = ask(&listener, "POST /candidates/hold", &format!("{OTHER}}}"));
    assert_eq!(status(&answer), 403);
    assert!(still.steered.lock().unwrap().is_empty());
}

#[test]
fn on_loopback_another_name_for_it_is_refused() {
    let (listener, _) = start(None, false);
    for (host, expected) in [
        ("evil.example", 421),
        ("evil.example:9464", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost:1", 200),
        ("[::1]:1", 200),
    ] {
        let mut stream = connect(&listener);
        write!(stream, "GET /state HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert_eq!(status(&answer), expected, "{host}");
    }
}

#[test]
fn a_slow_head_and_a_long_one_end_their_connections_alone() {
    let (listener, _) = start(None, false);
    let mut slow = connect(&listener);
    slow.write_all(b"GET /metrics HTT").unwrap();
    let mut long = connect(&listener);
    let request = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    // It can be closed while this is written.
    let _ = long.write_all(request.as_bytes());
    assert_eq!(status(&ask(&listener, "GET /metrics", "")), 200);
    let started = Instant::now();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn connections_beyond_the_limit_are_closed_and_the_others_go_on() {
    let (listener, _) = start(None, false);
    let mut open: Vec<TcpStream> = (0..40).map(|_| connect(&listener)).collect();
    let mut byte = [0];
    // The last of them came beyond the limit.
    assert_eq!(open.pop().unwrap().read(&mut byte).unwrap_or(0), 0);
    write!(open[0], "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(open[0].read(&mut byte).unwrap(), 1);
}

#[test]
fn an_address_that_is_taken_is_an_error_and_one_that_was_left_is_free() {
    let (listener, still) = start(None, false);
    let options = Options {
        listen: listener.address(),
        token: None,
        drills: false,
    };
    let source = Arc::clone(&still);
    assert!(Listener::start(options.clone(), source).is_err());
    // Somebody still looks.
    let mut stream = connect(&listener);
    write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut byte = [0];
    assert_eq!(stream.read(&mut byte).unwrap(), 1);
    drop(listener);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    let again = Listener::start(options, still).unwrap();
    assert_eq!(status(&ask(&again, "GET /metrics", "")), 200);
}
