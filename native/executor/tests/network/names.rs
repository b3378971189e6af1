//! Host names: one that nobody answers for holds up no other.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use failover_executor::{HttpClients, NetError, Network};
use futures_util::future::join_all;
use tokio::net::TcpListener;

use crate::servers::TestProxy;
use crate::{Client, trusting};

/// Of a name that ends in `hangs.example`, nothing for a minute; `none.example` is nobody; any other is this machine.
fn names(asked: &Arc<AtomicUsize>) -> HttpClients {
    let asked = Arc::clone(asked);
    HttpClients::with_names(move |host| {
        asked.fetch_add(1, Ordering::SeqCst);
        if host.ends_with("hangs.example") {
            std::thread::sleep(Duration::from_secs(60));
        }
        match host {
            "none.example" => Err(std::io::ErrorKind::Other.into()),
            _ => Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
        }
    })
}

#[test]
fn a_name_server_that_hangs_for_one_host_holds_up_no_other() {
    // Were they used, two hosts that hang would do.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .unwrap();
    runtime.block_on(async {
        let asked = Arc::new(AtomicUsize::new(0));
        let client = Client::with(names(&asked), Network::default(), false);
        // One that answers and closes: each call needs a connection.
        let healthy = TestProxy::start(0, None).await;
        let url = |host: &str| format!("http://{host}:{}/v1", healthy.port);
        let urls: Vec<_> = (0..20)
            .map(|n| url(&format!("{n}.hangs.example")))
            .collect();
        let hung = async {
            let calls = (0..600).map(|n| client.send(&urls[n % urls.len()]));
            for answer in join_all(calls).await {
                assert_eq!(answer.err(), Some(NetError::ConnectTimeout));
            }
        };
        let others = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let started = Instant::now();
            for n in 0..50 {
                let url = url(&format!("{}.works.example", n % 5));
                assert_eq!(client.ask(&url).await.as_deref(), Ok("proxied"));
            }
            let took = started.elapsed();
            assert!(took < Duration::from_secs(3), "{took:?}");
        };
        tokio::join!(hung, others);
        assert_eq!(asked.load(Ordering::SeqCst), 20 + 5, "once for each host");
    });
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_host_that_nobody_knows_is_said_to_be_unknown() {
    let client = Client::with(names(&Arc::default()), trusting(None), false);
    for url in ["http://none.example/v1", "https://none.example/v1"] {
        assert_eq!(client.ask(url).await, Err(NetError::Dns));
    }
}

#[tokio::test]
async fn a_host_without_a_listener_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = Client::with(names(&Arc::default()), Network::default(), false);
    let url = format!("http://a.example:{port}/v1");
    assert_eq!(client.ask(&url).await, Err(NetError::Refused));
}
