use failover_executor::{Login, NetError, Network, Proxy};
use zeroize::Zeroizing;

use crate::certificates::Authority;
use crate::servers::{Server, Setup, TestProxy};
use crate::{Client, hello, trusting};

/// `squid:p4ss:w0rd`
const CREDENTIALS: &str = "c3F1aWQ6cDRzczp3MHJk";

fn proxy(proxy: &TestProxy, secure: bool) -> Proxy {
    Proxy {
        secure,
        hosts: vec!["*".to_owned()],
        host: "127.0.0.1".to_owned(),
        port: proxy.port,
        ..Proxy::default()
    }
}

/// The same network behind a proxy for `https`.
pub fn through(to: &TestProxy, network: Network) -> Network {
    Network {
        proxies: vec![proxy(to, true)],
        ..network
    }
}

fn login(password: &str) -> Option<Login> {
    Some(Login {
        user: "squid".to_owned(),
        password: Zeroizing::new(password.to_owned()),
    })
}

#[tokio::test]
async fn an_https_endpoint_is_called_through_a_tunnel_and_only_the_proxy_sees_its_password() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["model.example"])).await;
    let via = TestProxy::start(server.port, Some(CREDENTIALS)).await;
    let mut network = through(&via, trusting(authority.trusted()));
    network.proxies[0].login = login("p4ss:w0rd");
    let client = Client::of(network);
    assert_eq!(client.ask("https://model.example/v1").await, hello());
    let heads = via.heads();
    assert!(
        heads[0].starts_with("CONNECT model.example:443 "),
        "{heads:?}"
    );
    let seen = &server.seen()[0].headers;
    assert!(!seen.contains_key("proxy-authorization"), "{seen:?}");
}

#[tokio::test]
async fn http_2_is_spoken_through_a_tunnel() {
    let authority = Authority::new("ours");
    let setup = Setup {
        alpn: &["h2", "http/1.1"],
        ..Setup::default()
    };
    let server = Server::set_up(&authority.server(&["model.example"]), setup).await;
    let via = TestProxy::start(server.port, None).await;
    let client = Client::of_http2(through(&via, trusting(authority.trusted())));
    assert_eq!(client.ask("https://model.example/v1").await, hello());
    assert_eq!(server.seen()[0].version, http::Version::HTTP_2);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_no_connection() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["model.example"])).await;
    let via = TestProxy::start(server.port, Some(CREDENTIALS)).await;
    for password in [None, login("wrong")] {
        let mut network = through(&via, trusting(authority.trusted()));
        network.proxies[0].login = password;
        let answer = Client::of(network).ask("https://model.example/v1").await;
        assert_eq!(answer, Err(NetError::Connect));
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn an_http_endpoint_is_asked_for_by_its_whole_url() {
    let via = TestProxy::start(0, Some(CREDENTIALS)).await;
    let mut to = proxy(&via, false);
    to.login = login("p4ss:w0rd");
    let client = Client::of(Network {
        proxies: vec![to],
        ..Network::default()
    });
    let answer = client.ask("http://model.example/v1?a=b").await;
    assert_eq!(answer.as_deref(), Ok("proxied"));
    let heads = via.heads();
    assert!(
        heads[0].starts_with("POST http://model.example/v1?a=b HTTP/1.1\r\n"),
        "{heads:?}"
    );
}

#[tokio::test]
async fn what_is_on_the_bypass_list_is_called_directly() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["localhost"])).await;
    let via = TestProxy::start(server.port, None).await;
    let mut network = through(&via, trusting(authority.trusted()));
    network.proxies[0].bypass = vec!["local.*".to_owned()];
    let client = Client::of(network);
    assert_eq!(client.ask(&server.url()).await, hello());
    assert!(via.heads().is_empty(), "{:?}", via.heads());
}

#[tokio::test]
async fn a_proxy_whose_port_is_not_known_is_not_gone_past() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["localhost"])).await;
    let via = TestProxy::start(server.port, None).await;
    let mut network = through(&via, trusting(authority.trusted()));
    network.proxies[0].port = 0;
    let answer = Client::of(network).ask(&server.url()).await;
    assert!(
        matches!(answer, Err(NetError::Refused | NetError::Connect)),
        "{answer:?}"
    );
    assert!(server.seen().is_empty());
}

#[test]
fn a_password_does_not_print() {
    assert!(!format!("{:?}", login("p4ss:w0rd")).contains("p4ss"));
}
