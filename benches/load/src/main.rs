//! What the benches measure with: clients that ask again and again, clients that read many event streams at once, and
//! an upstream that costs as little as it can and fails as it is told.
#![allow(clippy::print_stdout)] // the scripts read it

mod clients;
mod connection;
mod cpu;
mod streams;
mod upstream;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::Builder;

/// The benches' clients and their upstream.
#[derive(Debug, Parser)]
enum Command {
    Clients(clients::Arguments),
    Streams(streams::Arguments),
    Upstream(upstream::Arguments),
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Box<dyn Error>> {
    // One thread each where what is measured beside it needs the cores; streams are read by all.
    let mut runtime = match command {
        Command::Streams(_) => Builder::new_multi_thread(),
        Command::Clients(_) | Command::Upstream(_) => Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(async {
        match command {
            Command::Clients(arguments) => clients::run(arguments).await,
            Command::Streams(arguments) => streams::run(arguments).await,
            Command::Upstream(arguments) => upstream::run(arguments).await,
        }
    })
}
