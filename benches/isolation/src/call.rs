//! A request through the executor as the native library drives it: prepared, resolved, run.

use std::error::Error;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use failover_apim::{ClientHeaders, Offer, path_for_providers};
use failover_executor::{
    Answer, Arrival, AttachedPolicy, Call, Decision, Failure, Gateway, Head, HeaderLengths,
    Metadata, NetError, Panic, Registry, Report, Scope, Transport, Unusable, Upstream,
};
use failover_policy::{KeyType, Policy, Settings};
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// Behind the API's context.
const PATH: &str = "/chat/completions";

/// What the client has sent.
const HEADERS: &[u8] = b"Content-Type:application/json\nAccept:*/*\nUser-Agent:bench\n";

/// The same after an endpoint's security mediators.
const CREDENTIALED: &[u8] =
    b"Content-Type:application/json\nAccept:*/*\nUser-Agent:bench\nAuthorization:Bearer sk-bench\n";

/// The model that is asked for, and the one behind it.
const MODELS: [&str; 2] = ["gpt-4o", "gpt-4o-mini"];

/// An API whose policy has a target and a fallback at one provider, and keeps no knowledge of failures.
pub struct Api {
    attached: Arc<AttachedPolicy>,
    headers: Bytes,
    credentialed: Bytes,
    /// The provider's address and the API's path there.
    endpoint: String,
}

impl Api {
    /// With its provider at `endpoint`. Wants to be called on a runtime: the policy's clock is tokio's.
    ///
    /// # Errors
    /// A policy that can't be read.
    pub fn new(endpoint: &str) -> Result<Api, Box<dyn Error>> {
        let [target, fallback] =
            MODELS.map(|model| format!(r#"{{"model":"{model}","endpointId":"provider"}}"#));
        let configs = format!(
            r#"{{"production":{{"targetModel":{target},"fallbackModels":[{fallback}]}},
                "requestTimeout":"30","suspendDuration":"0","targetRetries":"0"}}"#
        );
        let policy = Policy::read(&configs, &[], &Settings::default())?;
        let scope = Scope {
            tenant: "carbon.super".to_owned(),
            api: "Assistant".to_owned(),
            version: "1.0.0".to_owned(),
        };
        let attached = Registry::default().attach(Arc::new(policy), &scope, None);
        Ok(Api {
            attached,
            headers: Bytes::from_static(HEADERS),
            credentialed: Bytes::from_static(CREDENTIALED),
            endpoint: endpoint.to_owned(),
        })
    }

    /// Decides about a request; a call when it is ours.
    pub fn prepare(&self, body: Bytes) -> Option<Request<'_>> {
        let headers = ClientHeaders::read(&self.headers, None, &[]);
        let (longest, all) = headers.lengths();
        let arrival = Arrival {
            path: PATH,
            content_type: Some("application/json"),
            content_encoding: None,
            control: None,
            headers: HeaderLengths { longest, all },
            body,
            reserved: 0,
        };
        match self.attached.prepare(KeyType::Production, arrival) {
            Decision::Handle(call) => Some(Request {
                api: self,
                headers,
                path: path_for_providers(PATH).into_owned(),
                call,
            }),
            Decision::PassOn | Decision::Refuse(_) => None,
        }
    }

    fn resolve(
        &self,
        headers: &ClientHeaders,
        path: &str,
        body: &[u8],
    ) -> Result<Upstream, Unusable> {
        let offer = Offer::new(path);
        let offered = offer.path().to_owned();
        let sent = offer.applied(headers, &self.endpoint, &offered, &self.credentialed, body);
        let sent = sent.map_err(|e| Unusable(e.to_string()))?;
        Ok(Upstream {
            method: Method::POST,
            url: sent.url,
            headers: sent.headers,
            own_credential: true,
        })
    }
}

/// A request that was taken over.
pub struct Request<'a> {
    api: &'a Api,
    headers: ClientHeaders,
    path: String,
    call: Box<Call>,
}

