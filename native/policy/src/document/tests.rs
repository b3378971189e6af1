use proptest::prelude::*;

use super::*;

fn as_the_portal_stores(json: &str) -> String {
    json.replace('"', "'")
}

#[test]
fn an_apostrophe_in_a_name_survives() {
    let node = Node::parse("{'endpointName':'O'Brien's endpoint','model':'m'}").unwrap();
    assert_eq!(
        node.get("endpointName"),
        Some(&Node::String("O'Brien's endpoint".into()))
    );
}

#[test]
fn a_quote_in_a_name_survives() {
    let stored = as_the_portal_stores(r#"{"endpointName":"the \"best\" one","model":"m"}"#);
    let node = Node::parse(&stored).unwrap();
    assert_eq!(
        node.get("endpointName"),
        Some(&Node::String("the \"best\" one".into()))
    );
}

#[test]
fn a_name_cannot_bring_a_second_key() {
    let error = Node::parse("{'model':'a','endpointName':'x','model':'evil'}").unwrap_err();
    assert!(error.to_string().contains("'model' is repeated"), "{error}");
}

#[test]
fn text_after_the_apostrophe_that_ends_a_name_is_refused_and_named() {
    let error = Node::parse("{'production':{'targetModel':{'endpointName':'rock 'n', roll'}}}")
        .unwrap_err();
    assert!(
        error.field.starts_with("production.targetModel"),
        "the error must name the place: {error:?}"
    );
}

#[test]
fn very_many_keys_are_read_in_time() {
    let json = |n: usize| {
        let keys: String = (0..n).map(|k| format!("'{k}':'',")).collect();
        format!("{{{keys}'end':''}}")
    };
    let begun = std::time::Instant::now();
    assert!(Node::parse(&json(100_000)).is_ok());
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
}

#[test]
fn quote_entities_are_quotes_only_where_they_delimit() {
    let node = Node::parse("{&quot;model&quot;:&quot;m&quot;}").unwrap();
    assert_eq!(node.get("model"), Some(&Node::String("m".into())));
    let node = Node::parse("{'model':'a&quot;b'}").unwrap();
    assert_eq!(node.get("model"), Some(&Node::String("a&quot;b".into())));
}

proptest! {
    #[test]
    fn what_the_portal_stores_without_apostrophes_is_read_back_equal(
        name in "[^'\\p{Cc}]{0,24}", model in "[^'\\p{Cc}]{1,24}"
    ) {
        let json = serde_json::json!({"model": model, "endpointName": name}).to_string();
        // An escaped quote directly before structure is the one thing the swap makes ambiguous.
        let node = Node::parse(&as_the_portal_stores(&json)).unwrap();
        prop_assert_eq!(node.get("model"), Some(&Node::String(model)));
        prop_assert_eq!(node.get("endpointName"), Some(&Node::String(name)));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,64}") {
        let _ = Node::parse(&text);
        let _ = Node::parse(&format!("{{'{text}"));
    }
}
