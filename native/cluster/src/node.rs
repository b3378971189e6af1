//! One node's side of the protocol. Pure: what happens is told to it with the time at which it does, and what it wants
//! of the store is fetched from it, so that a simulator can play all nodes.
//!
//! Of each candidate one operation is under way at a time; what is wanted meanwhile waits as a wish, of which there is
//! one of each sort. So what is out is bounded by the candidates, nothing overtakes anything, and a link that was away
//! is made good by what is wished now rather than by what happened then.
//!
//! The gates decide. What is known of the others lengthens a suspension, clears one when somebody has cleared it, and
//! gives or refuses the leave to probe; nothing else.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use failover_suspension::{Change, Gate, Moment};

use crate::candidate::{ARMED, Asked, Candidate, Cleared, Held, UnderWay, stronger};
use crate::numbers::Counts;
use crate::words::{Message, Operation, Reply, Request, Stamp, Ticket, Token, Verdict};

/// Longest wait for the store to answer who asks for a permit; then this node decides alone.
pub const ANSWER: Duration = Duration::from_millis(250);

/// Longest time between two questions for a permit that another node has.
const AGAIN: Duration = Duration::from_secs(1);

/// The most candidates that are known without being used here.
const STRANGERS: usize = 10_000;

/// What a node does about all candidates.
#[derive(Debug)]
pub struct Node {
    name: String,
    candidates: Vec<Candidate>,
    by_name: HashMap<String, usize>,
    /// Those with wishes that can go out.
    ready: VecDeque<usize>,
    /// Those that wait for a permit.
    asking: Vec<usize>,
    linked: bool,
    serial: u64,
    random: fastrand::Rng,
    /// What was counted.
    pub counts: Counts,
}

impl Node {
    /// A node of this name, which has no space in it. `seed`: for waits and tokens, another one for each start.
    pub fn new(name: String, seed: u64) -> Self {
        Node {
            name,
            candidates: Vec::new(),
            by_name: HashMap::new(),
            ready: VecDeque::new(),
            asking: Vec::new(),
            linked: false,
            serial: 0,
            random: fastrand::Rng::with_seed(seed),
            counts: Counts::default(),
        }
    }

    /// A candidate that is used here. What is known of it already its gate knows afterwards. Returns its number.
    pub fn meet(&mut self, name: &str, gate: &Arc<Gate>, now: Moment) -> usize {
        let index = self.find(name);
        let candidate = &mut self.candidates[index];
        candidate.gate = Arc::downgrade(gate);
        candidate.wishes.read = true;
        if let Some((mut state, at)) = candidate.seen.clone() {
            state.left = state.left.saturating_sub(at.until(now));
            candidate.learn(gate, &state, now);
        }
        self.wish(index);
        index
    }

    fn find(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.candidates.len();
        self.candidates.push(Candidate {
            name: name.to_owned(),
            ..Candidate::default()
        });
        self.by_name.insert(name.to_owned(), index);
        index
    }

    /// A candidate that other nodes have suspended or hold, from the store's list of those.
    pub fn heard_of(&mut self, name: &str) {
        if self.by_name.len() < STRANGERS || self.by_name.contains_key(name) {
            let index = self.find(name);
            self.candidates[index].wishes.read = true;
            self.wish(index);
        }
    }

    /// The link is there: whatever was missed is read, and what only this node knows is told.
    pub fn linked(&mut self) {
        self.linked = true;
        for index in 0..self.candidates.len() {
            self.candidates[index].wishes.read = true;
            self.wish(index);
        }
    }

    /// The link is gone. Whoever waits for a permit decides alone.
    pub fn unlinked(&mut self, now: Moment) {
        self.linked = false;
        self.ready.clear();
        for candidate in &mut self.candidates {
            candidate.queued = false;
            if let Some(under_way) = candidate.under_way.take() {
                candidate.wish_again(under_way);
            }
        }
        self.decide_alone(now, |_| true);
    }

