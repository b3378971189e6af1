//! Tells the upstream how to answer.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use clap::ValueEnum;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::behaviour::{Behaviour, Fault};

/// Listens from now on; where.
///
/// # Errors
/// No socket can be had.
pub(super) async fn listen(behaviour: &Arc<Behaviour>) -> io::Result<SocketAddr> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = socket.local_addr()?;
    let behaviour = Arc::clone(behaviour);
    tokio::spawn(async move {
        while let Ok((connection, _)) = socket.accept().await {
            let behaviour = Arc::clone(&behaviour);
            let service = service_fn(move |request| {
                let answer = answered(&behaviour, &request);
                async { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(connection), service));
        }
    });
    Ok(address)
}

fn answered(behaviour: &Behaviour, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let said = match *request.method() {
        Method::GET if path == "/calls" => Some(behaviour.calls()),
        Method::PUT => changed(behaviour, path).map(|()| String::new()),
        _ => None,
    };
    let mut answer = Response::new(Full::default());
    match said {
        Some(said) => *answer.body_mut() = Full::from(said + "\n"),
        None => *answer.status_mut() = StatusCode::BAD_REQUEST,
    }
    answer
}

fn changed(behaviour: &Behaviour, path: &str) -> Option<()> {
    match path.strip_prefix('/')?.split_once('/')? {
        ("answer", bytes) => behaviour.answer_with(bytes.parse().ok()?),
        ("fault", name) => behaviour.fail(Fault::from_str(name, false).ok()?),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_what_changes() {
        let behaviour = Behaviour::new(512, Fault::None);
        assert_eq!(changed(&behaviour, "/fault/503"), Some(()));
        assert_eq!(behaviour.fault(), Fault::Unavailable);
        assert_eq!(changed(&behaviour, "/answer/2048"), Some(()));
        assert_eq!(behaviour.asked().len(), 2048);
    }

    #[test]
    fn what_nobody_knows_changes_nothing() {
        let behaviour = Behaviour::new(512, Fault::Reset);
        for path in ["/", "/fault/unheard-of", "/answer/many", "/calls"] {
            assert_eq!(changed(&behaviour, path), None, "{path}");
        }
        assert_eq!(behaviour.fault(), Fault::Reset);
    }
}
