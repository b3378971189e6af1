//! What nodes and the store say to each other of one candidate.

use std::time::Duration;

use failover_suspension::Ground;

/// What the store knows of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Counts clears. What belongs to an older one is not known any more.
    pub epoch: u64,
    /// Counts changes, so that a late message is known as one.
    pub change: u64,
    /// What is left of its suspension; zero: there is none.
    pub left: Duration,
    /// How long that was when it was written.
    pub length: Duration,
    /// Failed probes in a row, over all nodes.
    pub failed: u32,
    /// What it is based on.
    pub ground: Ground,
    /// The node that suspended it; `-`: nobody.
    pub by: String,
    /// Counts holds and releases.
    pub hold_version: u64,
    /// Whether it is held.
    pub held: bool,
    /// The request that left a mark.
    pub mark: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        State {
            epoch: 0,
            change: 0,
            left: Duration::ZERO,
            length: Duration::ZERO,
            failed: 0,
            ground: Ground::Inferred,
            by: "-".to_owned(),
            hold_version: 0,
            held: false,
            mark: None,
        }
    }
}

/// The longest suspension that is believed: what can be set, and no more.
const LONGEST: u64 = 24 * 60 * 60 * 1000;

/// The longest line that is read.
const LINE: usize = 1024;

impl State {
    /// Reads a line of `exchange.lua`; `None`: it is of another make. Whoever may write to the store can't do more with
    /// it than what a node can.
    pub fn read(line: &str) -> Option<State> {
        if line.len() > LINE {
            return None;
        }
        let mut words = line.split(' ');
        let mut number = || words.next()?.parse::<u64>().ok();
        let (epoch, change) = (number()?, number()?);
        let (left, length) = (number()?, number()?);
        let (failed, said) = (number()?, number()?);
        let by = words.next()?.to_owned();
        let mut number = || words.next()?.parse::<u64>().ok();
        let (hold_version, held) = (number()?, number()?);
        let mark = match words.next()? {
            "-" => None,
            request => Some(request.parse().ok()?),
        };
        words.next().is_none().then_some(State {
            epoch,
            change,
            left: Duration::from_millis(left.min(LONGEST)),
            length: Duration::from_millis(length.min(LONGEST)),
            failed: u32::try_from(failed).ok()?,
            ground: if said == 1 {
                Ground::Said
            } else {
                Ground::Inferred
            },
            by,
            hold_version,
            held: held == 1,
            mark,
        })
    }

    /// Where it stands in the order of changes.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            epoch: self.epoch,
            change: self.change,
        }
    }

    /// Whether there is anything that a new node has to know.
    pub fn matters(&self) -> bool {
        !self.left.is_zero() || self.held
    }
}

/// The order of changes of one candidate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// Counts clears.
    pub epoch: u64,
    /// Counts changes.
    pub change: u64,
}

impl Stamp {
    /// Reads what stands under the candidate's first key.
    pub fn read(text: &str) -> Option<Stamp> {
        let (epoch, change) = text.split_once(' ')?;
        Some(Stamp {
            epoch: epoch.parse().ok()?,
            change: change.parse().ok()?,
        })
    }
}

/// The right to one probe, as the store keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(pub u64);

/// What a node wants of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// To know.
    Read,
    /// That it knows of the clears that this node knows of.
    Raise,
    /// A suspension, extended and never shortened.
    Suspend {
        /// What is left of it.
        left: Duration,
        /// Failed probes in a row.
        failed: u32,
        /// What it is based on.
        ground: Ground,
        /// The permit that ends with it.
        token: Option<Token>,
    },
    /// That every failure is forgotten.
    Clear {
        /// How long ago that was.
        age: Duration,
        /// Whether an operator wants it.
        operator: bool,
    },
    /// The permit of a window, for a second.
    Ask(Token),
    /// A permit is used, or still is.
    Take(Token),
    /// A permit is not needed any more.
    Back(Token),
    /// A hold or a release.
    Hold {
        /// One more than the last that is known.
        version: u64,
        /// Which.
        held: bool,
    },
    /// A failure has left a mark.
    Mark(u64),
    /// An answer has taken it away.
    Answer,
}

