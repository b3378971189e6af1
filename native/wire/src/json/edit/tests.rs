use proptest::prelude::*;

use super::*;
use crate::json::path::Path;

/// What the places alone become, and what is between them.
fn edited(document: &str, edits: &[(Range<usize>, String)]) -> String {
    let mut all = Edits::default();
    for (place, text) in edits {
        all.replace(place.clone(), text.as_str());
    }
    let out = all.apply(document.as_bytes(), &mut allocated).unwrap();
    String::from_utf8(out.into_owned()).unwrap()
}

#[test]
fn without_an_edit_no_room_is_needed() {
    let same = Edits::default().apply(b"{}", &mut |_| None);
    assert!(matches!(same, Some(Cow::Borrowed(b"{}"))));
    let mut one = Edits::default();
    one.insert(1, "x");
    assert_eq!(one.apply(b"{}", &mut |_| None), None);
}

#[test]
fn what_lies_within_a_place_goes_with_it() {
    let edits = [(4..6, "inner".to_owned()), (1..8, "outer".to_owned())];
    assert_eq!(edited("0123456789", &edits), "0outer89");
}

#[test]
fn a_member_is_put_where_the_object_is_that_a_path_leads_to() {
    for (path, document, expected) in [
        ("$.a.b", r#"{"a":{}}"#, Some(r#"{"a":{"b":1}}"#)),
        ("$.a.b", r#"{"a":{"c":2}}"#, Some(r#"{"a":{"b":1,"c":2}}"#)),
        ("$.b", " {} ", Some(r#" {"b":1} "#)),
        ("$.a.b", r#"{"a":[]}"#, None),
        ("$.a.b", "{}", None),
        ("$.a[0]", r#"{"a":[]}"#, None),
    ] {
        let path = Path::parse(path).unwrap();
        let gap = Gap::for_last_step(document, path.steps().unwrap()).unwrap();
        let out = gap.map(|gap| {
            let at = gap.at();
            edited(document, &[(at..at, gap.filled_with("1"))])
        });
        assert_eq!(out.as_deref(), expected, "{path:?} in {document}");
    }
}

proptest! {
    #[test]
    fn only_the_places_change_in_whatever_order_they_are_named(
        pieces in prop::collection::vec(("[a-z]{0,4}", "[a-z]{0,4}", "[A-Z]{0,6}"), 0..6),
        reversed: bool,
    ) {
        let (mut document, mut expected, mut edits) = (String::new(), String::new(), Vec::new());
        for (kept, old, new) in pieces {
            document += &kept;
            expected += &kept;
            edits.push((document.len()..document.len() + old.len(), new.clone()));
            document += &old;
            // Without a byte between them, two places could not be told apart.
            document += "|";
            expected += &new;
            expected += "|";
        }
        if reversed {
            edits.reverse();
        }
        prop_assert_eq!(edited(&document, &edits), expected);
    }

    #[test]
    fn the_last_value_of_a_key_is_replaced_and_no_other_byte(
        before in "[ ]{0,2}", first in 0u32..100, last in 0u32..100, new in 0u32..1000,
    ) {
        let document = |value| format!("{before}{{ \"k\" : {first},\"o\":{{\"k\":0}}, \"k\":{value} }}");
        let out = replaced(document(last).as_bytes(), "k", |old| {
            (old == last.to_string()).then(|| new.to_string())
        });
        prop_assert_eq!(out, Some(document(new).into_bytes()));
    }
}
