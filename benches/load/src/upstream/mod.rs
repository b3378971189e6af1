//! A provider that costs as little as it can, so that what is measured is the gateway: one thread, and for every
//! request the same answer, over plain HTTP/1.1, and over TLS by HTTP/1.1 or HTTP/2, whichever the client prefers.
//!
//! It fails as it is told, whatever is asked of it, and counts what reached it.

mod behaviour;
mod control;
mod identity;
mod listener;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use behaviour::{Behaviour, Fault};
use identity::Identity;
use listener::Listener;

/// Answers chat requests until it is killed. Prints `control URL`, `plain URL` and `tls URL`, then `ready`.
///
/// PUT /answer/BYTES and /fault/NAME at the control URL change how it answers, and set the counts to nothing; GET
/// /calls there tells `requests,connections,microseconds between the first request and the second`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Where to write the certificate that clients have to trust, as PEM
    #[arg(long)]
    certificate: PathBuf,
    /// Bytes of an answer's body
    #[arg(long, default_value_t = 512)]
    answer: usize,
    /// How it fails
    #[arg(long, value_enum, default_value_t = Fault::None)]
    fault: Fault,
}

/// Runs the command; does not return but for an error.
///
/// # Errors
/// A certificate that can't be made or written, a socket that can't be had.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let trusted = Identity::new()?;
    let stranger = Identity::new()?;
    std::fs::write(&arguments.certificate, trusted.pem())?;
    let behaviour = Arc::new(Behaviour::new(arguments.answer, arguments.fault));
    let plain = Listener::plain(&behaviour).await?;
    let tls = Listener::tls(&behaviour, &trusted, &stranger).await?;
    let control = control::listen(&behaviour).await?;
    println!("control http://{control}");
    println!("plain http://{}", plain.address());
    println!("tls https://localhost:{}", tls.address().port());
    println!("ready");
    tokio::try_join!(plain.run(), tls.run())?;
    Ok(())
}
