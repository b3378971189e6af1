use serde_json::json;

use super::*;

#[test]
fn jayways_spellings_of_one_place_need_no_tree() {
    let key = |name: &str| Step::Key(name.into());
    for (text, expected) in [
        ("$.model", vec![key("model")]),
        ("model", vec![key("model")]),
        ("$['model']", vec![key("model")]),
        ("$[\"a b\"].c", vec![key("a b"), key("c")]),
        (
            "$.a[0]['x'].b-c",
            vec![key("a"), Step::Index(0), key("x"), key("b-c")],
        ),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.steps(), Some(expected.as_slice()), "{text}");
    }
}

#[test]
fn other_paths_are_queries() {
    let value = json!({"a": [{"t": "x", "n": 1}, {"t": "y", "n": 2}], "b": {"n": 3}, "c": [1, 4]});
    for (text, expected) in [
        ("$..n", Some(1)),
        ("$.a[*].n", Some(1)),
        ("$.a[?(@.t=='y')].n", Some(2)),
        ("$.c[-1]", Some(4)),
        ("$['a','b'].n", Some(3)),
        ("$..nothing", None),
    ] {
        let path = Path::parse(text).unwrap();
        assert_eq!(path.steps(), None, "{text}");
        assert_eq!(
            path.scalar_in(&value).and_then(Value::as_i64),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_is_no_path_is_told() {
    for text in ["", "$", "$.", "$.a b", "$[", "$.a[?", "$.a..", "$[0]"] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_query_that_takes_more_time_than_the_document_is_long_is_refused_and_told_why() {
    let long = format!("${}", ".a".repeat(MOST_STEPS + 1));
    for (text, why) in [
        ("$..a..b", "`..`"),
        ("$.a[?@..b]..c", "`..`"),
        ("$..[?$.a]", "`$`"),
        ("$[*,*][*,*][*,*][*,*][*,*].a", "`,`"),
        (&long, "steps"),
    ] {
        let refused = Path::parse(text).unwrap_err();
        assert!(refused.contains(why), "{text}: {refused}");
    }
    for text in [
        "$..a",
        "$['a..b','$,,,,,',\"..\"].c",
        r#"$.a[?@.b=='\'..\'']..c"#,
    ] {
        assert!(Path::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn the_last_name_is_known() {
    for (text, name) in [
        ("$.a.model", "model"),
        ("$['engine']['name'][0]", "name"),
        ("$..deployment", "deployment"),
        ("$.a[?(@.t=='y')].m", "m"),
    ] {
        assert_eq!(Path::parse(text).unwrap().name(), name, "{text}");
    }
}
