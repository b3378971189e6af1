//! Where another candidate's text goes on from the text that the client has.
//!
//! The text comes in pieces as small as a letter, so that what was found out about the pieces before is kept: every
//! piece takes time by its own length and that of [`BACK`], not by what is buffered or was delivered.

use super::continuation::Continuation;

/// The shortest repetition that is taken for one, in bytes, unless it is made of whole words. The client's text can
/// end in what the rest rightly begins with: `100` and `0`, `ha` and `ha!`.
const REPETITION: usize = 8;

/// The shortest repetition of whole words, in bytes.
const WORDS: usize = 4;

/// How far back from the delivered text's end a repetition may begin, in bytes, if not at the very beginning.
const BACK: usize = 4096;

/// An answer that was to go on and begins with so many bytes of the delivered text begins from the beginning.
const RESTART: usize = 16;

/// How much of the delivered text's end an answer that was worded differently has to say to be joined there, in
/// bytes.
const ANCHOR: usize = 32;

/// Joins texts. Holds text back while it may still be a repetition.
#[derive(Debug, Clone)]
pub(crate) struct Overlap {
    continuation: Continuation,
    buffered: String,
    /// How far what is buffered was looked through for the delivered text's end.
    searched: usize,
    /// How much of what is buffered is how the delivered text begins.
    same: usize,
    /// Where the end of the delivered text stands that is looked for. `None`: not looked yet.
    anchor: Option<Option<usize>>,
    /// How many places of the delivered text what is buffered can't be the repetition of.
    passed: usize,
    settled: bool,
}

/// The answer can't be joined: it says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diverged;

enum Found {
    /// The rest begins at this byte.
    At(usize),
    /// Not to be told yet.
    Undecided,
    Nowhere,
}

impl Overlap {
    pub(crate) fn new(continuation: Continuation) -> Self {
        Overlap {
            continuation,
            buffered: String::new(),
            searched: 0,
            same: 0,
            anchor: None,
            passed: 0,
            settled: false,
        }
    }

    /// The part of `text` (and of what was buffered before) that the client does not have yet.
    pub(crate) fn push(&mut self, delivered: &str, text: &str) -> Result<String, Diverged> {
        if self.settled {
            return Ok(text.to_owned());
        }
        self.buffered.push_str(text);
        match self.find(delivered, false) {
            Found::At(at) => Ok(self.settle(at)),
            Found::Undecided => Ok(String::new()),
            Found::Nowhere => Err(Diverged),
        }
    }

    /// What is still buffered when the candidate's answer is whole.
    pub(crate) fn finish(&mut self, delivered: &str) -> Result<String, Diverged> {
        if self.settled || self.buffered.is_empty() {
            return Ok(String::new());
        }
        match self.find(delivered, true) {
            Found::At(at) => Ok(self.settle(at)),
            Found::Undecided | Found::Nowhere => Err(Diverged),
        }
    }

    /// Whether there is text that is buffered.
    pub(crate) fn is_holding(&self) -> bool {
        !self.buffered.is_empty()
    }

    fn settle(&mut self, at: usize) -> String {
        self.settled = true;
        self.buffered.drain(..at);
        std::mem::take(&mut self.buffered)
    }

    fn find(&mut self, delivered: &str, whole: bool) -> Found {
        self.same += common_prefix(&delivered[self.same..], &self.buffered[self.same..]);
        // Everything once more.
        if self.same == delivered.len() {
            return Found::At(self.same);
        }
        if self.same == self.buffered.len() && !whole {
            return Found::Undecided;
        }
        match self.continuation {
            Continuation::Prefilled => self.find_prefilled(delivered, whole),
            Continuation::Again => self.find_again(delivered, whole),
        }
    }

    fn find_again(&mut self, delivered: &str, whole: bool) -> Found {
        if self.same == self.buffered.len() {
            // It stops earlier.
            return Found::At(self.buffered.len());
        }
        // Worded differently somewhere: joined only where it says the end of the delivered text.
        let Some(from) = *self.anchor.get_or_insert_with(|| anchor(delivered)) else {
            return Found::Nowhere;
        };
        let anchor = &delivered[from..];
        let limit = ceil_char_boundary(&self.buffered, 2 * delivered.len() + 1024);
        let near = self.buffered.get(self.searched..limit).unwrap_or_default();
        match near.find(anchor) {
            Some(at) => Found::At(self.searched + at + anchor.len()),
            None if whole || limit < self.buffered.len() => Found::Nowhere,
            None => {
                let next = self.buffered.len().saturating_sub(anchor.len());
                self.searched = ceil_char_boundary(&self.buffered, next);
                Found::Undecided
            }
        }
    }

    fn find_prefilled(&mut self, delivered: &str, whole: bool) -> Found {
        let buffered = self.buffered.as_str();
        // The last of it once more, as much as possible.
        let back = ceil_char_boundary(delivered, delivered.len().saturating_sub(BACK));
        for (from, _) in delivered[back..].char_indices().skip(self.passed) {
            let (before, tail) = delivered.split_at(back + from);
            let short = tail.len() < WORDS && !tail.trim_start().is_empty();
            if !short {
                if let Some(rest) = buffered.strip_prefix(tail) {
                    match is_repetition(before, tail, rest, whole) {
                        Some(true) => return Found::At(tail.len()),
                        Some(false) => {}
                        None => return Found::Undecided,
                    }
                } else if tail.starts_with(buffered) && !whole {
                    return Found::Undecided;
                }
            }
            // More text can't make one of it.
            self.passed += 1;
        }
        if self.same >= RESTART {
            return match whole && self.same == buffered.len() {
                // It says everything once more, and stops earlier.
                true => Found::At(buffered.len()),
                false => Found::Nowhere,
            };
        }
        // A prefill goes without the white space at its end, which comes again then.
        let space = &delivered[delivered[back..].trim_end().len() + back..];
        let again = common_prefix(space, buffered);
        if again == buffered.len() && again < space.len() && !whole {
            return Found::Undecided;
        }
        Found::At(again)
    }
}

/// Where the end of the delivered text begins that a candidate has to say, if it is said nowhere before.
fn anchor(delivered: &str) -> Option<usize> {
    let from = ceil_char_boundary(delivered, delivered.len().saturating_sub(ANCHOR));
    let anchor = &delivered[from..];
    (anchor.len() >= ANCHOR / 2 && delivered.find(anchor) == Some(from)).then_some(from)
}

/// Whether the end of the delivered text that the candidate says again is a repetition and not how the text goes on:
/// a ruled line, a row of a table, a refrain may well go on with the same. `None`: not to be told before `rest`, what
/// comes behind it, is known.
fn is_repetition(before: &str, tail: &str, rest: &str, whole: bool) -> Option<bool> {
    if tail.trim_start().is_empty() {
        // White space was trimmed off the prefill and comes again.
        return Some(true);
    }
    if before.ends_with(tail) || is_periodic(tail) {
        return Some(false);
    }
    if tail.len() >= REPETITION {
        return Some(true);
    }
    if !tail.starts_with(char::is_whitespace) && !before.ends_with(char::is_whitespace) {
        return Some(false);
    }
    match rest.chars().next() {
        Some(next) => Some(!next.is_alphanumeric()),
        None => whole.then_some(true),
    }
}

/// Whether a text is made of a shorter one, said at least twice.
fn is_periodic(text: &str) -> bool {
    let text = text.as_bytes();
    (1..=text.len() / 2).any(|period| text[period..] == text[..text.len() - period])
}

fn ceil_char_boundary(text: &str, at: usize) -> usize {
    (at..text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

#[cfg(test)]
mod tests;
