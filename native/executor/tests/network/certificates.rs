//! Certificates made when a test needs them.

use failover_executor::{Identity, Trusted};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// A certificate and its key.
pub struct Certified {
    pub certificate: CertificateDer<'static>,
    pub key: KeyPair,
}

impl Certified {
    /// What a keystore holds of it.
    pub fn identity(&self) -> Identity {
        Identity {
            source: "client.p12".to_owned(),
            chain: vec![self.certificate.clone()],
            key: Zeroizing::new(self.key.serialize_der()),
        }
    }

    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// A certificate authority, or whoever signs as if it were one.
pub struct Authority(Issuer<'static, KeyPair>, CertificateDer<'static>);

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = params(&[]);
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Authority(Issuer::new(params, key), certificate)
    }

    /// A server's certificate for these names.
    pub fn server(&self, names: &[&str]) -> Certified {
        self.sign(params(names))
    }

    pub fn sign(&self, params: CertificateParams) -> Certified {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().der().clone();
        Certified { certificate, key }
    }

    /// A truststore that holds this authority alone.
    pub fn trusted(&self) -> Option<Trusted> {
        Some(Trusted {
            source: "client-truststore.jks".to_owned(),
            authorities: vec![self.1.clone()],
            servers: Vec::new(),
        })
    }
}

/// A truststore that holds this certificate alone, and not as an authority.
pub fn trusted_for_itself(certified: &Certified) -> Option<Trusted> {
    Some(Trusted {
        source: "client-truststore.jks".to_owned(),
        authorities: Vec::new(),
        servers: vec![certified.certificate.clone()],
    })
}

pub fn params(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>()).unwrap()
}

pub fn named(common_name: &str) -> CertificateParams {
    let mut params = params(&[]);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params
}

pub fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    params
}

/// One that nobody else has signed.
pub fn self_signed(params: &CertificateParams) -> Certified {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().der().clone();
    Certified { certificate, key }
}

/// Signs with a key whose certificate is no authority's.
pub fn signed_by_a_server(signer: &Certified, name: &str, names: &[&str]) -> Certified {
    let key = KeyPair::from_pkcs8_der_and_sign_algo(
        &signer.key.serialize_der().into(),
        signer.key.algorithm(),
    )
    .unwrap();
    Authority(Issuer::new(named(name), key), signer.certificate.clone()).server(names)
}
