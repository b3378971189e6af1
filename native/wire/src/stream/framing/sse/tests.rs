use proptest::prelude::*;

use super::super::{Framing, tests::cut};
use super::*;

fn framing() -> Framing {
    Framing::Sse(BlockReader::default())
}

fn one(text: &str) -> Frame {
    let mut frames = cut(&mut framing(), text.as_bytes(), &[]);
    assert_eq!(frames.len(), 1, "{text:?} is one event");
    frames.remove(0)
}

#[test]
fn fields_are_read_as_the_standard_says() {
    assert_eq!(one(": ping\n\n").content, Content::Nothing);
    assert_eq!(one("event: ping\n\n").content, Content::Nothing);
    assert_eq!(one("event: a\ndata: {}\n\n").name, "a");
    assert_eq!(
        one("data: [DONE]\n\n").content,
        Content::Text("[DONE]".into())
    );
    assert_eq!(one("data: {\"x\":\n\n").content, Content::Torn);
    assert_eq!(one("data:\n\n").content, Content::Nothing);
    assert_eq!(one("data\n\n").content, Content::Nothing);
    assert_eq!(one("data:  a\n\n").content, Content::Text(" a".into()));
    assert_eq!(
        one(":data: no\nid: \0\nretry: -1\ndatas: no\ndata:a\ndata\ndata: b\n\n").content,
        Content::Text("a\n\nb".into())
    );
    let named = one("event: a\nevent: message\ndata: 1\n\n");
    assert_eq!(named.name, "", "the last name counts, and this one is none");
    let spread = "\u{feff}data: {\ndata: \"x\": 1\ndata: }\n\n";
    assert_eq!(
        one(spread).content,
        Content::Json(serde_json::json!({"x": 1}))
    );
}

#[test]
fn a_mark_counts_at_the_very_beginning_alone() {
    let frames = cut(
        &mut framing(),
        "\u{feff}\u{feff}data: a\n\n\u{feff}data: b\n\ndata: c\n\n".as_bytes(),
        &[],
    );
    let contents: Vec<&Content> = frames.iter().map(|f| &f.content).collect();
    assert_eq!(
        contents,
        [
            &Content::Nothing,
            &Content::Nothing,
            &Content::Text("c".into())
        ]
    );
}

#[test]
fn what_is_not_utf_8_is_torn_and_what_follows_is_not() {
    let frames = cut(
        &mut framing(),
        b"data: \xff\n\ndata: a\n\ndata: \xf0\x9f\n\ndata: b\n\n",
        &[],
    );
    let contents: Vec<&Content> = frames.iter().map(|f| &f.content).collect();
    let text = |t: &'static str| Content::Text(t.into());
    assert_eq!(
        contents,
        [&Content::Torn, &text("a"), &Content::Torn, &text("b")]
    );
}

#[test]
fn an_event_of_very_many_lines_is_read_in_time() {
    let lines = 200_000;
    let stream = format!("{}data: end\n\n", "data\n".repeat(lines));
    let begun = std::time::Instant::now();
    let frames = cut(&mut framing(), stream.as_bytes(), &[]);
    assert!(matches!(&frames[0].content, Content::Text(text) if text.len() == lines + "end".len()));
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
}

#[test]
fn a_waiting_reader_keeps_no_buffer() {
    let mut reader = BlockReader::default();
    for piece in [&b"data: a"[..], b"b\n", b"\n"] {
        reader.feed(&Bytes::copy_from_slice(piece));
    }
    assert_eq!(reader.partial.capacity(), 0);
}

#[test]
fn what_has_no_blank_line_at_the_end_is_an_event_all_the_same() {
    let mut reader = BlockReader::default();
    assert_eq!(reader.feed(&Bytes::from_static(b"data: hello")), []);
    assert_eq!(reader.pending(), 11);
    let last = reader.finish().unwrap();
    assert_eq!(
        (&last.raw[..], last.content),
        (&b"data: hello"[..], Content::Text("hello".into()))
    );
}

#[test]
fn what_is_written_is_read_again() {
    let message = Message::Event("error".into(), serde_json::json!({"x": "a\nb"}));
    let frame = one(std::str::from_utf8(&write(&message)).unwrap());
    assert_eq!(
        message,
        Message::Event(
            frame.name,
            match frame.content {
                Content::Json(value) => value,
                other => panic!("{other:?}"),
            }
        )
    );
}

proptest! {
    #[test]
    fn the_frames_do_not_depend_on_where_a_stream_is_cut(cuts in prop::collection::vec(0usize..600, 0..16), end in "\n|\r\n|\r") {
        let text = "\u{feff}: hi\n\ndata: {\"t\":\"H\u{e9}\u{1f600}\"}\n\nevent: x\ndata: a\ndata: b\n\nid: 1\nretry: 3\n\ndata: [DONE]\n\n";
        let stream = text.replace('\n', &end).into_bytes();
        let expected = cut(&mut framing(), &stream, &[]);
        let contents = |frames: &[Frame]| frames.iter().map(|f| (f.name.clone(), f.content.clone())).filter(|(_, c)| *c != Content::Nothing).collect::<Vec<_>>();
        prop_assert_eq!(contents(&expected).len(), 3);
        let frames = cut(&mut framing(), &stream, &cuts);
        prop_assert_eq!(contents(&frames), contents(&expected));
        prop_assert_eq!(frames.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<u8>>(), &stream[BYTE_ORDER_MARK.len()..]);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_get_lost(chunks: Vec<Vec<u8>>) {
        let stream = chunks.concat();
        let mut at = 0;
        let cuts: Vec<usize> = chunks.iter().map(|c| { at += c.len(); at }).collect();
        let frames = cut(&mut framing(), &stream, &cuts);
        prop_assert_eq!(frames.iter().flat_map(|f| f.raw.to_vec()).collect::<Vec<u8>>(), stream);
    }
}
