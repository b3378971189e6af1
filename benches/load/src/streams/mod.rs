//! Opens many event streams at once and times their chunks, for `benches/streams.sh`.
//!
//! The provider writes into each chunk its place in the stream and when it was sent; provider and clients share the
//! machine's clock, so the difference is the delay from the one to the other. The streams begin one after the other
//! over the ramp, and with them their chunks are spread over the interval.

mod chunk;
mod client;
mod tally;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use http::Uri;
use humantime::parse_duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

use crate::connection::Connector;
use crate::cpu::{Process, time_of};
use client::Question;
use tally::Tally;

/// Opens event streams and times their chunks. Prints `open N` when N streams have their first chunk and the ramp is
/// over, `measured` when the time to measure is over, and at the end one line
/// `CSV whole,failed,lost,reordered,chunks,p50,p90,p99,p999,max,cpu_us_per_chunk` with delays in microseconds; the last
/// is empty without --cpu-of.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to POST
    url: Uri,
    /// The model that is asked for
    #[arg(long)]
    model: String,
    /// How many chunks with a stamp it sends
    #[arg(long)]
    chunks: u64,
    /// How many streams
    #[arg(long)]
    streams: usize,
    /// Over how long the streams begin
    #[arg(long, value_parser = parse_duration)]
    ramp: Duration,
    /// For how long delays are measured, once all streams are open
    #[arg(long, value_parser = parse_duration)]
    measure: Duration,
    /// The process whose processor time is read before and after
    #[arg(long)]
    cpu_of: Option<u32>,
}

/// Runs the command.
///
/// # Errors
/// Arguments that can't be used.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let tally = Arc::new(Tally::new()?);
    let question = Arc::new(Question {
        connector: Connector::new(arguments.url, None, false)?,
        model: arguments.model,
        chunks: arguments.chunks,
    });
    let streams = u32::try_from(arguments.streams)?;
    // Each client holds a permit until its stream is open.
    let closed = Arc::new(Semaphore::new(arguments.streams));
    let mut clients = JoinSet::new();
    let mut ticks = interval((arguments.ramp / streams.max(1)).max(Duration::from_nanos(1)));
    for _ in 0..streams {
        ticks.tick().await;
        let first = Arc::clone(&closed).acquire_owned().await?;
        let (question, tally) = (Arc::clone(&question), Arc::clone(&tally));
        clients.spawn(async move { tally.ended(question.ask(&tally, first).await) });
    }
    let _ = closed.acquire_many(streams).await?;
    println!("open {streams}");
    let process = arguments.cpu_of.map(Process);
    let before = time_of(process)?;
    tally.measure(true);
    sleep(arguments.measure).await;
    tally.measure(false);
    let spent = time_of(process)?
        .zip(before)
        .map(|(b, a)| b.saturating_sub(a));
    println!("measured");
    while clients.join_next().await.is_some() {}
    for (why, streams) in tally.failures() {
        eprintln!("load: {streams} streams: {why}");
    }
    println!("CSV {}", tally.line(spent));
    Ok(())
}
