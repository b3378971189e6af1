//! What is counted of a request allocates nothing.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use failover_metrics::{ApiNumbers, Attempting, CandidateNumbers, Ended, Served};

const TOOK: Duration = Duration::from_millis(80);

#[test]
fn a_healthy_request_allocates_nothing() {
    let api = Arc::new(ApiNumbers::default());
    let candidate = Arc::new(CandidateNumbers::new(&["answered", "limited"]));
    let counted = measure(|| {
        let request = api.begin();
        let attempt = Attempting::new(&candidate);
        attempt.took(TOOK, false, 1, None);
        attempt.end(&Ended {
            word: "answered",
            good: Some(true),
            millis: 1,
            words: &String::new,
        });
        request.end(Served::Answered);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn a_chunk_allocates_nothing() {
    let candidate = CandidateNumbers::new(&["answered"]);
    let counted = measure(|| candidate.between_chunks.record(TOOK, None));
    assert_eq!(counted.count_total, 0);
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(
        measure(|| drop(std::hint::black_box(vec![0_u8; 64]))).count_total,
        1
    );
}