    /// A gate has changed here.
    pub fn changed(&mut self, index: usize, change: Change, now: Moment) {
        let candidate = &mut self.candidates[index];
        let Some(gate) = candidate.gate.upgrade() else {
            return;
        };
        let suspended = gate.view().until.is_some_and(|until| until > now);
        let wishes = &mut candidate.wishes;
        match change {
            Change::Suspended(ground) if suspended => {
                wishes.suspend = Some(
                    wishes
                        .suspend
                        .map_or(ground, |before| stronger(before, ground)),
                );
                candidate.ground = Some(ground);
                candidate.own = true;
                candidate.by = Some(self.name.clone());
                candidate.asked = None;
            }
            Change::Cleared { operator } if !suspended => {
                wishes.clear = Some(Cleared {
                    at: now,
                    operator,
                    epoch: candidate.epoch,
                });
                wishes.suspend = None;
                wishes.mark = None;
                candidate.permit = None;
                candidate.forget();
                candidate.cleared_from = Some(candidate.epoch);
            }
            // Something else has happened since, and will be told.
            Change::Suspended(_) | Change::Cleared { .. } => {}
            Change::Held(_) => {
                candidate.hold_version = candidate.hold_version.saturating_add(1);
                wishes.hold = true;
            }
            Change::Marked(request) => {
                wishes.mark = Some(request);
                wishes.answer = false;
            }
            Change::Answered => {
                wishes.mark = None;
                wishes.answer = true;
            }
            Change::Due(window) => {
                let token = Token(self.random.u64(..));
                candidate.asked = Some(Asked {
                    window,
                    token,
                    at: now,
                });
                wishes.ask = true;
                if !self.asking.contains(&index) {
                    self.asking.push(index);
                }
            }
            Change::Probing => {
                let given = candidate.permit.map(|held| held.token);
                let asked = candidate.asked.map(|asked| asked.token);
                let new = Token(self.random.u64(..));
                let token = given.or(asked).unwrap_or(new);
                candidate.permit = Some(Held { token, used: true });
                candidate.asked = None;
                wishes.ask = false;
                wishes.take = true;
            }
            Change::GivenBack => {
                wishes.take = false;
                wishes.back = candidate.permit.take().map(|held| held.token);
            }
        }
        self.wish(index);
    }

    /// Puts a candidate among those whose wishes go out.
    fn wish(&mut self, index: usize) {
        let candidate = &mut self.candidates[index];
        let may = self.linked && !candidate.queued && candidate.under_way.is_none();
        if may && candidate.wishes.any() {
            candidate.queued = true;
            self.ready.push_back(index);
        }
    }

    /// What goes out next.
    pub fn next(&mut self, now: Moment) -> Option<Request> {
        loop {
            let index = self.ready.pop_front()?;
            self.serial += 1;
            let candidate = &mut self.candidates[index];
            candidate.queued = false;
            if candidate.under_way.is_some() {
                continue;
            }
            let Some((operation, epoch)) = candidate.operation(now) else {
                continue;
            };
            let ticket = Ticket {
                candidate: index,
                serial: self.serial,
            };
            candidate.under_way = Some(UnderWay {
                serial: self.serial,
                operation: operation.clone(),
                epoch,
                at: now,
            });
            self.counts.sent += 1;
            return Some(Request {
                ticket,
                candidate: candidate.name.clone(),
                epoch,
                operation,
            });
        }
    }

    /// The store has answered, or refused, or nobody knows (`None`): then it is wished again, at the next tick.
    pub fn replied(&mut self, ticket: Ticket, reply: Option<Reply>, now: Moment) {
        let index = ticket.candidate;
        let candidate = &mut self.candidates[index];
        // Of a link that was given up meanwhile.
        let Some(under_way) = candidate.under_way.take_if(|u| u.serial == ticket.serial) else {
            return;
        };
        let Some(reply) = reply else {
            candidate.wish_again(under_way);
            self.counts.failed += 1;
            return;
        };
        let state = reply.state;
        let gate = candidate.gate.upgrade();
        match (&under_way.operation, reply.verdict) {
            (Operation::Clear { .. }, Verdict::Done) => {
                // What was learned while it was under way is cleared with it, unless it is of the epoch that it has begun.
                if !candidate.own
                    && candidate.epoch < state.epoch
                    && let Some(gate) = &gate
                {
                    gate.learn_cleared();
                }
                candidate.epoch = state.epoch;
            }
            (Operation::Clear { age, operator }, Verdict::Late)
                if *operator && !state.left.is_zero() && candidate.wishes.suspend.is_none() =>
            {
                // Another clear came first, and a suspension after it; the operator wants that away as well.
                candidate.wishes.clear = Some(Cleared {
                    at: Moment(under_way.at.0.saturating_sub(age.as_millis() as u64)),
                    operator: true,
                    epoch: state.epoch,
                });
            }
            (Operation::Hold { held, .. }, Verdict::Late)
                if state.held != *held && gate.as_ref().is_some_and(|g| g.view().held == *held) =>
            {
                candidate.hold_version = state.hold_version.saturating_add(1);
                candidate.wishes.hold = true;
            }
            (Operation::Suspend { .. }, _) => {
                // It was cleared here while it was on its way, and has begun there only now.
                if let Some(clear) = &mut candidate.wishes.clear {
                    clear.at = now;
                }
            }
            (Operation::Take(_), Verdict::Taken) => self.counts.collisions += 1,
            (Operation::Ask(token), verdict) => {
                let wait = reply.wait.min(AGAIN) + Duration::from_millis(self.random.u64(1..50));
                candidate.answered(*token, verdict, wait, under_way.at, now);
            }
            _ => {}
        }
        self.counts.last_reply = Some(now);
        self.counts.round_trip = under_way.at.until(now);
        candidate.absorb(state, true, now);
        self.wish(index);
    }

