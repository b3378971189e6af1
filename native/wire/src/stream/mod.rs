//! A streamed answer as its client gets it: cut into events by its framing, judged by its wire format
//! (`behaviour.md` §5), and put together when one candidate goes on where another broke off (§6).

mod continuation;
mod event;
mod format;
mod framing;
mod hidden_usage;
mod joining;
mod observer;
mod overlap;
mod refused;
mod usage;

use bytes::Bytes;

pub use continuation::{Continuation, NoWayOn};
pub use event::Event;
pub use format::Worth;
pub use observer::Observer;
pub use usage::Tokens;

use crate::refusal::Refusal;
use event::joined;
use format::{Format, Wishes};
use framing::{Content, Frame, Framing};
use hidden_usage::without_usage;
use joining::{Before, Joining};
use refused::refusal_of;

/// A stream is read in pieces of so many bytes: what becomes of a piece takes up to a hundred times its room for a
/// moment.
const PIECE: usize = 16 * 1024;

/// A client's stream.
#[derive(Debug)]
pub struct Stream {
    framing: Framing,
    format: Option<Box<dyn Format>>,
    useful: bool,
    /// Whether the first that it has is the end that a content filter has put to it.
    filtered: bool,
    closed: bool,
    hides_usage: bool,
    observer: Option<Box<dyn Observer>>,
    /// The text that the client has, as far as it is kept, and how much of it may be.
    text: String,
    max_text: usize,
    forgotten: bool,
    /// Set while a candidate goes on from another's text.
    joining: Option<Joining>,
    /// What the provider has said of its failure.
    refusal: Option<Refusal>,
}

impl Stream {
    /// The stream of an answer with this content type. `None`: a whole JSON document. `in_array`: the request's
    /// format streams an array of JSON. `max_text`: how many bytes of text are kept for another candidate.
    pub fn from_content_type(
        content_type: Option<&str>,
        in_array: bool,
        max_text: usize,
    ) -> Option<Stream> {
        Some(Stream::new(
            Framing::from_content_type(content_type, in_array)?,
            max_text,
        ))
    }

    /// A stream that is passed on as it comes, whatever is in it.
    pub fn opaque() -> Stream {
        Stream::new(Framing::Opaque, 0)
    }

    fn new(framing: Framing, max_text: usize) -> Stream {
        Stream {
            framing,
            format: None,
            useful: false,
            filtered: false,
            closed: false,
            hides_usage: false,
            observer: None,
            text: String::new(),
            max_text,
            forgotten: max_text == 0,
            joining: None,
            refusal: None,
        }
    }

    /// The client has not asked for `stream_options.include_usage`, and the request has: the chunk that comes for it is
    /// counted and not passed on, neither from this candidate nor from those who go on. A chunk that has a choice beside
    /// its usage stays as it is, and so does the `"usage":null` of the others, which client libraries pass over.
    /// Formats without such an option are not changed.
    pub fn hide_usage(&mut self) {
        self.hides_usage = true;
    }

    /// Shows the events to an observer as long as no format known here has found any usage in them. [`Stream::tokens`]
    /// and [`Stream::model`] are what it has read where the format says nothing.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// Takes the next bytes, cut anywhere, and gives the events that they complete: up to one that ends the
    /// candidate's part, because what follows it is not the client's any more.
    pub fn feed(&mut self, bytes: &Bytes) -> Vec<Event> {
        let mut events = Vec::new();
        let mut from = 0;
        while from < bytes.len() {
            let end = match self.framing {
                Framing::Opaque => bytes.len(),
                _ => bytes.len().min(from + PIECE),
            };
            for frame in self.framing.feed(&bytes.slice(from..end)) {
                let event = self.take(frame);
                let over = matches!(event.worth, Worth::Failed | Worth::Broken | Worth::Diverged);
                events.push(event);
                if over {
                    return events;
                }
            }
            from = end;
        }
        events
    }

    /// Bytes of an event that is not complete yet.
    pub fn pending(&self) -> usize {
        self.framing.pending()
    }

    /// Lets the delivered text go: the stream can't be gone on with any more.
    pub fn forget_text(&mut self) {
        self.forgotten = true;
        self.text = String::new();
        if let Some(format) = &mut self.format {
            format.forget();
        }
    }

