//! The content blocks of a message: Anthropic's and Bedrock Converse's streams number them alike.

use std::collections::BTreeMap;

/// The most blocks of a candidate whose places are known. Of more, the first are forgotten: they are closed by then.
pub(super) const MOST_PLACES: usize = 1024;

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// The model's reasoning, which a client can do without.
    Thinking,
    Other,
}

/// The blocks of the client's stream, and which of them hold the blocks of the candidate that goes on.
#[derive(Debug, Clone, Default)]
pub(super) struct Blocks {
    next: u64,
    open: Option<(u64, Kind)>,
    more_than_text: bool,
    joined: bool,
    /// The places of the candidate's blocks, by its own indexes.
    places: BTreeMap<u64, Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Left out.
    Nowhere,
    /// In a new block, as soon as there is something to put in.
    Later,
    At(u64),
}

/// What has to be said before a block's content can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opened {
    /// The block that has to be closed.
    pub(super) close: Option<u64>,
    /// Whether the block has to be started.
    pub(super) start: bool,
    pub(super) index: u64,
}

impl Blocks {
    /// A block was started, or its content came. Blocks of a candidate that goes on are placed instead.
    pub(super) fn read(&mut self, index: u64, kind: Kind) {
        self.more_than_text |= kind == Kind::Other;
        if !self.joined {
            self.open = Some((index, kind));
            self.next = self.next.max(index + 1);
        }
    }

    pub(super) fn read_stop(&mut self) {
        if !self.joined {
            self.open = None;
        }
    }

    /// Whether another candidate can go on: nothing but text, and no thought that broke off, which nobody could
    /// sign.
    pub(super) fn is_plain_text(&self) -> bool {
        !self.more_than_text && !matches!(self.open, Some((_, Kind::Thinking)))
    }

    pub(super) fn has_more_than_text(&mut self) {
        self.more_than_text = true;
    }

    pub(super) fn go_on(&mut self) {
        self.joined = true;
        self.places.clear();
    }

    /// The candidate starts a block.
    pub(super) fn place(&mut self, theirs: u64, kind: Kind) {
        let place = match (kind, self.open) {
            (Kind::Thinking, _) => Place::Nowhere,
            (Kind::Text, Some((open, Kind::Text))) => Place::At(open),
            _ => Place::Later,
        };
        self.places.insert(theirs, place);
        if self.places.len() > MOST_PLACES {
            self.places.pop_first();
        }
    }

    pub(super) fn is_placed(&self, theirs: u64) -> bool {
        self.places.contains_key(&theirs)
    }

    /// The block for content of the candidate's; `None`: left out.
    pub(super) fn open(&mut self, theirs: u64, kind: Kind) -> Option<Opened> {
        let place = self.places.get_mut(&theirs)?;
        match *place {
            Place::Nowhere => None,
            Place::At(index) => Some(Opened {
                close: None,
                start: false,
                index,
            }),
            Place::Later => {
                let index = self.next;
                *place = Place::At(index);
                self.next += 1;
                let close = self.open.replace((index, kind)).map(|(open, _)| open);
                Some(Opened {
                    close,
                    start: true,
                    index,
                })
            }
        }
    }

    /// The candidate ends a block: the index of the one to be closed.
    pub(super) fn stop(&mut self, theirs: u64) -> Option<u64> {
        let place = self.places.get(&theirs)?;
        match place {
            Place::At(index) if self.open.is_some_and(|(open, _)| open == *index) => {
                self.open = None;
                Some(*index)
            }
            _ => None,
        }
    }

    /// The message ends: the block that is still open.
    pub(super) fn close(&mut self) -> Option<u64> {
        self.open.take().map(|(open, _)| open)
    }
}