impl Request<'_> {
    /// Resolves the first candidate and makes the attempts; `client` counts what comes of it.
    pub async fn run<T: Transport>(mut self, transport: &T, client: &Client) {
        let first = self.call.first_candidate();
        let first = first.map(|(_, body)| self.api.resolve(&self.headers, &self.path, &body));
        let gateway = Exchange {
            api: self.api,
            headers: &self.headers,
            path: &self.path,
            client,
        };
        self.call.run(transport, &gateway, first).await;
    }
}

/// Counts what clients were told.
#[derive(Default)]
pub struct Client {
    answered: AtomicU64,
    failed: AtomicU64,
}

impl Client {
    /// Requests that had a provider's answer with status 200.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// All others.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

struct Exchange<'a> {
    api: &'a Api,
    headers: &'a ClientHeaders,
    path: &'a str,
    client: &'a Client,
}

impl Gateway for Exchange<'_> {
    fn resolve(
        &self,
        _: usize,
        body: &Bytes,
    ) -> impl Future<Output = Result<Upstream, Unusable>> + Send {
        ready(self.api.resolve(self.headers, self.path, body))
    }

    fn one_piece(&self) -> usize {
        16 * 1024
    }

    fn answer(&self, head: Head, _: Bytes) {
        if head.status == StatusCode::OK {
            self.client.answered.fetch_add(1, Ordering::Relaxed);
        } else {
            self.client.failed.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn fail(&self, _: Failure) {
        self.client.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn begin(&self, _: Head, _: Option<usize>) {}

    fn data(&self, bytes: &Bytes) -> usize {
        bytes.len()
    }

    fn writable(&self) -> impl Future<Output = ()> + Send {
        ready(())
    }

    fn used(&self, _: usize, _: Metadata) {}

    fn end(&self) {}

    fn abort(&self) {
        self.client.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn panicked(&self, _: Panic) {
        self.client.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn report(&self, _: &Report) {}
}

/// A provider without a network: it answers at once, the target perhaps with 503.
pub struct AtOnce {
    /// Whether the target fails.
    pub target_fails: bool,
}

impl Transport for AtOnce {
    fn send(
        &self,
        _: Upstream,
        body: Bytes,
    ) -> impl Future<Output = Result<Answer, NetError>> + Send {
        // The copy for the fallback names it.
        let fallback = body
            .windows(MODELS[1].len())
            .any(|w| w == MODELS[1].as_bytes());
        let (status, text) = match self.target_fails && !fallback {
            true => (StatusCode::SERVICE_UNAVAILABLE, OVERLOADED),
            false => (StatusCode::OK, COMPLETION),
        };
        let json = HeaderValue::from_static("application/json");
        let body = Bytes::from_static(text.as_bytes());
        ready(Ok(Answer {
            status,
            headers: HeaderMap::from_iter([(header::CONTENT_TYPE, json)]),
            body: Box::pin(stream::iter([Ok(body)])),
        }))
    }
}

const OVERLOADED: &str = r#"{"error":{"message":"overloaded","type":"server_error"}}"#;

/// What a provider answers.
pub const COMPLETION: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1700000000,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"It let people who were far from each other speak as if they stood in one room. Many first took it for a toy, and some for a danger. Bell had his patent in 1876, Gray came some hours late."},"finish_reason":"stop"}],"usage":{"prompt_tokens":42,"completion_tokens":57,"total_tokens":99}}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request;

    #[tokio::test]
    async fn a_request_is_answered_also_when_its_target_fails() -> Result<(), Box<dyn Error>> {
        let api = Api::new("http://127.0.0.1:1/v1")?;
        let client = Client::default();
        for target_fails in [false, true] {
            let call = api.prepare(request(512).into()).ok_or("not ours")?;
            call.run(&AtOnce { target_fails }, &client).await;
        }
        assert_eq!((client.answered(), client.failed()), (2, 0));
        Ok(())
    }

    #[tokio::test]
    async fn a_request_for_another_model_is_not_ours() -> Result<(), Box<dyn Error>> {
        let api = Api::new("http://127.0.0.1:1/v1")?;
        let other = br#"{"model":"another","messages":[]}"#;
        assert!(api.prepare(Bytes::from_static(other)).is_none());
        Ok(())
    }
}
