//! A server that speaks HTTP/2 frame by frame, so that it can end things at any moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::certificates::Certified;
use crate::servers::{Setup, acceptor};

const PREFACE: usize = 24;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const REFUSED_STREAM: u32 = 7;

/// What a server does with a request.
#[derive(Clone, Copy, PartialEq)]
pub enum Act {
    Answer,
    /// Resets the stream with this code.
    Reset(u32),
    /// Says that it has processed nothing from this stream on, and closes when the others are done.
    GoAway,
    /// Closes the connection.
    Close,
    /// Begins an answer and resets its stream with this code.
    BreakOff(u32),
    /// Never says anything any more, to pings neither.
    FallSilent,
}

impl Act {
    pub const REFUSE: Act = Act::Reset(REFUSED_STREAM);
}

/// A server that decides by the number of the connection and that of the request on it, from 1 on.
pub struct Frames {
    port: u16,
    pub connections: Arc<AtomicUsize>,
    pub requests: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Frames {
    pub async fn start(
        certified: &Certified,
        act: impl Fn(usize, usize) -> Act + Copy + Send + Sync + 'static,
    ) -> Frames {
        let setup = Setup {
            alpn: &["h2"],
            ..Setup::default()
        };
        let acceptor: TlsAcceptor = acceptor(certified, setup);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, seen) = (Arc::clone(&connections), Arc::clone(&requests));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut served = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
                served.spawn(async move {
                    let tls = acceptor.accept(stream).await.unwrap();
                    // That a client has gone is none of its faults.
                    let _ = serve(tls, number, act, &seen).await;
                });
            }
        });
        Frames {
            port,
            connections,
            requests,
            _tasks: tasks,
        }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}/v1", self.port)
    }

    pub fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.connections), of(&self.requests))
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

async fn serve(
    mut tls: TlsStream<TcpStream>,
    connection: usize,
    act: impl Fn(usize, usize) -> Act,
    seen: &AtomicUsize,
) -> std::io::Result<()> {
    tls.read_exact(&mut [0; PREFACE]).await?;
    tls.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let (mut request, mut going) = (0, None);
    loop {
        let mut head = [0; 9];
        tls.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        tls.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match (head[3], head[4] & ACK) {
            (SETTINGS, 0) => tls.write_all(&frame(SETTINGS, ACK, 0, &[])).await?,
            (PING, 0) => tls.write_all(&frame(PING, ACK, 0, &payload)).await?,
            // The body's end is the request's.
            (DATA, END_STREAM) if going.is_none() => {
                request += 1;
                seen.fetch_add(1, Ordering::SeqCst);
                let mut answered = frame(HEADERS, END_HEADERS, stream, &[0x88]);
                match act(connection, request) {
                    Act::Answer => {
                        answered.extend(frame(DATA, END_STREAM, stream, b"hello"));
                        tls.write_all(&answered).await?;
                    }
                    Act::BreakOff(code) => {
                        answered.extend(frame(DATA, 0, stream, b"hel"));
                        answered.extend(frame(RST_STREAM, 0, stream, &code.to_be_bytes()));
                        tls.write_all(&answered).await?;
                    }
                    Act::Reset(code) => {
                        tls.write_all(&frame(RST_STREAM, 0, stream, &code.to_be_bytes()))
                            .await?;
                    }
                    Act::GoAway => {
                        let mut last = stream.saturating_sub(2).to_be_bytes().to_vec();
                        last.extend([0; 4]);
                        tls.write_all(&frame(GOAWAY, 0, 0, &last)).await?;
                        going = Some(stream);
                    }
                    Act::Close => return Ok(()),
                    Act::FallSilent => std::future::pending().await,
                }
                tls.flush().await?;
            }
            _ => {}
        }
    }
}
