//! The thread that keeps a node and the store in touch.

use std::collections::VecDeque;
use std::fmt;
use std::future::pending;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use failover_suspension::{Change, Gate, Introduction, Key, Moment, Peers};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::node::Node;
use crate::numbers::{Counts, Status};
use crate::options::{self, Options};
use crate::store::{Failed, Heard, Pushes, Store};
use crate::words::{Operation, Reply, Stamp, Ticket};

/// Changes that wait to be looked at; beyond that the oldest is dropped, and everything is looked at.
const QUEUE: usize = 4096;

/// Operations under way at one time.
const FLIGHTS: usize = 128;

/// Between two looks at what may have been missed.
const TICK: Duration = Duration::from_secs(1);

/// Before the link is tried again: first, and at most.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// For the script to be done before the thread ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// What a cluster needs of the gateway.
pub trait Surroundings: Send + Sync + 'static {
    /// The time that the gates go by.
    fn now(&self) -> Moment;

    /// Writes down that the link came or went.
    fn say(&self, line: &str);

    /// From now on requests are told apart by this, as at all other nodes: marks of before are worth nothing.
    fn tell_apart_by(&self, key: u64);
}

/// This gateway among others. Dropped, it ends with its thread; the gates are alone again.
#[derive(Debug)]
pub struct Cluster {
    shared: Arc<Shared>,
    options: Options,
    node: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    node: Mutex<Node>,
    queue: Mutex<VecDeque<(usize, Change)>>,
    dropped: AtomicU64,
    overrun: AtomicBool,
    woken: Notify,
    up: AtomicBool,
    link: Mutex<Link>,
    surroundings: Box<dyn Surroundings>,
}

