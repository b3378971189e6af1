//! A streamed answer: buffered up to its first useful chunk, then passed on event by event as it comes.

use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use bytes::Bytes;
use failover_metrics::Histogram;
use failover_wire::refusal::Refusal;
use failover_wire::stream::{Event, Stream, Worth};
use futures_util::StreamExt;
use tokio::time::Instant;

use crate::body::{NoMemory, Tally};
use crate::caught::caught;
use crate::deadline::Deadline;
use crate::delivery::Sink;
use crate::gateway::{Gateway, Head};
use crate::outcome::Outcome;
use crate::transport::{BodyStream, NetError};
use crate::turns::{Turns, aside};

/// How long the last bytes of a body's framing are waited for, without which the connection can't be used again.
const GRACE: Duration = Duration::from_secs(1);

/// A stream that came as one body is read in pieces of so many bytes.
const PIECE: usize = 64 * 1024;

/// A stream that has begun, before its first useful chunk.
pub(crate) struct Relay {
    head: Head,
    body: Turns,
    stream: Stream,
    buffered: Vec<Event>,
    tally: Tally,
    own_credential: bool,
}

/// A stream that came to nothing before its first useful chunk.
pub(crate) struct Uncommitted {
    pub(crate) outcome: Outcome,
    /// What the provider says of its failure, if it does.
    pub(crate) refusal: Option<Refusal>,
    pub(crate) head: Head,
}

/// A stream whose first useful chunk has come: no other candidate is asked any more, unless it breaks.
pub(crate) struct Committed(Relay);

/// A stream that a client has begun to get. What it has used is said when it ends, however that comes about: a client
/// who leaves drops it.
pub(crate) struct Delivered<'a> {
    stream: Stream,
    account: &'a (dyn Fn(&Stream) + Sync),
    accounted: bool,
}

impl Delivered<'_> {
    /// Says what it has used, if that has not been said.
    pub(crate) fn account(&mut self) {
        if !std::mem::replace(&mut self.accounted, true) {
            (self.account)(&self.stream);
        }
    }

    /// Another answer says it.
    pub(crate) fn forget(&mut self) {
        self.accounted = true;
    }
}

impl Deref for Delivered<'_> {
    type Target = Stream;

    fn deref(&self) -> &Stream {
        &self.stream
    }
}

impl Drop for Delivered<'_> {
    fn drop(&mut self) {
        // It can run because of a panic, and a second one that got out of here would end the process.
        let _ = catch_unwind(AssertUnwindSafe(|| self.account()));
    }
}

/// A stream that is whole. The gateway has not been told of its end yet.
pub(crate) struct Whole<'a> {
    /// What the client has.
    pub(crate) stream: Delivered<'a>,
    body: Turns,
}

/// A stream that broke after its first useful chunk.
pub(crate) struct Cut<'a> {
    /// What the client has.
    pub(crate) stream: Delivered<'a>,
    /// The provider's own error event, not passed on yet.
    pub(crate) error: Option<Bytes>,
    /// What it says in there.
    pub(crate) refusal: Option<Refusal>,
    /// [`Outcome::StreamCut`], [`Outcome::Diverged`], [`Outcome::NoMemory`] or [`Outcome::Panicked`]; of a stream that
    /// is collected also [`Outcome::TooLarge`].
    pub(crate) outcome: Outcome,
}

impl Relay {
    /// `tally` counts what it buffers.
    pub(crate) fn new(
        head: Head,
        body: BodyStream,
        stream: Stream,
        tally: Tally,
        own_credential: bool,
    ) -> Self {
        Relay {
            own_credential,
            head,
            body: Turns::new(body),
            stream,
            buffered: Vec::new(),
            tally,
        }
    }

    /// Reads up to the first useful chunk and keeps what came before it, as one piece: an event takes more room than
    /// the few bytes that it may have. `max` counts complete events; one that is not complete yet has the limit of its
    /// framing. What is not useful does not restart the clock.
    /// `minds_filters`: what a content filter refused from the beginning is not passed on.
    pub(crate) async fn commit(
        mut self,
        max: u64,
        deadline: Deadline,
        minds_filters: bool,
    ) -> Result<Committed, Uncommitted> {
        match self.read_to_useful(max, deadline).await {
            Ok(()) if minds_filters && self.stream.filtered() => Err(Uncommitted {
                outcome: Outcome::ContentFilter,
                refusal: None,
                head: self.head,
            }),
            Ok(()) => Ok(Committed(self)),
            Err(outcome) => Err(Uncommitted {
                outcome,
                refusal: self.stream.take_refusal(),
                head: self.head,
            }),
        }
    }

