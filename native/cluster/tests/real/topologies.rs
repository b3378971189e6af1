//! The ways in which operators run Redis.

use std::fs;
use std::time::Duration;

use failover_cluster::{Options, Secret, Tls, Topology};
use failover_suspension::State;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::gateways::{Gateway, options};
use crate::servers::{Server, Watched, free_port, three, until};

const MINUTE: Duration = Duration::from_secs(60);

/// A suspension, its clear and the one probe of a window go from one node to the other.
fn shares(options: &Options) -> (Gateway, Gateway) {
    let a = Gateway::start("a", options).linked();
    let b = Gateway::start("b", options).linked();
    for model in ["m1", "m2", "m3", "m4", "m5"] {
        b.gate(model);
        a.suspend(model, MINUTE);
        until("b has it suspended", || !b.left(model).is_zero());
        b.gate(model).clear();
        until("a has it cleared", || a.state(model) == State::Healthy);
        a.suspend(model, Duration::from_millis(50));
        let mut permits = Vec::new();
        until("one of them probes", || {
            permits.extend(a.probe(model));
            permits.extend(b.probe(model));
            !permits.is_empty()
        });
        assert_eq!(permits.len(), 1);
    }
    (a, b)
}

#[test]
fn tls_with_a_user_and_a_password() {
    let folder = std::env::temp_dir().join(format!("model-failover-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority
        .distinguished_name
        .push(DnType::CommonName, "the operators");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = server.signed_by(&key, &issuer).unwrap();
    let file = |name: &str, text: String| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let ca_file = file("ca.pem", ca.pem());
    let certificate = file("cert.pem", certificate.pem());
    let key = file("key.pem", key.serialize_pem());
    let port = free_port();
    let text = port.to_string();
    let tls = [
        "--port",
        "0",
        "--tls-port",
        &text,
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &ca_file,
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "other",
        "--user",
    ];
    // No more than docs/settings.md says that it needs.
    let user = "gateway on >hunter2 ~model-failover:* &model-failover:* +evalsha +script +get +set +del +pttl +mget \
                +publish +subscribe +sadd +srem +smembers +expire +ping +hello +client +role";
    let arguments: Vec<&str> = tls.into_iter().chain(user.split_whitespace()).collect();
    let Some(mut server) = Server::start(&arguments) else {
        return;
    };
    server.port = port;
    server.login = ["--tls", "--cacert", &ca_file, "-a", "other"]
        .map(str::to_owned)
        .to_vec();
    let server = server.ready();
    let right = Options {
        tls: Some(Tls {
            ca_file: Some(ca_file.into()),
        }),
        user: Some("gateway".to_owned()),
        password: Some(Secret::new("hunter2".to_owned())),
        ..options(&[server.address()])
    };
    shares(&right);

    let wrong = Gateway::start(
        "w",
        &Options {
            password: Some(Secret::new("guessed".to_owned())),
            ..right.clone()
        },
    );
    until("a wrong password is said", || {
        wrong.cluster.status().error.contains("WRONGPASS")
    });
    let stranger = Gateway::start(
        "s",
        &Options {
            tls: Some(Tls { ca_file: None }),
            ..right
        },
    );
    until("a server that nobody vouches for is said", || {
        !stranger.cluster.status().error.is_empty()
    });
    for alone in [wrong, stranger] {
        assert!(!alone.cluster.status().up);
        alone.suspend("m9", Duration::from_millis(10));
        until("it probes alone", || alone.probe("m9").is_some());
        let said = alone.cluster.status().error;
        assert!(
            !said.contains("guessed") && !said.contains("hunter2"),
            "{said}"
        );
    }
    let _ = fs::remove_dir_all(folder);
}

#[test]
fn a_primary_under_three_sentinels_and_what_is_left_when_it_dies() {
    let Some(mut watched) = Watched::start() else {
        return;
    };
    let sentinels: Vec<_> = watched.sentinels.iter().map(Server::address).collect();
    let options = Options {
        topology: Topology::Sentinel {
            master: "models".to_owned(),
            password: None,
        },
        ..options(&sentinels)
    };
    let (a, b) = shares(&options);
    a.suspend("kept", MINUTE);
    until("b has it suspended", || !b.left("kept").is_zero());
    let left = b.left("kept");
    watched.primary.kill();
    until("both see that the primary is gone", || {
        !a.cluster.status().up && !b.cluster.status().up
    });
    // Nobody waits for the store: each decides alone meanwhile.
    a.suspend("meanwhile", Duration::from_secs(30));
    assert!(a.probe("meanwhile").is_none());
    until("both have the new primary", || {
        a.cluster.status().up && b.cluster.status().up
    });
    until("what happened meanwhile is known", || {
        !b.left("meanwhile").is_zero()
    });
    assert!(b.left("kept") > left.saturating_sub(Duration::from_secs(25)));
    b.gate("kept").clear();
    until("a clear reaches a through the new primary", || {
        a.state("kept") == State::Healthy
    });
}

#[test]
fn a_cluster_of_three_and_what_is_left_when_one_dies() {
    let Some(mut nodes) = three() else { return };
    let addresses: Vec<_> = nodes.iter().map(Server::address).collect();
    let options = Options {
        topology: Topology::Cluster,
        ..options(&addresses)
    };
    let (a, b) = shares(&options);
    for model in 0..30 {
        let model = format!("spread-{model}");
        b.gate(&model);
        a.suspend(&model, MINUTE);
    }
    until("b knows of all, on whichever node they are", || {
        (0..30).all(|model| !b.left(&format!("spread-{model}")).is_zero())
    });
    nodes[2].kill();
    until("both go on alone", || {
        !a.cluster.status().up && !b.cluster.status().up
    });
    assert!((0..30).all(|model| !b.left(&format!("spread-{model}")).is_zero()));
    nodes[2].begin();
    until("both are linked again", || {
        a.cluster.status().up && b.cluster.status().up
    });
    b.gate("spread-1").clear();
    until("a has it cleared", || a.state("spread-1") == State::Healthy);
}

#[test]
fn several_servers_of_which_one_is_a_primary() {
    let Some(primary) = Server::start(&[]) else {
        return;
    };
    let primary = primary.ready();
    let of = format!("127.0.0.1 {}", primary.port);
    let Some(replica) = Server::start(&["--replicaof", &of]) else {
        return;
    };
    let replica = replica.ready();
    shares(&options(&[replica.address(), primary.address()]));
}
