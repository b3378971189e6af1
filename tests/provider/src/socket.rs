//! The accepted socket, seen from both sides of the HTTP library.
//!
//! hyper owns the socket while it serves it, and neither says in which order and spelling header lines arrived nor lets a
//! handler reset the connection. So the socket keeps a copy of what it reads, and resets itself when it is dropped if a
//! handler has asked for that.

use std::{
    io,
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use std::sync::Arc;

use http::Request;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// hyper refuses longer heads than this.
const MAX_HEAD: usize = 512 * 1024;
const MAX_HEADERS: usize = 128;

/// Names and values of header lines.
type Lines = Vec<(String, String)>;

/// What a handler can know of the connection it answers, and do to it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: u64,
    reset: AtomicBool,
    flushes: AtomicU64,
    /// Who waits for the next one.
    flushed: Mutex<Option<Waker>>,
    /// Everything read since the last request's end; `None` when nobody wants to know.
    read: Option<Mutex<Vec<u8>>>,
}

impl Connection {
    pub(crate) fn new(id: u64, keep_heads: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            reset: AtomicBool::new(false),
            flushes: AtomicU64::new(0),
            flushed: Mutex::default(),
            read: keep_heads.then(Mutex::default),
        })
    }

    /// The connection's end will be an RST.
    pub(crate) fn reset_on_drop(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    /// How often everything written so far had reached the kernel.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// Waits until everything written since `seen` flushes were counted has reached the kernel.
    pub(crate) fn poll_flushed(&self, seen: u64, cx: &Context<'_>) -> Poll<()> {
        let mut waiting = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        if self.flushes() > seen {
            return Poll::Ready(());
        }
        *waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    fn count_flush(&self) {
        let mut waiting = self.flushed.lock().unwrap_or_else(PoisonError::into_inner);
        self.flushes.fetch_add(1, Ordering::Relaxed);
        if let Some(waiting) = waiting.take() {
            waiting.wake();
        }
    }

    /// The request's target to the byte, and its header lines in the order and spelling in which they came; falls back
    /// on hyper's view of them when the copied bytes are not this request's (a pipelined one).
    pub(crate) fn head<B>(&self, request: &Request<B>) -> (String, Lines) {
        self.copied_head(request).unwrap_or_else(|| {
            let lines = request.headers().iter();
            let lines = lines.map(|(name, value)| (name.to_string(), lossy(value.as_bytes())));
            (request.uri().to_string(), lines.collect())
        })
    }

    fn copied_head<B>(&self, request: &Request<B>) -> Option<(String, Lines)> {
        let read = self.read.as_ref()?;
        let read = read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let complete = head.parse(&read).ok()?.is_complete();
        let target = head.path?;
        let same = complete
            && head.method == Some(request.method().as_str())
            && target.contains(request.uri().path())
            && head.headers.len() == request.headers().len();
        same.then(|| {
            let lines = head.headers.iter();
            let lines = lines.map(|line| (line.name.to_owned(), lossy(line.value)));
            (target.to_owned(), lines.collect())
        })
    }

    /// The request is read to its end: what comes now is the next one's.
    pub(crate) fn request_read(&self) {
        if let Some(read) = &self.read {
            read.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The socket itself.
pub(crate) struct Socket {
    stream: TcpStream,
    connection: Arc<Connection>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        Self { stream, connection }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.reset.load(Ordering::Relaxed) {
            // The peer is gone if this fails, and there is nobody left to reset.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let (Poll::Ready(Ok(())), Some(read)) = (&polled, &self.connection.read) {
            let mut read = read.lock().unwrap_or_else(PoisonError::into_inner);
            let room = MAX_HEAD.saturating_sub(read.len());
            let new = &buf.filled()[before..];
            read.extend_from_slice(&new[..new.len().min(room)]);
        }
        polled
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for this once its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.count_flush();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
