//! Bookmarks: moments worth coming back to, as the heads of every document then.
//!
//! # Role
//! People set bookmarks by name. Beside them, each meeting with a person sets one by itself when
//! everything is exchanged for the first time, and keeps the one of the meeting before: whoever is
//! still meeting asks what changed since then.
//!
//! # Invariants
//! * A bookmark is durable when it is told as set, and never stands for more than was durable.
//! * A document that a bookmark does not name was not there then: all of it is new since.

use std::fmt;

use automerge::ChangeHash;
use cairn_engine::{DocumentId, Engine, PersonId};
use cairn_model::Words;

use crate::core::{Core, wall_millis};
use crate::node::Node;
use crate::vault::{Bookmark, BookmarkRow, VaultError};

/// Bookmarks that people may set; those of meetings are not counted.
pub const BOOKMARKS_MAX: usize = 100;

/// Longest name of a bookmark, in characters.
pub const BOOKMARK_NAME_CHARACTERS_MAX: usize = 100;

/// How long after its beginning a session still belongs to the same meeting: a connection that
/// comes back during an appointment is no new one, and next week's is.
const MEETING_MILLIS: i64 = 3 * 3_600_000;

const MET: &str = "met:";
const MET_BEFORE: &str = "met-before:";

/// What a bookmark is called; written as its text in the vault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BookmarkName {
    /// A name that a person chose.
    Chosen(Words),
    /// The last meeting with this person.
    Met(PersonId),
    /// The meeting before the last with this person.
    MetBefore(PersonId),
}

impl BookmarkName {
    /// What a text names. White space around a chosen name does not count.
    ///
    /// # Errors
    /// [`BookmarkError::Name`]: empty, too long, with control characters, or with the beginning of
    /// a meeting's name and no person.
    pub fn parse(text: &str) -> Result<Self, BookmarkError> {
        let text = text.trim();
        let person = |id: &str| id.parse().map_err(|_unknown| BookmarkError::Name);
        if let Some(id) = text.strip_prefix(MET) {
            return person(id).map(Self::Met);
        }
        if let Some(id) = text.strip_prefix(MET_BEFORE) {
            return person(id).map(Self::MetBefore);
        }
        let characters = text.chars().count();
        let fits = (1..=BOOKMARK_NAME_CHARACTERS_MAX).contains(&characters);
        if !fits || text.chars().any(char::is_control) {
            return Err(BookmarkError::Name);
        }
        Ok(Self::Chosen(text.into()))
    }

    /// Whose meeting it is, if it is one.
    pub fn person(&self) -> Option<PersonId> {
        match self {
            Self::Chosen(_) => None,
            Self::Met(person) | Self::MetBefore(person) => Some(*person),
        }
    }
}

impl fmt::Display for BookmarkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen(name) => f.write_str(name),
            Self::Met(person) => write!(f, "{MET}{person}"),
            Self::MetBefore(person) => write!(f, "{MET_BEFORE}{person}"),
        }
    }
}

/// A bookmark in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookmarkLine {
    /// What it is called.
    pub name: BookmarkName,
    /// When it was set, in Unix milliseconds.
    pub at_millis: i64,
    /// How many documents there were then.
    pub documents: u64,
}

/// Why a bookmark was not set, found or removed. The others are as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookmarkError {
    /// The name cannot be one.
    #[error(
        "a bookmark's name has 1 to {} characters on one line; \"met:\" and \"met-before:\" go \
         before a person; nothing was changed",
        BOOKMARK_NAME_CHARACTERS_MAX
    )]
    Name,
    /// Meetings set theirs by themselves.
    #[error("the bookmark of a meeting is set by meeting; nothing was changed")]
    OfMeeting,
    /// The name is taken.
    #[error("there is a bookmark of this name already; remove it first to set it anew")]
    Taken,
    /// No such bookmark.
    #[error("there is no bookmark of this name; nothing was changed")]
    Unknown,
    /// As many as there may be.
    #[error(
        "there are {} bookmarks already; remove one first, nothing was changed",
        BOOKMARKS_MAX
    )]
    TooMany,
    /// The vault's reason.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Node {
    /// Sets a bookmark on every document as it is now, and waits until it is durable.
    ///
    /// # Errors
    /// See [`BookmarkError`]; nothing was set.
    pub fn add_bookmark(&self, name: &BookmarkName) -> Result<BookmarkLine, BookmarkError> {
        if name.person().is_some() {
            return Err(BookmarkError::OfMeeting);
        }
        let known = self.bookmarks()?;
        if known.iter().any(|line| line.name == *name) {
            return Err(BookmarkError::Taken);
        }
        let chosen = known.iter().filter(|line| line.name.person().is_none());
        if chosen.count() >= BOOKMARKS_MAX {
            return Err(BookmarkError::TooMany);
        }
        let heads = self.core.with_engine(|engine, _| all_heads(engine));
        let line = BookmarkLine {
            name: name.clone(),
            at_millis: wall_millis(),
            documents: heads.len() as u64,
        };
        // The appends of all these heads wait before it in the vault's queue.
        self.core.vault.put_bookmark(Bookmark {
            name: name.to_string(),
            at_millis: line.at_millis,
            heads,
        })?;
        Ok(line)
    }

    /// Removes a bookmark, also one of a meeting; the documents stay as they are.
    ///
    /// # Errors
    /// [`BookmarkError::Unknown`], or the vault's.
    pub fn remove_bookmark(&self, name: &BookmarkName) -> Result<(), BookmarkError> {
        if !self.bookmarks()?.iter().any(|line| line.name == *name) {
            return Err(BookmarkError::Unknown);
        }
        Ok(self.core.vault.remove_bookmark(name.to_string())?)
    }

    /// All bookmarks, oldest first.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn bookmarks(&self) -> Result<Vec<BookmarkLine>, VaultError> {
        let rows = self.core.vault.bookmarks()?.into_iter();
        Ok(rows.filter_map(line).collect())
    }

    /// A bookmark with its heads.
    ///
    /// # Errors
    /// [`BookmarkError::Unknown`], or the vault's.
    pub fn bookmark(&self, name: &BookmarkName) -> Result<Bookmark, BookmarkError> {
        let kept = self.core.vault.bookmark(&name.to_string())?;
        kept.ok_or(BookmarkError::Unknown)
    }

    /// What "since we last met" means now: the last meeting with this person, or the one before
    /// while the last goes on. `None` if there was no meeting yet.
    ///
    /// # Errors
    /// The vault cannot be read.
    pub fn last_met(&self, person: PersonId) -> Result<Option<Bookmark>, VaultError> {
        let kept = |name: BookmarkName| self.core.vault.bookmark(&name.to_string());
        let Some(last) = kept(BookmarkName::Met(person))? else {
            return Ok(None);
        };
        let age = wall_millis().checked_sub(last.at_millis);
        let goes_on = age.is_some_and(|age| (0..MEETING_MILLIS).contains(&age));
        let before = if goes_on {
            kept(BookmarkName::MetBefore(person))?
        } else {
            None
        };
        Ok(Some(before.unwrap_or(last)))
    }
}

