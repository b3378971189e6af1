//! The HTTP/2 connections to a server: as many as its limit of streams asks for.
//!
//! Whoever finds no place waits for a connection that is being opened, or opens one, never for a place. At first one
//! connection is opened for all who wait, since nobody knows yet how many will fit; then as many as are needed by the
//! limit that the server has named.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::timeout;

use super::NetError;
use super::connect::Connector;
use super::http1::{Home, Http1};
use super::http2::{Http2, Place};
use super::line::IDLE;

/// Calls that a connection may have carried when one comes to it that failed on another and is asked again. A server
/// that ends a connection after so many calls, as nginx does, must not hit the same call twice.
const NEARLY_NEW: u64 = 8;

/// Over which connection a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The nearest one.
    Any,
    /// One that has a higher number, and has carried next to nothing.
    NewerThan(u64),
}

/// A server that is connected to.
pub(super) trait Opener: Home + 'static {
    /// Its connections.
    fn shared(&self) -> &Shared;

    /// Opens another one, offering HTTP/2.
    ///
    /// # Errors
    /// Why there is none.
    fn open(&self, connector: &Connector) -> impl Future<Output = Result<Opened, NetError>> + Send;
}

/// A connection that has been opened, by what the server speaks.
pub(super) enum Opened {
    Http1(Box<Http1>),
    Http2(Box<Http2>),
}

#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    connections: Vec<Arc<Http2>>,
    flights: Vec<Flight>,
    /// The number of the last connection.
    last: u64,
    /// What the server was last heard to speak.
    speaks: Speaks,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Speaks {
    #[default]
    Unknown,
    Http1,
    /// With this many streams.
    Http2(u64),
}

/// A connection that is being opened.
struct Flight {
    /// How many more may wait for it.
    seats: u64,
    landed: watch::Receiver<Option<Result<(), NetError>>>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place on a connection; `None`: the server speaks HTTP/1.1.
    ///
    /// # Errors
    /// Why none could be opened.
    pub(super) async fn place<H: Opener>(
        &self,
        opener: &Arc<H>,
        connector: &Connector,
        need: Need,
    ) -> Result<Option<Place>, NetError> {
        loop {
            let mut landed = {
                let mut state = self.state();
                if let Some(place) = state.place(need) {
                    return Ok(Some(place));
                }
                if state.speaks == Speaks::Http1 {
                    return Ok(None);
                }
                state.join(opener, connector, need)
            };
            // The one who began to open it may have longer.
            let landed = timeout(connector.limit(), landed.wait_for(Option::is_some)).await;
            match landed {
                Ok(Ok(result)) => result.unwrap_or(Err(NetError::Connect))?,
                Ok(Err(_)) => return Err(NetError::Connect),
                Err(_) => return Err(NetError::ConnectTimeout),
            }
        }
    }

    /// Adds a connection, with a place on it.
    pub(super) fn add(&self, connection: Http2) -> Place {
        let mut state = self.state();
        let connection = state.add(connection);
        Place::on(connection)
    }

    /// Closes what nobody has used for long; says whether anything is left.
    pub(super) fn sweep(&self) -> bool {
        let mut state = self.state();
        let (left, old) = std::mem::take(&mut state.connections)
            .into_iter()
            .partition(|c| c.is_open() && c.unused_for() < IDLE);
        state.connections = left;
        let busy = !state.connections.is_empty() || !state.flights.is_empty();
        drop(state);
        drop::<Vec<_>>(old);
        busy
    }
}

impl State {
    fn place(&mut self, need: Need) -> Option<Place> {
        // One that is going away ends with its last stream.
        self.connections.retain(|c| c.is_open());
        let fits = |c: &&Arc<Http2>| match need {
            Need::Any => true,
            Need::NewerThan(number) => c.number > number && c.carried() < NEARLY_NEW,
        };
        let free = self.connections.iter().filter(fits);
        let connection = free.into_iter().find(|c| c.open_streams() < c.limit())?;
        Some(Place::on(Arc::clone(connection)))
    }

    fn add(&mut self, mut connection: Http2) -> Arc<Http2> {
        self.last += 1;
        connection.number = self.last;
        self.speaks = Speaks::Http2(connection.limit());
        let connection = Arc::new(connection);
        self.connections.push(Arc::clone(&connection));
        connection
    }

    /// A seat on a flight, of a new one if need be.
    fn join<H: Opener>(
        &mut self,
        opener: &Arc<H>,
        connector: &Connector,
        need: Need,
    ) -> watch::Receiver<Option<Result<(), NetError>>> {
        // Those whose task was dropped with its runtime.
        self.flights.retain(|f| f.landed.has_changed().is_ok());
        if let Some(flight) = self.flights.iter_mut().find(|f| f.seats > 0) {
            flight.seats -= 1;
            return flight.landed.clone();
        }
        let seats = match (self.speaks, need) {
            (Speaks::Http2(_), Need::NewerThan(_)) => NEARLY_NEW,
            (Speaks::Http2(limit), Need::Any) => limit,
            _ => u64::MAX,
        };
        let (land, landed) = watch::channel(None);
        self.flights.push(Flight {
            seats: seats - 1,
            landed: landed.clone(),
        });
        // A task, because whoever began it may leave before the others.
        let (opener, connector, mine) = (Arc::clone(opener), connector.clone(), landed.clone());
        tokio::spawn(async move {
            let landing = timeout(connector.limit(), opener.open(&connector)).await;
            let landing = landing.unwrap_or(Err(NetError::ConnectTimeout));
            let mut state = opener.shared().state();
            state.flights.retain(|f| !mine.same_channel(&f.landed));
            let result = landing.map(|opened| match opened {
                Opened::Http1(connection) => {
                    state.speaks = Speaks::Http1;
                    opener.keep(connection);
                }
                Opened::Http2(connection) => drop(state.add(*connection)),
            });
            drop(state);
            land.send_replace(Some(result));
        });
        landed
    }
}
