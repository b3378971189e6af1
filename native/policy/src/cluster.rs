//! How several gateways share suspensions: the table `[apim.ai.model_failover.cluster]`.

use crate::operating::{GatewaySetting, Secret};
use crate::value::boolean;

/// The store that the gateways share, and under which names they do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sharing {
    /// Hosts and ports.
    pub servers: Vec<(String, u16)>,
    /// Whether TLS is spoken.
    pub tls: bool,
    /// PEM of those who are trusted; `None`: the system's.
    pub ca_file: Option<String>,
    /// The name by which Sentinels, whose addresses these are, know the primary.
    pub sentinel_master: Option<String>,
    /// The Sentinels' own password.
    pub sentinel_password: Option<Secret>,
    /// Whether the addresses are nodes of a cluster.
    pub cluster_mode: bool,
    /// As whom; `None`: the default user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// The database.
    pub database: i64,
    /// What keys begin with.
    pub prefix: String,
    /// Which gateways belong together.
    pub group: String,
    /// This gateway's name; `None`: its host's.
    pub node: Option<String>,
    /// Whether what is not set here is taken from the host's own `[apim.redis_config]`.
    pub(crate) use_host_redis: bool,
}

impl Default for Sharing {
    fn default() -> Self {
        Sharing {
            servers: Vec::new(),
            tls: false,
            ca_file: None,
            sentinel_master: None,
            sentinel_password: None,
            cluster_mode: false,
            user: None,
            password: None,
            database: 0,
            prefix: "model-failover".to_owned(),
            group: "default".to_owned(),
            node: None,
            use_host_redis: false,
        }
    }
}

/// All of them.
pub const CLUSTER_SETTINGS: &[GatewaySetting<Sharing>] = &[
    GatewaySetting {
        name: "url",
        takes: "an address, or a list of them",
        default: "off",
        example: r#"["redis://redis-1:6379", "redis://redis-2:6379"]"#,
        meaning: "where the store is: `redis://host:port` or, with TLS, `rediss://host:port`, with `/1` for another database than 0; `valkey://` and `valkeys://` are the same. Several are Sentinels, nodes of a cluster, or servers of which the first that is a primary is taken",
        apply: |s, v| {
            (s.servers, s.tls, s.database) = addresses(v)?;
            Ok(())
        },
    },
    GatewaySetting {
        name: "use_host_redis",
        takes: "true or false",
        default: "false",
        example: "true",
        meaning: "whether address, user, password, database and TLS are those of the gateway's own `[apim.redis_config]`, where they are not set here; its `$secret{…}` can't be read",
        apply: |s, v| boolean(v).map(|v| s.use_host_redis = v),
    },
    GatewaySetting {
        name: "sentinel_master",
        takes: "text",
        default: "none",
        example: r#""models""#,
        meaning: "the name by which Sentinels know the primary; the addresses are theirs",
        apply: |s, v| {
            s.sentinel_master = text(v);
            Ok(())
        },
    },
    GatewaySetting {
        name: "sentinel_password",
        takes: "text",
        default: "none",
        example: r#""$env{SENTINEL_PASSWORD}""#,
        meaning: "the password of the Sentinels, if they have one of their own",
        apply: |s, v| {
            s.sentinel_password = text(v).map(Secret::new);
            Ok(())
        },
    },
    GatewaySetting {
        name: "cluster_mode",
        takes: "true or false",
        default: "false",
        example: "true",
        meaning: "whether the addresses are nodes of a Redis or Valkey Cluster",
        apply: |s, v| boolean(v).map(|v| s.cluster_mode = v),
    },
    GatewaySetting {
        name: "ca_file",
        takes: "a file",
        default: "the system's",
        example: r#""/etc/redis/ca.pem""#,
        meaning: "who is trusted to say whose certificate a server's is, in PEM",
        apply: |s, v| {
            s.ca_file = text(v);
            Ok(())
        },
    },
    GatewaySetting {
        name: "user",
        takes: "text",
        default: "the default user",
        example: r#""gateway""#,
        meaning: "as whom the gateway logs in. It needs `EVALSHA`, `SCRIPT`, `GET`, `SET`, `DEL`, `PTTL`, `MGET`, `PUBLISH`, `SUBSCRIBE`, `SADD`, `SREM`, `SMEMBERS`, `EXPIRE`, `PING`, `HELLO`, `CLIENT` and `ROLE`, on its own keys and channel",
        apply: |s, v| {
            s.user = text(v);
            Ok(())
        },
    },
    GatewaySetting {
        name: "password",
        takes: "text",
        default: "none",
        example: r#""$env{REDIS_PASSWORD}""#,
        meaning: "that user's password",
        apply: |s, v| {
            s.password = text(v).map(Secret::new);
            Ok(())
        },
    },
    GatewaySetting {
        name: "prefix",
        takes: "text",
        default: "model-failover",
        example: r#""mf""#,
        meaning: "what the names of all keys begin with",
        apply: |s, v| {
            s.prefix = named(v)?;
            Ok(())
        },
    },
    GatewaySetting {
        name: "group",
        takes: "text",
        default: "default",
        example: r#""production-eu""#,
        meaning: "which gateways belong together: those of another group share nothing with these, on the same server",
        apply: |s, v| {
            s.group = named(v)?;
            Ok(())
        },
    },
    GatewaySetting {
        name: "node",
        takes: "text",
        default: "the host's name",
        example: r#""gateway-1""#,
        meaning: "what operators see this gateway called",
        apply: |s, v| {
            s.node = text(v);
            Ok(())
        },
    },
];

fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn named(text: &str) -> Result<String, String> {
    match text {
        "" => Err("must not be empty".to_owned()),
        text => Ok(text.to_owned()),
    }
}

type Addresses = (Vec<(String, u16)>, bool, i64);

/// Addresses with commas between.
fn addresses(text: &str) -> Result<Addresses, String> {
    let mut servers = Vec::new();
    let mut common = None;
    for url in text.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        let (server, tls, database) = address(url)?;
        if *common.get_or_insert((tls, database)) != (tls, database) {
            return Err("must all have the same scheme and database".to_owned());
        }
        servers.push(server);
    }
    let (tls, database) = common.unwrap_or_default();
    Ok((servers, tls, database))
}

fn address(url: &str) -> Result<((String, u16), bool, i64), String> {
    let form = "must be addresses such as \"redis://redis-1:6379\"";
    // What it was is not said: people write passwords into it.
    if url.contains('@') {
        return Err(format!(
            "{form} without a user or a password, which are settings of their own"
        ));
    }
    let wrong = || format!("{form}, but has '{url}'");
    let (scheme, rest) = url.split_once("://").ok_or_else(wrong)?;
    let tls = match scheme {
        "redis" | "valkey" => false,
        "rediss" | "valkeys" => true,
        _ => return Err(wrong()),
    };
    let (authority, database) = match rest.split_once('/') {
        None | Some((_, "")) => (rest.trim_end_matches('/'), 0),
        Some((authority, database)) => (authority, database.parse().map_err(|_| wrong())?),
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host, port.parse().map_err(|_| wrong())?)
        }
        _ => (authority, 6379),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || port == 0 || database < 0 || host.contains(['?', '#', ' ']) {
        return Err(wrong());
    }
    Ok(((host.to_owned(), port), tls, database))
}

impl Sharing {
    /// What can't be together or is missing: which setting, and what is wrong.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.servers.is_empty() {
            return Err((
                "url",
                "is not set, and use_host_redis is not either".to_owned(),
            ));
        }
        if self.cluster_mode && self.sentinel_master.is_some() {
            let both = "can't be together with cluster_mode".to_owned();
            return Err(("sentinel_master", both));
        }
        if self.cluster_mode && self.database != 0 {
            return Err((
                "url",
                "has a database other than 0, which a cluster has not".to_owned(),
            ));
        }
        if self.sentinel_password.is_some() && self.sentinel_master.is_none() {
            let alone = "is of no use without sentinel_master".to_owned();
            return Err(("sentinel_password", alone));
        }
        if self.ca_file.is_some() && !self.tls {
            return Err(("ca_file", "is of no use without TLS (rediss://)".to_owned()));
        }
        if self.user.is_some() && self.password.is_none() {
            return Err(("user", "has no password".to_owned()));
        }
        Ok(())
    }
}
