use proptest::prelude::*;

use super::*;

/// What the client has in the end, when `text` comes in pieces of so many characters.
fn join(
    continuation: Continuation,
    delivered: &str,
    text: &str,
    piece: usize,
) -> Result<String, Diverged> {
    let mut overlap = Overlap::new(continuation);
    let mut whole = delivered.to_owned();
    let chars: Vec<char> = text.chars().collect();
    for piece in chars.chunks(piece) {
        let shown = overlap.push(delivered, &piece.iter().collect::<String>())?;
        whole.push_str(&shown);
    }
    whole.push_str(&overlap.finish(delivered)?);
    Ok(whole)
}

const TEXT: &str = "The capital of France is Paris, and that of Italy is Rome.";

#[track_caller]
fn assert_joined(continuation: Continuation, delivered: &str, text: &str, expected: &str) {
    for piece in [1, 3, 7, 1000] {
        assert_eq!(
            join(continuation, delivered, text, piece),
            Ok(expected.to_owned()),
            "in pieces of {piece}"
        );
    }
}

#[test]
fn a_prefilled_answer_goes_on() {
    assert_joined(Continuation::Prefilled, &TEXT[..24], &TEXT[24..], TEXT);
    assert_joined(Continuation::Prefilled, "so ha", "ha!", "so haha!");
    assert_joined(Continuation::Prefilled, "100", "0", "1000");
    assert_joined(Continuation::Prefilled, "a", "", "a");
    assert_joined(
        Continuation::Prefilled,
        "I said: go",
        " good",
        "I said: go good",
    );
}

#[test]
fn a_text_that_repeats_itself_loses_nothing() {
    assert_joined(
        Continuation::Prefilled,
        "row row row row",
        " row row row row end",
        "row row row row row row row row end",
    );
    assert_joined(
        Continuation::Prefilled,
        "begin\n    }\n    }\n",
        "    }\n    }\nend",
        "begin\n    }\n    }\n    }\n    }\nend",
    );
}

#[test]
fn words_that_are_said_once_more_are_left_out() {
    assert_joined(
        Continuation::Prefilled,
        "The quick brown",
        " brown fox",
        "The quick brown fox",
    );
    assert_joined(
        Continuation::Prefilled,
        "The quick brown",
        "brown fox",
        "The quick brown fox",
    );
    assert_joined(
        Continuation::Prefilled,
        "The quick",
        "quickly",
        "The quickquickly",
    );
}

#[test]
fn what_repeats_itself_goes_on() {
    assert_joined(
        Continuation::Prefilled,
        "Title\n----------",
        "----------\nText",
        "Title\n--------------------\nText",
    );
    assert_joined(
        Continuation::Prefilled,
        "It was very, very, very, ",
        "very, very, very far.",
        "It was very, very, very, very, very, very far.",
    );
    assert_joined(
        Continuation::Prefilled,
        "if a:\n            ",
        "            return",
        "if a:\n            return",
    );
    assert_joined(Continuation::Prefilled, "a:\n  ", "  b", "a:\n  b");
}

#[test]
fn an_end_that_was_said_before_is_no_place_to_join() {
    let delivered = "The first verse.\nAnd all the people sang and danced.\nThe second verse.\nAnd all the people sang and danced.\n";
    let other = "1st verse.\nAnd all the people sang and danced.\n2nd verse.\nAnd all the people sang and danced.\n3rd verse.";
    for piece in [1, 1000] {
        assert_eq!(
            join(Continuation::Again, delivered, other, piece),
            Err(Diverged)
        );
    }
}

#[test]
fn a_long_text_is_joined_in_time() {
    let long: String = (0..40_000).map(|n| format!("{n} ")).collect();
    let begun = std::time::Instant::now();
    assert_eq!(
        join(Continuation::Again, &long, &format!("{long}!"), 4),
        Ok(format!("{long}!"))
    );
    let other = format!("Well: {long}!");
    assert_eq!(
        join(Continuation::Again, &long, &other, 64),
        Ok(format!("{long}!"))
    );
    let dull = "a".repeat(100_000) + "b";
    assert_eq!(
        join(Continuation::Prefilled, &dull, &dull[1..], 1000),
        Err(Diverged)
    );
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

#[test]
fn the_space_that_was_trimmed_off_a_prefill_comes_once() {
    assert_joined(
        Continuation::Prefilled,
        "The capital ",
        " of France",
        "The capital of France",
    );
    assert_joined(
        Continuation::Prefilled,
        "The capital ",
        "of France",
        "The capital of France",
    );
    assert_joined(Continuation::Prefilled, "1.\n\n", "\n\n2.", "1.\n\n2.");
}

#[test]
fn what_is_said_once_more_is_left_out() {
    for delivered in [&TEXT[..1], &TEXT[..24], TEXT] {
        assert_joined(Continuation::Prefilled, delivered, TEXT, TEXT);
        assert_joined(Continuation::Again, delivered, TEXT, TEXT);
    }
    assert_joined(Continuation::Prefilled, &TEXT[..24], &TEXT[11..], TEXT);
    assert_joined(
        Continuation::Again,
        &TEXT[..24],
        "Sure! The capital of France is Paris.",
        "The capital of France is Paris.",
    );
}

#[test]
fn another_answer_is_not_joined() {
    for piece in [1, 1000] {
        let other = "The capital of France has always been Paris.";
        assert_eq!(
            join(Continuation::Again, &TEXT[..24], other, piece),
            Err(Diverged)
        );
        assert_eq!(
            join(Continuation::Prefilled, &TEXT[..24], other, piece),
            Err(Diverged)
        );
        assert_eq!(join(Continuation::Again, TEXT, "No.", piece), Err(Diverged));
    }
}

#[test]
fn an_answer_that_says_less_than_the_caller_has_adds_nothing() {
    assert_joined(Continuation::Again, TEXT, &TEXT[..30], TEXT);
    assert_joined(Continuation::Prefilled, TEXT, &TEXT[..30], TEXT);
}

proptest! {
    #[test]
    fn a_repeat_is_joined_wherever_the_first_broke_off(text in "[a-c é\n]{1,60}", at in 0usize..60, piece in 1usize..9) {
        let at = text.char_indices().map(|(i, _)| i).nth(at).unwrap_or(text.len());
        prop_assert_eq!(join(Continuation::Again, &text[..at], &text, piece), Ok(text.clone()));
    }

    #[test]
    fn how_it_comes_in_pieces_makes_no_difference(delivered in "[ab ]{0,30}", text in "[ab ]{0,40}", piece in 1usize..9) {
        for continuation in [Continuation::Prefilled, Continuation::Again] {
            prop_assert_eq!(join(continuation, &delivered, &text, piece).is_ok(), join(continuation, &delivered, &text, 1000).is_ok());
            if let (Ok(a), Ok(b)) = (join(continuation, &delivered, &text, piece), join(continuation, &delivered, &text, 1000)) {
                prop_assert_eq!(a, b);
            }
        }
    }
}
