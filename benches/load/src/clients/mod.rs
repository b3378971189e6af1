//! Clients that ask again and again, each over a connection of its own, for `benches/*.sh`.
//!
//! As fast as answers come (each client asks when it has its answer), or at a fixed rate. At a fixed rate a request's
//! time counts from when it was due, not from when a client was free for it, so that a gateway that falls behind shows.

mod pace;
mod results;

use std::error::Error;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use http_body_util::BodyExt;
use humantime::parse_duration;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

use crate::connection::{Connector, Sender, in_time};
use crate::cpu::{Process, time_of};
use pace::Pace;
use results::Results;

/// A client whose connection failed tries again so much later.
const BREATH: Duration = Duration::from_millis(1);

/// Asks again and again. Prints one line,
/// `CSV requests_per_second,p50_us,p99_us,p999_us,failed,cpu_us_per_request`; the last is empty without --cpu-of.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to POST
    url: Uri,
    /// PEM file of the certificate that is trusted, for https
    #[arg(long)]
    trusted: Option<PathBuf>,
    /// Speak HTTP/2
    #[arg(long)]
    http2: bool,
    /// The model that is asked for
    #[arg(long, default_value = "gpt-4o")]
    model: String,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 16)]
    connections: usize,
    /// Requests a second in all; otherwise as many as are answered
    #[arg(long)]
    rate: Option<u32>,
    /// Bytes of a request's body
    #[arg(long, default_value_t = 512)]
    request: usize,
    /// Fewest bytes of an answer's body; one that is shorter has failed
    #[arg(long, default_value_t = 2)]
    answer: usize,
    /// For how long before anything counts
    #[arg(long, value_parser = parse_duration, default_value = "300ms")]
    settle: Duration,
    /// For how long requests count
    #[arg(long, value_parser = parse_duration, default_value = "5s")]
    measure: Duration,
    /// A header, `name:value`; as often as there are some
    #[arg(long = "header", value_parser = header)]
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The process whose processor time is read before and after
    #[arg(long)]
    cpu_of: Option<u32>,
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("no colon in it")?;
    let name = name.parse::<HeaderName>().map_err(|e| e.to_string())?;
    let value = value.trim().parse::<HeaderValue>();
    Ok((name, value.map_err(|e| e.to_string())?))
}

/// What all clients share.
struct Question {
    connector: Connector,
    body: Bytes,
    headers: HeaderMap,
    shortest: usize,
    pace: Pace,
    results: Results,
}

/// Runs the command.
///
/// # Errors
/// Arguments that can't be used, a process that is none, and that nothing was answered.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let process = arguments.cpu_of.map(Process);
    let question = Rc::new(Question {
        connector: Connector::new(arguments.url, arguments.trusted.as_deref(), arguments.http2)?,
        body: body(&arguments.model, arguments.request),
        headers: HeaderMap::from_iter(arguments.headers),
        shortest: arguments.answer,
        pace: arguments.rate.map_or(Pace::AsAnswered, Pace::fixed),
        results: Results::new()?,
    });
    let clients = LocalSet::new();
    for _ in 0..arguments.connections {
        clients.spawn_local(Rc::clone(&question).ask_on());
    }
    let results = &question.results;
    let line = clients
        .run_until(async {
            sleep(arguments.settle).await;
            let before = time_of(process)?;
            let began = Instant::now();
            results.count(true);
            sleep(arguments.measure).await;
            results.count(false);
            let took = began.elapsed();
            let spent = time_of(process)?
                .zip(before)
                .map(|(b, a)| b.saturating_sub(a));
            Ok::<_, Box<dyn Error>>(results.line(took, spent))
        })
        .await?;
    for (why, requests) in results.failures() {
        eprintln!("load: {requests} requests: {why}");
    }
    println!("CSV {line}");
    if results.answered() == 0 {
        return Err("no request was answered".into());
    }
    Ok(())
}

/// A chat request of so many bytes, or as few as it can have.
fn body(model: &str, bytes: usize) -> Bytes {
    let with = |content: &str| {
        let body = serde_json::json!({
            "model": model,
            "messages": [{"role": "user", "content": content}],
        });
        body.to_string()
    };
    let rest = bytes.saturating_sub(with("").len());
    with(&"x".repeat(rest)).into()
}

impl Question {
    async fn ask_on(self: Rc<Self>) {
        let mut sender = None;
        loop {
            let since = self.pace.next().await;
            let asked = self.ask(&mut sender).await;
            let failed = asked.is_err();
            self.results.ended(since.elapsed(), asked);
            if failed {
                sender = None;
                sleep(BREATH).await;
            }
        }
    }

    async fn ask(&self, sender: &mut Option<Sender>) -> Result<(), String> {
        if sender.is_none() {
            *sender = Some(self.connector.connect().await?);
        }
        let Some(sender) = sender else {
            return Err("no connection".into());
        };
        let request = self.connector.request(self.body.clone());
        let mut request = request.map_err(|e| e.to_string())?;
        request.headers_mut().extend(self.headers.clone());
        let answer = in_time(sender.send(request), "answer").await?;
        let status = answer.status();
        let body = in_time(answer.into_body().collect(), "body").await?;
        if status != StatusCode::OK {
            return Err(format!("status {}", status.as_u16()));
        }
        let bytes = body.to_bytes().len();
        if bytes < self.shortest {
            return Err(format!("an answer of {bytes} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_bytes_that_were_asked_for() {
        for bytes in [512, 10_240, 1_048_576] {
            assert_eq!(body("gpt-4o", bytes).len(), bytes);
        }
    }

    #[test]
    fn a_request_that_would_be_too_short_is_as_short_as_it_can_be() {
        let shortest = body("gpt-4o", 0);
        assert!(serde_json::from_slice::<serde_json::Value>(&shortest).is_ok());
    }
}