    async fn read_to_useful(&mut self, max: u64, deadline: Deadline) -> Result<(), Outcome> {
        let mut buffered: u64 = 0;
        let mut before = Vec::new();
        loop {
            let (events, whole) = match deadline.bound(self.body.next()).await {
                Ok(Some(Ok(bytes))) => {
                    self.tally
                        .set(before.len() + buffered_by(&self.stream) + bytes.len())?;
                    (feed(&mut self.stream, &bytes), false)
                }
                Ok(Some(Err(_))) => return Err(Outcome::Network(NetError::BrokenOff)),
                Ok(None) => (self.stream.finish().into_iter().collect(), true),
                Err(_) => return Err(Outcome::TimedOut),
            };
            // Several events can come in one piece: the first that says something counts.
            let says = |w: &Worth| !matches!(w, Worth::Nothing | Worth::Unreadable);
            let worth = events.iter().map(|e| e.worth).find(says);
            if worth == Some(Worth::Useful) {
                if !before.is_empty() {
                    self.buffered.push(Event {
                        bytes: before.into(),
                        worth: Worth::Nothing,
                    });
                }
                self.buffered.extend(events);
                return Ok(());
            }
            for event in events {
                buffered = buffered.saturating_add(event.bytes.len() as u64);
                // What is unreadable is left out.
                if event.worth == Worth::Nothing {
                    let more = before.try_reserve(event.bytes.len());
                    more.map_err(|_| Outcome::NoMemory)?;
                    before.extend_from_slice(&event.bytes);
                }
            }
            match worth {
                Some(Worth::Diverged) => return Err(Outcome::Diverged),
                None if buffered <= max && !whole && !self.stream.ended() => {}
                _ => return Err(Outcome::NoUsefulChunk),
            }
        }
    }
}

impl Committed {
    pub(crate) fn head(&self) -> &Head {
        &self.0.head
    }

    /// Whether the candidate was called with its endpoint's own credentials.
    pub(crate) fn own_credential(&self) -> bool {
        self.0.own_credential
    }

    /// Passes the stream on, but for its end. `between` counts the time from one useful chunk to the next; `account` is
    /// told what the stream has used.
    pub(crate) async fn relay<'a, G: Gateway>(
        self,
        gateway: &G,
        sink: &mut Sink<'_, G>,
        idle: Duration,
        between: &Histogram,
        account: &'a (dyn Fn(&Stream) + Sync),
    ) -> Result<Whole<'a>, Box<Cut<'a>>> {
        let Relay {
            mut body,
            stream,
            buffered,
            head,
            mut tally,
            ..
        } = self.0;
        let mut stream = Delivered {
            stream,
            account,
            accounted: false,
        };
        // Its values are slices of the buffer that it was read into, 8 KiB.
        drop(head);
        let cut = |mut stream: Delivered<'a>, error, outcome| {
            Err(Box::new(Cut {
                refusal: stream.stream.take_refusal(),
                stream,
                error,
                outcome,
            }))
        };
        let mut clock = Deadline::after(idle);
        let mut finishing = false;
        let mut events = buffered;
        let mut gaps = Gaps::new(between);
        loop {
            let useful = match pass_on(events, &stream, sink, &mut clock, &mut gaps).await {
                Passed::On { useful } => useful,
                Passed::Whole => return Ok(Whole { stream, body }),
                Passed::Cut(error, outcome) => return cut(stream, error, outcome),
            };
            if stream.ended() {
                return Ok(Whole { stream, body });
            }
            if tally.set(buffered_by(&stream)).is_err() {
                stream.stream.forget_text();
            }
            if stream.finished() {
                // Some say in every chunk that it is the last. Once: pings would go on for ever.
                if useful || !finishing {
                    clock = Deadline::after(idle);
                }
                finishing = true;
            } else if useful {
                clock = Deadline::after(idle);
            }
            let next = Read::of(&mut body, &mut stream.stream, &mut tally, clock);
            events = match caught(gateway, next).await {
                None => return cut(stream, None, Outcome::Panicked),
                Some(Read::NoRoom) => return cut(stream, None, Outcome::NoMemory),
                Some(Read::Events(events)) => events,
                Some(Read::End(last)) => match (last, stream.announces_its_end()) {
                    // Without a marker for its end, the end of the body is the end of the stream.
                    (None, false) => return Ok(Whole { stream, body }),
                    (Some(last), false) if is_readable(&last) => {
                        return match sink.take(last.bytes).await {
                            Ok(()) => Ok(Whole { stream, body }),
                            Err(outcome) => cut(stream, None, outcome),
                        };
                    }
                    // The last event, without its blank line.
                    (Some(last), true) if last.worth == Worth::Useful => vec![last],
                    _ => return cut(stream, None, Outcome::StreamCut),
                },
                Some(Read::Nothing) if stream.finished() => return Ok(Whole { stream, body }),
                Some(Read::Nothing) => return cut(stream, None, Outcome::StreamCut),
            };
        }
    }
}

/// Counts the time from one useful chunk to the next, without the client's.
struct Gaps<'h> {
    between: &'h Histogram,
    /// When the last one had been passed on.
    since: Option<Instant>,
}

impl<'h> Gaps<'h> {
    fn new(between: &'h Histogram) -> Self {
        Gaps {
            between,
            since: None,
        }
    }

