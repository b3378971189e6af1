//! The policy's definition for API Manager is made from the settings too: `UPDATE_DOCS=1 cargo test -p failover-policy`
//! writes the template, the attributes of the specification, and the table of its README.

#![allow(clippy::expect_used, reason = "a test")]

mod written;

use failover_policy::{Kind, SETTINGS, Setting, lower_camel_case};
use serde_json::{Value, json};
use written::{capitalised, check};

fn meaning(setting: &Setting) -> String {
    format!("{}. {}", capitalised(setting.meaning), takes(setting))
}

fn takes(setting: &Setting) -> String {
    let range = setting.range;
    match setting.kind {
        Kind::Time => format!("A time, {range}"),
        Kind::Size => format!("A size, {range}"),
        Kind::Number => format!("A number, {range}"),
        Kind::Boolean | Kind::Choice => format!("One of {range}"),
        Kind::Budget => format!("A share and a rate, {range}"),
    }
}

fn default(setting: &Setting) -> &str {
    match setting.default {
        "" => "not set",
        default => default,
    }
}

/// As an attribute has it: without TOML's quotation marks.
fn example(setting: &Setting) -> &str {
    setting.example.trim_matches('"')
}

/// What the portal shows beside the field.
fn title(setting: &Setting) -> String {
    if setting.name == "http2" {
        return "HTTP/2".to_owned();
    }
    capitalised(&setting.name.replace('_', " "))
}

fn attribute(setting: &Setting) -> Value {
    json!({
        "name": lower_camel_case(setting.name),
        "displayName": title(setting),
        "description": format!(
            "{}. Default: {}. Example: {}",
            meaning(setting),
            default(setting),
            example(setting)
        ),
        "type": "String",
        "required": false
    })
}

#[test]
fn the_template_carries_every_setting_in_one_property() {
    let pairs: Vec<String> = SETTINGS
        .iter()
        .map(|setting| lower_camel_case(setting.name))
        .map(|name| format!("{name}={{{{{name}|urlencode}}}}"))
        .collect();
    check(
        "policy-definitions/modelFailover/modelFailover_v2.j2",
        |_| {
            format!(
                "<class name=\"org.modelfailover.synapse.ModelFailoverMediator\">\n    <property name=\"failoverConfigs\" value=\"{{{{failoverConfigs|urlencode}}}}\"/>\n    <property name=\"settings\" value=\"{}\"/>\n</class>\n",
                pairs.join("&amp;")
            )
        },
    );
}

#[test]
fn the_specification_has_an_attribute_for_every_setting() {
    check(
        "policy-definitions/modelFailover/modelFailover_v2.json",
        |written| {
            let mut specification: Value = serde_json::from_str(written).expect("JSON");
            let attributes = specification["policyAttributes"]
                .as_array_mut()
                .expect("an array");
            // The editor of the portal writes into the first.
            attributes.truncate(1);
            attributes.extend(SETTINGS.iter().map(attribute));
            serde_json::to_string_pretty(&specification).expect("JSON") + "\n"
        },
    );
}

#[test]
fn the_readme_lists_every_attribute() {
    check("policy-definitions/modelFailover/README.md", |written| {
        let first = "| `failoverConfigs` |";
        let start = written.find(first).expect("the row of failoverConfigs");
        let start = start + written[start..].find('\n').expect("the end of its row") + 1;
        let end = start + written[start..].find("\n\n").expect("the end of the table") + 1;
        let rows = SETTINGS.iter().map(|setting| {
            format!(
                "| `{}` | {} | {} | `{}` |\n",
                lower_camel_case(setting.name),
                meaning(setting),
                default(setting),
                example(setting)
            )
        });
        format!(
            "{}{}{}",
            &written[..start],
            rows.collect::<String>(),
            &written[end..]
        )
    });
}
