//! What is written by hand about the figures: why a goal is missed, what the profile shows, what was tried.

use std::collections::BTreeMap;

/// A file in Markdown, by the titles of its sections, which are those of the page.
pub(crate) struct Notes(BTreeMap<String, String>);

impl Notes {
    /// Reads a file's text; what stands before the first title is for whoever writes it.
    pub(crate) fn parse(text: &str) -> Notes {
        let mut notes = BTreeMap::new();
        for section in format!("\n{text}").split("\n## ").skip(1) {
            let (title, body) = section.split_once('\n').unwrap_or((section, ""));
            notes.insert(title.trim().to_owned(), body.trim().to_owned());
        }
        Notes(notes)
    }

    /// What is written about a section of the page, as a paragraph of its own; nothing where nothing is.
    pub(crate) fn take(&mut self, title: &str) -> String {
        match self.0.remove(title) {
            Some(body) if !body.is_empty() => format!("\n{body}\n"),
            _ => String::new(),
        }
    }

    /// Ends the page.
    ///
    /// # Errors
    /// The titles that no section of the page has.
    pub(crate) fn finish(self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let titles: Vec<String> = self.0.into_keys().collect();
        Err(format!("notes of no section: {}", titles.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stands_under_its_section_and_nothing_is_left_over() {
        let mut notes =
            Notes::parse("# For writers\n\n## Streams\n\nSlow.\n\nVery.\n\n## Other\nQuick.\n");
        assert_eq!(notes.take("Streams"), "\nSlow.\n\nVery.\n");
        assert_eq!(notes.take("Nobody's"), "");
        assert_eq!(notes.finish(), Err("notes of no section: Other".to_owned()));
    }

    #[test]
    fn a_file_may_begin_with_a_title() {
        assert_eq!(Notes::parse("## A\nb").take("A"), "\nb\n");
    }
}
