//! What was configured, read once at deployment.
//!
//! [`Policy::read`] takes the text that the Publisher Portal's Model Failover editor stored (or strict JSON, or JSON
//! with `&quot;`) together with the gateway's [`Settings`] and the policy's own attributes, and gives either a
//! [`Policy`] that needs no further checks or a [`ConfigError`] that names the field. Everything here is pure: no
//! file, no clock, no environment but what the caller hands in.

#![deny(unsafe_code)]

mod choices;
mod cluster;
mod configuration;
mod diagnostics;
mod document;
mod operating;
mod policy;
mod settings;
mod value;

pub use choices::{AttemptLog, OnStreamCut, OnUnknownRefusal, RetryBudget, WhenAllSuspended};
pub use cluster::{CLUSTER_SETTINGS, Sharing};
pub use configuration::{Configuration, GatewayFile};
pub use diagnostics::{ConfigError, Diagnostic, Level};
pub use operating::{GATEWAY_SETTINGS, GatewaySetting, Operating, Secret};
pub use policy::{Candidate, KeyType, Policy, Section};
pub use settings::{Kind, SETTINGS, Setting, Settings, lower_camel_case};
