//! The doubles of these tests: a network of scripted providers ([`Net`]), a client that records what it hears
//! ([`Client`]), and an API with a policy attached ([`Api`]).
//!
//! A candidate is written `model@endpoint` everywhere. Time is tokio's paused clock: a wait of an hour takes no time,
//! and whatever happens "at once" happens at the same instant.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as FrameValue, Message};
use bytes::Bytes;
use failover_executor::{
    Answer, Arrival, AttachedPolicy, AttemptReport, Call, Decision, Failure, Gateway, Head,
    HeaderLengths, Metadata, NetError, Panic, Registry, Report, Scope, Transport, Unusable,
    Upstream,
};
use failover_policy::{KeyType, Policy, Settings};
use failover_suspension::{Gate, Key, State};
use failover_wire::provider::{Account, Fact, JsonPath, ModelPlace, Names, Provider};
use failover_wire::stream::Tokens;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

pub fn secs(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Lets the virtual clock run.
pub async fn wait(seconds: f64) {
    sleep(secs(seconds)).await;
}

/// tokio's timer counts in milliseconds and rounds up.
#[track_caller]
pub fn assert_time(actual: Duration, seconds: f64, what: &str) {
    let off = actual.abs_diff(secs(seconds));
    assert!(
        off <= Duration::from_millis(20),
        "{what}: expected at {seconds} s, was at {actual:?}"
    );
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// ---------------------------------------------------------------------------------------------------- requests

/// A request as clients send it.
pub fn chat(model: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// A request of its own for each text.
pub fn says(model: &str, text: &str) -> String {
    format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"{text}"}}]}}"#)
}

