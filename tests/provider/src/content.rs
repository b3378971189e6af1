//! What an answer says, whatever its format: the words, and in which chunks they are sent.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::{
    directives::{Cut, Directives, Prefill},
    format::Author,
    question::{Begun, Question},
};

/// The name of the tool that is called when `tool-call` names none.
const TOOL: &str = "look_up";

/// An answer's content, in chunks. All chunks but the first begin with their space, so that they concatenate to the text.
#[derive(Debug)]
pub(crate) struct Content {
    /// The text, or the arguments of the tool call as JSON.
    text: String,
    /// Name of the tool that is called instead of saying the text.
    pub(crate) tool: Option<String>,
    /// Chunks of reasoning before the text.
    pub(crate) reasoning: usize,
    /// Chunks have their number and the time instead of the text.
    stamped: bool,
    /// The text's length in words.
    pub(crate) tokens: usize,
    pub(crate) chunks: usize,
}

impl Content {
    pub(crate) fn of(
        author: &Author<'_>,
        question: &Question,
        directives: &Directives,
        splits_arguments: bool,
    ) -> Self {
        let mut text = full_text(author, question, directives);
        if let Some(begun) = &question.begun {
            text = continued(text, begun, directives);
        }
        if directives.tool_call.is_some() {
            text = json!({ "text": text }).to_string();
        }
        let tool = directives.tool_call.as_ref();
        let stamped = directives.stamp && tool.is_none();
        let tokens = chunks(&text).count();
        let undivided = tool.is_some() && !splits_arguments;
        Self {
            tool: tool.map(|name| name.clone().unwrap_or_else(|| TOOL.to_owned())),
            reasoning: directives.reasoning,
            stamped,
            tokens,
            chunks: if undivided { 1 } else { tokens },
            text,
        }
    }

    /// The whole text of an answer that is not streamed, or the tool's arguments.
    pub(crate) fn whole(&self) -> String {
        if self.stamped {
            (0..self.chunks).map(stamp).collect()
        } else {
            self.text.clone()
        }
    }

    /// The chunk that begins at this place, and the place where the next one begins.
    pub(crate) fn chunk(&self, number: usize, from: usize) -> (String, usize) {
        let end = if self.chunks == 1 {
            self.text.len()
        } else {
            chunk_end(&self.text, from)
        };
        let chunk = if self.stamped {
            stamp(number)
        } else {
            self.text[from..end].to_owned()
        };
        (chunk, end)
    }

    pub(crate) fn reasoning_chunk(number: usize) -> String {
        format!("Thought {}. ", number + 1)
    }

    pub(crate) fn whole_reasoning(&self) -> String {
        (0..self.reasoning).map(Self::reasoning_chunk).collect()
    }
}

fn stamp(number: usize) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    format!("{number}:{} ", now.map_or(0, |since| since.as_micros()))
}

fn chunk_end(text: &str, from: usize) -> usize {
    let rest = text.as_bytes().get(from + 1..).unwrap_or_default();
    let space = rest.iter().position(|byte| *byte == b' ');
    space.map_or(text.len(), |space| from + 1 + space)
}

fn chunks(text: &str) -> impl Iterator<Item = &str> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let end = (from < text.len()).then(|| chunk_end(text, from))?;
        let chunk = &text[from..end];
        from = end;
        Some(chunk)
    })
}

/// The answer as it would be if the request had none of it yet.
fn full_text(author: &Author<'_>, question: &Question, directives: &Directives) -> String {
    let (text, least) = match &directives.content {
        Some(text) => (text.clone(), None),
        None => {
            let text = format!(
                "Provider {} served {}. You said: {}",
                author.provider, question.model, question.last_user_message
            );
            let words: Vec<_> = text.split_whitespace().collect();
            (words.join(" "), Some(needed(directives)))
        }
    };
    let said = chunks(&text).count();
    let length = directives
        .tokens
        .or_else(|| least.map(|least| least.max(said)));
    match length {
        Some(length) if length != said && said > 0 => {
            let spaced = |(at, chunk): (usize, &str)| {
                let gap = at > 0 && at % said == 0 && !chunk.starts_with(' ');
                format!("{}{chunk}", if gap { " " } else { "" })
            };
            let repeated = std::iter::repeat_with(|| chunks(&text)).flatten();
            repeated.take(length).enumerate().map(spaced).collect()
        }
        _ => text,
    }
}

/// A fault after N chunks needs an answer that goes on after them.
fn needed(directives: &Directives) -> usize {
    let wished = [
        directives.stall,
        directives.error_after,
        directives.bad_chunk,
        directives.bad_crc,
        match directives.cut {
            Some(Cut::After(chunks)) => Some(chunks),
            _ => None,
        },
    ];
    wished.iter().flatten().max().map_or(0, |chunks| chunks + 1)
}

