//! What an answer is: whether a whole one says anything, and what a body is by its first bytes.

mod checked;
mod finish;
mod told;

pub use checked::{Answer, NoAnswer, check};
pub(crate) use finish::{is_failure, is_filtered};
pub use told::{Told, told};
