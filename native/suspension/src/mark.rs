//! What a failure leaves behind that may have been the candidate's own.

use crate::moment::Moment;
use crate::word::UNTIL_MASK;

/// A failed attempt of which it is not known whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// When the attempt began.
    pub began: Moment,
    /// When it failed.
    pub now: Moment,
    /// A hash of the request: the same for the same request, sent again.
    pub request: u64,
}

/// A failure in one word: 40 bits of when it was, 24 of which request's. Two requests that are taken for the same by
/// chance leave the candidate in peace.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u64);

const REQUEST: u64 = u64::MAX >> 40;

impl Mark {
    /// The request's hash, as far as it is kept.
    pub(crate) fn request(self) -> u64 {
        self.0 >> 40
    }

    /// When it was, in milliseconds.
    pub(crate) fn when(self) -> u64 {
        self.0 & UNTIL_MASK
    }

    pub(crate) fn new(failure: &Failure) -> Mark {
        Mark(failure.request << 40 | failure.now.0.clamp(1, UNTIL_MASK))
    }

    /// Whether another request failed, and had done so before this one's attempt began: two that are under way at the
    /// same time can be one client's.
    pub(crate) fn makes_two_with(self, failure: &Failure) -> bool {
        let (when, request) = (self.when(), self.request());
        self.0 != 0 && request != failure.request & REQUEST && when <= failure.began.0.max(1)
    }
}
