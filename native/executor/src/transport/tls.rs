//! TLS as the gateway's `https` sender does it, on rustls.
//!
//! Chains, names and signatures are checked by webpki. Three things it does not know are added, because the gateway's
//! Java side does them and truststores are filled accordingly: a server's own certificate in the truststore is
//! trusted as it is, a certificate without alternative names is good for its common name, and `HostnameVerifier` can
//! loosen the check of names, though never that of the chain.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use failover_policy::{Diagnostic, Level};
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Encode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ResolvesClientCert, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme, SupportedProtocolVersion,
};
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::network::{Hostnames, Identity, Network, Profile, Trusted};

/// Configurations for each server that has its own, and some for the others.
pub(crate) struct Tls {
    others: Configs,
    /// By `host:port`, in lower case, or `*`.
    named: HashMap<String, Configs>,
}

/// The same certificates and sessions, once for each list of protocols that is offered.
#[derive(Clone)]
pub(crate) struct Configs {
    /// HTTP/1.1 alone.
    pub(crate) http1: Arc<ClientConfig>,
    /// HTTP/2, and HTTP/1.1.
    pub(crate) http2: Arc<ClientConfig>,
}

impl Configs {
    fn of(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut http2 = config.clone();
        http2.alpn_protocols.insert(0, b"h2".to_vec());
        Configs {
            http1: Arc::new(config),
            http2: Arc::new(http2),
        }
    }
}

impl Tls {
    /// The configurations for a server; its host in lower case.
    pub(crate) fn of(&self, host: &str, port: u16) -> &Configs {
        if self.named.is_empty() {
            return &self.others;
        }
        self.named
            .get(&format!("{host}:{port}"))
            .or_else(|| self.named.get("*"))
            .unwrap_or(&self.others)
    }

    /// What can't be used is said, and left out: nobody is trusted in its place.
    ///
    /// # Errors
    /// When the TLS library refuses its own defaults.
    pub(crate) fn new(network: &mut Network, said: &mut Vec<Diagnostic>) -> Result<Self, Error> {
        let mut builder = Builder {
            hostnames: network.hostnames,
            versions: versions(network),
            provider: Arc::new(provider(network)),
            machine: None,
            said,
        };
        if builder.provider.cipher_suites.is_empty() || builder.versions.is_empty() {
            builder.complain(
                "HttpsProtocols, PreferredCiphers",
                "leave nothing over that is supported here: TLSv1.2 and TLSv1.3, with forward secrecy and AEAD \
                 ciphers; no TLS handshake will succeed"
                    .to_owned(),
            );
            builder.versions = rustls::ALL_VERSIONS.to_vec();
            builder.provider = Arc::new(ring::default_provider());
            network.profiles = vec![Profile {
                trusted: Some(Trusted::default()),
                ..Profile::default()
            }];
        }
        let mut others = None;
        let mut named = HashMap::new();
        for profile in std::mem::take(&mut network.profiles) {
            let config = builder.config(profile.trusted, profile.identities)?;
            if profile.servers.is_empty() {
                others = Some(config);
            } else {
                let servers = profile.servers.iter();
                named.extend(servers.map(|s| (s.trim().to_ascii_lowercase(), config.clone())));
            }
        }
        let others = match others {
            Some(config) => config,
            None => builder.config(None, Vec::new())?,
        };
        Ok(Tls { others, named })
    }
}

fn versions(network: &Network) -> Vec<&'static SupportedProtocolVersion> {
    let wanted = |name: &str| {
        network.protocols.is_empty() || network.protocols.iter().any(|p| p.trim() == name)
    };
    [
        ("TLSv1.3", &rustls::version::TLS13),
        ("TLSv1.2", &rustls::version::TLS12),
    ]
    .into_iter()
    .filter(|(name, _)| wanted(name))
    .map(|(_, version)| version)
    .collect()
}

fn provider(network: &Network) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !network.cipher_suites.is_empty() {
        provider.cipher_suites.retain(|suite| {
            let name = format!("{:?}", suite.suite()).replace("TLS13_", "TLS_");
            network.cipher_suites.iter().any(|s| s.trim() == name)
        });
    }
    provider
}

struct Builder<'a> {
    hostnames: Hostnames,
    versions: Vec<&'static SupportedProtocolVersion>,
    provider: Arc<CryptoProvider>,
    machine: Option<Arc<Trust>>,
    said: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn complain(&mut self, field: &str, message: String) {
        self.said.push(Diagnostic {
            level: Level::Error,
            field: field.to_owned(),
            message,
        });
    }

    fn config(
        &mut self,
        trusted: Option<Trusted>,
        identities: Vec<Identity>,
    ) -> Result<Configs, Error> {
        let trust = match trusted {
            Some(trusted) => Arc::new(Trust::of(trusted, self.said)),
            None => Arc::clone(
                self.machine
                    .get_or_insert_with(|| Arc::new(Trust::machine())),
            ),
        };
        let verifier = Verifier {
            trust,
            hostnames: self.hostnames,
            algorithms: self.provider.signature_verification_algorithms,
        };
        let mut keys = Vec::new();
        for identity in identities {
            match certified(&identity, &self.provider) {
                Ok(key) => keys.push(key),
                Err(why) => self.complain(
                    &identity.source,
                    format!("holds a private key that can't be used: {why}"),
                ),
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&self.versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(Identities(keys)));
        Ok(Configs::of(config))
    }
}