    /// What was left without its end when the body ended.
    pub fn finish(&mut self) -> Option<Event> {
        let frame = self.framing.finish()?;
        let mut event = self.take(frame);
        if !event.bytes.is_empty()
            && self.announces_its_end()
            && matches!(self.framing, Framing::Sse(_))
        {
            // Something may follow it.
            event.bytes = joined([event.bytes, Bytes::from_static(b"\n\n")]);
        }
        Some(event)
    }

    /// Whether something useful has come from the candidate that answers now.
    pub fn useful(&self) -> bool {
        self.useful
    }

    /// Whether nothing useful has come but that a content filter refuses.
    pub fn filtered(&self) -> bool {
        self.filtered
    }

    /// Whether the answer is whole, even if the connection breaks now.
    pub fn finished(&self) -> bool {
        self.closed || self.format.as_ref().is_some_and(|f| f.finished())
    }

    /// Whether the end marker has come: nothing follows.
    pub fn ended(&self) -> bool {
        self.closed || self.format.as_ref().is_some_and(|f| f.ended())
    }

    /// Whether the format says when it is complete, so that the end of the body without that is a cut.
    pub fn announces_its_end(&self) -> bool {
        self.format.as_ref().is_some_and(|f| f.announces_its_end())
    }

    /// What the client gets after the last event of a finished answer: the end marker, when the provider left it out.
    pub fn ending(&self) -> Bytes {
        if self.closed {
            return Bytes::new();
        }
        let marker = self.format.as_ref().and_then(|f| f.end_marker());
        let marker = marker.and_then(|m| self.framing.write(&m));
        joined([marker.unwrap_or_default(), self.framing.closing()])
    }

    /// The format's own error event, after which the stream ends without its success marker. `None`: it has none.
    pub fn failure(&self, message: &str) -> Option<Bytes> {
        let error = self.format.as_ref()?.error(message);
        Some(joined([
            self.framing.write(&error)?,
            self.framing.closing(),
        ]))
    }

    /// A line that tells who reads the stream, and that client libraries pass over, where the framing has one.
    pub fn comment(&self, text: &str) -> Option<Bytes> {
        self.framing.comment(text)
    }

    /// What the provider has said of its failure, once an event was worth [`Worth::Failed`].
    pub fn take_refusal(&mut self) -> Option<Refusal> {
        self.refusal.take()
    }

    /// What all candidates together have used, as far as they have said.
    pub fn tokens(&self) -> Option<Tokens> {
        let format = self.format.as_ref().and_then(|f| f.tokens());
        format.or_else(|| self.observer.as_ref()?.tokens())
    }

    /// The model that the stream names: of several candidates the first that does, whose id the client sees. Bedrock's
    /// `converse-stream` names none.
    pub fn model(&self) -> Option<&str> {
        let format = self.format.as_ref().and_then(|f| f.model());
        format.or_else(|| self.observer.as_ref()?.model())
    }

    /// Bytes of text that the client has.
    pub fn delivered(&self) -> usize {
        self.text.len()
    }

    /// Whether another candidate can go on with the answer to this request.
    ///
    /// # Errors
    /// Why not.
    pub fn can_go_on(&self, request: &[u8]) -> Result<(), NoWayOn> {
        let format = self.format.as_ref().ok_or(NoWayOn::UnknownFormat)?;
        if self.forgotten {
            return Err(NoWayOn::TooLong);
        }
        if !format.is_plain_text() {
            return Err(NoWayOn::NotPlainText);
        }
        let wishes = Wishes::read(request).ok_or(NoWayOn::UnknownFormat)?;
        match wishes.are_whole() && format.asks_for_plain_text(&wishes) {
            true => Ok(()),
            false => Err(NoWayOn::NotPlainText),
        }
    }

    /// The request with the text that the client has as the beginning of the answer. `marked`: in the way of those
    /// who want to be told that it is one. `None`: the format or this request does not allow it.
    pub fn prefilled(&self, request: &[u8], marked: bool) -> Option<Vec<u8>> {
        match self.text.trim_end() {
            "" => None,
            text => self.format.as_ref()?.prefilled(request, text, marked),
        }
    }

    /// The same stream, with another candidate going on. `None`: its answer has another framing.
    pub fn joined_by(
        &self,
        content_type: Option<&str>,
        in_array: bool,
        continuation: Continuation,
    ) -> Option<Stream> {
        let framing = Framing::from_content_type(content_type, in_array)?;
        if !framing.is_like(&self.framing) {
            return None;
        }
        let mut text = String::new();
        text.try_reserve_exact(self.text.len()).ok()?;
        text.push_str(&self.text);
        let mut format = self.format.as_ref()?.boxed();
        format.go_on();
        Some(Stream {
            framing,
            format: Some(format),
            useful: false,
            filtered: false,
            closed: false,
            // What it reads is not gone on with.
            observer: None,
            refusal: None,
            text,
            joining: Some(Joining::new(continuation)),
            ..*self
        })
    }

