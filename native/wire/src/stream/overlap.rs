//! Where another candidate's text goes on from the text that the caller has.

/// How a candidate was asked to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// With the answer so far as the beginning of its own: it goes on, but may say some of it once more.
    Prefilled,
    /// With the request as it was: it says everything once more.
    Again,
}

/// The shortest repetition that is taken for one, in bytes. The caller's text can end in what the rest rightly
/// begins with: `100` and `0`, `ha` and `ha!`.
const REPETITION: usize = 8;

/// How much of the delivered text's end an answer that was worded differently has to say to be joined there, in
/// bytes.
const ANCHOR: usize = 32;

/// Joins texts. Holds text back while it may still be a repetition.
#[derive(Debug, Clone)]
pub(crate) struct Overlap {
    asked: Asked,
    held: String,
    settled: bool,
}

/// The answer can't be joined: it says something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Diverged;

enum Found {
    /// The rest begins at this byte.
    At(usize),
    /// Not to be told yet.
    Undecided,
    Nowhere,
}

impl Overlap {
    pub(crate) fn new(asked: Asked) -> Self {
        Overlap {
            asked,
            held: String::new(),
            settled: false,
        }
    }

    /// The part of `text` (and of what was held back before) that the caller does not have yet.
    pub(crate) fn push(&mut self, delivered: &str, text: &str) -> Result<String, Diverged> {
        if self.settled {
            return Ok(text.to_owned());
        }
        self.held.push_str(text);
        match self.find(delivered, false) {
            Found::At(at) => Ok(self.settle(at)),
            Found::Undecided => Ok(String::new()),
            Found::Nowhere => Err(Diverged),
        }
    }

    /// What is still held back when the candidate's answer is whole.
    pub(crate) fn finish(&mut self, delivered: &str) -> Result<String, Diverged> {
        if self.settled || self.held.is_empty() {
            return Ok(String::new());
        }
        match self.find(delivered, true) {
            Found::At(at) => Ok(self.settle(at)),
            Found::Undecided | Found::Nowhere => Err(Diverged),
        }
    }

    /// Whether there is text that is held back.
    pub(crate) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    fn settle(&mut self, at: usize) -> String {
        self.settled = true;
        self.held.drain(..at);
        std::mem::take(&mut self.held)
    }

    fn find(&self, delivered: &str, whole: bool) -> Found {
        match self.asked {
            Asked::Prefilled => self.find_prefilled(delivered, whole),
            Asked::Again => self.find_again(delivered, whole),
        }
    }

    fn find_prefilled(&self, delivered: &str, whole: bool) -> Found {
        // A prefill goes without the white space at its end, which comes again then.
        let body = delivered.trim_end();
        let space = &delivered[body.len()..];
        let held = self.held.as_str();
        let mut repeated = None;
        for (from, _) in delivered.char_indices() {
            let tail = &delivered[from..];
            if held.starts_with(tail) {
                if from == 0 || tail.len() >= REPETITION {
                    repeated = Some(tail.len());
                }
                break;
            }
            if tail.starts_with(held) && !whole && (from == 0 || tail.len() >= REPETITION) {
                return Found::Undecided;
            }
        }
        if let Some(length) = repeated {
            return Found::At(length);
        }
        if restarts(delivered, held) {
            return match whole && delivered.starts_with(held) {
                // It says everything once more, and stops earlier.
                true => Found::At(held.len()),
                false => Found::Nowhere,
            };
        }
        let again = common_prefix(space, held);
        if again == held.len() && again < space.len() && !whole {
            return Found::Undecided;
        }
        Found::At(again)
    }

    fn find_again(&self, delivered: &str, whole: bool) -> Found {
        let held = self.held.as_str();
        if held.starts_with(delivered) {
            return Found::At(delivered.len());
        }
        if delivered.starts_with(held) {
            return match whole {
                true => Found::At(held.len()),
                false => Found::Undecided,
            };
        }
        // Worded differently somewhere: joined only where it says the end of the delivered text.
        let mut from = delivered.len().saturating_sub(ANCHOR);
        while !delivered.is_char_boundary(from) {
            from += 1;
        }
        let anchor = &delivered[from..];
        match held.find(anchor) {
            Some(at) if anchor.len() >= ANCHOR / 2 => Found::At(at + anchor.len()),
            _ if whole || held.len() > 2 * delivered.len() + 1024 => Found::Nowhere,
            _ => Found::Undecided,
        }
    }
}

