//! The host's analytics class failures by ranges of codes.

use failover_apim::error_code::{BROKEN, NO_CONNECTION, NO_MEMORY, SUSPENDED, TIMED_OUT};

#[test]
fn every_code_is_in_the_range_of_target_connectivity() {
    for code in [BROKEN, NO_CONNECTION, TIMED_OUT, NO_MEMORY, SUSPENDED] {
        assert!(
            (101_500..=101_599).contains(&code) || code == 303_001,
            "{code}"
        );
    }
}
