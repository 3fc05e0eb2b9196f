//! Names of texts, checked when the program is compiled.

use std::fmt;

use crate::ENGLISH;

/// The name of a text that exists; made by [`text_id!`](crate::text_id).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextId(&'static str);

impl TextId {
    /// The id, where the English files have a text of this name.
    ///
    /// # Panics
    ///
    /// When there is none; inside [`text_id!`](crate::text_id) that is a compile error.
    pub const fn checked(id: &'static str) -> Self {
        assert!(
            exists(id.as_bytes()),
            "the English files have no text with this id"
        );
        Self(id)
    }

    /// The id as it is written in the files.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for TextId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The [`TextId`] of a literal; a name without a text is a compile error.
#[macro_export]
macro_rules! text_id {
    ($id:literal) => {
        const { $crate::TextId::checked($id) }
    };
}

/// Whether the file named by the first word of `id` has a line that starts with `id =`.
const fn exists(id: &[u8]) -> bool {
    let mut file = 0;
    while file < ENGLISH.len() {
        let (name, source) = ENGLISH[file];
        if names_file(id, name.as_bytes()) {
            return has_line(source.as_bytes(), id);
        }
        file += 1;
    }
    false
}

const fn names_file(id: &[u8], name: &[u8]) -> bool {
    starts_with(id, 0, name) && id.len() > name.len() && id[name.len()] == b'-'
}

const fn has_line(source: &[u8], id: &[u8]) -> bool {
    let mut at = 0;
    while at < source.len() {
        let line_starts = at == 0 || source[at - 1] == b'\n';
        if line_starts && starts_with(source, at, id) {
            let end = at + id.len();
            if end + 1 < source.len() && source[end] == b' ' && source[end + 1] == b'=' {
                return true;
            }
        }
        at += 1;
    }
    false
}

const fn starts_with(text: &[u8], at: usize, start: &[u8]) -> bool {
    if at + start.len() > text.len() {
        return false;
    }
    let mut offset = 0;
    while offset < start.len() {
        if text[at + offset] != start[offset] {
            return false;
        }
        offset += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::exists;

    #[test]
    fn knows_which_texts_exist() {
        assert!(exists(b"today-title"));
        assert!(!exists(b"today-titl"));
        assert!(!exists(b"today-title-that-is-not-there"));
        assert!(!exists(b"today"));
        assert!(!exists(b"nowhere-title"));
    }
}
