//! A loaded document: automerge's state and what the engine knows about its changes.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::{ActorId, Automerge, Change, ChangeHash};

use crate::attestation::Attestation;
use crate::chunk::{
    Action as RawAction, ChangeChunk, ChunkError, Key, ObjectId, OpId, RawOperation, Value,
};
use crate::evidence::Evidence;
use crate::graph::{Graph, NewNode, OrderError, Position};
use crate::id::DocumentId;
use crate::limits::Limits;
use crate::objects::{Objects, OperationName};
use crate::proofs::Proofs;
use crate::rules::{Action, Operation, PathStep, Scalar};
use crate::storage::{DocumentContent, StagedTransfer};
use crate::touched::Touched;
use crate::{DeviceId, PersonId};

/// From here on it is cheaper to let automerge write all changes in one pass.
pub(crate) const ONE_BY_ONE_MAX: usize = 16;

/// Longest text value that is passed on to rules and histories.
const SCALAR_TEXT_BYTES_MAX: usize = 64;

/// What the engine knows about a document's changes beside automerge's state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) graph: Graph,
    pub(crate) objects: Objects,
    pub(crate) proofs: Proofs,
    /// Bytes of all raw changes.
    pub(crate) bytes: usize,
}

/// See the [module](self).
#[derive(Debug, Clone, Default)]
pub(crate) struct Contents {
    pub(crate) automerge: Automerge,
    pub(crate) facts: Facts,
}

/// Why a stored document cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A stored change is not a change, or was changed after it was stored.
    #[error("change {position} of the stored document is damaged: {source}")]
    Change {
        /// Which one, counted from 0.
        position: usize,
        /// What is wrong.
        source: ChunkError,
    },
    /// A stored change does not fit those before it.
    #[error("change {position} of the stored document does not follow from those before it")]
    Order {
        /// Which one, counted from 0.
        position: usize,
    },
    /// automerge cannot read the changes.
    #[error("the stored document cannot be put together")]
    Unappliable,
    /// The vault could not read it.
    #[error("the document could not be read from the vault")]
    Storage,
}

/// A document read from the vault, ready to be given to the engine.
///
/// Putting it together takes some 30 ms for 5,000 changes: do it on a worker.
#[derive(Debug)]
pub struct LoadedDocument {
    pub(crate) contents: Box<Contents>,
    pub(crate) set_aside: Vec<(ChangeHash, Vec<u8>)>,
    pub(crate) proofs_missing: bool,
    pub(crate) staged: Vec<StagedTransfer>,
}

impl LoadedDocument {
    /// Puts a document together from what the vault keeps.
    ///
    /// # Errors
    /// The vault's content is damaged; nothing is changed.
    pub fn from_content(
        document: DocumentId,
        content: DocumentContent,
        limits: &Limits,
    ) -> Result<Self, LoadError> {
        let mut facts = Facts::default();
        let mut changes = Vec::with_capacity(content.changes.len());
        for (device, salt) in content.salts {
            facts.proofs.add_salt(document, device, salt);
        }
        for (position, bytes) in content.changes.into_iter().enumerate() {
            let chunk = ChangeChunk::parse(&bytes, limits)
                .map_err(|source| LoadError::Change { position, source })?;
            facts
                .push(&chunk)
                .map_err(|_error| LoadError::Order { position })?;
            changes.push(Change::from_bytes(bytes).map_err(|_error| LoadError::Unappliable)?);
        }
        // One that came back by way of the owner is a change like any other.
        let mut seen = BTreeSet::new();
        let set_aside: Vec<(ChangeHash, Vec<u8>)> = content
            .set_aside
            .into_iter()
            .filter_map(|bytes| {
                let hash = ChangeChunk::parse(&bytes, limits).ok()?.hash();
                let apart = !facts.graph.contains(&hash) && seen.insert(hash);
                apart.then_some((hash, bytes))
            })
            .collect();
        let attestations = content.attestations.into_iter();
        let (complete, others): (Vec<_>, Vec<_>) = attestations
            .filter_map(|bytes| Attestation::from_bytes(bytes).ok())
            .filter(|attestation| attestation.document() == document)
            .partition(|attestation| Proofs::is_complete(&facts.graph, attestation));
        facts.proofs.add(&facts.graph, complete);
        let apart = set_aside.iter().map(|(_, chunk)| &**chunk);
        facts.add_evidence(others, apart, limits);
        let mut automerge = Automerge::new();
        let applied = catch_unwind(AssertUnwindSafe(|| {
            automerge.apply_changes(changes).is_ok()
        }));
        if !matches!(applied, Ok(true)) || automerge.get_heads() != facts.graph.heads() {
            return Err(LoadError::Unappliable);
        }
        Ok(Self {
            set_aside,
            proofs_missing: facts.proofs.are_missing(&facts.graph),
            staged: content.staged,
            contents: Box::new(Contents { automerge, facts }),
        })
    }

