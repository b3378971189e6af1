//! One client: a connection of its own, one request, and its stream to the end.

use std::error::Error;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyDataStream, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::chunk::{Event, now_micros};
use crate::tally::Tally;

/// A stream that says nothing for so long is taken for a dead one.
const SILENCE: Duration = Duration::from_secs(30);

/// What every client asks.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) url: Uri,
    pub(crate) model: String,
    /// Stamped chunks that the model sends.
    pub(crate) chunks: u64,
}

impl Question {
    /// Asks once and reads the stream; `first` is dropped when its first chunk is there, or never will be.
    ///
    /// # Errors
    /// Why the stream is not a whole one.
    pub(crate) async fn ask(
        &self,
        tally: &Tally,
        first: OwnedSemaphorePermit,
    ) -> Result<(), String> {
        let authority = self.url.authority().ok_or("no host in the URL")?.as_str();
        let socket = in_time(TcpStream::connect(authority), "connect").await?;
        let _ = socket.set_nodelay(true);
        let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(socket))
            .await
            .map_err(|e| explained("handshake", &e))?;
        let connection = tokio::spawn(connection);
        let answer = in_time(sender.send_request(self.request(authority)?), "answer").await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let mut events = BodyDataStream::new(answer.into_body()).eventsource();
        let mut first = Some(first);
        let mut due = 0;
        let mut finished = false;
        loop {
            let event = match timeout(SILENCE, events.next()).await {
                Ok(Some(event)) => event.map_err(|e| format!("chunk {due}: {e}"))?,
                Ok(None) if finished => break,
                Ok(None) => return Err(format!("ended without a finish reason, chunk {due}")),
                Err(_) => return Err(format!("silent, chunk {due}")),
            };
            let stamp = match Event::read(&event.data)? {
                Event::Stamped(stamp) => stamp,
                Event::Finish => {
                    finished = true;
                    continue;
                }
                Event::Other => continue,
            };
            tally.chunk(now_micros().saturating_sub(stamp.sent));
            if stamp.seq < due {
                tally.reordered();
            } else {
                tally.lost(stamp.seq - due);
                due = stamp.seq + 1;
            }
            first.take();
        }
        tally.lost(self.chunks.saturating_sub(due));
        drop(sender);
        connection.abort();
        Ok(())
    }

    fn request(&self, authority: &str) -> Result<Request<Full<Bytes>>, String> {
        let body = serde_json::json!({
            "model": self.model,
            "stream": true,
            "messages": [{"role": "user", "content": "Count the seconds, please."}],
        });
        Request::post(self.url.path())
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/json")
            .header("ApiKey", "production-bench")
            .body(Full::from(body.to_string()))
            .map_err(|e| e.to_string())
    }
}

async fn in_time<T, E: Error>(
    work: impl Future<Output = Result<T, E>>,
    what: &str,
) -> Result<T, String> {
    match timeout(SILENCE, work).await {
        Ok(done) => done.map_err(|e| explained(what, &e)),
        Err(_) => Err(format!("{what}: not in time")),
    }
}

fn explained(what: &str, error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{what}: {error}: {source}"),
        None => format!("{what}: {error}"),
    }
}
