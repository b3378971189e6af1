//! Each directive does on the wire what its name says.

mod common;

use std::time::{Duration, Instant};

use common::{
    Ended, SILENCE, ask, ask_stream, ended, open, post, provider, question, read, streamed,
    wire::{ALL, Wire},
};
use serde_json::json;
use simulated_provider::End;

#[tokio::test]
async fn delay_comes_before_the_head() {
    let provider = provider().await;
    let started = Instant::now();
    assert_eq!(
        ask(&provider, "m~delay=80ms~status=503").await.status(),
        503
    );
    assert!(started.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn silent_never_answers() {
    let provider = provider().await;
    let mut stream = open(&provider, &question("m~silent")).await;
    let answer = read(&mut stream, SILENCE, SILENCE).await;
    assert_eq!((answer.raw.len(), answer.ended), (0, Ended::Open));
    assert_eq!(provider.calls()[0].outcome, "silent");
    assert_eq!(provider.calls()[0].end, None);
}

#[tokio::test]
async fn reset_is_an_rst_without_an_answer() {
    let provider = provider().await;
    let answer = ask(&provider, "m~reset").await;
    assert_eq!((answer.raw.len(), answer.ended), (0, Ended::Rst));
    assert_eq!(ended(&provider).await.end, Some(End::Reset));
}

#[tokio::test]
async fn close_is_a_fin_without_an_answer() {
    let provider = provider().await;
    let answer = ask(&provider, "m~close").await;
    assert_eq!((answer.raw.len(), answer.ended), (0, Ended::Fin));
    assert_eq!(ended(&provider).await.end, Some(End::Close));
}

#[tokio::test]
async fn status_has_an_openai_error_body_streamed_or_not() {
    let provider = provider().await;
    for body in [question("m~status=503"), streamed("m~status=503")] {
        let answer = post(&provider, &body).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
        let error = &answer.json()["error"];
        assert_eq!(error["type"], "server_error");
        assert!(
            error["message"].is_string() && error["param"].is_null() && error["code"].is_null()
        );
    }
    assert_eq!(ask(&provider, "m~status=529").await.status(), 529);
    assert_eq!(
        ask(&provider, "m~status=201").await.json()["object"],
        "chat.completion"
    );
    let none = ask(&provider, "m~status=204").await;
    assert_eq!((none.status(), none.text()), (204, String::new()));
    assert_eq!(ended(&provider).await.end, Some(End::Complete));
}

#[tokio::test]
async fn hints_and_headers_are_sent_as_given() {
    let provider = provider().await;
    let model = "m~status=429~retry-after=Wed,+21+Oct+2026+07:28:00+GMT\
                 ~header=retry-after-ms:250~header=x-ratelimit-remaining-tokens:0~header=x-a:1~header=x-a:2%7E";
    let answer = ask(&provider, model).await;
    assert_eq!(
        answer.header("retry-after").unwrap(),
        "Wed, 21 Oct 2026 07:28:00 GMT"
    );
    assert_eq!(answer.header("retry-after-ms").unwrap(), "250");
    assert_eq!(
        answer.headers("x-ratelimit-remaining-tokens"),
        ["0"],
        "replaces the default"
    );
    assert_eq!(answer.headers("x-a"), ["1", "2~"]);
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn error_is_the_codes_name_with_any_status() {
    let provider = provider().await;
    let answer = ask(&provider, "m~error=context_length_exceeded").await;
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json()["error"]["code"], "context_length_exceeded");
    let answer = ask(&provider, "m~status=404~error=model_not_found").await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.json()["error"]["code"], "model_not_found");
}

#[tokio::test]
async fn body_and_type_are_raw() {
    let provider = provider().await;
    let answer = ask(
        &provider,
        "m~status=502~type=text/html~body=%3Ch1%3EBad+Gateway%3C/h1%3E",
    )
    .await;
    assert_eq!(answer.status(), 502);
    assert_eq!(answer.header("content-type").unwrap(), "text/html");
    assert_eq!(answer.text(), "<h1>Bad+Gateway</h1>");
    let answer = ask_stream(&provider, "m~body=data:%20%5BDONE%5D%0A%0A").await;
    assert_eq!(answer.header("content-type").unwrap(), "text/event-stream");
    assert_eq!(answer.data(), ["[DONE]"]);
}

#[tokio::test]
async fn empty_is_a_200_without_a_byte() {
    let provider = provider().await;
    for body in [question("m~empty"), streamed("m~empty")] {
        let answer = post(&provider, &body).await;
        assert_eq!((answer.status(), answer.text()), (200, String::new()));
        assert_eq!(ended(&provider).await.end, Some(End::Complete));
    }
}

#[tokio::test]
async fn error_200_hides_an_error_in_success() {
    let provider = provider().await;
    for body in [
        question("m~error-200~error=overloaded"),
        streamed("m~error-200~error=overloaded"),
    ] {
        let answer = post(&provider, &body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.header("content-type").unwrap(), "application/json");
        assert_eq!(answer.json()["error"]["code"], "overloaded");
    }
}

#[tokio::test]
async fn bad_json_is_whole_by_length_and_no_json() {
    let provider = provider().await;
    let answer = ask(&provider, "m~bad-json").await;
    assert_eq!((answer.status(), answer.body().1), (200, true));
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text()).is_err());
}

