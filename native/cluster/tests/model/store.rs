//! What `exchange.lua` does, once more, on a clock that the test has. The test `script` holds both to each other.

use std::collections::HashMap;
use std::time::Duration;

use failover_cluster::{Message, Operation, Reply, Request, Stamp, State, Token, Verdict};
use failover_suspension::Ground;

const ARMED: u64 = 1000;
const LEASE: u64 = 5000;
const MARKED: u64 = 600_000;
const DAYS: u64 = 172_800_000;
const SLACK: u64 = 20;

/// Keys with the time at which they end.
#[derive(Debug, Clone)]
struct Kept<T>(Option<(T, Option<u64>)>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Kept(None)
    }
}

impl<T: Clone> Kept<T> {
    fn get(&self, now: u64) -> Option<T> {
        let (value, ends) = self.0.as_ref()?;
        ends.is_none_or(|ends| now < ends).then(|| value.clone())
    }

    fn left(&self, now: u64) -> u64 {
        match &self.0 {
            Some((_, Some(ends))) => ends.saturating_sub(now),
            _ => 0,
        }
    }

    fn set(&mut self, value: T, ends: Option<u64>) {
        self.0 = Some((value, ends));
    }
}

#[derive(Debug, Clone)]
struct Suspension {
    epoch: u64,
    length: u64,
    failed: u32,
    said: bool,
    by: String,
}

#[derive(Debug, Default, Clone)]
struct Entry {
    stamp: Kept<Stamp>,
    suspension: Kept<Suspension>,
    permit: Kept<(u64, bool, Token)>,
    hold: Kept<(u64, bool)>,
    mark: Kept<(u64, u64)>,
}

/// The store.
#[derive(Debug, Default, Clone)]
pub struct Store {
    entries: HashMap<String, Entry>,
}

impl Store {
    /// FLUSHALL.
    pub fn flush(&mut self) {
        self.entries.clear();
    }

    pub fn stamp(&self, candidate: &str, now: u64) -> Option<Stamp> {
        self.entries.get(candidate)?.stamp.get(now)
    }

    /// Who has a permit that is in use.
    pub fn used_permit(&self, candidate: &str, now: u64) -> Option<Token> {
        let entry = self.entries.get(candidate)?;
        let epoch = entry.stamp.get(now).unwrap_or_default().epoch;
        let (of, used, token) = entry.permit.get(now)?;
        (of == epoch && used).then_some(token)
    }

    /// One operation: the answer, and what is published.
    pub fn exchange(
        &mut self,
        node: &str,
        request: &Request,
        now: u64,
    ) -> (Reply, Option<Message>) {
        let entry = self.entries.entry(request.candidate.clone()).or_default();
        let Stamp {
            mut epoch,
            mut change,
        } = entry.stamp.get(now).unwrap_or_default();
        let (mut changed, mut verdict, mut wait) = (false, Verdict::Done, 0);
        if request.epoch > epoch && request.operation != Operation::Read {
            (epoch, changed) = (request.epoch, true);
        }
        let late = request.epoch < epoch;
        let suspension = entry.suspension.get(now).filter(|s| s.epoch == epoch);
        let left = suspension
            .as_ref()
            .map_or(0, |_| entry.suspension.left(now));
        let permit = entry.permit.get(now).filter(|(of, ..)| *of == epoch);
        match &request.operation {
            Operation::Read | Operation::Raise => {}
            Operation::Suspend {
                left: asked,
                failed,
                ground,
                token,
            } => {
                let asked = (asked.as_millis() as u64).max(1);
                let said = *ground == Ground::Said;
                let (before, already) = suspension
                    .as_ref()
                    .map_or((0, false), |s| (s.failed, s.said));
                if late {
                    verdict = Verdict::Late;
                } else if asked > left + SLACK || *failed > before || said && !already {
                    let longer = asked > left;
                    let (length, by) = match &suspension {
                        Some(s) if !longer => (s.length, s.by.clone()),
                        _ => (asked, node.to_owned()),
                    };
                    let kept = Suspension {
                        epoch,
                        length,
                        failed: before.max(*failed),
                        said: said || already,
                        by,
                    };
                    entry.suspension.set(kept, Some(now + asked.max(left)));
                    changed = true;
                }
                if let (Some((.., holder)), Some(token)) = (permit, token)
                    && holder == *token
                {
                    entry.permit = Kept(None);
                }
            }
            Operation::Clear { age, .. } => {
                let length = suspension.as_ref().map_or(0, |s| s.length);
                if late {
                    verdict = Verdict::Late;
                } else if left > 0 && length.saturating_sub(left) + SLACK < age.as_millis() as u64 {
                    verdict = Verdict::Newer;
                } else {
                    (epoch, changed) = (epoch + 1, true);
                    entry.suspension = Kept(None);
                    entry.permit = Kept(None);
                    entry.mark = Kept(None);
                }
            }
            Operation::Ask(token) => match permit {
                _ if left > 0 => (verdict, wait) = (Verdict::Suspended, left),
                Some((.., holder)) if holder != *token => {
                    (verdict, wait) = (Verdict::Taken, entry.permit.left(now));
                }
                Some(_) => {}
                None => entry.permit.set((epoch, false, *token), Some(now + ARMED)),
            },
            Operation::Take(token) => match permit {
                _ if late => verdict = Verdict::Late,
                Some((.., holder)) if holder != *token => verdict = Verdict::Taken,
                _ => entry.permit.set((epoch, true, *token), Some(now + LEASE)),
            },
            Operation::Back(token) => {
                if permit.is_some_and(|(.., holder)| holder == *token) {
                    entry.permit = Kept(None);
                }
            }
            Operation::Hold { version, held } => {
                if *version > entry.hold.get(now).map_or(0, |(version, _)| version) {
                    let ends = (!held).then_some(now + DAYS);
                    entry.hold.set((*version, *held), ends);
                    changed = true;
                } else {
                    verdict = Verdict::Late;
                }
            }
            Operation::Mark(request) => {
                if late {
                    verdict = Verdict::Late;
                } else {
                    entry.mark.set((epoch, *request), Some(now + MARKED));
                    changed = true;
                }
            }
            Operation::Answer => {
                changed |= entry.mark.get(now).is_some();
                entry.mark = Kept(None);
            }
        }
        if changed {
            change += 1;
            entry.stamp.set(Stamp { epoch, change }, Some(now + DAYS));
        }
        let suspension = entry.suspension.get(now).filter(|s| s.epoch == epoch);
        let left = suspension
            .as_ref()
            .map_or(0, |_| entry.suspension.left(now));
        let (hold_version, held) = entry.hold.get(now).unwrap_or_default();
        let state = State {
            epoch,
            change,
            left: Duration::from_millis(left),
            length: Duration::from_millis(suspension.as_ref().map_or(0, |s| s.length)),
            failed: suspension.as_ref().map_or(0, |s| s.failed),
            ground: match suspension.as_ref().is_some_and(|s| s.said) {
                true => Ground::Said,
                false => Ground::Inferred,
            },
            by: suspension.map_or("-".to_owned(), |s| s.by),
            hold_version,
            held,
            mark: entry
                .mark
                .get(now)
                .filter(|(of, _)| *of == epoch)
                .map(|m| m.1),
        };
        let message = changed.then(|| Message {
            node: node.to_owned(),
            candidate: request.candidate.clone(),
            state: state.clone(),
        });
        let reply = Reply {
            verdict,
            wait: Duration::from_millis(wait),
            state,
        };
        (reply, message)
    }
}
