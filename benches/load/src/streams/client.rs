//! One client: a connection of its own, one request, and its stream to the end.

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use http::StatusCode;
use http_body_util::BodyDataStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::chunk::{Event, now_micros};
use super::tally::Tally;
use crate::connection::{Connector, SILENCE, in_time};

/// What every client asks.
pub(crate) struct Question {
    pub(crate) connector: Connector,
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
        let mut sender = self.connector.connect().await?;
        let body = serde_json::json!({
            "model": self.model,
            "stream": true,
            "messages": [{"role": "user", "content": "Count the seconds, please."}],
        });
        let request = self.connector.request(body.to_string().into());
        let request = request.map_err(|e| e.to_string())?;
        let answer = in_time(sender.send(request), "answer").await?;
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
        Ok(())
    }
}
