//! What a provider says of a failure, brought into one form: codes, parameters and sentences.
//!
//! The shapes, with who has them: a top-level `error` (most), an array of one (Gemini), `errors` (Cloudflare, JSON:API),
//! `detail` (FastAPI, RFC 9457), `base_resp` (MiniMax), `choices[].error` (OpenRouter), `response.error` (OpenAI
//! Responses), `metadata.raw` with another provider's body as text (OpenRouter), members at the top (Bedrock, vLLM,
//! DashScope), plain text. One pass; every other member is skipped and not kept.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

/// The most that is kept of what a provider says, in bytes: an explanation is shorter.
const MAX_MESSAGE: usize = 8 * 1024;
/// The most codes and parameters that are kept, and the longest of them in bytes.
const MAX_CODES: usize = 32;
const MAX_CODE: usize = 200;
/// How deep an explanation may be nested.
const MAX_DEPTH: u8 = 8;

/// What a provider says of a failure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The answer's status; of an error in band the one that it names, if it does.
    pub status: Option<u16>,
    /// Codes, types and the like, in lower case.
    pub(super) codes: Vec<Code>,
    /// The names of what is wrong in the request, in lower case.
    pub(super) params: Vec<Code>,
    /// Its sentences, a line each, as [`plain`] makes them.
    pub(super) message: String,
    /// Whether what is being read stands in a sentence.
    quoted: bool,
}

/// A code or the name of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) text: String,
    /// Whether it stands in a sentence, as text: it may be the request's own, repeated.
    pub(super) quoted: bool,
}

impl Evidence {
    /// What an answer with this status says. `error_type`: the header `x-amzn-errortype`.
    pub fn of_answer(status: u16, error_type: Option<&str>, body: &[u8]) -> Evidence {
        let mut evidence = Evidence::in_band(body);
        evidence.status = Some(status);
        if let Some(kind) = error_type {
            // Bedrock: `ValidationException:http://internal.amazon.com/…`
            evidence.code(kind.split(':').next().unwrap_or_default());
        }
        evidence
    }

    /// What an error says that stands in a successful answer or in an event of a stream: JSON, or text.
    pub fn in_band(said: &[u8]) -> Evidence {
        let mut evidence = Evidence::default();
        let said = said.strip_prefix(b"\xef\xbb\xbf").unwrap_or(said);
        match said.trim_ascii_start().first() {
            None => {}
            Some(b'{' | b'[') => {
                let role = Role::Report(0);
                let mut json = serde_json::Deserializer::from_slice(said);
                // What was read before a mistake in it counts.
                let _ = Part {
                    evidence: &mut evidence,
                    role,
                }
                .deserialize(&mut json);
            }
            // A page, not a provider's word.
            Some(b'<') => {}
            Some(_) => {
                let said = &said[..said.len().min(MAX_MESSAGE)];
                evidence.say(&String::from_utf8_lossy(said));
            }
        }
        evidence
    }

    /// What an exception frame says: its type, and its payload.
    pub fn of_exception(name: &str, payload: &[u8]) -> Evidence {
        let mut evidence = Evidence::in_band(payload);
        evidence.code(name);
        evidence
    }

    /// Whether it says nothing at all.
    pub fn is_silent(&self) -> bool {
        self.codes.is_empty() && self.params.is_empty() && self.message.is_empty()
    }

    /// Whether it blames no part of the request by name.
    pub fn names_no_parameter(&self) -> bool {
        self.params.is_empty()
    }

    /// Whether its sentences or parameters name one of these fields of a request.
    pub fn names(&self, fields: &[&str]) -> bool {
        fields.iter().any(|field| {
            self.message.contains(field) || self.params.iter().any(|p| p.text.contains(field))
        })
    }

    fn code(&mut self, code: &str) {
        let code = code.trim();
        if code.is_empty() || self.codes.len() == MAX_CODES {
            return;
        }
        match code.parse() {
            Ok(status @ 400..=599) if !self.quoted => {
                self.status.get_or_insert(status);
            }
            _ if code.contains(' ') => return self.say(code),
            _ => {}
        }
        self.codes.push(Code {
            text: cut(code, MAX_CODE).to_lowercase(),
            quoted: self.quoted,
        });
    }

    fn param(&mut self, param: &str) {
        if !param.is_empty() && self.params.len() < MAX_CODES {
            self.params.push(Code {
                text: cut(param, MAX_CODE).to_lowercase(),
                quoted: self.quoted,
            });
        }
    }

    fn say(&mut self, text: &str) {
        let room = MAX_MESSAGE - self.message.len().min(MAX_MESSAGE);
        let text = cut(text, room);
        plain(text, |c| self.message.push(c));
        self.message.push('\n');
    }
}

