//! The host's error codes: those that its analytics call target connectivity (101500 to 101599, and 303001).

/// An answer broke off, or could not be made.
pub const BROKEN: u32 = 101_500;
/// No connection.
pub const NO_CONNECTION: u32 = 101_503;
/// No answer in time.
pub const TIMED_OUT: u32 = 101_504;
/// No room for bodies. The host itself has no such code.
pub const NO_MEMORY: u32 = 101_590;
/// Every endpoint is suspended.
pub const SUSPENDED: u32 = 303_001;