#[tokio::test]
async fn cut_ends_a_plain_answer_half_way() {
    let provider = provider().await;
    let answer = ask(&provider, "m~cut").await;
    let announced: usize = answer.header("content-length").unwrap().parse().unwrap();
    assert_eq!(answer.body().0.len(), announced / 2);
    assert_eq!(answer.ended, Ended::Rst);
    assert_eq!(ended(&provider).await.end, Some(End::Cut));
}

#[tokio::test]
async fn cut_ends_a_stream_after_so_many_content_chunks() {
    let provider = provider().await;
    for (model, chunks) in [
        ("m~cut=3", 3),
        ("m~cut=0", 0),
        ("m~cut=40", 40),
        ("m~cut", 4),
        ("m~cut=9~tokens=5", 5),
    ] {
        let answer = ask_stream(&provider, model).await;
        assert_eq!(answer.contents().len(), chunks, "{model}");
        assert_eq!(
            (answer.body().1, answer.ended),
            (false, Ended::Rst),
            "{model}"
        );
    }
}

#[tokio::test]
async fn headers_then_silence_is_a_head_and_nothing_more() {
    let provider = provider().await;
    for body in [
        question("m~headers-then-silence"),
        streamed("m~headers-then-silence"),
    ] {
        let answer = post(&provider, &body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!((answer.body().0.len(), answer.ended), (0, Ended::Open));
    }
}

#[tokio::test]
async fn redirect_points_elsewhere() {
    let provider = provider().await;
    let answer = ask(&provider, "m~redirect=http://127.0.0.1:1/x").await;
    assert_eq!(answer.status(), 302);
    assert_eq!(answer.header("location").unwrap(), "http://127.0.0.1:1/x");
}

#[tokio::test]
async fn first_holds_for_the_first_calls_of_one_name() {
    let provider = provider().await;
    let mut statuses = Vec::new();
    for model in ["a~status=503~first=2", "b~status=503~first=2"] {
        for _ in 0..4 {
            statuses.push(ask(&provider, model).await.status());
        }
    }
    assert_eq!(statuses, [503, 503, 200, 200, 503, 503, 200, 200]);
    provider.clear_faults();
    assert_eq!(
        ask(&provider, "a~status=503~first=2").await.status(),
        503,
        "counts start anew"
    );
}

#[tokio::test]
async fn role_only_then_silence_says_nothing_useful() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~role-only-then-silence").await;
    assert_eq!(answer.chunks().len(), 1);
    assert_eq!(
        answer.chunks()[0]["choices"][0]["delta"]["role"],
        "assistant"
    );
    assert_eq!((answer.contents().len(), answer.ended), (0, Ended::Open));
}

