//! Some nodes with real gates, a store, a network that loses, delays and doubles, and a provider that is down at times:
//! all of it on a clock of its own, and every choice from one seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use failover_cluster::{Message, Node, Operation, Reply, Request, Ticket, Verdict};
use failover_suspension::{Admission, Change, Gate, Ground, Moment, Peers, Permit, State};

use crate::store::Store;

pub const CANDIDATE: &str = "carbon.super|A|1|e1|m";

/// Longest time of a probe.
const PROBE: u64 = 7000;

#[derive(Debug, Default)]
struct Peer {
    queue: Mutex<Vec<Change>>,
    up: AtomicBool,
}

impl Peers for Peer {
    fn changed(&self, change: Change) {
        self.queue.lock().unwrap().push(change);
    }

    fn reachable(&self) -> bool {
        self.up.load(Ordering::Relaxed)
    }
}

/// What can go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Messages that are lost, doubled or come up to five seconds late, in a hundred.
    pub messages: u32,
    /// Operations or their answers that are lost, in a thousand, and operations that are done twice.
    pub operations: u32,
    /// Nodes are killed and started, links cut.
    pub deaths: bool,
    /// The store forgets everything.
    pub flushes: bool,
}

#[derive(Debug)]
enum Event {
    Arrive(Request, bool),
    Answer(Ticket, Reply),
    Hear(Message),
    GiveUp(Ticket),
    Link,
    Tick,
    Ask,
    Probed,
    Tried(u64),
}

#[derive(Debug)]
struct Planned {
    at: u64,
    order: u64,
    node: usize,
    life: u64,
    event: Event,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}
impl Eq for Planned {}
impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

struct Gateway {
    node: Node,
    gate: Arc<Gate>,
    peer: Arc<Peer>,
    index: usize,
    alive: bool,
    life: u64,
    cut: bool,
    linked: bool,
    open: Vec<Ticket>,
    /// Its clock began at another time than the others'.
    offset: u64,
    probe: Option<Permit>,
    /// The epoch in which it began: a clear ends the window of an older one, whose probe changes nothing any more.
    probe_epoch: u64,
    /// Between its clients' requests, in milliseconds.
    every: u64,
    until: Option<(u64, u64)>,
    /// Whether a clear of its own has just happened.
    cleared: bool,
}

impl Gateway {
    fn knows(&self) -> bool {
        self.alive && self.gate.view().until.is_some()
    }
}

pub struct World {
    pub seed: u64,
    pub now: u64,
    random: fastrand::Rng,
    store: Store,
    gateways: Vec<Gateway>,
    planned: BinaryHeap<Reverse<Planned>>,
    order: u64,
    faults: Faults,
    provider_up: bool,
    quiet: bool,
    /// Since when somebody has been due, whose requests come, without a probe anywhere.
    due_since: Option<u64>,
    clears: u64,
    /// Epochs that the store has begun: one more for an operator's clear whose answer was lost, when a suspension has
    /// come on its heels and is cleared as well.
    begun: u64,
    /// Whether operations are done twice, the second time later than the first.
    doubled: bool,
    /// The latest end that any node has given a suspension, on the world's clock.
    longest: u64,
    pub probes: u64,
    pub history: Vec<String>,
}

impl World {
    pub fn new(seed: u64, nodes: usize, faults: Faults) -> World {
        let mut world = World {
            seed,
            now: 0,
            random: fastrand::Rng::with_seed(seed),
            store: Store::default(),
            gateways: Vec::new(),
            planned: BinaryHeap::new(),
            order: 0,
            faults,
            provider_up: true,
            quiet: false,
            due_since: None,
            clears: 0,
            begun: 0,
            doubled: faults.operations > 0,
            longest: 0,
            probes: 0,
            history: Vec::new(),
        };
        for node in 0..nodes {
            let every = [20, 100, 400, 900, 3000][world.random.usize(0..5)];
            let offset = world.random.u64(0..100_000);
            let gateway = world.gateway(node, offset, every, 0);
            world.gateways.push(gateway);
            world.begin(node);
        }
        world
    }