    /// Heads of all its changes, sorted.
    pub fn heads(&self) -> &[ChangeHash] {
        self.contents.facts.graph.heads()
    }

    /// How many changes it has.
    pub fn len(&self) -> usize {
        self.contents.facts.graph.len()
    }

    /// Whether it has no changes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a change does not fit the document, beyond its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// It is not the next of its actor, or what it depends on is missing.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// It names an operation that it cannot have known.
    #[error("an operation refers to something that is not in the change's past")]
    Reference,
    /// See [`Limits::nesting_max`].
    #[error("objects are nested too deep")]
    Nesting,
    /// See [`Limits::document_heads_max`].
    #[error("the document would have more heads than allowed")]
    Heads,
    /// See [`Limits::document_objects_max`].
    #[error("the document would have more objects than allowed")]
    Objects,
    /// Marks are not read by this version.
    #[error("text marks are not used in this protocol version")]
    Marks,
}

/// Objects a change makes, found while its references were checked.
#[derive(Debug, Default)]
struct NewObjects {
    all: Vec<(OperationName, Option<OperationName>, PathStep, bool)>,
    /// Depth of each, and whether it is a map.
    known: BTreeMap<OperationName, (usize, bool)>,
}

impl Facts {
    /// Adds a change whose form was checked, after checking that it fits: order, references of
    /// its operations and nesting. Nothing is added when it does not.
    pub(crate) fn push_checked(
        &mut self,
        chunk: &ChangeChunk<'_>,
        limits: &Limits,
    ) -> Result<Position, FitError> {
        let node = node_of(chunk);
        self.graph.check(&node)?;
        if self.graph.heads_with(&node) > limits.document_heads_max {
            return Err(FitError::Heads);
        }
        let actors = self.actors_of(chunk);
        let clock = self.graph.clock_below(&node.dependencies);
        let mut made = NewObjects::default();
        for (index, operation) in chunk.operations().enumerate() {
            let counter = chunk.start_op() + index as u64;
            let known = |id: OpId| match (id.actor, actors[id.actor]) {
                (0, _) if id.counter >= chunk.start_op() => id.counter < counter,
                (_, Some(actor)) => self.graph.has_operation(&clock, actor, id.counter),
                (_, None) => false,
            };
            let element = match operation.key {
                Key::Element(id) => Some(id),
                Key::Map(_) | Key::Head => None,
            };
            let mut referred = object_id(operation.object)
                .into_iter()
                .chain(element)
                .chain(operation.predecessors.clone());
            if !referred.all(known) {
                return Err(FitError::Reference);
            }
            self.check_object(&operation, counter, &actors, limits, &mut made)?;
        }
        if self.objects.len() + made.all.len() > limits.document_objects_max {
            return Err(FitError::Objects);
        }
        let position = self.graph.push(node)?;
        for (name, parent, step, is_map) in made.all {
            self.objects.add(name, parent, step, is_map);
        }
        self.bytes += chunk.bytes().len();
        Ok(position)
    }

