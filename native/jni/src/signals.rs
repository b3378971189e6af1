//! How a call's native methods and its task find each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use failover_apim::{ClientHeaders, Offer, conventions, join, trace_headers};
use failover_executor::{Candidates, PathRewriting, Unusable, Upstream};
use http::{HeaderMap, Method};
use tokio::sync::{Notify, oneshot};

use crate::exceptions::Thrown;

/// What the client has sent, but for the body.
pub(crate) struct Sent {
    pub(crate) method: String,
    /// Behind the API's context, as providers may see it.
    pub(crate) path: String,
    pub(crate) content_type: Option<String>,
    pub(crate) headers: ClientHeaders,
}

/// What a call's native methods and its task share.
pub(crate) struct Signals {
    sent: Sent,
    /// Set when each candidate has a path of its own.
    rewriting: Option<PathRewriting>,
    candidates: Candidates,
    /// The headers by which the next candidate goes on with the trace.
    trace: Mutex<HeaderMap>,
    pub(crate) writable: Notify,
    state: Mutex<Resolution>,
    asked: Mutex<Option<Asked>>,
}

/// A candidate that Java is resolving.
struct Asked {
    offer: Offer,
    /// The path that it has without credentials of its own.
    path: String,
    /// What it will be sent.
    body: Bytes,
}

#[derive(Default)]
enum Resolution {
    #[default]
    Nobody,
    Early(Result<Upstream, Unusable>),
    Awaited(oneshot::Sender<Result<Upstream, Unusable>>),
}

impl Signals {
    pub(crate) fn new(
        sent: Sent,
        rewriting: Option<PathRewriting>,
        candidates: Candidates,
    ) -> Self {
        Signals {
            sent,
            rewriting,
            candidates,
            trace: Mutex::default(),
            writable: Notify::new(),
            state: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// Begins to ask for a candidate. Returns where its security mediators start from: the path, and the headers that
    /// they are not to find.
    pub(crate) fn ask(&self, candidate: usize, body: &Bytes) -> (String, Vec<&str>) {
        let path = match &self.rewriting {
            Some(rewriting) => rewriting.path_for(&self.sent.path, candidate).into_owned(),
            None => self.sent.path.clone(),
        };
        let offer = Offer::new(&path);
        let offered = offer.path().to_owned();
        *self.asked() = Some(Asked {
            offer,
            path,
            body: body.clone(),
        });
        (offered, self.sent.headers.withheld())
    }

    fn asked(&self) -> MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spelling of the request that signers are to sign: the path, and path with query.
    pub(crate) fn to_sign(&self, url: &str, path: &str) -> Result<[String; 2], Thrown> {
        let mut asked = self.asked();
        let asked = asked.as_mut();
        let asked = asked.ok_or_else(|| Thrown::Other("no candidate was asked for".to_owned()))?;
        let url = asked
            .offer
            .to_sign(url, path, self.sent.content_type.as_deref())?;
        Ok([url.path().to_owned(), url.path_and_query()])
    }

    /// What the candidate that was asked for will be sent.
    pub(crate) fn body(&self) -> Bytes {
        let asked = self.asked();
        asked
            .as_ref()
            .map(|asked| asked.body.clone())
            .unwrap_or_default()
    }

    /// The candidate that was asked for has no credentials of its own.
    pub(crate) fn plain(&self, url: &str) {
        if let Some(asked) = self.asked().take() {
            let headers = self.sent.headers.for_provider();
            self.found(self.upstream(join(url, &asked.path), headers, false));
        }
    }

    /// The candidate that was asked for has these, as its security mediators have put them in.
    pub(crate) fn credentialed(&self, url: &str, path: &str, after: &Bytes) -> Result<(), Thrown> {
        // A stream would keep the body to its end.
        let asked = self.asked().take();
        if let Some(Asked { offer, body, .. }) = asked {
            let sent = offer.applied(&self.sent.headers, url, path, after, &body)?;
            self.found(self.upstream(sent.url, sent.headers, true));
        }
        Ok(())
    }

    /// The candidate that was asked for can't be called.
    pub(crate) fn unusable(&self, why: String) {
        self.asked().take();
        self.found(Err(Unusable(why)));
    }

    /// What tracing calls a candidate: operation, provider, model, endpoint, and whether a stream was asked for.
    pub(crate) fn described(&self, candidate: usize) -> [String; 5] {
        let candidates = &self.candidates;
        [
            conventions::operation(&self.sent.path).to_owned(),
            conventions::provider(candidates.provider().as_deref()).to_owned(),
            candidates.model(candidate).unwrap_or_default().to_owned(),
            candidates
                .endpoint_id(candidate)
                .unwrap_or_default()
                .to_owned(),
            candidates.stream().to_string(),
        ]
    }

    /// Has the candidate that is resolved next go on with a trace.
    pub(crate) fn trace(&self, block: &Bytes) {
        *self.trace.lock().unwrap_or_else(PoisonError::into_inner) = trace_headers(block);
    }

    fn upstream(
        &self,
        url: String,
        mut headers: HeaderMap,
        own_credential: bool,
    ) -> Result<Upstream, Unusable> {
        // In the place of those by which the gateway would have gone on with the request's own.
        for (name, value) in &*self.trace.lock().unwrap_or_else(PoisonError::into_inner) {
            headers.insert(name, value.clone());
        }
        let method = self.sent.method.parse::<Method>();
        let method =
            method.map_err(|_| Unusable("the request's method is not a valid one".to_owned()))?;
        Ok(Upstream {
            method,
            url,
            headers,
            own_credential,
        })
    }

    /// What the gateway found out about a candidate: for the task that asked, or kept for its start.
    fn found(&self, upstream: Result<Upstream, Unusable>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *state) {
            // The receiver is gone when the call was cancelled.
            Resolution::Awaited(sender) => drop(sender.send(upstream)),
            Resolution::Nobody | Resolution::Early(_) => *state = Resolution::Early(upstream),
        }
    }

    pub(crate) fn early(&self) -> Option<Result<Upstream, Unusable>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *state) {
            Resolution::Early(upstream) => Some(upstream),
            other => {
                *state = other;
                None
            }
        }
    }

    pub(crate) fn wait(&self) -> oneshot::Receiver<Result<Upstream, Unusable>> {
        let (sender, receiver) = oneshot::channel();
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Resolution::Awaited(sender);
        receiver
    }
}