impl Operation {
    /// Its word in `exchange.lua`, and in the metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Operation::Read => "read",
            Operation::Raise => "raise",
            Operation::Suspend { .. } => "suspend",
            Operation::Clear { .. } => "clear",
            Operation::Ask(_) => "ask",
            Operation::Take(_) => "take",
            Operation::Back(_) => "back",
            Operation::Hold { .. } => "hold",
            Operation::Mark(_) => "mark",
            Operation::Answer => "answer",
        }
    }

    /// What else the script is given.
    pub fn arguments(&self) -> Vec<String> {
        let token = |token: &Token| format!("{:016x}", token.0);
        match self {
            Operation::Read | Operation::Raise | Operation::Answer => Vec::new(),
            Operation::Suspend {
                left,
                failed,
                ground,
                token: permit,
            } => vec![
                left.as_millis().max(1).to_string(),
                failed.to_string(),
                u8::from(*ground == Ground::Said).to_string(),
                permit.as_ref().map_or("-".to_owned(), token),
            ],
            Operation::Clear { age, .. } => vec![age.as_millis().to_string()],
            Operation::Ask(t) | Operation::Take(t) | Operation::Back(t) => vec![token(t)],
            Operation::Hold { version, held } => {
                vec![version.to_string(), u8::from(*held).to_string()]
            }
            Operation::Mark(request) => vec![request.to_string()],
        }
    }
}

/// What an operation came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was done; a permit is given.
    Done,
    /// A clear came before it.
    Late,
    /// The suspension that it would clear has begun later.
    Newer,
    /// No permit: the candidate is suspended.
    Suspended,
    /// No permit: another node has it.
    Taken,
}

impl Verdict {
    /// Reads a word of `exchange.lua`.
    pub fn read(word: &str) -> Option<Verdict> {
        Some(match word {
            "done" => Verdict::Done,
            "late" => Verdict::Late,
            "newer" => Verdict::Newer,
            "suspended" => Verdict::Suspended,
            "taken" => Verdict::Taken,
            _ => return None,
        })
    }
}

/// The store's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What it came to.
    pub verdict: Verdict,
    /// Of a permit that was not given: how long that will be so, as things stand.
    pub wait: Duration,
    /// What the store knows now.
    pub state: State,
}

/// Which request a reply belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub(crate) candidate: usize,
    pub(crate) serial: u64,
}

/// An operation on its way to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Names it in the reply.
    pub ticket: Ticket,
    /// The candidate.
    pub candidate: String,
    /// The epoch in which it was made.
    pub epoch: u64,
    /// What is wanted.
    pub operation: Operation,
}

/// What the store has told all nodes of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The node that made it.
    pub node: String,
    /// The candidate.
    pub candidate: String,
    /// What the store knows since.
    pub state: State,
}

impl Message {
    /// Reads what `exchange.lua` publishes; `None`: it is of another make.
    pub fn read(text: &str) -> Option<Message> {
        let (node, rest) = text.split_once(' ')?;
        let (candidate, state) = rest.split_once(' ')?;
        Some(Message {
            node: node.to_owned(),
            candidate: candidate.to_owned(),
            state: State::read(state)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_and_whatever_is_none_is_not() {
        let line = "4 17 59990 60000 2 1 a#0001 3 1 77";
        let state = State::read(line).unwrap_or_default();
        assert_eq!((state.epoch, state.change, state.failed), (4, 17, 2));
        assert_eq!(state.left, Duration::from_millis(59_990));
        assert_eq!((state.ground, state.by.as_str()), (Ground::Said, "a#0001"));
        assert_eq!(
            (state.hold_version, state.held, state.mark),
            (3, true, Some(77))
        );
        for wrong in [
            "",
            "4",
            "4 17 -1 60000 2 1 a 3 1 77",
            "4 17 59990 60000 2 1 a 3 1",
            "4 17 59990 60000 2 1 a 3 1 77 more",
            "4 17 59990 60000 99999999999 1 a 3 1 77",
        ] {
            assert_eq!(State::read(wrong), None, "{wrong}");
        }
        assert_eq!(State::read(&format!("{line}{}", "7".repeat(2000))), None);
    }

    #[test]
    fn nothing_that_stands_in_the_store_suspends_for_more_than_a_day() {
        let state = State::read("0 1 18446744073709551615 1 0 1 a 0 0 -").unwrap_or_default();
        assert_eq!(state.left, Duration::from_secs(24 * 60 * 60));
    }
}
