//! The wire formats, seen by a client: where to ask, and how to read what comes.

use aws_smithy_eventstream::frame::read_message_from;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use simulated_provider::Provider;
use tokio::task::JoinSet;

use super::{Answer, request, send};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Chat,
    Completions,
    Responses,
    Anthropic,
    GeminiSse,
    GeminiArray,
    Converse,
    Invoke,
    Custom,
}

use Wire::{
    Anthropic, Chat, Completions, Converse, Custom, GeminiArray, GeminiSse, Invoke, Responses,
};

/// All formats at once, for checks that mostly wait.
pub async fn each<F: Future<Output = ()> + Send + 'static>(check: impl Fn(Wire) -> F) {
    let checks: JoinSet<()> = ALL.into_iter().map(check).collect();
    checks.join_all().await;
}

pub const ALL: [Wire; 9] = [
    Chat,
    Completions,
    Responses,
    Anthropic,
    GeminiSse,
    GeminiArray,
    Converse,
    Invoke,
    Custom,
];

/// One event of a stream as a client understands it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// SSE's `event`, AWS's `:event-type` or `:exception-type`.
    pub name: String,
    /// `null` if the data is no JSON.
    pub data: Value,
    pub raw: String,
}

impl Wire {
    pub fn is_sse(self) -> bool {
        !matches!(self, GeminiArray | Converse | Invoke)
    }

    /// Neither turns nor tools nor reasoning.
    pub fn is_text_only(self) -> bool {
        matches!(self, Completions | Custom)
    }

    pub fn is_binary(self) -> bool {
        matches!(self, Converse | Invoke)
    }

    fn path(self, model: &str, stream: bool) -> String {
        // Percent-encoded once more for the path, as a client does.
        let model = model.replace('%', "%25").replace('?', "%3F");
        let of = |plain: &str, streamed: &str| if stream { streamed } else { plain }.to_owned();
        match self {
            Chat => "/v1/chat/completions".to_owned(),
            Completions => "/v1/completions".to_owned(),
            Responses => "/v1/responses".to_owned(),
            Anthropic => "/v1/messages".to_owned(),
            Custom => "/generate".to_owned(),
            GeminiSse => {
                let method = of("generateContent", "streamGenerateContent?alt=sse");
                format!("/v1beta/models/{model}:{method}")
            }
            GeminiArray => {
                let method = of("generateContent", "streamGenerateContent");
                format!("/v1beta/models/{model}:{method}")
            }
            Converse => format!("/model/{model}/{}", of("converse", "converse-stream")),
            Invoke => {
                let method = of("invoke", "invoke-with-response-stream");
                format!("/model/{model}/{method}")
            }
        }
    }

    /// A request in this format: the user's question, and the beginning of the answer if there is one.
    pub fn body(self, model: &str, stream: bool, begun: Option<&str>) -> Value {
        let turn = |role: &str, text: &str| match self {
            GeminiSse | GeminiArray => json!({"role": role, "parts": [{"text": text}]}),
            Converse => json!({"role": role, "content": [{"text": text}]}),
            _ => json!({"role": role, "content": text}),
        };
        let assistant = match self {
            GeminiSse | GeminiArray => "model",
            _ => "assistant",
        };
        let mut turns = vec![turn("user", "hello there")];
        turns.extend(begun.map(|text| turn(assistant, text)));
        match self {
            Chat | Anthropic => json!({"model": model, "stream": stream, "messages": turns}),
            Completions | Custom => {
                let prompt = format!("hello there {}", begun.unwrap_or_default());
                let mut body = json!({"stream": stream, "prompt": prompt});
                if self == Custom {
                    body["engine"] = json!({"name": model});
                } else {
                    body["model"] = model.into();
                }
                body
            }
            Responses => json!({"model": model, "stream": stream, "input": turns}),
            GeminiSse | GeminiArray => json!({"contents": turns}),
            Converse => json!({"messages": turns}),
            Invoke => json!({
                "anthropic_version": "bedrock-2023-05-31",
                "max_tokens": 100,
                "messages": turns,
            }),
        }
    }

    pub async fn send(
        self,
        provider: &Provider,
        model: &str,
        stream: bool,
        body: &Value,
    ) -> Answer {
        send(
            provider,
            "POST",
            &self.path(model, stream),
            &body.to_string(),
        )
        .await
    }