#[derive(Debug, Default)]
struct Link {
    /// Why there is none, or what the store has refused last.
    error: String,
    links: u64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("up", &self.up)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    /// Starts the thread, which links up with the store as soon as that is there.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(mut options: Options, surroundings: Box<dyn Surroundings>) -> io::Result<Cluster> {
        // Another one that has been installed is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let wanted = options.clone();
        // Two gateways of one name, or one that was started again, are still two.
        let start = fastrand::u64(..);
        options.node = format!("{}#{:04x}", options::plain(&options.node), start & 0xffff);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let shared = Arc::new(Shared {
            node: Mutex::new(Node::new(options.node.clone(), start)),
            queue: Mutex::default(),
            dropped: AtomicU64::new(0),
            overrun: AtomicBool::new(false),
            woken: Notify::new(),
            up: AtomicBool::new(false),
            link: Mutex::default(),
            surroundings,
        });
        let (stop, mut stopped) = oneshot::channel();
        let node = options.node.clone();
        let driver = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("model-failover-cluster".to_owned())
            .spawn(move || {
                runtime.block_on(driver.run(&options, &mut stopped));
                // A look-up of a name can take as long as it likes.
                runtime.shutdown_background();
            })?;
        Ok(Cluster {
            shared,
            options: wanted,
            node,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What it was started with.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// What the others know this gateway by: its name, and which start of it.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// For the cache whose candidates are shared.
    pub fn introduction(&self) -> Arc<dyn Introduction> {
        Arc::new(Introducer(Arc::clone(&self.shared)))
    }

    /// What operators see.
    pub fn status(&self) -> Status {
        let shared = &self.shared;
        let (counts, backlog): (Counts, usize) = {
            let node = lock(&shared.node);
            (node.counts, node.backlog())
        };
        let link = lock(&shared.link);
        let now = shared.surroundings.now();
        Status {
            up: shared.up.load(Ordering::Acquire),
            error: link.error.clone(),
            links: link.links,
            dropped: shared.dropped.load(Ordering::Relaxed),
            backlog: backlog + lock(&shared.queue).len(),
            silent_for: counts.last_reply.map(|at| at.until(now)),
            counts,
        }
    }

    /// The node that has suspended a candidate; `None`: nobody has.
    pub fn suspended_by(&self, key: &Key) -> Option<String> {
        lock(&self.shared.node).suspended_by(&options::name(key))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.shared.up.store(false, Ordering::Release);
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Debug)]
struct Introducer(Arc<Shared>);

impl Introduction for Introducer {
    fn meet(&self, key: &Key, gate: &Arc<Gate>) -> Arc<dyn Peers> {
        let now = self.0.surroundings.now();
        let index = lock(&self.0.node).meet(&options::name(key), gate, now);
        self.0.woken.notify_one();
        Arc::new(Peer {
            shared: Arc::clone(&self.0),
            index,
        })
    }
}

#[derive(Debug)]
struct Peer {
    shared: Arc<Shared>,
    index: usize,
}

impl Peers for Peer {
    fn changed(&self, change: Change) {
        let mut queue = lock(&self.shared.queue);
        if queue.len() >= QUEUE {
            queue.pop_front();
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
            self.shared.overrun.store(true, Ordering::Relaxed);
        }
        queue.push_back((self.index, change));
        drop(queue);
        self.shared.woken.notify_one();
    }

    fn reachable(&self) -> bool {
        self.shared.up.load(Ordering::Acquire)
    }
}

/// What an operation under way comes to.
enum Landed {
    Exchanged(Ticket, String, Operation, Result<Reply, Failed>),
    Stamped(Result<Vec<(usize, Option<Stamp>)>, Failed>),
    Done(Result<(), Failed>),
}

type Flights = FuturesUnordered<BoxFuture<'static, Landed>>;

impl Shared {
    fn now(&self) -> Moment {
        self.surroundings.now()
    }

    async fn run(&self, options: &Options, stopped: &mut oneshot::Receiver<()>) {
        let mut back_off = BACK_OFF.0;
        let mut said = String::new();
        loop {
            let connected = tokio::select! {
                connected = Store::connect(options) => connected,
                () = self.alone() => return,
                _ = &mut *stopped => return,
            };
            match connected {
                Ok((store, pushes)) => {
                    let begun = Instant::now();
                    let ended = self.linked(&store, pushes, stopped, &mut said).await;
                    self.up.store(false, Ordering::Release);
                    lock(&self.node).unlinked(self.now());
                    match ended {
                        None => return,
                        Some(error) => self.lost(&error, &mut said),
                    }
                    if begun.elapsed() > BACK_OFF.1 {
                        back_off = BACK_OFF.0;
                    }
                }
                Err(error) => self.lost(&error.to_string(), &mut said),
            }
            // Not all nodes at once, when the store is back.
            let wait = back_off.mul_f64(0.5 + fastrand::f64());
            tokio::select! {
                () = sleep(wait) => {}
                () = self.alone() => return,
                _ = &mut *stopped => return,
            }
            back_off = (back_off * 2).min(BACK_OFF.1);
        }
    }

    fn lost(&self, error: &str, said: &mut String) {
        lock(&self.link).error = error.to_owned();
        if said != error {
            self.surroundings.say(&format!(
                "The cluster's store is away, this gateway goes on alone: {error}"
            ));
            error.clone_into(said);
        }
    }

    /// Without a link: what changes is taken note of.
    async fn alone(&self) {
        loop {
            self.drain();
            let wakes = lock(&self.node).wakes();
            tokio::select! {
                () = self.woken.notified() => {}
                () = at(wakes, self.now()) => lock(&self.node).decide_late(self.now()),
            }
        }
    }

    fn drain(&self) {
        let changes: Vec<(usize, Change)> = lock(&self.queue).drain(..).collect();
        let now = self.now();
        let mut node = lock(&self.node);
        for (index, change) in changes {
            node.changed(index, change, now);
        }
        if self.overrun.swap(false, Ordering::Relaxed) && self.up.load(Ordering::Acquire) {
            node.linked();
        }
    }

    /// As long as the link is there. Returns why it ended; `None`: nobody wants it any more.
    async fn linked(
        &self,
        store: &Store,
        mut pushes: Pushes,
        stopped: &mut oneshot::Receiver<()>,
        said: &mut String,
    ) -> Option<String> {
        if let Err(error) = self.begin(store).await {
            return Some(error.to_string());
        }
        {
            let mut link = lock(&self.link);
            link.error.clear();
            link.links += 1;
        }
        if link_is_news(said) {
            self.surroundings
                .say("The cluster's store is there, suspensions are shared");
        }
        said.clear();
        said.push_str(LINKED);
        self.up.store(true, Ordering::Release);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut flights = Flights::new();
        let mut looking = false;
        loop {
            self.drain();
            self.send(store, &mut flights);
            let wakes = lock(&self.node).wakes();
            tokio::select! {
                _ = &mut *stopped => {
                    let _ = timeout(FAREWELL, self.farewell(store, &mut flights)).await;
                    return None;
                }
                heard = pushes.next() => match heard {
                    Heard::Message(message) => lock(&self.node).heard(message, self.now()),
                    Heard::Gap => lock(&self.node).linked(),
                    Heard::End => return Some("the connection has ended".to_owned()),
                },
                Some(landed) = flights.next(), if !flights.is_empty() => {
                    if matches!(landed, Landed::Stamped(_)) {
                        looking = false;
                    }
                    if let Err(error) = self.land(store, landed, &mut flights) {
                        return Some(error);
                    }
                }
                _ = ticks.tick() => {
                    let used = {
                        let mut node = lock(&self.node);
                        node.tick(self.now());
                        node.tidy();
                        node.used()
                    };
                    if !looking {
                        looking = true;
                        let store = store.clone();
                        flights.push(async move {
                            let stamps = match used.is_empty() {
                                true => store.ping().await.map(|()| Vec::new()),
                                false => store.stamps(used).await,
                            };
                            Landed::Stamped(stamps)
                        }.boxed());
                    }
                }
                () = self.woken.notified() => {}
                () = at(wakes, self.now()) => lock(&self.node).decide_late(self.now()),
            }
        }
    }

    /// What is read at the beginning of a link.
    async fn begin(&self, store: &Store) -> Result<(), Failed> {
        let key = store.key(fastrand::u64(..)).await?;
        self.surroundings.tell_apart_by(key);
        let listed = store.listed().await?;
        let mut node = lock(&self.node);
        for candidate in listed {
            node.heard_of(&candidate);
        }
        node.linked();
        Ok(())
    }

    fn send(&self, store: &Store, flights: &mut Flights) {
        while flights.len() < FLIGHTS {
            let Some(request) = lock(&self.node).next(self.now()) else {
                return;
            };
            let store = store.clone();
            flights.push(
                async move {
                    let reply = store.exchange(&request).await;
                    Landed::Exchanged(request.ticket, request.candidate, request.operation, reply)
                }
                .boxed(),
            );
        }
    }

    fn land(&self, store: &Store, landed: Landed, flights: &mut Flights) -> Result<(), String> {
        let failed = match landed {
            Landed::Exchanged(ticket, candidate, operation, reply) => {
                let (reply, failed) = match reply {
                    Ok(reply) => (Some(reply), None),
                    Err(failed) => (None, Some(failed)),
                };
                if let Some(reply) = &reply {
                    let lists = matches!(
                        operation,
                        Operation::Suspend { .. } | Operation::Hold { held: true, .. }
                    );
                    let (store, matters) = (store.clone(), reply.state.matters());
                    if lists && matters {
                        flights.push(
                            async move { Landed::Done(store.list(&candidate).await) }.boxed(),
                        );
                    } else if operation == Operation::Read && !matters && reply.state.change > 0 {
                        flights.push(
                            async move { Landed::Done(store.unlist(&candidate).await) }.boxed(),
                        );
                    }
                }
                lock(&self.node).replied(ticket, reply, self.now());
                failed
            }
            Landed::Stamped(Ok(stamps)) => {
                let mut node = lock(&self.node);
                node.counts.last_reply = Some(self.now());
                for (index, stamp) in stamps {
                    node.stamped(index, stamp);
                }
                None
            }
            Landed::Stamped(Err(failed)) => Some(failed),
            Landed::Done(done) => done.err(),
        };
        match failed {
            None => Ok(()),
            Some(Failed::Refused(message)) => {
                lock(&self.link).error = message;
                Ok(())
            }
            Some(Failed::Gone(message)) => Err(message),
        }
    }

    /// What is still to be told goes out.
    async fn farewell(&self, store: &Store, flights: &mut Flights) {
        self.drain();
        self.send(store, flights);
        while let Some(landed) = flights.next().await {
            if self.land(store, landed, flights).is_err() {
                return;
            }
            self.send(store, flights);
        }
    }
}

const LINKED: &str = "linked";

fn link_is_news(said: &str) -> bool {
    said != LINKED
}

async fn at(moment: Option<Moment>, now: Moment) {
    match moment {
        Some(moment) => sleep(now.until(moment)).await,
        None => pending().await,
    }
}
