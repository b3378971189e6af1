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
use std::sync::{Arc, Weak};
use std::time::Duration;

use failover_suspension::{Change, Gate, Ground, Moment};

use crate::numbers::Counts;
use crate::words::{Message, Operation, Reply, Request, Stamp, State, Ticket, Token, Verdict};

/// How long a permit that was given is good for a request to take: shorter than the second for which the store keeps
/// it, so that the store hears of its use before it gives the permit to another node.
const ARMED: Duration = Duration::from_millis(600);

/// Longest wait for the store to answer who asks for a permit; then this node decides alone.
pub const ANSWER: Duration = Duration::from_millis(250);

/// Longest time between two questions for a permit that another node has.
const AGAIN: Duration = Duration::from_secs(1);

/// How much shorter the store's suspension may be than this node's own before it is extended.
const SLACK: Duration = Duration::from_millis(50);

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

#[derive(Debug, Default)]
struct Candidate {
    name: String,
    gate: Weak<Gate>,
    /// What the store was last seen to know, and when.
    seen: Option<(State, Moment)>,
    epoch: u64,
    epoch_is_known: bool,
    /// The mark that the store was last seen to have.
    mark: Option<u64>,
    hold_version: u64,
    /// Whether the suspension is this node's own.
    own: bool,
    ground: Option<Ground>,
    by: Option<String>,
    /// Something older than what was seen before has been read: it is read again, before that is believed.
    doubt: bool,
    wishes: Wishes,
    under_way: Option<UnderWay>,
    queued: bool,
    asked: Option<Asked>,
    permit: Option<Held>,
}

/// A question for the permit of a window.
#[derive(Debug, Clone, Copy)]
struct Asked {
    window: Moment,
    token: Token,
    at: Moment,
}

#[derive(Debug, Clone, Copy)]
struct Held {
    token: Token,
    used: bool,
}

#[derive(Debug)]
struct UnderWay {
    serial: u64,
    operation: Operation,
    epoch: u64,
    at: Moment,
}

/// A clear of this node's. Sent again, it is of the epoch in which it was made: else it would clear what came after.
#[derive(Debug, Clone, Copy)]
struct Cleared {
    at: Moment,
    operator: bool,
    epoch: u64,
}

/// What is wanted of the store, one of each sort.
#[derive(Debug, Default)]
struct Wishes {
    suspend: Option<Ground>,
    clear: Option<Cleared>,
    ask: bool,
    take: bool,
    back: Option<Token>,
    hold: bool,
    mark: Option<u64>,
    answer: bool,
    raise: bool,
    read: bool,
}

impl Wishes {
    fn any(&self) -> bool {
        self.suspend.is_some()
            || self.clear.is_some()
            || self.ask
            || self.take
            || self.back.is_some()
            || self.hold
            || self.mark.is_some()
            || self.answer
            || self.raise
            || self.read
    }
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
                candidate.epoch = state.epoch;
                // What was learned while it was under way is cleared with it.
                if !candidate.own
                    && let Some(gate) = &gate
                {
                    gate.learn_cleared();
                }
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

fn stronger(one: Ground, other: Ground) -> Ground {
    match (one, other) {
        (Ground::Inferred, Ground::Inferred) => Ground::Inferred,
        _ => Ground::Said,
    }
}

impl Candidate {
    /// The most urgent wish, which is one no more.
    fn operation(&mut self, now: Moment) -> Option<(Operation, u64)> {
        if let Some(clear) = self.wishes.clear.take() {
            let operation = Operation::Clear {
                age: clear.at.until(now),
                operator: clear.operator,
            };
            return Some((operation, clear.epoch));
        }
        Some((self.present_operation(now)?, self.epoch))
    }

    /// One that is of the present epoch.
    fn present_operation(&mut self, now: Moment) -> Option<Operation> {
        let view = self.gate.upgrade().map(|gate| gate.view());
        let wishes = &mut self.wishes;
        if let Some(ground) = wishes.suspend.take()
            && let Some(view) = view
            && let Some(until) = view.until.filter(|until| *until > now)
        {
            let ended = self.permit.take_if(|held| held.used && !view.probing);
            return Some(Operation::Suspend {
                left: now.until(until),
                failed: view.failed,
                ground,
                token: ended.map(|held| held.token),
            });
        }
        if std::mem::take(&mut wishes.take)
            && let Some(held) = self.permit
        {
            return Some(Operation::Take(held.token));
        }
        if std::mem::take(&mut wishes.ask)
            && let Some(asked) = self.asked
        {
            return Some(Operation::Ask(asked.token));
        }
        if let Some(token) = wishes.back.take() {
            return Some(Operation::Back(token));
        }
        if std::mem::take(&mut wishes.hold)
            && let Some(view) = view
        {
            return Some(Operation::Hold {
                version: self.hold_version,
                held: view.held,
            });
        }
        if let Some(request) = wishes.mark.take() {
            self.mark = Some(request);
            return Some(Operation::Mark(request));
        }
        if std::mem::take(&mut wishes.answer) {
            self.mark = None;
            return Some(Operation::Answer);
        }
        if std::mem::take(&mut wishes.raise) {
            return Some(Operation::Raise);
        }
        std::mem::take(&mut wishes.read).then_some(Operation::Read)
    }

