//! HTTP/1.1: what becomes of connections that a provider ends, and what goes over them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use failover_executor::{NetError, Network};
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::{Client, hello};

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

/// What a server does with a request.
#[derive(Clone, Copy)]
enum Act {
    Answer,
    /// Answers, and closes without having said so.
    AnswerAndClose,
    /// Closes as soon as the first byte has come, so that the rest meets a reset.
    Reset,
    /// Closes after it has read everything.
    Close,
    Say(&'static [u8]),
    /// Without closing.
    SayAndStay(&'static [u8]),
}

/// A server without TLS that decides by the number of the connection and that of the request on it, from 1 on.
struct Raw {
    port: u16,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Raw {
    async fn start(act: impl Fn(usize, usize) -> Act + Copy + Send + 'static) -> Raw {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (count, log) = (Arc::clone(&connections), Arc::clone(&heads));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                served.spawn(serve(stream, number, act, Arc::clone(&log)));
            }
        });
        Raw {
            port,
            connections,
            heads,
            _tasks: tasks,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    connection: usize,
    act: impl Fn(usize, usize) -> Act,
    log: Arc<Mutex<Vec<String>>>,
) {
    for request in 1.. {
        let act = act(connection, request);
        let Some(head) = read_request(&mut stream, matches!(act, Act::Reset)).await else {
            return;
        };
        log.lock().unwrap().push(head);
        match act {
            Act::Reset | Act::Close => return,
            Act::Answer => stream.write_all(HELLO).await.unwrap(),
            Act::AnswerAndClose => return stream.write_all(HELLO).await.unwrap(),
            Act::SayAndStay(bytes) => stream.write_all(bytes).await.unwrap(),
            Act::Say(bytes) => return stream.write_all(bytes).await.unwrap(),
        }
    }
}

/// The head of a request whose body is `hi`.
async fn read_request(stream: &mut TcpStream, first_byte_alone: bool) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\nhi") {
        bytes.push(stream.read_u8().await.ok()?);
        if first_byte_alone {
            break;
        }
    }
    Some(String::from_utf8(bytes).unwrap())
}

fn client() -> Client {
    Client::of(Network::default())
}

#[tokio::test]
async fn a_connection_that_is_closed_when_the_next_request_comes_costs_no_call() {
    for worst in [Act::Reset, Act::Close] {
        let server = Raw::start(move |_, request| match request {
            1 | 2 => Act::Answer,
            _ => worst,
        })
        .await;
        let client = client();
        for _ in 0..60 {
            assert_eq!(client.ask(&server.url()).await, hello());
        }
        // Each connection answers two, and the third meets its end.
        let asked = server.heads().len();
        assert!(asked > 80, "only {asked} requests: none met the moment");
    }
}

