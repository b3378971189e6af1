//! How the store is reached.

use std::fmt;
use std::path::PathBuf;

use failover_suspension::Key;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What stays as it is in a name: nothing that separates in keys, or means something to the store.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of this text.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What the addresses are of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topology {
    /// A server, or several of which the first that answers as a primary is taken.
    Single,
    /// Sentinels, which know the primary of this name.
    Sentinel {
        /// The name that they watch it by.
        master: String,
        /// Their own password, if they have one.
        password: Option<Secret>,
    },
    /// Nodes of a cluster.
    Cluster,
}

/// How to be sure of whom one speaks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// PEM of those who are trusted; `None`: the system's.
    pub ca_file: Option<PathBuf>,
}

/// How the store is reached, and under which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Hosts and ports.
    pub servers: Vec<(String, u16)>,
    /// What they are.
    pub topology: Topology,
    /// TLS, if it is spoken.
    pub tls: Option<Tls>,
    /// As whom; `None`: the default user.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Secret>,
    /// Which database of the server; a cluster has one.
    pub database: i64,
    /// What all keys begin with.
    pub prefix: String,
    /// Which gateways belong together.
    pub group: String,
    /// What this gateway is called.
    pub node: String,
}

impl Options {
    /// What the group's keys begin with; also its channel.
    pub(crate) fn base(&self) -> String {
        format!("{}:1:{}", plain(&self.prefix), plain(&self.group))
    }
}

pub(crate) fn plain(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A candidate's name in the store: its parts can't run into each other.
pub(crate) fn name(key: &Key) -> String {
    let parts = [
        &key.tenant,
        &key.api,
        &key.version,
        &key.endpoint_id,
        &key.model,
    ];
    parts.map(|part| plain(part)).join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_different_candidates_differ_whatever_is_in_them() {
        let key = |endpoint: &str, model: &str| Key {
            tenant: "carbon.super".into(),
            api: "A {b}".into(),
            version: "1".into(),
            endpoint_id: endpoint.into(),
            model: model.into(),
        };
        let one = name(&key("e|x", "m"));
        assert_ne!(one, name(&key("e", "x|m")));
        assert!(
            !one.contains([' ', '{', '}']),
            "{one} would end a word or a hash tag"
        );
    }

    #[test]
    fn a_password_does_not_print() {
        let secret = Secret::new("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
    }
}
