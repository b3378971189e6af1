//! Does one thing so many times, for `benches/instructions.sh`, which counts what it takes.
//!
//! usage: `instructions` lists the cases, a line each: how many times are enough, what is done. `instructions TIMES CASE`
//! does it.
#![allow(clippy::print_stdout)] // the script reads it

use std::error::Error;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use failover_executor::Clock;
use failover_suspension::{Admission, Gate, Moment, hint};
use failover_wire::ModelRequest;
use isolation::call::{Api, AtOnce, Client};
use isolation::hints::{ANTHROPIC, GEMINI, NONE, OPENAI, now};
use isolation::{Recording, request};
use tokio::runtime::Builder;

type Done = Result<(), Box<dyn Error>>;

/// Does it so many times.
type Work = fn(u64) -> Done;

/// How many times are enough, what is done.
const CASES: [(u64, &str, Work); 17] = [
    (20_000, "decision/healthy", |times| decision(times, None)),
    (20_000, "decision/suspended", |times| {
        decision(times, Some(Moment(86_400_000)))
    }),
    (5_000, "request scan/0.5 KiB", |times| scan(times, 512)),
    (1_000, "request scan/10 KiB", |times| scan(times, 10_240)),
    (2_000, "prepare/ours", |times| prepare(times, "gpt-4o")),
    (2_000, "prepare/not ours", |times| prepare(times, "gpt-9")),
    (500, "call/answered", |times| call(times, false)),
    (500, "call/failover", |times| call(times, true)),
    (1_000, "chunk/chat", |times| chunk(times, "chat")),
    (1_000, "chunk/messages", |times| chunk(times, "messages")),
    (1_000, "chunk/gemini", |times| chunk(times, "gemini")),
    (1_000, "chunk/responses", |times| chunk(times, "responses")),
    (1_000, "chunk/converse", |times| chunk(times, "converse")),
    (2_000, "hint/openai", |times| after(times, &OPENAI, b"{}")),
    (2_000, "hint/anthropic", |times| {
        after(times, &ANTHROPIC, b"{}")
    }),
    (2_000, "hint/gemini", |times| after(times, &NONE, GEMINI)),
    (10_000, "hint/after success", success),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [] => {
            for (times, name, _) in CASES {
                println!("{times} {name}");
            }
            Ok(())
        }
        [times, name] => run(times, name),
        _ => Err("usage: instructions [TIMES CASE]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("instructions: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(times: &str, name: &str) -> Done {
    let case = CASES.iter().find(|(_, case, _)| *case == name);
    let (_, _, work) = case.ok_or_else(|| format!("no case {name}"))?;
    work(times.parse()?)
}

fn decision(times: u64, suspended: Option<Moment>) -> Done {
    let clock = Clock::default();
    let gate = Arc::new(Gate::default());
    if let Some(until) = suspended {
        gate.suspend(until);
    }
    for _ in 0..times {
        // As the executor asks: the clock is read only for those that are not open.
        let gate = black_box(&gate);
        let admission = match gate.is_open() {
            true => Admission::Open,
            false => gate.admit(clock.now()),
        };
        drop(black_box(admission));
    }
    Ok(())
}

fn scan(times: u64, bytes: usize) -> Done {
    let body = request(bytes);
    for _ in 0..times {
        let path = "/v1/chat/completions";
        let asked = ModelRequest::read(None, path, Some("application/json"), black_box(&body))?;
        black_box(asked.is_some());
    }
    Ok(())
}

fn prepare(times: u64, model: &str) -> Done {
    let body = String::from_utf8(request(512))?.replace("gpt-4o", model);
    let body = Bytes::from(body);
    let runtime = Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let api = Api::new("http://127.0.0.1:1/v1")?;
        for _ in 0..times {
            if api.prepare(black_box(&body).clone()).is_some() != (model == "gpt-4o") {
                return Err("taken for another's".into());
            }
        }
        Ok(())
    })
}

fn call(times: u64, target_fails: bool) -> Done {
    let body = Bytes::from(request(512));
    let (provider, client) = (AtOnce { target_fails }, Client::default());
    let runtime = Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let api = Api::new("http://127.0.0.1:1/v1")?;
        for _ in 0..times {
            let call = api.prepare(body.clone()).ok_or("not ours")?;
            call.run(&provider, &client).await;
        }
        match client.answered() == times {
            true => Ok(()),
            false => Err("not every call was answered".into()),
        }
    })
}

/// Whole streams, as few as have so many chunks.
fn chunk(times: u64, format: &str) -> Done {
    let recording = Recording::all()?.into_iter().find(|r| r.name == format);
    let recording = recording.ok_or_else(|| format!("no recording of {format}"))?;
    for _ in 0..times.div_ceil(recording.chunks.len() as u64) {
        black_box(black_box(&recording).play());
    }
    Ok(())
}

fn after(times: u64, headers: &[(&'static str, &'static str)], body: &[u8]) -> Done {
    for _ in 0..times {
        let headers = black_box(headers).iter().copied();
        if black_box(hint::after_failure(
            || headers.clone(),
            black_box(body),
            now(),
        ))
        .is_none()
        {
            return Err("no hint was found".into());
        }
    }
    Ok(())
}

fn success(times: u64) -> Done {
    for _ in 0..times {
        black_box(hint::after_success(|| black_box(NONE).into_iter(), now()));
    }
    Ok(())
}
