//! What is counted of a candidate and of an API, and who counts it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::histogram::{Counted, Histogram, TraceId};
use crate::minutes::Minutes;
use crate::recent::Recent;
use crate::snapshot::Latency;

/// How many failures of a candidate are kept in words.
const NOTES: usize = 8;

/// The longest drill.
pub(crate) const LONGEST_DRILL: Duration = Duration::from_secs(3600);

/// What a candidate's attempts have come to. Outlives deployments, as its suspensions do.
#[derive(Debug)]
pub struct CandidateNumbers {
    /// The words for outcomes, in the order of the counters.
    words: &'static [&'static str],
    attempts: Box<[AtomicU64]>,
    cancelled: AtomicU64,
    suspensions: Box<[AtomicU64]>,
    probes: [AtomicU64; 3],
    hints: AtomicU64,
    in_flight: AtomicU64,
    drill: Drill,
    rehearsed: AtomicU64,
    /// Until a whole answer, a stream's first useful chunk, or the failure.
    pub durations: Histogram,
    /// Streams: until the first useful chunk.
    pub first_chunks: Histogram,
    /// Streams: between useful chunks after the first.
    pub between_chunks: Histogram,
    /// The last minutes.
    pub minutes: Minutes,
    recent: Recent,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    failures: VecDeque<Note>,
    suspended: Option<Note>,
}

/// A failure in words.
#[derive(Debug, Clone)]
pub struct Note {
    /// When it was.
    pub at: Instant,
    /// What it was, without anything that a client or provider has written.
    pub words: String,
}

/// What a probe has found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// The candidate is back.
    Succeeded,
    /// It is not.
    Failed,
    /// Nothing.
    Undecided,
}

impl Probe {
    /// Each, with its word.
    pub const ALL: [(Probe, &'static str); 3] = [
        (Probe::Succeeded, "succeeded"),
        (Probe::Failed, "failed"),
        (Probe::Undecided, "undecided"),
    ];
}

fn zeros(count: usize) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

impl CandidateNumbers {
    /// Nothing yet. `words`: those for all outcomes.
    pub fn new(words: &'static [&'static str]) -> Self {
        CandidateNumbers {
            words,
            attempts: zeros(words.len()),
            cancelled: AtomicU64::new(0),
            suspensions: zeros(words.len()),
            probes: Default::default(),
            hints: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            drill: Drill::default(),
            rehearsed: AtomicU64::new(0),
            durations: Histogram::default(),
            first_chunks: Histogram::default(),
            between_chunks: Histogram::default(),
            minutes: Minutes::default(),
            recent: Recent::default(),
            notes: Mutex::default(),
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, counters: &[AtomicU64], word: &str) {
        // The first word is that of a good answer, so that the search costs failures alone.
        let place = self.words.iter().position(|known| *known == word);
        if let Some(counter) = place.and_then(|place| counters.get(place)) {
            counter.fetch_add(1, Relaxed);
        }
    }

    fn counts(&self, counters: &[AtomicU64]) -> Vec<(&'static str, u64)> {
        let counts = counters.iter().map(|counter| counter.load(Relaxed));
        let all = self.words.iter().copied().zip(counts);
        all.filter(|(_, count)| *count > 0).collect()
    }

    /// It is suspended because of this outcome. `words`: what it was.
    pub fn suspended(&self, word: &str, words: impl FnOnce() -> String) {
        self.count(&self.suspensions, word);
        self.notes().suspended = Some(Note {
            at: Instant::now(),
            words: words(),
        });
    }

    /// The one request that was to find out whether it is back has ended.
    pub fn probed(&self, result: Probe) {
        self.probes[result as usize].fetch_add(1, Relaxed);
    }

    /// Its provider has said when to come back.
    pub fn hinted(&self) {
        self.hints.fetch_add(1, Relaxed);
    }

    /// A failure was rehearsed in place of an attempt.
    pub fn rehearsed(&self) {
        self.rehearsed.fetch_add(1, Relaxed);
    }

    /// What is rehearsed.
    pub fn drill(&self) -> &Drill {
        &self.drill
    }

    /// Attempts by outcome, those that there were.
    pub fn attempts(&self) -> Vec<(&'static str, u64)> {
        let mut all = self.counts(&self.attempts);
        let cancelled = self.cancelled.load(Relaxed);
        if cancelled > 0 {
            all.push(("cancelled", cancelled));
        }
        all
    }

    /// Suspensions by the outcome that led to them.
    pub fn suspensions(&self) -> Vec<(&'static str, u64)> {
        self.counts(&self.suspensions)
    }

    /// Probes by what they have found out.
    pub fn probes(&self) -> Vec<(&'static str, u64)> {
        let count = |(probe, word)| (word, self.probes[probe as usize].load(Relaxed));
        Probe::ALL.into_iter().map(count).collect()
    }

    /// How often its provider has said when to come back.
    pub fn hints(&self) -> u64 {
        self.hints.load(Relaxed)
    }

    /// How many failures were rehearsed.
    pub fn rehearsals(&self) -> u64 {
        self.rehearsed.load(Relaxed)
    }

    /// Attempts under way, streams that it is sending among them.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// How long the attempts of the last [`crate::LATELY`] minutes took; `millis` by the clock of [`Minutes`].
    pub fn latency(&self, millis: u64, durations: &Counted, first_chunks: &Counted) -> Latency {
        let (durations, first_chunks) = self.recent.of(millis, durations, first_chunks);
        Latency::of(&durations, &first_chunks)
    }

    /// The last failures, the newest first.
    pub fn failures(&self) -> Vec<Note> {
        self.notes().failures.iter().rev().cloned().collect()
    }

    /// Why it was suspended last.
    pub fn why(&self) -> Option<Note> {
        self.notes().suspended.clone()
    }
}

/// What an attempt has come to.
pub struct Ended<'a> {
    /// The word for its outcome.
    pub word: &'static str,
    /// Whether it speaks for the candidate or against it; `None`: it says nothing of it.
    pub good: Option<bool>,
    /// By the clock of [`Minutes`], in milliseconds.
    pub millis: u64,
    /// What the failure was, when it speaks against the candidate.
    pub words: &'a dyn Fn() -> String,
}