    fn gateway(&mut self, node: usize, offset: u64, every: u64, life: u64) -> Gateway {
        let peer = Arc::new(Peer::default());
        let gate = Arc::new(Gate::default());
        gate.share(Some(Arc::clone(&peer) as Arc<dyn Peers>));
        let mut core = Node::new(format!("n{node}#{life}"), self.random.u64(..));
        let index = core.meet(CANDIDATE, &gate, Moment(self.now + offset));
        Gateway {
            node: core,
            gate,
            peer,
            index,
            alive: true,
            life,
            cut: false,
            linked: false,
            open: Vec::new(),
            offset,
            probe: None,
            probe_epoch: 0,
            every,
            until: None,
            cleared: false,
        }
    }

    fn begin(&mut self, node: usize) {
        self.plan(node, 10, Event::Link);
        self.plan(node, 1000, Event::Tick);
        let every = self.gateways[node].every;
        self.plan(node, every, Event::Ask);
    }

    fn plan(&mut self, node: usize, after: u64, event: Event) {
        self.order += 1;
        self.planned.push(Reverse(Planned {
            at: self.now + after,
            order: self.order,
            node,
            life: self.gateways[node].life,
            event,
        }));
    }

    fn tell(&mut self, what: String) {
        if self.history.len() > 400 {
            self.history.drain(..200);
        }
        self.history.push(format!("{:>7} {what}", self.now));
    }

    #[track_caller]
    pub fn demand(&self, holds: bool, what: &str) {
        assert!(
            holds,
            "{what}, with seed {} and {:?}:\n{}",
            self.seed,
            self.faults,
            self.history.join("\n")
        );
    }

    fn moment(&self, node: usize) -> Moment {
        Moment(self.now + self.gateways[node].offset)
    }

    fn delay(&mut self) -> u64 {
        match self.random.u32(0..100) {
            0..80 => self.random.u64(0..3),
            80..98 => self.random.u64(3..20),
            _ => self.random.u64(20..90),
        }
    }

    /// Plays that long.
    pub fn play(&mut self, length: u64) {
        let end = self.now + length;
        loop {
            if self.faults.deaths || self.faults.flushes {
                self.misfortune();
            }
            let Some(Reverse(next)) = self.planned.peek() else {
                return;
            };
            if next.at > end {
                self.now = end;
                return;
            }
            let Some(Reverse(next)) = self.planned.pop() else {
                return;
            };
            self.now = next.at;
            let current = self.gateways[next.node].life == next.life;
            let at_store = matches!(next.event, Event::Arrive(..));
            if current && self.gateways[next.node].alive || at_store {
                self.happen(next.node, next.event, current);
                for node in 0..self.gateways.len() {
                    self.settle(node);
                }
            }
        }
    }

    fn misfortune(&mut self) {
        let node = self.random.usize(0..self.gateways.len());
        match self.random.u32(0..20_000) {
            0 if self.faults.deaths && self.gateways[node].alive => {
                self.tell(format!("n{node} is killed"));
                self.gateways[node].alive = false;
                if let Some(permit) = self.gateways[node].probe.take() {
                    std::mem::forget(permit);
                }
            }
            1..4 if self.faults.deaths && !self.gateways[node].alive => self.start(node),
            4..6 if self.faults.deaths => {
                self.gateways[node].cut = !self.gateways[node].cut;
                let cut = self.gateways[node].cut;
                self.tell(format!(
                    "n{node}'s link is {}",
                    if cut { "cut" } else { "whole" }
                ));
            }
            6 if self.faults.flushes => {
                self.tell("the store is flushed".to_owned());
                self.store.flush();
            }
            _ => {}
        }
    }

    fn start(&mut self, node: usize) {
        self.tell(format!("n{node} is started"));
        let (life, every) = (self.gateways[node].life + 1, self.gateways[node].every);
        let offset = self.random.u64(0..100_000);
        self.gateways[node] = self.gateway(node, offset, every, life);
        self.begin(node);
    }

