//! The program: how a script or a test of another language runs it.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

fn started(arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simulated-provider"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let address = line
        .trim_end()
        .strip_prefix("listening on http://")
        .map(str::to_owned);
    (
        child,
        address.unwrap_or_else(|| panic!("not the line promised: {line:?}")),
    )
}

fn health(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /_control/health HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_where_it_listens_and_dies_with_its_parents_pipe() {
    let (mut child, address) = started(&["--until-stdin-closes", "--name", "eu", "--threads", "1"]);
    let answer = health(&address);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains(r#""provider":"eu""#),
        "{answer}"
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[cfg(unix)]
#[test]
fn sigterm_ends_it_even_with_a_call_that_hangs() {
    let (mut child, address) = started(&["--quiet"]);
    let mut hanging = TcpStream::connect(&address).unwrap();
    let body = r#"{"model":"m~headers-then-silence"}"#;
    write!(
        hanging,
        "POST /v1/chat/completions HTTP/1.1\r\nHost: p\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    hanging.read_exact(&mut [0; 12]).unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_required_header_that_is_none_is_refused_at_once() {
    let output = Command::new(env!("CARGO_BIN_EXE_simulated-provider"))
        .args(["--require-header", "no colon"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("name: value")
    );
}
