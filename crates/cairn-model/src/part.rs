//! Which parts of a view must be read anew after a change.

use std::collections::BTreeSet;

use crate::schema::{
    ACCEPTANCES, CLOSING_NOTE, CREATED, CREATED_BY, GOOD_ENOUGH, KIND, MOODS, OUTCOME, PROPOSALS,
    RATINGS, SCHEMA, STATE, STATE_SINCE, STEPS, TITLE, WHY, WORDING_EDIT, YEAR,
};

/// Keys of the root that are read together, because what one shows depends on the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Schema, maker, year.
    Origin,
    Why,
    /// The agreed fields with proposals and acceptances.
    Wording,
    Steps,
    Ratings,
    /// Where a goal stands, and its closing.
    State,
    Moods,
}

impl Part {
    /// The part a key of the root belongs to; `None` for one that no view shows.
    fn of(key: &str) -> Option<Self> {
        Some(match key {
            SCHEMA | CREATED_BY | YEAR => Self::Origin,
            key if key == CREATED.at || key == CREATED.offset => Self::Origin,
            WHY => Self::Why,
            TITLE | KIND | GOOD_ENOUGH | WORDING_EDIT | PROPOSALS | ACCEPTANCES => Self::Wording,
            STEPS => Self::Steps,
            RATINGS => Self::Ratings,
            STATE | OUTCOME | CLOSING_NOTE => Self::State,
            key if key == STATE_SINCE.at || key == STATE_SINCE.offset => Self::State,
            MOODS => Self::Moods,
            _ => return None,
        })
    }

    /// Whether a key of the root, or a path that begins with one, belongs to it.
    pub(crate) fn has(self, path: &str) -> bool {
        let key = path.split('/').next().unwrap_or_default();
        Self::of(key) == Some(self)
    }
}

/// How much of a part changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extent<'a> {
    Nothing,
    /// Only entries with these keys: told for parts that are one map of entries.
    Entries(BTreeSet<&'a str>),
    All,
}

/// How much of `part` lies at or below the paths from the root; everything without paths.
pub(crate) fn extent(paths: Option<&BTreeSet<Vec<String>>>, part: Part) -> Extent<'_> {
    let Some(paths) = paths else {
        return Extent::All;
    };
    let mut entries = BTreeSet::new();
    for path in paths {
        match path.as_slice() {
            [] => return Extent::All,
            [key, rest @ ..] if Part::of(key) == Some(part) => match rest {
                [entry, ..] if matches!(part, Part::Ratings | Part::Moods) => {
                    entries.insert(entry.as_str());
                }
                _ => return Extent::All,
            },
            _ => {}
        }
    }
    if entries.is_empty() {
        Extent::Nothing
    } else {
        Extent::Entries(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(paths: &[&[&str]], part: Part, expected: Extent<'_>) {
        let owned = |path: &&[&str]| path.iter().map(|key| (*key).to_owned()).collect();
        let paths: BTreeSet<Vec<String>> = paths.iter().map(owned).collect();
        assert_eq!(extent(Some(&paths), part), expected, "{paths:?} {part:?}");
    }

    #[test]
    fn an_extent_is_as_small_as_what_was_touched() {
        let one = || Extent::Entries(BTreeSet::from(["ann/1"]));
        check(&[&["ratings", "ann/1"]], Part::Ratings, one());
        check(&[&["ratings", "ann/1"]], Part::Wording, Extent::Nothing);
        check(
            &[&["ratings"], &["ratings", "ann/1"]],
            Part::Ratings,
            Extent::All,
        );
        check(&[&["steps", "some"]], Part::Steps, Extent::All);
        check(&[&["proposals", "ann/1"]], Part::Wording, Extent::All);
        check(&[&["title"]], Part::Wording, Extent::All);
        check(&[&["unheard of"]], Part::Wording, Extent::Nothing);
        check(&[&[]], Part::Why, Extent::All);
        check(&[], Part::Why, Extent::Nothing);
        assert_eq!(extent(None, Part::Why), Extent::All);
    }
}
