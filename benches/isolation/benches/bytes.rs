//! Reading what clients ask and providers stream.
#![allow(missing_docs)] // criterion's macros

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use failover_wire::ModelRequest;
use isolation::{Recording, request};

fn requests(c: &mut Criterion) {
    let mut group = c.benchmark_group("request scan");
    let sizes = [
        ("0.5 KiB", 512),
        ("10 KiB", 10_240),
        ("100 KiB", 102_400),
        ("1 MiB", 1_048_576),
    ];
    for (name, bytes) in sizes {
        let body = request(bytes);
        group.bench_function(name, |b| {
            b.iter(|| {
                let path = "/v1/chat/completions";
                ModelRequest::read(None, path, Some("application/json"), black_box(&body))
            });
        });
    }
    group.finish();
}

#[expect(
    clippy::expect_used,
    reason = "without recordings there is nothing to measure"
)]
fn chunks(c: &mut Criterion) {
    let mut group = c.benchmark_group("chunk");
    for recording in Recording::all().expect("recordings") {
        let events = recording.chunks.len() as u64;
        // For each event: whole streams, as few as have so many.
        group.bench_function(recording.name, |b| {
            b.iter_custom(|iterations| {
                let streams = iterations.div_ceil(events);
                let began = Instant::now();
                for _ in 0..streams {
                    black_box(&recording).play();
                }
                #[expect(clippy::cast_precision_loss, reason = "a share")]
                let share = iterations as f64 / (streams * events) as f64;
                began.elapsed().mul_f64(share)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests, chunks);
criterion_main!(benches);
