//! Growing collections whose copies share what both have.
//!
//! # Role
//! A document is copied for each batch that the gate tries. What only ever grows is kept in two
//! layers: a copy shares the large one and has the few entries that were added since for itself.
//!
//! # Invariants
//! * Entries are never changed or removed.
//! * While nobody shares the large layer, new entries go into it, so the small one stays small.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Index;
use std::sync::Arc;

/// Entries of the small layer from which the large one is copied rather than shared on.
const RECENT_MAX: usize = 256;

/// A list that is appended to.
#[derive(Debug, Clone)]
pub(crate) struct LayeredVec<T> {
    base: Arc<Vec<T>>,
    recent: Vec<T>,
}

impl<T> Default for LayeredVec<T> {
    fn default() -> Self {
        Self {
            base: Arc::default(),
            recent: Vec::new(),
        }
    }
}

impl<T: Clone> LayeredVec<T> {
    pub(crate) fn len(&self) -> usize {
        self.base.len() + self.recent.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        match index.checked_sub(self.base.len()) {
            None => self.base.get(index),
            Some(index) => self.recent.get(index),
        }
    }

    pub(crate) fn push(&mut self, value: T) {
        self.recent.push(value);
        if let Some(base) = own(&mut self.base, self.recent.len()) {
            base.append(&mut self.recent);
        }
    }
}

impl<T: Clone> Index<usize> for LayeredVec<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        self.get(index).expect("positions once given stay")
    }
}

/// A map that is added to.
#[derive(Debug, Clone)]
pub(crate) struct LayeredMap<K, V> {
    base: Arc<HashMap<K, V>>,
    recent: HashMap<K, V>,
}

impl<K, V> Default for LayeredMap<K, V> {
    fn default() -> Self {
        Self {
            base: Arc::default(),
            recent: HashMap::new(),
        }
    }
}

impl<K: Eq + Hash + Clone, V: Clone> LayeredMap<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.base.len() + self.recent.len()
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let recent = if self.recent.is_empty() {
            None
        } else {
            self.recent.get(key)
        };
        recent.or_else(|| self.base.get(key))
    }

    /// Adds an entry under a key that has none yet.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.recent.insert(key, value);
        if let Some(base) = own(&mut self.base, self.recent.len()) {
            base.extend(self.recent.drain());
        }
    }
}

/// The large layer to be changed: at once while nobody shares it, as a copy when much waits.
fn own<C: Clone>(base: &mut Arc<C>, waiting: usize) -> Option<&mut C> {
    if waiting >= RECENT_MAX {
        return Some(Arc::make_mut(base));
    }
    Arc::get_mut(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_grow_apart_and_keep_what_they_had() {
        let mut list = LayeredVec::default();
        let mut map = LayeredMap::default();
        let mut copies = Vec::new();
        for number in 0..2_000_usize {
            if number % 300 == 7 {
                copies.push((number, list.clone(), map.clone()));
            }
            list.push(number);
            map.insert(number, number * 2);
        }
        let whole = |count: usize, list: &LayeredVec<usize>, map: &LayeredMap<usize, usize>| {
            assert_eq!((list.len(), map.len()), (count, count));
            for number in 0..count {
                assert_eq!(list[number], number);
                assert_eq!(map.get(&number), Some(&(number * 2)));
            }
            assert_eq!(list.get(count), None);
            assert_eq!(map.get(&count), None);
        };
        whole(2_000, &list, &map);
        for (count, mut list, mut map) in copies {
            whole(count, &list, &map);
            list.push(count);
            map.insert(count, count * 2);
            whole(count + 1, &list, &map);
        }
        whole(2_000, &list, &map);
    }
}
