//! The graph of a document's admitted changes: who descends from whom.
//!
//! # Role
//! Answers what automerge keeps to itself: ancestry, clocks, and whether an operation lies within
//! a change's ancestry. Positions are indexes in the order of admission, in which every change
//! comes after its dependencies.
//!
//! # Invariants
//! * Append-only: a position, once given, never changes.
//! * No order ever comes from the hash index, it is only looked up.

use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;

use automerge::{ActorId, ChangeHash};

use crate::layered::{LayeredMap, LayeredVec};

/// Position of a change in its document's graph.
pub(crate) type Position = usize;

/// The parts of a change's header that the graph needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewNode {
    pub(crate) hash: ChangeHash,
    pub(crate) actor: ActorId,
    pub(crate) sequence: u64,
    pub(crate) start_operation: u64,
    pub(crate) max_operation: u64,
    pub(crate) dependencies: Vec<ChangeHash>,
}

/// A change in the graph.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) hash: ChangeHash,
    pub(crate) actor: usize,
    pub(crate) sequence: u64,
    pub(crate) start_operation: u64,
    pub(crate) max_operation: u64,
    /// Where in [`Graph::dependencies`] its dependencies end; they begin where those of the change
    /// before end.
    dependencies_end: usize,
}

/// Why a change does not fit the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// A change it depends on is not here.
    #[error("a change it depends on is missing")]
    DependencyMissing,
    /// Its sequence number is taken or too high.
    #[error("its sequence number is not the next of its actor")]
    Sequence,
    /// Its actor's previous change is not in its past.
    #[error("it does not descend from its actor's previous change")]
    NotDescended,
    /// Its first operation number is not the one after the highest in its past.
    #[error("its first operation number does not follow its dependencies")]
    StartOperation,
}

/// A set of positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cover {
    words: Vec<u64>,
}

impl Cover {
    pub(crate) fn contains(&self, position: Position) -> bool {
        self.words
            .get(position / 64)
            .is_some_and(|word| word & (1 << (position % 64)) != 0)
    }

    /// Adds a position and says whether it was new.
    pub(crate) fn insert(&mut self, position: Position) -> bool {
        let index = position / 64;
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        let bit = 1 << (position % 64);
        let new = self.words[index] & bit == 0;
        self.words[index] |= bit;
        new
    }
}

/// For each actor index the highest sequence number seen; missing means 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Clock(Vec<u64>);

impl Clock {
    pub(crate) fn sequence(&self, actor: usize) -> u64 {
        self.0.get(actor).copied().unwrap_or(0)
    }

    fn raise(&mut self, actor: usize, sequence: u64) {
        if self.0.len() <= actor {
            self.0.resize(actor + 1, 0);
        }
        self.0[actor] = self.0[actor].max(sequence);
    }

    fn merge(&mut self, other: &Self) {
        for (actor, sequence) in other.0.iter().enumerate() {
            if *sequence > 0 {
                self.raise(actor, *sequence);
            }
        }
    }
}

/// Every how many positions a clock is kept: a clock is then at most this many steps and the
/// width of the graph away.
const CHECKPOINT_EVERY: usize = 64;

/// See the [module](self). Copies are cheap: the gate makes one for each batch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Graph {
    nodes: LayeredVec<Node>,
    /// Positions of the dependencies of all changes, one after the other.
    dependencies: LayeredVec<Position>,
    positions: LayeredMap<ChangeHash, Position>,
    actors: LayeredVec<ActorId>,
    actor_indexes: LayeredMap<ActorId, usize>,
    /// For each actor its changes by sequence number, from 1.
    chains: Vec<Arc<Vec<Position>>>,
    heads: Vec<ChangeHash>,
    checkpoints: Vec<Arc<Clock>>,
}

impl Graph {
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn node(&self, position: Position) -> &Node {
        &self.nodes[position]
    }

