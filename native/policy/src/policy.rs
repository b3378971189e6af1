//! One attached policy: sections, candidates, clocks (`behaviour.md` §1).

use std::collections::HashSet;
use std::time::Duration;

use crate::diagnostics::{ConfigError, Diagnostic, Level, unknown};
use crate::document::Node;
use crate::settings::{SETTINGS, Settings, find, lower_camel_case};
use crate::value::{duration, scalar};

const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The key type of a request: `PRODUCTION` uses the first section, any other the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Key type `PRODUCTION`.
    Production,
    /// Any other key type.
    Sandbox,
}

/// One model at one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The model's name as the provider knows it.
    pub model: String,
    /// The id of the API's endpoint, a UUID or `default_production_endpoint` / `default_sandbox_endpoint`.
    pub endpoint_id: String,
}

/// The target and its fallbacks, in the order configured, without duplicates. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    candidates: Vec<Candidate>,
}

impl Section {
    /// The target first, then the fallbacks.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// The first candidate: requests for its model are handled here.
    pub fn target(&self) -> &Candidate {
        &self.candidates[0]
    }
}

/// A configuration that was read and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The section for key type `PRODUCTION`; `None`: its requests go on untouched.
    pub production: Option<Section>,
    /// The section for any other key type.
    pub sandbox: Option<Section>,
    /// Limit of one attempt.
    pub request_timeout: Duration,
    /// Base length of a suspension; zero: no knowledge of failures is kept.
    pub suspend_duration: Duration,
    /// The gateway's settings with the API's own over them.
    pub settings: Settings,
    /// Remarks for the operator.
    pub diagnostics: Vec<Diagnostic>,
}

impl Policy {
    /// Reads `failoverConfigs` as stored, over the gateway's settings. `attributes` are the policy's optional
    /// attributes by their lowerCamelCase names; empty means "not set". An attribute goes before a key of the same
    /// name in `failoverConfigs`.
    ///
    /// # Errors
    /// The first field that can't be used, with what was wrong.
    pub fn read(
        failover_configs: &str,
        attributes: &[(&str, &str)],
        gateway: &Settings,
    ) -> Result<Policy, ConfigError> {
        if failover_configs.trim().is_empty() {
            return Err(ConfigError::new(".", "is empty".to_owned()));
        }
        let root = Node::parse(failover_configs)?;
        let Node::Object(entries) = &root else {
            return Err(ConfigError::new(
                ".",
                format!("must be an object, not {}", root.kind()),
            ));
        };
        let mut reader = Reader::default();
        let mut settings = gateway.clone();
        for (key, value) in entries {
            match key.as_str() {
                "production" | "sandbox" | "requestTimeout" | "suspendDuration" => {}
                _ => match find(key, true) {
                    Ok(setting) => {
                        if let Some(text) = scalar(value).map_err(|m| ConfigError::new(key, m))? {
                            (setting.apply)(&mut settings, &text)
                                .map_err(|m| ConfigError::new(key, m))?;
                        }
                    }
                    Err(nearest) => reader.say(Level::Warn, key, unknown(nearest)),
                },
            }
        }
        for (name, value) in attributes {
            let value = value.trim();
            if value.is_empty() || value == "null" {
                continue;
            }
            let setting = SETTINGS
                .iter()
                .find(|s| lower_camel_case(s.name) == *name)
                .ok_or_else(|| ConfigError::new(name, "is not a known attribute".to_owned()))?;
            (setting.apply)(&mut settings, value).map_err(|m| ConfigError::new(name, m))?;
        }
        Ok(Policy {
            production: reader.section(&root, "production")?,
            sandbox: reader.section(&root, "sandbox")?,
            request_timeout: match time(&root, "requestTimeout")? {
                None => DEFAULT_REQUEST_TIMEOUT,
                Some(Duration::ZERO) => {
                    return Err(ConfigError::new(
                        "requestTimeout",
                        "must be more than 0".to_owned(),
                    ));
                }
                Some(limit) => limit,
            },
            suspend_duration: time(&root, "suspendDuration")?.unwrap_or_default(),
            settings,
            diagnostics: reader.diagnostics,
        })
    }

