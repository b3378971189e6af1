use std::sync::Arc;

use failover_wire::ModelRequest;
use failover_wire::provider::Observed;
use failover_wire::request::Model;
use failover_wire::room::allocated;
use failover_wire::stream::{Observer, Tokens};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The longest identifiers of models, Bedrock's.
const LONGEST: usize = 2048;

const GEMINI: &str = r"(?<=models/)[a-zA-Z0-9.\-]+";
const BEDROCK: &str = "(?<=model/)[a-zA-Z0-9.:-]+(?=/)";

type Row = (&'static str, &'static str, &'static str);

/// Source, identifier, and whether that can be used for anything.
const CASES: [(&str, &str, bool); 10] = [
    ("payload", "$.model", true),
    ("PayLoad", "$..model", true),
    ("payload", "$.used", true),
    ("payload", "$.a[", false),
    ("payload", "$..a..b", false),
    ("pathParams", "(?<=models/)[^/]+", true),
    ("PATHPARAMS", "[^/]+$", true),
    ("pathParams", "(?<=x", false),
    ("header", "x-model", true),
    ("cookie", "model", false),
];

fn provider(name: &str, version: &str, connector: &str, rows: &[Row]) -> Provider {
    let (provider, warnings) = with_warnings(name, version, connector, rows);
    assert_eq!(warnings, Vec::<String>::new());
    provider
}

fn with_warnings(
    name: &str,
    version: &str,
    connector: &str,
    rows: &[Row],
) -> (Provider, Vec<String>) {
    let attributes = rows.iter().map(|(name, source, identifier)| Attribute {
        name: (*name).to_owned(),
        source: (*source).to_owned(),
        identifier: (*identifier).to_owned(),
    });
    compile(name.to_owned(), version.to_owned(), connector, attributes)
}

fn of_openai(name: &str, version: &str, connector: &str, counts: [&'static str; 2]) -> Provider {
    provider(
        name,
        version,
        connector,
        &[
            ("requestModel", "payload", "$.model"),
            ("responseModel", "payload", "$.model"),
            ("promptTokenCount", "payload", counts[0]),
            ("completionTokenCount", "payload", counts[1]),
            ("totalTokenCount", "payload", "$.usage.total_tokens"),
            (
                "remainingTokenCount",
                "header",
                "x-ratelimit-remaining-tokens",
            ),
        ],
    )
}

const COMPLETIONS: [&str; 2] = ["$.usage.prompt_tokens", "$.usage.completion_tokens"];
const RESPONSES: [&str; 2] = ["$.usage.input_tokens", "$.usage.output_tokens"];

fn openai() -> Provider {
    of_openai("OpenAI", "2.0.0", "openAi_2.0.0", COMPLETIONS)
}

fn mistral() -> Provider {
    of_openai("MistralAI", "1.0.0", "mistralAi_1.0.0", COMPLETIONS)
}

fn azure_1() -> Provider {
    of_openai("AzureOpenAI", "1.0.0", "azureOpenAi_1.0.0", COMPLETIONS)
}

fn azure_2() -> Provider {
    of_openai("AzureOpenAI", "2.0.0", "azureOpenAi_2.0.0", RESPONSES)
}

fn foundry() -> Provider {
    of_openai(
        "AzureAIFoundry",
        "1.0.0",
        "azureAiFoundry_1.0.0",
        COMPLETIONS,
    )
}

fn anthropic() -> Provider {
    provider(
        "Anthropic",
        "1.0.0",
        "anthropic_1.0.0",
        &[
            ("requestModel", "payload", "$.model"),
            ("responseModel", "payload", "$.model"),
            ("promptTokenCount", "payload", RESPONSES[0]),
            ("completionTokenCount", "payload", RESPONSES[1]),
            (
                "remainingTokenCount",
                "header",
                "anthropic-ratelimit-tokens-remaining",
            ),
        ],
    )
}

fn gemini() -> Provider {
    provider(
        "Gemini",
        "1.1.0",
        "gemini_1.1.0",
        &[
            ("requestModel", "pathParams", GEMINI),
            ("responseModel", "payload", "$.modelVersion"),
            (
                "promptTokenCount",
                "payload",
                "$.usageMetadata.promptTokenCount",
            ),
            (
                "completionTokenCount",
                "payload",
                "$.usageMetadata.candidatesTokenCount",
            ),
            (
                "totalTokenCount",
                "payload",
                "$.usageMetadata.totalTokenCount",
            ),
        ],
    )
}

fn bedrock() -> Provider {
    provider(
        "AWSBedrock",
        "1.0.0",
        "awsBedrock_1.0.0",
        &[
            ("requestModel", "pathParams", BEDROCK),
            ("responseModel", "pathParams", BEDROCK),
            ("promptTokenCount", "payload", "$.usage.inputTokens"),
            ("completionTokenCount", "payload", "$.usage.outputTokens"),
            ("totalTokenCount", "payload", "$.usage.totalTokens"),
        ],
    )
}

fn known() -> [Provider; 8] {
    [
        openai(),
        mistral(),
        azure_1(),
        azure_2(),
        foundry(),
        anthropic(),
        gemini(),
        bedrock(),
    ]
}

fn sorted(mut map: Vec<(String, String)>) -> Vec<(String, String)> {
    map.sort();
    map
}

fn map(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    sorted(
        entries
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    )
}

#[test]
fn the_answers_of_each_provider_say_what_the_gateway_reads() {
    let completion =
        r#"{"model":"m-1","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":9}}"#;
    let response =
        r#"{"model":"m-1","usage":{"input_tokens":3,"output_tokens":4,"total_tokens":9}}"#;
    let message = r#"{"model":"m-1","usage":{"input_tokens":3,"output_tokens":6}}"#;
    let content = r#"{"modelVersion":"m-1","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":9}}"#;
    let converse = r#"{"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":9}}"#;
    for (provider, path, body, request_model, name, version, completion) in [
        (
            openai(),
            "/chat/completions",
            completion,
            "m-1",
            "OpenAI",
            "2.0.0",
            "4",
        ),
        (
            mistral(),
            "/v1/chat/completions",
            completion,
            "m-1",
            "MistralAI",
            "1.0.0",
            "4",
        ),
        (
            azure_1(),
            "/deployments/d/chat/completions",
            completion,
            "m-1",
            "AzureOpenAI",
            "1.0.0",
            "4",
        ),
        (
            azure_2(),
            "/openai/v1/responses",
            response,
            "m-1",
            "AzureOpenAI",
            "2.0.0",
            "4",
        ),
        (
            foundry(),
            "/models/chat/completions",
            completion,
            "m-1",
            "AzureAIFoundry",
            "1.0.0",
            "4",
        ),
        (
            anthropic(),
            "/v1/messages",
            message,
            "m-1",
            "Anthropic",
            "1.0.0",
            "6",
        ),
        (
            gemini(),
            "/v1beta/models/asked-for:generateContent",
            content,
            "asked-for",
            "Gemini",
            "1.1.0",
            "4",
        ),
        (
            bedrock(),
            "/model/m-1/converse?x=model/y/",
            converse,
            "m-1",
            "AWSBedrock",
            "1.0.0",
            "4",
        ),
    ] {
        assert_eq!(
            sorted(provider.metadata(path, body.as_bytes())),
            map(&[
                ("name", name),
                ("apiVersion", version),
                ("requestModel", request_model),
                ("responseModel", "m-1"),
                ("promptTokenCount", "3"),
                ("completionTokenCount", completion),
                ("totalTokenCount", "9"),
            ]),
            "{name} {version}"
        );
    }
}

#[test]
fn an_answer_that_is_no_json_says_what_its_path_says() {
    for body in ["", "<html>", "{\"usage\":{\"inputTokens\":3}", "7"] {
        assert_eq!(
            sorted(bedrock().metadata("/model/a%3A1/invoke", body.as_bytes())),
            map(&[
                ("name", "AWSBedrock"),
                ("apiVersion", "1.0.0"),
                ("requestModel", "a:1"),
                ("responseModel", "a:1"),
            ]),
            "{body}"
        );
    }
}

#[test]
fn only_what_the_readers_can_read_is_told() {
    let body = "\u{feff}{\"model\":[\"m\"],\"usage\":{\"prompt_tokens\":1.5,\"completion_tokens\":\"7\",\"total_tokens\":null}}";
    assert_eq!(
        sorted(openai().metadata("/", body.as_bytes())),
        map(&[
            ("name", "OpenAI"),
            ("apiVersion", "2.0.0"),
            ("completionTokenCount", "7"),
        ])
    );
    for count in ["-1", "1e2", "99999999999", "true", "\"many\"", "{}"] {
        let body = format!(r#"{{"usage":{{"total_tokens":{count}}}}}"#);
        assert_eq!(openai().metadata("/", body.as_bytes()).len(), 2, "{count}");
    }
}

#[test]
fn a_name_as_long_as_a_document_is_not_told() {
    for (length, told) in [(LONGEST, true), (LONGEST + 1, false)] {
        let body = format!(r#"{{"model":"{}"}}"#, "m".repeat(length));
        let metadata = openai().metadata("/", body.as_bytes());
        assert_eq!(
            metadata.iter().any(|(name, _)| name == "responseModel"),
            told
        );
    }
}

#[test]
fn a_sum_is_no_larger_than_its_readers_can_read() {
    let body = format!(
        r#"{{"usage":{{"input_tokens":{0},"output_tokens":{0}}}}}"#,
        i32::MAX
    );
    let largest = (NAMES.total.to_owned(), i32::MAX.to_string());
    assert!(
        anthropic()
            .metadata("/", body.as_bytes())
            .contains(&largest)
    );
}

#[test]
fn an_attribute_by_a_query_is_read_too() {
    let rows: &[Row] = &[
        ("responseModel", "PAYLOAD", "$..engine"),
        (
            "promptTokenCount",
            "Payload",
            "$.usage[?(@.of=='prompt')].n",
        ),
        ("weight", "payload", "$.weight"),
    ];
    let own = provider("Own", "1", "default", rows);
    let body =
        br#"{"weight":0.5,"a":{"engine":"e"},"usage":[{"of":"x","n":1},{"of":"prompt","n":2}]}"#;
    assert_eq!(
        sorted(own.metadata("/", body)),
        map(&[
            ("name", "Own"),
            ("apiVersion", "1"),
            ("responseModel", "e"),
            ("promptTokenCount", "2"),
            ("weight", "0.5"),
        ])
    );
}

#[test]
fn a_streams_own_counts_make_the_same_map() {
    let tokens = Tokens {
        prompt: 3,
        completion: 4,
        total: 7,
    };
    for (provider, path, body) in [
        (
            openai(),
            "/chat/completions",
            r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
        ),
        (
            anthropic(),
            "/v1/messages",
            r#"{"model":"m","usage":{"input_tokens":3,"output_tokens":4}}"#,
        ),
        (
            gemini(),
            "/models/x:streamGenerateContent",
            r#"{"modelVersion":"m","usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}"#,
        ),
        (
            bedrock(),
            "/model/m/converse-stream",
            r#"{"usage":{"inputTokens":3,"outputTokens":4}}"#,
        ),
    ] {
        assert_eq!(
            sorted(provider.stream_metadata(path, Some("m"), Some(tokens))),
            sorted(provider.metadata(path, body.as_bytes())),
            "{provider:?}"
        );
    }
    let thinking = Tokens {
        total: 90,
        ..tokens
    };
    let map = gemini().stream_metadata("/", None, Some(thinking));
    assert!(
        map.contains(&("totalTokenCount".into(), "90".into())),
        "{map:?}"
    );
    assert_eq!(gemini().stream_metadata("/", None, None).len(), 2);
}

#[test]
fn a_stream_of_an_unknown_format_says_what_its_events_said_last() {
    let rows: &[Row] = &[
        ("responseModel", "payload", "$.engine"),
        ("promptTokenCount", "payload", "$.used.in"),
        ("completionTokenCount", "payload", "$..out"),
    ];
    let own = Arc::new(provider("Own", "1", "default", rows));
    let mut observed = Observed::for_provider(Arc::clone(&own));
    assert_eq!((observed.model(), observed.tokens()), (None, None));
    for event in [
        json!({"engine": "e", "used": {"in": 3, "out": 1}}),
        json!({"used": {"out": 5}}),
        json!({"engine": null, "used": null}),
        json!(["no", "object"]),
    ] {
        observed.observe(&event);
    }
    assert_eq!(
        sorted(own.stream_metadata("/", observed.model(), observed.tokens())),
        map(&[
            ("name", "Own"),
            ("apiVersion", "1"),
            ("responseModel", "e"),
            ("promptTokenCount", "3"),
            ("completionTokenCount", "5"),
            ("totalTokenCount", "8"),
        ])
    );
}

#[test]
fn what_can_not_be_used_is_told_and_left_out() {
    for (row, why) in [
        (("requestModel", "payload", "$.a["), "$.a["),
        (("requestModel", "pathParams", "(?<=x"), "(?<=x"),
        (("requestModel", "header", "x-model"), "header"),
        (("requestModel", "cookie", "model"), "cookie"),
    ] {
        let (provider, warnings) = with_warnings("Own", "1.0", "default", &[row]);
        assert_eq!(warnings.len(), 1, "{row:?}");
        for part in ["Own", "1.0", "requestModel", why] {
            assert!(warnings[0].contains(part), "{part} in {}", warnings[0]);
        }
        let path = "/model/m/converse";
        let asked = ModelRequest::read(Some(&provider), path, None, b"{}").unwrap();
        assert_eq!(asked, ModelRequest::read(None, path, None, b"{}").unwrap());
    }
}

#[test]
fn an_older_providers_model_is_the_requests() {
    let old = provider("Old", "1", "default", &[("model", "payload", "$.engine")]);
    let asked = ModelRequest::read(Some(&old), "/x", None, br#"{"engine":"e"}"#).unwrap();
    assert_eq!(asked.unwrap().model(), &Model::Named("e".into()));
}

fn read(provider: &Provider, path: &str, body: &str) -> Option<ModelRequest> {
    ModelRequest::read(
        Some(provider),
        path,
        Some("application/json"),
        body.as_bytes(),
    )
    .unwrap()
}

/// What a candidate gets: its path and its body.
fn rewritten(provider: &Provider, path: &str, body: &str) -> (String, String) {
    let asked = read(provider, path, body).unwrap();
    let out = asked.body_for(body.as_bytes(), "new", false, &mut allocated);
    (
        asked.path_for(path, "new").into_owned(),
        String::from_utf8(out.unwrap().into_owned()).unwrap(),
    )
}

#[test]
fn the_model_is_replaced_where_each_provider_has_it() {
    for (provider, path, body, new_path, new_body) in [
        (
            openai(),
            "/chat/completions",
            r#"{"model":"m"}"#,
            "/chat/completions",
            r#"{"model":"new"}"#,
        ),
        (
            mistral(),
            "/v1/models/x:predict",
            r#"{"model":"m"}"#,
            "/v1/models/x:predict",
            r#"{"model":"new"}"#,
        ),
        (
            azure_1(),
            "/deployments/m/chat/completions",
            r#"{"model":"m"}"#,
            "/deployments/new/chat/completions",
            r#"{"model":"m"}"#,
        ),
        (
            azure_1(),
            "/deployments/d/chat/completions",
            r#"{"model":"m"}"#,
            "/deployments/d/chat/completions",
            r#"{"model":"m"}"#,
        ),
        (
            azure_1(),
            "/deployments/m/chat/completions",
            "{}",
            "/deployments/new/chat/completions",
            "{}",
        ),
        (
            azure_1(),
            "/deployments/m/chat/completions",
            "[]",
            "/deployments/new/chat/completions",
            "[]",
        ),
        (
            azure_2(),
            "/deployments/d/chat/completions",
            r#"{"model":"m"}"#,
            "/deployments/d/chat/completions",
            r#"{"model":"new"}"#,
        ),
        (
            foundry(),
            "/models/chat/completions",
            r#"{"model":"m"}"#,
            "/models/chat/completions",
            r#"{"model":"new"}"#,
        ),
        (
            anthropic(),
            "/v1/messages",
            r#"{"model":"m"}"#,
            "/v1/messages",
            r#"{"model":"new"}"#,
        ),
        (
            gemini(),
            "/v1beta/models/m:generateContent",
            r#"{"model":"m"}"#,
            "/v1beta/models/new:generateContent",
            r#"{"model":"m"}"#,
        ),
        (
            bedrock(),
            "/model/m/invoke",
            r#"{"model":"b"}"#,
            "/model/new/invoke",
            r#"{"model":"b"}"#,
        ),
    ] {
        let (got_path, got_body) = rewritten(&provider, path, body);
        assert_eq!(
            (got_path.as_str(), got_body.as_str()),
            (new_path, new_body),
            "{provider:?}"
        );
    }
}

#[test]
fn the_body_alone_decides_where_the_provider_has_the_model_there() {
    let asked = read(
        &openai(),
        "/v1/models/x:generateContent",
        r#"{"model":"m"}"#,
    )
    .unwrap();
    assert_eq!(asked.model(), &Model::Named("m".into()));
    assert!(!asked.rewrites_path());
    let asked = read(&azure_2(), "/deployments/d/chat/completions", "{}").unwrap();
    assert_eq!(asked.model(), &Model::Absent);
    assert_eq!(read(&openai(), "/model/m/converse", "[]"), None);
}

#[test]
fn a_text_that_is_longer_than_any_name_is_not_taken_over() {
    let model = |length: usize| {
        let body = format!(r#"{{"model":"{}"}}"#, "m".repeat(length));
        let metadata = openai().metadata("/chat/completions", body.as_bytes());
        let mut observed = Observed::for_provider(Arc::new(openai()));
        observed.observe(&serde_json::from_str(&body).unwrap());
        let found = metadata.into_iter().find(|(name, _)| name == NAMES.model);
        assert_eq!(found.is_some(), observed.model().is_some());
        found.map(|(_, model)| model.len())
    };
    assert_eq!(model(1000), Some(1000));
    assert_eq!(model(1 << 20), None);
}

#[test]
fn azures_body_is_compared_and_its_deployment_is_the_model_without_one() {
    let path = "/deployments/d/chat/completions";
    let model = |body| read(&azure_1(), path, body).unwrap().model().clone();
    assert_eq!(model(r#"{"model":"m"}"#), Model::Named("m".into()));
    assert_eq!(model("{}"), Model::Named("d".into()));
    assert_eq!(model(r#"{"model":7}"#), Model::NoName);
    let asked = read(&azure_1(), "/chat/completions", "{}").unwrap();
    assert_eq!(asked.model(), &Model::Absent);
    let sent = asked.body_for(b"{}", "new", false, &mut allocated);
    assert_eq!(sent.as_deref(), Some(&b"{}"[..]));
}

#[test]
fn a_providers_own_pattern_finds_the_model_where_no_shape_does() {
    let own = provider(
        "Own",
        "1",
        "default",
        &[("requestModel", "pathparams", "(?<=/engines/)[^/]+")],
    );
    let path = "/v1/engines/a%2Fb/streamGenerateContent";
    let asked = read(&own, path, "{}").unwrap();
    assert_eq!(
        asked.model(),
        &Model::Named("a".into()),
        "a slash ends this pattern's match"
    );
    assert!(asked.stream());
    assert_eq!(
        asked.path_for(path, "x/y"),
        "/v1/engines/x%2Fy%2Fb/streamGenerateContent"
    );
    let asked = read(&own, "/engines/e/generate", r#"{"stream":true}"#).unwrap();
    assert!(asked.stream());
    assert_eq!(read(&own, "/chat/completions", r#"{"model":"m"}"#), None);
}

#[test]
fn a_form_has_its_field_by_the_last_name() {
    let own = provider(
        "Own",
        "1",
        "default",
        &[("requestModel", "payload", "$.engine.name")],
    );
    let form = "--X\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nm\r\n--X--\r\n";
    let content_type = Some("multipart/form-data; boundary=X");
    let asked = ModelRequest::read(Some(&own), "/audio", content_type, form.as_bytes()).unwrap();
    let asked = asked.unwrap();
    assert_eq!(asked.model(), &Model::Named("m".into()));
    let sent = asked.body_for(form.as_bytes(), "new", true, &mut allocated);
    let expected = form.replace("\r\nm\r\n", "\r\nnew\r\n");
    assert_eq!(sent.as_deref(), Some(expected.as_bytes()));
}

#[test]
fn usage_is_asked_for_where_the_provider_understands_it() {
    let body = r#"{"model":"m","stream":true}"#;
    let can = |provider: &Provider, path: &str, body: &str| {
        read(provider, path, body).is_some_and(|asked| asked.can_ask_usage(path))
    };
    for path in [
        "/chat/completions",
        "/v1/completions/?a=b",
        "/deployments/m/chat/completions",
        "/chat/%63ompletions",
    ] {
        assert!(can(&openai(), path, body), "{path}");
        assert!(can(&azure_1(), path, body), "{path}");
        assert!(!can(&mistral(), path, body), "{path}");
        assert!(
            ModelRequest::read(None, path, None, body.as_bytes())
                .unwrap()
                .unwrap()
                .can_ask_usage(path)
        );
    }
    assert!(!can(&openai(), "/responses", body));
    assert!(!can(&openai(), "/chat/completions", r#"{"model":"m"}"#));
    let own = r#"{"stream":true,"stream_options":{"include_usage":true}}"#;
    assert!(!can(&openai(), "/chat/completions", own));

    let path = "/deployments/m/chat/completions";
    let asked = read(&azure_1(), path, body).unwrap();
    let sent = asked.body_for(body.as_bytes(), "new", true, &mut allocated);
    let expected = r#"{"stream_options":{"include_usage":true},"model":"m","stream":true}"#;
    assert_eq!(sent.as_deref(), Some(expected.as_bytes()));
}

#[test]
fn an_answer_in_another_format_than_the_attributes_are_for_is_counted_nevertheless() {
    let azure = provider(
        "AzureOpenAI",
        "2.0.0",
        "azureOpenAi_2.0.0",
        &[
            ("promptTokenCount", "payload", "$.usage.input_tokens"),
            ("completionTokenCount", "payload", "$.usage.output_tokens"),
            ("totalTokenCount", "payload", "$.usage.total_tokens"),
        ],
    );
    let chat = br#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":9}}"#;
    let metadata = azure.metadata("/chat/completions", chat);
    for (name, count) in [
        (NAMES.prompt, "3"),
        (NAMES.completion, "4"),
        (NAMES.total, "9"),
    ] {
        assert!(
            metadata.contains(&(name.into(), count.into())),
            "{metadata:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_answer_and_no_path_make_the_reader_panic(body: Vec<u8>, path in "\\PC{0,40}", text in r#"[{}\[\]":,0-9.usage ]{0,40}"#) {
        for provider in known() {
            for body in [&body, text.as_bytes(), format!(r#"{{"usage":{text}}}"#).as_bytes()] {
                prop_assert!(provider.metadata(&path, body).len() >= 2);
                let _ = ModelRequest::read(Some(&provider), &path, None, body);
            }
        }
    }

    #[test]
    fn every_name_is_found_and_exchanged_where_a_provider_has_it(
        model in "[a-zA-Z0-9.-]{1,24}", new in "[a-zA-Z0-9.-]{1,24}",
    ) {
        let body = |model: &str| format!(r#"{{"model":"{model}"}}"#);
        for provider in [openai(), mistral(), azure_2(), foundry(), anthropic()] {
            let path = "/v1/some/path";
            let request = read(&provider, path, &body(&model)).unwrap();
            prop_assert_eq!(request.model(), &Model::Named(model.clone()));
            prop_assert_eq!(request.path_for(path, &new), path);
            let sent = request.body_for(body(&model).as_bytes(), &new, false, &mut allocated).unwrap().into_owned();
            prop_assert_eq!(sent, body(&new).into_bytes());
        }
        // No verb tells these: the provider's own pattern does.
        for (provider, path) in [
            (gemini(), (|m: &str| format!("/v1beta/models/{m}/x?a=b")) as fn(&str) -> String),
            (bedrock(), |m| format!("/model/{m}/unheard?a=b")),
        ] {
            let asked = path(&model);
            let request = read(&provider, &asked, "{}").unwrap();
            prop_assert_eq!(request.model(), &Model::Named(model.clone()));
            prop_assert_eq!(request.path_for(&asked, &new), path(&new));
        }
    }

    #[test]
    fn what_can_not_be_used_is_as_if_it_were_not_there_and_each_is_told(
        rows in prop::collection::vec((0usize..5, prop::sample::select(CASES.to_vec())), 0..8),
        body in prop::sample::select(vec![
            r#"{"model":"m","usage":{"prompt_tokens":3,"completion_tokens":4}}"#,
            r#"{"a":[{"model":"n"}],"used":5}"#,
            "[]",
        ]),
    ) {
        let names = ["requestModel", "responseModel", NAMES.prompt, REMAINING, "weight"];
        let rows: Vec<(Row, bool)> = rows
            .into_iter()
            .map(|(name, (source, identifier, usable))| {
                let in_header = source == "header" && names[name] == REQUEST_MODEL;
                ((names[name], source, identifier), usable && !in_header)
            })
            .collect();
        let all: Vec<Row> = rows.iter().map(|(row, _)| *row).collect();
        let (provider, warnings) = with_warnings("Own", "1", "default", &all);
        prop_assert_eq!(warnings.len(), rows.iter().filter(|(_, usable)| !usable).count());
        let usable: Vec<Row> = rows.iter().filter(|(_, usable)| *usable).map(|(row, _)| *row).collect();
        let (same, none) = with_warnings("Own", "1", "default", &usable);
        prop_assert_eq!(none, Vec::<String>::new());
        let path = "/models/m/x";
        prop_assert_eq!(provider.metadata(path, body.as_bytes()), same.metadata(path, body.as_bytes()));
        prop_assert_eq!(read(&provider, path, body), read(&same, path, body));
    }

    #[test]
    fn a_count_is_told_as_far_as_an_integer_goes_and_a_text_as_far_as_a_name(count: u64, letters in 0usize..5000) {
        let text = "m".repeat(letters);
        let body = json!({"model": text, "usage": {"prompt_tokens": count, "completion_tokens": 1}}).to_string();
        let told = openai().metadata("/", body.as_bytes());
        let found = |name: &str| told.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        prop_assert_eq!(found(NAMES.prompt), i32::try_from(count).is_ok().then(|| count.to_string()));
        prop_assert_eq!(found(NAMES.model), (letters <= LONGEST).then_some(text));
    }
}
