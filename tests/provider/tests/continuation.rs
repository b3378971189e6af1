//! A provider goes on with an answer that the request has the beginning of, or says that it can't.

mod common;

use common::{
    provider,
    wire::{
        ALL,
        Wire::{
            Anthropic, Chat, Completions, Converse, Custom, GeminiArray, GeminiSse, Invoke,
            Responses,
        },
    },
};

const MODEL: &str = "m~text=one+two+three+four";

#[tokio::test]
async fn an_answer_that_was_begun_is_continued() {
    let provider = provider().await;
    for wire in ALL {
        let whole = wire.go_on(&provider, MODEL, "one two", false).await;
        assert_eq!(wire.said(&whole.json()), " three four", "{wire:?}");
        let stream = wire.go_on(&provider, MODEL, "one two", true).await;
        assert_eq!(wire.contents(&stream), [" three", " four"], "{wire:?}");
    }
}

#[tokio::test]
async fn another_beginning_is_not_continued() {
    let provider = provider().await;
    for wire in ALL {
        let stream = wire.go_on(&provider, MODEL, "uno dos", true).await;
        assert_eq!(
            wire.contents(&stream).concat(),
            "one two three four",
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn overlap_says_the_last_chunks_again_and_faults_count_what_is_said_now() {
    let provider = provider().await;
    for wire in ALL {
        let model = format!("{MODEL}~overlap=1~error-after=2");
        let stream = wire.go_on(&provider, &model, "one two", true).await;
        assert_eq!(wire.contents(&stream), [" two", " three"], "{wire:?}");
    }
}

#[tokio::test]
async fn an_ignored_beginning_is_said_again() {
    let provider = provider().await;
    for wire in ALL {
        let model = format!("{MODEL}~prefill=ignore");
        let stream = wire.go_on(&provider, &model, "one two", true).await;
        assert_eq!(
            wire.contents(&stream).concat(),
            "one two three four",
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn a_beginning_can_be_refused_in_the_formats_shape() {
    let provider = provider().await;
    let model = format!("{MODEL}~prefill=refuse");
    for wire in ALL.into_iter().filter(|wire| !wire.is_text_only()) {
        for stream in [false, true] {
            let refused = wire.go_on(&provider, &model, "one two", stream).await;
            assert_eq!(refused.status(), 400, "{wire:?}");
            let json = refused.json();
            let (pointer, says) = match wire {
                Converse | Invoke => ("/message", "must end with a user message"),
                GeminiArray if stream => ("/0/error/message", "end with a user role"),
                GeminiSse | GeminiArray => ("/error/message", "end with a user role"),
                Chat | Responses | Anthropic | Completions | Custom => {
                    ("/error/message", "must end with a user message")
                }
            };
            let message = json.pointer(pointer).and_then(|message| message.as_str());
            assert!(
                message.is_some_and(|message| message.contains(says)),
                "{wire:?}: {json}"
            );
        }
        assert_eq!(
            wire.stream(&provider, &model).await.status(),
            200,
            "{wire:?}"
        );
    }
}

#[tokio::test]
async fn mistral_continues_only_what_is_marked_as_a_prefix() {
    let provider = provider().await;
    let model = format!("{MODEL}~prefill=prefix");
    let mut body = Chat.body(&model, true, Some("one two"));
    let refused = Chat.send(&provider, &model, true, &body).await;
    assert_eq!(refused.status(), 400);
    let message = "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant";
    assert_eq!(refused.json()["message"], message);
    assert_eq!(refused.json()["code"], "3230");
    body["messages"][1]["prefix"] = true.into();
    let stream = Chat.send(&provider, &model, true, &body).await;
    assert_eq!(Chat.contents(&stream).concat(), " three four");
}

#[tokio::test]
async fn anthropic_takes_no_beginning_that_ends_in_whitespace() {
    let provider = provider().await;
    for wire in [Anthropic, Invoke] {
        let refused = wire.go_on(&provider, MODEL, "one two ", true).await;
        assert_eq!(refused.status(), 400, "{wire:?}");
        assert!(
            refused.text().contains("trailing whitespace"),
            "{wire:?}: {}",
            refused.text()
        );
    }
    let stream = Chat.go_on(&provider, MODEL, "one two\n", true).await;
    assert_eq!(Chat.contents(&stream).concat(), " three four");
}
