use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::provider::{ModelPlace, Names, Observed};
use crate::stream::Observer;

const NAMES: Names = Names {
    model: "m",
    prompt: "p",
    completion: "c",
    total: "t",
};

const LARGEST: u64 = 1_000_000;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn provider(in_body: Vec<(Fact, Path)>) -> Provider {
    Provider {
        model: ModelPlace::Usual,
        usage_on_request: true,
        account: Account {
            always: vec![(Fact::Text("who".into()), "us".into())],
            in_path: Vec::new(),
            in_body,
            names: NAMES,
            largest_count: LARGEST,
        },
    }
}

/// One whose counts are at places of its own, of which one is a query.
fn own() -> Provider {
    provider(vec![
        (Fact::Model, path("$.engine")),
        (Fact::PromptTokens, path("$.used.in")),
        (Fact::CompletionTokens, path("$..out")),
        (Fact::Count("left".into()), path("$.left")),
        (Fact::Text("engine".into()), path("$.engine")),
    ])
}

fn entry(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

fn sorted(mut told: Vec<(String, String)>) -> Vec<(String, String)> {
    told.sort();
    told
}

#[test]
fn a_body_that_is_no_json_says_nothing() {
    for body in [&b""[..], b"{", b"[1", b"\xff"] {
        assert_eq!(own().metadata("/", body), [entry("who", "us")]);
    }
}

#[test]
fn a_count_that_is_none_is_left_out() {
    for value in ["-1", "1.5", "null", "true", "\"x\"", "{}", "1000001"] {
        let body = format!(r#"{{"left":{value}}}"#);
        let told = own().metadata("/", body.as_bytes());
        assert_eq!(told, [entry("who", "us")], "{value}");
    }
    let told = own().metadata("/", br#"{"left":"7"}"#);
    assert!(told.contains(&entry("left", 7)), "{told:?}");
}

#[test]
fn two_facts_at_one_place_are_both_told_of_a_stream() {
    let told = own().stream_metadata("/", Some("e"), None);
    assert_eq!(
        sorted(told),
        [entry("engine", "e"), entry("m", "e"), entry("who", "us")]
    );
}

proptest! {
    #[test]
    fn what_an_answer_counts_is_told_with_its_sum(prompt in 0..=LARGEST, completion in 0..=LARGEST) {
        let body = json!({"used": {"in": prompt}, "a": [{"out": completion}]}).to_string();
        let told = own().metadata("/", body.as_bytes());
        prop_assert_eq!(sorted(told), [
            entry("c", completion),
            entry("p", prompt),
            entry("t", (prompt + completion).min(LARGEST)),
            entry("who", "us"),
        ]);
    }

    #[test]
    fn the_usual_places_count_only_where_a_providers_own_say_nothing(
        usual in 0u32..1000,
        mine in prop::option::of(1000u32..2000),
        which in 0usize..3,
    ) {
        let members = [("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens"), ("inputTokens", "outputTokens")];
        let (p, c) = members[which];
        let mut body = json!({"usage": {p: usual, c: usual, "total_tokens": 2 * usual}});
        if let Some(mine) = mine {
            body["used"] = json!({"in": mine});
        }
        let told = own().metadata("/", body.to_string().as_bytes());
        let expected = match mine {
            Some(mine) => vec![entry("p", mine), entry("who", "us")],
            None => vec![entry("c", usual), entry("p", usual), entry("t", 2 * usual), entry("who", "us")],
        };
        prop_assert_eq!(sorted(told), expected);
    }

    #[test]
    fn a_stream_is_told_like_a_whole_answer_that_says_the_same(
        prompt in 0..=LARGEST, completion in 0..=LARGEST, model in "[a-z\"\\\\é]{1,20}",
    ) {
        let own = own();
        let body = json!({"engine": model, "used": {"in": prompt}, "out": completion}).to_string();
        let tokens = Tokens { prompt, completion, total: prompt + completion };
        prop_assert_eq!(
            sorted(own.stream_metadata("/", Some(&model), Some(tokens))),
            sorted(own.metadata("/", body.as_bytes()))
        );
    }

    #[test]
    fn of_a_streams_events_the_last_count_stays(counts in prop::collection::vec(prop::option::of(0..=LARGEST), 1..8)) {
        let mut observed = Observed::for_provider(Arc::new(own()));
        for count in &counts {
            observed.observe(&json!({"used": {"in": count}, "engine": count.map(|c| format!("e{c}"))}));
        }
        let last = counts.iter().rev().find_map(|count| *count);
        prop_assert_eq!(observed.tokens(), last.map(|prompt| Tokens { prompt, completion: 0, total: prompt }));
        prop_assert_eq!(observed.model().map(str::to_owned), last.map(|c| format!("e{c}")));
    }

    #[test]
    fn no_fact_is_told_twice(body in r#"[{}\[\]":,0-9aeginoudftsplm_ ]{0,60}"#, path in "\\PC{0,20}") {
        for body in [body.clone(), format!(r#"{{"engine":"x","left":1,"usage":{{"prompt_tokens":1}},"used":{body}}}"#)] {
            let told = sorted(own().metadata(&path, body.as_bytes()));
            prop_assert!(told.windows(2).all(|two| two[0].0 != two[1].0), "{:?}", told);
        }
    }
}
