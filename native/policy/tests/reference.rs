//! The reference page is made from the settings themselves: `UPDATE_DOCS=1 cargo test -p failover-policy` writes it.

mod written;

use std::fmt::Write as _;

use failover_policy::{
    CLUSTER_SETTINGS, Configuration, GATEWAY_SETTINGS, GatewayFile, Kind, SETTINGS, Settings,
    lower_camel_case,
};
use written::{capitalised, check};

const HEAD: &str = "# Settings

Gateway-wide settings stand in the table `[apim.ai.model_failover]` of the gateway's `repository/conf/deployment.toml`,
or of the file that the Java system property `model.failover.config` names. They are read whenever a policy is deployed.
`$env{NAME}` and `$sys{name}` in a value are replaced by an environment variable or a Java system property. An unknown
key is a WARN line with the nearest known name; a value that can't be used is an ERROR line, and the default stays.

For one API, a key of the second name beside `requestTimeout` in `failoverConfigs`, or the policy attribute of that
name, goes before the gateway's setting, the attribute before the key. Null, absent and empty mean \"not set\". There a
value that can't be used is refused at deployment.

A time is a number of seconds or text with a unit (`250ms`, `30s`, `2m`, `1h`), at most 24 h. A size is a number of bytes
or text with a unit (`KiB`, `MiB`, `GiB`; `KB`, `MB`, `GB` are powers of 1000). This page is made from the code
(`native/policy/src/settings.rs`) and checked by a test.

";

const CLUSTER: &str = "## `cluster`

Several gateways share their suspensions through Redis or Valkey, from version 6 on: [docs/cluster.md](cluster.md). A table,
`[apim.ai.model_failover.cluster]`; without it the gateway is alone. A value that can't be used, or settings that can't be
together, are an ERROR line that names them, and the gateway goes on alone.

| setting | means | takes | default | example |
|---|---|---|---|---|
";

const SIGNS: &str = "## `signs`

For the gateway alone: what the refusals of a provider of your own mean, in rows that are asked before those of
[the table](../native/wire/src/refusal/signs.toml) that comes with the policy. A row holds when everything that it names
is there; the first that holds decides. One that can't be used is an ERROR line that names it, and is left out.

| key | takes |
|---|---|
| `reason` | `request`, `content-filter`, `context-length`, `over-limit`, `model-not-found`, `account` or `limit` |
| `codes` | codes or types of an error, in lower case, of which one is there; one that ends with `*` is a beginning |
| `words` | a regular expression for one sentence of the error: lower case, without quotation marks. What also stands in the request does not count |
| `params` | names of parameters of which one is blamed; `*` is any |
| `statuses` | the statuses with which the row holds; none: any. An error in a 200 that names no status holds with all |
| `over` | `true`: more must be requested than the limit that is named |
| `source` | where that is written down, for whoever reads the row |

    [[apim.ai.model_failover.signs]]
    reason = \"limit\"
    codes = [\"e4017\"]
    source = \"our own gateway: no machine is free\"

";

fn unit(kind: Kind) -> &'static str {
    match kind {
        Kind::Time => "time",
        Kind::Size => "size",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::Choice => "word",
        Kind::Budget => "share and rate",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for s in SETTINGS {
        let default = if s.default.is_empty() {
            "not set"
        } else {
            s.default
        };
        let _ = write!(
            page,
            "## `{name}`\n\nFor one API: `{camel}`. {meaning}.\n\n| takes | range | default | example |\n|---|---|---|---|\n| {unit} | {range} | {default} | `{name} = {example}` |\n\n",
            name = s.name,
            camel = lower_camel_case(s.name),
            meaning = capitalised(s.meaning),
            unit = unit(s.kind),
            range = s.range,
            example = s.example,
        );
    }
    page.push_str("# For the gateway alone\n\n");
    for s in GATEWAY_SETTINGS {
        let _ = write!(
            page,
            "## `{name}`\n\n{meaning}.\n\n| takes | default | example |\n|---|---|---|\n| {takes} | {default} | `{name} = {example}` |\n\n",
            name = s.name,
            meaning = capitalised(s.meaning),
            takes = s.takes,
            default = s.default,
            example = s.example,
        );
    }
    page.push_str(CLUSTER);
    for s in CLUSTER_SETTINGS {
        let _ = writeln!(
            page,
            "| `{name}` | {meaning} | {takes} | {default} | `{name} = {example}` |",
            name = s.name,
            meaning = s.meaning,
            takes = s.takes,
            default = s.default,
            example = s.example,
        );
    }
    page.push('\n');
    page.push_str(SIGNS);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

#[test]
fn the_reference_page_is_what_the_code_says() {
    check("docs/settings.md", |_| page());
}

#[test]
fn every_example_is_accepted_and_is_not_the_default() {
    for s in SETTINGS {
        let read = Configuration::read(&GatewayFile {
            text: &format!("[apim.ai.model_failover]\n{} = {}\n", s.name, s.example),
            env: &|_| None,
            sys: &|_| None,
        });
        assert_eq!(read.diagnostics, [], "{}", s.name);
        if s.range.contains(',') || s.kind != Kind::Choice {
            assert_ne!(read.settings, Settings::default(), "{}", s.name);
        }
    }
}

#[test]
fn every_example_of_the_gateways_own_is_accepted() {
    for s in GATEWAY_SETTINGS {
        let read = Configuration::read(&GatewayFile {
            text: &format!("[apim.ai.model_failover]\n{} = {}\n", s.name, s.example),
            env: &|_| Some("set".to_owned()),
            sys: &|_| None,
        });
        assert_eq!((read.diagnostics, read.changed), (vec![], 1), "{}", s.name);
    }
}

#[test]
fn every_example_of_the_clusters_is_accepted() {
    for s in CLUSTER_SETTINGS {
        let others = match s.name {
            "url" => "",
            "use_host_redis" => "",
            "sentinel_password" => "url = 'redis://r'\nsentinel_master = 'm'",
            "ca_file" => "url = 'rediss://r'",
            "user" => "url = 'redis://r'\npassword = 'p'",
            _ => "url = 'redis://r'",
        };
        let text = format!(
            "[apim.redis_config]\nhost = 'r'\n[apim.ai.model_failover.cluster]\n{} = {}\n{others}\n",
            s.name, s.example
        );
        let read = Configuration::read(&GatewayFile {
            text: &text,
            env: &|_| Some("set".to_owned()),
            sys: &|_| None,
        });
        assert_eq!(read.diagnostics, [], "{}", s.name);
        assert!(read.sharing.is_some(), "{}", s.name);
    }
}

#[test]
fn the_example_of_a_sign_is_read() {
    let example: String = SIGNS
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .map(|line| format!("{line}\n"))
        .collect();
    let read = Configuration::read(&GatewayFile {
        text: &example,
        env: &|_| None,
        sys: &|_| None,
    });
    assert_eq!(read.diagnostics, []);
    assert_eq!(read.signs.len(), 1);
}
