use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::room::allocated;

fn read(body: &str) -> JsonBody {
    JsonBody::read(body.as_bytes()).unwrap()
}

fn edited(request: &JsonBody, body: &str, model: Option<&str>, ask_usage: bool) -> String {
    let out = request.edited(body.as_bytes(), model, ask_usage, &mut allocated);
    String::from_utf8(out.unwrap().into_owned()).unwrap()
}

fn rewritten(body: &str, model: &str) -> String {
    edited(&read(body), body, Some(model), false)
}

fn read_at(path: &str, body: &str) -> JsonBody {
    JsonBody::read_at(body.as_bytes(), &Path::parse(path).unwrap()).unwrap()
}

#[test]
fn only_the_bytes_of_the_value_change() {
    let body = "{ \"n\" : 1.00e+2,\"model\" :\t\"gpt-4o\" , \"messages\":[{\"model\":\"inner\"}], \"x\":1, \"x\":2}\n";
    assert_eq!(read(body).model, Model::Named("gpt-4o".into()));
    assert_eq!(
        rewritten(body, "mini"),
        body.replacen("\"gpt-4o\"", "\"mini\"", 1)
    );
}

#[test]
fn an_escaped_spelling_of_the_key_is_the_key() {
    let body = r#"{"mod\u0065l":"a\u0062"}"#;
    assert_eq!(read(body).model, Model::Named("ab".into()));
    assert_eq!(rewritten(body, "c"), r#"{"mod\u0065l":"c"}"#);
}

#[test]
fn with_a_repeated_key_the_last_counts_and_all_are_replaced() {
    let body = r#"{"model":"a","model":"b"}"#;
    assert_eq!(read(body).model, Model::Named("b".into()));
    assert_eq!(rewritten(body, "c"), r#"{"model":"c","model":"c"}"#);
}

#[test]
fn a_missing_model_is_put_in() {
    assert_eq!(rewritten(" {} ", "m"), r#" {"model":"m"} "#);
    assert_eq!(rewritten(r#"{"a":1}"#, "m"), r#"{"model":"m","a":1}"#);
    assert_eq!(rewritten(r#"{"model":null}"#, "m"), r#"{"model":"m"}"#);
    for body in [
        "{}",
        r#"{"model":null}"#,
        r#"{"model":""}"#,
        r#"{"messages":[{"model":"x"}]}"#,
    ] {
        assert_eq!(read(body).model, Model::Absent, "{body}");
    }
}

#[test]
fn a_model_that_is_no_string_has_no_name() {
    let long = format!(r#"{{"model":"{}"}}"#, "a".repeat(1 << 20));
    for body in [
        r#"{"model":1}"#,
        r#"{"model":["a"]}"#,
        r#"{"model":{"a":1}}"#,
        &long,
    ] {
        assert_eq!(read(body).model, Model::NoName, "{body:.50}");
    }
}

#[test]
fn streaming_is_asked_for_by_true_alone() {
    assert!(read(r#"{"stream": true}"#).stream);
    assert!(!read(r#"{"stream":false}"#).stream);
    assert!(!read(r#"{"a":{"stream":true}}"#).stream);
}

#[test]
fn what_is_no_object_is_told_from_what_is_no_json() {
    assert_eq!(JsonBody::read(b"[1]"), Err(NoRequest::NotAnObject));
    assert_eq!(JsonBody::read(b"\"x\""), Err(NoRequest::NotAnObject));
    for body in ["", "{", "{\"a\":}", "[1", "nonsense", "{} {}", "{\"a\" 1}"] {
        match JsonBody::read(body.as_bytes()) {
            Err(NoRequest::Malformed(message)) => {
                assert!(message.contains("line 1 column"), "{body}: {message}");
            }
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn deep_nesting_does_not_exhaust_the_stack() {
    let deep = format!(
        "{{\"a\":{}{},\"model\":\"m\"}}",
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert_eq!(read(&deep).model, Model::Named("m".into()));
}

#[test]
fn a_model_at_another_place_is_found_and_replaced() {
    for (path, body, model, expected) in [
        (
            "$.engine.name",
            r#"{"model":"x", "engine" : {"name": "a", "n":1.0}}"#,
            "a",
            r#"{"model":"x", "engine" : {"name": "b", "n":1.0}}"#,
        ),
        (
            "$['x'][0].y",
            r#"{"x":[{"y":"a"},{"y":"c"}]}"#,
            "a",
            r#"{"x":[{"y":"b"},{"y":"c"}]}"#,
        ),
        (
            "$..deployment",
            r#"{"p":[{"deployment":null}],"q":{"deployment":"a"}}"#,
            "a",
            r#"{"p":[{"deployment":"b"}],"q":{"deployment":"b"}}"#,
        ),
        (
            "$.e.n",
            r#"{"e":{"n":"z"},"e":{"n":"y","n":"a"}}"#,
            "a",
            r#"{"e":{"n":"z"},"e":{"n":"b","n":"b"}}"#,
        ),
        (
            "$.a[?(@.t=='m')].v",
            r#"{"a":[{"t":"m","v":"a"},{"t":"n","v":"c"}]}"#,
            "a",
            r#"{"a":[{"t":"m","v":"b"},{"t":"n","v":"c"}]}"#,
        ),
    ] {
        let request = read_at(path, body);
        assert_eq!(
            request.model,
            Model::Named(model.into()),
            "{path} in {body}"
        );
        assert_eq!(edited(&request, body, Some("b"), false), expected, "{path}");
    }
}

#[test]
fn a_missing_model_is_put_in_where_the_object_around_it_is() {
    for (path, body, expected) in [
        (
            "$.engine.name",
            r#"{"engine":{"a":1}}"#,
            r#"{"engine":{"name":"m","a":1}}"#,
        ),
        (
            "$.engine.name",
            r#"{"engine": { } }"#,
            r#"{"engine": {"name":"m" } }"#,
        ),
        ("$['de\"p']", " {\"a\":1}", " {\"de\\\"p\":\"m\",\"a\":1}"),
        ("$.deployment", " {}", r#" {"deployment":"m"}"#),
        (
            "$.engine.name",
            r#"{"engine":{"name":""}}"#,
            r#"{"engine":{"name":"m"}}"#,
        ),
        ("$.engine.name", r#"{"model":"x"}"#, r#"{"model":"x"}"#),
        ("$.engine.name", r#"{"engine":"x"}"#, r#"{"engine":"x"}"#),
        ("$.engines[0]", r#"{"engines":[]}"#, r#"{"engines":[]}"#),
        ("$..name", r#"{"engine":{}}"#, r#"{"engine":{}}"#),
    ] {
        let request = read_at(path, body);
        assert_eq!(request.model, Model::Absent, "{path} in {body}");
        assert_eq!(edited(&request, body, Some("m"), false), expected, "{path}");
    }
}

#[test]
fn a_body_with_more_than_a_query_looks_through_is_refused_with_the_path_named() {
    let long = format!("[{}0]", "0,".repeat(1 << 17));
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let path = Path::parse("$..n").unwrap();
    for list in [long, deep] {
        let body = format!(r#"{{"n":"a","list":{list}}}"#);
        let refused = JsonBody::read_at(body.as_bytes(), &path).unwrap_err();
        assert_eq!(refused, NoRequest::TooMuchToSearch("$..n".to_owned()));
        assert_eq!(read_at("$.n", &body).model, Model::Named("a".into()));
    }
}

#[test]
fn a_place_that_holds_no_name_or_can_not_be_told_names_none() {
    let many = format!("[{}]", vec![r#"{"n":"a"}"#; MANY].join(","));
    for (path, body) in [
        ("$.engine", r#"{"engine":{"name":"a"}}"#.to_owned()),
        ("$..n", format!(r#"{{"a":{many}}}"#)),
    ] {
        let request = read_at(path, &body);
        assert_eq!(request.model, Model::NoName, "{path}");
        assert_eq!(edited(&request, &body, Some("m"), false), body);
    }
}

/// More places than a path may stand for.
const MANY: usize = 100;

#[test]
fn the_usage_of_a_stream_is_asked_for_in_place() {
    for (body, expected) in [
        (
            r#"{"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"stream":true,"stream_options": null}"#,
            r#"{"stream":true,"stream_options": {"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{ }}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true }}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"a":1}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage" :false, "a":1}}"#,
            r#"{"stream":true,"stream_options":{"include_usage" :true, "a":1}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"include_usage":null}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{"x":1},"stream_options":null}"#,
            r#"{"stream":true,"stream_options":{"x":1},"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        let request = read(body);
        assert!(request.can_ask_usage(), "{body}");
        assert_eq!(edited(&request, body, None, true), expected);
        assert_eq!(edited(&request, body, None, false), body);
        assert!(!read(expected).can_ask_usage(), "{expected}");
    }
}

#[test]
fn usage_is_not_asked_for_without_a_stream_twice_or_in_nonsense() {
    for body in [
        r#"{"stream":false}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        r#"{"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}"#,
        r#"{"stream":true,"stream_options":"x"}"#,
    ] {
        let request = read(body);
        assert!(!request.can_ask_usage(), "{body}");
        assert_eq!(edited(&request, body, None, true), body);
    }
}

#[test]
fn a_body_of_nothing_but_models_is_refused_because_each_would_be_replaced() {
    let flat = |times| format!("{{{}\"x\":1}}", "\"model\":\"\",".repeat(times));
    let deep = |times| format!("{{\"a\":{}}}", flat(times));
    let path = Path::parse("$.a.model").unwrap();
    for times in [1, 64] {
        assert!(JsonBody::read(flat(times).as_bytes()).is_ok());
        assert!(JsonBody::read_at(deep(times).as_bytes(), &path).is_ok());
    }
    for times in [65, 320] {
        let refused = Err(NoRequest::TooManyModels);
        assert_eq!(JsonBody::read(flat(times).as_bytes()), refused);
        assert_eq!(JsonBody::read_at(deep(times).as_bytes(), &path), refused);
    }
}

#[test]
fn model_and_usage_are_put_in_together() {
    let body = r#"{"stream":true}"#;
    assert_eq!(
        edited(&read(body), body, Some("m"), true),
        r#"{"model":"m","stream_options":{"include_usage":true},"stream":true}"#
    );
    let body = r#"{"stream_options":null,"stream":true,"model":"a"}"#;
    assert_eq!(
        edited(&read(body), body, Some("m"), true),
        r#"{"stream_options":{"include_usage":true},"stream":true,"model":"m"}"#
    );
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("model|stream|\\PC{0,6}", inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_rest_of_any_document_stays_byte_for_byte(
        before in prop::collection::vec(("[a-l]{1,6}", any_json()), 0..4),
        after in prop::collection::vec(("[n-z]{1,6}", any_json()), 0..4),
        old in "\\PC{1,12}", new in "\\PC{0,12}", pretty: bool,
    ) {
        let write = |v: &Value| if pretty { serde_json::to_string_pretty(v).unwrap() } else { v.to_string() };
        let members = |list: &[(String, Value)]| list.iter().map(|(k, v)| format!("{}: {}", json!(k), write(v))).collect::<Vec<_>>();
        let head = members(&before).iter().map(|m| format!("{m},")).collect::<String>();
        let tail = members(&after).iter().map(|m| format!(" ,{m}")).collect::<String>();
        let body = format!("{{{head}\n\"model\" : {}{tail}}}", json!(old));
        let expected = format!("{{{head}\n\"model\" : {}{tail}}}", json!(new));
        let request = JsonBody::read(body.as_bytes()).unwrap();
        prop_assert_eq!(&request.model, &Model::Named(old));
        prop_assert_eq!(edited(&request, &body, Some(&new), false), expected);
    }

    #[test]
    fn a_rewritten_document_names_the_new_model(value in any_json(), new in "\\PC{1,12}") {
        let body = value.to_string();
        if let Ok(request) = JsonBody::read(body.as_bytes()) {
            let out = edited(&request, &body, Some(&new), false);
            prop_assert_eq!(read(&out).model, Model::Named(new));
        }
    }

    #[test]
    fn with_usage_asked_for_every_other_member_keeps_its_value(
        members in prop::collection::vec(("model|stream_options|\\PC{0,6}", any_json()), 0..5),
        model in "\\PC{1,8}", inside in any_json(),
    ) {
        let mut value = Value::Object(members.into_iter().collect());
        value["stream"] = true.into();
        if inside.is_object() {
            value["stream_options"] = inside;
        }
        let body = value.to_string();
        let request = read(&body);
        let out: Value = serde_json::from_str(&edited(&request, &body, Some(&model), true)).unwrap();
        // Read back as well: floats do not survive that to the last digit.
        let mut value: Value = serde_json::from_str(&body).unwrap();
        value["model"] = model.into();
        if request.can_ask_usage() {
            value["stream_options"]["include_usage"] = true.into();
        }
        prop_assert_eq!(out, value);
    }

    #[test]
    fn wherever_the_model_stands_the_rest_keeps_its_bytes(
        before in any_json(), after in any_json(), old in "\\PC{1,12}", new in "\\PC{1,12}",
        path in prop::sample::select(vec!["$.e[1].name", "$['e'][1].name", "$.e[1]..name", "$.e[?(@.here==1)].name"]),
    ) {
        let document = |name: &str| format!(
            r#"{{"a" : {before}, "e":[{{"name":1}}, {{"here":1.0, "name" : {} }}], "z":{after} }}"#, json!(name)
        );
        let body = document(&old);
        let request = read_at(path, &body);
        prop_assert_eq!(&request.model, &Model::Named(old));
        prop_assert_eq!(edited(&request, &body, Some(&new), false), document(&new));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(body: Vec<u8>, text in r#"[{}\[\]":,a n]{0,24}"#) {
        let paths = ["$.a.a", "$..a", "$.a[0]", "$['a'].stream_options"].map(|p| Path::parse(p).unwrap());
        for body in [
            body.clone(),
            [b"{\"model\":".as_slice(), &body, b"}"].concat(),
            text.clone().into_bytes(),
            format!(r#"{{"stream":true,"stream_options":{text},"a":{text}}}"#).into_bytes(),
        ] {
            let _ = JsonBody::read(&body);
            for path in &paths {
                if let Ok(request) = JsonBody::read_at(&body, path) {
                    let _ = request.edited(&body, Some("m"), true, &mut allocated);
                }
            }
        }
    }
}