    fn happen(&mut self, node: usize, event: Event, current: bool) {
        match event {
            Event::Arrive(request, again) => self.arrive(node, request, again, current),
            Event::Answer(ticket, reply) => {
                let now = self.moment(node);
                let gateway = &mut self.gateways[node];
                gateway.open.retain(|open| *open != ticket);
                gateway.node.replied(ticket, Some(reply), now);
            }
            Event::Hear(message) => {
                let now = self.moment(node);
                let gateway = &mut self.gateways[node];
                if gateway.linked {
                    gateway.node.heard(message, now);
                }
            }
            Event::GiveUp(ticket) => {
                if self.gateways[node].open.contains(&ticket) {
                    self.lose(node);
                }
            }
            Event::Link => {
                if self.gateways[node].cut {
                    self.plan(node, 300, Event::Link);
                } else {
                    let gateway = &mut self.gateways[node];
                    gateway.linked = true;
                    gateway.node.linked();
                    gateway.peer.up.store(true, Ordering::Relaxed);
                    self.tell(format!("n{node} is linked"));
                }
            }
            Event::Tick => {
                let now = self.moment(node);
                let stamp = self.store.stamp(CANDIDATE, self.now);
                let gateway = &mut self.gateways[node];
                gateway.node.tick(now);
                if gateway.linked && gateway.cut {
                    self.lose(node);
                } else if gateway.linked {
                    let index = gateway.index;
                    gateway.node.stamped(index, stamp);
                }
                self.plan(node, 1000, Event::Tick);
            }
            Event::Ask => {
                self.ask(node);
                let every = self.gateways[node].every;
                let after = self.random.u64(every / 2..=every * 3 / 2);
                self.plan(node, after, Event::Ask);
            }
            Event::Probed => self.probed(node),
            Event::Tried(began) => self.tried(node, began),
        }
    }

    fn lose(&mut self, node: usize) {
        let now = self.moment(node);
        let gateway = &mut self.gateways[node];
        gateway.linked = false;
        gateway.open.clear();
        gateway.peer.up.store(false, Ordering::Relaxed);
        gateway.node.unlinked(now);
        self.plan(node, 300, Event::Link);
        self.tell(format!("n{node} has lost its link"));
    }

    fn arrive(&mut self, node: usize, request: Request, again: bool, current: bool) {
        let name = format!("n{node}#{}", self.gateways[node].life);
        let (reply, message) = self.store.exchange(&name, &request, self.now);
        if matches!(request.operation, Operation::Clear { .. }) && reply.verdict == Verdict::Done {
            self.begun += 1;
        }
        self.tell(format!(
            "store: {} of {name} from epoch {}{} → {:?} {}",
            request.operation.word(),
            request.epoch,
            if again { " again" } else { "" },
            reply.verdict,
            told(&reply),
        ));
        if let Some(message) = message {
            for other in 0..self.gateways.len() {
                let mut copies = 1;
                let mut late = 0;
                if self.random.u32(0..100) < self.faults.messages {
                    match self.random.u32(0..3) {
                        0 => copies = 0,
                        1 => copies = 2,
                        _ => late = self.random.u64(0..5000),
                    }
                }
                for _ in 0..copies {
                    let delay = self.delay() + late;
                    self.plan(other, delay, Event::Hear(message.clone()));
                }
            }
        }
        let lost = self.random.u32(0..1000) < self.faults.operations;
        if !again && current && !lost && !self.gateways[node].cut {
            let delay = self.delay();
            self.plan(node, delay, Event::Answer(request.ticket, reply));
        }
    }

    /// After every event: what a node wants goes out, and what must always hold is looked at.
    fn settle(&mut self, node: usize) {
        if !self.gateways[node].alive {
            return;
        }
        let now = self.moment(node);
        {
            let gateway = &mut self.gateways[node];
            let changes = std::mem::take(&mut *gateway.peer.queue.lock().unwrap());
            for change in changes {
                gateway.node.changed(gateway.index, change, now);
            }
            if gateway.node.wakes().is_some_and(|at| at <= now) {
                gateway.node.decide_late(now);
            }
        }
        while self.gateways[node].linked {
            let Some(request) = self.gateways[node].node.next(now) else {
                break;
            };
            self.gateways[node].open.push(request.ticket);
            self.plan(node, 1000, Event::GiveUp(request.ticket));
            if self.gateways[node].cut || self.random.u32(0..1000) < self.faults.operations {
                continue;
            }
            let delay = self.delay();
            if self.random.u32(0..1000) < self.faults.operations {
                let again = delay + self.random.u64(0..3000);
                self.plan(node, again, Event::Arrive(request.clone(), true));
            }
            self.plan(node, delay, Event::Arrive(request, false));
        }
        self.check_length(node);
        self.check_due();
    }

