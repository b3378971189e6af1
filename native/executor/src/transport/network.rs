//! What the gateway's own transport senders are configured with: whom to trust, as whom to appear, which proxies to
//! take. The executor calls providers the way the gateway calls any other endpoint.
//!
//! Parameters are named as `axis2.xml` names them (Synapse's `PassThroughHttpSSLSender`).

use std::fmt;

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

/// The network of a gateway. The default is that of a gateway which says nothing: the machine's certificate store, no
/// proxy.
#[derive(Debug, Default)]
pub struct Network {
    /// `HostnameVerifier`.
    pub hostnames: Hostnames,
    /// `HttpsProtocols` in Java's names; empty: all that are known here (`TLSv1.2`, `TLSv1.3`).
    pub protocols: Vec<String>,
    /// `PreferredCiphers` in Java's names; empty: all that are known here.
    pub cipher_suites: Vec<String>,
    /// `truststore` and `keystore`, and the SSL profiles.
    pub profiles: Vec<Profile>,
    /// `http.proxyHost` and the proxy profiles.
    pub proxies: Vec<Proxy>,
}

/// Which host names a trusted certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hostnames {
    /// The names in it.
    #[default]
    InCertificate,
    /// Those, and this machine's own loopback names whatever is in it.
    InCertificateOrLocalhost,
    /// Any.
    Any,
}

impl Hostnames {
    /// By the value of `HostnameVerifier`. Any other word means `Default`, as it does to the gateway.
    pub fn of_word(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "allowall" => Hostnames::Any,
            "defaultandlocalhost" => Hostnames::InCertificateOrLocalhost,
            _ => Hostnames::InCertificate,
        }
    }
}

/// TLS towards some servers.
#[derive(Debug, Default)]
pub struct Profile {
    /// `host:port` each, or `*` for all that no other profile names; empty: the gateway's `truststore` and `keystore`,
    /// for all that no profile is for.
    pub servers: Vec<String>,
    /// Whom to trust; `None`: the machine's certificate store.
    pub trusted: Option<Trusted>,
    /// As whom to appear where a server asks for a certificate: the first that it would take.
    pub identities: Vec<Identity>,
}

/// The certificates of a truststore.
#[derive(Debug, Default)]
pub struct Trusted {
    /// The file, for messages.
    pub source: String,
    /// Those that may sign others.
    pub authorities: Vec<CertificateDer<'static>>,
    /// Those that are trusted for themselves only.
    pub servers: Vec<CertificateDer<'static>>,
}

/// A private key and its certificates.
pub struct Identity {
    /// The file and the alias, for messages.
    pub source: String,
    /// The key's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// PKCS #8, DER.
    pub key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// An HTTP proxy: it is asked for the whole URL of an `http` endpoint, and for a tunnel to an `https` one.
///
/// Hosts are regular expressions, as they are to the gateway; what does not compile is taken as text with `*` for
/// anything.
#[derive(Debug, Default)]
pub struct Proxy {
    /// Whether it is for `https` endpoints, or for `http` ones: the gateway has a sender for each.
    pub secure: bool,
    /// The endpoints' hosts that it is for; `*` alone: all that no other proxy is for.
    pub hosts: Vec<String>,
    /// Of these, those that are called directly.
    pub bypass: Vec<String>,
    /// Its host.
    pub host: String,
    /// Its port; 0 when it is not known, and then nothing goes through, nor past it.
    pub port: u16,
    /// Who to be towards it.
    pub login: Option<Login>,
}

/// A name and a password.
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}
