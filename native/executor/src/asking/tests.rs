use super::*;

fn said(body: &str) -> Evidence {
    Evidence::of_answer(400, None, body.as_bytes())
}

const USAGE: Asking = Asking {
    usage: true,
    mode: None,
};

#[test]
fn who_refuses_the_question_for_usage_is_asked_without_it() {
    for body in [
        r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#,
        r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#,
        r#"{"errors":[{"message":"AiError: Bad input: oneOf at '/' not met","code":5006}],"success":false}"#,
        "",
    ] {
        let next = USAGE.after(Outcome::ClientError, &said(body));
        assert_eq!(next.map(|asking| asking.usage), Some(false), "{body}");
    }
    let model = said(r#"{"error":{"message":"Model m: stream_options is unsupported"}}"#);
    assert!(USAGE.after(Outcome::ModelNotFound, &model).is_some());
}

#[test]
fn who_refuses_something_else_is_not_asked_again() {
    let other = said(r#"{"error":{"message":"wrong","param":"messages"}}"#);
    assert_eq!(USAGE.after(Outcome::ClientError, &other), None);
    assert_eq!(USAGE.after(Outcome::TimedOut, &said("")), None);
    let plain = Asking {
        usage: false,
        mode: None,
    };
    assert_eq!(plain.after(Outcome::ClientError, &said("")), None);
}

#[test]
fn a_refused_prefill_is_marked_where_that_is_asked_for_and_given_up_else() {
    let prefilled = Asking {
        usage: false,
        mode: Some(ContinuationMode::Prefilled),
    };
    let next = |asking: Asking, body: &str| {
        let next = asking.after(Outcome::ClientError, &said(body));
        next.and_then(|asking| asking.mode)
    };
    let mark = r#"{"message":"Expected last role User or Tool (or Assistant with prefix True)"}"#;
    assert_eq!(next(prefilled, mark), Some(ContinuationMode::Marked));
    assert_eq!(next(prefilled, "{}"), Some(ContinuationMode::Again));
    let again = Asking {
        usage: false,
        mode: Some(ContinuationMode::Again),
    };
    assert_eq!(next(again, "{}"), None);
}
