//! Against nginx, which many providers stand behind: its limit of streams, and the GOAWAY with which it ends a
//! connection after so many requests.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use failover_executor::Answer;
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio::time::timeout;

use crate::certificates::{Authority, Certified};
use crate::{Client, hello, trusting};

/// One that is ended by its own id, with the folder that it works in.
struct Nginx {
    port: u16,
    process: Child,
    folder: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `None` where there is no nginx and nobody insists on one (`NGINX_REQUIRED`).
fn binary() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|f| f.join("nginx")).find(|f| f.is_file());
    if found.is_none() {
        let why = "SKIPPED: there is no nginx on this machine";
        assert!(std::env::var_os("NGINX_REQUIRED").is_none(), "{why}");
        eprintln!("{why}");
    }
    found
}

impl Nginx {
    fn start(certified: &Certified, name: &str, limits: &str) -> Option<Nginx> {
        let binary = binary()?;
        let folder = std::env::temp_dir().join(format!("nginx-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        pem(
            &folder.join("certificate"),
            "CERTIFICATE",
            &certified.certificate,
        );
        pem(
            &folder.join("key"),
            "PRIVATE KEY",
            &certified.key.serialize_der(),
        );
        fs::write(folder.join("large"), vec![b'x'; 8 * 1024 * 1024]).unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let at = folder.display();
        let configuration = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr crit;
             events {{ worker_connections 1024; }}
             http {{
                 access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
                 fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                 server {{
                     listen 127.0.0.1:{port} ssl http2;
                     ssl_certificate {at}/certificate; ssl_certificate_key {at}/key;
                     {limits}
                     location / {{ return 200 hello; }}
                     location /large {{ root {at}; error_page 405 =200 $uri; }}
                 }}
             }}"
        );
        fs::write(folder.join("conf"), configuration).unwrap();
        let process = Command::new(binary)
            .args(["-p", &at.to_string(), "-e", "stderr", "-c", "conf"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let nginx = Nginx {
            port,
            process,
            folder: folder.clone(),
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "nginx does not listen"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(nginx)
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }
}

fn pem(file: &Path, label: &str, der: &[u8]) {
    let text = BASE64_STANDARD.encode(der);
    fs::write(
        file,
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n"),
    )
    .unwrap();
}

fn certified() -> (Client, Certified) {
    let authority = Authority::new("ours");
    let client = Client::of_http2(trusting(authority.trusted()));
    (client, authority.server(&["localhost"]))
}

#[tokio::test]
async fn neither_its_goaways_nor_its_limit_of_streams_cost_a_call_under_load() {
    let (client, certified) = certified();
    let client = Arc::new(client);
    for (name, limits) in [
        ("goaway", "keepalive_requests 100;"),
        (
            "limit",
            "http2_max_concurrent_streams 10; keepalive_requests 1000000;",
        ),
        (
            "both",
            "http2_max_concurrent_streams 10; keepalive_requests 20;",
        ),
    ] {
        let Some(nginx) = Nginx::start(&certified, name, limits) else {
            return;
        };
        let workers = (0..64).map(|_| {
            let (client, url) = (Arc::clone(&client), nginx.url("/v1"));
            tokio::spawn(async move {
                for _ in 0..50 {
                    assert_eq!(client.ask(&url).await, hello());
                }
            })
        });
        for worker in join_all(workers).await {
            worker.unwrap();
        }
    }
}

#[tokio::test]
async fn clients_who_stop_reading_hold_up_nobody_else() {
    let (client, certified) = certified();
    let Some(nginx) = Nginx::start(&certified, "slow", "") else {
        return;
    };
    let mut slow: Vec<Answer> = Vec::new();
    for _ in 0..30 {
        slow.push(client.send(&nginx.url("/large")).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let url = nginx.url("/v1");
    for _ in 0..100 {
        let answer = timeout(Duration::from_secs(5), client.ask(&url)).await;
        assert_eq!(answer.expect("held up"), hello());
    }
    for answer in slow {
        let pieces = answer.body.map(|piece| piece.unwrap().len());
        let whole: usize = pieces.fold(0, |sum, n| async move { sum + n }).await;
        assert_eq!(whole, 8 * 1024 * 1024);
    }
}