#[tokio::test]
async fn a_connection_that_is_closed_long_before_the_next_request_is_not_used() {
    let server = Raw::start(|_, _| Act::AnswerAndClose).await;
    let client = client();
    for _ in 0..20 {
        assert_eq!(client.ask(&server.url()).await, hello());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((server.heads().len(), server.connections()), (20, 20));
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Raw::start(|_, _| Act::Answer).await;
    let client = client();
    for _ in 0..20 {
        assert_eq!(client.ask(&server.url()).await, hello());
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_a_reset_and_nobody_is_asked_again() {
    for act in [Act::Reset, Act::Close] {
        let server = Raw::start(move |_, _| act).await;
        let answer = client().ask(&server.url()).await;
        assert_eq!(answer, Err(NetError::Reset));
        assert_eq!((server.heads().len(), server.connections()), (1, 1));
    }
}

#[tokio::test]
async fn what_was_not_processed_is_asked_again_once() {
    let server = Raw::start(|connection, request| match (connection, request) {
        (1, 1) => Act::Answer,
        _ => Act::Close,
    })
    .await;
    let client = client();
    assert_eq!(client.ask(&server.url()).await, hello());
    assert_eq!(client.ask(&server.url()).await, Err(NetError::Reset));
    assert_eq!((server.heads().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn an_answer_that_nobody_wants_any_more_costs_its_connection_only_while_more_is_to_come() {
    for (said, connections) in [
        (
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"[..],
            1,
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            3,
        ),
    ] {
        let server = Raw::start(move |_, _| Act::SayAndStay(said)).await;
        let client = client();
        for _ in 0..3 {
            let mut answer = client.send(&server.url()).await.unwrap();
            let first = answer.body.next().await.unwrap();
            assert_eq!(first.as_deref(), Ok(&b"hello"[..]));
        }
        assert_eq!(server.connections(), connections);
    }
}

#[tokio::test]
async fn nothing_is_asked_again_after_the_first_byte_of_an_answer() {
    let server = Raw::start(|_, request| match request {
        1 => Act::Answer,
        _ => Act::Say(b"HTTP/1.1 2"),
    })
    .await;
    let client = client();
    assert_eq!(client.ask(&server.url()).await, hello());
    assert_eq!(client.ask(&server.url()).await, Err(NetError::Reset));
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    for cut in [
        &b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ] {
        let server = Raw::start(move |_, _| Act::Say(cut)).await;
        let answer = client().ask(&server.url()).await;
        assert_eq!(answer, Err(NetError::BrokenOff));
    }
}

#[tokio::test]
async fn what_is_no_http_is_said_to_be_none() {
    for nonsense in [
        &b"SSH-2.0-OpenSSH_9.6\r\n"[..],
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    ] {
        let server = Raw::start(move |_, _| Act::Say(nonsense)).await;
        let answer = client().ask(&server.url()).await;
        assert_eq!(answer, Err(NetError::Protocol));
    }
}

#[tokio::test]
async fn an_endless_head_is_given_up_before_it_fills_the_memory() {
    for (line, most) in [(&b"x: y\r\n"[..], 300_000), (b"x", 300_000)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut sent = 0;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await;
            let block = line.repeat(1000);
            while stream.write_all(&block).await.is_ok() {
                sent += block.len();
                // What the kernels keep is not the client's.
                if sent > 64 * 1024 * 1024 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            sent
        });
        assert_eq!(client().ask(&url).await, Err(NetError::Protocol));
        let sent = server.await.unwrap();
        assert!(sent < most + 8 * 1024 * 1024, "{sent} bytes were taken");
    }
}

#[tokio::test]
async fn a_request_line_is_the_urls_bytes() {
    let server = Raw::start(|_, _| Act::Answer).await;
    let client = client();
    for target in [
        "/v1/../files?x=/../y",
        "/%2e%2e/a\\b;c//d",
        "/{\"m\"}?q=%zz|^`&'",
        "/\u{e9}",
    ] {
        let url = format!("http://127.0.0.1:{}{target}", server.port);
        assert_eq!(client.ask(&url).await, hello());
        let head = server.heads().pop().unwrap();
        let line = format!("POST {target} HTTP/1.1\r\n");
        assert!(head.starts_with(&line), "{head}");
        let host = format!("\r\nhost: 127.0.0.1:{}\r\n", server.port);
        assert!(head.contains(&host), "{head}");
    }
}

#[tokio::test]
async fn what_is_no_address_is_not_called() {
    for url in ["v1", "ftp://localhost/v1", "http://:80/v1", "http://a b/v1"] {
        assert_eq!(client().ask(url).await, Err(NetError::Address), "{url}");
    }
}

#[tokio::test]
async fn no_more_connections_are_kept_than_the_limit() {
    const CALLS: usize = 300;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let open = Arc::new(AtomicUsize::new(0));
    let (count, all) = (Arc::clone(&open), Arc::new(Barrier::new(CALLS)));
    let server = tokio::spawn(async move {
        let mut served = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let (count, all) = (Arc::clone(&count), Arc::clone(&all));
            served.spawn(async move {
                count.fetch_add(1, Ordering::SeqCst);
                read_request(&mut stream, false).await;
                all.wait().await;
                stream.write_all(HELLO).await.unwrap();
                read_request(&mut stream, false).await;
                count.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    let client = client();
    let answers = join_all((0..CALLS).map(|_| client.ask(&url))).await;
    assert!(answers.into_iter().all(|a| a == hello()));
    let mut left = CALLS;
    for _ in 0..200 {
        left = open.load(Ordering::SeqCst);
        if left <= 256 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(left, 256);
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_does_not_take_stays_with_the_provider() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream, false).await;
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunk = [b"c0\r\n", &[b'x'; 0xc0][..], b"\r\n"].concat();
        while stream.write_all(&chunk).await.is_ok() {
            count.fetch_add(0xc0, Ordering::SeqCst);
        }
    });
    let mut answer = client().send(&url).await.unwrap();
    let mut taken = 0;
    while taken < 500 * 1024 {
        taken += answer.body.next().await.unwrap().unwrap().len();
    }
    // Until the kernels have all that they keep, which can be tens of megabytes.
    let mut before = 0;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = sent.load(Ordering::SeqCst);
        if now == before {
            return server.abort();
        }
        before = now;
    }
    panic!("the provider goes on sending: {before} bytes");
}
