//! What went wrong, read from the libraries' errors.

use std::error::Error;
use std::io::ErrorKind;
use std::iter::successors;

use rustls::{AlertDescription, CertificateError};

use super::names::Unknown;
use super::{Handshake, NetError};

/// Why one try gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// The provider has certainly not begun with it (`behaviour.md` §3): it is asked again, once, on a connection
    /// that is newer than this one (connections are numbered; 0 where every new one will do).
    NotProcessed {
        /// The connection's number.
        on: u64,
    },
    /// Anything else.
    Net(NetError),
}

impl From<NetError> for Failed {
    fn from(error: NetError) -> Self {
        Failed::Net(error)
    }
}

impl From<Failed> for NetError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NotProcessed { .. } => NetError::Reset,
            Failed::Net(error) => error,
        }
    }
}

/// Why there is no connection.
pub(super) fn to_connect(error: &(dyn Error + 'static)) -> NetError {
    if let Some(tls) = find::<rustls::Error>(error) {
        return NetError::Tls(handshake(tls));
    }
    if find::<Unknown>(error).is_some() {
        return NetError::Dns;
    }
    let is = |kind| {
        let mut io = causes(error).filter_map(|e| e.downcast_ref::<std::io::Error>());
        io.any(|e| e.kind() == kind)
    };
    if is(ErrorKind::ConnectionRefused) {
        NetError::Refused
    } else if is(ErrorKind::TimedOut) {
        NetError::ConnectTimeout
    } else {
        NetError::Connect
    }
}

/// Why there is no answer over a connection that there was.
pub(super) fn to_answer(error: &(dyn Error + 'static)) -> NetError {
    // With TLS 1.3 a server looks at the client's certificate when the client thinks that all is well already.
    if let Some(alert @ rustls::Error::AlertReceived(_)) = find::<rustls::Error>(error) {
        return NetError::Tls(handshake(alert));
    }
    let mut hyper = causes(error).filter_map(|e| e.downcast_ref::<hyper::Error>());
    if hyper.any(hyper::Error::is_parse) {
        return NetError::Protocol;
    }
    match find::<h2::Error>(error) {
        Some(h2) if h2.is_library() => NetError::Protocol,
        _ => NetError::Reset,
    }
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|e| e.downcast_ref())
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |e| cause(*e))
}

/// An I/O error that wraps another names that one's cause as its own, and leaves it out; h2's names none.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(io) = error
        .downcast_ref::<h2::Error>()
        .and_then(h2::Error::get_io)
    {
        return Some(io);
    }
    match error
        .downcast_ref::<std::io::Error>()
        .and_then(|e| e.get_ref())
    {
        Some(wrapped) => Some(wrapped),
        None => error.source(),
    }
}

fn handshake(error: &rustls::Error) -> Handshake {
    use AlertDescription as Alert;
    use CertificateError as Certificate;
    use rustls::Error::{AlertReceived, InvalidCertificate};
    match error {
        InvalidCertificate(Certificate::UnknownIssuer) => Handshake::UnknownIssuer,
        InvalidCertificate(
            Certificate::Expired
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYet
            | Certificate::NotValidYetContext { .. },
        ) => Handshake::Time,
        InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => Handshake::Name,
        AlertReceived(
            Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::UnsupportedCertificate
            | Alert::UnknownCA
            | Alert::AccessDenied,
        ) => Handshake::ClientCertificate,
        _ => Handshake::Other,
    }
}
