//! What is answered.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::channel::Channel;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::exposition::{self, Format};
use crate::listener::{Connection, Options};
use crate::snapshot::{CandidateName, Operation, Source};

/// The page: one file, which asks for nothing but the routes beside it.
const PAGE: &str = include_str!("../page.html");

/// What the page may do in a browser.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The longest body of a request, in bytes.
const BODY: usize = 8 * 1024;

/// Streams of events at one time.
const STREAMS: usize = 8;

/// Between two events.
const EVERY: Duration = Duration::from_secs(1);

/// For a client to take an event.
const TAKEN: Duration = Duration::from_secs(15);

/// How long a picture is shown to others who ask.
const FRESH: Duration = Duration::from_millis(500);

type Body = Either<Full<Bytes>, Channel<Bytes>>;
type Answer = Response<Body>;

pub(crate) struct Routes {
    options: Options,
    source: Arc<dyn Source>,
    streams: Arc<Semaphore>,
    state: Mutex<Option<(Instant, Bytes)>>,
}

/// What is done to which candidate.
#[derive(Deserialize)]
struct Steering {
    #[serde(flatten)]
    candidate: CandidateName,
    /// Of a drill.
    seconds: Option<u32>,
    /// Of a drill.
    percent: Option<u8>,
}

impl Routes {
    pub(crate) fn new(options: Options, source: Arc<dyn Source>) -> Self {
        Routes {
            options,
            source,
            streams: Arc::new(Semaphore::new(STREAMS)),
            state: Mutex::default(),
        }
    }

    pub(crate) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Result<Answer, Infallible> {
        let mut answer = self.route(request, peer, connection).await;
        let headers = answer.headers_mut();
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Ok(answer)
    }

    async fn route(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Answer {
        if self.options.listen.ip().is_loopback() && !is_local(request.headers()) {
            return said(
                StatusCode::MISDIRECTED_REQUEST,
                "Only by a loopback address or localhost",
            );
        }
        let path = request.uri().path();
        let reads = matches!(*request.method(), Method::GET);
        match path {
            "/" if reads => return page(),
            "/metrics" | "/state" | "/events" if reads => {}
            _ if path.starts_with("/candidates/") && request.method() == Method::POST => {}
            "/" | "/metrics" | "/state" | "/events" => {
                return said(StatusCode::METHOD_NOT_ALLOWED, "Only GET");
            }
            _ => return said(StatusCode::NOT_FOUND, "Not here"),
        }
        if !self.may(request.headers()) {
            let mut answer = said(StatusCode::UNAUTHORIZED, "The token of metrics_token");
            let challenge = HeaderValue::from_static("Bearer");
            answer
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
            return answer;
        }
        match path {
            "/metrics" => self.metrics(request.headers()),
            "/state" => whole(StatusCode::OK, "application/json", self.state()),
            "/events" => self.events(connection),
            _ => self.steer(request, peer).await,
        }
    }

    /// Whether a request bears the token, if one is set.
    fn may(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.options.token else {
            return true;
        };
        let offered = headers.get(header::AUTHORIZATION);
        let offered = offered.and_then(|value| value.as_bytes().split_at_checked(7));
        offered.is_some_and(|(scheme, offered)| {
            scheme.eq_ignore_ascii_case(b"bearer ") && token.is(offered.trim_ascii())
        })
    }

    fn metrics(&self, headers: &HeaderMap) -> Answer {
        let accept = headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
        let format = Format::accepted(accept);
        let text = exposition::encode(&self.source.snapshot(), format);
        whole(StatusCode::OK, format.content_type(), text.into())
    }

    /// The picture as JSON; several who ask at once get the same.
    fn state(&self) -> Bytes {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, json)) = state.as_ref()
            && made.elapsed() < FRESH
        {
            return json.clone();
        }
        let mut snapshot = self.source.snapshot();
        snapshot.drills = self.options.drills && self.options.token.is_some();
        // Numbers, names and lists always have a form in JSON.
        let json = Bytes::from(serde_json::to_vec(&snapshot).unwrap_or_default());
        *state = Some((Instant::now(), json.clone()));
        json
    }

    /// The picture, again and again, as server-sent events.
    fn events(self: &Arc<Self>, connection: &Arc<Connection>) -> Answer {
        let Ok(permit) = Arc::clone(&self.streams).try_acquire_owned() else {
            return said(StatusCode::SERVICE_UNAVAILABLE, "Too many look already");
        };
        connection.streams.store(true, Ordering::Relaxed);
        let (mut sender, body) = Channel::new(1);
        let (routes, connection) = (Arc::clone(self), Arc::clone(connection));
        tokio::spawn(async move {
            let _permit = permit;
            loop {
                let state = routes.state();
                let event = [b"data: ", &*state, b"\n\n"].concat();
                let taken = tokio::time::timeout(TAKEN, sender.send_data(event.into())).await;
                if !matches!(taken, Ok(Ok(()))) {
                    // Its client has left, or does not read.
                    connection.over.notify_one();
                    return;
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        let mut answer = Response::new(Either::Right(body));
        let kind = HeaderValue::from_static("text/event-stream");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        answer
    }

    async fn steer(&self, request: Request<Incoming>, peer: SocketAddr) -> Answer {
        if self.options.token.is_none() {
            let message = "What changes something needs a metrics_token to be set";
            return said(StatusCode::FORBIDDEN, message);
        }
        let word = request.uri().path().trim_start_matches("/candidates/");
        let word = word.to_owned();
        let Ok(body) = Limited::new(request.into_body(), BODY).collect().await else {
            return said(StatusCode::PAYLOAD_TOO_LARGE, "A body of 8 KiB at most");
        };
        let steering = match serde_json::from_slice::<Steering>(&body.to_bytes()) {
            Ok(steering) => steering,
            Err(e) => return said(StatusCode::BAD_REQUEST, &e.to_string()),
        };
        let operation = match word.as_str() {
            "hold" => Operation::Hold,
            "release" => Operation::Release,
            "clear" => Operation::Clear,
            "drill" if !self.options.drills => {
                return said(StatusCode::FORBIDDEN, "Drills are off: metrics_drills");
            }
            "drill" => match (steering.seconds, steering.percent.unwrap_or(100)) {
                (Some(seconds @ 1..=3600), percent @ 0..=100) => Operation::Drill {
                    length: Duration::from_secs(u64::from(seconds)),
                    percent,
                },
                _ => {
                    let message = "A drill has seconds from 1 to 3600 and a percent up to 100";
                    return said(StatusCode::BAD_REQUEST, message);
                }
            },
            _ => return said(StatusCode::NOT_FOUND, "hold, release, clear or drill"),
        };
        let who = format!("the metrics listener, {peer}");
        if !self.source.steer(&steering.candidate, operation, &who) {
            return said(StatusCode::NOT_FOUND, "No such candidate");
        }
        // The next who looks sees it.
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = None;
        said(StatusCode::NO_CONTENT, "")
    }
}

/// Whether a request names a host that can't be somebody else's: an address, or localhost.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|v| v.to_str().ok()) else {
        // HTTP/1.0: no browser's.
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn page() -> Answer {
    let mut answer = whole(
        StatusCode::OK,
        "text/html; charset=utf-8",
        Bytes::from_static(PAGE.as_bytes()),
    );
    let policy = HeaderValue::from_static(PAGE_POLICY);
    answer
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    answer
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    answer
}

fn said(status: StatusCode, message: &str) -> Answer {
    let line = match message {
        "" => String::new(),
        message => format!("{message}\n"),
    };
    whole(status, "text/plain; charset=utf-8", line.into())
}
