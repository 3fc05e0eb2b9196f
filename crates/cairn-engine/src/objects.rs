//! Where every object of a document hangs: paths of operations without asking automerge.
//!
//! An object's place is fixed by the operation that made it, so a path can be told from the
//! changes alone, also below objects that were removed since.

use std::sync::Arc;

use crate::layered::LayeredMap;
use crate::rules::PathStep;

/// Names an operation within a document: the actor's index in the graph and the counter.
pub(crate) type OperationName = (usize, u64);

#[derive(Debug, Clone)]
struct Place {
    parent: Option<OperationName>,
    /// The key in a map; `None` for an element of a list or text.
    key: Option<Arc<str>>,
    depth: usize,
    is_map: bool,
}

/// Every object that a change of the document ever made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    places: LayeredMap<OperationName, Place>,
}

impl Objects {
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// How deep an object lies: 1 for those directly below the root, `None` if unknown.
    pub(crate) fn depth(&self, object: Option<OperationName>) -> Option<usize> {
        match object {
            None => Some(0),
            Some(name) => self.places.get(&name).map(|place| place.depth),
        }
    }

    /// Whether an object is a map, `None` if it is unknown.
    pub(crate) fn is_map(&self, object: Option<OperationName>) -> Option<bool> {
        match object {
            None => Some(true),
            Some(name) => self.places.get(&name).map(|place| place.is_map),
        }
    }

    /// Notes an object. Returns its depth, or `None` if its parent is unknown.
    pub(crate) fn add(
        &mut self,
        name: OperationName,
        parent: Option<OperationName>,
        step: PathStep,
        is_map: bool,
    ) -> Option<usize> {
        let depth = self.depth(parent)? + 1;
        let key = match step {
            PathStep::Key(key) => Some(key.into()),
            PathStep::Element => None,
        };
        self.places.insert(
            name,
            Place {
                parent,
                key,
                depth,
                is_map,
            },
        );
        Some(depth)
    }

    /// The path from the root to an object, or `None` if it is unknown.
    pub(crate) fn path(&self, object: Option<OperationName>) -> Option<Vec<PathStep>> {
        let mut path = Vec::new();
        let mut at = object;
        while let Some(name) = at {
            let place = self.places.get(&name)?;
            path.push(match &place.key {
                Some(key) => PathStep::Key(key.as_ref().to_owned()),
                None => PathStep::Element,
            });
            at = place.parent;
        }
        path.reverse();
        Some(path)
    }
}
