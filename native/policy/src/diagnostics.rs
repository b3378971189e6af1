//! What is said of a configuration: remarks for an operator, and the error that makes it useless.

use std::fmt;

/// What an operator must be told at deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Something was left out that was meant to be there.
    Error,
    /// Something has no effect.
    Warn,
}

/// A remark about a configuration that could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub level: Level,
    /// The field, as a path.
    pub field: String,
    /// What was wrong with it.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.message)
    }
}

/// A configuration that can't be used: the field, and what was wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConfigError {
    /// The field, as a path such as `production.fallbackModels[1].model`.
    pub field: String,
    /// What was wrong with it.
    pub message: String,
}

impl ConfigError {
    pub(crate) fn new(path: &str, message: String) -> Self {
        // serde_path_to_error's names for "at the top" and "in a key".
        let path = path.trim_end_matches("?").trim_end_matches('.');
        let field = if path.is_empty() {
            "failoverConfigs"
        } else {
            path
        };
        ConfigError {
            field: field.to_owned(),
            message,
        }
    }
}

/// What is said of a name that no setting has; `nearest`: one that may be meant.
pub(crate) fn unknown(nearest: Option<String>) -> String {
    match nearest {
        Some(known) => format!("is not a known setting; did you mean {known}?"),
        None => "is not a known setting".to_owned(),
    }
}
