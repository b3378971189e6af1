use failover_executor::{Handshake, Hostnames, Identity, NetError, Network, Profile};
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, Encode};
use rcgen::{BasicConstraints, IsCa};
use rustls::ProtocolVersion;
use zeroize::Zeroizing;

use crate::certificates::{
    Authority, Certified, expired, named, params, self_signed, signed_by_a_server,
    trusted_for_itself,
};
use crate::servers::{Server, Setup, TestProxy};
use crate::ways::through;
use crate::{Client, checking, hello, text, trusting};

fn refused(why: Handshake) -> Result<String, NetError> {
    Err(NetError::Tls(why))
}

#[tokio::test]
async fn a_server_is_called_when_the_truststore_holds_its_authority_and_no_other_is() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let known = Server::start(&ours.server(&["localhost"])).await;
    let unknown = Server::start(&others.server(&["localhost"])).await;
    let client = Client::of(trusting(ours.trusted()));
    assert_eq!(client.ask(&known.url()).await, hello());
    assert_eq!(
        client.ask(&unknown.url()).await,
        refused(Handshake::UnknownIssuer)
    );
    assert!(client.said.is_empty(), "{:?}", client.said);
}

#[tokio::test]
async fn an_expired_certificate_is_refused_even_when_it_is_in_the_truststore() {
    let authority = Authority::new("ours");
    let signed = authority.sign(expired(params(&["localhost"])));
    let mut of_an_authority = expired(params(&["localhost"]));
    of_an_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let (alone, as_authority) = (
        self_signed(&expired(params(&["localhost"]))),
        self_signed(&of_an_authority),
    );
    for (certified, trusted) in [
        (&signed, authority.trusted()),
        (&signed, trusted_for_itself(&signed)),
        (&alone, trusted_for_itself(&alone)),
        (&as_authority, trusted_for_itself(&as_authority)),
    ] {
        let server = Server::start(certified).await;
        let client = Client::of(trusting(trusted));
        assert_eq!(client.ask(&server.url()).await, refused(Handshake::Time));
    }
}

#[tokio::test]
async fn a_servers_own_certificate_in_the_truststore_is_trusted_but_signs_no_other() {
    let unknown = Authority::new("unknown");
    let mut of_an_authority = params(&["localhost"]);
    of_an_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for certified in [
        self_signed(&params(&["localhost"])),
        self_signed(&of_an_authority),
        unknown.server(&["localhost"]),
    ] {
        let server = Server::start(&certified).await;
        let client = Client::of(trusting(trusted_for_itself(&certified)));
        assert_eq!(client.ask(&server.url()).await, hello());
    }
    let listed = self_signed(&named("listed"));
    let by_it = signed_by_a_server(&listed, "listed", &["localhost"]);
    let server = Server::start(&by_it).await;
    let client = Client::of(trusting(trusted_for_itself(&listed)));
    assert_eq!(
        client.ask(&server.url()).await,
        refused(Handshake::UnknownIssuer)
    );
}

#[tokio::test]
async fn the_hostname_verifier_loosens_the_check_of_names_and_never_that_of_the_chain() {
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let elsewhere = Server::start(&ours.server(&["elsewhere.example"])).await;
    let unknown = Server::start(&others.server(&["elsewhere.example"])).await;
    let proxy = TestProxy::start(elsewhere.port, None).await;
    for (word, at_localhost, at_a_name) in [
        (
            "Default",
            refused(Handshake::Name),
            refused(Handshake::Name),
        ),
        ("Strict", refused(Handshake::Name), refused(Handshake::Name)),
        ("DefaultAndLocalhost", hello(), refused(Handshake::Name)),
        ("AllowAll", hello(), hello()),
    ] {
        let hostnames = Hostnames::of_word(word);
        let client = Client::of(checking(hostnames, ours.trusted()));
        assert_eq!(client.ask(&elsewhere.url()).await, at_localhost, "{word}");
        assert_eq!(
            client.ask(&unknown.url()).await,
            refused(Handshake::UnknownIssuer),
            "{word}"
        );
        let proxied = Client::of(through(&proxy, checking(hostnames, ours.trusted())));
        assert_eq!(
            proxied.ask("https://model.example/v1").await,
            at_a_name,
            "{word}"
        );
    }
}

#[tokio::test]
async fn a_certificate_without_alternative_names_is_good_for_its_common_name_alone() {
    let authority = Authority::new("ours");
    let mut both = params(&["elsewhere.example"]);
    both.distinguished_name = named("localhost").distinguished_name;
    for (certified, expected) in [
        (authority.sign(named("LocalHost")), hello()),
        (
            authority.sign(named("elsewhere.example")),
            refused(Handshake::Name),
        ),
        (authority.sign(both), refused(Handshake::Name)),
    ] {
        let server = Server::start(&certified).await;
        let client = Client::of(trusting(authority.trusted()));
        assert_eq!(client.ask(&server.url()).await, expected);
    }
}

