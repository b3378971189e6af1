use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Counts, and fails or hangs when it is told to.
#[derive(Clone, Default)]
struct Double {
    asked: Arc<AtomicUsize>,
    fails: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
}

impl Double {
    fn names(&self) -> Names {
        let double = self.clone();
        Names::asking(move |_| {
            double.asked.fetch_add(1, Ordering::SeqCst);
            while double.hangs.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            match double.fails.load(Ordering::SeqCst) {
                true => Err(io::ErrorKind::Other.into()),
                false => Ok(vec![HERE]),
            }
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Names {
    /// As if what is known had been found that long ago.
    fn age(&self, by: Duration) {
        for host in self.0.state().hosts.values_mut() {
            if let Some((at, _)) = &mut host.found {
                *at = at.checked_sub(by).unwrap();
            }
            if let Some(at) = &mut host.failed {
                *at = at.checked_sub(by).unwrap();
            }
        }
    }
}

fn ips(answer: Answer) -> Result<Vec<IpAddr>, Unknown> {
    answer.map(|a| a.to_vec())
}

#[tokio::test]
async fn a_host_is_asked_for_once_however_many_want_it_and_again_when_that_is_old() {
    let double = Double::default();
    let names = double.names();
    let calls = (0..50).map(|_| names.addresses("a.example"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(ips(answer), Ok(vec![HERE]));
    }
    assert_eq!(double.asked(), 1);
    names.age(FRESH);
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
    assert_eq!(double.asked(), 2);
}

#[tokio::test]
async fn a_failure_is_kept_for_a_moment_alone() {
    let double = Double::default();
    double.fails.store(true, Ordering::SeqCst);
    let names = double.names();
    for _ in 0..10 {
        assert_eq!(ips(names.addresses("a.example").await), Err(Unknown));
    }
    assert_eq!(double.asked(), 1);
    double.fails.store(false, Ordering::SeqCst);
    names.age(FAILED);
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
}

#[tokio::test]
async fn the_last_known_addresses_do_while_the_name_servers_fail_or_hang() {
    let double = Double::default();
    let names = double.names();
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
    names.age(FRESH);
    double.fails.store(true, Ordering::SeqCst);
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
    names.age(FAILED);
    double.hangs.store(true, Ordering::SeqCst);
    let before = Instant::now();
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
    assert!(before.elapsed() >= PATIENCE);
    // Whoever comes now knows that nobody answers.
    let before = Instant::now();
    assert_eq!(ips(names.addresses("a.example").await), Ok(vec![HERE]));
    assert!(before.elapsed() < PATIENCE);
    double.hangs.store(false, Ordering::SeqCst);
    names.age(STALE);
    assert_eq!(ips(names.addresses("a.example").await), Err(Unknown));
}

#[tokio::test]
async fn threads_and_hosts_are_bounded_and_a_panic_is_a_failure() {
    let (hold, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let names = Names::asking(move |host| {
        assert_ne!(host, "panics");
        if host.starts_with("slow") {
            let _ = held.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        Ok(vec![HERE])
    });
    assert_eq!(ips(names.addresses("panics").await), Err(Unknown));
    for n in 0..2 * MAX_HOSTS {
        let now = Instant::now();
        let _ = names.ask(&mut names.0.state(), &format!("slow{n}"), now);
    }
    let (hosts, threads) = {
        let state = names.0.state();
        (state.hosts.len(), state.threads)
    };
    assert_eq!((hosts, threads), (MAX_HOSTS, MAX_THREADS));
    drop(hold);
    assert_eq!(ips(names.addresses("slow1").await), Ok(vec![HERE]));
    assert!(names.0.state().hosts.len() <= MAX_HOSTS);
}
