use std::task::Waker;
use std::time::Duration;

use futures_util::stream;

use super::*;

#[test]
fn all_bytes_come_in_their_order_and_others_have_their_turns_between() {
    let whole: Vec<u8> = (0..3 * TURN + 5).map(|n| n as u8).collect();
    let pieces = [&whole[..TURN + 1], &whole[TURN + 1..]].map(|p| Ok(p.to_vec().into()));
    let mut body = Turns::new(stream::iter(pieces).boxed());
    let mut cx = Context::from_waker(Waker::noop());
    let (mut read, mut turns) = (Vec::new(), 0);
    loop {
        match body.poll_next_unpin(&mut cx) {
            Poll::Ready(Some(Ok(bytes))) => read.push(bytes),
            Poll::Ready(Some(Err(e))) => panic!("{e}"),
            Poll::Ready(None) => break,
            Poll::Pending => turns += 1,
        }
    }
    assert!(read.iter().all(|bytes| bytes.len() <= TURN));
    assert_eq!((read.len(), turns), (5, 3));
    assert_eq!(read.concat(), whole);
}

#[tokio::test]
async fn an_error_is_passed_on_after_what_came_before_it() {
    let pieces = [Ok(vec![b'x'; TURN + 1].into()), Err(NetError::BrokenOff)];
    let body = Turns::new(stream::iter(pieces).boxed());
    let read: Vec<_> = body.map(|p| p.map(|bytes| bytes.len())).collect().await;
    assert!(
        matches!(read[..], [Ok(TURN), Ok(1), Err(NetError::BrokenOff)]),
        "{read:?}"
    );
}

#[test]
fn what_takes_long_does_not_keep_the_only_thread() {
    let one_thread = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let (other, done) = std::sync::mpsc::channel();
    one_thread.block_on(async {
        let long = tokio::spawn(async move {
            tokio::spawn(async move { other.send(()) });
            aside(MUCH + 1, || done.recv_timeout(Duration::from_secs(20)))
        });
        assert_eq!(long.await.unwrap(), Ok(()), "the other one did not run");
    });
}
