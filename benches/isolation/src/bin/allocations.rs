//! What a healthy request allocates on the native side: prepared, resolved and run over HTTP/1.1 against a provider on
//! loopback. Prints `allocations N` and `bytes N`, for each request.
//!
//! All of it runs on one thread, which is the one that is counted; the provider has another.
#![allow(clippy::print_stdout)] // the script reads it

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use failover_executor::HttpClients;
use httparse::{EMPTY_HEADER, Status};
use isolation::call::{Api, COMPLETION, Client};
use isolation::request;
use tokio::runtime::Builder;

/// Requests before anything counts: the first one connects.
const BEFORE: u64 = 20;
/// Requests that count.
const REQUESTS: u64 = 500;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("allocations: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let provider = listen()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (api, transport) = {
        let _inside = runtime.enter();
        let api = Api::new(&format!("http://{provider}/v1"))?;
        let clients = HttpClients::default();
        (api, clients.client(Duration::from_secs(5), false)?)
    };
    let (body, client) = (Bytes::from(request(512)), Client::default());
    let ask = |times: u64| {
        runtime.block_on(async {
            for _ in 0..times {
                if let Some(call) = api.prepare(body.clone()) {
                    call.run(&transport, &client).await;
                }
            }
        });
    };
    ask(BEFORE);
    let counted = allocation_counter::measure(|| ask(REQUESTS));
    if client.answered() != BEFORE + REQUESTS {
        let answered = client.answered();
        return Err(format!("{answered} requests were answered").into());
    }
    println!("allocations {}", counted.count_total / REQUESTS);
    println!("bytes {}", counted.bytes_total / REQUESTS);
    Ok(())
}

/// A provider that gives every request the same answer.
fn listen() -> io::Result<SocketAddr> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = socket.local_addr()?;
    thread::spawn(move || {
        for connection in socket.incoming().flatten() {
            thread::spawn(move || serve(connection));
        }
    });
    Ok(address)
}

/// Answers each request of a connection until it ends.
fn serve(mut connection: TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{COMPLETION}",
        COMPLETION.len()
    );
    let mut received = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let read = connection.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(&buffer[..read]);
        if whole(&received) {
            received.clear();
            connection.write_all(answer.as_bytes())?;
        }
    }
}

/// Whether a request is there to its end; there is one at a time.
fn whole(received: &[u8]) -> bool {
    let mut headers = [EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(Status::Complete(head)) = request.parse(received) else {
        return false;
    };
    let length = request
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| std::str::from_utf8(header.value).ok()?.parse().ok())
        .unwrap_or(0);
    received.len() - head >= length
}