    /// The bytes of a request for a stream.
    pub fn request(self, model: &str) -> Vec<u8> {
        let body = self.body(model, true, None).to_string();
        request("POST", &self.path(model, true), "", body.as_bytes())
    }

    pub async fn ask(self, provider: &Provider, model: &str) -> Answer {
        let body = self.body(model, false, None);
        self.send(provider, model, false, &body).await
    }

    pub async fn stream(self, provider: &Provider, model: &str) -> Answer {
        let body = self.body(model, true, None);
        self.send(provider, model, true, &body).await
    }

    /// The rest of an answer that was begun.
    pub async fn go_on(
        self,
        provider: &Provider,
        model: &str,
        begun: &str,
        stream: bool,
    ) -> Answer {
        let body = self.body(model, stream, Some(begun));
        self.send(provider, model, stream, &body).await
    }

    pub fn events(self, answer: &Answer) -> Vec<Event> {
        self.read(&answer.body().0)
    }

    /// All events that are whole.
    pub fn read(self, body: &[u8]) -> Vec<Event> {
        match self {
            GeminiArray => array_elements(body),
            Converse => frames(body).0,
            Invoke => frames(body).0.into_iter().map(native).collect(),
            _ => server_sent_events(body),
        }
    }

    /// What one event adds to the text, or to the tool's arguments.
    pub fn content(self, event: &Event) -> Option<String> {
        let data = &event.data;
        let said = match self {
            Chat => {
                let delta = &data["choices"][0]["delta"];
                let arguments = &delta["tool_calls"][0]["function"]["arguments"];
                delta["content"].as_str().or(arguments.as_str())
            }
            Completions => data["choices"][0]["text"].as_str(),
            Custom => data["delta"].as_str(),
            Responses => match event.name.as_str() {
                "response.output_text.delta" | "response.function_call_arguments.delta" => {
                    data["delta"].as_str()
                }
                _ => None,
            },
            Anthropic | Invoke => {
                let delta = &data["delta"];
                delta["text"].as_str().or(delta["partial_json"].as_str())
            }
            GeminiSse | GeminiArray => {
                let part = &data["candidates"][0]["content"]["parts"][0];
                if part["functionCall"].is_object() {
                    return Some(part["functionCall"]["args"].to_string());
                }
                part["text"].as_str().filter(|_| part["thought"] != true)
            }
            Converse => {
                let delta = &data["delta"];
                delta["text"]
                    .as_str()
                    .or(delta["toolUse"]["input"].as_str())
            }
        };
        said.filter(|said| !said.is_empty()).map(str::to_owned)
    }

    pub fn contents(self, answer: &Answer) -> Vec<String> {
        let events = self.events(answer);
        events
            .iter()
            .filter_map(|event| self.content(event))
            .collect()
    }

    pub fn reasoning(self, event: &Event) -> Option<String> {
        let data = &event.data;
        let said = match self {
            Chat => &data["choices"][0]["delta"]["reasoning_content"],
            Completions | Custom => &Value::Null,
            Responses if event.name == "response.reasoning_summary_text.delta" => &data["delta"],
            Responses => &Value::Null,
            Anthropic | Invoke => &data["delta"]["thinking"],
            GeminiSse | GeminiArray => {
                let part = &data["candidates"][0]["content"]["parts"][0];
                if part["thought"] == true {
                    &part["text"]
                } else {
                    &Value::Null
                }
            }
            Converse => &data["delta"]["reasoningContent"]["text"],
        };
        said.as_str().map(str::to_owned)
    }

    /// The finish reason that an event announces.
    pub fn finish(self, event: &Event) -> Option<String> {
        let data = &event.data;
        let reason = match self {
            Chat | Completions => &data["choices"][0]["finish_reason"],
            Responses if event.name == "response.completed" => &data["response"]["status"],
            Responses => &Value::Null,
            Anthropic | Invoke => &data["delta"]["stop_reason"],
            GeminiSse | GeminiArray => &data["candidates"][0]["finishReason"],
            Converse => &data["stopReason"],
            // It has no reason, only an event that nothing but the end follows.
            Custom => &data["meta"]["engine"],
        };
        reason.as_str().map(str::to_owned)
    }