    /// One has come.
    fn end(&mut self, came: Instant) {
        if let Some(since) = self.since.take() {
            self.between
                .record(came.saturating_duration_since(since), None);
        }
    }
}

/// What came of events that were to be passed on.
enum Passed {
    /// They were; `useful`: there was something in them.
    On { useful: bool },
    /// The stream is whole.
    Whole,
    /// It breaks here, with the provider's own error event.
    Cut(Option<Bytes>, Outcome),
}

/// Passes events on, up to one that ends the stream. The client's time is not the provider's: `clock` is put off by it.
async fn pass_on<G: Gateway>(
    events: Vec<Event>,
    stream: &Stream,
    sink: &mut Sink<'_, G>,
    clock: &mut Deadline,
    gaps: &mut Gaps<'_>,
) -> Passed {
    let mut useful = false;
    for event in events {
        useful |= event.worth == Worth::Useful;
        match event.worth {
            Worth::Unreadable => continue,
            Worth::Nothing | Worth::Useful => {
                let started = Instant::now();
                if event.worth == Worth::Useful {
                    gaps.end(started);
                }
                if let Err(outcome) = sink.take(event.bytes).await {
                    return Passed::Cut(None, outcome);
                }
                *clock = clock.later(started.elapsed());
            }
            Worth::Diverged => return Passed::Cut(None, Outcome::Diverged),
            // The answer is whole; what went wrong afterwards is nobody's business.
            _ if stream.finished() => return Passed::Whole,
            Worth::Failed => return Passed::Cut(Some(event.bytes), Outcome::StreamCut),
            Worth::Broken => return Passed::Cut(None, Outcome::StreamCut),
        }
    }
    if useful {
        gaps.since = Some(Instant::now());
    }
    Passed::On { useful }
}

/// What comes next of a body.
enum Read {
    Events(Vec<Event>),
    /// It has ended, with this left over.
    End(Option<Event>),
    /// More than there is room for.
    NoRoom,
    /// It broke, or nothing came in time; or it has ended, and the stream was whole before.
    Nothing,
}

impl Read {
    async fn of(body: &mut Turns, stream: &mut Stream, tally: &mut Tally, clock: Deadline) -> Self {
        match clock.bound(body.next()).await {
            Ok(Some(Ok(bytes))) => match make_room(tally, stream, bytes.len()) {
                Ok(()) => Read::Events(feed(stream, &bytes)),
                Err(NoMemory) => Read::NoRoom,
            },
            Ok(None) if !stream.finished() => Read::End(stream.finish()),
            _ => Read::Nothing,
        }
    }
}

impl<'a> Whole<'a> {
    /// What became of it when its end could not be collected.
    pub(crate) fn cut(self, outcome: Outcome) -> Cut<'a> {
        Cut {
            stream: self.stream,
            error: None,
            refusal: None,
            outcome,
        }
    }

    /// Reads what may still come, so that the connection can be used again.
    pub(crate) async fn drain(mut self) {
        let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
        // A provider that goes on for longer loses its connection.
        let _ = Deadline::after(GRACE).bound(rest).await;
    }
}

/// Whether what was left when the body ended is an event, and not the beginning of one.
fn is_readable(last: &Event) -> bool {
    matches!(last.worth, Worth::Nothing | Worth::Useful)
}

/// A stream that came as one body, if it is an answer: something useful in it, no error, and its end where it has one.
///
/// # Errors
/// What the provider says of its failure, if it does.
pub(crate) fn read_whole(mut stream: Stream, body: &Bytes) -> Result<Stream, Option<Box<Refusal>>> {
    let bad = |e: &Event| matches!(e.worth, Worth::Failed | Worth::Broken);
    // Piece by piece: the events of a body take many times its room.
    let mut from = 0;
    while from < body.len() {
        let end = body.len().min(from + PIECE);
        if stream.feed(&body.slice(from..end)).iter().any(bad) {
            return Err(stream.take_refusal().map(Box::new));
        }
        from = end;
    }
    let whole = !stream.finish().iter().any(bad)
        && stream.useful()
        && (stream.finished() || !stream.announces_its_end());
    match whole {
        true => Ok(stream),
        false => Err(stream.take_refusal().map(Box::new)),
    }
}

/// Counts a stream's next bytes. Rather an answer that can't be continued than none.
fn make_room(tally: &mut Tally, stream: &mut Stream, more: usize) -> Result<(), NoMemory> {
    if tally.set(buffered_by(stream) + more).is_err() {
        tally.set(stream.pending() + more)?;
        stream.forget_text();
    }
    Ok(())
}

/// The events that these bytes complete.
fn feed(stream: &mut Stream, bytes: &Bytes) -> Vec<Event> {
    aside(stream.pending() + bytes.len(), || stream.feed(bytes))
}

/// Bytes that a stream buffers between two pieces.
fn buffered_by(stream: &Stream) -> usize {
    stream.pending() + stream.delivered()
}
