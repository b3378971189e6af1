//! The provider's log is evidence, and its faults can be changed while it runs.

mod common;

use common::{ask, ended, open, provider, question, read, request, send, streamed};
use serde_json::Value;
use simulated_provider::{End, Provider, Settings};
use tokio::{io::AsyncWriteExt, net::TcpStream};

#[tokio::test]
async fn a_caller_who_leaves_is_noticed_wherever_the_provider_hangs() {
    let provider = provider().await;
    for body in [
        question("m~silent"),
        question("m~delay=1h"),
        question("m~headers-then-silence"),
        streamed("m~stall=2"),
        streamed("m~pings"),
        streamed("m~interval=1h"),
    ] {
        drop(open(&provider, &body).await);
        let call = ended(&provider).await;
        assert_eq!(call.end, Some(End::ClientLeft), "{body}");
        assert!(call.client_left_ms.is_some(), "{body}");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_while_sending_is_logged() {
    let provider = provider().await;
    let mut stream = TcpStream::connect(provider.address()).await.unwrap();
    stream
        .write_all(b"POST /v1/chat/completions HTTP/1.1\r\nHost: p\r\nContent-Length: 50\r\n\r\n{")
        .await
        .unwrap();
    drop(stream);
    assert_eq!(ended(&provider).await.end, Some(End::ClientLeft));
}

#[tokio::test]
async fn a_call_is_logged_as_it_arrived() {
    let provider = provider().await;
    let body = r#"{ "messages" : [], "stream":true,"model":"m~tokens=2" }"#;
    let headers = "X-Second: 2\r\nx-FIRST: 1\r\nX-Second: 3\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let sent = request(
        "POST",
        "/v1/chat/completions?a=b%20c",
        headers,
        body.as_bytes(),
    );
    common::exchange(provider.address(), &sent).await;
    let call = ended(&provider).await;
    assert_eq!(
        (call.seq, &*call.provider, &*call.method),
        (1, "eu", "POST")
    );
    assert_eq!(call.path, "/v1/chat/completions?a=b%20c");
    assert_eq!(call.model.as_deref(), Some("m~tokens=2"));
    assert_eq!(
        (call.stream, &*call.directives, &*call.outcome),
        (true, "tokens=2", "streamed 200")
    );
    assert_eq!(call.body.as_deref(), Some(body));
    assert_eq!(call.end, Some(End::Complete));
    assert_eq!(call.client_left_ms, None);
    let names: Vec<_> = call.headers.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "Host",
            "X-Second",
            "x-FIRST",
            "X-Second",
            "Content-Type",
            "Connection",
            "Content-Length"
        ]
    );
    assert!(
        call.time.ends_with('Z') && call.time.len() == "2026-01-01T00:00:00.000Z".len(),
        "{}",
        call.time
    );
}

#[tokio::test]
async fn the_path_is_logged_to_the_byte() {
    let provider = provider().await;
    for target in [
        "/model/anthropic.claude-v1:0~tokens=1/converse",
        "/model/anthropic.claude-v1%3A0%7etokens=1/converse?a=%2F&b=/%2f&b=+:#c",
        "//model//m%2Fn//../converse/?",
        "http://provider/v1/chat/completions?x",
    ] {
        let body = question("m").to_string();
        send(&provider, "POST", target, &body).await;
        assert_eq!(ended(&provider).await.path, target);
    }
}

#[tokio::test]
async fn a_body_that_is_no_text_is_logged_in_base64() {
    let provider = provider().await;
    let form = b"--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--x\r\n\r\n\xff\xfe\r\n--x--";
    let headers = "Content-Type: multipart/form-data; boundary=x\r\nConnection: close\r\n";
    common::exchange(
        provider.address(),
        &request("POST", "/v1/audio/transcriptions", headers, form),
    )
    .await;
    let call = ended(&provider).await;
    assert_eq!(call.body, None);
    assert!(call.body_base64.is_some());
    assert_eq!(call.model.as_deref(), Some("whisper"));
}

#[tokio::test]
async fn a_reused_connection_keeps_its_number_and_each_calls_headers() {
    let provider = provider().await;
    let mut stream = TcpStream::connect(provider.address()).await.unwrap();
    for call in ["X-One: 1\r\n", "X-Two: 2\r\n"] {
        let body = question("m").to_string();
        stream
            .write_all(&request(
                "POST",
                "/v1/chat/completions",
                call,
                body.as_bytes(),
            ))
            .await
            .unwrap();
        let answer = read(
            &mut stream,
            std::time::Duration::from_secs(10),
            common::SILENCE,
        )
        .await;
        assert_eq!(answer.status(), 200);
    }
    ask(&provider, "m").await;
    let calls = provider.calls();
    let connections: Vec<_> = calls.iter().map(|call| call.connection).collect();
    assert_eq!(connections, [1, 1, 2]);
    assert_eq!(calls[0].headers[1].0, "X-One");
    assert_eq!(calls[1].headers[1].0, "X-Two");
    assert_eq!(calls[1].headers.len(), 3);
}

