//! Each directive for streams does in each wire format what its name says.

mod common;

use std::{io::Read, sync::Arc};

use common::{
    Answer, Ended, ended, provider,
    wire::{
        self, ALL, Wire,
        Wire::{
            Anthropic, Chat, Completions, Converse, Custom, GeminiArray, GeminiSse, Invoke,
            Responses,
        },
        each,
    },
};
use simulated_provider::End;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TEXT: &str = "m~text=one+two+thr%C3%A9e+four+five";
const ONE: [&str; 5] = ["one", " two", " thrée", " four", " five"];

#[tokio::test]
async fn cut_resets_after_so_many_content_chunks() {
    let provider = provider().await;
    for wire in ALL {
        for (fault, said) in [("cut=0", 0), ("cut=2", 2), ("cut", 2), ("cut=9", 5)] {
            let answer = wire.stream(&provider, &format!("{TEXT}~{fault}")).await;
            assert_eq!(wire.contents(&answer), ONE[..said], "{wire:?} {fault}");
            assert_eq!(
                (answer.body().1, answer.ended),
                (false, Ended::Rst),
                "{wire:?} {fault}"
            );
            assert_eq!(ended(&provider).await.end, Some(End::Cut));
            let events = wire.events(&answer);
            assert!(
                events.iter().all(|event| wire.finish(event).is_none()),
                "{wire:?}"
            );
        }
    }
}

#[tokio::test]
async fn stall_falls_silent_after_so_many_content_chunks() {
    let provider = Arc::new(provider().await);
    each(|wire| {
        let provider = Arc::clone(&provider);
        async move {
            let answer = wire.stream(&provider, &format!("{TEXT}~stall=3")).await;
            assert_eq!(wire.contents(&answer), ONE[..3], "{wire:?}");
            assert_eq!(answer.ended, Ended::Open, "{wire:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn error_after_is_the_formats_own_error_and_the_last_word() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire
            .stream(&provider, &format!("{TEXT}~error-after=2"))
            .await;
        assert_eq!((answer.status(), answer.body().1), (200, true), "{wire:?}");
        assert_eq!(wire.contents(&answer), ONE[..2], "{wire:?}");
        let events = wire.events(&answer);
        let errors: Vec<_> = events
            .iter()
            .filter_map(|event| wire.error(event))
            .collect();
        assert_eq!(errors.len(), 1, "{wire:?}: {events:?}");
        assert!(
            errors[0].starts_with("eu simulates an error"),
            "{wire:?}: {errors:?}"
        );
        let last = events.last().unwrap();
        let (name, pointer, kind) = match wire {
            Chat | Completions => ("", "/error/type", "server_error"),
            Custom => ("fault", "/fault/code", "500"),
            Responses => ("response.failed", "/response/error/code", "server_error"),
            Anthropic => ("error", "/error/type", "overloaded_error"),
            GeminiSse | GeminiArray => ("", "/error/status", "UNAVAILABLE"),
            Converse | Invoke => (
                "modelStreamErrorException",
                "/message",
                "eu simulates an error with status 424",
            ),
        };
        assert_eq!(last.name, name, "{wire:?}");
        assert_eq!(last.data.pointer(pointer).unwrap(), kind, "{wire:?}");
    }
}

#[tokio::test]
async fn the_errors_code_can_be_chosen() {
    let provider = provider().await;
    for wire in ALL {
        let model = format!("{TEXT}~error-after=1~error=throttlingException");
        let answer = wire.stream(&provider, &model).await;
        let events = wire.events(&answer);
        let error = events
            .iter()
            .find(|event| wire.error(event).is_some())
            .unwrap();
        let chosen = match wire {
            Converse | Invoke => error.name == "throttlingException",
            _ => error.raw.contains(r#":"throttlingException""#),
        };
        assert!(chosen, "{wire:?}: {error:?}");
    }
}

#[tokio::test]
async fn error_first_comes_instead_of_the_beginning() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, "m~error-first").await;
        let events = wire.events(&answer);
        assert!(wire.error(&events[0]).is_some(), "{wire:?}: {events:?}");
        let count = if wire == Responses { 2 } else { 1 };
        assert_eq!(events.len(), count, "{wire:?}: {events:?}");
        assert_eq!((answer.status(), answer.body().1), (200, true), "{wire:?}");
    }
}

#[tokio::test]
async fn role_only_then_silence_is_the_beginning_without_content() {
    let provider = Arc::new(provider().await);
    each(|wire| {
        let provider = Arc::clone(&provider);
        async move {
            let answer = wire.stream(&provider, "m~role-only-then-silence").await;
            assert!(!wire.events(&answer).is_empty(), "{wire:?}");
            assert!(wire.contents(&answer).is_empty(), "{wire:?}");
            assert_eq!(answer.ended, Ended::Open, "{wire:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_done_leaves_out_the_end_marker_but_not_the_finish_reason() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, &format!("{TEXT}~no-done")).await;
        assert_eq!(wire.contents(&answer), ONE, "{wire:?}");
        let events = wire.events(&answer);
        assert!(
            events.iter().any(|event| wire.finish(event).is_some()),
            "{wire:?}"
        );
        let body = String::from_utf8_lossy(&answer.body().0).into_owned();
        let last = events.last().unwrap();
        match wire {
            Chat | Completions => assert!(!body.contains("[DONE]"), "{body}"),
            Custom => assert!(!body.contains("event: end"), "{body}"),
            Anthropic | Invoke => assert_eq!(last.name, "message_delta"),
            GeminiArray => assert!(!body.trim_end().ends_with(']'), "{body}"),
            Converse => assert_eq!(last.name, "messageStop"),
            // Their finish reason is the end.
            Responses => assert_eq!(last.name, "response.completed"),
            GeminiSse => assert!(wire.finish(last).is_some()),
        }
    }
}

#[tokio::test]
async fn done_only_is_the_end_marker_alone() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, "m~done-only").await;
        assert_eq!((answer.status(), answer.body().1), (200, true), "{wire:?}");
        let events = wire.events(&answer);
        match wire {
            Chat | Completions => assert_eq!(answer.text(), "data: [DONE]\n\n"),
            Custom => assert_eq!(answer.text(), "event: end\ndata: {}\n\n"),
            Responses | GeminiSse => assert_eq!(answer.text(), ""),
            GeminiArray => assert_eq!(answer.text(), "[]"),
            Anthropic | Invoke => assert_eq!((events.len(), &*events[0].name), (1, "message_stop")),
            Converse => assert_eq!((events.len(), &*events[0].name), (1, "metadata")),
        }
    }
}

#[tokio::test]
async fn bad_chunk_is_one_event_that_is_no_json_among_the_others() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, &format!("{TEXT}~bad-chunk=2")).await;
        assert_eq!(wire.contents(&answer), ONE, "{wire:?}");
        let events = wire.events(&answer);
        let bad: Vec<_> = events
            .iter()
            .enumerate()
            .filter(|(_, event)| event.data.is_null() && event.raw != "[DONE]")
            .collect();
        assert_eq!(bad.len(), 1, "{wire:?}: {events:?}");
        let before = &events[..bad[0].0];
        let said = before.iter().filter(|event| wire.content(event).is_some());
        assert_eq!(said.count(), 2, "{wire:?}: {events:?}");
    }
}

