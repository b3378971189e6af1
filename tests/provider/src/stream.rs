//! A streamed answer, made while it is sent.
//!
//! Which event comes when is decided here, what it looks like by the [format](crate::format). Events are written down
//! only when it is their turn, so that thousands of slow streams cost little memory, and a time stamp is the time of
//! sending.

use std::{collections::VecDeque, io::Write, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};

use crate::{
    content::Content,
    directives::{Cut, Directives},
    format::{About, Event, Events, Failure, Format, Part},
    framing::Framing,
    script::Step,
};

const PING_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Beginning,
    /// So many chunks of reasoning have been said.
    Reasoning(usize),
    /// A fault may come before the next content chunk.
    Fault,
    Content,
    Ending,
    EndMarker,
    /// Nothing more, for ever.
    Silence,
    /// Nothing but keep-alives, for ever.
    Pings,
    Over,
}

pub(crate) struct Stream {
    stage: Stage,
    /// What is to be done before the next stage is looked at.
    steps: VecDeque<Step>,
    directives: Arc<Directives>,
    events: Box<dyn Events>,
    framing: Box<dyn Framing>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    content: Content,
    failure: Failure,
    choices: usize,
    /// Content chunks sent, of all choices.
    sent: usize,
    /// Where the next chunk begins.
    from: usize,
    begun: bool,
}

impl Stream {
    pub(crate) fn new(
        format: &dyn Format,
        about: About,
        content: Content,
        failure: Failure,
        directives: Arc<Directives>,
    ) -> Self {
        Self {
            stage: Stage::Beginning,
            steps: VecDeque::new(),
            choices: about.choices,
            events: format.events(about),
            framing: format.framing(directives.sse),
            gzip: directives
                .gzip
                .then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            content,
            failure,
            directives,
            sent: 0,
            from: 0,
            begun: false,
        }
    }

    /// Whether everything has been said.
    pub(crate) fn is_over(&self) -> bool {
        self.stage == Stage::Over && self.steps.is_empty()
    }