    /// Checks that an operation works in an object of the right kind, and how deep a new one lies.
    fn check_object(
        &self,
        operation: &RawOperation<'_>,
        counter: u64,
        actors: &[Option<usize>],
        limits: &Limits,
        made: &mut NewObjects,
    ) -> Result<(), FitError> {
        let action = &operation.action;
        if matches!(
            action,
            RawAction::MarkBegin { .. } | RawAction::MarkEnd { .. }
        ) {
            // Whether a mark's ends stand in order is only known once it is applied, and automerge
            // saves one that does not so that it cannot be read again.
            return Err(FitError::Marks);
        }
        let parent = object_id(operation.object)
            .map(|id| name_of(id, actors))
            .transpose()?;
        let just_made = parent.and_then(|name| made.known.get(&name).copied());
        let (depth, is_map) = just_made
            .or_else(|| Some((self.objects.depth(parent)?, self.objects.is_map(parent)?)))
            .ok_or(FitError::Reference)?;
        if is_map != matches!(operation.key, Key::Map(_)) {
            return Err(FitError::Reference);
        }
        if makes_object(action) {
            if depth + 1 > limits.nesting_max {
                return Err(FitError::Nesting);
            }
            let name = name_of(OpId { counter, actor: 0 }, actors)?;
            let is_map = matches!(action, RawAction::MakeMap);
            made.known.insert(name, (depth + 1, is_map));
            made.all
                .push((name, parent, step_of(&operation.key), is_map));
        }
        Ok(())
    }

    /// Adds a change that was admitted before: one of our own, or one read from the vault.
    pub(crate) fn push(&mut self, chunk: &ChangeChunk<'_>) -> Result<Position, FitError> {
        let actors = self.actors_of(chunk);
        let position = self.graph.push(node_of(chunk))?;
        for (index, operation) in chunk.operations().enumerate() {
            if makes_object(&operation.action) {
                let counter = chunk.start_op() + index as u64;
                let parent = object_id(operation.object)
                    .map(|id| name_of(id, &actors))
                    .transpose()?;
                let name = name_of(OpId { counter, actor: 0 }, &actors)?;
                self.objects
                    .add(
                        name,
                        parent,
                        step_of(&operation.key),
                        matches!(operation.action, RawAction::MakeMap),
                    )
                    .ok_or(FitError::Reference)?;
            }
        }
        self.bytes += chunk.bytes().len();
        Ok(position)
    }

    /// Indexes in the graph of the actors a change names; the author's is the one it will get.
    fn actors_of(&self, chunk: &ChangeChunk<'_>) -> Vec<Option<usize>> {
        let author = self
            .graph
            .index_for(&ActorId::from(chunk.actor().as_slice()));
        std::iter::once(Some(author))
            .chain(
                chunk
                    .other_actors()
                    .map(|actor| self.graph.actor_index(&ActorId::from(actor.as_slice()))),
            )
            .collect()
    }

    /// The operations of a change that was added, as rules and histories see them.
    pub(crate) fn operations(
        &self,
        chunk: &ChangeChunk<'_>,
        person_of: impl Fn(DeviceId) -> Option<PersonId>,
    ) -> Vec<Operation> {
        let actors = self.actors_of(chunk);
        let author_of = |id: OpId| {
            let actor = self.graph.actor(actors[id.actor]?);
            person_of(self.proofs.device_of(actor)?)
        };
        chunk
            .operations()
            .filter_map(|operation| {
                let object = object_id(operation.object);
                let parent = object.map(|id| name_of(id, &actors)).transpose().ok()?;
                let mut path = self.objects.path(parent)?;
                path.push(step_of(&operation.key));
                let action = match &operation.action {
                    RawAction::Put(_) if operation.insert => Action::Insert,
                    RawAction::Put(_) => Action::Put,
                    RawAction::Delete => Action::Delete,
                    RawAction::Increment(_) => Action::Increment,
                    action if makes_object(action) => Action::Make,
                    _ => Action::Mark,
                };
                let value = match &operation.action {
                    RawAction::Put(value) => scalar_of(value),
                    _ => None,
                };
                let predecessor_authors = operation.predecessors.map(author_of).collect();
                Some(Operation {
                    path,
                    action,
                    predecessor_authors,
                    value,
                })
            })
            .collect()
    }

    /// Notes where a change that was added did something.
    pub(crate) fn note_touched(&self, chunk: &ChangeChunk<'_>, touched: &mut Touched) {
        let actors = self.actors_of(chunk);
        let mut last = None;
        for operation in chunk.operations() {
            if touched.paths().is_none() {
                return;
            }
            let parent = object_id(operation.object);
            // Letters of one word are operations of their own on one text.
            let in_text = matches!(operation.key, Key::Head | Key::Element(_));
            if in_text && last.replace(parent) == Some(parent) {
                continue;
            }
            let name = parent.map(|id| name_of(id, &actors)).transpose();
            match name.ok().and_then(|name| self.objects.path(name)) {
                Some(mut path) => {
                    path.push(step_of(&operation.key));
                    touched.add(&path);
                }
                None => *touched = Touched::everything(),
            }
        }
    }