/// The beginning of a text, at most so many bytes.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Text as the signs are written: lower case, without quotation marks and links, one space for any white space, a line
/// for each sentence. A character at a time, because a request that is searched for an echo can be large.
pub(super) fn plain(text: &str, mut take: impl FnMut(char)) {
    let (mut last, mut between) = (None, None);
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        // A link to a page about limits is no word about limits.
        if c == 'h' && is_link(&text[at..]) {
            while rest.clone().next().is_some_and(|(_, c)| !c.is_whitespace()) {
                rest.next();
            }
            continue;
        }
        match c {
            '\'' | '"' | '`' | '*' | '\u{2018}'..='\u{201f}' | '\\' => {}
            '\n' | '。' => between = last.map(|_| '\n'),
            c if c.is_whitespace() => match last {
                None => {}
                Some('.' | '!' | '?' | ';') => between = Some('\n'),
                Some(_) => between = between.or(Some(' ')),
            },
            c => {
                if let Some(between) = between.take() {
                    take(between);
                }
                last = Some(c);
                c.to_lowercase().for_each(&mut take);
            }
        }
    }
}

fn is_link(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

/// What a member is to the reader.
#[derive(Clone, Copy)]
enum Role {
    /// An object that explains, or a list of such; text in its place is the explanation.
    Report(u8),
    /// A code, or an object in its place that explains.
    Code(u8),
    /// The name of what is wrong in the request.
    Param,
    /// A report that is also read where it is text that holds JSON.
    Raw(u8),
    /// Choices, which can carry a report each.
    Choices(u8),
}

impl Role {
    fn from_key(key: &str, depth: u8) -> Option<Role> {
        if depth >= MAX_DEPTH {
            return None;
        }
        Some(match key {
            "code" | "Code" | "type" | "status" | "reason" | "__type" | "error_code"
            | "errorCode" | "error_type" | "errorType" | "status_code" | "statusCode"
            | "domain_code" | "err_code" | "internal_code" | "exception" => Role::Code(depth),
            "param" | "field" | "loc" | "parameter" | "pointer" => Role::Param,
            "error"
            | "Error"
            | "errors"
            | "innererror"
            | "inner_error"
            | "detail"
            | "details"
            | "message"
            | "Message"
            | "msg"
            | "title"
            | "error_msg"
            | "errorMessage"
            | "error_message"
            | "status_msg"
            | "description"
            | "base_resp"
            | "metadata"
            | "cause"
            | "fault"
            | "response"
            | "Response"
            | "fieldViolations"
            | "external_model_message"
            | "violations"
            | "header"
            | "error_description"
            | "incomplete_details"
            | "faultstring"
            | "result_msg"
            | "err_msg"
            | "errmsg" => Role::Report(depth),
            "raw" | "body" | "provider_error" => Role::Raw(depth),
            "choices" => Role::Choices(depth),
            _ => return None,
        })
    }
}

/// A value of the explanation, and what it is.
struct Part<'e> {
    evidence: &'e mut Evidence,
    role: Role,
}

impl Part<'_> {
    fn text(self, text: &str) {
        match self.role {
            Role::Code(_) => self.evidence.code(text),
            Role::Param => self.evidence.param(text),
            Role::Report(depth) | Role::Raw(depth) => {
                self.evidence.say(text);
                // Who passes another's refusal on puts it in as text.
                if let Some(at) = text.find('{')
                    && depth + 2 < MAX_DEPTH
                {
                    let before = std::mem::replace(&mut self.evidence.quoted, true);
                    let mut json = serde_json::Deserializer::from_str(&text[at..]);
                    let _ = Part {
                        evidence: self.evidence,
                        role: Role::Report(depth + 2),
                    }
                    .deserialize(&mut json);
                    self.evidence.quoted = before;
                }
            }
            Role::Choices(_) => {}
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an explanation")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        if let Role::Code(_) = self.role {
            self.evidence.code(&number.to_string());
        }
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        if let Role::Code(_) = self.role {
            self.evidence.code(&number.to_string());
        }
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.text(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let role = match self.role {
            Role::Report(depth) if depth < MAX_DEPTH => Role::Report(depth + 1),
            Role::Choices(depth) => Role::Choices(depth),
            Role::Param => Role::Param,
            _ => {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        while items
            .next_element_seed(Part {
                evidence: self.evidence,
                role,
            })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let (depth, choice) = match self.role {
            Role::Report(depth) | Role::Code(depth) | Role::Raw(depth) => (depth, false),
            Role::Choices(depth) => (depth, true),
            Role::Param => (MAX_DEPTH, false),
        };
        while let Some(key) = members.next_key::<Key>()? {
            let role = Role::from_key(&key.0, depth + 1).filter(|_| !choice || key.0 == "error");
            match role {
                Some(role) => {
                    members.next_value_seed(Part {
                        evidence: self.evidence,
                        role,
                    })?;
                }
                None => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A member's name; a long one is nobody's.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        struct Name;

        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(cut(name, MAX_CODE).to_owned()))
            }
        }

        deserializer.deserialize_str(Name)
    }
}
