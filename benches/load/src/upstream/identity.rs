//! The upstream's key and certificate, made at every start.

use std::error::Error;
use std::sync::Arc;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// A key of its own (ECDSA P-256) and a certificate for `localhost` and `127.0.0.1`, signed by itself.
pub(super) struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    pub(super) fn new() -> Result<Self, rcgen::Error> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        generate_simple_self_signed(names).map(Identity)
    }

    /// The certificate as PEM.
    pub(super) fn pem(&self) -> String {
        self.0.cert.pem()
    }

    /// Accepts TLS with it, and HTTP/2 before HTTP/1.1.
    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, Box<dyn Error>> {
        let key = PrivateKeyDer::try_from(self.0.signing_key.serialize_der())?;
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![self.0.cert.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".into(), b"http/1.1".into()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
