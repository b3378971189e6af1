//! What a node knows of one candidate and wants of the store for it, and how a gate comes to know what the store does.

use std::sync::{Arc, Weak};
use std::time::Duration;

use failover_suspension::{Gate, Ground, Moment};

use crate::words::{Operation, State, Token, Verdict};

/// How long a permit that was given is good for a request to take: shorter than the second for which the store keeps
/// it, so that the store hears of its use before it gives the permit to another node.
pub(crate) const ARMED: Duration = Duration::from_millis(600);

/// How much shorter the store's suspension may be than this node's own before it is extended.
const SLACK: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) gate: Weak<Gate>,
    /// What the store was last seen to know, and when.
    pub(crate) seen: Option<(State, Moment)>,
    pub(crate) epoch: u64,
    pub(crate) epoch_is_known: bool,
    /// The epoch in which this node has cleared it last.
    pub(crate) cleared_from: Option<u64>,
    /// The mark that the store was last seen to have.
    pub(crate) mark: Option<u64>,
    pub(crate) hold_version: u64,
    /// Whether the suspension is this node's own.
    pub(crate) own: bool,
    pub(crate) ground: Option<Ground>,
    pub(crate) by: Option<String>,
    /// Something older than what was seen before has been read: it is read again, before that is believed.
    pub(crate) doubt: bool,
    pub(crate) wishes: Wishes,
    pub(crate) under_way: Option<UnderWay>,
    pub(crate) queued: bool,
    pub(crate) asked: Option<Asked>,
    pub(crate) permit: Option<Held>,
}

/// A question for the permit of a window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) window: Moment,
    pub(crate) token: Token,
    pub(crate) at: Moment,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) token: Token,
    pub(crate) used: bool,
}

#[derive(Debug)]
pub(crate) struct UnderWay {
    pub(crate) serial: u64,
    pub(crate) operation: Operation,
    pub(crate) epoch: u64,
    pub(crate) at: Moment,
}

/// A clear of this node's. Sent again, it is of the epoch in which it was made: else it would clear what came after.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cleared {
    pub(crate) at: Moment,
    pub(crate) operator: bool,
    pub(crate) epoch: u64,
}

/// What is wanted of the store, one of each sort.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) suspend: Option<Ground>,
    pub(crate) clear: Option<Cleared>,
    pub(crate) ask: bool,
    pub(crate) take: bool,
    pub(crate) back: Option<Token>,
    pub(crate) hold: bool,
    pub(crate) mark: Option<u64>,
    pub(crate) answer: bool,
    pub(crate) raise: bool,
    pub(crate) read: bool,
}

impl Wishes {
    pub(crate) fn any(&self) -> bool {
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

pub(crate) fn stronger(one: Ground, other: Ground) -> Ground {
    match (one, other) {
        (Ground::Inferred, Ground::Inferred) => Ground::Inferred,
        _ => Ground::Said,
    }
}

impl Candidate {
    /// The most urgent wish, which is one no more.
    pub(crate) fn operation(&mut self, now: Moment) -> Option<(Operation, u64)> {
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
    pub(crate) fn wish_again(&mut self, failed: UnderWay) {
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
    pub(crate) fn answered(
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
    pub(crate) fn absorb(&mut self, state: State, reply: bool, now: Moment) {
        let seen = self.seen.as_ref().map(|(seen, _)| seen.stamp());
        let older = seen.is_some_and(|seen| state.stamp() < seen);
        if !reply && !self.epoch_is_known && self.gate.strong_count() > 0 {
            // Whether an epoch is a later one than that of what is on its way from here, only a reply can tell.
            self.wishes.read = true;
            return;
        }
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
    pub(crate) fn learn(&mut self, gate: &Arc<Gate>, state: &State, now: Moment) {
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
                // This node's own clear may have begun it, its answer late or lost. What has come after that clear is
                // not cleared by it.
                if self.own && self.cleared_from == Some(self.epoch) {
                    let ground = self.ground.unwrap_or(Ground::Inferred);
                    self.wishes.suspend.get_or_insert(ground);
                } else {
                    gate.learn_cleared();
                    self.forget();
                    self.wishes.suspend = None;
                    self.wishes.mark = None;
                }
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

    pub(crate) fn forget(&mut self) {
        self.own = false;
        self.ground = None;
        self.by = None;
        self.asked = None;
    }
}
