//! The gateway-wide settings: table `[apim.ai.model_failover]` of `repository/conf/deployment.toml`.

use std::cell::RefCell;
use std::collections::BTreeSet;

use toml::Value;

use crate::cluster::{CLUSTER_SETTINGS, Sharing};
use crate::diagnostics::{Diagnostic, Level, unknown};
use crate::operating::{GATEWAY_SETTINGS, Operating, Secret};
use crate::settings::{Settings, find, nearest};

/// Looks a placeholder's name up: `$env{NAME}` in the environment, `$sys{name}` among the Java system properties.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a gateway's `deployment.toml` is read with.
pub struct GatewayFile<'a> {
    /// The file's text.
    pub text: &'a str,
    /// Resolves `$env{…}`.
    pub env: Lookup<'a>,
    /// Resolves `$sys{…}`.
    pub sys: Lookup<'a>,
}

/// The gateway-wide settings and what there was to say about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// What applies where an API sets nothing itself.
    pub settings: Settings,
    /// The rows of `[[apim.ai.model_failover.signs]]`, a TOML document each, in their order: what refusals mean at a
    /// provider of the operator's own.
    pub signs: Vec<String>,
    /// How operators look at the gateway.
    pub operating: Operating,
    /// How gateways share suspensions; `None`: this one is alone.
    pub sharing: Option<Sharing>,
    /// How many settings the file moves away from their defaults.
    pub changed: usize,
    /// Unknown keys and values that were refused; a refused value leaves its default in place.
    pub diagnostics: Vec<Diagnostic>,
}

impl Configuration {
    /// The defaults, for a gateway without a file.
    pub fn defaults() -> Self {
        Configuration {
            settings: Settings::default(),
            signs: Vec::new(),
            operating: Operating::default(),
            sharing: None,
            changed: 0,
            diagnostics: Vec::new(),
        }
    }

    /// Reads the table. What can't be read is an error in the diagnostics and leaves the default in place: one typing
    /// error in a file for the whole gateway must not take every AI API down.
    pub fn read(file: &GatewayFile<'_>) -> Self {
        let mut configuration = Configuration::defaults();
        match file.text.parse::<toml::Table>() {
            Ok(root) => {
                if let Some(table) = dig(&root, &["apim", "ai", "model_failover"]) {
                    configuration.apply(table, file);
                    configuration.share(table, &root, file);
                }
            }
            Err(e) => configuration.say(Level::Error, "deployment.toml", e.message().to_owned()),
        }
        configuration
    }

    /// The Java system properties that a file names: those and no others are needed to read it.
    pub fn system_properties(text: &str) -> BTreeSet<String> {
        let named = RefCell::new(BTreeSet::new());
        Configuration::read(&GatewayFile {
            text,
            env: &|_| Some(String::new()),
            sys: &|name| {
                named.borrow_mut().insert(name.to_owned());
                Some(String::new())
            },
        });
        named.into_inner()
    }

    fn apply(&mut self, table: &toml::Table, file: &GatewayFile<'_>) {
        for (key, value) in table {
            let field = format!("apim.ai.model_failover.{key}");
            if key == "signs" {
                self.take_signs(&field, value);
                continue;
            }
            if key == "cluster" {
                continue;
            }
            if let Some(setting) = GATEWAY_SETTINGS.iter().find(|s| s.name == key) {
                let before = self.operating.clone();
                let applied = text_of(value)
                    .and_then(|text| resolve(&text, file))
                    .and_then(|text| (setting.apply)(&mut self.operating, text.trim()));
                if let Err(message) = applied {
                    let default = setting.default;
                    self.say(
                        Level::Error,
                        &field,
                        format!("{message}; the default stays: {default}"),
                    );
                }
                self.changed += usize::from(self.operating != before);
                continue;
            }
            match find(key, false) {
                Ok(setting) => {
                    let before = self.settings.clone();
                    let applied = text_of(value)
                        .and_then(|text| resolve(&text, file))
                        .and_then(|text| (setting.apply)(&mut self.settings, text.trim()));
                    if let Err(message) = applied {
                        self.say(
                            Level::Error,
                            &field,
                            format!("{message}; the default {} stays", setting.default),
                        );
                    }
                    self.changed += usize::from(self.settings != before);
                }
                Err(nearest) => self.say(Level::Warn, &field, unknown(nearest)),
            }
        }
    }

    /// Reads how suspensions are shared. A mistake there leaves the gateway alone: half a store is none.
    fn share(&mut self, table: &toml::Table, root: &toml::Table, file: &GatewayFile<'_>) {
        const FIELD: &str = "apim.ai.model_failover.cluster";
        let Some(value) = table.get("cluster") else {
            return;
        };
        let Some(table) = value.as_table() else {
            let message =
                "must be a table, [apim.ai.model_failover.cluster]; the gateway goes on alone";
            self.say(Level::Error, FIELD, message.to_owned());
            return;
        };
        let mut sharing = Sharing::default();
        let mut wrong = Vec::new();
        for (key, value) in table {
            let Some(setting) = CLUSTER_SETTINGS.iter().find(|s| s.name == key) else {
                let known = CLUSTER_SETTINGS.iter().map(|s| s.name.to_owned());
                let field = format!("{FIELD}.{key}");
                self.say(Level::Warn, &field, unknown(nearest(known, key)));
                continue;
            };
            let applied = text_of_any(value)
                .and_then(|text| resolve(&text, file))
                .and_then(|text| (setting.apply)(&mut sharing, text.trim()));
            match applied {
                Ok(()) => self.changed += 1,
                Err(message) => wrong.push((key.clone(), message)),
            }
        }
        let own = |name: &str| table.get(name).is_some();
        if sharing.use_host_redis
            && let Err(message) = host_redis(root, file, own, &mut sharing)
        {
            wrong.push(("use_host_redis".to_owned(), message));
        }
        if wrong.is_empty()
            && let Err((key, message)) = sharing.check()
        {
            wrong.push((key.to_owned(), message));
        }
        if wrong.is_empty() {
            self.sharing = Some(sharing);
        }
        for (key, message) in wrong {
            let message = format!("{message}; the gateway goes on alone");
            self.say(Level::Error, &format!("{FIELD}.{key}"), message);
        }
    }

