//! The streams of `failover_wire::stream`, from outside: what the providers send goes in, what a caller gets is read
//! by a strict client.

#![allow(clippy::expect_used)]

mod client;
mod mangled;
mod numbers;
mod provider;
mod recorded;
mod request;
mod rescue;
mod usage;
mod worth;

use bytes::Bytes;
use failover_wire::stream::{Continuation, Event, Stream, Worth};

use client::Wire;

/// How a candidate's part of a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Failed,
    Diverged,
}

/// More text than any stream here has.
const ALL: usize = 1024 * 1024;

fn stream(wire: Wire) -> Stream {
    Stream::from_content_type(Some(wire.content_type()), wire.in_array(), ALL).expect("a stream")
}

/// Passes a body on the way the executor does, and tells how it ended. `cuts`: where the network cuts it.
fn pass(stream: &mut Stream, body: &[u8], cuts: &[usize], out: &mut Vec<u8>) -> End {
    let mut cuts: Vec<usize> = cuts.iter().map(|c| c % (body.len() + 1)).collect();
    cuts.extend([0, body.len()]);
    cuts.sort_unstable();
    for pair in cuts.windows(2) {
        let events = stream.feed(&Bytes::copy_from_slice(&body[pair[0]..pair[1]]));
        if let Some(end) = give(stream, events, out) {
            return end;
        }
    }
    if stream.finished() {
        return End::Whole;
    }
    let last = stream.finish();
    match (last, stream.announces_its_end()) {
        (None, false) => End::Whole,
        (Some(last), false) if matches!(last.worth, Worth::Nothing | Worth::Useful) => {
            out.extend(last.bytes);
            End::Whole
        }
        (Some(last), true) if last.worth == Worth::Useful => {
            give(stream, vec![last], out);
            match stream.finished() {
                true => End::Whole,
                false => End::Cut,
            }
        }
        _ => End::Cut,
    }
}

fn give(stream: &Stream, events: Vec<Event>, out: &mut Vec<u8>) -> Option<End> {
    for event in events {
        match event.worth {
            Worth::Unreadable => {}
            Worth::Nothing | Worth::Useful => out.extend(event.bytes),
            Worth::Diverged => return Some(End::Diverged),
            _ if stream.finished() => return Some(End::Whole),
            Worth::Failed => {
                return Some(End::Failed);
            }
            Worth::Broken => return Some(End::Cut),
        }
    }
    stream.ended().then_some(End::Whole)
}

/// The stream with another candidate going on.
fn joined(broken: &Stream, wire: Wire, continuation: Continuation) -> Stream {
    broken
        .joined_by(Some(wire.content_type()), wire.in_array(), continuation)
        .expect("the same framing")
}