#[derive(Debug)]
struct Trust {
    roots: RootCertStore,
    /// Byte for byte: trusted when they are a server's own.
    listed: HashSet<CertificateDer<'static>>,
}

impl Trust {
    fn machine() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Trust {
            roots,
            listed: HashSet::new(),
        }
    }

    fn of(trusted: Trusted, said: &mut Vec<Diagnostic>) -> Self {
        let mut roots = RootCertStore::empty();
        let (_, ignored) = roots.add_parsable_certificates(trusted.authorities.iter().cloned());
        if ignored > 0 {
            said.push(Diagnostic {
                level: Level::Warn,
                field: trusted.source,
                message: format!(
                    "holds {ignored} certificates that can't be read; they are not trusted"
                ),
            });
        }
        let listed = trusted.authorities.into_iter().chain(trusted.servers);
        Trust {
            roots,
            listed: listed.collect(),
        }
    }
}

#[derive(Debug)]
struct Verifier {
    trust: Arc<Trust>,
    hostnames: Hostnames,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let roots = &self.trust.roots;
        let algorithms = self.algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(
            &certificate,
            roots,
            intermediates,
            now,
            algorithms,
        ) {
            Ok(()) => {}
            Err(error)
                if only_lacks_an_issuer(&error) && self.trust.listed.contains(end_entity) => {}
            Err(error) => return Err(error),
        }
        match self.hostnames {
            Hostnames::Any => {}
            Hostnames::InCertificateOrLocalhost if is_localhost(server_name) => {}
            _ => verify_name(&certificate, end_entity, server_name)?,
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Webpki looks at the time before it looks at either, so that a certificate of which nothing else is to be said is
/// valid now.
fn only_lacks_an_issuer(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(
                other.0.downcast_ref(),
                Some(webpki::Error::CaUsedAsEndEntity)
            )
        }
        _ => false,
    }
}

/// The names that `DefaultAndLocalhost` means.
fn is_localhost(name: &ServerName<'_>) -> bool {
    matches!(
        name.to_str().to_ascii_lowercase().as_str(),
        "localhost" | "localhost.localdomain" | "127.0.0.1" | "::1"
    )
}

fn verify_name(
    certificate: &ParsedCertificate<'_>,
    end_entity: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), Error> {
    match verify_server_name(certificate, name) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) if presented.is_empty() && common_name_is(end_entity, &name.to_str()) => Ok(()),
        other => other,
    }
}

fn common_name_is(end_entity: &CertificateDer<'_>, name: &str) -> bool {
    let Ok(certificate) = Certificate::from_der(end_entity) else {
        return false;
    };
    let subject = certificate.tbs_certificate().subject();
    subject
        .common_name()
        .ok()
        .flatten()
        .is_some_and(|common| common.value().eq_ignore_ascii_case(name))
}

#[derive(Debug)]
struct Identities(Vec<Arc<CertifiedKey>>);

impl ResolvesClientCert for Identities {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        sigschemes: &[SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        let accepted = |key: &CertifiedKey| {
            root_hint_subjects.is_empty()
                || issuers(key).any(|issuer| root_hint_subjects.contains(&issuer.as_ref()))
        };
        self.0
            .iter()
            .find(|key| key.key.choose_scheme(sigschemes).is_some() && accepted(key))
            .cloned()
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}

fn issuers(key: &CertifiedKey) -> impl Iterator<Item = DistinguishedName> {
    key.cert.iter().filter_map(|certificate| {
        let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
        Some(DistinguishedName::in_sequence(certificate.issuer()))
    })
}

fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let whole = with_public_key(identity);
    let der = whole.as_ref().unwrap_or(&identity.key);
    let key = PrivatePkcs8KeyDer::from(der.as_slice());
    let key = provider
        .key_provider
        .load_private_key(key.clone_key().into())
        .map_err(|_| "RSA from 2048 bits on, P-256, P-384 and Ed25519 are supported".to_owned())?;
    let certified = CertifiedKey::new(identity.chain.clone(), key);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {
            Ok(Arc::new(certified))
        }
        Err(_) => Err("it is not the key of its certificate".to_owned()),
    }
}

/// The JDK writes elliptic curve keys without the public half, which ring wants to see: it is in the certificate.
/// `None` for keys that need nothing.
fn with_public_key(identity: &Identity) -> Option<Zeroizing<Vec<u8>>> {
    let info = PrivateKeyInfoRef::from_der(&identity.key).ok()?;
    let mut key = sec1::EcPrivateKey::from_der(info.private_key.as_bytes()).ok()?;
    if key.public_key.is_some() {
        return None;
    }
    let certificate = Certificate::from_der(identity.chain.first()?).ok()?;
    let public = certificate.tbs_certificate().subject_public_key_info();
    key.public_key = public.subject_public_key.as_bytes();
    let key = Zeroizing::new(key.to_der().ok()?);
    let whole = PrivateKeyInfoRef::new(info.algorithm, OctetStringRef::new(&key).ok()?);
    whole.to_der().ok().map(Zeroizing::new)
}
