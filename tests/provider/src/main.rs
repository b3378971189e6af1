//! The simulated provider as a program.
#![allow(clippy::print_stdout)] // its one line on stdout is how a test or a script learns the port

use std::{
    io::{self, Read, Write},
    net::IpAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use simulated_provider::{KNOWN, Provider, Settings};
use tokio::{runtime, sync::oneshot};

/// A simulated LLM provider. The path picks the wire format, the model's name the fault:
/// `gpt-4o~status=503~retry-after=2`.
#[derive(Debug, Parser)]
#[command(version, after_help = directives())]
struct Arguments {
    /// Port to listen on; 0 is any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1")]
    host: IpAddr,
    /// Name in answers and in the log
    #[arg(long, default_value = "provider")]
    name: String,
    /// Append the log to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Answer 401 to calls without this header; repeatable
    #[arg(long = "require-header", value_name = "name: value")]
    require_headers: Vec<String>,
    /// No log, and healthy plain answers from prebuilt parts: for benches
    #[arg(long)]
    quiet: bool,
    /// Worker threads [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Exit when stdin closes, so as not to outlive the parent
    #[arg(long)]
    until_stdin_closes: bool,
}

fn directives() -> String {
    let mut text =
        String::from("Directives, separated by `~`, after the first `~` of the model's name:\n");
    for (name, value, what) in KNOWN {
        let form = if value.is_empty() {
            (*name).to_owned()
        } else {
            format!("{name}={value}")
        };
        text.push_str(&format!("  {form:<24}{what}\n"));
    }
    text
}

fn main() -> ExitCode {
    match start(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("simulated-provider: {why}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> io::Result<()> {
    let mut runtime = runtime::Builder::new_multi_thread();
    runtime.enable_all();
    if let Some(threads) = arguments.threads {
        runtime.worker_threads(threads.into());
    }
    runtime.build()?.block_on(run(arguments))
}

async fn run(arguments: Arguments) -> io::Result<()> {
    // Before the line on stdout: whoever has read it may send a signal.
    let signalled = signalled()?;
    let provider = Provider::start(Settings {
        host: arguments.host,
        port: arguments.port,
        name: arguments.name,
        log: arguments.log,
        require_headers: arguments.require_headers,
        quiet: arguments.quiet,
    })
    .await?;
    println!("listening on {}", provider.url());
    io::stdout().flush()?;
    if arguments.until_stdin_closes {
        tokio::select! {
            () = signalled => {}
            _ = stdin_closed() => {}
        }
    } else {
        signalled.await;
    }
    drop(provider);
    Ok(())
}

#[cfg(unix)]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signalled() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

/// A thread of its own: a read of stdin can't be cancelled and must not hold up the runtime's end.
fn stdin_closed() -> oneshot::Receiver<()> {
    let (closed, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 1024];
        let mut stdin = io::stdin().lock();
        while stdin.read(&mut ignored).is_ok_and(|read| read > 0) {}
        let _ = closed.send(());
    });
    receiver
}
