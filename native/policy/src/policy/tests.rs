use super::*;

const EMPTY: &str = "{'targetModel':{'vendor':'','model':'','endpointId':'','endpointName':''},'fallbackModels':[]}";

fn row_of(model: &str, endpoint: &str) -> String {
    format!("{{'vendor':'','model':'{model}','endpointId':'{endpoint}','endpointName':'n'}}")
}

fn section_of(target: &str, fallbacks: &[String]) -> String {
    format!(
        "{{'targetModel':{target},'fallbackModels':[{}]}}",
        fallbacks.join(",")
    )
}

fn read(text: &str) -> Result<Policy, ConfigError> {
    Policy::read(text, &[], &Settings::default())
}

fn production(section: &str, rest: &str) -> String {
    format!("{{'production':{section},'sandbox':{EMPTY}{rest}}}")
}

#[test]
fn the_portals_full_form_is_read() {
    let policy = read(&production(
        &section_of(
            &row_of("gpt-4o", "e1"),
            &[row_of("gpt-4o", "e2"), row_of("mini", "e1")],
        ),
        ",'requestTimeout':'1.5','suspendDuration':'60'",
    ))
    .unwrap();
    let section = policy.section(KeyType::Production).unwrap();
    assert_eq!(section.target().model, "gpt-4o");
    assert_eq!(section.candidates().len(), 3);
    assert_eq!(policy.sandbox, None);
    assert_eq!(policy.request_timeout, Duration::from_millis(1500));
    assert_eq!(policy.suspend_duration, Duration::from_secs(60));
    assert_eq!(policy.diagnostics, []);
}

#[test]
fn an_untouched_configuration_configures_nothing_and_is_no_error() {
    for text in [
        format!("{{'production':{EMPTY},'sandbox':{EMPTY}}}"),
        "{}".to_owned(),
        "{\"production\":{},\"sandbox\":{}}".to_owned(),
        "{'production':{},'sandbox':null}".to_owned(),
    ] {
        let policy = read(&text).unwrap();
        assert_eq!((policy.production, policy.sandbox), (None, None), "{text}");
        assert_eq!(policy.request_timeout, Duration::from_secs(30));
        assert_eq!(policy.suspend_duration, Duration::ZERO);
    }
}

#[test]
fn a_half_filled_target_is_refused_and_named() {
    let error = read(&production(&section_of(&row_of("m", ""), &[]), "")).unwrap_err();
    assert_eq!(error.field, "production.targetModel.endpointId");
    let error = read(&production(&section_of(&row_of("", "e"), &[]), "")).unwrap_err();
    assert_eq!(error.field, "production.targetModel.model");
}

#[test]
fn a_half_filled_fallback_is_left_out_with_an_error_and_the_target_stays() {
    let policy = read(&production(
        &section_of(
            &row_of("m", "e"),
            &[row_of("x", ""), row_of("y", "e"), row_of("", "")],
        ),
        "",
    ))
    .unwrap();
    assert_eq!(policy.production.unwrap().candidates().len(), 2);
    assert_eq!(policy.diagnostics.len(), 1);
    assert_eq!(policy.diagnostics[0].level, Level::Error);
    assert_eq!(policy.diagnostics[0].field, "production.fallbackModels[0]");
}

#[test]
fn an_exact_duplicate_is_dropped_with_a_warning() {
    let policy = read(&production(
        &section_of(&row_of("m", "e"), &[row_of("m", "e"), row_of("m", "e2")]),
        "",
    ))
    .unwrap();
    assert_eq!(policy.production.unwrap().candidates().len(), 2);
    assert_eq!(policy.diagnostics[0].level, Level::Warn);
}

#[test]
fn numbers_that_make_no_sense_are_refused_and_named() {
    for value in [
        "'-5'",
        "-5",
        "'it's'",
        "'90000'",
        "'99999999999999999999'",
        "[]",
        "'NaN'",
    ] {
        for field in ["requestTimeout", "suspendDuration"] {
            let error = read(&production(EMPTY, &format!(",'{field}':{value}"))).unwrap_err();
            assert_eq!(error.field, field, "{value}");
        }
    }
    assert_eq!(
        read(&production(EMPTY, ",'requestTimeout':'0'"))
            .unwrap_err()
            .field,
        "requestTimeout"
    );
}

#[test]
fn cleared_numbers_mean_their_defaults() {
    let policy = read(&production(
        EMPTY,
        ",'requestTimeout':'','suspendDuration':''",
    ))
    .unwrap();
    assert_eq!(policy.request_timeout, Duration::from_secs(30));
    assert_eq!(policy.suspend_duration, Duration::ZERO);
}

#[test]
fn settings_beside_request_timeout_and_attributes_go_over_the_gateways() {
    let gateway = Settings {
        target_retries: 1,
        ..Settings::default()
    };
    let policy = Policy::read(
        &production(EMPTY, ",'overallTimeout':'20s','targetRetries':2"),
        &[
            ("targetRetries", "3"),
            ("connectTimeout", ""),
            ("maxSuspend", "null"),
        ],
        &gateway,
    )
    .unwrap();
    assert_eq!(policy.settings.overall_timeout, Duration::from_secs(20));
    assert_eq!(policy.settings.target_retries, 3);
    assert_eq!(policy.settings.connect_timeout, gateway.connect_timeout);
}

#[test]
fn a_wrong_setting_of_one_api_is_refused_and_named() {
    let error = read(&production(EMPTY, ",'targetRetries':'many'")).unwrap_err();
    assert_eq!(error.field, "targetRetries");
    let error = Policy::read(
        &production(EMPTY, ""),
        &[("idleTimeout", "soon")],
        &Settings::default(),
    )
    .unwrap_err();
    assert_eq!(error.field, "idleTimeout");
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_name() {
    let policy = read(&production(EMPTY, ",'targetRetrys':'1'")).unwrap();
    assert_eq!(policy.diagnostics[0].level, Level::Warn);
    assert!(policy.diagnostics[0].message.contains("targetRetries"));
}

#[test]
fn a_configuration_of_the_wrong_shape_is_refused() {
    for text in [
        "",
        "  ",
        "[]",
        "null",
        "\"x\"",
        "{'production':[]}",
        "{'production':{'targetModel':'m'}}",
        "{'production'",
        "nonsense",
        "{} {}",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
