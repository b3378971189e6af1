use super::*;
use Blame::{Candidate, Nobody, Unsure};
use Next::{No, OtherModel, Yes};

fn refusal(code: u16, reason: Option<Reason>, own: bool) -> (Next, Blame) {
    let status = StatusCode::from_u16(code).ok();
    let outcome = Outcome::of_refusal(status, reason, own).unwrap();
    let rule = outcome.rule(&Settings::default());
    (rule.next, rule.blame)
}

#[test]
fn statuses_that_say_by_themselves_whose_fault_it_is() {
    for (codes, own, expected) in [
        (&[405, 406, 409, 411, 413, 415][..], true, (No, Nobody)),
        (&[400, 404, 410, 418, 422, 431, 451], true, (Yes, Nobody)),
        (&[401, 402], true, (Yes, Candidate)),
        (&[403], true, (Yes, Unsure)),
        (&[401, 402, 403], false, (No, Nobody)),
        (&[429, 498, 503, 529], true, (Yes, Candidate)),
        (&[429], false, (Yes, Nobody)),
        (&[503, 529], false, (Yes, Candidate)),
        (
            &[408, 424, 425, 499, 500, 502, 504, 599, 301, 304],
            true,
            (Yes, Unsure),
        ),
    ] {
        for code in codes {
            assert_eq!(refusal(*code, None, own), expected, "{code} own={own}");
        }
    }
}

#[test]
fn a_reason_counts_more_than_the_status() {
    for (reason, own, expected) in [
        (Reason::Request, true, (No, Nobody)),
        (Reason::ContentFilter, true, (No, Nobody)),
        (Reason::ContextLength, true, (OtherModel, Nobody)),
        (Reason::OverLimit, true, (Yes, Nobody)),
        (Reason::ModelNotFound, true, (Yes, Candidate)),
        (Reason::ModelNotFound, false, (Yes, Nobody)),
        (Reason::Account, true, (Yes, Candidate)),
        (Reason::Account, false, (No, Nobody)),
        (Reason::Limit, true, (Yes, Candidate)),
        (Reason::Limit, false, (Yes, Nobody)),
    ] {
        assert_eq!(
            refusal(400, Some(reason), own),
            expected,
            "{reason:?} own={own}"
        );
    }
}

#[test]
fn an_unknown_error_in_band_is_left_to_where_it_stood() {
    assert_eq!(Outcome::of_refusal(None, None, true), None);
}

#[test]
fn the_settings_decide_about_filters_and_unknown_refusals() {
    let settings = Settings {
        failover_on_content_filter: true,
        on_unknown_refusal: OnUnknownRefusal::Return,
        ..Settings::default()
    };
    assert_eq!(Outcome::ContentFilter.rule(&settings).next, Yes);
    assert_eq!(Outcome::UnknownRefusal.rule(&settings).next, No);
}

#[test]
fn only_what_never_reached_the_model_is_surely_the_networks_fault() {
    let settings = Settings::default();
    assert_eq!(
        Outcome::Network(NetError::Refused).rule(&settings).blame,
        Candidate
    );
    assert_eq!(
        Outcome::Network(NetError::Reset).rule(&settings).blame,
        Unsure
    );
}

#[test]
fn only_5xx_and_resets_are_retried() {
    for outcome in [
        Outcome::Unavailable(StatusCode::BAD_GATEWAY),
        Outcome::Limited(Some(StatusCode::SERVICE_UNAVAILABLE)),
        Outcome::Network(NetError::Reset),
    ] {
        assert!(outcome.may_be_retried(), "{outcome:?}");
    }
    for outcome in [
        Outcome::Limited(Some(StatusCode::TOO_MANY_REQUESTS)),
        Outcome::TimedOut,
        Outcome::Network(NetError::Refused),
        Outcome::ModelNotFound,
    ] {
        assert!(!outcome.may_be_retried(), "{outcome:?}");
    }
}