/// What is still to be said after the part that the request already has.
fn continued(text: String, begun: &Begun, directives: &Directives) -> String {
    if directives.prefill == Prefill::Ignore {
        return text;
    }
    let said = match begun {
        // A model that is given a trailing space does not say it again; one that is not, does.
        Begun::Prefill { text: given, .. } if text.starts_with(given) => given.len(),
        Begun::Prefill { text: given, .. } if text.starts_with(given.trim_end()) => {
            given.trim_end().len()
        }
        Begun::Prefill { .. } => 0,
        Begun::Prompt(prompt) => said_at_the_end(prompt.trim_end(), &text),
    };
    let again: Vec<_> = chunks(&text[..said]).collect();
    let again = &again[again.len().saturating_sub(directives.overlap)..];
    again.concat() + &text[said..]
}

/// How much of the text, in whole chunks, the prompt ends with.
fn said_at_the_end(prompt: &str, text: &str) -> usize {
    let mut end = 0;
    let ends = chunks(text).map(|chunk| {
        end += chunk.len();
        end
    });
    ends.filter(|end| prompt.ends_with(&text[..*end]))
        .last()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(begun: Option<Begun>, directives: &str) -> Vec<String> {
        let author = Author {
            provider: "eu",
            serial: 1,
            created: 0,
        };
        let question = Question {
            begun,
            ..Question::default()
        };
        let directives = Directives::parse(directives).unwrap();
        let content = Content::of(&author, &question, &directives, true);
        let mut from = 0;
        let chunks = (0..content.chunks).map(|number| {
            let (chunk, end) = content.chunk(number, from);
            from = end;
            chunk
        });
        chunks.collect()
    }

    fn prefill(text: &str) -> Option<Begun> {
        Some(Begun::Prefill {
            text: text.to_owned(),
            prefix: false,
        })
    }

    #[test]
    fn a_text_is_said_to_the_letter_and_split_before_its_spaces() {
        for (text, chunks) in [
            ("one two three", &["one", " two", " three"][..]),
            ("a  b", &["a", " ", " b"]),
            (" ä\nö ", &[" ä\nö", " "]),
            ("one", &["one"]),
            ("", &[]),
        ] {
            let said = said(None, &format!("text={}", text.replace(' ', "+")));
            assert_eq!(said, chunks, "{text:?}");
        }
    }

    #[test]
    fn only_the_rest_of_an_answer_that_was_begun_is_said() {
        for (given, rest) in [
            ("one two", " three four"),
            ("one two ", "three four"),
            ("one two\n", " three four"),
            ("one tw", "o three four"),
            ("one two three four", ""),
            ("", "one two three four"),
            ("something else", "one two three four"),
        ] {
            let said = said(prefill(given), "text=one+two+three+four");
            assert_eq!(said.concat(), rest, "{given:?}");
        }
    }

    #[test]
    fn only_the_rest_of_an_answer_that_a_prompt_ends_with_is_said() {
        for (prompt, rest) in [
            ("Count: one two", " three four"),
            ("Count: one two\n", " three four"),
            ("Count: one tw", "one two three four"),
            ("Count!", "one two three four"),
        ] {
            let said = said(
                Some(Begun::Prompt(prompt.to_owned())),
                "text=one+two+three+four",
            );
            assert_eq!(said.concat(), rest, "{prompt:?}");
        }
    }

    #[test]
    fn overlap_says_the_last_chunks_again() {
        for (overlap, text) in [
            (0, " four"),
            (1, " three four"),
            (2, " two three four"),
            (9, "one two three four"),
        ] {
            let directives = format!("text=one+two+three+four~overlap={overlap}");
            assert_eq!(said(prefill("one two three"), &directives).concat(), text);
        }
    }

    #[test]
    fn an_ignored_prefill_repeats_everything() {
        let said = said(prefill("one"), "text=one+two~prefill=ignore");
        assert_eq!(said, ["one", " two"]);
    }

    #[test]
    fn tokens_repeats_the_text_or_shortens_it() {
        assert_eq!(
            said(None, "text=one+two~tokens=5").concat(),
            "one two one two one"
        );
        assert_eq!(said(None, "text=one+two~tokens=1").concat(), "one");
        assert_eq!(said(None, "text=~tokens=3").concat(), "");
    }

    #[test]
    fn a_fault_lengthens_the_usual_answer_but_not_a_given_one() {
        assert_eq!(said(None, "cut=40").len(), 41);
        assert_eq!(said(None, "bad-crc=40").len(), 41);
        assert_eq!(said(None, "cut=40~text=one+two").len(), 2);
    }

    #[test]
    fn the_arguments_of_a_tool_call_hold_the_text() {
        let said = said(None, "tool-call~text=one+%22two%22");
        assert!(said.len() > 1, "{said:?}");
        let arguments: serde_json::Value = serde_json::from_str(&said.concat()).unwrap();
        assert_eq!(arguments, json!({"text": "one \"two\""}));
    }
}