    /// The store tells of a change.
    pub fn heard(&mut self, message: Message, now: Moment) {
        if message.node == self.name {
            return;
        }
        if !self.by_name.contains_key(&message.candidate)
            && (self.by_name.len() >= STRANGERS || !message.state.matters())
        {
            return;
        }
        self.counts.heard += 1;
        let index = self.find(&message.candidate);
        self.candidates[index].absorb(message.state, false, now);
        self.wish(index);
    }

    /// The candidates that are used here, for the store to say when they have changed last.
    pub fn used(&self) -> Vec<(usize, String)> {
        let all = self.candidates.iter().enumerate();
        all.filter(|(_, c)| c.gate.strong_count() > 0)
            .map(|(index, c)| (index, c.name.clone()))
            .collect()
    }

    /// When a candidate has changed last, as the store has it; `None`: it knows nothing of it. What was missed is read.
    pub fn stamped(&mut self, index: usize, stamp: Option<Stamp>) {
        let candidate = &mut self.candidates[index];
        let seen = candidate.seen.as_ref().map(|(state, _)| state.stamp());
        if seen.unwrap_or_default() != stamp.unwrap_or_default() {
            candidate.wishes.read = true;
            self.wish(index);
        }
    }

    /// Once a second: what failed is tried again, and a permit that is used is kept.
    pub fn tick(&mut self, now: Moment) {
        for index in 0..self.candidates.len() {
            let candidate = &mut self.candidates[index];
            if let (Some(gate), Some(held)) = (candidate.gate.upgrade(), candidate.permit) {
                match (held.used, gate.view().probing) {
                    (true, true) => candidate.wishes.take = true,
                    (true, false) if candidate.wishes.suspend.is_none() => {
                        candidate.permit = None;
                        candidate.wishes.back = Some(held.token);
                    }
                    _ => {}
                }
            }
            self.wish(index);
        }
        self.decide_late(now);
    }

    /// When [`Node::decide_late`] has something to decide.
    pub fn wakes(&self) -> Option<Moment> {
        let asked = self.asking.iter();
        asked
            .filter_map(|index| Some(self.candidates[*index].asked?.at.plus(ANSWER)))
            .min()
    }

    /// Whoever has asked for a permit and had no answer in time decides alone.
    pub fn decide_late(&mut self, now: Moment) {
        self.decide_alone(now, |asked| asked.at.plus(ANSWER) <= now);
    }

    fn decide_alone(&mut self, now: Moment, due: impl Fn(&Asked) -> bool) {
        let candidates = &mut self.candidates;
        let counts = &mut self.counts;
        self.asking.retain(|index| {
            let candidate = &mut candidates[*index];
            let Some(asked) = candidate.asked else {
                return false;
            };
            if !due(&asked) {
                return true;
            }
            if let Some(gate) = candidate.gate.upgrade()
                && gate.view().until == Some(asked.window)
            {
                gate.give_leave(asked.window, now.plus(ARMED));
                candidate.permit = Some(Held {
                    token: asked.token,
                    used: false,
                });
                counts.alone += 1;
            }
            candidate.asked = None;
            candidate.wishes.ask = false;
            false
        });
    }

    /// Forgets what nobody uses and nobody has to know.
    pub fn tidy(&mut self) {
        let gone = |c: &Candidate| {
            c.gate.strong_count() == 0
                && c.under_way.is_none()
                && !c.seen.as_ref().is_some_and(|(state, _)| state.matters())
        };
        if self.candidates.iter().filter(|c| gone(c)).count() <= STRANGERS / 10 {
            return;
        }
        // Numbers stay what they are: only the names are freed.
        let candidates = &self.candidates;
        self.by_name.retain(|_, index| !gone(&candidates[*index]));
    }

    /// The clears of a candidate that this node knows of.
    pub fn epoch(&self, index: usize) -> u64 {
        self.candidates[index].epoch
    }

    /// Who has suspended a candidate that is suspended now.
    pub fn suspended_by(&self, name: &str) -> Option<String> {
        let candidate = &self.candidates[*self.by_name.get(name)?];
        candidate.by.clone()
    }

    /// Candidates with wishes that have not gone out, or are under way.
    pub fn backlog(&self) -> usize {
        let waits = |c: &&Candidate| c.under_way.is_some() || c.wishes.any();
        self.candidates.iter().filter(waits).count()
    }
}
