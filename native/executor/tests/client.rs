//! What the client sees (`behaviour.md` §8).

mod support;

use bytes::Bytes;
use failover_executor::{Arrival, Cause, Decision, HeaderLengths, NetError};
use failover_policy::KeyType;
use support::*;

fn two() -> Builder {
    api(&["a@east", "b@west"])
}

#[tokio::test(start_paused = true)]
async fn the_failover_headers_name_the_candidate_that_served() {
    for body in [chat("a"), streamed("a")] {
        let api = two().bind();
        let answer = if body == chat("a") {
            ok("x")
        } else {
            ok_stream("x")
        };
        api.on("a@east", [status(500)]).on("b@west", [answer]);
        let heard = api.send(&body).await;
        assert_eq!(heard.header("x-failover-model"), Some("b"));
        assert_eq!(heard.header("x-failover-endpoint"), Some("west"));
        assert_eq!(heard.header("x-failover-attempts"), Some("2"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_failover_headers_are_there_without_a_failover_and_on_the_clients_fault_too() {
    for act in [ok("x"), mistake()] {
        let api = two().bind();
        api.on("a@east", [act]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(heard.header("x-failover-model"), Some("a"));
        assert_eq!(heard.header("x-failover-endpoint"), Some("east"));
        assert_eq!(heard.header("x-failover-attempts"), Some("1"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_failover_headers_can_be_switched_off() {
    let api = two().set("responseHeaders", "false").bind();
    api.on("a@east", [status(500)]).on("b@west", [ok("x")]);
    let heard = api.send(&chat("a")).await;
    for name in [
        "x-failover-model",
        "x-failover-endpoint",
        "x-failover-attempts",
        "x-failover-reason",
    ] {
        assert_eq!(heard.header(name), None, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_providers_own_failover_headers_never_get_through() {
    for switch in ["true", "false"] {
        let api = two().set("responseHeaders", switch).bind();
        let forged = ok("x")
            .header("x-failover-model", "forged")
            .header("x-failover-model", "forged twice")
            .header("x-failover-endpoint", "forged")
            .header("x-failover-attempts", "forged");
        api.on("a@east", [forged]);
        let heard = api.send(&chat("a")).await;
        let headers = format!("{:?}", heard.head.unwrap().headers);
        assert!(
            !headers.contains("forged"),
            "responseHeaders {switch}: {headers}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn end_to_end_headers_reach_the_client_and_hop_by_hop_headers_do_not() {
    for body in [chat("a"), streamed("a")] {
        let api = two().bind();
        let answer = if body == chat("a") {
            ok("x")
        } else {
            ok_stream("x")
        };
        let answer = [
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "trailer",
            "transfer-encoding",
            "upgrade",
        ]
        .iter()
        .fold(answer, |answer, name| answer.header(name, "x"))
        .header("content-length", "17")
        .header("openai-processing-ms", "42")
        .header("set-cookie", "one=1")
        .header("set-cookie", "two=2");
        api.on("a@east", [answer]);
        let heard = api.send(&body).await;
        let headers = &heard.head.as_ref().unwrap().headers;
        for gone in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "proxy-authenticate",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "content-length",
        ] {
            assert!(
                !headers.contains_key(gone),
                "{gone} is for one hop, or about another framing"
            );
        }
        assert_eq!(heard.header("openai-processing-ms"), Some("42"));
        assert!(heard.header("content-type").is_some());
        assert_eq!(
            headers.get_all("set-cookie").iter().count(),
            2,
            "a header that is there twice stays so"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_header_that_the_connection_header_names_is_hop_by_hop_too() {
    let api = two().bind();
    api.on(
        "a@east",
        [ok("x")
            .header("connection", "close, X-Hop")
            .header("x-hop", "1")],
    );
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        heard.header("x-hop"),
        None,
        "RFC 9110 §7.6.1: what Connection names is removed before forwarding"
    );
}

#[tokio::test(start_paused = true)]
async fn the_answer_reaches_the_client_byte_for_byte() {
    let body = "{ \"id\" : 1.0e0,\n\t\"model\":\"b-2026-01-01\", \"x\":\"\\u00e9é\" }\n";
    let api = two().bind();
    api.on(
        "a@east",
        [answer(200, "").pieces([
            now(&body[..10]),
            later(1.0, &body[10..20]),
            now(&body[20..]),
        ])],
    );
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        heard.text(),
        body,
        "with the candidate's own model name in it"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_for_one_piece_goes_out_as_fast_as_the_client_takes_it() {
    let text = "x".repeat(100_000);
    let api = two().bind();
    api.on("a@east", [ok(&text)]);
    let running = api.start_slow(&chat("a"), 1000);
    running.client.one_piece_is(64 * 1024);
    wait(10.0).await;
    assert_eq!(running.client.heard().text().len(), 1000);
    running.client.takes(usize::MAX);
    let heard = running.end().await;
    assert!(heard.text().contains(&text) && heard.ended);
    assert!(
        heard.whole,
        "the gateway counts it as a whole answer, also where nothing is known of what it has used"
    );
    assert_eq!(heard.header("x-failover-model"), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_the_client_gets_the_last_answer_of_a_provider() {
    let api = api(&["a@east", "b@west", "c@north"])
        .set("retryBudget", "0%")
        .bind();
    api.on("a@east", [status(500)])
        .on(
            "b@west",
            [status(429)
                .header("retry-after", "17")
                .header("x-request-id", "r2")],
        )
        .on("c@north", [fails(NetError::Connect)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(
        heard.status(),
        429,
        "the last candidate gave no answer, the one before it did"
    );
    assert!(heard.text().contains("said 429"));
    assert_eq!(heard.header("retry-after"), Some("17"));
    assert_eq!(
        heard.header("x-failover-model"),
        Some("b"),
        "the candidate whose answer this is"
    );
    assert_eq!(heard.header("x-failover-attempts"), Some("3"));
}

#[tokio::test(start_paused = true)]
async fn when_all_are_silent_the_client_gets_504() {
    let api = two().bind();
    api.on("a@east", [silent()]).on("b@west", [silent()]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status, 504);
    assert_eq!(heard.failure().cause, Cause::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn when_no_connection_comes_about_in_time_the_client_gets_504() {
    let api = api(&["a@east"]).bind();
    api.on("a@east", [fails(NetError::ConnectTimeout)]);
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status, 504);
    assert_eq!(heard.failure().cause, Cause::NoConnection);
}

#[tokio::test(start_paused = true)]
async fn when_the_network_fails_the_client_gets_502() {
    for error in [
        NetError::Connect,
        NetError::Reset,
        NetError::Protocol,
        NetError::Address,
    ] {
        let api = two().bind();
        api.on("a@east", [fails(error)])
            .on("b@west", [fails(error)]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(heard.failure().status, 502, "{error:?}");
        let expected = match error {
            NetError::Connect | NetError::Address => Cause::NoConnection,
            _ => Cause::Broken,
        };
        assert_eq!(heard.failure().cause, expected, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_are_suspended_the_client_gets_503_with_retry_after() {
    let api = api(&["a@east"]).set("whenAllSuspended", "reject").bind();
    api.on("a@east", [status(401)]);
    api.send(&chat("a")).await;
    wait(20.0).await;
    let heard = api.send(&chat("a")).await;
    assert_eq!(heard.failure().status, 503);
    assert_eq!(heard.failure().retry_after, Some(40));
    assert_eq!(heard.failure().cause, Cause::Suspended);
}

#[tokio::test(start_paused = true)]
async fn a_2xx_that_is_no_answer_is_never_what_the_client_gets() {
    for act in [answer(200, ""), answer(202, ""), answer(200, "{\"torn\"")] {
        let api = api(&["a@east"]).bind();
        api.on("a@east", [act]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(
            heard.failure().status,
            502,
            "never an empty 200, never a 202"
        );
        assert_eq!(heard.failure().cause, Cause::Broken);
    }
    let api = api(&["a@east"]).bind();
    api.on("a@east", [events([now(DONE)])]);
    assert_eq!(api.send(&streamed("a")).await.failure().status, 502);
}

#[tokio::test(start_paused = true)]
async fn an_error_with_a_success_status_is_given_as_the_error_that_it_is() {
    for (said, status) in [
        ("{\"error\":{\"message\":\"overloaded\"}}", 502),
        ("{\"error\":{\"message\":\"went wrong\",\"code\":500}}", 500),
        (MISTAKE, 400),
    ] {
        let api = api(&["a@east"]).bind();
        api.on("a@east", [answer(200, said)]);
        let heard = api.send(&chat("a")).await;
        assert_eq!(heard.status(), status, "{said}");
        assert_eq!(heard.text(), said, "the client sees why");
    }
}

#[tokio::test(start_paused = true)]
async fn an_earlier_providers_answer_goes_before_a_2xx_that_is_none() {
    let api = two().bind();
    api.on("a@east", [status(503)])
        .on("b@west", [answer(200, "")]);
    assert_eq!(api.send(&chat("a")).await.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_own_words_hold_no_address_and_no_credential() {
    let mut failures = vec![];
    for act in [
        silent(),
        fails(NetError::Connect),
        fails(NetError::ConnectTimeout),
        fails(NetError::Reset),
        fails(NetError::Protocol),
        fails(NetError::Address),
        answer(200, ""),
        answer(200, "{\"torn\":\"https://east.llm.internal\""),
        events([now(ROLE)]),
    ] {
        let api = api(&["a@east"]).set("whenAllSuspended", "reject").bind();
        api.on("a@east", [act]);
        failures.push(api.send(&chat("a")).await);
        failures.push(api.send(&chat("a")).await);
    }
    failures.push(
        api(&["a@east"])
            .unresolved("a@east")
            .bind()
            .send(&chat("a"))
            .await,
    );
    for heard in failures {
        let failure = heard.failure();
        for secret in ["http", "llm.internal", "8443", "s3cret", "Bearer"] {
            assert!(
                !failure.message.contains(secret),
                "'{secret}' must not be in what the client is told: {}",
                failure.message
            );
        }
        assert!(!failure.message.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn reports_hold_no_address_and_no_credential() {
    let api = two().bind();
    api.on("a@east", [fails(NetError::Connect)])
        .on("b@west", [status(401)]);
    let line = api.send(&chat("a")).await.report().to_string();
    for secret in ["http", "llm.internal", "8443", "s3cret", "Bearer", "\"hi\""] {
        assert!(
            !line.contains(secret),
            "'{secret}' must not be in the log: {line}"
        );
    }
    for expected in [
        "AssistantAPI:1.0.0",
        "model=\"a\"",
        "endpoint=\"east\"",
        "status=401",
    ] {
        assert!(
            line.contains(expected),
            "an operator looks for {expected} in: {line}"
        );
    }
}

const NAMES_HOSTS: [&str; 4] = ["location", "refresh", "content-location", "link"];

fn naming_hosts(act: Act) -> Act {
    NAMES_HOSTS.iter().fold(act, |act, name| {
        act.header(name, "http://10.0.0.7:9000/login")
    })
}

#[tokio::test(start_paused = true)]
async fn a_last_answer_that_is_no_success_names_no_host() {
    for code in [300, 302, 304, 307, 400, 401, 404, 429, 500, 503, 599, 600] {
        let api = api(&["a@east"]).set("targetRetries", "0").bind();
        api.on(
            "a@east",
            [naming_hosts(status(code)).header("retry-after", "7")],
        );
        let heard = api.send(&chat("a")).await;
        let headers = &heard.head.as_ref().unwrap().headers;
        assert!(
            !format!("{headers:?}").contains("10.0.0.7"),
            "never an internal address in an error: {code} {headers:?}"
        );
        assert_eq!(heard.header("retry-after"), Some("7"), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_may_say_where_its_result_is() {
    let api = api(&["a@east"]).bind();
    api.on("a@east", [naming_hosts(ok("x"))]);
    let heard = api.send(&chat("a")).await;
    for name in NAMES_HOSTS {
        assert!(heard.header(name).is_some(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_http_does_not_know_is_a_502() {
    for code in [101, 199, 600, 777, 999] {
        let with_body = api(&["a@east"]).bind();
        with_body.on("a@east", [status(code)]);
        let heard = with_body.send(&chat("a")).await;
        assert_eq!(heard.status(), 502, "{code}");
        assert!(heard.text().contains(&format!("said {code}")));
        assert_eq!(heard.report().status, 502, "what the client got");

        let without = api(&["a@east"]).bind();
        without.on("a@east", [answer(code, "")]);
        let heard = without.send(&chat("a")).await;
        assert_eq!(heard.failure().status.as_u16(), 502, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_http_does_not_know_goes_on_to_the_next_candidate() {
    for code in [101, 600, 999] {
        for body in [chat("a"), streamed("a")] {
            let api = two().bind();
            api.on("a@east", [status(code)]).on("b@west", [ok("hello")]);
            let heard = api.send(&body).await;
            assert_eq!(heard.status(), 200, "{code}");
        }
    }
}

// ------------------------------------------------------------------------------- what can't be sent to anybody

fn refused(api: &Api, path: &str, headers: HeaderLengths) -> Option<u16> {
    let arrival = Arrival {
        headers,
        ..arrival(path, Bytes::from(chat("a")))
    };
    match api.attached.prepare(KeyType::Production, arrival) {
        Decision::Refuse(refusal) => Some(refusal.status()),
        Decision::Handle(_) => None,
        Decision::PassOn => panic!("{path} was passed on"),
    }
}

#[test]
fn a_request_that_can_not_be_sent_is_refused_and_nobody_is_asked() {
    let api = two().bind();
    let none = HeaderLengths::default();
    let one_of = |bytes| HeaderLengths {
        longest: bytes,
        all: bytes,
    };
    let many_of = |bytes| HeaderLengths {
        longest: 100,
        all: bytes,
    };
    let long = format!("/chat/completions?a={}", "b".repeat(65_534));
    for (path, headers, status) in [
        ("/chat/%2e%2e/%2e%2e/tenant-b/v1/files", none, 400),
        ("/chat/../completions", none, 400),
        ("/chat\\..\\completions", none, 400),
        ("/chat/..;/completions", none, 400),
        ("/chat/\tcompletions", none, 400),
        (&long, none, 414),
        ("/chat/completions", one_of(9 * 1024), 431),
        ("/chat/completions", many_of(33_000 * 6), 431),
    ] {
        assert_eq!(refused(&api, path, headers), Some(status), "{path:.60}");
    }
    for (path, headers) in [
        ("/chat/completions?a=../b", none),
        ("//chat\\completions/...", one_of(7 * 1024)),
        ("/chat/%252e%252e/completions", many_of(20 * 1024)),
    ] {
        assert_eq!(refused(&api, path, headers), None, "{path}");
    }
}

#[test]
fn a_request_for_another_model_is_none_of_our_business_whatever_its_path() {
    let api = two().bind();
    let path = "/chat/%2e%2e/completions";
    let body = chat("another");
    let decision = api.decide_at(path, KeyType::Production, Some("application/json"), &body);
    assert!(matches!(decision, Decision::PassOn));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_makes_a_request_too_long_is_passed_over_and_not_blamed() {
    let api = two().bind();
    api.on("b@west", [ok("hello")]);
    let client = api.client(KeyType::Production);
    client.adds_to("a@east", "x-token", 9_000);
    let heard = api.start_with(api.take(&chat("a")), client).end().await;
    assert!(heard.text().contains("hello"));
    assert_eq!(api.called(), ["b@west"], "nothing too long is sent");
    assert!(!api.is_suspended("a@east"));
}

#[tokio::test(start_paused = true)]
async fn a_credential_of_the_clients_own_that_is_too_long_is_the_clients_fault() {
    let api = two().clients_credential().bind();
    let client = api.client(KeyType::Production);
    client.adds_to("a@east", "cookie", 9_000);
    let heard = api.start_with(api.take(&chat("a")), client).end().await;
    assert_eq!(heard.failure().status.as_u16(), 431);
    assert_eq!(api.called(), Vec::<String>::new());
    assert!(!api.is_suspended("a@east"));
}
