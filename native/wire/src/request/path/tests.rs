use proptest::prelude::*;

use super::*;

fn found(path: &str) -> (String, bool) {
    let found = PathModel::find(path).unwrap_or_else(|| panic!("no model in {path}"));
    (name(found.model), found.stream)
}

fn name(model: Model) -> String {
    match model {
        Model::Named(name) => name,
        other => panic!("a path names its model: {other:?}"),
    }
}

#[test]
fn the_three_shapes_are_found() {
    assert_eq!(
        found("/v1beta/models/gemini-2.0-flash:generateContent"),
        ("gemini-2.0-flash".into(), false)
    );
    assert_eq!(
        found("/v1beta/models/gemini-2.0-flash:streamGenerateContent?alt=sse"),
        ("gemini-2.0-flash".into(), true)
    );
    assert_eq!(
        found("/model/anthropic.claude-3-haiku-20240307-v1:0/converse"),
        ("anthropic.claude-3-haiku-20240307-v1:0".into(), false)
    );
    assert_eq!(
        found("/model/anthropic.claude-v2%3A1/converse-stream"),
        ("anthropic.claude-v2:1".into(), true)
    );
    assert_eq!(
        found("/openai/deployments/my%20gpt/chat/completions?api-version=2024-06-01"),
        ("my gpt".into(), false)
    );
}

#[test]
fn a_name_with_slashes_is_one_model() {
    let arn = "/model/arn:aws:bedrock:eu-west-1:1:inference-profile%2Feu.claude/invoke";
    assert_eq!(
        found(arn).0,
        "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.claude"
    );
    assert_eq!(found("/model/a/b/invoke").0, "a/b");
}

#[test]
fn an_encoded_colon_before_the_verb_is_one() {
    let path = "/v1beta/models/claude%2Dx@2024%3Av1%3AstreamGenerateContent?a=%3A";
    assert_eq!(found(path), ("claude-x@2024:v1".into(), true));
    let model = PathModel::find(path).unwrap();
    assert!(model.in_array);
    assert_eq!(
        model.with_model(path, "n@1"),
        "/v1beta/models/n@1%3AstreamGenerateContent?a=%3A"
    );
    assert_eq!(found("/models/m%3apredict"), ("m".into(), false));
}

#[test]
fn a_path_longer_than_any_models_is_not_searched_for_a_pattern() {
    // What can be slow: a pattern that tries every place, each up to the end.
    let pattern = Regex::new("[a-z]++(?=!)").unwrap();
    let path = format!("/{}", "a".repeat(1 << 18));
    let begun = std::time::Instant::now();
    assert_eq!(PathModel::matched(&path, &pattern), None);
    assert!(
        begun.elapsed().as_secs() < 5,
        "a client's path kept the gateway busy for {:?}",
        begun.elapsed()
    );
}

#[test]
fn other_paths_have_no_model() {
    for path in [
        "/chat/completions",
        "/v1/models",
        "/models/x",
        "/models/x:unheard",
        "/model/x",
        "/deployments/x",
        "/model//converse",
        "/models/%ff:predict",
    ] {
        assert_eq!(PathModel::find(path), None, "{path}");
    }
}

#[test]
fn only_the_segment_changes_and_it_is_encoded() {
    let path = "/model/a%3Ab/converse?x=%2F";
    let found = PathModel::find(path).unwrap();
    assert_eq!(
        found.with_model(path, "us.m:0"),
        "/model/us.m:0/converse?x=%2F"
    );
    assert_eq!(
        found.with_model(path, "a/b c?d#é%"),
        "/model/a%2Fb%20c%3Fd%23%C3%A9%25/converse?x=%2F"
    );
}

#[test]
fn a_pattern_matches_the_decoded_path_and_only_its_match_changes() {
    let pattern = Regex::new("(?<=/engines/)[^/]+(?=/)").unwrap();
    let path = "/%C3%A9/engines/old%3Aone/generate%2Fx?q=/engines/y/";
    let found = PathModel::matched(path, &pattern).unwrap();
    assert_eq!(found.model, Model::Named("old:one".into()));
    assert_eq!(
        found.with_model(path, "a/b"),
        "/%C3%A9/engines/a%2Fb/generate%2Fx?q=/engines/y/"
    );
    assert_eq!(PathModel::matched("/chat?a=/engines/y/", &pattern), None);
    assert_eq!(PathModel::matched("/%ff/engines/y/x", &pattern), None);
    let empty = Regex::new("z*").unwrap();
    assert_eq!(PathModel::matched("/engines/y/x", &empty), None);
}

proptest! {
    #[test]
    fn any_name_that_is_put_in_is_found_again(name in "\\PC{1,24}") {
        for path in ["/v1/models/x:generateContent", "/model/x/invoke", "/deployments/x/chat/completions?a=b"] {
            let out = PathModel::find(path).unwrap().with_model(path, &name);
            prop_assert_eq!(PathModel::find(&out).unwrap().model, Model::Named(name.clone()));
        }
    }

    #[test]
    fn no_path_makes_the_reader_panic(path in "\\PC{0,40}") {
        let _ = PathModel::find(&path);
        let _ = PathModel::find(&format!("/model/{path}/invoke"));
        for pattern in [r"(?<=m/)[a-zA-Z0-9.\-]+", ".", "$", "(?<=%)."] {
            let pattern = Regex::new(pattern).unwrap();
            if let Some(found) = PathModel::matched(&path, &pattern) {
                prop_assert!(found.with_model(&path, "x").contains('x'));
            }
        }
    }

    #[test]
    fn what_a_pattern_does_not_match_stays_byte_for_byte(
        before in "(/[a-z%~+]{0,4}|%2F|%C3%A9){0,4}",
        old in "([a-z]|%2F|%20|%C3%A9){1,6}",
        after in "(/[a-z%~+]{0,4}|%2f|\\?[a-z/]{0,3}){0,3}",
        new in "\\PC{1,8}",
    ) {
        let pattern = Regex::new("(?<=<)[^>]+(?=>)").unwrap();
        let path = format!("{before}<{old}%3E{after}");
        if let Some(found) = PathModel::matched(&path, &pattern) {
            let expected = format!("{before}<{}%3E{after}", utf8_percent_encode(&new, SEGMENT));
            prop_assert_eq!(found.with_model(&path, &new), expected);
        }
    }
}