/// An attempt under way, up to the last byte of its answer. Dropped before its end it counts as cancelled.
#[derive(Debug)]
pub struct Attempting {
    numbers: Arc<CandidateNumbers>,
    ended: bool,
}

impl Attempting {
    /// One begins.
    pub fn new(numbers: &Arc<CandidateNumbers>) -> Self {
        numbers.in_flight.fetch_add(1, Relaxed);
        Attempting {
            numbers: Arc::clone(numbers),
            ended: false,
        }
    }

    /// Whose attempt it is.
    pub fn candidate(&self) -> &CandidateNumbers {
        &self.numbers
    }

    /// It has taken so long up to its whole answer, its failure, or with `first_chunk` to a stream's first useful chunk.
    /// `millis`: when that was, by the clock of [`Minutes`].
    pub fn took(&self, duration: Duration, first_chunk: bool, millis: u64, trace: Option<TraceId>) {
        let numbers = &self.numbers;
        numbers
            .recent
            .counts(millis, &numbers.durations, &numbers.first_chunks);
        numbers.durations.record(duration, trace);
        if first_chunk {
            numbers.first_chunks.record(duration, trace);
        }
    }

    /// It is over.
    pub fn end(mut self, ended: &Ended<'_>) {
        self.ended = true;
        let numbers = &self.numbers;
        numbers.count(&numbers.attempts, ended.word);
        if let Some(good) = ended.good {
            numbers.minutes.record(ended.millis, good);
        }
        if ended.good == Some(false) {
            let words = (ended.words)();
            let mut notes = numbers.notes();
            if notes.failures.len() == NOTES {
                notes.failures.pop_front();
            }
            notes.failures.push_back(Note {
                at: Instant::now(),
                words,
            });
        }
    }
}

impl Drop for Attempting {
    fn drop(&mut self) {
        self.numbers.in_flight.fetch_sub(1, Relaxed);
        if !self.ended {
            self.numbers.cancelled.fetch_add(1, Relaxed);
        }
    }
}

/// What a request has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The target has answered it.
    Answered,
    /// A fallback has.
    FellOver,
    /// It was the request's own fault, and the client was told so.
    Refused,
    /// Nobody has.
    Failed,
    /// Its client left.
    Cancelled,
}

impl Served {
    /// Each, with its word.
    pub const ALL: [(Served, &'static str); 5] = [
        (Served::Answered, "answered"),
        (Served::FellOver, "fell_over"),
        (Served::Refused, "refused"),
        (Served::Failed, "failed"),
        (Served::Cancelled, "cancelled"),
    ];
}

/// What the requests of one API have come to.
#[derive(Debug, Default)]
pub struct ApiNumbers {
    requests: [AtomicU64; 5],
    in_flight: AtomicU64,
    retries: AtomicU64,
    retries_refused: AtomicU64,
    continued: AtomicU64,
    not_continued: AtomicU64,
    /// What the attempts before the one that served a request have cost it.
    pub delays: Histogram,
}

impl ApiNumbers {
    /// A request begins. It counts as cancelled when what is returned is dropped before its end.
    pub fn begin(self: &Arc<Self>) -> Requesting {
        self.in_flight.fetch_add(1, Relaxed);
        Requesting {
            numbers: Arc::clone(self),
            served: Served::Cancelled,
        }
    }

    /// The same candidate is tried again.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    /// It would have been, but for the retry budget.
    pub fn retry_refused(&self) {
        self.retries_refused.fetch_add(1, Relaxed);
    }

