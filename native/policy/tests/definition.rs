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

/// The property that carries every setting.
fn property() -> String {
    let pairs: Vec<String> = SETTINGS
        .iter()
        .map(|setting| lower_camel_case(setting.name))
        .map(|name| format!("{name}={{{{{name}|urlencode}}}}"))
        .collect();
    format!(
        "<property name=\"settings\" value=\"{}\"/>",
        pairs.join("&amp;")
    )
}

/// What a browser lets through; empty is not set. The gateway looks more closely.
fn regex(setting: &Setting) -> String {
    match setting.kind {
        Kind::Time => "^([0-9]+(\\.[0-9]+)? ?(ms|s|m|h)?)?$".to_owned(),
        Kind::Size => "^([0-9]+(\\.[0-9]+)? ?([KMG]i?B|B)?)?$".to_owned(),
        Kind::Number => "^([0-9]+(\\.[0-9]+)?)?$".to_owned(),
        Kind::Boolean | Kind::Choice => format!("^({})?$", setting.range.replace(", ", "|")),
        Kind::Budget => "^[0-9.%/s+ ]*$".to_owned(),
    }
}

#[test]
fn the_companions_template_carries_every_setting_too() {
    check(
        "policy-definitions/modelFailoverSettings/modelFailoverSettings_v1.j2",
        |_| {
            format!(
                "<class name=\"org.modelfailover.synapse.ModelFailoverSettingsMediator\">\n    {}\n</class>\n",
                property()
            )
        },
    );
}

#[test]
fn the_companions_specification_has_a_field_for_every_setting() {
    check(
        "policy-definitions/modelFailoverSettings/modelFailoverSettings_v1.json",
        |written| {
            let mut specification: Value = serde_json::from_str(written).expect("JSON");
            specification["policyAttributes"] = SETTINGS
                .iter()
                .map(|setting| {
                    let mut attribute = attribute(setting);
                    attribute["validationRegex"] = regex(setting).into();
                    attribute
                })
                .collect();
            serde_json::to_string_pretty(&specification).expect("JSON") + "\n"
        },
    );
}

#[test]
fn the_companions_readme_lists_every_field() {
    check(
        "policy-definitions/modelFailoverSettings/README.md",
        |written| table(written, "|---|---|---|---|"),
    );
}

#[test]
fn the_template_carries_every_setting_in_one_property() {
    check(
        "policy-definitions/modelFailover/modelFailover_v2.j2",
        |_| {
            format!(
                "<class name=\"org.modelfailover.synapse.ModelFailoverMediator\">\n    <property name=\"failoverConfigs\" value=\"{{{{failoverConfigs|urlencode}}}}\"/>\n    {}\n</class>\n",
                property()
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
        table(written, "| `failoverConfigs` |")
    });
}

/// A page with a row for every setting behind the line that begins like this.
fn table(written: &str, line: &str) -> String {
    let start = written.find(line).expect("the line before the rows");
    let start = start + written[start..].find('\n').expect("its end") + 1;
    let end = start + written[start - 1..].find("\n\n").expect("the table's end");
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
}