    /// The changes that a change depends on.
    pub(crate) fn dependencies(&self, position: Position) -> impl Iterator<Item = Position> + '_ {
        let end_of = |before: Position| self.nodes[before].dependencies_end;
        let begin = position.checked_sub(1).map_or(0, end_of);
        (begin..end_of(position)).map(|index| self.dependencies[index])
    }

    pub(crate) fn position(&self, hash: &ChangeHash) -> Option<Position> {
        self.positions.get(hash).copied()
    }

    pub(crate) fn contains(&self, hash: &ChangeHash) -> bool {
        self.positions.get(hash).is_some()
    }

    pub(crate) fn actor(&self, index: usize) -> &ActorId {
        &self.actors[index]
    }

    pub(crate) fn actor_index(&self, actor: &ActorId) -> Option<usize> {
        self.actor_indexes.get(actor).copied()
    }

    /// The change of an actor with a sequence number.
    pub(crate) fn by_sequence(&self, actor: &ActorId, sequence: u64) -> Option<Position> {
        let chain = &self.chains[self.actor_index(actor)?];
        let index = usize::try_from(sequence.checked_sub(1)?).ok()?;
        chain.get(index).copied()
    }

    /// Whether a change of an actor lies at or below one of the given ones.
    pub(crate) fn covers_actor(&self, heads: &[ChangeHash], actor: &ActorId) -> bool {
        self.actor_index(actor)
            .is_some_and(|actor| self.clock_below(heads).sequence(actor) > 0)
    }

    /// The index an actor has or would get with its first change.
    pub(crate) fn index_for(&self, actor: &ActorId) -> usize {
        self.actor_index(actor).unwrap_or(self.actors.len())
    }

    /// Heads, sorted.
    pub(crate) fn heads(&self) -> &[ChangeHash] {
        &self.heads
    }

    /// How many heads there would be with a further change.
    pub(crate) fn heads_with(&self, new: &NewNode) -> usize {
        let joined = self
            .heads
            .iter()
            .filter(|head| new.dependencies.contains(head))
            .count();
        self.heads.len() - joined + 1
    }

    /// Checks a change against the order rules of the gate, without adding it.
    pub(crate) fn check(&self, new: &NewNode) -> Result<(), OrderError> {
        let mut last_operation = 0;
        for dependency in &new.dependencies {
            let position = self
                .position(dependency)
                .ok_or(OrderError::DependencyMissing)?;
            last_operation = last_operation.max(self.nodes[position].max_operation);
        }
        if new.start_operation != last_operation + 1 {
            return Err(OrderError::StartOperation);
        }
        let written = self
            .actor_index(&new.actor)
            .map_or(0, |actor| self.chains[actor].len());
        if new.sequence != written as u64 + 1 {
            return Err(OrderError::Sequence);
        }
        let previous = self
            .actor_index(&new.actor)
            .and_then(|actor| Some((actor, self.nodes[*self.chains[actor].last()?].hash)));
        if let Some((actor, previous)) = previous
            && !new.dependencies.contains(&previous)
        {
            let clock = self.clock_below(&new.dependencies);
            if clock.sequence(actor) != written as u64 {
                return Err(OrderError::NotDescended);
            }
        }
        Ok(())
    }

    /// Adds a change that passed [`check`](Self::check) and gives its position.
    pub(crate) fn push(&mut self, new: NewNode) -> Result<Position, OrderError> {
        self.check(&new)?;
        let position = self.nodes.len();
        let actor = self.actor_index(&new.actor).unwrap_or_else(|| {
            self.actors.push(new.actor.clone());
            self.chains.push(Arc::default());
            self.actor_indexes.insert(new.actor, self.actors.len() - 1);
            self.actors.len() - 1
        });
        self.heads.retain(|head| !new.dependencies.contains(head));
        let place = self.heads.partition_point(|head| *head < new.hash);
        self.heads.insert(place, new.hash);
        Arc::make_mut(&mut self.chains[actor]).push(position);
        self.positions.insert(new.hash, position);
        for dependency in &new.dependencies {
            if let Some(below) = self.position(dependency) {
                self.dependencies.push(below);
            }
        }
        self.nodes.push(Node {
            hash: new.hash,
            actor,
            sequence: new.sequence,
            start_operation: new.start_operation,
            max_operation: new.max_operation,
            dependencies_end: self.dependencies.len(),
        });
        if position % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1 {
            let clock = self.clock(&[position]);
            self.checkpoints.push(Arc::new(clock));
        }
        Ok(position)
    }

    /// The clock of the given positions: they and all below them.
    pub(crate) fn clock(&self, positions: &[Position]) -> Clock {
        let mut clock = Clock::default();
        // The newest first, so that a walk meets a kept clock before it can go past it along
        // another branch; what such a clock covers is not walked.
        let mut covered = Clock::default();
        let mut open: BinaryHeap<Position> = positions.iter().copied().collect();
        let mut last = None;
        while let Some(position) = open.pop() {
            let node = &self.nodes[position];
            let again = last.replace(position) == Some(position);
            if again || covered.sequence(node.actor) >= node.sequence {
                continue;
            }
            let checkpoint = (position % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1)
                .then(|| self.checkpoints.get(position / CHECKPOINT_EVERY))
                .flatten();
            if let Some(checkpoint) = checkpoint {
                covered.merge(checkpoint);
                continue;
            }
            clock.raise(node.actor, node.sequence);
            open.extend(self.dependencies(position));
        }
        clock.merge(&covered);
        clock
    }

    /// The clock below a change with these dependencies; unknown ones are passed over.
    pub(crate) fn clock_below(&self, dependencies: &[ChangeHash]) -> Clock {
        self.clock(&self.positions(dependencies))
    }

    /// Where changes are; unknown ones are passed over.
    pub(crate) fn positions(&self, hashes: &[ChangeHash]) -> Vec<Position> {
        let known = hashes.iter().filter_map(|hash| self.position(hash));
        known.collect()
    }

    /// Whether an operation was made by a change within `clock`.
    pub(crate) fn has_operation(&self, clock: &Clock, actor: usize, counter: u64) -> bool {
        let Some(chain) = self.chains.get(actor) else {
            return false;
        };
        let later = chain.partition_point(|at| self.nodes[*at].start_operation <= counter);
        let Some(position) = later.checked_sub(1).map(|index| chain[index]) else {
            return false;
        };
        let node = &self.nodes[position];
        counter <= node.max_operation && node.sequence <= clock.sequence(actor)
    }

    /// Adds the given changes and all below them to `cover`, calling `visit` for each new one.
    /// Returns false, and adds nothing, if one is unknown.
    ///
    /// `cover` must be closed downwards already; then each position is visited once ever.
    pub(crate) fn cover_down(
        &self,
        hashes: &[ChangeHash],
        cover: &mut Cover,
        mut visit: impl FnMut(Position),
    ) -> bool {
        let mut open = Vec::with_capacity(hashes.len());
        for hash in hashes {
            let Some(position) = self.position(hash) else {
                return false;
            };
            open.push(position);
        }
        while let Some(position) = open.pop() {
            if cover.insert(position) {
                visit(position);
                open.extend(self.dependencies(position));
            }
        }
        true
    }

    /// Positions that are not at or below any of `known`, in order. Unknown hashes are passed
    /// over.
    pub(crate) fn missing_from(&self, known: &[ChangeHash]) -> Vec<Position> {
        let known: Vec<ChangeHash> = known
            .iter()
            .filter(|hash| self.contains(hash))
            .copied()
            .collect();
        let mut cover = Cover::default();
        self.cover_down(&known, &mut cover, |_| {});
        (0..self.len())
            .filter(|position| !cover.contains(*position))
            .collect()
    }

    /// Of the given changes and all below them, those on which none of these is built. Unknown
    /// hashes are passed over.
    pub(crate) fn heads_below(&self, hashes: &[ChangeHash]) -> Vec<ChangeHash> {
        let known = hashes.iter().filter(|hash| self.contains(hash)).copied();
        let known: BTreeSet<ChangeHash> = known.collect();
        let mut below = Cover::default();
        for hash in &known {
            let position = self.position(hash).into_iter();
            let under: Vec<ChangeHash> = position
                .flat_map(|position| self.dependencies(position))
                .map(|dependency| self.nodes[dependency].hash)
                .collect();
            self.cover_down(&under, &mut below, |_| {});
        }
        let heads = known.into_iter().filter(|hash| {
            self.position(hash)
                .is_some_and(|position| !below.contains(position))
        });
        heads.collect()
    }

    /// Heads of the first `count` changes.
    pub(crate) fn heads_of_first(&self, count: usize) -> impl Iterator<Item = ChangeHash> + '_ {
        let mut below = Cover::default();
        for position in 0..count {
            for dependency in self.dependencies(position) {
                below.insert(dependency);
            }
        }
        let heads = (0..count).filter(move |position| !below.contains(*position));
        heads.map(|position| self.nodes[position].hash)
    }

    /// Hashes walked back from the newest change at distances 1, 2, 4, 8 …, newest first: lets a
    /// peer find common ground in a long history with a logarithm of hashes.
    pub(crate) fn samples(&self) -> Vec<ChangeHash> {
        let mut samples = Vec::new();
        let mut distance = 1;
        while let Some(position) = self.len().checked_sub(distance) {
            samples.push(self.nodes[position].hash);
            distance *= 2;
        }
        samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two who write in turn: automerge lets each change depend on the one before and on its
    /// author's own last one.
    fn in_turn(count: u64) -> Graph {
        let mut graph = Graph::default();
        let hash = |number: u64| ChangeHash(*blake3::hash(&number.to_le_bytes()).as_bytes());
        for number in 0..count {
            let below = number.saturating_sub(2)..number;
            graph
                .push(NewNode {
                    hash: hash(number),
                    actor: ActorId::from([u8::try_from(number % 2).unwrap(); 16].as_slice()),
                    sequence: number / 2 + 1,
                    start_operation: number + 1,
                    max_operation: number + 1,
                    dependencies: below.map(hash).collect(),
                })
                .unwrap();
        }
        graph
    }

    #[test]
    fn a_clock_is_the_same_with_and_without_kept_ones() {
        let graph = in_turn(1_000);
        for position in 0..graph.len() {
            let clock = graph.clock(&[position]);
            let made_by = |actor| (0..=position).filter(|at| at % 2 == actor).count() as u64;
            assert_eq!(clock.sequence(0), made_by(0), "{position}");
            assert_eq!(clock.sequence(1), made_by(1), "{position}");
        }
        let both = graph.clock(&[998, 999]);
        assert_eq!((both.sequence(0), both.sequence(1)), (500, 500));
        let mut bare = graph.clone();
        bare.checkpoints.clear();
        assert_eq!(bare.clock(&[777]), graph.clock(&[777]));
    }

    #[test]
    fn the_heads_of_a_beginning_are_those_it_had() {
        let mut graph = Graph::default();
        let whole = in_turn(50);
        for position in 0..50 {
            let heads: Vec<ChangeHash> = whole.heads_of_first(position + 1).collect();
            let node = whole.node(position);
            graph
                .push(NewNode {
                    hash: node.hash,
                    actor: whole.actor(node.actor).clone(),
                    sequence: node.sequence,
                    start_operation: node.start_operation,
                    max_operation: node.max_operation,
                    dependencies: whole
                        .dependencies(position)
                        .map(|below| whole.node(below).hash)
                        .collect(),
                })
                .unwrap();
            assert_eq!(heads, graph.heads());
        }
    }
}