    /// Adds what proves changes by way of others that are apart.
    pub(crate) fn add_evidence<'a>(
        &mut self,
        mut attestations: Vec<Attestation>,
        apart: impl IntoIterator<Item = &'a [u8]>,
        limits: &Limits,
    ) {
        if attestations.is_empty() {
            return;
        }
        let unproven = self.proofs.unproven_devices(&self.graph);
        attestations.retain(|attestation| unproven.contains(&attestation.device()));
        let found = Evidence::find(&self.graph, attestations, apart, limits);
        self.proofs
            .add_evidence(&self.graph, found, limits.evidence_bytes_max);
    }

    /// The person and device that made a change, as far as known.
    pub(crate) fn author_device(&self, position: Position) -> Option<DeviceId> {
        let actor = self.graph.actor(self.graph.node(position).actor);
        self.proofs.device_of(actor)
    }
}

impl Contents {
    /// The raw bytes of a change, rebuilt by automerge.
    pub(crate) fn change_bytes(&self, hash: &ChangeHash) -> Option<Vec<u8>> {
        use automerge::ReadDoc;
        self.automerge
            .get_change_by_hash(hash)
            .map(|change| change.raw_bytes().to_vec())
    }

    /// The raw bytes of changes of this document in the order of `hashes`. None of them may lie at
    /// or below `known`.
    pub(crate) fn raw_changes(&self, hashes: &[ChangeHash], known: &[ChangeHash]) -> Vec<Vec<u8>> {
        if hashes.len() <= ONE_BY_ONE_MAX {
            return hashes
                .iter()
                .filter_map(|hash| self.change_bytes(hash))
                .collect();
        }
        let known: Vec<ChangeHash> = known
            .iter()
            .filter(|hash| self.facts.graph.contains(hash))
            .copied()
            .collect();
        let mut bytes: BTreeMap<ChangeHash, Vec<u8>> = self
            .automerge
            .get_changes(&known)
            .into_iter()
            .map(|change| (change.hash(), change.raw_bytes().to_vec()))
            .collect();
        hashes
            .iter()
            .filter_map(|hash| bytes.remove(hash))
            .collect()
    }
}

pub(crate) fn node_of(chunk: &ChangeChunk<'_>) -> NewNode {
    NewNode {
        hash: chunk.hash(),
        actor: ActorId::from(chunk.actor().as_slice()),
        sequence: chunk.seq(),
        start_operation: chunk.start_op(),
        max_operation: chunk.max_op(),
        dependencies: dependencies_of(chunk),
    }
}

fn dependencies_of(chunk: &ChangeChunk<'_>) -> Vec<ChangeHash> {
    chunk.dependencies().collect()
}

fn object_id(object: ObjectId) -> Option<OpId> {
    match object {
        ObjectId::Root => None,
        ObjectId::Op(id) => Some(id),
    }
}

fn name_of(id: OpId, actors: &[Option<usize>]) -> Result<OperationName, FitError> {
    let actor = actors
        .get(id.actor)
        .copied()
        .flatten()
        .ok_or(FitError::Reference)?;
    Ok((actor, id.counter))
}

fn step_of(key: &Key<'_>) -> PathStep {
    match key {
        Key::Map(key) => PathStep::Key((*key).to_owned()),
        Key::Head | Key::Element(_) => PathStep::Element,
    }
}

fn makes_object(action: &RawAction<'_>) -> bool {
    matches!(
        action,
        RawAction::MakeMap | RawAction::MakeList | RawAction::MakeText | RawAction::MakeTable
    )
}

fn scalar_of(value: &Value<'_>) -> Option<Scalar> {
    Some(match value {
        Value::Null => Scalar::Null,
        Value::Boolean(value) => Scalar::Boolean(*value),
        Value::Uint(value) => Scalar::Integer(i64::try_from(*value).ok()?),
        Value::Int(value) | Value::Counter(value) | Value::Timestamp(value) => {
            Scalar::Integer(*value)
        }
        Value::Float(value) => Scalar::Float(*value),
        Value::Text(text) if text.len() <= SCALAR_TEXT_BYTES_MAX => {
            Scalar::Text((*text).to_owned())
        }
        _ => return None,
    })
}