/// As [`chat`], asking for a stream.
pub fn streamed(model: &str) -> String {
    format!(r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// A request with a JSON body.
pub fn arrival(path: &str, body: Bytes) -> Arrival<'_> {
    Arrival {
        path,
        content_type: Some("application/json"),
        content_encoding: None,
        control: None,
        headers: HeaderLengths::default(),
        body,
        reserved: 0,
    }
}

// ------------------------------------------------------------------------------------- what a provider does

/// What a provider does with one request.
#[derive(Clone, Debug)]
pub struct Act {
    after: Duration,
    /// `Err(None)`: it never answers.
    head: Result<(StatusCode, HeaderMap), Option<NetError>>,
    pieces: Vec<Piece>,
    panics: bool,
}

/// A piece of a body: a pause, counted from when the piece is asked for, and what comes then. `None`: nothing, ever.
#[derive(Clone, Debug)]
pub struct Piece {
    after: Duration,
    what: Option<Result<Bytes, NetError>>,
    panics: bool,
}

/// A piece that comes at once.
pub fn now(text: &str) -> Piece {
    later(0.0, text)
}

/// A piece that comes after a pause.
pub fn later(seconds: f64, text: &str) -> Piece {
    Piece {
        after: secs(seconds),
        what: Some(Ok(Bytes::copy_from_slice(text.as_bytes()))),
        panics: false,
    }
}

/// A piece that need not be text.
pub fn raw(seconds: f64, bytes: Bytes) -> Piece {
    Piece {
        after: secs(seconds),
        what: Some(Ok(bytes)),
        panics: false,
    }
}

/// The connection breaks after a pause.
pub fn breaks(seconds: f64) -> Piece {
    Piece {
        after: secs(seconds),
        what: Some(Err(NetError::Reset)),
        panics: false,
    }
}

/// The connection stays open and nothing comes any more.
pub fn hangs() -> Piece {
    Piece {
        after: Duration::ZERO,
        what: None,
        panics: false,
    }
}

/// Whoever reads this piece panics: a defect in the executor or its libraries.
pub fn panics_on_reading() -> Piece {
    Piece {
        panics: true,
        ..hangs()
    }
}

/// Whoever sends this request panics.
pub fn panics() -> Act {
    Act {
        panics: true,
        ..silent()
    }
}

/// A complete answer; what it says can be looked for in [`Heard::text`].
pub fn ok(text: &str) -> Act {
    let body = format!(
        r#"{{"id":"1","object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}]}}"#
    );
    answer(200, &body)
}

/// An answer with this status and JSON body.
pub fn answer(status: u16, body: &str) -> Act {
    let pieces = if body.is_empty() {
        vec![]
    } else {
        vec![now(body)]
    };
    Act {
        after: Duration::ZERO,
        head: Ok((StatusCode::from_u16(status).unwrap(), HeaderMap::new())),
        pieces,
        panics: false,
    }
    .header("content-type", "application/json")
}

/// An error of this status with nothing recognisable in its body.
pub fn status(status: u16) -> Act {
    let body =
        format!(r#"{{"error":{{"message":"said {status}","type":"x","param":null,"code":null}}}}"#);
    answer(status, &body)
}

/// An error of this status with `code` as the reason.
pub fn reason(status: u16, code: &str) -> Act {
    let body = format!(
        r#"{{"error":{{"message":"said {code}","type":"x","param":null,"code":"{code}"}}}}"#
    );
    answer(status, &body)
}

/// A refusal for the request's own fault, known as such.
pub fn mistake() -> Act {
    answer(400, MISTAKE)
}

pub const MISTAKE: &str = r#"{"error":{"message":"It must be at most 2.","type":"invalid_request_error","param":"temperature","code":"invalid_value"}}"#;

/// An event stream.
pub fn events(pieces: impl IntoIterator<Item = Piece>) -> Act {
    Act {
        after: Duration::ZERO,
        head: Ok((StatusCode::OK, HeaderMap::new())),
        pieces: pieces.into_iter().collect(),
        panics: false,
    }
    .header("content-type", "text/event-stream; charset=utf-8")
}

/// Amazon's event stream with an exception as its first frame.
pub fn exception(name: &str, payload: &str) -> Act {
    let string = |v: &str| FrameValue::String(v.to_owned().into());
    let message = Message::new(Bytes::copy_from_slice(payload.as_bytes()))
        .add_header(Header::new(":exception-type", string(name)))
        .add_header(Header::new(":content-type", string("application/json")))
        .add_header(Header::new(":message-type", string("exception")));
    let mut frame = Vec::new();
    write_message_to(&message, &mut frame).unwrap();
    events([raw(0.0, frame.into())]).content_type("application/vnd.amazon.eventstream")
}

/// A complete streamed answer.
pub fn ok_stream(text: &str) -> Act {
    events([now(ROLE), now(&delta(text)), now(STOP), now(DONE)])
}

/// No answer, ever.
pub fn silent() -> Act {
    Act {
        after: Duration::ZERO,
        head: Err(None),
        pieces: vec![],
        panics: false,
    }
}

/// The network fails.
pub fn fails(error: NetError) -> Act {
    Act {
        after: Duration::ZERO,
        head: Err(Some(error)),
        pieces: vec![],
        panics: false,
    }
}

impl Act {
    /// The answer's head (or the network's failure) comes after this time.
    pub fn after(mut self, seconds: f64) -> Act {
        self.after = secs(seconds);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Act {
        if let Ok((_, headers)) = &mut self.head {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        self
    }

    pub fn content_type(mut self, value: &str) -> Act {
        if let Ok((_, headers)) = &mut self.head {
            headers.remove("content-type");
        }
        self = self.header("content-type", value);
        self
    }

    pub fn pieces(mut self, pieces: impl IntoIterator<Item = Piece>) -> Act {
        self.pieces = pieces.into_iter().collect();
        self
    }
}

pub const ROLE: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
pub const STOP: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
pub const USAGE: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"total_tokens\":3}}\n\n";
pub const DONE: &str = "data: [DONE]\n\n";
pub const PING: &str = ": ping\n\n";
pub const PING_EVENT: &str = "event: ping\ndata: {\"type\":\"ping\"}\n\n";
pub const STREAM_ERROR: &str = "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n";

/// A chunk with text in it.
pub fn delta(text: &str) -> String {
    format!(
        "data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

// ------------------------------------------------------------------------------------------------- the network

/// One request that reached a provider.
#[derive(Clone)]
pub struct Sent {
    /// `model@endpoint`.
    pub who: String,
    pub url: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Since the test began.
    pub at: Duration,
}

impl Sent {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Providers that do what they were told, request by request, and keep a log. The last behaviour of a script is
/// repeated for ever; a candidate without a script must not be called.
#[derive(Clone)]
pub struct Net(Arc<NetState>);

type Answering = dyn Fn(&str) -> Act + Send + Sync;

struct NetState {
    started: Instant,
    scripts: Mutex<HashMap<String, VecDeque<Act>>>,
    answers: Mutex<HashMap<String, Arc<Answering>>>,
    sent: Mutex<Vec<Sent>>,
    pieces_read: Mutex<HashMap<String, usize>>,
    dropped: Mutex<Vec<(String, Duration)>>,
}

/// Logs that a request, or the body of its answer, was given up before its end.
struct Unfinished {
    net: Net,
    who: String,
    finished: bool,
}

impl Unfinished {
    fn finish(&mut self) {
        self.finished = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            let at = self.net.0.started.elapsed();
            lock(&self.net.0.dropped).push((self.who.clone(), at));
        }
    }
}

impl Net {
    fn new() -> Net {
        Net(Arc::new(NetState {
            started: Instant::now(),
            scripts: Mutex::default(),
            answers: Mutex::default(),
            sent: Mutex::default(),
            pieces_read: Mutex::default(),
            dropped: Mutex::default(),
        }))
    }

    /// Since the test began.
    pub fn elapsed(&self) -> Duration {
        self.0.started.elapsed()
    }

    pub fn script(&self, who: &str, acts: impl IntoIterator<Item = Act>) {
        lock(&self.0.scripts).insert(who.to_owned(), acts.into_iter().collect());
    }

    /// Lets a provider do what the request's body says.
    pub fn answers(&self, who: &str, act: impl Fn(&str) -> Act + Send + Sync + 'static) {
        lock(&self.0.answers).insert(who.to_owned(), Arc::new(act));
    }

    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.0.sent).clone()
    }

    /// Forgets the log.
    pub fn forget(&self) {
        lock(&self.0.sent).clear();
        lock(&self.0.dropped).clear();
    }

    /// How many pieces of bodies this candidate was asked for, the one it is working on included.
    pub fn pieces_read(&self, who: &str) -> usize {
        lock(&self.0.pieces_read).get(who).copied().unwrap_or(0)
    }

    /// The requests and bodies that were given up before their end, with when.
    pub fn dropped(&self) -> Vec<(String, Duration)> {
        lock(&self.0.dropped).clone()
    }
}

/// Stands for a signature over a body.
fn digest(body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    hasher.finish()
}

fn url_of(who: &str) -> String {
    let (model, endpoint) = who.split_once('@').unwrap();
    format!("https://{endpoint}.llm.internal:8443/{model}?api-key=s3cret-{endpoint}")
}

fn who_is(url: &str) -> String {
    let parts = url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once(".llm.internal:8443/"))
        .and_then(|(endpoint, rest)| Some((endpoint, rest.split_once('?')?.0)));
    let (endpoint, model) =
        parts.unwrap_or_else(|| panic!("{url} was called, which is no candidate's URL"));
    format!("{model}@{endpoint}")
}

impl Transport for Net {
    async fn send(&self, upstream: Upstream, body: Bytes) -> Result<Answer, NetError> {
        let who = who_is(&upstream.url);
        let at = self.elapsed();
        assert_eq!(
            upstream.headers["x-signature"],
            format!("{:x}", digest(&body)),
            "{who} is sent what its credentials were made for"
        );
        let answering = lock(&self.0.answers).get(&who).cloned();
        let act = answering.map(|act| act(std::str::from_utf8(&body).unwrap()));
        lock(&self.0.sent).push(Sent {
            who: who.clone(),
            url: upstream.url,
            headers: upstream.headers,
            // What a test keeps is not what the executor holds.
            body: Bytes::copy_from_slice(&body),
            at,
        });
        drop(body);
        let scripted = || {
            let mut scripts = lock(&self.0.scripts);
            let script = scripts
                .get_mut(&who)
                .unwrap_or_else(|| panic!("{who} was called, and this test has no script for it"));
            if script.len() > 1 {
                script.pop_front().unwrap()
            } else {
                script[0].clone()
            }
        };
        let act = act.unwrap_or_else(scripted);
        let mut unfinished = Unfinished {
            net: self.clone(),
            who: who.clone(),
            finished: false,
        };
        sleep_unless_zero(act.after).await;
        assert!(!act.panics, "a defect in sending");
        let (status, headers) = match act.head {
            Ok(head) => head,
            Err(Some(error)) => {
                unfinished.finish();
                return Err(error);
            }
            Err(None) => std::future::pending().await,
        };
        let pieces: VecDeque<Piece> = act.pieces.into();
        let body = stream::unfold(
            (self.clone(), unfinished, pieces),
            |(net, mut unfinished, mut pieces)| async {
                let Some(piece) = pieces.pop_front() else {
                    unfinished.finish();
                    return None;
                };
                *lock(&net.0.pieces_read)
                    .entry(unfinished.who.clone())
                    .or_default() += 1;
                sleep_unless_zero(piece.after).await;
                assert!(!piece.panics, "a defect in reading");
                match piece.what {
                    Some(what) => Some((what, (net, unfinished, pieces))),
                    None => std::future::pending().await,
                }
            },
        );
        Ok(Answer {
            status,
            headers,
            body: Box::pin(body),
        })
    }
}

async fn sleep_unless_zero(pause: Duration) {
    if !pause.is_zero() {
        sleep(pause).await;
    }
}

// -------------------------------------------------------------------------------------------------- the client

/// What a client has heard so far.
#[derive(Clone, Default)]
pub struct Heard {
    /// A whole answer or the begin of a streamed one.
    pub head: Option<Head>,
    /// The body, piece by piece, with when it came.
    pub data: Vec<(Bytes, Duration)>,
    pub failure: Option<Failure>,
    /// Whether the answer was a stream.
    pub streamed: bool,
    pub ended: bool,
    pub aborted: bool,
    /// When the answer was complete.
    pub at: Duration,
    pub report: Option<Report>,
    /// Whether it was said to be whole when it began.
    pub whole: bool,
    /// What a stream has used.
    pub used: Option<Metadata>,
    /// Who served a stream to its end, as `model@endpoint`.
    pub served_by: Option<String>,
    /// The attempts as they were told: number, word, whether a stream had begun, tokens at its end.
    pub attempted: Vec<(usize, &'static str, bool, Option<Tokens>)>,
    /// What panicked, in its words.
    pub panics: Vec<String>,
    /// Every call of the [`Gateway`], for its rules.
    log: Vec<&'static str>,
}

impl Heard {
    pub fn status(&self) -> u16 {
        match (&self.head, &self.failure) {
            (Some(head), _) => head.status.as_u16(),
            (None, Some(failure)) => failure.status.as_u16(),
            (None, None) => panic!("the client got no answer at all"),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .as_ref()?
            .headers
            .get(name)
            .map(|v| v.to_str().unwrap())
    }

    pub fn text(&self) -> String {
        let bytes: Vec<u8> = self
            .data
            .iter()
            .flat_map(|(b, _)| b.iter().copied())
            .collect();
        String::from_utf8(bytes).unwrap()
    }

    #[track_caller]
    pub fn failure(&self) -> &Failure {
        self.failure.as_ref().unwrap_or_else(|| {
            panic!(
                "expected a failure of the gateway's own, got {}: {}",
                self.status(),
                self.text()
            )
        })
    }

    pub fn report(&self) -> &Report {
        self.report.as_ref().expect("nothing was reported")
    }

    /// The rules of [`Gateway`]: exactly one of answer, fail and begin; data between begin and one end or abort;
    /// one report, at the end.
    #[track_caller]
    fn check_order(&self) {
        let mut log: Vec<&str> = self.log.clone();
        log.dedup_by(|a, b| a == b && *a == "data");
        let allowed: [&[&str]; 8] = [
            &["answer", "report"],
            &["fail", "report"],
            &["fail", "used", "report"],
            &["begin", "data", "end", "report"],
            &["begin", "data", "used", "end", "report"],
            &["begin", "data", "used", "abort", "report"],
            &["begin", "used", "end", "report"],
            &["begin", "used", "abort", "report"],
        ];
        assert!(
            allowed.contains(&log.as_slice()),
            "the gateway was called in an order that is not allowed: {log:?}"
        );
    }
}

/// The gateway's side of one call, and the client behind it.
#[derive(Clone)]
pub struct Client(Arc<ClientState>);

struct ClientState {
    net: Net,
    who: Vec<String>,
    own_credential: bool,
    unresolved: Vec<String>,
    never_resolved: Vec<String>,
    window: Mutex<usize>,
    one_piece: Mutex<usize>,
    collects: AtomicBool,
    defects: Mutex<Vec<&'static str>>,
    /// Headers beside the credentials: candidate, name, length.
    added: Mutex<Vec<(String, &'static str, usize)>>,
    opened: Notify,
    heard: Mutex<Heard>,
}

impl Client {
    pub fn heard(&self) -> Heard {
        lock(&self.0.heard).clone()
    }

    /// The client takes this many bytes more, and then no more.
    pub fn takes(&self, bytes: usize) {
        *lock(&self.0.window) = bytes;
        self.0.opened.notify_one();
    }

    /// Whole answers of more than this many bytes go out piece by piece.
    pub fn one_piece_is(&self, bytes: usize) {
        *lock(&self.0.one_piece) = bytes;
    }

    /// The gateway needs whole answers: streams are collected.
    pub fn collects(&self) {
        self.0.collects.store(true, Ordering::Relaxed);
    }

    /// The gateway panics in this upcall.
    pub fn panics_in(&self, upcall: &'static str) {
        lock(&self.0.defects).push(upcall);
    }

    /// A candidate is sent this header too, with a value of so many bytes.
    pub fn adds_to(&self, who: &str, name: &'static str, bytes: usize) {
        lock(&self.0.added).push((who.to_owned(), name, bytes));
    }

    fn may_panic(&self, upcall: &str) {
        let defect = lock(&self.0.defects).contains(&upcall);
        assert!(!defect, "a defect in {upcall}");
    }

    fn note(&self, what: &'static str, change: impl FnOnce(&mut Heard)) {
        self.may_panic(what);
        let mut heard = lock(&self.0.heard);
        heard.log.push(what);
        heard.at = self.0.net.elapsed();
        change(&mut heard);
    }
}

impl Gateway for Client {
    async fn resolve(&self, candidate: usize, body: &Bytes) -> Result<Upstream, Unusable> {
        let who = &self.0.who[candidate];
        let signed = format!("{:x}", digest(body));
        if self.0.never_resolved.contains(who) {
            std::future::pending::<()>().await;
        }
        if self.0.unresolved.contains(who) {
            return Err(Unusable(format!("no endpoint {}", url_of(who))));
        }
        let mut headers = HeaderMap::new();
        let key = format!("Bearer s3cret-of-{}", who.replace('@', "-at-"));
        headers.insert("authorization", HeaderValue::from_str(&key).unwrap());
        headers.insert("x-signature", HeaderValue::from_str(&signed).unwrap());
        for (_, name, bytes) in lock(&self.0.added).iter().filter(|(of, ..)| of == who) {
            headers.insert(*name, HeaderValue::from_str(&"x".repeat(*bytes)).unwrap());
        }
        Ok(Upstream {
            method: Method::POST,
            url: url_of(who),
            headers,
            own_credential: self.0.own_credential,
        })
    }

    fn one_piece(&self) -> usize {
        *lock(&self.0.one_piece)
    }

    fn answer(&self, head: Head, body: Bytes) {
        let at = self.0.net.elapsed();
        self.note("answer", |heard| {
            heard.head = Some(head);
            heard.data = vec![(Bytes::copy_from_slice(&body), at)];
            heard.ended = true;
        });
    }

    fn fail(&self, failure: Failure) {
        self.note("fail", |heard| heard.failure = Some(failure));
    }

    fn begin(&self, head: Head, whole: Option<usize>) {
        self.note("begin", |heard| {
            heard.head = Some(head);
            heard.streamed = true;
            heard.whole = whole.is_some();
        });
    }

    fn data(&self, bytes: &Bytes) -> usize {
        let mut window = lock(&self.0.window);
        let taken = bytes.len().min(*window);
        *window -= taken;
        drop(window);
        if taken > 0 {
            let at = self.0.net.elapsed();
            let taken = Bytes::copy_from_slice(&bytes[..taken]);
            self.note("data", |heard| heard.data.push((taken, at)));
        }
        taken
    }

    async fn writable(&self) {
        while *lock(&self.0.window) == 0 {
            self.0.opened.notified().await;
        }
    }

    fn attempted(
        &self,
        number: usize,
        attempt: &AttemptReport,
        flowing: bool,
        tokens: Option<Tokens>,
    ) {
        let told = (number, attempt.outcome.word(), flowing, tokens);
        lock(&self.0.heard).attempted.push(told);
    }

    fn used(&self, candidate: usize, metadata: Metadata) {
        self.note("used", |heard| {
            heard.served_by = Some(self.0.who[candidate].clone());
            let before = heard.used.replace(metadata);
            assert_eq!(before, None, "what is used was said twice");
        });
    }

    fn panicked(&self, panic: Panic) {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        lock(&self.0.heard).panics.push(text.unwrap());
        self.may_panic("panicked");
    }

    fn end(&self) {
        self.note("end", |heard| heard.ended = true);
    }

    fn abort(&self) {
        self.note("abort", |heard| heard.aborted = true);
    }

    fn report(&self, report: &Report) {
        lock(&self.0.heard).log.push("report");
        lock(&self.0.heard).report = Some(report.clone());
    }
}

// ----------------------------------------------------------------------------------------------------- the API

/// What several APIs of one gateway share: the registry and the network.
#[derive(Clone)]
pub struct World {
    pub registry: Arc<Registry>,
    pub net: Net,
}

impl World {
    pub fn new() -> World {
        World {
            registry: Arc::default(),
            net: Net::new(),
        }
    }
}

/// A policy and the API it is to be attached to. Suspensions last 60 s and attempts 30 s, and there is no pause
/// before a retry, unless the test sets something else.
pub struct Builder {
    world: World,
    candidates: Vec<String>,
    sandbox: Vec<String>,
    settings: Vec<(String, String)>,
    version: String,
    own_credential: bool,
    unresolved: Vec<String>,
    never_resolved: Vec<String>,
    provider: Option<Provider>,
}

/// An API with a Failover policy: the target first, then its fallbacks, each as `model@endpoint`.
pub fn api(candidates: &[&str]) -> Builder {
    Builder {
        world: World::new(),
        candidates: candidates.iter().map(ToString::to_string).collect(),
        sandbox: vec![],
        settings: vec![],
        version: "1.0.0".into(),
        own_credential: true,
        unresolved: vec![],
        never_resolved: vec![],
        provider: None,
    }
    .set("requestTimeout", "30")
    .set("suspendDuration", "60")
    .set("retryBackoff", "0")
    // So that calls can be counted; `defaults` takes it back.
    .set("targetRetries", "0")
    .set("maxRetryAfterWait", "0")
}

impl Builder {
    /// With retries and waits as they are unless set.
    pub fn defaults(mut self) -> Builder {
        let set_here = ["targetRetries", "maxRetryAfterWait", "retryBackoff"];
        self.settings
            .retain(|(k, _)| !set_here.contains(&k.as_str()));
        self
    }

    /// In a gateway that other policies are in too.
    pub fn within(mut self, world: &World) -> Builder {
        self.world = world.clone();
        self
    }

    pub fn version(mut self, version: &str) -> Builder {
        self.version = version.to_owned();
        self
    }

    pub fn sandbox(mut self, candidates: &[&str]) -> Builder {
        self.sandbox = candidates.iter().map(ToString::to_string).collect();
        self
    }

    pub fn set(mut self, key: &str, value: &str) -> Builder {
        self.settings.retain(|(k, _)| k != key);
        self.settings.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The endpoints have no credentials of their own: the client's are passed through.
    pub fn clients_credential(mut self) -> Builder {
        self.own_credential = false;
        self
    }

    /// The gateway knows whose models they are, and where their answers have what: a name and a JSONPath for each.
    pub fn provider(mut self, places: &[&str]) -> Builder {
        let place = |row: &&str| {
            let (name, path) = row.split_once(' ').expect("a name and a path");
            let fact = match name {
                "responseModel" => Fact::Model,
                "promptTokenCount" => Fact::PromptTokens,
                "completionTokenCount" => Fact::CompletionTokens,
                "totalTokenCount" => Fact::TotalTokens,
                other => Fact::Text(other.into()),
            };
            (fact, JsonPath::parse(path).expect("a JSONPath"))
        };
        let always = [("name", "Acme"), ("apiVersion", "1.0.0")];
        self.provider = Some(Provider {
            model: ModelPlace::Body(JsonPath::parse("$.model").expect("a JSONPath")),
            usage_on_request: true,
            account: Account {
                always: always.map(|(n, v)| (Fact::Text(n.into()), v.into())).into(),
                in_path: Vec::new(),
                in_body: places.iter().map(place).collect(),
                names: Names {
                    model: "responseModel",
                    prompt: "promptTokenCount",
                    completion: "completionTokenCount",
                    total: "totalTokenCount",
                },
                largest_count: i32::MAX as u64,
            },
        });
        self
    }

    /// The gateway has no URL for this candidate.
    pub fn unresolved(mut self, who: &str) -> Builder {
        self.unresolved.push(who.to_owned());
        self
    }

    /// The gateway never comes back with this candidate's URL.
    pub fn never_resolved(mut self, who: &str) -> Builder {
        self.never_resolved.push(who.to_owned());
        self
    }

    /// The text that the portal's editor stores.
    fn portal_text(&self) -> String {
        let row = |who: &String| {
            let (model, endpoint) = who.split_once('@').unwrap();
            format!(
                "{{'vendor':'','model':'{model}','endpointId':'{endpoint}','endpointName':'{endpoint}'}}"
            )
        };
        let section = |candidates: &[String]| {
            match candidates {
            [] => "{'targetModel':{'vendor':'','model':'','endpointId':'','endpointName':''},'fallbackModels':[]}"
                .to_owned(),
            [target, fallbacks @ ..] => {
                let rows: Vec<String> = fallbacks.iter().map(row).collect();
                format!("{{'targetModel':{},'fallbackModels':[{}]}}", row(target), rows.join(","))
            }
        }
        };
        let settings: String = self
            .settings
            .iter()
            .map(|(k, v)| format!(",'{k}':'{v}'"))
            .collect();
        format!(
            "{{'production':{},'sandbox':{}{settings}}}",
            section(&self.candidates),
            section(&self.sandbox)
        )
    }

    pub fn bind(self) -> Api {
        let policy = Policy::read(&self.portal_text(), &[], &Settings::default()).unwrap();
        assert!(policy.diagnostics.is_empty(), "{:?}", policy.diagnostics);
        let scope = Scope {
            tenant: "carbon.super".into(),
            api: "AssistantAPI".into(),
            version: self.version.clone(),
        };
        let attached = self
            .world
            .registry
            .attach(Arc::new(policy), &scope, self.provider);
        Api {
            world: self.world,
            attached,
            candidates: self.candidates,
            sandbox: self.sandbox,
            version: self.version,
            own_credential: self.own_credential,
            unresolved: self.unresolved,
            never_resolved: self.never_resolved,
        }
    }
}

/// An API with a policy attached.
#[derive(Clone)]
pub struct Api {
    pub world: World,
    pub attached: Arc<AttachedPolicy>,
    candidates: Vec<String>,
    sandbox: Vec<String>,
    version: String,
    own_credential: bool,
    unresolved: Vec<String>,
    never_resolved: Vec<String>,
}

/// A request on its way.
pub struct Running {
    pub client: Client,
    task: JoinHandle<()>,
}

impl Running {
    /// The client goes away.
    pub async fn cancel(self) -> Heard {
        self.task.abort();
        if let Err(error) = self.task.await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
        self.client.heard()
    }

    /// What the client has heard when all is over.
    pub async fn end(self) -> Heard {
        if let Err(error) = self.task.await {
            std::panic::resume_unwind(error.into_panic());
        }
        let heard = self.client.heard();
        heard.check_order();
        heard
    }

    /// How the call's task ended.
    pub async fn join(self) -> Result<(), tokio::task::JoinError> {
        self.task.await
    }

    pub fn is_over(&self) -> bool {
        self.task.is_finished()
    }
}

impl Api {
    /// Tells a provider what to do.
    pub fn on(&self, who: &str, acts: impl IntoIterator<Item = Act>) -> &Api {
        self.world.net.script(who, acts);
        self
    }

    /// What is to be done with a production request of content type JSON.
    pub fn decide(&self, body: &str) -> Decision {
        self.decide_for(KeyType::Production, Some("application/json"), body)
    }

    pub fn decide_for(
        &self,
        key_type: KeyType,
        content_type: Option<&str>,
        body: &str,
    ) -> Decision {
        self.decide_at("/chat/completions", key_type, content_type, body)
    }

    pub fn decide_at(
        &self,
        path: &str,
        key_type: KeyType,
        content_type: Option<&str>,
        body: &str,
    ) -> Decision {
        let body = Bytes::copy_from_slice(body.as_bytes());
        let arrival = Arrival {
            content_type,
            ..arrival(path, body)
        };
        self.attached.prepare(key_type, arrival)
    }

    /// Takes the request over, or the test is over.
    #[track_caller]
    pub fn take(&self, body: &str) -> Box<Call> {
        match self.decide(body) {
            Decision::Handle(call) => call,
            other => panic!("the request was not taken over: {other:?}"),
        }
    }

    pub fn client(&self, key_type: KeyType) -> Client {
        Client(Arc::new(ClientState {
            net: self.world.net.clone(),
            who: match key_type {
                KeyType::Production => self.candidates.clone(),
                KeyType::Sandbox => self.sandbox.clone(),
            },
            own_credential: self.own_credential,
            unresolved: self.unresolved.clone(),
            never_resolved: self.never_resolved.clone(),
            window: Mutex::new(usize::MAX),
            one_piece: Mutex::new(usize::MAX),
            collects: AtomicBool::default(),
            defects: Mutex::default(),
            added: Mutex::default(),
            opened: Notify::new(),
            heard: Mutex::default(),
        }))
    }

    /// Starts a request whose client takes everything at once.
    #[track_caller]
    pub fn start(&self, body: &str) -> Running {
        self.start_with(self.take(body), self.client(KeyType::Production))
    }

    /// Starts a request of an API whose response policies need whole answers.
    #[track_caller]
    pub fn start_collected(&self, body: &str) -> Running {
        let client = self.client(KeyType::Production);
        client.collects();
        self.start_with(self.take(body), client)
    }

    /// Starts a request whose client takes `window` bytes and then none until [`Client::takes`].
    #[track_caller]
    pub fn start_slow(&self, body: &str, window: usize) -> Running {
        let client = self.client(KeyType::Production);
        *lock(&client.0.window) = window;
        self.start_with(self.take(body), client)
    }

    /// Runs a call the way a gateway does: the first candidate is resolved before [`Call::run`].
    pub fn start_with(&self, mut call: Box<Call>, client: Client) -> Running {
        let net = self.world.net.clone();
        let gateway = client.clone();
        if client.0.collects.load(Ordering::Relaxed) {
            call.collect_streams();
        }
        let first_candidate = call.first_candidate();
        let task = tokio::spawn(async move {
            let first = match first_candidate {
                Some((index, body)) => Some(gateway.resolve(index, &body).await),
                None => None,
            };
            call.run(&net, &gateway, first).await;
        });
        Running { client, task }
    }

    /// A request from begin to end.
    pub async fn send(&self, body: &str) -> Heard {
        self.start(body).end().await
    }

    /// Who was called since [`Api::forget`], in order.
    pub fn called(&self) -> Vec<String> {
        self.world
            .net
            .sent()
            .into_iter()
            .map(|sent| sent.who)
            .collect()
    }

    /// How often `who` was called since [`Api::forget`].
    pub fn calls_of(&self, who: &str) -> usize {
        self.called().iter().filter(|w| *w == who).count()
    }

    /// When `who` was called since [`Api::forget`].
    pub fn times_of(&self, who: &str) -> Vec<Duration> {
        self.world
            .net
            .sent()
            .into_iter()
            .filter(|s| s.who == who)
            .map(|s| s.at)
            .collect()
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.world.net.sent()
    }

    pub fn forget(&self) -> &Api {
        self.world.net.forget();
        self
    }

    pub fn elapsed(&self) -> Duration {
        self.world.net.elapsed()
    }

    pub fn gate(&self, who: &str) -> Arc<Gate> {
        let (model, endpoint) = who.split_once('@').unwrap();
        let key = Key {
            tenant: "carbon.super".into(),
            api: "AssistantAPI".into(),
            version: self.version.clone(),
            endpoint_id: endpoint.into(),
            model: model.into(),
        };
        self.world
            .registry
            .cache()
            .find(&key)
            .expect("a candidate of this API")
    }

    /// Suspends it from now on; 0 s: not at all.
    pub fn suspend(&self, who: &str, seconds: f64) {
        let now = self.world.registry.clock().now();
        if seconds > 0.0 {
            self.gate(who).suspend(now.plus(secs(seconds)));
        }
    }

    pub fn state(&self, who: &str) -> State {
        self.gate(who).state(self.world.registry.clock().now())
    }

    /// Whether a failure that may have been its own is remembered.
    pub fn is_marked(&self, who: &str) -> bool {
        self.gate(who).is_marked()
    }

    /// Whether requests are kept from it at present.
    pub fn is_suspended(&self, who: &str) -> bool {
        matches!(self.state(who), State::Suspended { .. })
    }

    /// For how long it is still suspended, in seconds; 0 when it is not.
    pub fn suspended_for(&self, who: &str) -> f64 {
        match self.state(who) {
            State::Suspended { until } => {
                self.world.registry.clock().now().until(until).as_secs_f64()
            }
            _ => 0.0,
        }
    }

    #[track_caller]
    pub fn assert_suspended_for(&self, who: &str, seconds: f64, why: &str) {
        let left = self.suspended_for(who);
        assert!(
            (left - seconds).abs() < 0.05,
            "{who} should be suspended for {seconds} s ({why}), but it is for {left} s"
        );
    }
}
