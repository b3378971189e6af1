use super::super::finish::FAILED;
use super::*;

const JSON: Option<&str> = Some("application/json; charset=utf-8");

#[test]
fn a_completion_is_an_answer() {
    for body in [
        r#"{"id":"x","error":null,"choices":[{"message":{"content":""},"finish_reason":"stop"}]}"#,
        r#"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}]}"#,
        r#"{"type":"message","content":[],"stop_reason":"end_turn"}"#,
        r#"{"object":"response","status":"completed","error":null,"output":[]}"#,
        r#"{"object":"list","data":[],"errors":[]}"#,
        r#"{"output":{"message":{"content":[{"text":"a"}]}},"stopReason":"end_turn"}"#,
        r#"{"model":"m","message":{"role":"assistant","content":"a"},"done":true}"#,
        r#"{"detail":"high","data":[]}"#,
        r#"{"base_resp":{"status_code":0,"status_msg":""},"choices":[{}]}"#,
        "[1,2]",
        "7",
        "\u{feff}{\"choices\":[{}]}",
    ] {
        assert_eq!(check(JSON, body.as_bytes()), Ok(Answer::Useful), "{body}");
    }
    assert_eq!(check(Some("audio/mpeg"), b"\xff\xfb"), Ok(Answer::Useful));
    assert_eq!(check(Some("audio/mpeg"), b"{"), Ok(Answer::Useful));
    assert_eq!(check(None, b"ok"), Ok(Answer::Useful));
}

#[test]
fn a_body_that_says_nothing_is_none() {
    for body in ["{}", "[]", "null", "\"\"", r#"{"choices":[]}"#] {
        assert_eq!(
            check(JSON, body.as_bytes()),
            Err(NoAnswer::Nothing),
            "{body}"
        );
    }
    for body in [
        r#"{"id":"","object":"","choices":[],"usage":{"completion_tokens":0}}"#,
        r#"{"object":"chat.completion","choices":null}"#,
        r#"{"object":"chat.completion","usage":{}}"#,
        r#"{"candidates":[],"usageMetadata":{"promptTokenCount":5}}"#,
        r#"{"type":"message","role":"assistant"}"#,
    ] {
        assert_eq!(
            check(None, body.as_bytes()),
            Err(NoAnswer::Nothing),
            "{body}"
        );
    }
    assert_eq!(check(JSON, b" \n"), Err(NoAnswer::Empty));
    assert_eq!(check(None, b""), Err(NoAnswer::Empty));
}

#[test]
fn an_error_is_known_in_every_shape() {
    for body in [
        r#"{"error":{"message":"overloaded"}}"#,
        r#"[{"error":{"message":"x"}}]"#,
        r#"{"error":"model runner has unexpectedly stopped"}"#,
        r#"{"errors":[{"message":"x"}],"success":false,"result":{}}"#,
        r#"{"object":"error","message":"x"}"#,
        r#"{"type":"error","message":"x"}"#,
        r#"{"detail":"Not Found"}"#,
        r#"{"message":"Too many requests"}"#,
        r#"{"choices":null,"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}"#,
        r#"{"choices":[{"error":{"message":"x"}}]}"#,
        r#"{"success":false}"#,
    ] {
        for content_type in [
            JSON,
            None,
            Some("text/plain"),
            Some("application/octet-stream"),
        ] {
            assert_eq!(
                check(content_type, body.as_bytes()),
                Err(NoAnswer::Error),
                "{content_type:?} {body}"
            );
        }
    }
    let lines = b"{\"error\":\"stopped\"}\n{\"done\":true}\n";
    assert_eq!(
        check(Some("application/x-ndjson"), lines),
        Err(NoAnswer::Error)
    );
}

#[test]
fn a_finish_reason_that_is_a_failure_is_no_answer_and_a_filters_is_one() {
    let body = |reason: &str| {
        format!(r#"{{"choices":[{{"message":{{"content":"part"}},"finish_reason":"{reason}"}}]}}"#)
    };
    for reason in FAILED {
        assert_eq!(
            check(JSON, body(reason).as_bytes()),
            Err(NoAnswer::Failed),
            "{reason}"
        );
    }
    assert_eq!(
        check(JSON, body("content_filter").as_bytes()),
        Ok(Answer::Filtered)
    );
    let blocked = br#"{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{}}"#;
    assert_eq!(check(JSON, blocked), Ok(Answer::Filtered));
}

#[test]
fn a_page_is_none_whatever_it_is_declared_as() {
    for content_type in [JSON, None, Some("text/html")] {
        assert_eq!(
            check(content_type, b"\n<!DOCTYPE html><html></html>"),
            Err(NoAnswer::Page)
        );
    }
}

#[test]
fn what_only_a_strict_parser_refuses_is_an_answer() {
    for body in [
        r#"{"choices":[{"logprobs":[NaN,-Infinity,Infinity,"NaN\\"]}]}"#,
        r#"{"choices":[{"message":{"content":"\ud83d"}}]}"#,
        &format!(
            r#"{{"choices":[{}1{}]}}"#,
            "[".repeat(2_000),
            "]".repeat(2_000)
        ),
    ] {
        assert_eq!(
            check(JSON, body.as_bytes()),
            Ok(Answer::Useful),
            "{:.60}",
            body
        );
    }
    assert_eq!(check(JSON, br#"{"choices":[{"#), Err(NoAnswer::NotJson));
    assert_eq!(check(JSON, b"[1,"), Err(NoAnswer::NotJson));
    assert_eq!(
        check(Some("application/problem+json"), b"oops"),
        Err(NoAnswer::NotJson)
    );
}

#[test]
fn an_error_deeper_down_is_part_of_an_answer() {
    let body = br#"{"choices":[{"message":{"error":{"message":"x"}}}]}"#;
    assert_eq!(check(JSON, body), Ok(Answer::Useful));
}