#[tokio::test]
async fn a_pipelined_call_has_its_own_headers() {
    let provider = provider().await;
    let body = question("m").to_string();
    let one = request(
        "POST",
        "/v1/chat/completions",
        "X-One: 1\r\n",
        body.as_bytes(),
    );
    let two = request(
        "POST",
        "/v1/chat/completions",
        "X-Two: 2\r\nConnection: close\r\n",
        body.as_bytes(),
    );
    common::exchange(provider.address(), &[one, two].concat()).await;
    let second = ended(&provider).await;
    assert_eq!(second.seq, 2);
    let has = |name: &str| {
        second
            .headers
            .iter()
            .any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    assert!(has("x-two") && !has("x-one"), "{:?}", second.headers);
}

#[tokio::test]
async fn the_log_file_has_a_line_when_a_call_starts_and_one_when_it_ends() {
    let path =
        std::env::temp_dir().join(format!("simulated-provider-{}.jsonl", std::process::id()));
    let settings = Settings {
        log: Some(path.clone()),
        ..Settings::default()
    };
    let provider = Provider::start(settings).await.unwrap();
    let stream = open(&provider, &question("m~silent")).await;
    let lines = || -> Vec<Value> {
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    assert_eq!(lines().len(), 1);
    assert_eq!(lines()[0]["outcome"], "silent");
    drop(stream);
    ended(&provider).await;
    let lines = lines();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[1]["seq"], &lines[1]["end"]),
        (&1.into(), &"client-left".into())
    );
    assert!(lines[1]["client_left_ms"].is_u64());
}

#[tokio::test]
async fn faults_are_set_and_cleared_while_it_runs() {
    let provider = provider().await;
    let put = |body: &'static str| send(&provider, "PUT", "/_control/faults", body);
    assert_eq!(
        put(r#"{"model":"gpt-4o","directives":"status=503~retry-after=2"}"#)
            .await
            .status(),
        200
    );
    let answer = ask(&provider, "gpt-4o").await;
    assert_eq!(
        (answer.status(), answer.header("retry-after")),
        (503, Some("2".to_owned()))
    );
    assert_eq!(
        ask(&provider, "gpt-4o-mini").await.status(),
        200,
        "another model"
    );
    assert_eq!(
        put(r#"{"model":"gpt-4o","directives":""}"#).await.status(),
        200
    );
    assert_eq!(ask(&provider, "gpt-4o").await.status(), 200);

    put(r#"{"model":"m~status=500","directives":""}"#).await;
    assert_eq!(
        ask(&provider, "m~status=500").await.status(),
        200,
        "what is set goes before the name"
    );
    send(&provider, "DELETE", "/_control/faults", "").await;
    assert_eq!(ask(&provider, "m~status=500").await.status(), 500);

    put(r#"{"model":"m","directives":"status=503~first=1"}"#).await;
    assert_eq!(ask(&provider, "m").await.status(), 503);
    assert_eq!(ask(&provider, "m").await.status(), 200);
    put(r#"{"model":"m","directives":"status=503~first=1"}"#).await;
    assert_eq!(
        ask(&provider, "m").await.status(),
        503,
        "set anew, counted anew"
    );

    for wrong in [r#"{"model":"m","directives":"nonsense"}"#, "{}", "x"] {
        assert_eq!(put(wrong).await.status(), 400, "{wrong}");
    }
}

#[tokio::test]
async fn the_log_is_read_by_model_and_emptied_over_http() {
    let provider = provider().await;
    ask(&provider, "a~status=503").await;
    ask(&provider, "b").await;
    ended(&provider).await;
    let get = |path: &'static str| send(&provider, "GET", path, "");
    let all = get("/_control/calls").await.json();
    assert_eq!(
        all.as_array().unwrap().len(),
        2,
        "control is not logged: {all}"
    );
    assert_eq!(get("/_control/calls?model=").await.json(), all);
    let one = get("/_control/calls?model=a%7Estatus%3D503").await.json();
    assert_eq!(one, Value::Array(vec![all[0].clone()]));
    assert_eq!(
        (&one[0]["outcome"], &one[0]["end"]),
        (&"answered 503".into(), &"complete".into())
    );
    assert!(one[0]["client_left_ms"].is_null());

    send(&provider, "DELETE", "/_control/calls", "").await;
    assert_eq!(
        get("/_control/calls").await.json(),
        Value::Array(Vec::new())
    );
    ask(&provider, "b").await;
    assert_eq!(provider.calls()[0].seq, 3, "numbers go on");
    assert_eq!(get("/_control/nothing").await.status(), 404);
}
