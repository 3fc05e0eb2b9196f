//! One exact edit of a text, and what it does to a position.

use std::fmt;

/// Removes `delete` code points at `position` and puts `insert` there.
#[derive(Clone, PartialEq, Eq)]
pub struct Splice {
    /// Where, in code points from the start.
    pub position: usize,
    /// How many code points go.
    pub delete: usize,
    /// What comes.
    pub insert: String,
}

impl Splice {
    /// Where `at` is after this splice. Words put exactly at `at` end up before it
    /// if `before`, else after it.
    pub fn moves(&self, at: usize, before: bool) -> usize {
        let end = self.position + self.delete;
        let grown = self.insert.chars().count();
        if at < self.position || (at == self.position && !before) {
            at
        } else if at >= end {
            at - self.delete + grown
        } else {
            self.position + grown
        }
    }

    /// Does the edit to `text`; what lies beyond its end is left out.
    pub fn apply(&self, text: &mut String) {
        let start = byte_of(text, self.position);
        let end = byte_of(text, self.position.saturating_add(self.delete));
        text.replace_range(start..end, &self.insert);
    }
}

/// The byte where code point `position` of `text` starts, or its length.
fn byte_of(text: &str, position: usize) -> usize {
    text.char_indices()
        .nth(position)
        .map_or(text.len(), |(byte, _)| byte)
}

impl fmt::Debug for Splice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is typed is content.
        f.debug_struct("Splice")
            .field("position", &self.position)
            .field("delete", &self.delete)
            .field("inserted", &self.insert.chars().count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splice(position: usize, delete: usize, insert: &str) -> Splice {
        Splice {
            position,
            delete,
            insert: insert.to_owned(),
        }
    }

    #[test]
    fn moves_positions() {
        for (splice, at, after, before) in [
            (splice(2, 0, "ab"), 1, 1, 1),
            (splice(2, 0, "ab"), 2, 2, 4),
            (splice(2, 0, "ab"), 5, 7, 7),
            (splice(2, 3, ""), 4, 2, 2),
            (splice(2, 3, ""), 5, 2, 2),
            (splice(2, 3, "xyzw"), 3, 6, 6),
            (splice(2, 3, "x"), 9, 7, 7),
        ] {
            assert_eq!(splice.moves(at, false), after, "{splice:?} at {at}");
            assert_eq!(splice.moves(at, true), before, "{splice:?} before {at}");
        }
    }

    #[test]
    fn applies_by_code_point() {
        let mut text = "a👩‍🌾é b".to_owned();
        splice(4, 2, "e").apply(&mut text);
        assert_eq!(text, "a👩‍🌾eb");
        splice(40, 3, "!").apply(&mut text);
        assert_eq!(text, "a👩‍🌾eb!");
    }
}
