//! A client that shows what was on the wire: raw bytes, and how the connection ended.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, unreachable_pub)] // shared by several test binaries

pub mod wire;

use std::{io, net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use simulated_provider::{Call, Provider, Settings};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a provider is watched before it is called silent.
pub const SILENCE: Duration = Duration::from_millis(150);
/// Long enough for anything that does happen.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn provider() -> Provider {
    Provider::start(Settings {
        name: "eu".to_owned(),
        ..Settings::default()
    })
    .await
    .unwrap()
}

/// Everything that came on a connection, and how it ended.
#[derive(Debug)]
pub struct Answer {
    pub raw: Vec<u8>,
    pub ended: Ended,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Ended {
    Fin,
    Rst,
    /// Still open after [`SILENCE`] without a byte.
    Open,
}

impl Answer {
    fn head_and_body(&self) -> (String, &[u8]) {
        let at = self.raw.windows(4).position(|four| four == b"\r\n\r\n");
        let at = at.unwrap_or_else(|| {
            panic!(
                "no response head in {:?}",
                String::from_utf8_lossy(&self.raw)
            )
        });
        (
            String::from_utf8_lossy(&self.raw[..at]).into_owned(),
            &self.raw[at + 4..],
        )
    }

    pub fn status(&self) -> u16 {
        self.head_and_body()
            .0
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }

    pub fn headers(&self, name: &str) -> Vec<String> {
        let (head, _) = self.head_and_body();
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
            .collect()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.headers(name).into_iter().next()
    }

    /// The body, freed from chunked framing as far as it goes; and whether it is whole by that framing or by
    /// Content-Length.
    pub fn body(&self) -> (Vec<u8>, bool) {
        let (_, rest) = self.head_and_body();
        if self.header("transfer-encoding").is_none() {
            let announced = self
                .header("content-length")
                .map_or(0, |length| length.parse().unwrap());
            return (rest.to_vec(), rest.len() == announced);
        }
        let (chunks, whole) = self.chunked();
        (chunks.concat(), whole)
    }

    /// HTTP's own chunks of a body, the last one perhaps in part; and whether they are all.
    pub fn chunked(&self) -> (Vec<&[u8]>, bool) {
        let (_, mut rest) = self.head_and_body();
        let mut chunks = Vec::new();
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let size =
                usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            if size == 0 {
                return (chunks, true);
            }
            let chunk = &rest[end + 2..];
            chunks.push(&chunk[..size.min(chunk.len())]);
            rest = chunk.get(size + 2..).unwrap_or_default();
        }
        (chunks, false)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body().0).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text()).unwrap_or_else(|why| panic!("{why}: {}", self.text()))
    }

    /// The data lines of an event stream.
    pub fn data(&self) -> Vec<String> {
        let text = self.text();
        text.lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .map(str::to_owned)
            .collect()
    }

    /// The data lines that are JSON.
    pub fn chunks(&self) -> Vec<Value> {
        self.data()
            .iter()
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }

    /// The contents of the chunks that have some.
    pub fn contents(&self) -> Vec<String> {
        let chunks = self.chunks();
        let contents = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
        contents
            .filter(|content| !content.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

pub fn question(model: &str) -> Value {
    json!({"model": model, "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "hello there"},
    ]})
}

pub fn streamed(model: &str) -> Value {
    let mut question = question(model);
    question["stream"] = true.into();
    question
}

pub fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: provider\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Sends raw bytes on a connection of their own and reads until it ends or falls silent.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    read(&mut stream, PATIENCE, SILENCE).await
}

/// Waits `first` for the first byte and `then` for each later one.
pub async fn read(stream: &mut TcpStream, first: Duration, then: Duration) -> Answer {
    let mut raw = Vec::new();
    let ended = loop {
        let mut buffer = [0; 16 * 1024];
        let patience = if raw.is_empty() { first } else { then };
        match timeout(patience, stream.read(&mut buffer)).await {
            Err(_) => break Ended::Open,
            Ok(Ok(0)) => break Ended::Fin,
            Ok(Ok(read)) => raw.extend_from_slice(&buffer[..read]),
            Ok(Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
                break Ended::Rst;
            }
        }
    };
    Answer { raw, ended }
}

const JSON: &str = "Content-Type: application/json\r\nConnection: close\r\n";

pub async fn post(provider: &Provider, body: &Value) -> Answer {
    let request = request(
        "POST",
        "/v1/chat/completions",
        JSON,
        body.to_string().as_bytes(),
    );
    exchange(provider.address(), &request).await
}

pub async fn send(provider: &Provider, method: &str, path: &str, body: &str) -> Answer {
    exchange(
        provider.address(),
        &request(method, path, JSON, body.as_bytes()),
    )
    .await
}

pub async fn ask(provider: &Provider, model: &str) -> Answer {
    post(provider, &question(model)).await
}

pub async fn ask_stream(provider: &Provider, model: &str) -> Answer {
    post(provider, &streamed(model)).await
}

/// A connection with a call on it that the provider has logged.
pub async fn open(provider: &Provider, body: &Value) -> TcpStream {
    let before = provider.calls().len();
    let mut stream = TcpStream::connect(provider.address()).await.unwrap();
    let request = request(
        "POST",
        "/v1/chat/completions",
        JSON,
        body.to_string().as_bytes(),
    );
    stream.write_all(&request).await.unwrap();
    let logged = provider.wait_for(|calls| (calls.len() > before).then_some(()));
    timeout(PATIENCE, logged)
        .await
        .expect("the call is logged when it starts");
    stream
}

/// The last call, once it has ended.
pub async fn ended(provider: &Provider) -> Call {
    let last = provider.wait_for(|calls| calls.last().filter(|call| call.end.is_some()).cloned());
    timeout(PATIENCE, last)
        .await
        .expect("the call's end is logged")
}