    /// What was under way has failed. What was wished since goes before it.
    fn wish_again(&mut self, failed: UnderWay) {
        let wishes = &mut self.wishes;
        match failed.operation {
            Operation::Read => wishes.read = true,
            Operation::Raise => wishes.raise = true,
            Operation::Suspend { ground, token, .. } => {
                if wishes.clear.is_none() {
                    wishes.suspend = Some(wishes.suspend.map_or(ground, |g| stronger(g, ground)));
                }
                wishes.back = wishes.back.or(token);
            }
            Operation::Clear { age, operator } => {
                if wishes.suspend.is_none() && wishes.clear.is_none() {
                    wishes.clear = Some(Cleared {
                        at: Moment(failed.at.0.saturating_sub(age.as_millis() as u64)),
                        operator,
                        epoch: failed.epoch,
                    });
                }
            }
            // Whoever wants it still has its own clock for it.
            Operation::Ask(_) => {}
            Operation::Take(_) => wishes.take = self.permit.is_some(),
            Operation::Back(token) => wishes.back = Some(token),
            Operation::Hold { .. } => wishes.hold = true,
            Operation::Mark(request) => {
                if !wishes.answer {
                    wishes.mark = wishes.mark.or(Some(request));
                }
            }
            Operation::Answer => wishes.answer = wishes.mark.is_none(),
        }
    }

    /// A permit was asked for.
    fn answered(
        &mut self,
        token: Token,
        verdict: Verdict,
        wait: Duration,
        at: Moment,
        now: Moment,
    ) {
        let gate = self.gate.upgrade();
        let asked = self.asked.take_if(|asked| asked.token == token);
        let open = asked.zip(gate).filter(|(asked, gate)| {
            let view = gate.view();
            view.until == Some(asked.window) && !view.probing
        });
        match (verdict, open) {
            (Verdict::Done, Some((asked, gate))) => {
                self.permit = Some(Held { token, used: false });
                gate.give_leave(asked.window, at.plus(ARMED));
            }
            // Decided alone meanwhile, with the same token; or of a window that is over.
            (Verdict::Done, None) => {
                if self.permit.is_none_or(|held| held.token != token) {
                    self.wishes.back = Some(token);
                }
            }
            (_, Some((asked, gate))) => gate.refuse_leave(asked.window, now.plus(wait)),
            (_, None) => {}
        }
    }

    /// Takes in what the store knows. `reply`: to this node; otherwise it is a message, which may be late.
    fn absorb(&mut self, state: State, reply: bool, now: Moment) {
        let seen = self.seen.as_ref().map(|(seen, _)| seen.stamp());
        let older = seen.is_some_and(|seen| state.stamp() < seen);
        if !reply && seen.is_some_and(|seen| state.stamp() <= seen) {
            return;
        }
        if reply && older && !self.doubt && state.epoch >= self.epoch {
            // A message has overtaken it, or the store has lost something: read again, it can only be the latter.
            self.doubt = true;
            self.wishes.read = true;
            return;
        }
        self.doubt = false;
        self.seen = Some((state.clone(), now));
        if let Some(gate) = self.gate.upgrade() {
            self.learn(&gate, &state, now);
        } else {
            self.epoch = self.epoch.max(state.epoch);
        }
    }

    /// Has the gate know what the store does, and wishes for what only the gate knows.
    fn learn(&mut self, gate: &Arc<Gate>, state: &State, now: Moment) {
        if state.hold_version > self.hold_version {
            self.hold_version = state.hold_version;
            gate.learn_held(state.held);
        } else if state.hold_version < self.hold_version {
            self.wishes.hold = true;
        }
        if state.epoch < self.epoch {
            // It has forgotten a clear. What it knows is of before.
            self.wishes.raise = true;
            if self.own && gate.view().until.is_some_and(|until| until > now) {
                self.wishes.suspend = self.ground.or(Some(Ground::Inferred));
            }
            return;
        }
        if state.epoch > self.epoch {
            // The first that is heard of a candidate is no clear.
            if self.epoch_is_known {
                gate.learn_cleared();
                self.forget();
                self.wishes.suspend = None;
                self.wishes.mark = None;
            }
            self.epoch = state.epoch;
        }
        self.epoch_is_known = true;
        self.learn_mark(gate, state.mark, now);
        let until = gate.view().until.filter(|until| *until > now);
        let left = until.map_or(Duration::ZERO, |until| now.until(until));
        if !state.left.is_zero() {
            // What is about to be cleared is not learned first.
            let cleared = self.wishes.clear.is_some();
            let answers = state.ground == Ground::Inferred && until.is_none() && gate.answers(now);
            if !cleared && !answers && gate.learn_suspended(now.plus(state.left), state.failed) {
                self.own = false;
                self.ground = Some(state.ground);
                self.by = Some(state.by.clone());
                self.asked = None;
            }
        }
        // Absence is no clear: what was forgotten is told again, by whoever knows it.
        let forgotten = state.left.is_zero() || self.own && left > state.left + SLACK;
        if until.is_some() && forgotten && self.wishes.clear.is_none() {
            let ground = self.ground.unwrap_or(Ground::Inferred);
            self.wishes.suspend.get_or_insert(ground);
        }
    }

    fn learn_mark(&mut self, gate: &Arc<Gate>, mark: Option<u64>, now: Moment) {
        let telling = matches!(
            self.under_way.as_ref().map(|u| &u.operation),
            Some(Operation::Mark(_))
        );
        if self.wishes.mark.is_some() || self.wishes.answer || telling || mark == self.mark {
            return;
        }
        self.mark = mark;
        gate.learn_marked(mark, now);
    }

    fn forget(&mut self) {
        self.own = false;
        self.ground = None;
        self.by = None;
        self.asked = None;
    }
}
