//! Remarks about the reading of one page for the people who shape a spider: why a home was not told, why a value was
//! dropped. Nothing is written where they were not asked for.

use std::cell::RefCell;

/// Notes of one page, and characters of each.
pub const MAX_NOTES: usize = 100;
pub const MAX_NOTE_CHARS: usize = 200;

/// The notes of one page.
pub(super) struct Notes(Option<RefCell<Vec<String>>>);

impl Notes {
    /// Notes that are kept if `are_wanted`.
    pub(super) fn new(are_wanted: bool) -> Self {
        Self(are_wanted.then(RefCell::default))
    }

    /// Adds a note; it is made only where it is kept.
    pub(super) fn add(&self, note: impl FnOnce() -> String) {
        let Some(notes) = &self.0 else { return };
        let mut notes = notes.borrow_mut();
        if notes.len() < MAX_NOTES {
            notes.push(note().chars().take(MAX_NOTE_CHARS).collect());
        }
    }

    pub(super) fn into_lines(self) -> Vec<String> {
        self.0.map(RefCell::into_inner).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_bounded_and_made_only_where_they_are_kept() {
        let notes = Notes::new(true);
        for _ in 0..500 {
            notes.add(|| "é".repeat(500));
        }

        let lines = notes.into_lines();
        assert_eq!((lines.len(), lines[0].chars().count()), (MAX_NOTES, MAX_NOTE_CHARS));

        let none = Notes::new(false);
        let mut made = 0;
        none.add(|| {
            made += 1;
            String::new()
        });
        assert_eq!((made, none.into_lines().len()), (0, 0));
    }
}