    /// Never shorter, but by a clear: one of this node's own, or one that began the epoch it has come to.
    fn check_length(&mut self, node: usize) {
        let now = self.moment(node);
        let gateway = &self.gateways[node];
        let until = gateway.gate.view().until.map(|until| until.0);
        let epoch = gateway.node.epoch(gateway.index);
        let (before, in_epoch) = gateway.until.unwrap_or_default();
        if before > now.0 && until.unwrap_or_default() < before && in_epoch == epoch {
            let own = until.is_none() && gateway.cleared;
            self.demand(
                own,
                &format!("n{node}'s suspension became shorter, from {before} to {until:?}"),
            );
        }
        self.demand(
            epoch <= self.clears.max(self.begun),
            &format!(
                "n{node} knows of {epoch} clears, but there were {}",
                self.clears
            ),
        );
        // A message that is late tells of less than it says, and one that is older than what is known of nothing.
        let end = until
            .unwrap_or_default()
            .saturating_sub(self.gateways[node].offset);
        self.demand(
            self.doubled || end <= self.longest + 1500,
            &format!(
                "n{node} has it suspended until {end}, and nobody for longer than until {}",
                self.longest
            ),
        );
        let gateway = &mut self.gateways[node];
        gateway.until = until.map(|until| (until, epoch));
        gateway.cleared = false;
    }

    /// Nobody starves.
    fn check_due(&mut self) {
        let waits = |world: &World, node: usize| {
            let gateway = &world.gateways[node];
            let now = world.moment(node);
            gateway.alive && gateway.every <= 400 && matches!(gateway.gate.state(now), State::Due)
        };
        let probing = self.gateways.iter().any(|g| g.alive && g.probe.is_some());
        let due = (0..self.gateways.len()).any(|node| waits(self, node));
        match (due && !probing && !self.quiet, self.due_since) {
            (true, None) => self.due_since = Some(self.now),
            (true, Some(since)) => self.demand(
                self.now - since < 12_000,
                "somebody has been due for 12 s, and nobody probes",
            ),
            (false, _) => self.due_since = None,
        }
    }

    fn ask(&mut self, node: usize) {
        if self.quiet {
            return;
        }
        if self.random.u32(0..400) == 0 {
            self.provider_up = !self.provider_up;
            self.tell(format!(
                "the provider is {}",
                if self.provider_up { "up" } else { "down" }
            ));
        }
        if self.random.u32(0..1500) == 0 && self.gateways.iter().any(Gateway::knows) {
            self.clear();
        }
        let now = self.moment(node);
        match self.gateways[node].gate.admit(now) {
            Admission::Probe(permit) => self.probe(node, permit),
            Admission::Open | Admission::Suspected => {
                let took = self.random.u64(1..300);
                let began = self.now;
                self.plan(node, took, Event::Tried(began));
            }
            Admission::Suspended { .. } | Admission::Probing | Admission::Held => {}
        }
    }

    fn epoch(&self, node: usize) -> u64 {
        let gateway = &self.gateways[node];
        gateway.node.epoch(gateway.index)
    }

    fn probe(&mut self, node: usize, permit: Permit) {
        self.probes += 1;
        self.tell(format!("n{node} probes"));
        let safe = !self.faults.deaths && !self.faults.flushes && self.faults.operations == 0;
        let epoch = self.epoch(node);
        let others = self.gateways.iter().enumerate();
        let others = others.filter(|(other, g)| {
            *other != node && g.alive && g.probe.is_some() && g.probe_epoch == epoch
        });
        let others: Vec<usize> = others.map(|(other, _)| other).collect();
        self.demand(
            !safe || others.is_empty(),
            &format!("n{node} probes while {others:?} do"),
        );
        self.gateways[node].probe = Some(permit);
        self.gateways[node].probe_epoch = epoch;
        let took = match self.random.u32(0..10) {
            0 => self.random.u64(0..PROBE),
            _ => self.random.u64(0..400),
        };
        self.plan(node, took, Event::Probed);
    }