#[tokio::test]
async fn pings_keep_a_stream_alive_without_content() {
    let provider = provider().await;
    for (model, chunks) in [
        ("m~pings", 0),
        ("m~role-only-then-silence~pings", 1),
        ("m~stall=2~pings", 3),
    ] {
        let mut stream = open(&provider, &streamed(model)).await;
        let mut raw = Vec::new();
        while raw.windows(7).filter(|seven| seven == b": ping\n").count() < 3 {
            use tokio::io::AsyncReadExt;
            assert_ne!(stream.read_buf(&mut raw).await.unwrap(), 0, "{model} ended");
        }
        let answer = common::Answer {
            raw,
            ended: Ended::Open,
        };
        assert_eq!(answer.chunks().len(), chunks, "{model}");
    }
}

#[tokio::test]
async fn stall_stops_after_so_many_content_chunks() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~stall=2").await;
    assert_eq!((answer.contents().len(), answer.ended), (2, Ended::Open));
    let plain = ask(&provider, "m~stall=2").await;
    assert_eq!((plain.body().1, plain.ended), (false, Ended::Open));
    assert!(!plain.body().0.is_empty());
}

#[tokio::test]
async fn interval_is_waited_between_chunks() {
    let provider = provider().await;
    let started = Instant::now();
    let answer = ask_stream(&provider, "m~interval=20ms~tokens=4").await;
    assert_eq!(answer.contents().len(), 4);
    // role, 4 words, finish reason, [DONE]: six waits
    assert!(
        started.elapsed() >= Duration::from_millis(120),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn error_first_comes_before_anything_else() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~error-first~error=overloaded").await;
    assert_eq!(
        (answer.status(), answer.data().len(), answer.body().1),
        (200, 1, true)
    );
    assert_eq!(answer.chunks()[0]["error"]["code"], "overloaded");
}

#[tokio::test]
async fn error_after_comes_after_so_many_content_chunks_and_is_the_last() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~error-after=2").await;
    assert_eq!((answer.contents().len(), answer.body().1), (2, true));
    assert!(answer.chunks().last().unwrap()["error"].is_object());
    assert_eq!(answer.chunks().len(), answer.data().len(), "no [DONE]");
}

#[tokio::test]
async fn no_done_and_done_only_are_opposites() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~no-done").await;
    assert_eq!(
        answer.chunks().last().unwrap()["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(answer.chunks().len(), answer.data().len());
    assert!(answer.body().1);
    assert_eq!(
        ask_stream(&provider, "m~done-only").await.data(),
        ["[DONE]"]
    );
}

#[tokio::test]
async fn bad_chunk_is_one_line_that_is_no_json_in_a_stream_that_goes_on() {
    let provider = provider().await;
    let answer = ask_stream(&provider, "m~bad-chunk=2").await;
    let data = answer.data();
    assert!(
        serde_json::from_str::<serde_json::Value>(&data[3]).is_err(),
        "{}",
        data[3]
    );
    assert_eq!(
        data.len(),
        answer.chunks().len() + 2,
        "the bad line and [DONE]"
    );
    assert_eq!(
        answer.contents().concat(),
        "Provider eu served m~bad-chunk=2. You said: hello there"
    );
}

#[tokio::test]
async fn told_does_to_each_request_what_it_says_itself() {
    let provider = provider().await;
    let told = |message: &str| json!({"model": "m~told", "stream": true, "messages": [{"role": "user", "content": message}]});
    let healthy = post(&provider, &told("[us ~status=503]<<one  two, \"three\">>")).await;
    assert_eq!(
        Wire::Chat.contents(&healthy).concat(),
        "one  two, \"three\""
    );
    let faulty = post(&provider, &told("[us ][eu ~status=503]<<one>>")).await;
    assert_eq!(faulty.status(), 503);
    let unknown = post(&provider, &told("[eu ~statsu=503]<<one>>")).await;
    assert_eq!(unknown.status(), 400);
}

#[tokio::test]
async fn told_goes_on_from_what_was_said_in_every_format() {
    let provider = provider().await;
    for wire in ALL {
        let body = wire.body("m~told", true, Some("one two")).to_string();
        let body = body.replace("hello there", "[us ~reset]<<one two three>>");
        let body = serde_json::from_str(&body).unwrap();
        let stream = wire.send(&provider, "m~told", true, &body).await;
        assert_eq!(wire.contents(&stream), [" three"], "{wire:?}");
    }
}