impl Core {
    /// Keeps the bookmark of a meeting. Does not wait.
    pub(crate) fn met(&self, person: PersonId, meeting: Bookmark) {
        let before = BookmarkName::MetBefore(person).to_string();
        if let Err(error) = self.vault.put_meeting(meeting, before, MEETING_MILLIS) {
            tracing::warn!(%error, "a meeting's bookmark was not kept");
        }
    }
}

/// The bookmark of a meeting: everything is exchanged with a person for the first time in a session.
pub(crate) fn meeting(engine: &Engine, person: PersonId) -> (PersonId, Bookmark) {
    let meeting = Bookmark {
        name: BookmarkName::Met(person).to_string(),
        at_millis: wall_millis(),
        heads: all_heads(engine),
    };
    (person, meeting)
}

fn all_heads(engine: &Engine) -> Vec<(DocumentId, Vec<ChangeHash>)> {
    let rows = engine.rows();
    rows.map(|row| (row.document, row.heads)).collect()
}

/// A bookmark that a newer version named in its own way is passed over.
pub(crate) fn line(row: BookmarkRow) -> Option<BookmarkLine> {
    Some(BookmarkLine {
        name: BookmarkName::parse(&row.name).ok()?,
        at_millis: row.at_millis,
        documents: row.documents,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let person = PersonId::from_bytes([7; 32]);
        let chosen = |name: &str| Some(BookmarkName::Chosen(name.into()));
        let check = |text: &str, expected: Option<BookmarkName>| {
            let parsed = BookmarkName::parse(text).ok();
            assert_eq!(parsed, expected, "{text:?}");
            if let Some(name) = parsed {
                assert_eq!(BookmarkName::parse(&name.to_string()).ok(), Some(name));
            }
        };
        check("  Tuesday 10:30 ", chosen("Tuesday 10:30"));
        check(&"ä".repeat(100), chosen(&"ä".repeat(100)));
        check(&"ä".repeat(101), None);
        check(" \t", None);
        check("two\nlines", None);
        check("metre", chosen("metre"));
        check("met:", None);
        check("met:Bo", None);
        check("met-before:Bo", None);
        check(&format!("met:{person}"), Some(BookmarkName::Met(person)));
        let before = format!("met-before:{person}");
        check(&before, Some(BookmarkName::MetBefore(person)));
    }

    #[test]
    fn since_we_last_met_is_the_meeting_before_while_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let new = crate::NewNotebook {
            role: crate::Role::Therapist,
            name: "Bo",
            passphrase: &crate::secret::Passphrase::new("over the hills"),
            cost: crate::vault::KdfCost::CHEAP_FOR_TESTS,
        };
        let (node, _code) = Node::create(folder.path(), &new).unwrap();
        let person = PersonId::from_bytes([7; 32]);
        let hours_ago = |hours: i64| wall_millis() - hours * 3_600_000;
        let put = |name: BookmarkName, hours: i64| {
            let bookmark = Bookmark {
                name: name.to_string(),
                at_millis: hours_ago(hours),
                heads: Vec::new(),
            };
            node.core.vault.put_bookmark(bookmark).unwrap();
        };
        let check = |expected: Option<BookmarkName>| {
            let since = node.last_met(person).unwrap();
            let name = since.map(|since| BookmarkName::parse(&since.name).unwrap());
            assert_eq!(name, expected);
        };
        let (met, before) = (BookmarkName::Met(person), BookmarkName::MetBefore(person));
        check(None);
        put(met.clone(), 1);
        check(Some(met.clone()));
        put(before.clone(), 170);
        check(Some(before.clone()));
        put(met.clone(), 4);
        check(Some(met.clone()));
        // The clock was set back since.
        put(met.clone(), -1);
        check(Some(met.clone()));

        let all = node.bookmarks().unwrap();
        let names: Vec<BookmarkName> = all.into_iter().map(|line| line.name).collect();
        assert_eq!(names, [before.clone(), met]);
        node.remove_bookmark(&before).unwrap();
        let gone = node.bookmark(&before);
        assert!(matches!(gone, Err(BookmarkError::Unknown)));
    }
}
