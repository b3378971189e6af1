//! Buffers for what is as large as a peer's body: counted before they are made, and never a reason to abort.

/// Makes an empty buffer with room for so many bytes; `None`: there is none.
pub type Room<'a> = dyn FnMut(usize) -> Option<Vec<u8>> + 'a;

/// A buffer from the allocator alone.
pub fn allocated(bytes: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    out.try_reserve_exact(bytes).ok()?;
    Some(out)
}

/// Adds to a buffer that grows piece by piece. `false`, and nothing added, when there is no memory.
#[must_use]
pub(crate) fn append(buffer: &mut Vec<u8>, piece: &[u8]) -> bool {
    extend(buffer, piece, usize::MAX, |_| true)
}

/// Adds to a buffer that grows piece by piece, by a quarter at a time, to no more than `most`, which is enough for the
/// piece: work per byte stays constant, and no buffer is much larger than what is in it. `room` is told how large it is
/// to become, before it does. `false`, and nothing added, when there is no room or no memory.
#[must_use]
pub fn extend(
    buffer: &mut Vec<u8>,
    piece: &[u8],
    most: usize,
    mut room: impl FnMut(usize) -> bool,
) -> bool {
    let length = buffer.len();
    let needed = length.saturating_add(piece.len());
    if needed > buffer.capacity() {
        let wanted = needed.saturating_add(length / 4).min(most.max(needed));
        if !room(wanted) || buffer.try_reserve_exact(wanted - length).is_err() {
            return false;
        }
    }
    buffer.extend_from_slice(piece);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_that_grows_is_never_much_larger_than_what_is_in_it() {
        let mut buffer = Vec::new();
        let mut moves = 0;
        for _ in 0..100_000 {
            let before = buffer.capacity();
            assert!(append(&mut buffer, b"0123456789"));
            moves += usize::from(buffer.capacity() != before);
            assert!(buffer.capacity() <= buffer.len() * 5 / 4 + 10);
        }
        assert!(moves < 100, "{moves}");
    }

    #[test]
    fn a_buffer_that_can_not_be_had_is_none_and_no_abort() {
        assert_eq!(allocated(usize::MAX), None);
        assert_eq!(allocated(isize::MAX as usize), None);
        assert!(allocated(10).is_some_and(|buffer| buffer.capacity() >= 10));
    }
}