    fn probed(&mut self, node: usize) {
        let now = self.moment(node);
        let Some(permit) = self.gateways[node].probe.take() else {
            return;
        };
        if self.random.u32(0..10) == 0 {
            self.tell(format!("n{node}'s probe is cancelled"));
            drop(permit);
        } else if self.provider_up {
            let lifted = permit.succeeded();
            self.tell(format!("n{node}'s probe is answered, lifted {lifted}"));
            self.clears += u64::from(lifted);
            self.gateways[node].cleared = lifted;
        } else {
            self.tell(format!("n{node}'s probe has failed"));
            let until = permit.failed(now, |failed| {
                Duration::from_millis(1000 + 100 * u64::from(failed))
            });
            self.ends(node, until);
        }
    }

    fn ends(&mut self, node: usize, until: Moment) {
        self.longest = self.longest.max(until.0 - self.gateways[node].offset);
    }

    fn tried(&mut self, node: usize, _began: u64) {
        let now = self.moment(node);
        let gate = &self.gateways[node].gate;
        if self.provider_up {
            gate.answered(now);
            return;
        }
        let length = Duration::from_millis(self.random.u64(500..3000));
        let ground = match self.random.bool() {
            true => Ground::Said,
            false => Ground::Inferred,
        };
        if gate.suspend_on(ground, now.plus(length)) {
            self.ends(node, now.plus(length));
            self.tell(format!("n{node} suspends for {length:?}, {ground:?}"));
        }
    }

    /// From now on nothing goes wrong but that messages are lost, and nobody asks; what is under way comes to its end.
    pub fn heal(&mut self) {
        self.tell("all is well from here on".to_owned());
        self.quiet = true;
        self.faults = Faults {
            messages: self.faults.messages,
            operations: 0,
            deaths: false,
            flushes: false,
        };
        for node in 0..self.gateways.len() {
            self.gateways[node].cut = false;
            if !self.gateways[node].alive {
                self.start(node);
            }
        }
        self.play(8000);
    }

    /// An operator's clear at some node that knows of the suspension.
    pub fn clear(&mut self) {
        let all = self.gateways.iter().enumerate();
        let those: Vec<usize> = all.filter(|(_, g)| g.knows()).map(|(n, _)| n).collect();
        let node = those[self.random.usize(0..those.len())];
        self.tell(format!("n{node} is cleared by its operator"));
        self.clears += 1;
        self.gateways[node].cleared = true;
        self.gateways[node].gate.clear();
        self.settle(node);
    }

    /// A provider says at some node that it will be back in a minute.
    pub fn suspend(&mut self) {
        let node = self.random.usize(0..self.gateways.len());
        self.tell(format!("n{node} suspends for a minute"));
        let until = self.moment(node).plus(Duration::from_secs(60));
        self.ends(node, until);
        self.gateways[node].gate.suspend(until);
        self.settle(node);
    }

    pub fn hold(&mut self, held: bool) {
        let node = self.random.usize(0..self.gateways.len());
        self.tell(format!("n{node} is held: {held}"));
        match held {
            true => self.gateways[node].gate.hold(),
            false => self.gateways[node].gate.release(),
        }
        self.settle(node);
    }

    pub fn states(&self) -> Vec<State> {
        let all = 0..self.gateways.len();
        all.map(|node| self.gateways[node].gate.state(self.moment(node)))
            .collect()
    }

    /// What is left of each node's suspension.
    pub fn left(&self) -> Vec<Duration> {
        let all = 0..self.gateways.len();
        all.map(|node| {
            let until = self.gateways[node].gate.view().until.unwrap_or(Moment(0));
            self.moment(node).until(until)
        })
        .collect()
    }
}

fn told(reply: &Reply) -> String {
    let state = &reply.state;
    format!(
        "({} {}) left {:?} failed {} by {}",
        state.epoch, state.change, state.left, state.failed, state.by
    )
}