#[tokio::test]
async fn bad_crc_damages_the_frame_after_so_many_content_chunks() {
    let provider = provider().await;
    for wire in [Converse, Invoke] {
        let answer = wire.stream(&provider, &format!("{TEXT}~bad-crc=2")).await;
        assert_eq!(wire.contents(&answer), ONE[..2], "{wire:?}");
        assert!(
            wire::frames(&answer.body().0).1,
            "{wire:?}: all checksums are right"
        );
        let healthy = wire.stream(&provider, TEXT).await;
        assert!(!wire::frames(&healthy.body().0).1, "{wire:?}");
    }
    let answer = Converse
        .stream(&provider, &format!("{TEXT}~bad-crc=2"))
        .await;
    let body = String::from_utf8_lossy(&answer.body().0).into_owned();
    assert!(body.contains("metadata"), "the stream goes on after it");
}

#[tokio::test]
async fn what_was_compressed_can_be_read_before_the_end() {
    let provider = Arc::new(provider().await);
    each(|wire| {
        let provider = Arc::clone(&provider);
        async move {
            let answer = wire
                .stream(&provider, &format!("{TEXT}~gzip~stall=2"))
                .await;
            let mut flushed = Vec::new();
            let (body, _) = answer.body();
            let end = flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut flushed);
            assert!(end.is_err(), "{wire:?}: the stream has not ended");
            let events = wire.read(&flushed);
            let said = events.iter().filter_map(|event| wire.content(event));
            assert_eq!(said.collect::<Vec<_>>(), ONE[..2], "{wire:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn pings_are_what_the_format_has_to_keep_a_connection_alive() {
    let provider = Arc::new(provider().await);
    each(|wire| {
        let provider = Arc::clone(&provider);
        async move {
            for (model, said) in [
                ("m~pings".to_owned(), 0),
                ("m~role-only-then-silence~pings".to_owned(), 0),
                (format!("{TEXT}~stall=2~pings"), 2),
            ] {
                let mut stream = TcpStream::connect(provider.address()).await.unwrap();
                stream.write_all(&wire.request(&model)).await.unwrap();
                let mut raw = Vec::new();
                let seen = loop {
                    let seen = Answer {
                        raw: raw.clone(),
                        ended: Ended::Open,
                    };
                    if pings(wire, &seen) >= 3 {
                        break seen;
                    }
                    assert_ne!(
                        stream.read_buf(&mut raw).await.unwrap(),
                        0,
                        "{wire:?}: {model} ended"
                    );
                };
                assert_eq!(wire.contents(&seen), ONE[..said], "{wire:?} {model}");
                let events = wire.events(&seen);
                assert!(
                    events.iter().all(|event| wire.finish(event).is_none()),
                    "{wire:?}"
                );
            }
        }
    })
    .await;
}

fn pings(wire: Wire, seen: &Answer) -> usize {
    if !seen.raw.windows(4).any(|four| four == b"\r\n\r\n") {
        return 0;
    }
    let (body, _) = seen.body();
    match wire {
        Anthropic | Converse | Invoke => {
            let events = wire.read(&body);
            // The one that belongs to the beginning of Anthropic's streams is not counted.
            let began = events.iter().any(|event| event.name == "message_start");
            let pings = events.iter().filter(|event| event.name == "ping").count();
            pings - usize::from(wire == Anthropic && began)
        }
        GeminiArray => body.iter().rev().take_while(|byte| **byte == b'\n').count(),
        _ => body.windows(7).filter(|seven| seven == b": ping\n").count(),
    }
}

#[tokio::test]
async fn a_stream_in_pieces_is_the_same_stream() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, &format!("{TEXT}~split=3")).await;
        assert_eq!(wire.contents(&answer), ONE, "{wire:?}");
        let (pieces, _) = answer.chunked();
        assert!(
            pieces.iter().all(|piece| piece.len() <= 3),
            "{wire:?}: {pieces:?}"
        );
    }
    let plain = Chat.ask(&provider, &format!("{TEXT}~split=1")).await;
    assert_eq!(Chat.said(&plain.json()), ONE.concat());
}

