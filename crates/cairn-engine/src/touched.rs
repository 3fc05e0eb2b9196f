//! Which parts of a document changed, so that a view of it need not be made anew from all of it.

use std::collections::BTreeSet;

use crate::rules::PathStep;

/// Keys from the root that a path is told with: a field, or an entry of a map of entries.
const KEYS_MAX: usize = 2;

/// Paths that are told one by one; beyond them everything counts as touched.
const PATHS_MAX: usize = 64;

/// What changed in a document: paths of one or two keys from its root, or all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    paths: BTreeSet<Vec<String>>,
    everything: bool,
}

impl Touched {
    /// All of a document.
    pub const fn everything() -> Self {
        Self {
            paths: BTreeSet::new(),
            everything: true,
        }
    }

    /// The paths; `None` if anything may have changed.
    pub fn paths(&self) -> Option<&BTreeSet<Vec<String>>> {
        (!self.everything).then_some(&self.paths)
    }

    /// Adds what another change touched.
    pub fn join(&mut self, other: Self) {
        self.everything |= other.everything;
        self.paths.extend(other.paths);
        self.bound();
    }

    /// Adds the place of an operation.
    pub(crate) fn add(&mut self, path: &[PathStep]) {
        if self.everything {
            return;
        }
        let keys = path.iter().map_while(|step| match step {
            PathStep::Key(key) => Some(key.clone()),
            PathStep::Element => None,
        });
        self.paths.insert(keys.take(KEYS_MAX).collect());
        self.bound();
    }

    fn bound(&mut self) {
        if self.everything || self.paths.len() > PATHS_MAX {
            *self = Self::everything();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &[PathStep], expected: &[&str]) {
        let mut touched = Touched::default();
        touched.add(path);
        let paths = touched.paths().unwrap();
        assert_eq!(paths.iter().next().unwrap(), expected);
        assert_eq!(paths.len(), 1);
    }

    #[test]
    fn a_path_is_cut_to_a_field_or_an_entry() {
        let key = |name: &str| PathStep::Key(name.to_owned());
        check(&[key("title"), PathStep::Element], &["title"]);
        check(
            &[key("ratings"), key("ann/1"), key("value")],
            &["ratings", "ann/1"],
        );
        check(&[key("ratings")], &["ratings"]);
        check(&[], &[]);
    }

    #[test]
    fn many_paths_are_everything() {
        let mut touched = Touched::default();
        for number in 0..PATHS_MAX {
            touched.add(&[PathStep::Key(number.to_string())]);
        }
        assert_eq!(touched.paths().unwrap().len(), PATHS_MAX);
        let mut other = Touched::default();
        other.add(&[PathStep::Key("more".to_owned())]);
        touched.join(other);
        assert_eq!(touched, Touched::everything());
        touched.add(&[PathStep::Key("still".to_owned())]);
        assert!(touched.paths().is_none());
    }
}