    /// A stream broke after its first useful chunk; whether another candidate goes on with it.
    pub fn continued(&self, continued: bool) {
        let counter = match continued {
            true => &self.continued,
            false => &self.not_continued,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// Requests by what they have come to.
    pub fn requests(&self) -> Vec<(&'static str, u64)> {
        let count = |(served, word)| (word, self.requests[served as usize].load(Relaxed));
        Served::ALL.into_iter().map(count).collect()
    }

    /// Requests under way.
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Relaxed)
    }

    /// Retries that were made, and those that the budget refused.
    pub fn retries(&self) -> (u64, u64) {
        (
            self.retries.load(Relaxed),
            self.retries_refused.load(Relaxed),
        )
    }

    /// Streams that another candidate has gone on with, and those that nobody has.
    pub fn continuations(&self) -> (u64, u64) {
        (
            self.continued.load(Relaxed),
            self.not_continued.load(Relaxed),
        )
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Requesting {
    numbers: Arc<ApiNumbers>,
    served: Served,
}

impl Requesting {
    /// Whose numbers it is counted in.
    pub fn api(&self) -> &ApiNumbers {
        &self.numbers
    }

    /// It is over.
    pub fn end(mut self, served: Served) {
        self.served = served;
    }
}

impl Drop for Requesting {
    fn drop(&mut self) {
        self.numbers.in_flight.fetch_sub(1, Relaxed);
        self.numbers.requests[self.served as usize].fetch_add(1, Relaxed);
    }
}

/// A failure that operators rehearse: a share of a candidate's attempts fails without being made, until a time. A request
/// asks with one load where nothing is rehearsed.
#[derive(Debug, Default)]
pub struct Drill(AtomicU64);

impl Drill {
    /// Begins one, or ends what there is with 0 %. `millis`: now, by the clock that [`Drill::share`] is asked with.
    pub fn rehearse(&self, millis: u64, length: Duration, percent: u8) {
        let until = millis + length.min(LONGEST_DRILL).as_millis() as u64;
        let word = match percent.min(100) {
            0 => 0,
            percent => until << 8 | u64::from(percent),
        };
        self.0.store(word, Relaxed);
    }

    /// Whether one was begun; it may be over.
    pub fn is_set(&self) -> bool {
        self.0.load(Relaxed) != 0
    }

    /// What share of the attempts fails now, in percent, and for how long.
    pub fn share(&self, millis: u64) -> Option<(u8, Duration)> {
        let word = self.0.load(Relaxed);
        let left = (word >> 8).checked_sub(millis).filter(|left| *left > 0)?;
        Some(((word & 0xff) as u8, Duration::from_millis(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &["answered", "unavailable"];

    fn ended(word: &'static str, good: bool) -> Ended<'static> {
        Ended {
            word,
            good: Some(good),
            millis: 0,
            words: &|| "503".to_owned(),
        }
    }

    #[test]
    fn an_attempt_counts_once_and_one_that_was_dropped_as_cancelled() {
        let numbers = Arc::new(CandidateNumbers::new(WORDS));
        let attempt = Attempting::new(&numbers);
        assert_eq!(numbers.in_flight(), 1);
        attempt.end(&ended("answered", true));
        Attempting::new(&numbers).end(&ended("unavailable", false));
        drop(Attempting::new(&numbers));
        assert_eq!(
            numbers.attempts(),
            [("answered", 1), ("unavailable", 1), ("cancelled", 1)]
        );
        assert_eq!(numbers.in_flight(), 0);
        assert_eq!(numbers.failures().len(), 1);
    }

    #[test]
    fn the_last_failures_are_kept_and_no_more() {
        let numbers = Arc::new(CandidateNumbers::new(WORDS));
        for number in 0..20 {
            let words = || number.to_string();
            let ended = Ended {
                words: &words,
                ..ended("unavailable", false)
            };
            Attempting::new(&numbers).end(&ended);
        }
        let failures = numbers.failures();
        assert_eq!(failures.len(), NOTES);
        assert_eq!(failures[0].words, "19");
    }

    #[test]
    fn a_request_whose_client_left_is_cancelled() {
        let numbers = Arc::new(ApiNumbers::default());
        drop(numbers.begin());
        numbers.begin().end(Served::FellOver);
        assert_eq!(numbers.requests()[1], ("fell_over", 1));
        assert_eq!(numbers.requests()[4], ("cancelled", 1));
        assert_eq!(numbers.in_flight(), 0);
    }

    #[test]
    fn a_drill_ends_by_itself_or_with_nothing_to_rehearse() {
        let drill = Drill::default();
        assert!(!drill.is_set());
        drill.rehearse(1_000, Duration::from_secs(2), 30);
        assert_eq!(drill.share(1_000), Some((30, Duration::from_secs(2))));
        assert_eq!(drill.share(3_000), None);
        drill.rehearse(5_000, Duration::from_secs(1 << 40), 100);
        let (_, left) = drill.share(5_000).unwrap();
        assert_eq!(left, LONGEST_DRILL);
        drill.rehearse(5_000, Duration::from_secs(9), 0);
        assert!(!drill.is_set());
    }
}
