use proptest::prelude::*;

use super::*;

const LIMIT: u64 = 1000;

#[test]
fn no_body_is_larger_than_what_is_left_free() {
    let memory = Arc::new(Memory::default());
    assert!(memory.reserve(501, LIMIT).is_none());
    let mut first = memory.reserve(400, LIMIT).unwrap();
    assert!(!first.grow(101, LIMIT));
    assert!(!first.grow(u64::MAX, u64::MAX));
    assert!(first.grow(100, LIMIT));
    assert!(memory.reserve(251, LIMIT).is_none());
    let second = memory.reserve(250, LIMIT).unwrap();
    assert!(!first.grow(1, LIMIT));
    assert_eq!((memory.buffered(), memory.peak()), (750, 750));
    assert_eq!(memory.refused(), 5);
    drop((first, second));
    assert_eq!((memory.buffered(), memory.peak()), (0, 750));
}

#[test]
fn however_many_take_what_they_get_a_small_one_finds_room() {
    let memory = Arc::new(Memory::default());
    let limit = 128 << 20;
    let mut greedy: Vec<Buffered> = (0..300).filter_map(|_| memory.reserve(0, limit)).collect();
    for _ in 0..100 {
        for buffered in &mut greedy {
            buffered.grow(64 << 10, limit);
        }
    }
    assert!(memory.refused() > 0, "they never met the limit");
    assert!(
        memory.reserve(128 << 10, limit).is_some(),
        "{} buffered",
        memory.buffered()
    );
}

#[test]
fn nothing_can_be_reserved_while_too_much_is_held() {
    let memory = Arc::new(Memory::default());
    let _buffered = memory.reserve(2000, u64::MAX).unwrap();
    assert!(memory.reserve(0, LIMIT).is_some());
    assert!(memory.reserve(1, LIMIT).is_none());
}

#[test]
fn a_release_too_many_does_not_turn_the_sum_round() {
    let memory = Memory::default();
    memory.release(1);
    assert_eq!(memory.buffered(), 0);
}

#[test]
fn threads_at_the_limit_never_pass_it_and_leave_nothing() {
    let memory = Arc::new(Memory::default());
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let memory = &memory;
            scope.spawn(move || {
                for round in 0..20_000 {
                    let wanted = (thread * 7919 + round * 104_729) % 700;
                    if let Some(mut buffered) = memory.reserve(wanted, LIMIT) {
                        buffered.grow(wanted / 2, LIMIT);
                        buffered.shrink_to(wanted / 3);
                    }
                }
            });
        }
    });
    assert_eq!(memory.buffered(), 0);
    assert!(memory.peak() <= LIMIT, "{}", memory.peak());
    assert!(memory.refused() > 0, "the threads never met");
}

#[derive(Debug, Clone)]
enum Step {
    Reserve(u64),
    Grow(usize, u64),
    ShrinkTo(usize, u64),
    Resize(usize, u64),
    Drop(usize),
    ForgetAndAdopt(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (which, bytes) = (0usize..8, 0u64..600);
    prop_oneof![
        bytes.clone().prop_map(Step::Reserve),
        (which.clone(), bytes.clone()).prop_map(|(w, b)| Step::Grow(w, b)),
        (which.clone(), bytes.clone()).prop_map(|(w, b)| Step::ShrinkTo(w, b)),
        (which.clone(), bytes).prop_map(|(w, b)| Step::Resize(w, b)),
        which.clone().prop_map(Step::Drop),
        which.prop_map(Step::ForgetAndAdopt),
    ]
}

proptest! {
    #[test]
    fn the_sum_is_always_that_of_what_is_alive(steps in prop::collection::vec(step(), 0..60)) {
        let memory = Arc::new(Memory::default());
        let mut alive: Vec<Buffered> = Vec::new();
        for step in steps {
            match step {
                Step::Reserve(bytes) => alive.extend(memory.reserve(bytes, LIMIT)),
                Step::Grow(at, bytes) if at < alive.len() => { alive[at].grow(bytes, LIMIT); }
                Step::ShrinkTo(at, bytes) if at < alive.len() => alive[at].shrink_to(bytes),
                Step::Resize(at, bytes) if at < alive.len() => { alive[at].resize(bytes, LIMIT); }
                Step::Drop(at) if at < alive.len() => drop(alive.remove(at)),
                Step::ForgetAndAdopt(at) if at < alive.len() => {
                    let bytes = alive.remove(at).forget();
                    alive.push(memory.adopt(bytes));
                }
                _ => {}
            }
            let sum: u64 = alive.iter().map(Buffered::bytes).sum();
            prop_assert_eq!(memory.buffered(), sum);
            prop_assert!(sum <= LIMIT);
        }
        drop(alive);
        prop_assert_eq!(memory.buffered(), 0);
    }
}