    /// The message of an error that an event reports.
    pub fn error(self, event: &Event) -> Option<String> {
        let data = &event.data;
        let message = match self {
            Responses if event.name == "error" => &data["message"],
            Anthropic if event.name == "error" => &data["error"]["message"],
            Converse | Invoke if event.name.ends_with("Exception") => &data["message"],
            Custom => &data["fault"]["reason"],
            Chat | Completions | GeminiSse | GeminiArray => &data["error"]["message"],
            _ => &Value::Null,
        };
        message.as_str().map(str::to_owned)
    }

    /// The text of an answer that is not streamed, or its tool call's arguments.
    pub fn said(self, whole: &Value) -> String {
        let said = match self {
            Chat => {
                let message = &whole["choices"][0]["message"];
                let arguments = &message["tool_calls"][0]["function"]["arguments"];
                message["content"].as_str().or(arguments.as_str())
            }
            Completions => whole["choices"][0]["text"].as_str(),
            Custom => whole["output"].as_str(),
            Responses => {
                let item = whole["output"]
                    .as_array()
                    .and_then(|items| items.last())
                    .unwrap();
                item["content"][0]["text"]
                    .as_str()
                    .or(item["arguments"].as_str())
            }
            Anthropic | Invoke => {
                let block = whole["content"]
                    .as_array()
                    .and_then(|all| all.last())
                    .unwrap();
                if block["type"] == "tool_use" {
                    return block["input"].to_string();
                }
                block["text"].as_str()
            }
            GeminiSse | GeminiArray => {
                let parts = whole["candidates"][0]["content"]["parts"].as_array();
                let part = parts.and_then(|all| all.last()).unwrap();
                if part["functionCall"].is_object() {
                    return part["functionCall"]["args"].to_string();
                }
                part["text"].as_str()
            }
            Converse => {
                let content = whole["output"]["message"]["content"].as_array();
                let block = content.and_then(|all| all.last()).unwrap();
                if block["toolUse"].is_object() {
                    return block["toolUse"]["input"].to_string();
                }
                block["text"].as_str()
            }
        };
        said.unwrap_or_else(|| panic!("{self:?} has no text: {whole}"))
            .to_owned()
    }
}

fn event(name: String, raw: String) -> Event {
    let data = serde_json::from_str(&raw).unwrap_or(Value::Null);
    Event { name, data, raw }
}

/// As the standard has it: a byte order mark, any line ends, several data lines; an event without its blank line is none.
fn server_sent_events(body: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(body).into_owned();
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(&text)
        .replace("\r\n", "\n");
    let whole = text.rfind("\n\n").map_or("", |end| &text[..end]);
    let blocks = whole.split("\n\n").filter(|block| !block.is_empty());
    blocks
        .filter_map(|block| {
            let field = |name: &str| {
                let lines = block.lines().filter_map(|line| line.strip_prefix(name));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            let data = field("data: ");
            (!data.is_empty()).then(|| event(field("event: ").concat(), data.join("\n")))
        })
        .collect()
}

fn array_elements(body: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start().trim_start_matches('[');
    let elements = text.split("\n,\r\n").map(|one| one.trim_end_matches("\n]"));
    elements
        .filter(|one| one.trim_end().ends_with('}'))
        .map(|one| event(String::new(), one.trim_end().to_owned()))
        .collect()
}

/// All frames up to the first whose checksum is wrong; and whether there was one.
pub fn frames(mut body: &[u8]) -> (Vec<Event>, bool) {
    let mut events = Vec::new();
    while let Some(length) = body.first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(mut frame) = body.get(..length) else {
            break;
        };
        let Ok(message) = read_message_from(&mut frame) else {
            return (events, true);
        };
        let header = |name: &str| {
            let all = message.headers().iter();
            let value = all.filter(|header| header.name().as_str() == name);
            let value = value.map(|header| header.value().as_string().unwrap().as_str().to_owned());
            value.last()
        };
        assert_eq!(header(":content-type").unwrap(), "application/json");
        let kind = header(":message-type").unwrap();
        let name = header(&format!(":{kind}-type")).unwrap();
        let raw = String::from_utf8(message.payload().to_vec()).unwrap();
        events.push(event(name, raw));
        body = &body[length..];
    }
    (events, false)
}

/// The model's own event in a chunk.
fn native(chunk: Event) -> Event {
    let Some(bytes) = chunk.data["bytes"].as_str() else {
        return chunk;
    };
    let raw = String::from_utf8(STANDARD.decode(bytes).unwrap()).unwrap();
    let native = event(String::new(), raw);
    let name = native.data["type"].as_str().unwrap().to_owned();
    Event { name, ..native }
}
