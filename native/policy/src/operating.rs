//! What operators set for the whole gateway and no API can: the listener for metrics.

use std::fmt;
use std::net::SocketAddr;

use crate::value::boolean;

/// How operators look at the gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Operating {
    /// Where the listener for metrics is; `None`: there is none.
    pub metrics_listen: Option<SocketAddr>,
    /// What whoever asks it must bear.
    pub metrics_token: Option<Secret>,
    /// Whether failures can be rehearsed through it.
    pub metrics_drills: bool,
}

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Secret(text)
    }

    /// The text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A setting of the gateway's alone, of a table that is read into `T`.
pub struct GatewaySetting<T> {
    /// Its name in `deployment.toml`.
    pub name: &'static str,
    /// What it takes, in words.
    pub takes: &'static str,
    /// What there is without it.
    pub default: &'static str,
    /// A value, as it would be written in `deployment.toml`.
    pub example: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Sets it from text; the error says what was wrong, and never what the text was where that can be a secret.
    pub apply: fn(&mut T, &str) -> Result<(), String>,
}

impl<T> fmt::Debug for GatewaySetting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewaySetting")
            .field("name", &self.name)
            .finish()
    }
}

/// All of them.
pub const GATEWAY_SETTINGS: &[GatewaySetting<Operating>] = &[
    GatewaySetting {
        name: "metrics_listen",
        takes: "an address and a port",
        default: "off",
        example: r#""127.0.0.1:9464""#,
        meaning: "where the gateway shows metrics and a page for operators, over plain HTTP; an address that is not this machine's own can be seen from outside",
        apply: |o, v| {
            o.metrics_listen = match v {
                "" => None,
                text => Some(text.parse().map_err(|_| {
                    format!(
                        "must be an address and a port such as \"127.0.0.1:9464\", but is '{text}'"
                    )
                })?),
            };
            Ok(())
        },
    },
    GatewaySetting {
        name: "metrics_token",
        takes: "text",
        default: "none",
        example: r#""$env{MODEL_FAILOVER_TOKEN}""#,
        meaning: "what whoever asks the listener must bear as `Authorization: Bearer …`; without one everybody may look, and nobody may hold, release or clear a candidate through it",
        apply: |o, v| {
            o.metrics_token = (!v.is_empty()).then(|| Secret(v.to_owned()));
            Ok(())
        },
    },
    GatewaySetting {
        name: "metrics_drills",
        takes: "true or false",
        default: "false",
        example: "true",
        meaning: "whether whoever bears the token may rehearse a candidate's failure",
        apply: |o, v| boolean(v).map(|v| o.metrics_drills = v),
    },
];