    fn take(&mut self, mut frame: Frame) -> Event {
        let mut said = String::new();
        let mut worth = self.judge(&frame, &mut said);
        if matches!(frame.content, Content::Outline(_)) {
            // What was not read of it can't be gone on from, nor be written anew.
            match (&self.joining, worth) {
                (None, _) => self.forget_text(),
                (Some(_), Worth::Failed) => {}
                (Some(_), _) => worth = Worth::Broken,
            }
        }
        if worth == Worth::Nothing && self.hides(&frame) {
            frame = without_usage(&self.framing, frame);
        }
        if worth == Worth::Useful && !self.useful {
            self.filtered = said.is_empty()
                && matches!(&frame.content, Content::Json(event) if format::is_filtered(event));
        }
        self.useful |= worth == Worth::Useful;
        if worth == Worth::Failed {
            self.refusal = refusal_of(&frame);
        }
        let event = match worth {
            _ if self.joining.is_some() => self.join(frame, &mut said, worth),
            Worth::Failed => Event {
                bytes: self.last_words(frame),
                worth,
            },
            _ => Event {
                bytes: frame.raw,
                worth,
            },
        };
        self.keep(&said);
        event
    }

    /// Whether a frame is the answer to a question that the client has not asked. Elements of an array are needed for
    /// its brackets.
    fn hides(&self, frame: &Frame) -> bool {
        self.hides_usage
            && matches!(self.framing, Framing::Sse(_))
            && matches!((&frame.content, &self.format),
                (Content::Json(event), Some(format)) if format.is_usage_only(event))
    }

    /// The provider's own error, as the end of the client's stream.
    fn last_words(&self, frame: Frame) -> Bytes {
        let raised = match (&frame.content, &self.format) {
            (Content::Json(event) | Content::Outline(event), Some(format)) => format.raised(event),
            _ => None,
        };
        let raised = raised.and_then(|message| self.framing.write(&message));
        joined([raised.unwrap_or(frame.raw), self.framing.closing()])
    }

    fn judge(&mut self, frame: &Frame, said: &mut String) -> Worth {
        match &frame.content {
            // The body ends, and the answer has not.
            Content::End if self.announces_its_end() && !self.finished() => return Worth::Broken,
            Content::End => self.closed = true,
            Content::Json(event) | Content::Outline(event) => {
                if self.format.is_none() {
                    self.format = format::recognise(&frame.name, event);
                    if let (true, Some(format)) = (self.forgotten, &mut self.format) {
                        format.forget();
                    }
                }
                if let Some(observer) = &mut self.observer {
                    observer.observe(event);
                }
                if let (Some(format), true) = (&mut self.format, frame.name != "error") {
                    let worth = format.read(&frame.name, event, said);
                    if self.observer.is_some() && format.tokens().is_some() {
                        self.observer = None;
                    }
                    return worth;
                }
            }
            Content::Text(word) => match (&mut self.format, word.trim_ascii()) {
                (Some(format), word) if frame.name != "error" => return format.read_word(word),
                // Chat completions' end marker, and nothing before it.
                (None, b"[DONE]") => {
                    self.closed = true;
                    return Worth::Nothing;
                }
                _ => {}
            },
            _ => {}
        }
        format::anything_else(frame)
    }

    /// A frame of a candidate that goes on, as the client gets it. `said` becomes what it adds to the text.
    fn join(&mut self, frame: Frame, said: &mut String, worth: Worth) -> Event {
        match (&mut self.joining, &mut self.format, worth) {
            (Some(joining), Some(format), Worth::Nothing | Worth::Useful) => {
                let before = Before {
                    framing: &self.framing,
                    text: &self.text,
                    closed: self.closed,
                };
                joining.join(&before, format.as_mut(), frame, said, worth)
            }
            _ => {
                said.clear();
                Event::nothing(worth)
            }
        }
    }

    fn keep(&mut self, said: &str) {
        if self.forgotten || said.is_empty() {
            return;
        }
        if self.text.len() + said.len() > self.max_text
            || self.text.try_reserve(said.len()).is_err()
        {
            self.forget_text();
        } else {
            self.text.push_str(said);
        }
    }
}