/// Whether an answer that was to go on begins from the beginning instead, and then says something else.
fn restarts(delivered: &str, held: &str) -> bool {
    common_prefix(delivered, held) >= 2 * REPETITION
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.chars()
        .zip(b.chars())
        .take_while(|(a, b)| a == b)
        .map(|(c, _)| c.len_utf8())
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the caller has in the end, when `text` comes in pieces of so many characters.
    fn join(asked: Asked, delivered: &str, text: &str, piece: usize) -> Result<String, Diverged> {
        let mut overlap = Overlap::new(asked);
        let mut whole = delivered.to_owned();
        let chars: Vec<char> = text.chars().collect();
        for piece in chars.chunks(piece) {
            let shown = overlap.push(delivered, &piece.iter().collect::<String>())?;
            whole.push_str(&shown);
        }
        whole.push_str(&overlap.finish(delivered)?);
        Ok(whole)
    }

    const TEXT: &str = "The capital of France is Paris, and that of Italy is Rome.";

    #[track_caller]
    fn assert_joined(asked: Asked, delivered: &str, text: &str, expected: &str) {
        for piece in [1, 3, 7, 1000] {
            assert_eq!(
                join(asked, delivered, text, piece),
                Ok(expected.to_owned()),
                "in pieces of {piece}"
            );
        }
    }

    #[test]
    fn a_prefilled_answer_goes_on() {
        assert_joined(Asked::Prefilled, &TEXT[..24], &TEXT[24..], TEXT);
        assert_joined(Asked::Prefilled, "so ha", "ha!", "so haha!");
        assert_joined(Asked::Prefilled, "100", "0", "1000");
        assert_joined(Asked::Prefilled, "a", "", "a");
    }

    #[test]
    fn the_space_that_was_trimmed_off_a_prefill_comes_once() {
        assert_joined(
            Asked::Prefilled,
            "The capital ",
            " of France",
            "The capital of France",
        );
        assert_joined(
            Asked::Prefilled,
            "The capital ",
            "of France",
            "The capital of France",
        );
        assert_joined(Asked::Prefilled, "1.\n\n", "\n\n2.", "1.\n\n2.");
    }

    #[test]
    fn what_is_said_once_more_is_left_out() {
        for delivered in [&TEXT[..1], &TEXT[..24], TEXT] {
            assert_joined(Asked::Prefilled, delivered, TEXT, TEXT);
            assert_joined(Asked::Again, delivered, TEXT, TEXT);
        }
        assert_joined(Asked::Prefilled, &TEXT[..24], &TEXT[11..], TEXT);
        assert_joined(
            Asked::Again,
            &TEXT[..24],
            "Sure! The capital of France is Paris.",
            "The capital of France is Paris.",
        );
    }

    #[test]
    fn another_answer_is_not_joined() {
        for piece in [1, 1000] {
            let other = "The capital of France has always been Paris.";
            assert_eq!(join(Asked::Again, &TEXT[..24], other, piece), Err(Diverged));
            assert_eq!(
                join(Asked::Prefilled, &TEXT[..24], other, piece),
                Err(Diverged)
            );
            assert_eq!(join(Asked::Again, TEXT, "No.", piece), Err(Diverged));
        }
    }

    #[test]
    fn an_answer_that_says_less_than_the_caller_has_adds_nothing() {
        assert_joined(Asked::Again, TEXT, &TEXT[..30], TEXT);
        assert_joined(Asked::Prefilled, TEXT, &TEXT[..30], TEXT);
    }

    proptest! {
        #[test]
        fn a_repeat_is_joined_wherever_the_first_broke_off(text in "[a-c é\n]{1,60}", at in 0usize..60, piece in 1usize..9) {
            let at = text.char_indices().map(|(i, _)| i).nth(at).unwrap_or(text.len());
            prop_assert_eq!(join(Asked::Again, &text[..at], &text, piece), Ok(text.clone()));
        }

        #[test]
        fn how_it_comes_in_pieces_makes_no_difference(delivered in "[ab ]{0,30}", text in "[ab ]{0,40}", piece in 1usize..9) {
            for asked in [Asked::Prefilled, Asked::Again] {
                prop_assert_eq!(join(asked, &delivered, &text, piece).is_ok(), join(asked, &delivered, &text, 1000).is_ok());
                if let (Ok(a), Ok(b)) = (join(asked, &delivered, &text, piece), join(asked, &delivered, &text, 1000)) {
                    prop_assert_eq!(a, b);
                }
            }
        }
    }
}