    /// The section that answers for this key type.
    pub fn section(&self, key_type: KeyType) -> Option<&Section> {
        match key_type {
            KeyType::Production => self.production.as_ref(),
            KeyType::Sandbox => self.sandbox.as_ref(),
        }
    }
}

fn time(root: &Node, field: &str) -> Result<Option<Duration>, ConfigError> {
    let error = |message| ConfigError::new(field, message);
    let Some(node) = root.get(field) else {
        return Ok(None);
    };
    match scalar(node).map_err(error)? {
        Some(text) => duration(&text).map(Some).map_err(error),
        None => Ok(None),
    }
}

/// A row of the editor.
enum Row {
    Empty,
    Half(&'static str),
    Whole(Candidate),
}

#[derive(Default)]
struct Reader {
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn say(&mut self, level: Level, field: &str, message: String) {
        self.diagnostics.push(Diagnostic {
            level,
            field: field.to_owned(),
            message,
        });
    }

    fn section(&mut self, root: &Node, name: &str) -> Result<Option<Section>, ConfigError> {
        let node = match root.get(name) {
            None | Some(Node::Null) => return Ok(None),
            Some(node @ Node::Object(_)) => node,
            Some(other) => {
                return Err(ConfigError::new(
                    name,
                    format!("must be an object, not {}", other.kind()),
                ));
            }
        };
        let fallbacks = match node.get("fallbackModels") {
            None | Some(Node::Null) => &[][..],
            Some(Node::Array(rows)) => rows,
            Some(other) => {
                return Err(ConfigError::new(
                    &format!("{name}.fallbackModels"),
                    format!("must be an array, not {}", other.kind()),
                ));
            }
        };
        let target_field = format!("{name}.targetModel");
        let target = match node.get("targetModel") {
            None | Some(Node::Null) => Row::Empty,
            Some(node) => row(node, &target_field)?,
        };
        let mut candidates = match target {
            Row::Whole(candidate) => vec![candidate],
            Row::Half(missing) => {
                return Err(ConfigError::new(
                    &format!("{target_field}.{missing}"),
                    "is missing from a target that is otherwise filled in".to_owned(),
                ));
            }
            Row::Empty => {
                if !fallbacks.is_empty() {
                    self.say(
                        Level::Warn,
                        &target_field,
                        "is empty, so the section's fallbacks have no effect".to_owned(),
                    );
                }
                return Ok(None);
            }
        };
        let mut known: HashSet<Candidate> = candidates.iter().cloned().collect();
        for (index, node) in fallbacks.iter().enumerate() {
            let field = format!("{name}.fallbackModels[{index}]");
            match row(node, &field)? {
                Row::Empty => {}
                Row::Half(missing) => self.say(
                    Level::Error,
                    &field,
                    format!("was left out: it has no {missing}"),
                ),
                Row::Whole(candidate) if !known.insert(candidate.clone()) => self.say(
                    Level::Warn,
                    &field,
                    "was dropped: the same model at the same endpoint stands before it".to_owned(),
                ),
                Row::Whole(candidate) => candidates.push(candidate),
            }
        }
        Ok(Some(Section { candidates }))
    }
}

fn row(node: &Node, field: &str) -> Result<Row, ConfigError> {
    if *node == Node::Null {
        return Ok(Row::Empty);
    }
    if !matches!(node, Node::Object(_)) {
        return Err(ConfigError::new(
            field,
            format!("must be an object, not {}", node.kind()),
        ));
    }
    let text = |key: &str| match node.get(key) {
        None | Some(Node::Null) => Ok(String::new()),
        Some(Node::String(s)) => Ok(s.trim().to_owned()),
        Some(other) => Err(ConfigError::new(
            &format!("{field}.{key}"),
            format!("must be a string, not {}", other.kind()),
        )),
    };
    let (model, endpoint_id) = (text("model")?, text("endpointId")?);
    Ok(match (model.is_empty(), endpoint_id.is_empty()) {
        (true, true) => Row::Empty,
        (true, false) => Row::Half("model"),
        (false, true) => Row::Half("endpointId"),
        (false, false) => Row::Whole(Candidate { model, endpoint_id }),
    })
}

#[cfg(test)]
mod tests;