/// A gateway with this key, for these servers or, when there are none, for all.
fn with_identities(authority: &Authority, servers: &[String], keys: Vec<Identity>) -> Network {
    let mut network = trusting(authority.trusted());
    let profile = Profile {
        servers: servers.to_vec(),
        trusted: authority.trusted(),
        identities: keys,
    };
    network.profiles.push(profile);
    network
}

#[tokio::test]
async fn a_server_that_asks_for_a_client_certificate_gets_the_one_that_it_would_take() {
    let (ours, partners) = (Authority::new("ours"), Authority::new("partners"));
    let server = Server::asking_for(&partners, &ours.server(&["localhost"])).await;
    let (wrong, right) = (
        ours.sign(named("the gateway")),
        partners.sign(named("the gateway")),
    );
    let without = Client::of(trusting(ours.trusted()));
    let with_a_wrong_one = Client::of(with_identities(&ours, &[], vec![wrong.identity()]));
    for client in [without, with_a_wrong_one] {
        let answer = client.ask(&server.url()).await;
        assert_eq!(answer, refused(Handshake::ClientCertificate));
    }
    let keys = vec![wrong.identity(), right.identity()];
    let client = Client::of(with_identities(&ours, &[], keys));
    assert_eq!(client.ask(&server.url()).await, hello());
    assert_eq!(server.seen()[0].client.as_ref(), Some(&right.certificate));
}

#[tokio::test]
async fn a_profile_is_for_its_servers_alone_and_a_star_for_the_others() {
    let (ours, partners) = (Authority::new("ours"), Authority::new("partners"));
    let certified = ours.server(&["localhost"]);
    let named_one = Server::asking_for(&partners, &certified).await;
    let other = Server::asking_for(&partners, &certified).await;
    let (key, key_for_others) = (partners.sign(named("a")), partners.sign(named("b")));
    let servers = [format!("LOCALHOST:{}", named_one.port)];
    let network = || with_identities(&ours, &servers, vec![key.identity()]);
    let client = Client::of(network());
    assert_eq!(client.ask(&named_one.url()).await, hello());
    assert_eq!(
        client.ask(&other.url()).await,
        refused(Handshake::ClientCertificate)
    );
    let mut with_star = network();
    with_star.profiles.push(Profile {
        servers: vec!["*".to_owned()],
        trusted: ours.trusted(),
        identities: vec![key_for_others.identity()],
    });
    let client = Client::of(with_star);
    assert_eq!(client.ask(&named_one.url()).await, hello());
    assert_eq!(client.ask(&other.url()).await, hello());
    let shown = |server: &Server| server.seen().last().unwrap().client.clone();
    assert_eq!(shown(&named_one).as_ref(), Some(&key.certificate));
    assert_eq!(shown(&other).as_ref(), Some(&key_for_others.certificate));
}

/// As `java.security.PrivateKey.getEncoded` writes it.
fn without_public_half(certified: &Certified) -> Identity {
    let der = certified.key.serialize_der();
    let info = pkcs8::PrivateKeyInfoRef::from_der(&der).unwrap();
    let mut key = sec1::EcPrivateKey::from_der(info.private_key.as_bytes()).unwrap();
    assert!(key.public_key.take().is_some());
    let key = key.to_der().unwrap();
    let key = OctetStringRef::new(&key).unwrap();
    let info = pkcs8::PrivateKeyInfoRef::new(info.algorithm, key);
    Identity {
        key: Zeroizing::new(info.to_der().unwrap()),
        ..certified.identity()
    }
}

#[tokio::test]
async fn a_key_as_java_writes_it_is_taken() {
    let (ours, partners) = (Authority::new("ours"), Authority::new("partners"));
    let server = Server::asking_for(&partners, &ours.server(&["localhost"])).await;
    let key = without_public_half(&partners.sign(named("the gateway")));
    let client = Client::of(with_identities(&ours, &[], vec![key]));
    assert!(client.said.is_empty(), "{:?}", client.said);
    assert_eq!(client.ask(&server.url()).await, hello());
}