    /// The next step; `None` when all is said.
    pub(crate) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(step) = self.steps.pop_front() {
                return Some(step);
            }
            self.stage = match self.stage {
                Stage::Beginning => self.begin(),
                Stage::Reasoning(said) if said < self.content.reasoning => self.reason(said),
                Stage::Reasoning(_) | Stage::Fault => self.fault(),
                Stage::Content => self.say(),
                Stage::Ending => {
                    let events = self.events.ending();
                    self.send(&events);
                    Stage::EndMarker
                }
                Stage::EndMarker => {
                    if !self.directives.no_done {
                        self.end_marker();
                    }
                    self.over()
                }
                Stage::Silence => return Some(Step::Silence),
                Stage::Pings => self.ping(),
                Stage::Over => return None,
            };
        }
    }

    fn begin(&mut self) -> Stage {
        let directives = Arc::clone(&self.directives);
        if directives.error_first {
            return self.fail();
        }
        if directives.done_only {
            self.end_marker();
            return self.over();
        }
        if directives.pings && directives.stall.is_none() && !directives.role_only_then_silence {
            return Stage::Pings;
        }
        let events = self.events.beginning();
        self.send(&events);
        if directives.role_only_then_silence {
            self.silence()
        } else {
            Stage::Reasoning(0)
        }
    }

    fn reason(&mut self, said: usize) -> Stage {
        for choice in 0..self.choices {
            let chunk = Content::reasoning_chunk(said);
            let events = self.events.content(choice, Part::Reasoning(&chunk));
            self.send(&events);
        }
        Stage::Reasoning(said + 1)
    }

    /// What goes wrong before the next content chunk.
    fn fault(&mut self) -> Stage {
        let directives = Arc::clone(&self.directives);
        let chunks = self.content.chunks * self.choices;
        // A fault after more chunks than there are comes after the last one.
        let now = |after: Option<usize>| after.is_some_and(|after| after.min(chunks) == self.sent);
        let cut = directives.cut.map(|cut| match cut {
            Cut::HalfWay => chunks / 2,
            Cut::After(chunks) => chunks,
        });
        let (cut, stall, error) = (now(cut), now(directives.stall), now(directives.error_after));
        if now(directives.bad_crc) {
            self.framing.damage_next();
        }
        if now(directives.bad_chunk) {
            let name = self.events.content_name();
            self.write(|framing, out| framing.torn(name, out));
        }
        if cut {
            self.steps.extend([Step::Flush, Step::Reset]);
            return Stage::Silence;
        }
        if stall {
            return self.silence();
        }
        if error {
            return self.fail();
        }
        if self.sent == chunks {
            return Stage::Ending;
        }
        self.wait();
        Stage::Content
    }

    /// One content chunk.
    fn say(&mut self) -> Stage {
        let (number, choice) = (self.sent / self.choices, self.sent % self.choices);
        let (chunk, end) = self.content.chunk(number, self.from);
        if choice + 1 == self.choices {
            self.from = end;
        }
        let part = if self.content.tool.is_some() {
            Part::Arguments(&chunk)
        } else {
            Part::Text(&chunk)
        };
        let events = self.events.content(choice, part);
        self.write_now(|framing, out| write_all(framing, &events, out));
        self.sent += 1;
        Stage::Fault
    }

    fn fail(&mut self) -> Stage {
        let events = self.events.error(&self.failure);
        self.write(|framing, out| {
            write_all(framing, &events, out);
            framing.close(out);
        });
        self.over()
    }

    fn end_marker(&mut self) {
        let marker = self.events.end_marker();
        self.write(|framing, out| {
            if let Some(marker) = &marker {
                framing.event(marker, out);
            }
            framing.close(out);
        });
    }

    fn over(&mut self) -> Stage {
        if let Some(gzip) = self.gzip.take() {
            // Writing to memory can't fail.
            let rest = gzip.finish().unwrap_or_default();
            self.steps.push_back(Step::Send(rest.into()));
        }
        Stage::Over
    }

    fn silence(&self) -> Stage {
        if self.directives.pings {
            Stage::Pings
        } else {
            Stage::Silence
        }
    }

    fn ping(&mut self) -> Stage {
        let ping = self.events.ping();
        self.write_now(|framing, out| match &ping {
            Some(ping) => framing.event(ping, out),
            None => framing.ping(out),
        });
        self.steps.push_back(Step::Wait(PING_INTERVAL));
        Stage::Pings
    }

    /// Events that belong together: there is no interval between them.
    fn send(&mut self, events: &[Event]) {
        self.write(|framing, out| write_all(framing, events, out));
    }

    /// The interval, unless nothing has been sent yet.
    fn wait(&mut self) {
        if let (Some(interval), true) = (self.directives.interval, self.begun) {
            self.steps.push_back(Step::Wait(interval));
        }
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Framing, &mut Vec<u8>)) {
        let mut out = Vec::new();
        write(&mut *self.framing, &mut out);
        if !out.is_empty() {
            self.wait();
            self.push(out);
        }
    }

    fn write_now(&mut self, write: impl FnOnce(&mut dyn Framing, &mut Vec<u8>)) {
        let mut out = Vec::new();
        write(&mut *self.framing, &mut out);
        self.push(out);
    }

    fn push(&mut self, bytes: Vec<u8>) {
        self.begun = true;
        let bytes = match &mut self.gzip {
            Some(gzip) => {
                // Writing to memory can't fail.
                let _ = gzip.write_all(&bytes).and_then(|()| gzip.flush());
                std::mem::take(gzip.get_mut())
            }
            None => bytes,
        };
        self.steps.push_back(Step::Send(bytes.into()));
    }
}

fn write_all(framing: &mut dyn Framing, events: &[Event], out: &mut Vec<u8>) {
    for event in events {
        framing.event(event, out);
    }
}