    fn take_signs(&mut self, field: &str, value: &Value) {
        let rows = value.as_array().map(Vec::as_slice).unwrap_or_default();
        if value.as_array().is_none() || rows.iter().any(|row| !row.is_table()) {
            let message = "must be an array of tables, [[apim.ai.model_failover.signs]]";
            self.say(Level::Error, field, message.to_owned());
        }
        let tables = rows.iter().filter_map(Value::as_table);
        self.signs.extend(tables.map(toml::Table::to_string));
    }

    fn say(&mut self, level: Level, field: &str, message: String) {
        self.diagnostics.push(Diagnostic {
            level,
            field: field.to_owned(),
            message,
        });
    }
}

fn dig<'a>(table: &'a toml::Table, path: &[&str]) -> Option<&'a toml::Table> {
    path.iter()
        .try_fold(table, |table, key| table.get(*key)?.as_table())
}

/// What stands in the host's own table, where the setting of the same meaning is not its `own`. Its time-outs and its
/// pool are the host's matter.
fn host_redis(
    root: &toml::Table,
    file: &GatewayFile<'_>,
    own: impl Fn(&str) -> bool,
    sharing: &mut Sharing,
) -> Result<(), String> {
    const FIELD: &str = "apim.redis_config";
    let table = dig(root, &["apim", "redis_config"])
        .ok_or_else(|| format!("is true, but there is no [{FIELD}]"))?;
    let get = |name: &str| -> Result<Option<String>, String> {
        let Some(value) = table.get(name) else {
            return Ok(None);
        };
        let text = text_of(value).and_then(|text| resolve(&text, file));
        let text = text.map_err(|message| format!("is true, but {FIELD}.{name} {message}"))?;
        if text.contains("$secret{") {
            return Err(format!(
                "is true, but {FIELD}.{name} is a $secret{{…}}, which only the host can read: set {name} in this table"
            ));
        }
        Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
    };
    let number = |name: &str, text: String| {
        text.parse()
            .map_err(|_| format!("is true, but {FIELD}.{name} is no number"))
    };
    if !own("url") {
        let host = get("host")?.ok_or_else(|| format!("is true, but {FIELD}.host is not set"))?;
        let port = match get("port")? {
            None => 6379,
            Some(text) => number("port", text)?,
        };
        let port = u16::try_from(port).map_err(|_| format!("is true, but {FIELD}.port is none"))?;
        sharing.servers = vec![(host, port)];
        sharing.tls = get("ssl")?.as_deref() == Some("true");
        if let Some(text) = get("database_id")? {
            sharing.database = number("database_id", text)?;
        }
    }
    if !own("password") {
        sharing.password = get("password")?.map(Secret::new);
        if !own("user") {
            sharing.user = get("user")?.filter(|_| sharing.password.is_some());
        }
    }
    Ok(())
}

/// As [`text_of`], and of a list its texts with commas between.
fn text_of_any(value: &Value) -> Result<String, String> {
    match value.as_array() {
        None => text_of(value),
        Some(list) => Ok(list
            .iter()
            .map(text_of)
            .collect::<Result<Vec<_>, _>>()?
            .join(",")),
    }
}

fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(s) => Ok(s.clone()),
        Value::Integer(i) => Ok(i.to_string()),
        Value::Float(f) => Ok(f.to_string()),
        Value::Boolean(b) => Ok(b.to_string()),
        other => Err(format!(
            "must be a single value, not a {}",
            other.type_str()
        )),
    }
}

/// Replaces `$env{NAME}` and `$sys{name}`, as the gateway's own reader of this file does.
fn resolve(text: &str, file: &GatewayFile<'_>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let closed = text.rfind('}');
    while let Some(at) = rest.find('$') {
        let tail = &rest[at..];
        if closed.is_none_or(|closed| closed < text.len() - tail.len()) {
            // Nothing that opens from here on is closed.
            break;
        }
        let found = [("$env{", file.env), ("$sys{", file.sys)]
            .into_iter()
            .find_map(|(opening, lookup)| {
                let inner = tail.strip_prefix(opening)?;
                let end = inner.find('}')?;
                Some((&inner[..end], lookup, opening.len() + end + 1))
            });
        out.push_str(&rest[..at]);
        match found {
            Some((name, lookup, length)) => {
                let value = lookup(name)
                    .ok_or_else(|| format!("names {}, which is not set", &tail[..length]))?;
                out.push_str(&value);
                rest = &tail[length..];
            }
            None => {
                out.push('$');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests;
