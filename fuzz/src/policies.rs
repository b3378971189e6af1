//! What an administrator wrote.

use std::collections::HashSet;
use std::time::Duration;

use failover_policy::{Configuration, GatewayFile, Policy, Settings};

use crate::head;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A policy, or a gateway's file.
pub fn read(data: &[u8]) {
    let ([which], text) = head(data);
    let text = String::from_utf8_lossy(text);
    if which % 2 == 0 {
        let Ok(policy) = Policy::read(&text, &[], &Settings::default()) else {
            return;
        };
        assert!(policy.request_timeout > Duration::ZERO && policy.request_timeout <= DAY);
        assert!(policy.suspend_duration <= DAY);
        assert_in_range(&policy.settings);
        for section in [policy.production, policy.sandbox].into_iter().flatten() {
            let all = section.candidates();
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            assert!(
                all.iter()
                    .all(|c| !c.model.is_empty() && !c.endpoint_id.is_empty())
            );
        }
    } else {
        let file = GatewayFile {
            text: &text,
            env: &|name| (name == "A").then(|| "250ms".to_owned()),
            sys: &|name| (name == "b").then(|| "$env{A}".to_owned()),
        };
        assert_in_range(&Configuration::read(&file).settings);
    }
}

fn assert_in_range(settings: &Settings) {
    for time in [
        settings.connect_timeout,
        settings.idle_timeout,
        settings.overall_timeout,
        settings.upload_timeout,
        settings.max_suspend,
    ] {
        assert!(
            time >= Duration::from_millis(1) && time <= DAY,
            "{settings:?}"
        );
    }
    assert!((1.0..=10.0).contains(&settings.suspend_growth));
    assert!((0.0..=1.0).contains(&settings.retry_budget.share));
    assert!((0.0..=1000.0).contains(&settings.retry_budget.per_second));
}