#[tokio::test]
async fn a_compressed_stream_is_the_same_stream() {
    let provider = provider().await;
    for wire in ALL {
        let answer = wire.stream(&provider, &format!("{TEXT}~gzip")).await;
        assert_eq!(
            answer.header("content-encoding").unwrap(),
            "gzip",
            "{wire:?}"
        );
        let (body, _) = answer.body();
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_end(&mut plain)
            .unwrap();
        let events = wire.read(&plain);
        let said: String = events
            .iter()
            .filter_map(|event| wire.content(event))
            .collect();
        assert_eq!(said, ONE.concat(), "{wire:?}");
    }
    let plain = Chat.ask(&provider, &format!("{TEXT}~gzip")).await;
    let mut text = String::new();
    flate2::read::GzDecoder::new(&plain.body().0[..])
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(
        Chat.said(&serde_json::from_str(&text).unwrap()),
        ONE.concat()
    );
    assert!(plain.body().1, "whole by Content-Length");
}

#[tokio::test]
async fn freedoms_of_sse_change_the_bytes_and_not_the_events() {
    let provider = provider().await;
    for wire in ALL.into_iter().filter(|wire| wire.is_sse()) {
        for (style, shows) in [
            ("crlf", "\r\n\r\n"),
            ("bom", "\u{feff}"),
            ("multiline", "data:   \""),
            ("crlf~bom~multiline", "\r\ndata:   \""),
        ] {
            let answer = wire.stream(&provider, &format!("{TEXT}~{style}")).await;
            assert!(
                answer.text().contains(shows),
                "{wire:?} {style}: {}",
                answer.text()
            );
            assert_eq!(wire.contents(&answer), ONE, "{wire:?} {style}");
            let feeds = answer.text().replace("\r\n", "").contains('\n');
            assert_eq!(
                feeds,
                !style.contains("crlf"),
                "{wire:?} {style}: mixed line ends"
            );
        }
    }
}

#[tokio::test]
async fn stamps_are_numbered_and_taken_when_they_are_sent() {
    let provider = Arc::new(provider().await);
    each(|wire| {
        let provider = Arc::clone(&provider);
        async move {
            let answer = wire
                .stream(&provider, "m~stamp~tokens=3~interval=20ms")
                .await;
            let mut times = Vec::new();
            for (at, chunk) in wire.contents(&answer).iter().enumerate() {
                let (number, time) = chunk.trim_end().split_once(':').unwrap();
                assert_eq!(number, at.to_string(), "{wire:?}");
                times.push(time.parse::<u64>().unwrap());
            }
            assert_eq!(times.len(), 3, "{wire:?}");
            assert!(
                times.windows(2).all(|two| two[1] - two[0] >= 20_000),
                "{wire:?}: stamped before the interval was over: {times:?}"
            );
        }
    })
    .await;
}