#[tokio::test]
async fn a_key_that_is_not_its_certificates_is_named_and_never_printed() {
    let authority = Authority::new("ours");
    let mut identity = authority.sign(named("a")).identity();
    identity.chain = vec![authority.sign(named("b")).certificate];
    let secret = format!("{:?}", identity.key);
    assert!(!format!("{identity:?}").contains(&secret));
    let client = Client::of(with_identities(&authority, &[], vec![identity]));
    let said = client.said[0].to_string();
    assert!(
        said.starts_with("client.p12 ") && said.contains("not the key of its certificate"),
        "{said}"
    );
    let server = Server::start(&authority.server(&["localhost"])).await;
    assert_eq!(client.ask(&server.url()).await, hello());
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_offers_it_and_it_is_asked_for() {
    use http::Version;
    let authority = Authority::new("ours");
    let certified = authority.server(&["localhost"]);
    let with = Client::of_http2(trusting(authority.trusted()));
    let without = Client::of(trusting(authority.trusted()));
    for (alpn, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"][..], Version::HTTP_11),
        (&[][..], Version::HTTP_11),
    ] {
        let setup = Setup {
            alpn,
            ..Setup::default()
        };
        let server = Server::set_up(&certified, setup).await;
        assert_eq!(with.ask(&server.url()).await, hello());
        assert_eq!(without.ask(&server.url()).await, hello());
        let versions: Vec<_> = server.seen().iter().map(|s| s.version).collect();
        assert_eq!(
            versions,
            [version, Version::HTTP_11],
            "{alpn:?} was offered"
        );
    }
}

#[tokio::test]
async fn a_server_that_speaks_http_2_alone_is_no_partner_without_it() {
    let authority = Authority::new("ours");
    let setup = Setup {
        alpn: &["h2"],
        ..Setup::default()
    };
    let server = Server::set_up(&authority.server(&["localhost"]), setup).await;
    let answer = Client::of(trusting(authority.trusted()))
        .ask(&server.url())
        .await;
    assert_eq!(answer, refused(Handshake::Other));
}

#[tokio::test]
async fn the_gateways_protocols_and_ciphers_are_kept_to() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["localhost"])).await;
    let old = Network {
        protocols: vec!["TLSv1.1".to_owned(), "TLSv1.2".to_owned()],
        cipher_suites: vec!["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()],
        ..trusting(authority.trusted())
    };
    let client = Client::of(old);
    assert_eq!(client.ask(&server.url()).await, hello());
    assert_eq!(server.seen()[0].tls, ProtocolVersion::TLSv1_2);
    let none_known = Network {
        protocols: vec!["TLSv1".to_owned()],
        ..trusting(authority.trusted())
    };
    let client = Client::of(none_known);
    assert!(client.said[0].to_string().contains("HttpsProtocols"));
    let answer = client.ask(&server.url()).await;
    assert!(matches!(answer, Err(NetError::Tls(_))), "{answer:?}");
}

#[tokio::test]
async fn a_truststore_that_changes_counts_from_the_next_request_on() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let server = Server::start(&first.server(&["localhost"])).await;
    let client = Client::of(trusting(second.trusted()));
    let unknown = refused(Handshake::UnknownIssuer);
    assert_eq!(client.ask(&server.url()).await, unknown);
    assert!(
        client
            .clients
            .use_network(trusting(first.trusted()))
            .is_empty()
    );
    assert_eq!(client.ask(&server.url()).await, hello());
    // The open connection to it is not used any more, and no session is resumed.
    client.clients.use_network(trusting(second.trusted()));
    assert_eq!(client.ask(&server.url()).await, unknown);
}

#[tokio::test]
async fn an_answer_under_way_comes_to_its_end_when_the_truststore_changes() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    for alpn in ["h2", "http/1.1"] {
        let setup = Setup {
            alpn: if alpn == "h2" { &["h2"] } else { &["http/1.1"] },
            ..Setup::default()
        };
        let server = Server::set_up(&first.server(&["localhost"]), setup).await;
        let client = Client::of_http2(trusting(first.trusted()));
        let slow = server.url().replace("/v1", "/slow");
        let answer = client.send(&slow).await.unwrap();
        client.clients.use_network(trusting(second.trusted()));
        server.go_on.notify_one();
        assert_eq!(text(answer).await, hello(), "{alpn}");
    }
}

#[tokio::test]
async fn a_broken_configuration_leaves_the_one_before_in_place() {
    let authority = Authority::new("ours");
    let server = Server::start(&authority.server(&["localhost"])).await;
    let client = Client::of(trusting(authority.trusted()));
    let broken = || Network {
        protocols: vec!["SSLv3".to_owned()],
        ..trusting(authority.trusted())
    };
    assert_eq!(client.clients.use_network(broken()).len(), 1);
    assert_eq!(client.ask(&server.url()).await, hello());
}
